"""What the probes read from a film, frame by frame: all that is kept of it."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..models.face_probe import FaceProbe, read_frames
from ..types import EMOTIONS, FaceRegions

HEAT_REGIONS = ("lips", "face", "around")
"""Lips; face without lips; everything else."""


@dataclass(frozen=True, eq=False)
class Readings:
    """opening [n] 0…1 · action_units [n, a] 0…1 · emotion [n, 8] probabilities · identity [n, d] of unit length ·
    background [n, 3]: mean colour of the picture's two upper corners · heat [n, 3]: mean difference from the
    portrait, by HEAT_REGIONS."""

    opening: np.ndarray
    action_units: np.ndarray
    emotion: np.ndarray
    identity: np.ndarray
    background: np.ndarray
    heat: np.ndarray

    @property
    def person(self) -> np.ndarray:
        """The mean identity vector [d], of unit length."""
        mean = self.identity.mean(0)
        return mean / max(1e-9, float(np.linalg.norm(mean)))

    @property
    def emotion_shares(self) -> np.ndarray:
        """For each of the eight emotions the share of frames in which it is the likeliest."""
        return np.bincount(self.emotion.argmax(1), minlength=len(EMOTIONS)) / len(self.emotion)

    @property
    def vote(self) -> str:
        """The emotion of most frames."""
        return EMOTIONS[int(self.emotion_shares.argmax())]

    def reads_as(self, emotion: str) -> float:
        """Share of frames in which this emotion is the likeliest."""
        return float(self.emotion_shares[EMOTIONS.index(emotion)])

    def cut(self, frames: slice) -> "Readings":
        return Readings(*(getattr(self, field.name)[frames] for field in fields(self)))

    def save(self, path: Path) -> None:
        """Written in one move."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **{field.name: getattr(self, field.name) for field in fields(self)})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Readings":
        with np.load(path, allow_pickle=False) as file:
            return cls(*(file[field.name] for field in fields(cls)))


def read_film(probe: FaceProbe, chunks: Iterable[torch.Tensor], portrait: FaceRegions) -> Readings:
    """Reads chunks of frames [k, 3, s, s] in 0…1 as they come; none of them is kept."""
    device = next(probe.parameters()).device
    parts = [_read(probe, chunk.to(device, torch.float32), portrait) for chunk in chunks]
    return Readings(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Readings)))


def _read(probe: FaceProbe, frames: torch.Tensor, portrait: FaceRegions) -> Readings:
    read = read_frames(probe, frames)
    if frames.shape[-1] > portrait.crop.shape[-1]:  # of a finer decoder
        frames = F.interpolate(frames, size=portrait.crop.shape[-2:], mode="area")
    lips, face = portrait.lip_mask.to(frames), portrait.face_mask.to(frames)
    regions = torch.stack([lips, (1 - lips) * face, (1 - lips) * (1 - face)])  # [3, 1, s, s]
    difference = (frames - portrait.crop.to(frames)).abs().mean(1, keepdim=True)  # [k, 1, s, s]
    heat = (difference[:, None] * regions).sum((2, 3, 4)) / regions.sum((1, 2, 3)).clamp(min=1)  # [k, 3]
    corner = frames.shape[-1] // 8
    upper = torch.cat([frames[..., :corner, :corner], frames[..., :corner, -corner:]], -1)
    parts = (read.opening, read.action_units, read.emotion.softmax(-1), read.identity, upper.mean((2, 3)), heat)
    return Readings(*(part.float().cpu().numpy() for part in parts))
