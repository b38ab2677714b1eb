"""Pieces of the training clips as the backbone is trained on them: clean latents, a portrait, and what drives them."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..direction.head_pose import motion_bucket
from ..face.crops import box_masks
from ..models.presets import DEMO
from ..types import MotionConditions
from .features import (
    audio_features,
    clip_guides,
    clip_latents,
    held_features,
    reference_latents,
    still_features,
    still_latents,
    turned_features,
    vision_features,
)
from .stage import Stage, still_pairs
from .v_aid import audio_latents

FROM_VISION = 0.6  # share of clips that are driven by e_v, the rest by e_a (EmotiveTalk §6.4)
HELD_STILL, GUIDED = 0.5, 0.4
"""Shares of the batches of films. In the first the head does not move and lies as in the portrait (motion bucket 0): it
shows the network what is the lips' and the expression's alone. In the second it moves and the portrait's head is turned
with it, frame by frame, as a given head pose does it (face/head_turn.py). In the rest it moves, and the network has to
invent how, knowing the motion bucket only, as SVD does. [we]
"""
TURNED = 0.5
"""Share of the batches of single pictures that show the head at another pose, which the portrait is turned to."""
SINGLE = 0.5
"""Share of batches of single pictures, as many as a batch of films has frames: each shows another person and another
face, where the frames of a film show one. Films alone leave the rarer expressions weak. [we]
"""
DROP = 0.1  # each of the two conditions, for guidance at inference [we]


@dataclass(frozen=True)
class FilmBatch:
    """clean [b, n, 4, h, w] at unit variance · portrait [b, 4, h, w], or [b, n, 4, h, w] with its head turned for each
    frame, unscaled · motion_bucket [b].
    """

    clean: torch.Tensor
    portrait: torch.Tensor
    conditions: MotionConditions
    motion_bucket: torch.Tensor


@dataclass(frozen=True)
class _Pictures:
    """latents [c, n, 4, h, w] · portraits [c, r, 4, h, w] · expressions [c, r, e] of the portraits · boxes: arrays with
    their face and lip boxes · pose [c, n, 6], None where heads are still · guides [c, n, 4, h, w]: the first portrait
    turned to each frame's pose, None where the portraits are as they are.
    """

    latents: np.ndarray
    portraits: np.ndarray
    expressions: np.ndarray
    boxes: dict[str, np.ndarray]
    pose: np.ndarray | None
    guides: np.ndarray | None = None


class Films:
    """Draws random pieces of clips, driven by latents or, with `raw_audio`, by the audio windows themselves; `single`
    is the share of batches of single pictures.
    """

    def __init__(self, stage: Stage, *, raw_audio: bool = False, single: float = SINGLE) -> None:
        self.stage, self.raw_audio, self.single = stage, raw_audio, single
        if single:
            self.stills, self.faces = still_latents(stage), still_features(stage)
            self.turned = turned_features(stage)
        self.vision, self.audio = vision_features(stage), audio_latents(stage)
        self.windows = audio_features(stage)  # [c, n, 10, d]
        clips, held = stage.data.clips, held_features(stage)
        self.moving = _Pictures(
            clip_latents(stage), reference_latents(stage), self.vision["reference_expression"], clips, clips["pose"]
        )
        self.guided = replace(self.moving, guides=clip_guides(stage))
        self.held = _Pictures(
            held["latents"], held["reference_latents"], held["reference_expression"], stage.data.held, None
        )

    def draw(self, generator: torch.Generator) -> FilmBatch:
        """The portrait is another picture of the same head, with a face of its own (EmotiveTalk §3.4's tuple)."""
        if torch.rand(1, generator=generator) < self.single:
            turned = bool(torch.rand(1, generator=generator) < TURNED)
            return self._draw_turned(generator) if turned else self._draw_single(generator)
        stage, settings = self.stage, self.stage.settings
        count, frames, size = settings.ethd_batch, settings.ethd_frames, settings.data.picture
        kind = float(torch.rand(1, generator=generator))
        pictures = self.held if kind < HELD_STILL else self.guided if kind < HELD_STILL + GUIDED else self.moving
        c = torch.randint(pictures.latents.shape[0], (count,), generator=generator).numpy()
        r = torch.randint(pictures.portraits.shape[1], (count,), generator=generator).numpy()
        if pictures.guides is not None:
            r = np.zeros_like(r)  # only the first portrait has been turned
        starts = torch.randint(pictures.latents.shape[1] - frames + 1, (count,), generator=generator).numpy()

        def cut(values: np.ndarray) -> np.ndarray:
            return np.stack([values[i, s : s + frames] for i, s in zip(c, starts, strict=True)])

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(stage.device)

        from_vision, no_lip, no_expression = (
            torch.rand(count, 1, 1, generator=generator).to(stage.device) < share for share in (FROM_VISION, DROP, DROP)
        )
        own = tensor(pictures.expressions[c, r])
        expression = torch.where(
            from_vision, tensor(cut(self.vision["expression"])), tensor(cut(self.audio["expression"]))
        )
        lip = tensor(cut(self.windows)).flatten(2) if self.raw_audio else tensor(cut(self.audio["lip"]))
        lip = torch.where(no_lip, torch.zeros_like(lip), lip)
        kept = own[:, None].expand_as(expression)
        expression = kept if self.raw_audio else torch.where(no_expression, kept, expression)
        conditions = MotionConditions(
            lip=lip,
            driving_expression=expression,
            reference_expression=own,
            face_mask=box_masks(pictures.boxes["reference_face_box"][c, r], size, stage.device),
            lip_mask=box_masks(pictures.boxes["reference_lip_box"][c, r], size, stage.device),
        )
        clean = tensor(cut(pictures.latents)) * DEMO.vae.scaling_factor
        pose = pictures.pose
        bucket = torch.zeros(count) if pose is None else torch.from_numpy(motion_bucket(cut(pose)))
        portrait = pictures.portraits[c, r] if pictures.guides is None else cut(pictures.guides)
        return FilmBatch(clean, tensor(portrait), conditions, bucket)

    def _draw_single(self, generator: torch.Generator) -> FilmBatch:
        """Films of one frame: another picture of the portrait's head at the portrait's pose, driven by l_v and e_v."""
        i, reference, driving = still_pairs(self.stage.data.stills, self._single_count, generator)
        return self._single(
            generator,
            (i, reference),
            portrait=self.stills[i, reference],
            clean=self.stills[i, driving],
            lip=self.faces["lip"][i, driving],
            expression=self.faces["expression"][i, driving],
        )

    def _draw_turned(self, generator: torch.Generator) -> FilmBatch:
        """The same at another pose, which the portrait, the first still, is turned to."""
        people, each = self.turned["guides"].shape[:2]
        i = torch.randint(people, (self._single_count,), generator=generator).numpy()
        k = torch.randint(each, (self._single_count,), generator=generator).numpy()
        return self._single(
            generator,
            (i, np.zeros_like(i)),
            portrait=self.turned["guides"][i, k],
            clean=self.turned["latents"][i, k],
            lip=self.turned["lip"][i, k],
            expression=self.turned["expression"][i, k],
        )

    @property
    def _single_count(self) -> int:
        return self.stage.settings.ethd_batch * self.stage.settings.ethd_frames

    def _single(
        self,
        generator: torch.Generator,
        which: tuple[np.ndarray, np.ndarray],
        *,
        portrait: np.ndarray,
        clean: np.ndarray,
        lip: np.ndarray,
        expression: np.ndarray,
    ) -> FilmBatch:
        """which: persons and the stills that are their portraits. Arrays [b, …] as FilmBatch and MotionConditions
        have them.
        """
        stage, stills, size = self.stage, self.stage.data.stills, self.stage.settings.data.picture
        count = len(lip)

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(stage.device)

        own, wanted, mouth = tensor(self.faces["expression"][which]), tensor(expression), tensor(lip)
        no_lip, no_expression = (torch.rand(count, 1, generator=generator).to(stage.device) < DROP for _ in range(2))
        conditions = MotionConditions(
            lip=torch.where(no_lip, torch.zeros_like(mouth), mouth)[:, None],
            driving_expression=torch.where(no_expression, own, wanted)[:, None],
            reference_expression=own,
            face_mask=box_masks(stills["face_box"][which], size, stage.device),
            lip_mask=box_masks(stills["lip_box"][which], size, stage.device),
        )
        latents = tensor(clean)[:, None] * DEMO.vae.scaling_factor
        return FilmBatch(latents, tensor(portrait), conditions, torch.zeros(count))
