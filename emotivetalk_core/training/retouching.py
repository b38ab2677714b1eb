"""Stage `retouch`: a network learns what of the portrait a film's frame still shows, and where from. [ours]

It learns from films whose true pictures are known: frames as all networks before it finish them, the truth at the size
that they are decoded at, and the portrait at that size, too. A sample is what `face/detail.py` has at hand where it
gives frames the portrait's own resolution, worked out by the same functions.

A film that speech drives is less sure of its mouth than one whose truth is known, and nearest to all that an unsure
mouth might be is a mouth that hardly opens. So some samples have a mouth between two frames', of which the truth is
hardly asked; how light mouths are, coarsely, stays the frame's; and a judge wants to see true pictures.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError, SettingsError
from ..face.crops import pictures
from ..face.detail import DetailTransfer
from ..face.resizing import resized
from ..face.retouch import SMOOTH, retouched
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..models.presets import ModelPreset
from ..models.retoucher import KIND, PATCH, Retoucher, RetoucherConfig
from .decoder import Judging, picture_differences
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .patch_judge import Judged, PatchJudge
from .ranges import at_least, shares
from .samples import Sample, chance, random_below
from .source import Clip, Source
from .step_cost import MetaStep, meta
from .vae_anew import as_decoded, places_that_count

_CPU = torch.device("cpu")
_FIELDS = ("made", "fine", "portrait_pictures", "portrait_fine", "face_box", "lip_box", "eyes_mouth")
_TURNED, _LARGER, _ASIDE, _DOWN = 0.025, 0.015, 0.022, 0.018
"""Standard deviations of how a head has moved since its portrait: radians, share of the size, of half the side."""
_NEXT = 2
"""Rows away that the other frame of a mouth between two may be."""
_HARDLY = 0.2
"""Of the weight of a mouth whose truth is none."""


@dataclass(frozen=True)
class RetouchingSettings:
    """config: of the network · kinds: of clips · first: the share of samples that are of the first kind, where there
    are clips of the others · soft: the share whose portrait is no sharper than the networks saw it · moved: the share
    where the head has moved since the portrait · blended: of the others, the share whose mouth lies between two
    frames' · tinted: the share with other colours · face, eyes, lips: how much more these count than the rest, which
    counts 1 · kept: weight of how light the mouth is · latents: weight of what the motion encoder reads, in its
    variance · judged, judged_from: as DecoderSettings'.
    """

    loop: LoopSettings
    config: RetoucherConfig = field(default_factory=RetoucherConfig)
    kinds: tuple[str, ...] = ("retouched_rendered", "retouched_drawn")
    first: float = 0.65
    soft: float = 0.25
    moved: float = 0.2
    blended: float = 0.3
    tinted: float = 0.8
    face: float = 2.0
    eyes: float = 5.0
    lips: float = 5.0
    kept: float = 0.4
    latents: float = 0.003
    judged: float = 0.01
    judged_from: float = 0.15

    def __post_init__(self) -> None:
        shares(self, "first", "soft", "moved", "blended", "tinted", "judged_from")
        at_least(1, self, "face", "eyes", "lips")
        at_least(0, self, "kept", "latents", "judged")
        if not self.kinds:
            raise SettingsError("kinds is empty; name the kinds of clips to learn from.")


def train_retoucher(job: Job, settings: RetouchingSettings) -> None:
    """Writes retoucher.safetensors, in half precision; films with `made` and the motion encoder must be there."""
    torch.manual_seed(job.seed)
    network, judge = Retoucher(settings.config), PatchJudge()
    encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, MotionEncoderConfig)
    objective = Retouching(network, settings, job.autocast, judge, encoder, job.preset.sampling.size)

    def samples(*, held_out: bool) -> RetouchSamples:
        return RetouchSamples(job.source(), settings, held_out=held_out)

    phases = {"main": _phase(objective), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("retouch", phases, settings.loop, samples, settings)
    whole = Retoucher(settings.config)
    whole.load_state_dict(whole_state(network))
    job.save(KIND, KIND, whole, settings.config, record, half=True)


class RetouchSamples:
    """One sample: a `frame` [1, 3, s, s] as the networks before made it, the `picture` [1, 3, s, s] that it was made
    of, the frame with the picture's detail where that holds, `base` [1, 3, s, s], where a change is `believed` [1, 1,
    s, s], the true picture as `target` [1, 3, s, s], where it counts, `weight` [1, 1, s, s], and `mouth` [1, 1, s, s].
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
        weight, mouth = self._weight(clip, row, side), self._mouth(clip, row, side)
        if chance(settings.moved, generator):
            picture, still = moved((picture, still), generator)
        elif chance(settings.blended, generator):
            other = min(max(row + random_below(2 * _NEXT + 1, generator) - _NEXT, 0), clip.frames - 1)
            frame = blended(frame, self._pictures(clip, "made", other), mouth)
            weight = weight * (1 - (1 - _HARDLY) * mouth)
        transfer = DetailTransfer(colours=False)
        sample = {"frame": frame, "picture": picture, "base": transfer(frame, picture, still)}
        sample["target"] = self._pictures(clip, "fine", row, side)
        if chance(settings.tinted, generator):
            sample = dict(zip(sample, tinted(tuple(sample.values()), generator)))
        sample |= {"believed": transfer.believed, "weight": weight, "mouth": mouth}
        if chance(0.5, generator):
            sample = {name: value.flip(-1) for name, value in sample.items()}
        return sample

    def _pictures(self, clip: Clip, name: str, row: int, side: int = 0) -> Tensor:
        pixels = self._source.read(clip, name, row, row + 1)
        return pictures((as_decoded(pixels, side) if side else pixels).numpy(), _CPU)

    def _weight(self, clip: Clip, row: int, side: int) -> Tensor:
        counts = {name: getattr(self._settings, name) for name in ("face", "lips", "eyes")}
        return self._places(clip, row, side, **counts)

    def _mouth(self, clip: Clip, row: int, side: int) -> Tensor:
        return self._places(clip, row, side, face=1.0, lips=2.0, eyes=1.0) - 1

    def _places(self, clip: Clip, row: int, side: int, *, face: float, lips: float, eyes: float) -> Tensor:
        scale = side / clip.field("portrait_pictures").shape[1]
        of_face, of_lips, spots = (
            scale * self._source.read(clip, name, row, row + 1).float()
            for name in ("face_box", "lip_box", "eyes_mouth")
        )
        ones = torch.ones(1, side, side)
        return places_that_count(ones, (of_face, of_lips), spots, face=face, lips=lips, eyes=eyes)[None]


class Retouching(Judged):
    """How far frames are from the true pictures once they are retouched, and `of_base`: as a part of how far they were
    before; how light their mouths are, against the frame; what the motion encoder reads, against the truth; and the
    judge's word. judge, encoder: None where nothing is asked of them; the encoder sees `size` pixels.
    """

    def __init__(
        self,
        network: Retoucher,
        settings: RetouchingSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
        judge: PatchJudge | None = None,
        encoder: MotionEncoder | None = None,
        size: int = 0,
    ) -> None:
        super().__init__(
            judge or PatchJudge(), settings.judged if judge else 0.0, settings.judged_from * settings.loop.steps
        )
        self.network, self._settings, self._autocast, self._size = network, settings, autocast, size
        frozen = None if encoder is None or not settings.latents else encoder.requires_grad_(False).eval()
        self._encoder = (frozen,)  # in a tuple: it learns nothing

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        frame, picture, base, target = (batch[name] for name in ("frame", "picture", "base", "target"))
        with self._autocast():
            told = self.network(frame, picture)
        seen = retouched(told, frame, picture, picture, base, batch["believed"])
        loss, figures = picture_differences(seen, target, batch["weight"])
        with torch.no_grad():
            before, _ = picture_differences(base, target, batch["weight"])
        figures = {"of_base": loss / before, **figures, "kept": lightness_off(seen, frame, batch["mouth"])}
        loss = loss + self._settings.kept * figures["kept"]
        if self._encoder[0] is not None:
            figures["latents"] = self._misread(self._encoder[0], seen, target)
            loss = loss + self._settings.latents * figures["latents"]
        return self.outcome(loss, figures, seen, target)

    def _misread(self, encoder: MotionEncoder, seen: Tensor, target: Tensor) -> Tensor:
        """Squared distance of lip and expression latents, in the variance of what is wanted."""
        read, wanted = (F.interpolate(shown, size=(self._size, self._size), mode="area") for shown in (seen, target))
        with self._autocast():
            with torch.no_grad():
                told = encoder(wanted)
            found = encoder(read)
        off = torch.zeros((), device=seen.device)
        for name in ("lip", "expression"):
            latents = getattr(told, name).float()
            spread = latents.var(0).mean().clamp_min(1e-6) if len(latents) > 1 else 1.0
            off = off + F.mse_loss(getattr(found, name).float(), latents) / spread
        return off


def lightness_off(seen: Tensor, frame: Tensor, mouth: Tensor) -> Tensor:
    """How far pictures [n, 3, s, s] are from others in light, within `mouth` [n, 1, s, s], by squares of SMOOTH pixels.

    Squares, so that lips may have another edge, and light alone, so that they may have another colour.
    """
    off, inside = (F.avg_pool2d(each, SMOOTH) for each in ((seen - frame).mean(1, keepdim=True), mouth))
    return (off.abs() * inside).sum() / inside.sum().clamp_min(1e-6)


def blended(frame: Tensor, other: Tensor, mouth: Tensor) -> Tensor:
    """The frame with a mouth halfway to another frame's, all [1, c, s, s]; softly, beyond the mouth's box, too."""
    reach = 2 * SMOOTH
    softly = F.avg_pool2d(mouth, reach + 1, stride=1, padding=reach // 2)
    return frame + softly / 2 * (other - frame)


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
        return _phase(Retouching(Retoucher(settings.config, device="meta"), settings, contextlib.nullcontext))

    def batch(count: int) -> Sample:
        shown = {name: meta(count, 3, side, side) for name in ("frame", "picture", "base", "target")}
        return {**shown, **{name: meta(count, 1, side, side) for name in ("believed", "weight", "mouth")}}

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
