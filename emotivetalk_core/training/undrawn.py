"""Latents of clips that were heard and never drawn, for V-AID. [ours]

The projector and Di-CTE need many voices and sentences, and drawing a clip takes a hundred times as long as speaking
it. What the drawing would have been fed is known for every clip, though, and so a small network learns from the drawn
clips which l_v and e_v a face has, given what it does; it says them for the others. Of unseen drawn clips it explains
four fifths of how the lip latent moves and nine tenths of the expression latent; the rest is whose face it is, which
nobody can hear.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import Linear

from ..weight_files.checkpoint import save_checkpoint
from .features import Compute, add_fields, add_readings
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .ranges import at_least
from .samples import Sample
from .source import Clip, Source

TRUTH = ("mouth", "action_units", "pose", "eye")
"""What a face does: articulation, action units, pose, eyes."""
WIDTH = 256


@dataclass(frozen=True)
class UndrawnSettings:
    """drawn, heard: the kinds of clips that it learns from, and that it speaks of · frames: of a sample, each of any
    clip.
    """

    loop: LoopSettings
    drawn: str = "clips"
    heard: str = "speech"
    frames: int = 64

    def __post_init__(self) -> None:
        at_least(1, self, "frames")


@dataclass(frozen=True)
class TruthReaderConfig:
    """truth, latents: widths of what goes in and comes out."""

    truth: int
    latents: int
    width: int = WIDTH


def add_undrawn(job: Job, settings: UndrawnSettings) -> None:
    """Writes the fields lip and expression of the clips that were only heard, and `training/undrawn`, what said
    them.
    """
    add_readings(job, (settings.drawn,))
    source, config = job.source(), job.preset.motion_encoder
    clips = source.some_clips(settings.drawn, *TRUTH, "lip", "expression")
    truth = torch.cat([_truth(source, clip) for clip in clips])
    torch.manual_seed(job.seed)
    reader_config = TruthReaderConfig(truth.shape[1], config.lip_dim + config.expression_dim)
    reader = TruthReader(reader_config)
    reader.mean.copy_(truth.mean(0))
    spread = truth.std(0)  # what never changes says nothing
    reader.deviation.copy_(torch.where(spread > 1e-5, spread, torch.ones_like(spread)))

    def frames(*, held_out: bool) -> Frames:
        return Frames(job.source(), settings, held_out=held_out)

    phase = Phase(Saying(reader), decay=1e-3)
    record = job.train("undrawn", {"main": phase}, settings.loop, frames, settings)
    whole = TruthReader(reader_config)
    whole.load_state_dict(whole_state(reader))
    whole.to(job.device).eval()

    def prepare() -> Compute:
        def compute(clip: Clip) -> Mapping[str, torch.Tensor]:
            said = whole(_truth(source, clip).to(job.device)).cpu()
            return {"lip": said[:, : config.lip_dim], "expression": said[:, config.lip_dim :]}

        return compute

    heard = source.clips(settings.heard, *TRUTH, held_out=None)
    add_fields(job, "undrawn", heard, ["lip", "expression"], prepare)
    if job.engine.processes.first:
        save_checkpoint(job.weights("training/undrawn"), "undrawn", whole, reader_config, record)
    job.engine.processes.wait()


def _truth(source: Source, clip: Clip) -> torch.Tensor:
    """What a face does [n, d]."""
    return _fields(source, clip, TRUTH)


def _fields(source: Source, clip: Clip, names: tuple[str, ...]) -> torch.Tensor:
    """Side by side [n, d]."""
    return torch.cat([source.read(clip, name).float() for name in names], -1)


class Frames:
    """Random frames of all clips: what the face does, and its latents. All of them lie in memory, a few hundred bytes
    each: to read a clip for every frame would take longer than to learn from it.
    """

    def __init__(self, source: Source, settings: UndrawnSettings, *, held_out: bool) -> None:
        clips = source.some_clips(settings.drawn, *TRUTH, "lip", "expression", held_out=held_out)
        self._frames = settings.frames
        self._truth = torch.cat([_truth(source, clip) for clip in clips])
        self._latents = torch.cat([_fields(source, clip, ("lip", "expression")) for clip in clips])

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        rows = torch.randint(len(self._truth), (self._frames,), generator=generator)
        return {"truth": self._truth[rows], "latents": self._latents[rows]}


class Saying(nn.Module):
    """How far the latents that are said lie from those that were seen."""

    def __init__(self, reader: "TruthReader") -> None:
        super().__init__()
        self.reader = reader

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        loss = (self.reader(batch["truth"]) - batch["latents"]).square().mean()
        return Outcome(loss, {"loss": loss})


class TruthReader(nn.Module):
    """What a face does [..., truth] -> its latents [..., latents]."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, config: TruthReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.truth))
        self.register_buffer("deviation", torch.ones(config.truth))
        self.layers = nn.Sequential(
            Linear(config.truth, config.width),
            nn.GELU(),
            Linear(config.width, config.width),
            nn.GELU(),
            Linear(config.width, config.latents),
        )

    def forward(self, truth: torch.Tensor) -> torch.Tensor:
        return self.layers((truth - self.mean) / self.deviation)
