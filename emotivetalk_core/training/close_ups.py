"""Stage `close_up`: a network learns how eyes and mouths look when a face moves, from people whose true pictures are
known.

No film is needed: it is told what lips and expression are, as the motion encoder reads them, and sees the portrait
alone. As in `retouching`, it first learns from where in the portrait places came, which is quick, and then how they
come to look. That is known of rendered people alone: taught by pictures of drawn heads, it lost what these express.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import SettingsError
from ..face import close_up
from ..face.close_up import HIGH, WIDE, CloseUp, from_close_by, place_of
from ..face.crops import pictures
from ..face.resizing import resized
from ..face.teeth import ACROSS
from ..models.close_up import KIND, CloseUpConfig, CloseUpNetwork
from ..models.face_reading import read_faces
from ..models.motion_encoder import MotionEncoder
from ..models.presets import ModelPreset
from .altered_faces import relit, tinted
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
from .worn_glasses import worn

_WHENCE = ("offset", "visible", "known")
_FIELDS = ("fine", "portrait_fine", "portrait_pictures", "portrait_eyes_mouth", "driving", *_WHENCE, "teeth")
_SIZE, _SOFT = torch.Size((HIGH, WIDE)), torch.Size((HIGH // 2, WIDE // 2))
_SURE = 1e-4
_ASTRAY = 2.5
"""Standard deviation of how far off eyes and mouth are taken to be, in pixels of the close-up: finders miss them so."""
_ASLANT = 0.04
"""The same of both together, as shares of the size: faces are longer and wider than those that are rendered."""
_STILL = 0.01
"""Where a truth of which nothing is known is as near to the portrait, nothing has moved: hair, glasses, what is behind.
"""
_FACE, _BEYOND = 0.4, 0.1
"""What the rest of the face counts, and what is around it, where eyes and mouth count 1."""


@dataclass(frozen=True)
class CloseUpSettings:
    """config: of the network, whose motion is that of the preset · kinds: of clips · soft: the share whose pictures are
    no sharper than half their size · glasses: the share whose faces wear glasses that are drawn over them · tinted,
    relit: the shares in other colours, and in another light · blinking: the share whose frame is drawn the likelier,
    the further its eyes look from the portrait's · hidden: how much more than the rest counts what the portrait did not
    show · whence: the share of the steps, the first ones, in which it is learnt alone from where in the portrait places
    came · offset: weight of that, for an error of one pixel · visible: weight of whether they were seen there · tooth:
    weight of which tooth is seen, for an error of one tooth · teeth: weight of where teeth are · judged,
    judged_from: as DecoderSettings' · start: the weights that it begins with, "" for none.
    """

    loop: LoopSettings
    config: CloseUpConfig = field(default_factory=lambda: CloseUpConfig(teeth=True))
    kinds: tuple[str, ...] = ("retouched_rendered",)
    soft: float = 0.3
    glasses: float = 0.25
    tinted: float = 0.5
    relit: float = 0.5
    blinking: float = 0.35
    hidden: float = 2.0
    whence: float = 0.3
    offset: float = 0.03
    visible: float = 0.03
    tooth: float = 0.05
    teeth: float = 0.03
    judged: float = 0.01
    judged_from: float = 0.5
    start: str = ""

    def __post_init__(self) -> None:
        shares(self, "soft", "glasses", "tinted", "relit", "blinking", "whence", "judged_from")
        at_least(0, self, "hidden", "offset", "visible", "tooth", "teeth", "judged")
        if not self.kinds:
            raise SettingsError("kinds is empty; name the kinds of clips to learn from.")


def train_close_up(job: Job, settings: CloseUpSettings) -> None:
    """Writes close_up.safetensors, in half precision."""
    torch.manual_seed(job.seed)
    settings = of_preset(settings, job.preset)
    network, judge = to_train(job, settings.start, KIND, CloseUpNetwork, settings.config), PatchJudge()
    objective = CloseUpLearning(network, settings, job.autocast, judge)
    encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, type(job.preset.motion_encoder))

    def samples(*, held_out: bool) -> CloseUpSamples:
        return CloseUpSamples(job.source(), encoder, settings, held_out=held_out)

    phases = {"main": _phase(objective), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("close_up", phases, settings.loop, samples, settings)
    whole = CloseUpNetwork(settings.config)
    whole.load_state_dict(whole_state(network))
    job.save(KIND, KIND, whole, settings.config, record, half=True)


def of_preset(settings: CloseUpSettings, preset: ModelPreset) -> CloseUpSettings:
    """With a network that is told as many latents as the preset's motion encoder reads."""
    return replace(settings, config=replace(settings.config, motion=motion_width(preset)))


class CloseUpSamples:
    """One sample: the portrait's `face` [1, 3, h, w] in its place, the `motion` [1, d + 1] that it is to show, the true
    picture as `target` [1, 3, h, w], where it counts, `weight`, and where eyes and mouth are, `spots` [1, 1, h, w];
    from where in the portrait places of it came, `offset` [1, 2, h, w] as a CloseUp has it, whether they were seen
    there, `visible`, and where that is `known` [1, 1, h, w]; how far they are `teeth` [1, 1, h, w], and where on them,
    `tooth` [1, 2, h, w].
    """

    def __init__(self, source: Source, encoder: MotionEncoder, settings: CloseUpSettings, *, held_out: bool) -> None:
        """Raises InputError where there are no such pictures."""
        self._source, self._settings = source, settings
        found = [source.some_clips(kind, *_FIELDS, held_out=held_out) for kind in settings.kinds]
        self._clips = [clip for clips in found for clip in clips]
        self._motion = {clip.id: _read(source, encoder, clip) for clip in self._clips}
        self._rows = BlinkingRows(settings.blinking, self._eyes_changed)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        settings = self._settings
        clip = self._clips[random_below(len(self._clips), generator)]
        row = self._rows.draw(clip, generator)
        place = self._place(clip, generator)
        picture, target = (self._pictures(clip, *of) for of in (("portrait_fine", 0), ("fine", row)))
        sample = {"face": from_close_by(picture, place), "target": from_close_by(target, place)}
        offset, visible, known = self._whence(clip, row, place)
        unmoved = (1 - known) * (sample["face"] - sample["target"]).abs().amax(1, keepdim=True).lt(_STILL)
        if chance(settings.glasses, generator):
            pictures_of, frame = worn(tuple(sample.values()), generator)
            sample = dict(zip(sample, pictures_of))
            unmoved = torch.maximum(unmoved, frame)
        offset = offset * (unmoved < 0.5)
        visible, known = torch.maximum(visible, unmoved), torch.maximum(known, unmoved)
        where = {"visible": visible, "known": known, "spots": close_up.inside(close_up.SPOTS)}
        weight = torch.maximum(where["spots"], _FACE * close_up.inside(close_up.FACE)).clamp(min=_BEYOND)
        where["weight"] = weight * (1 + settings.hidden * known * (1 - visible))
        if chance(settings.soft, generator):
            sample = {name: resized(resized(each, _SOFT), _SIZE) for name, each in sample.items()}
        for share, change in ((settings.tinted, tinted), (settings.relit, relit)):
            if chance(share, generator):
                sample = dict(zip(sample, change(tuple(sample.values()), generator)))
        where["teeth"], tooth = self._teeth(clip, row, place)
        sample |= {**where, "offset": offset, "tooth": tooth}
        mirrored = chance(0.5, generator)
        if mirrored:
            sample = {name: value.flip(-1) for name, value in sample.items()}
            sample["offset"] = sample["offset"] * torch.tensor([-1.0, 1.0])[:, None, None]
            sample["tooth"] = torch.cat((1 - sample["tooth"][:, :1], sample["tooth"][:, 1:]), 1)
        motion = self._motion[clip.id][row : row + 1]
        motion = motion + UNSURE * chance(0.5, generator) * torch.randn(motion.shape, generator=generator)
        return {**sample, "motion": F.pad(motion, (0, 1), value=float(mirrored))}

    def _true_place(self, clip: Clip) -> Tensor:
        """Where the face is in the pictures of `fine`."""
        scale = clip.field("portrait_fine").shape[1] / clip.field("portrait_pictures").shape[1]
        return place_of(scale * self._source.read(clip, "portrait_eyes_mouth", 0, 1)[0].float())

    def _place(self, clip: Clip, generator: torch.Generator) -> Tensor:
        """Nearly there."""
        place = self._true_place(clip)
        spots = torch.tensor(close_up.EYES_MOUTH)
        moved = (spots - spots.mean(0)) @ (torch.eye(2) + _ASLANT * torch.randn(2, 2, generator=generator))
        moved = moved + spots.mean(0) + _ASTRAY * torch.randn(3, 2, generator=generator)
        return place_of(F.pad(moved, (0, 1), value=1.0) @ place.mT)

    def _eyes_changed(self, clip: Clip) -> Tensor:
        """See BlinkingRows."""
        place = self._true_place(clip)
        still = from_close_by(self._pictures(clip, "portrait_fine", 0), place)
        eyes = close_up.inside(close_up.SPOTS)[..., : HIGH // 2, :]
        changed = []
        for row in range(clip.frames):
            off = from_close_by(self._pictures(clip, "fine", row), place) - still
            changed.append((off[..., : HIGH // 2, :].square() * eyes).mean())
        far = torch.stack(changed)
        return far - far.min()

    def _pictures(self, clip: Clip, name: str, row: int) -> Tensor:
        return pictures(self._source.read(clip, name, row, row + 1).numpy(), torch.device("cpu"))

    def _whence(self, clip: Clip, row: int, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """offset, visible and known in the close-up."""
        offset, visible, known = (self._source.read(clip, name, row, row + 1).float() for name in _WHENCE)
        size = clip.field("fine").shape[1]
        whole = F.interpolate(offset * size, size=(size, size), mode="nearest")
        here = torch.linalg.inv(place[:, :2]) / WIDE
        offset = torch.einsum("ij,bjhw->bihw", here, from_close_by(whole, place))
        visible, known = (from_close_by(share[:, None] / 255, place) for share in (visible, known))
        return offset, visible, known

    def _teeth(self, clip: Clip, row: int, place: Tensor) -> tuple[Tensor, Tensor]:
        """teeth and tooth in the close-up."""
        tooth, teeth = (self._source.read(clip, "teeth", row, row + 1).float() / 255).split((2, 1), 1)
        there, share = from_close_by(tooth * teeth, place), from_close_by(teeth, place)
        return share, there / share.clamp(min=_SURE)


@torch.no_grad()
def _read(source: Source, encoder: MotionEncoder, clip: Clip) -> Tensor:
    """The motion of each frame of a clip [n, d], as `VideoConditions.motion`."""
    every = clip.rows("driving") // clip.frames
    driving = pictures(source.read(clip, "driving").numpy(), torch.device("cpu"))[::every]
    read = read_faces(encoder, driving, count=len(driving), device=next(encoder.parameters()).device)
    return torch.cat((read.lip, read.expression), -1).float().cpu()


class CloseUpLearning(Judged):
    """How far close-ups are from the true pictures, and `of_still`: as a part of how far the portrait is from them;
    `offset`, `visible` as Retouching's; `tooth` and `teeth`; and the judge's word. Before `whence` is over the pictures
    are not looked at.
    """

    def __init__(
        self,
        network: CloseUpNetwork,
        settings: CloseUpSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
        judge: PatchJudge | None = None,
    ) -> None:
        steps = settings.loop.steps
        super().__init__(judge or PatchJudge(), settings.judged if judge else 0.0, settings.judged_from * steps)
        self.network, self._settings, self._autocast = network, settings, autocast
        self._pictures_from = settings.whence * steps

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        face, target, weight = batch["face"], batch["target"], batch["weight"]
        with self._autocast():
            said = self.network(face, batch["motion"])
        counts = weight * batch["visible"]
        offset = F.interpolate(said.offset, size=face.shape[-2:], mode="bilinear")
        off = (offset - batch["offset"]).abs().sum(1, keepdim=True) * face.shape[-1]
        share = said.share.clamp(_SURE, 1 - _SURE)
        unsure = F.binary_cross_entropy(share, batch["visible"], reduction="none")
        whence = {"offset": mean_where(off, counts), "visible": mean_where(unsure, weight * batch["known"])}
        if self.network.config.teeth:
            whence |= self._teeth(said, batch)
        loss = torch.stack([getattr(self._settings, name) * value for name, value in whence.items()]).sum()
        if self.training and self._pictures_from and float(self.steps) < self._pictures_from:
            self.steps += 1
            return Outcome(loss, {"loss": loss, **whence}, {"true": target, "made": face})
        seen = close_up.shown(said, face)
        wrong, figures = picture_differences(seen, target, weight)
        with torch.no_grad():
            still, _ = picture_differences(face, target, weight)
        figures = {"of_still": wrong / still, **figures, **whence}
        return self.outcome(loss + wrong, figures, torch.lerp(target, seen, batch["spots"]), target)

    def _teeth(self, said: CloseUp, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """How far off the teeth are that are seen, in teeth, and how unsure it is where any are."""
        tooth = F.interpolate(said.tooth, size=batch["tooth"].shape[-2:], mode="bilinear")
        off = torch.einsum("nchw,c->nhw", (tooth - batch["tooth"]).abs(), tooth.new_tensor([ACROSS, 2.0]))[:, None]
        share = said.teeth.clamp(_SURE, 1 - _SURE)
        unsure = F.binary_cross_entropy(share, batch["teeth"], reduction="none")
        return {"tooth": mean_where(off, batch["teeth"]), "teeth": mean_where(unsure, batch["spots"])}


def close_up_step(preset: ModelPreset, settings: CloseUpSettings) -> MetaStep:
    """A step of it on shapes alone."""
    settings = replace(of_preset(settings, preset), whence=0.0)  # a step that looks at the pictures takes more

    def phase() -> Phase:
        return _phase(CloseUpLearning(CloseUpNetwork(settings.config, device="meta"), settings, contextlib.nullcontext))

    def batch(count: int) -> Sample:
        three = {name: meta(count, 3, HIGH, WIDE) for name in ("face", "target")}
        two = {name: meta(count, 2, HIGH, WIDE) for name in ("offset", "tooth")}
        one = {name: meta(count, 1, HIGH, WIDE) for name in ("weight", "spots", "visible", "known", "teeth")}
        return {**three, **two, **one, "motion": meta(count, settings.config.motion + 1)}

    return MetaStep(phase, batch, settings.loop)


def _phase(objective: CloseUpLearning) -> Phase:
    return Phase(objective, decay=1e-4)
