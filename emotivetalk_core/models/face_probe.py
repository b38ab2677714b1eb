"""The probe of faces: a small network that reads a face from its pixels: mouth opening, action units, emotion, and who
it is.

It learns from drawn heads, or from drawn and rendered ones (evaluation/probes.py), never from generated frames, and
drives nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ..types import EMOTIONS
from ..weight_files.bundled import BUNDLED_PROBES
from ..weight_files.checkpoint import load_network

BUNDLED_PROBE = BUNDLED_PROBES / "face_probe.safetensors"
"""Learnt from drawn heads."""

BUNDLED_PEOPLE_PROBE = BUNDLED_PROBES / "people_probe.safetensors"
"""Learnt from drawn heads and rendered people."""


@dataclass(frozen=True)
class FaceProbeConfig:
    """channels: width of each halving convolution · embedding: width of the identity vector."""

    channels: tuple[int, ...] = (24, 48, 96, 128, 128)
    embedding: int = 64
    action_units: int = 14
    emotions: int = len(EMOTIONS)


@dataclass(frozen=True)
class FaceReading:
    """opening [b] 0…1 · action_units [b, a] 0…1 · emotion [b, 8] logits · identity [b, d] of unit length."""

    opening: torch.Tensor
    action_units: torch.Tensor
    emotion: torch.Tensor
    identity: torch.Tensor


class FaceProbe(nn.Module):
    """Two plain convolutional trunks: one for what the face does, one for whose it is."""

    def __init__(self, config: FaceProbeConfig, *, operations=nn, dtype: torch.dtype | None = None, device=None):
        super().__init__()
        self.config = config
        place = {"dtype": dtype, "device": device}

        def trunk() -> nn.Sequential:
            layers: list[nn.Module] = []
            width = 3
            for channels in config.channels:
                layers += [operations.Conv2d(width, channels, 3, stride=2, padding=1, **place)]
                layers += [operations.GroupNorm(8, channels, **place), nn.SiLU()]
                layers += [operations.Conv2d(channels, channels, 3, padding=1, **place), nn.SiLU()]
                width = channels
            return nn.Sequential(*layers, nn.Flatten())

        features = config.channels[-1] * 16  # 128 px after five halvings: 4 × 4
        self.face, self.person = trunk(), trunk()
        self.opening = operations.Linear(features, 1, **place)
        self.action_units = operations.Linear(features, config.action_units, **place)
        self.emotion = operations.Linear(features, config.emotions, **place)
        self.identity = operations.Linear(features, config.embedding, **place)

    def forward(self, frames: torch.Tensor) -> FaceReading:
        """Talking crops [b, 3, s, s] in 0…1, resized to 128."""
        if frames.shape[-1] != 128:
            frames = F.interpolate(frames, size=(128, 128), mode="bilinear", antialias=True)
        x = frames * 2 - 1
        face = self.face(x)
        return FaceReading(
            opening=self.opening(face)[:, 0],
            action_units=self.action_units(face),
            emotion=self.emotion(face),
            identity=F.normalize(self.identity(self.person(x)), dim=-1),
        )


def read_frames(probe: FaceProbe, frames: torch.Tensor, batch: int = 64) -> FaceReading:
    """Reads [n, 3, s, s] in batches."""
    with torch.inference_mode():
        parts = [probe(part) for part in frames.split(batch)]
    fields = ("opening", "action_units", "emotion", "identity")
    return FaceReading(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


def load_probe(path: Path, device: torch.device | str = "cpu") -> FaceProbe:
    """The probe as shipped, in eval mode."""
    return load_network(path, "face_probe", FaceProbe, FaceProbeConfig, device).eval().requires_grad_(False)
