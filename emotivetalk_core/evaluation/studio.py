"""Where the suite's films are made: each once, and of each only the probes' readings are kept, on disk, so that
several figures share a film and a stop loses one film at most."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import torch

from ..face.close_up import eyes_and_mouth
from ..face.detail import at_own_resolution
from ..face.head_turn import box_of_mask
from ..models.ethd import ETHD
from ..models.face_probe import FaceProbe
from ..models.model_set import ModelSet
from ..pipeline import TalkSettings, default_settings, prepare_conditions, render
from ..synthesis.clip import TalkingClip
from ..types import Emotion, ExpressionLatents, FaceRegions, HeadPose, VideoConditions
from .readings import Readings, read_film
from .report import digest_of
from .unseen import speech_of

OnStep = Callable[[str, int, int], None]
"""on_step(section, done, total)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One film to make: who speaks what, with which emotion (None: the portrait's own), or by which expression in the
    place of Di-CTE's, and with which head pose. `name` tells it from all other scenes of the same clip, length and
    direction."""

    name: str
    clip: TalkingClip
    portrait: FaceRegions
    emotion: str | Emotion | None = None
    expression: ExpressionLatents | None = None
    head_pose: HeadPose | None = None

    @property
    def direction(self) -> str:
        """What the face is told, in a few letters of a file's name: latents by what they are."""
        told = self.emotion or "own"
        parts = [told if isinstance(told, str) else _digits(told.values)]
        parts += [f"by{_digits(self.expression.values)}"] if self.expression is not None else []
        parts += [f"head{_digits(self.head_pose.values)}"] if self.head_pose is not None else []
        return "-".join(parts)

    def settings(self, usual: TalkSettings) -> TalkSettings:
        return replace(usual, emotion=self.emotion, expression=self.expression, head_pose=self.head_pose)


def _digits(values: torch.Tensor) -> str:
    """The same for the same latents, to four decimals."""
    return digest_of(np.round(values.detach().float().cpu().numpy(), 4) + 0.0)  # + 0.0: no "-0"


def unchanged(models: ModelSet, scene: Scene, conditions: VideoConditions) -> VideoConditions:
    return conditions


@dataclass(frozen=True, eq=False)
class Variant:
    """A way of making films that differs from the usual one: by what drives the backbone, or by the backbone itself."""

    name: str
    change: Callable[[ModelSet, Scene, VideoConditions], VideoConditions] = unchanged
    backbone: ETHD | None = None


AS_SHIPPED = Variant("full")


class Studio:
    """The models, the probe that judges them, and the readings of the films made so far (in `archive`, one file
    each)."""

    def __init__(
        self, weights: Path, models: ModelSet, probe: FaceProbe, archive: Path, on_step: OnStep | None = None
    ) -> None:
        self.weights, self.models, self.probe, self.archive, self.on_step = weights, models, probe, archive, on_step
        self.settings = replace(default_settings(models), decode_chunk=16)  # fewer seams than for streaming: faster

    @property
    def size(self) -> int:
        return self.models.picture_size

    def film(self, section: str, scenes: Sequence[Scene], variant: Variant = AS_SHIPPED) -> list[Readings]:
        """The readings of each scene, made where they are not in the archive."""
        readings = []
        for done, scene in enumerate(scenes):
            self.report(section, done, len(scenes))
            readings.append(self._film(scene, variant))
        self.report(section, len(scenes), len(scenes))
        return readings

    def report(self, section: str, done: int, total: int) -> None:
        if self.on_step is not None:
            self.on_step(section, done, total)

    @torch.no_grad()
    def _film(self, scene: Scene, variant: Variant) -> Readings:
        name = f"{variant.name}-{scene.name}-{scene.clip.seed}-{scene.clip.frames}-{scene.direction}"
        file = self.archive / f"{name}.npz"
        if file.exists():
            return Readings.load(file)
        settings = scene.settings(self.settings)
        models = self.models if variant.backbone is None else replace(self.models, ethd=variant.backbone)
        conditions = prepare_conditions(models, speech_of(scene.clip), scene.portrait, settings)
        conditions = variant.change(models, scene, conditions)
        readings = read_film(self.probe, finished_frames(models, conditions, scene.portrait, settings), scene.portrait)
        readings.save(file)
        return readings


def finished_frames(
    models: ModelSet, conditions: VideoConditions, portrait: FaceRegions, settings: TalkSettings
) -> Iterator[torch.Tensor]:
    """Chunks of frames [k, 3, s, s] as users see them; after a retoucher and close-ups, which work on whole films, at
    the crop's own size.
    """
    chunks = render(models, conditions, settings)
    if models.retoucher is None and models.close_up is None:
        yield from chunks
        return
    sharp = at_own_resolution(
        (frame for chunk in chunks for frame in chunk),
        repeat(portrait.crop),
        portrait.crop,
        amount=settings.detail,
        head_pose=settings.head_pose,
        face_box=box_of_mask(portrait.face_mask),
        retoucher=models.retoucher,
        motions=conditions.motion,
        lip_mask=portrait.lip_mask,
        close_ups=models.close_up,
        eyes_mouth=eyes_and_mouth(portrait),
    )
    while together := list(islice(sharp, settings.decode_chunk)):
        yield torch.stack(together)
