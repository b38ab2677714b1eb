"""Pieces of the training clips as the backbone is trained on them: clean latents, a portrait, and what drives them."""

from dataclasses import dataclass

import numpy as np
import torch

from ..models.presets import DEMO
from ..types import MotionConditions
from .features import audio_features, clip_latents, reference_latents, vision_features
from .stage import Stage, box_masks
from .v_aid import audio_latents

FROM_VISION = 0.6  # share of clips that are driven by e_v, the rest by e_a (EmotiveTalk §6.4)
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


class Films:
    """Draws random pieces of clips, driven by latents or, with `raw_audio`, by the audio windows themselves."""

    def __init__(self, stage: Stage, *, raw_audio: bool = False) -> None:
        self.stage, self.raw_audio = stage, raw_audio
        self.latents, self.portraits = clip_latents(stage), reference_latents(stage)
        self.vision, self.audio = vision_features(stage), audio_latents(stage)
        self.windows = audio_features(stage)  # [c, n, 10, d]

    def usual_motion(self) -> float:
        """The median motion bucket over pieces of the training's length."""
        pose, frames = self.stage.data.clips["pose"], self.stage.settings.ethd_frames
        starts = range(0, pose.shape[1] - frames + 1, frames)
        return float(np.median(motion_bucket(np.stack([pose[:, s : s + frames] for s in starts], 1))))

    def draw(self, generator: torch.Generator) -> FilmBatch:
        """The portrait is another picture of the same head, with a face of its own (EmotiveTalk §3.4's tuple)."""
        stage, settings, clips = self.stage, self.stage.settings, self.stage.data.clips
        count, frames, size = settings.ethd_batch, settings.ethd_frames, settings.data.picture
        c = torch.randint(self.latents.shape[0], (count,), generator=generator).numpy()
        r = torch.randint(self.portraits.shape[1], (count,), generator=generator).numpy()
        starts = torch.randint(self.latents.shape[1] - frames + 1, (count,), generator=generator).numpy()

        def cut(values: np.ndarray) -> np.ndarray:
            return np.stack([values[i, s : s + frames] for i, s in zip(c, starts, strict=True)])

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(stage.device)

        from_vision, no_lip, no_expression = (
            torch.rand(count, 1, 1, generator=generator).to(stage.device) < share for share in (FROM_VISION, DROP, DROP)
        )
        own = tensor(self.vision["reference_expression"][c, r])
        expression = torch.where(
            from_vision, tensor(cut(self.vision["expression"])), tensor(cut(self.audio["expression"]))
        )
        lip = tensor(cut(self.windows)).flatten(2) if self.raw_audio else tensor(cut(self.audio["lip"]))
        lip = torch.where(no_lip, torch.zeros_like(lip), lip)
        held = own[:, None].expand_as(expression)
        expression = held if self.raw_audio else torch.where(no_expression, held, expression)
        conditions = MotionConditions(
            lip=lip,
            driving_expression=expression,
            reference_expression=own,
            face_mask=box_masks(clips["reference_face_box"][c, r], size, stage.device),
            lip_mask=box_masks(clips["reference_lip_box"][c, r], size, stage.device),
        )
        clean = tensor(cut(self.latents)) * DEMO.vae.scaling_factor
        bucket = torch.from_numpy(motion_bucket(cut(clips["pose"])))
        return FilmBatch(clean, tensor(self.portraits[c, r]), conditions, bucket)
