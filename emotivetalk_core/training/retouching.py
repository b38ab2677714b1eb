"""Stage `retouch`: a network learns what of the portrait a film's frame still shows, and where from. [ours]

It learns from films whose true pictures are known: frames as all networks before it finish them, the truth at the size
that they are decoded at, and the portrait at that size, too. A sample is what `face/detail.py` has at hand where it
gives frames the portrait's own resolution, worked out by the same functions.

Of rendered people more is known: from where in the portrait each place of the truth came, and whether it was seen there
at all (`synthesis/people/correspondence.py`). So the network first learns these alone, which is quick, and then how
the pictures come to look; a network that has only pictures to learn from blurs what moved far, for a pixel's error says
nothing of where the right one lies.
"""

import contextlib
import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError, SettingsError
from ..face.crops import pictures
from ..face.detail import DetailTransfer, around_lips
from ..face.resizing import resized
from ..face.retouch import SMOOTH, Retouch, retouched
from ..models.presets import ModelPreset
from ..models.retoucher import KIND, PATCH, Retoucher, RetoucherConfig
from .altered_faces import face_form, head_turn, moved, moved_offset, reshaped, reshaped_offset, tinted
from .decoder import Judging, picture_differences
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .patch_judge import Judged, PatchJudge
from .portrait_rows import UNSURE, BlinkingRows, mean_where, motion_width
from .ranges import at_least, shares
from .samples import Sample, chance, random_below
from .source import Clip, Source
from .starting import to_train
from .step_cost import MetaStep, meta
from .vae_anew import as_decoded, places_that_count

_CPU = torch.device("cpu")
_SURE = 1e-4
_FIELDS = (
    "made",
    "fine",
    "portrait_pictures",
    "portrait_fine",
    "face_box",
    "lip_box",
    "eyes_mouth",
    "lip",
    "expression",
)
_WHENCE = ("offset", "visible", "known")
_UNTOLD = 8
"""Every so many steps the network is told nothing of the motion, for some who ask it do not know it."""


@dataclass(frozen=True)
class RetouchingSettings:
    """config: of the network, whose motion is that of the preset · kinds: of clips · first: the share of samples that
    are of the first kind, where there are clips of the others · soft: the share whose portrait is no sharper than the
    networks saw it · moved: the share where the head has moved since the portrait · reshaped, tinted: the shares whose
    faces have another form, and other colours · blinking: the share whose frame is drawn the likelier, the further
    its eyes look from the portrait's, as in a blink · face, eyes, lips: how much more these count than the rest, which
    counts 1 · hidden: how much more than the rest of eyes and mouth counts what the portrait did not show of them ·
    whence: the share of the steps, the first ones, in which it is learnt alone from where in the portrait places came ·
    offset: weight of that, for an error of one pixel · visible: weight of whether they were seen there · judged,
    judged_from: as DecoderSettings', of eyes and mouths alone · start: the weights that it begins with, "" for none ·
    kept: how much it counts away from eyes and mouth to show what the network it begins with did, where the truth
    counts 1.
    """

    loop: LoopSettings
    config: RetoucherConfig = RetoucherConfig(offsets=2)
    kinds: tuple[str, ...] = ("retouched_rendered", "retouched_drawn")
    first: float = 0.65
    soft: float = 0.25
    moved: float = 0.2
    reshaped: float = 0.6
    tinted: float = 0.8
    blinking: float = 0.4
    hidden: float = 2.0
    face: float = 2.0
    eyes: float = 5.0
    lips: float = 8.0
    whence: float = 0.5
    offset: float = 0.03
    visible: float = 0.03
    judged: float = 0.01
    judged_from: float = 0.6
    start: str = ""
    kept: float = 0.0

    def __post_init__(self) -> None:
        shares(self, "first", "soft", "moved", "reshaped", "tinted", "blinking", "whence", "judged_from")
        at_least(1, self, "face", "eyes", "lips")
        at_least(0, self, "hidden", "offset", "visible", "judged", "kept")
        if not self.kinds:
            raise SettingsError("kinds is empty; name the kinds of clips to learn from.")
        if self.kept and not self.start:
            raise SettingsError(
                f"kept is {self.kept:g} and start is empty, so there is nothing to keep; give start, or kept 0."
            )


def train_retoucher(job: Job, settings: RetouchingSettings) -> None:
    """Writes retoucher.safetensors, in half precision; films with `made` must be there."""
    torch.manual_seed(job.seed)
    settings = of_preset(settings, job.preset)
    network, judge = to_train(job, settings.start, KIND, Retoucher, settings.config), PatchJudge()
    before = copy.deepcopy(network) if settings.kept else None
    objective = Retouching(network, settings, job.autocast, judge, before)

    def samples(*, held_out: bool) -> RetouchSamples:
        return RetouchSamples(job.source(), settings, held_out=held_out)

    phases = {"main": _phase(objective), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("retouch", phases, settings.loop, samples, settings)
    whole = Retoucher(settings.config)
    whole.load_state_dict(whole_state(network))
    job.save(KIND, KIND, whole, settings.config, record, half=True)


def of_preset(settings: RetouchingSettings, preset: ModelPreset) -> RetouchingSettings:
    """With a network that is told as many latents as the preset's motion encoder reads."""
    return replace(settings, config=replace(settings.config, motion=motion_width(preset)))


class RetouchSamples:
    """One sample: a `frame` [1, 3, s, s] as the networks before made it, the `motion` [1, d] that it was made to
    show, NaN where the network is not told, the `picture` [1, 3, s, s] that it was made of, the frame with the
    picture's detail where that holds, `base` [1, 3, s, s], where a change is `believed` [1, 1, s, s], the true
    picture as `target` [1, 3, s, s], where it counts, `weight` [1, 1, s, s], and where eyes and mouth are, `spots` [1,
    1, s, s]; from where in the picture places of the truth came, `offset` [1, 2, p, p] as a Retouch has it, whether
    they were seen there, `visible` [1, 1, s, s], and where that is `known` [1, 1, s, s].
    """

    def __init__(self, source: Source, settings: RetouchingSettings, *, held_out: bool) -> None:
        """Raises InputError where there are no such films, SettingsError where the network cannot take their size."""
        self._source, self._settings = source, settings
        found = [source.clips(kind, *_FIELDS, held_out=held_out) for kind in settings.kinds]
        if not any(found):
            source.some_clips(settings.kinds[0], *_FIELDS, held_out=held_out)  # says what is missing
        self._first, self._others = found[0], [clip for clips in found[1:] for clip in clips]
        self._rows = BlinkingRows(settings.blinking, self._eyes_changed)
        for clip in (*self._first, *self._others):
            _check(clip, settings.config)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        settings = self._settings
        first = chance(settings.first, generator)
        clips = (self._first if first else self._others) or self._first or self._others
        clip = clips[random_below(len(clips), generator)]
        row = self._rows.draw(clip, generator)
        frame = self._pictures(clip, "made", row)
        side = frame.shape[-1]
        still = resized(self._pictures(clip, "portrait_pictures", 0), frame.shape[-2:])
        soft = chance(settings.soft, generator)
        picture = still if soft else self._pictures(clip, "portrait_fine", 0, side)
        offset, visible, known = self._whence(clip, row, side)
        if chance(settings.moved, generator):
            turn = head_turn(generator)
            picture, still = moved((picture, still), turn)
            offset = moved_offset(offset, turn)
        transfer = DetailTransfer(colours=False)
        sample = {"frame": frame, "picture": picture, "base": transfer(frame, picture, still)}
        sample["target"] = self._pictures(clip, "fine", row, side)
        weight = self._places(clip, row, side, face=settings.face, lips=settings.lips, eyes=settings.eyes)
        spots = self._places(clip, row, side, lips=2, eyes=2) - 1
        weight = weight * (1 + settings.hidden * spots * known * (1 - visible))
        untold = step % _UNTOLD == _UNTOLD - 1
        believed = transfer.believed
        if not untold:
            lips = self._places(clip, row, side, lips=2) - 1
            believed = torch.maximum(believed, around_lips(lips[0], lips.shape[-2:]))
        where = {"believed": believed, "weight": weight, "spots": spots, "visible": visible, "known": known}
        if chance(settings.reshaped, generator):
            form = face_form(generator)
            sample, where = ({name: reshaped(value, form) for name, value in each.items()} for each in (sample, where))
            offset = reshaped_offset(offset, form)
        if chance(settings.tinted, generator):
            sample = dict(zip(sample, tinted(tuple(sample.values()), generator)))
        sample |= {**where, "offset": offset}
        if chance(0.5, generator):
            sample = {name: value.flip(-1) for name, value in sample.items()}
            sample["offset"] = sample["offset"] * torch.tensor([-1.0, 1.0])[:, None, None]
        # a mirrored face has nearly the same latents, and what they would be nobody has read
        motion = motion_of(self._source, clip, row, row + 1)
        if chance(0.5, generator):
            motion = motion + UNSURE * torch.randn(motion.shape, generator=generator)
        return {**sample, "motion": torch.full_like(motion, math.nan) if untold else motion}

    def _eyes_changed(self, clip: Clip) -> Tensor:
        """See BlinkingRows."""
        side = self._source.read(clip, "made", 0, 1).shape[1]
        still, changed = self._pictures(clip, "portrait_fine", 0, side), []
        for row in range(clip.frames):
            eyes = self._places(clip, row, side, eyes=2)[0, 0] > 1
            changed.append((self._pictures(clip, "fine", row, side) - still)[..., eyes].square().mean())
        far = torch.stack(changed).nan_to_num()
        return far - far.min()

    def _pictures(self, clip: Clip, name: str, row: int, side: int = 0) -> Tensor:
        pixels = self._source.read(clip, name, row, row + 1)
        return pictures((as_decoded(pixels, side) if side else pixels).numpy(), _CPU)

    def _whence(self, clip: Clip, row: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """offset, visible and known; of a drawn head nothing is known."""
        places = side // PATCH * self._settings.config.offsets
        if not all(name in clip.fields for name in _WHENCE):
            nothing = torch.zeros(1, 1, side, side)
            return torch.zeros(1, 2, places, places), nothing, nothing
        offset, visible, known = (self._source.read(clip, name, row, row + 1).float() for name in _WHENCE)
        visible, known = (_averaged(share[:, None] / 255, side) for share in (visible, known))
        return _averaged(offset, places), visible, known

    def _places(self, clip: Clip, row: int, side: int, *, face: float = 1, lips: float = 1, eyes: float = 1) -> Tensor:
        """These numbers where face, lips and eyes are, 1 elsewhere [1, 1, s, s]."""
        scale = side / clip.field("portrait_pictures").shape[1]
        of_face, of_lips, spots = (
            scale * self._source.read(clip, name, row, row + 1).float()
            for name in ("face_box", "lip_box", "eyes_mouth")
        )
        ones = torch.ones(1, side, side)
        return places_that_count(ones, (of_face, of_lips), spots, face=face, lips=lips, eyes=eyes)[None]


def motion_of(source: Source, clip: Clip, start: int, stop: int) -> Tensor:
    """As `VideoConditions.motion`, of rows of a clip [n, d]."""
    return torch.cat([source.read(clip, name, start, stop).float() for name in ("lip", "expression")], -1)


class Retouching(Judged):
    """How far frames are from the true pictures once they are retouched, and `of_base`: as a part of how far they were
    before; `offset`: how many pixels the places that they are taken from are off; `visible`: the cross-entropy of
    which of them are seen; and the judge's word, to whom all but eyes and mouth is shown as it truly is. Before
    `whence` is over the pictures are not looked at. before: the network that it begins with; its answers are `kept`.
    """

    def __init__(
        self,
        network: Retoucher,
        settings: RetouchingSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
        judge: PatchJudge | None = None,
        before: Retoucher | None = None,
    ) -> None:
        steps = settings.loop.steps
        super().__init__(judge or PatchJudge(), settings.judged if judge else 0.0, settings.judged_from * steps)
        self.network, self._settings, self._autocast = network, settings, autocast
        self._pictures_from = settings.whence * steps
        self._before = (before.requires_grad_(False).eval(),) if before else ()  # in a tuple: it learns nothing

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        frame, picture, base, target = (batch[name] for name in ("frame", "picture", "base", "target"))
        motion = batch["motion"]
        if not motion.is_meta and bool(motion.isnan().any()):
            motion = None
        with self._autocast():
            retouch = self.network(frame, picture, motion)
        whence = self._whence(retouch, batch)
        loss = self._settings.offset * whence["offset"] + self._settings.visible * whence["visible"]
        if self.training and self._pictures_from and float(self.steps) < self._pictures_from:
            self.steps += 1
            return Outcome(loss, {"loss": loss, **whence}, {"true": target, "made": base})
        seen = retouched(retouch, frame, picture, picture, base, batch["believed"])
        off, figures = picture_differences(seen, target, batch["weight"])
        with torch.no_grad():
            before, _ = picture_differences(base, target, batch["weight"])
        figures = {"of_base": off / before, **figures, **whence}
        for network in self._before:
            with torch.no_grad(), self._autocast():
                then = network(frame, picture, motion)
            was = retouched(then, frame, picture, picture, base, batch["believed"])
            figures["kept"] = mean_where(
                (seen - was).abs().mean(1, keepdim=True), batch["weight"] * (1 - batch["spots"])
            )
            loss = loss + self._settings.kept * figures["kept"]
        return self.outcome(loss + off, figures, torch.lerp(target, seen, batch["spots"]), target)

    def _whence(self, retouch: Retouch, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Where places came from, in pixels where they were seen, and whether they were, where that is known."""
        counts, wanted = batch["weight"] * batch["visible"], batch["offset"]
        off = (retouch.offset - wanted).abs().sum(1, keepdim=True) * batch["frame"].shape[-1]
        at = _averaged(counts, wanted.shape[-1])
        share = retouch.share.float().clamp(_SURE, 1 - _SURE)
        unsure = F.binary_cross_entropy(share, batch["visible"], reduction="none")
        where = batch["weight"] * batch["known"]
        return {"offset": mean_where(off, at), "visible": mean_where(unsure, where)}


def _averaged(field: Tensor, side: int) -> Tensor:
    """[n, c, s, s] at a smaller size, whose places are means of those of the larger."""
    return F.interpolate(field, size=(side, side), mode="area")


def retouching_step(preset: ModelPreset, settings: RetouchingSettings) -> MetaStep:
    """A step of it on shapes alone."""
    side = preset.sampling.size * preset.vae.finer
    settings = replace(of_preset(settings, preset), whence=0.0)  # a step that looks at the pictures takes more

    def phase() -> Phase:
        network = Retoucher(settings.config, device="meta")
        before = copy.deepcopy(network) if settings.kept else None
        return _phase(Retouching(network, settings, contextlib.nullcontext, before=before))

    def batch(count: int) -> Sample:
        places = side // PATCH * settings.config.offsets
        shown = {name: meta(count, 3, side, side) for name in ("frame", "picture", "base", "target")}
        heeded = {"motion": meta(count, settings.config.motion), "offset": meta(count, 2, places, places)}
        where = ("believed", "weight", "spots", "visible", "known")
        return {**shown, **heeded, **{name: meta(count, 1, side, side) for name in where}}

    return MetaStep(phase, batch, settings.loop)


def _phase(objective: Retouching) -> Phase:
    return Phase(objective, decay=1e-4)


def _check(clip: Clip, config: RetoucherConfig) -> None:
    side, fine = clip.field("made").shape[1], clip.field("fine").shape[1]
    multiple = math.lcm(PATCH * 2 ** (len(config.channels) - 1), SMOOTH)
    if side % multiple:
        raise SettingsError(
            f"The frames of {clip.id} are {side} pixels wide, and a retoucher of {len(config.channels)} levels takes "
            f"multiples of {multiple}; give its config fewer channels."
        )
    if fine % side:
        raise InputError(
            f"The true pictures of {clip.id} are {fine} pixels wide, which is not a multiple of its frames' {side}; "
            "make them at the size that the weights decode at."
        )
