"""Pieces of the training clips as the backbone is trained on them: clean latents, a portrait, and what drives them."""

from dataclasses import dataclass

import numpy as np
import torch

from ..models.presets import DEMO
from ..types import MotionConditions
from .features import (
    audio_features,
    clip_latents,
    held_features,
    reference_latents,
    still_features,
    still_latents,
    vision_features,
)
from .stage import Stage, box_masks, still_pairs
from .v_aid import audio_latents

FROM_VISION = 0.6  # share of clips that are driven by e_v, the rest by e_a (EmotiveTalk §6.4)
HELD_STILL = 0.7
"""Share of batches in which the head does not move and lies as in the portrait (motion bucket 0). A still head shows
the network what is the lips' and the expression's alone, long before it has learnt to invent head motion. [we]
"""
SINGLE = 0.5
"""Share of batches of single pictures, as many as a batch of films has frames: each shows another person and another
face, where the frames of a film show one. Films alone leave the rarer expressions weak. [we]
"""
DROP = 0.1  # each of the two conditions, for guidance at inference [we]


def motion_bucket(pose: np.ndarray) -> np.ndarray:
    """How much a head moves, as SVD's micro-condition 0…255: pose [..., n, 6] → [...].

    The spread of the pose over time, its six parts brought to a common size (radians; picture fractions × 5; scale
    × 2); 60 is an ordinary talking head.
    """
    spread = pose.std(-2) * np.array([1, 1, 1, 5, 5, 2])
    return np.clip(np.sqrt((spread**2).sum(-1)) * 800, 0, 255).astype(np.float32)


@dataclass(frozen=True)
class FilmBatch:
    """clean [b, n, 4, h, w] at unit variance · portrait [b, 4, h, w] unscaled · motion_bucket [b]."""

    clean: torch.Tensor
    portrait: torch.Tensor
    conditions: MotionConditions
    motion_bucket: torch.Tensor


@dataclass(frozen=True)
class _Pictures:
    """latents [c, n, 4, h, w] · portraits [c, r, 4, h, w] · expressions [c, r, e] of the portraits · boxes: arrays with
    their face and lip boxes · pose [c, n, 6], None where heads are still.
    """

    latents: np.ndarray
    portraits: np.ndarray
    expressions: np.ndarray
    boxes: dict[str, np.ndarray]
    pose: np.ndarray | None


class Films:
    """Draws random pieces of clips, driven by latents or, with `raw_audio`, by the audio windows themselves; `single`
    is the share of batches of single pictures.
    """

    def __init__(self, stage: Stage, *, raw_audio: bool = False, single: float = SINGLE) -> None:
        self.stage, self.raw_audio, self.single = stage, raw_audio, single
        if single:
            self.stills, self.faces = still_latents(stage), still_features(stage)
        self.vision, self.audio = vision_features(stage), audio_latents(stage)
        self.windows = audio_features(stage)  # [c, n, 10, d]
        clips, held = stage.data.clips, held_features(stage)
        self.moving = _Pictures(
            clip_latents(stage), reference_latents(stage), self.vision["reference_expression"], clips, clips["pose"]
        )
        self.held = _Pictures(
            held["latents"], held["reference_latents"], held["reference_expression"], stage.data.held, None
        )

    def draw(self, generator: torch.Generator) -> FilmBatch:
        """The portrait is another picture of the same head, with a face of its own (EmotiveTalk §3.4's tuple)."""
        if torch.rand(1, generator=generator) < self.single:
            return self._draw_single(generator)
        stage, settings = self.stage, self.stage.settings
        count, frames, size = settings.ethd_batch, settings.ethd_frames, settings.data.picture
        held = bool(torch.rand(1, generator=generator) < HELD_STILL)
        pictures = self.held if held else self.moving
        c = torch.randint(pictures.latents.shape[0], (count,), generator=generator).numpy()
        r = torch.randint(pictures.portraits.shape[1], (count,), generator=generator).numpy()
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
        return FilmBatch(clean, tensor(pictures.portraits[c, r]), conditions, bucket)

    def _draw_single(self, generator: torch.Generator) -> FilmBatch:
        """Films of one frame: another picture of the portrait's head at the portrait's pose, driven by l_v and e_v."""
        stage, settings, stills = self.stage, self.stage.settings, self.stage.data.stills
        count, size = settings.ethd_batch * settings.ethd_frames, settings.data.picture
        i, reference, driving = still_pairs(stills, count, generator)

        def tensor(values: np.ndarray, k: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values[i, k].astype(np.float32)).to(stage.device)

        own, expression = (tensor(self.faces["expression"], k) for k in (reference, driving))
        lip = tensor(self.faces["lip"], driving)
        no_lip, no_expression = (torch.rand(count, 1, generator=generator).to(stage.device) < DROP for _ in range(2))
        conditions = MotionConditions(
            lip=torch.where(no_lip, torch.zeros_like(lip), lip)[:, None],
            driving_expression=torch.where(no_expression, own, expression)[:, None],
            reference_expression=own,
            face_mask=box_masks(stills["face_box"][i, reference], size, stage.device),
            lip_mask=box_masks(stills["lip_box"][i, reference], size, stage.device),
        )
        clean = tensor(self.stills, driving)[:, None] * DEMO.vae.scaling_factor
        return FilmBatch(clean, tensor(self.stills, reference), conditions, torch.zeros(count))
