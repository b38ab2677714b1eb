"""Stage `retouch`: a network learns what of the portrait a film's frame still shows, and where from. [ours]

It learns from films whose true pictures are known: frames as all networks before it finish them, the truth at the size
that they are decoded at, and the portrait at that size, too. A sample is what `face/detail.py` has at hand where it
gives frames the portrait's own resolution, worked out by the same functions.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError, SettingsError
from ..face.crops import pictures
from ..face.detail import DetailTransfer, resized
from ..face.retouch import SMOOTH, retouched
from ..models.presets import ModelPreset
from ..models.retoucher import KIND, PATCH, Retoucher, RetoucherConfig
from .decoder import picture_differences
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .ranges import at_least, shares
from .samples import Sample, chance, random_below
from .source import Clip, Source
from .step_cost import MetaStep, meta
from .vae_anew import as_decoded, places_that_count

_CPU = torch.device("cpu")
_FIELDS = ("made", "fine", "portrait_pictures", "portrait_fine", "face_box", "lip_box", "eyes_mouth")
_TURNED, _LARGER, _ASIDE, _DOWN = 0.025, 0.015, 0.022, 0.018
"""Standard deviations of how a head has moved since its portrait: radians, share of the size, of half the side."""


@dataclass(frozen=True)
class RetouchingSettings:
    """config: of the network · kinds: of clips · first: the share of samples that are of the first kind, where there
    are clips of the others · soft: the share whose portrait is no sharper than the networks saw it · moved: the share
    where the head has moved since the portrait · tinted: the share with other colours · face, eyes, lips: how much more
    these count than the rest, which counts 1.
    """

    loop: LoopSettings
    config: RetoucherConfig = field(default_factory=RetoucherConfig)
    kinds: tuple[str, ...] = ("retouched_rendered", "retouched_drawn")
    first: float = 0.65
    soft: float = 0.25
    moved: float = 0.2
    tinted: float = 0.8
    face: float = 2.0
    eyes: float = 5.0
    lips: float = 5.0

    def __post_init__(self) -> None:
        shares(self, "first", "soft", "moved", "tinted")
        at_least(1, self, "face", "eyes", "lips")
        if not self.kinds:
            raise SettingsError("kinds is empty; name the kinds of clips to learn from.")


def train_retoucher(job: Job, settings: RetouchingSettings) -> None:
    """Writes retoucher.safetensors, in half precision; films with `made` must be there."""
    torch.manual_seed(job.seed)
    network = Retoucher(settings.config)

    def samples(*, held_out: bool) -> RetouchSamples:
        return RetouchSamples(job.source(), settings, held_out=held_out)

    phases = {"main": _phase(Retouching(network, job.autocast))}
    record = job.train("retouch", phases, settings.loop, samples, settings)
    whole = Retoucher(settings.config)
    whole.load_state_dict(whole_state(network))
    job.save(KIND, KIND, whole, settings.config, record, half=True)


class RetouchSamples:
    """One sample: a `frame` [1, 3, s, s] as the networks before made it, the `picture` [1, 3, s, s] that it was made
    of, the frame with the picture's detail where that holds, `base` [1, 3, s, s], where a change is `believed` [1, 1,
    s, s], the true picture as `target` [1, 3, s, s] and where it counts, `weight` [1, 1, s, s].
    """

    def __init__(self, source: Source, settings: RetouchingSettings, *, held_out: bool) -> None:
        """Raises InputError where there are no such films, SettingsError where the network cannot take their size."""
        self._source, self._settings = source, settings
        found = [source.clips(kind, *_FIELDS, held_out=held_out) for kind in settings.kinds]
        if not any(found):
            source.some_clips(settings.kinds[0], *_FIELDS, held_out=held_out)  # says what is missing
        self._first, self._others = found[0], [clip for clips in found[1:] for clip in clips]
        for clip in (*self._first, *self._others):
            _check_side(clip, settings.config)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        settings = self._settings
        first = chance(settings.first, generator)
        clips = (self._first if first else self._others) or self._first or self._others
        clip = clips[random_below(len(clips), generator)]
        row = random_below(clip.frames, generator)
        frame = self._pictures(clip, "made", row)
        side = frame.shape[-1]
        still = resized(self._pictures(clip, "portrait_pictures", 0), frame.shape[-2:])
        soft = chance(settings.soft, generator)
        picture = still if soft else self._pictures(clip, "portrait_fine", 0, side)
        if chance(settings.moved, generator):
            picture, still = moved((picture, still), generator)
        transfer = DetailTransfer(colours=False)
        sample = {"frame": frame, "picture": picture, "base": transfer(frame, picture, still)}
        sample["target"] = self._pictures(clip, "fine", row, side)
        if chance(settings.tinted, generator):
            sample = dict(zip(sample, tinted(tuple(sample.values()), generator)))
        sample |= {"believed": transfer.believed, "weight": self._weight(clip, row, side)}
        if chance(0.5, generator):
            sample = {name: value.flip(-1) for name, value in sample.items()}
        return sample

    def _pictures(self, clip: Clip, name: str, row: int, side: int = 0) -> Tensor:
        pixels = self._source.read(clip, name, row, row + 1)
        return pictures((as_decoded(pixels, side) if side else pixels).numpy(), _CPU)

    def _weight(self, clip: Clip, row: int, side: int) -> Tensor:
        scale = side / clip.field("portrait_pictures").shape[1]
        face, lips, spots = (
            scale * self._source.read(clip, name, row, row + 1).float()
            for name in ("face_box", "lip_box", "eyes_mouth")
        )
        counts = {name: getattr(self._settings, name) for name in ("face", "lips", "eyes")}
        return places_that_count(torch.ones(1, side, side), (face, lips), spots, **counts)[None]


class Retouching(nn.Module):
    """How far frames are from the true pictures once they are retouched, and `of_base`: as a part of how far they were
    before.
    """

    def __init__(self, network: Retoucher, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.network, self._autocast = network, autocast

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        frame, picture, base = batch["frame"], batch["picture"], batch["base"]
        with self._autocast():
            told = self.network(frame, picture)
        seen = retouched(told, frame, picture, picture, base, batch["believed"])
        loss, figures = picture_differences(seen, batch["target"], batch["weight"])
        with torch.no_grad():
            before, _ = picture_differences(base, batch["target"], batch["weight"])
        return Outcome(loss, {"loss": loss, "of_base": loss / before, **figures})


def moved(shown: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Pictures [1, 3, s, s], all alike, with the head a little turned, nearer and elsewhere."""
    turn, nearer, aside, down = (
        torch.randn(4, generator=generator) * torch.tensor([_TURNED, _LARGER, _ASIDE, _DOWN])
    ).tolist()
    across, up = (1 + nearer) * math.cos(turn), (1 + nearer) * math.sin(turn)
    grid = F.affine_grid(torch.tensor([[[across, -up, aside], [up, across, down]]]), list(shown[0].shape), False)
    return tuple(
        F.grid_sample(each, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)
        for each in shown
    )


def tinted(shown: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Pictures [1, 3, s, s], all alike, in other colours and another light. Not clamped: what one picture would lose
    by it, another of the same sample would not.
    """
    mix = torch.eye(3) + 0.12 * torch.randn(3, 3, generator=generator)
    if chance(0.3, generator):
        mix = mix[torch.randperm(3, generator=generator)]
    gain = 1 + 0.25 * (torch.rand(3, 1, 1, generator=generator) - 0.5) * (1 + torch.rand(1, generator=generator))
    lift = 0.12 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
    return tuple(torch.einsum("dc,nchw->ndhw", mix, each - 0.5) * gain + 0.5 + lift for each in shown)


def retouching_step(preset: ModelPreset, settings: RetouchingSettings) -> MetaStep:
    """A step of it on shapes alone."""
    side = preset.sampling.size * preset.vae.finer

    def phase() -> Phase:
        return _phase(Retouching(Retoucher(settings.config, device="meta"), contextlib.nullcontext))

    def batch(count: int) -> Sample:
        shown = {name: meta(count, 3, side, side) for name in ("frame", "picture", "base", "target")}
        return {**shown, **{name: meta(count, 1, side, side) for name in ("believed", "weight")}}

    return MetaStep(phase, batch, settings.loop)


def _phase(objective: Retouching) -> Phase:
    return Phase(objective, decay=1e-4)


def _check_side(clip: Clip, config: RetoucherConfig) -> None:
    side, fine = clip.field("made").shape[1], clip.field("fine").shape[1]
    multiple = math.lcm(PATCH * 2 ** (len(config.channels) - 1), SMOOTH)
    if side % multiple:
        raise SettingsError(
            f"The frames of {clip.id} are {side} pixels wide, and a retoucher of {len(config.channels)} levels takes "
            f"multiples of {multiple}; give its config fewer channels."
        )
    if fine % side:
        raise InputError(
            f"The true pictures of {clip.id} are {fine} pixels wide, which is no multiple of its frames' {side}; make "
            "them at the size that the weights decode at."
        )
