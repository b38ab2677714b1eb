"""The motion encoder learns to read people as it reads their drawn twins, who do the same. [ours]

It was taught by drawn heads alone (`training/trunk.py`), and what follows it, V-AID, codebook and backbone, knows
latents as it reads them off those. So nothing of that is taught anew: what a frozen copy says of the twin is what the
encoder has to say of the person, while it goes on saying the same of the twin.
"""

import contextlib
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..face.crops import pictures
from ..layers.batch_norm import BatchNorm1d
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..types import MotionLatents
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .ranges import at_least
from .samples import Sample, random_below
from .source import Source
from .trunk import augment

_CPU = torch.device("cpu")
_LESSER = 0.3  # weight of pose and eye, which nothing that samples a film reads


@dataclass(frozen=True)
class TwinReadingSettings:
    """kinds: of clips that have a `twin` · identity: how much it counts that a person's identity is read like a drawn
    one, although the twin is somebody else: what V-AID is told of a person should be like what it knows.
    """

    loop: LoopSettings
    kinds: tuple[str, ...] = ("rendered_stills", "rendered_turned")
    identity: float = 0.1

    def __post_init__(self) -> None:
        at_least(0, self, "identity")


def train_twin_readings(job: Job, settings: TwinReadingSettings) -> None:
    """Writes motion_encoder.safetensors, which must be there, anew, and the same as training/twins."""
    config = job.preset.motion_encoder
    encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, MotionEncoderConfig, expected=config)
    torch.manual_seed(job.seed)
    objective = ReadingTwins(encoder, settings.identity, job.autocast)

    def pairs(*, held_out: bool) -> TwinPictures:
        return TwinPictures(job.source(), settings.kinds, held_out=held_out)

    record = job.train("twins", {"main": Phase(objective, skips=True)}, settings.loop, pairs, settings)
    whole = MotionEncoder(config).to(job.device)
    whole.load_state_dict(whole_state(encoder))
    licence = job.licence("motion_encoder", "motion_encoder")
    for name in ("motion_encoder", "training/twins"):
        job.save(name, "motion_encoder", whole.eval(), config, record, licence=licence)


class TwinPictures:
    """One sample: a person's picture as another camera would show it [1, 3, s, s], and the twin's as it is."""

    def __init__(self, source: Source, kinds: tuple[str, ...], *, held_out: bool) -> None:
        fields = ("pictures", "twin")
        self._source = source
        self._clips = [clip for kind in kinds for clip in source.clips(kind, *fields, held_out=held_out)]
        self._clips = self._clips or source.some_clips(kinds[0], *fields, held_out=held_out)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clip = self._clips[random_below(len(self._clips), generator)]
        frame = random_below(clip.frames, generator)
        person, twin = (
            pictures(self._source.read(clip, name, frame, frame + 1).numpy(), _CPU) for name in ("pictures", "twin")
        )
        return {"faces": augment(person, generator), "twin": twin}


class ReadingTwins(nn.Module):
    """Squared distance of all latents from those that the encoder, as it began, reads off the twins."""

    def __init__(
        self, encoder: MotionEncoder, identity: float, autocast: Callable[[], contextlib.AbstractContextManager]
    ) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(True)
        self._teacher = (copy.deepcopy(encoder).requires_grad_(False).eval(),)  # in a tuple: it learns nothing
        self._identity, self._autocast = identity, autocast

    def train(self, mode: bool = True) -> "ReadingTwins":
        """Batch norms keep what they measured on drawn heads alone, as the teacher does."""
        super().train(mode)
        for module in self.encoder.modules():
            if isinstance(module, BatchNorm1d):
                module.eval()
        return self

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        faces, twins = batch["faces"], batch["twin"]
        with self._autocast():
            with torch.no_grad():
                wanted = self._teacher[0](twins)
            read = self.encoder(torch.cat((faces, twins)))
        people = _distances(read, wanted, slice(None, len(faces)))
        kept = torch.stack([*_distances(read, wanted, slice(len(faces), None)).values()]).sum()
        told = people["lip"] + people["expression"] + _LESSER * (people["pose"] + people["eye"])
        loss = told + self._identity * people["identity"] + kept
        return Outcome(loss, {"loss": loss, "lip": people["lip"], "expression": people["expression"], "kept": kept})


def _distances(read: MotionLatents, wanted: MotionLatents, rows: slice) -> dict[str, torch.Tensor]:
    """Per latent, in the variance of what is wanted: 1 is a guess of the mean."""
    found = {}
    for name in ("lip", "expression", "pose", "eye", "identity"):
        target = getattr(wanted, name).float()
        spread = target.var(0).mean().clamp_min(1e-6)
        found[name] = F.mse_loss(getattr(read, name)[rows].float(), target) / spread
    return found
