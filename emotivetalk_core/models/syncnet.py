"""SyncNet: five pictures of a mouth and 0.2 s of sound become two vectors that lie close where the two belong together
(Chung and Zisserman 2016, "Out of time: automated lip sync in the wild").

Keys and sizes were established from syncnet_python, by its authors; their numbering of layers is kept, so that their
weights fit. What becomes of the vectors stands in measuring/syncnet.py. Only to be used frozen.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ..layers.parts import Parts

KIND = "syncnet"
SIDE, PICTURES = 224, 5
COEFFICIENTS, STEPS = 13, 20
"""Of the sound: mel-frequency cepstral coefficients, and steps of 10 ms."""


@dataclass(frozen=True)
class SyncNetConfig:
    """thinner: every width divided by this; 1 is the published network · width: of the vectors."""

    thinner: int = 1
    width: int = 1024


class SyncNet(nn.Module):
    """Two towers of convolutions."""

    def __init__(
        self,
        config: SyncNetConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        parts, k = Parts(operations, dtype, device), config.thinner

        def flat(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, padding: int = 1) -> list[nn.Module]:
            convolution = parts.conv2d(inputs // k or 1, outputs // k, kernel, padding=padding)
            return [convolution, nn.BatchNorm2d(outputs // k, **parts.factory_kwargs), nn.ReLU(inplace=True)]

        def deep(inputs: int, outputs: int, kernel: int, **shape: Any) -> list[nn.Module]:
            convolution = parts.conv3d(inputs, outputs // k, (1, kernel, kernel), **shape)
            return [convolution, nn.BatchNorm3d(outputs // k, **parts.factory_kwargs), nn.ReLU(inplace=True)]

        def dense() -> nn.Sequential:
            hidden = 512 // k
            first, norm = parts.linear(hidden, hidden), nn.BatchNorm1d(hidden, **parts.factory_kwargs)
            return nn.Sequential(first, norm, nn.ReLU(), parts.linear(hidden, config.width))

        self.netcnnaud = nn.Sequential(
            *flat(1, 64),
            nn.Identity(),  # a pooling of one cell, which their numbering counts
            *flat(64, 192),
            nn.MaxPool2d((3, 3), (1, 2)),
            *flat(192, 384),
            *flat(384, 256),
            *flat(256, 256),
            nn.MaxPool2d((3, 3), (2, 2)),
            *flat(256, 512, (5, 4), 0),
        )
        self.netfcaud = dense()
        self.netfclip = dense()
        half = {"stride": (1, 2, 2), "padding": (0, 1, 1)}
        first = parts.conv3d(3, 96 // k, (5, 7, 7), stride=(1, 2, 2))
        self.netcnnlip = nn.Sequential(
            *(first, nn.BatchNorm3d(96 // k, **parts.factory_kwargs), nn.ReLU(inplace=True)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *deep(96 // k, 256, 5, **half),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *deep(256 // k, 256, 3, padding=(0, 1, 1)),
            *deep(256 // k, 256, 3, padding=(0, 1, 1)),
            *deep(256 // k, 256, 3, padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *deep(256 // k, 512, 6),
        )

    def encode_sound(self, coefficients: torch.Tensor) -> torch.Tensor:
        """[b, 1, 13, 20] -> [b, width]."""
        return self.netfcaud(self.netcnnaud(coefficients).flatten(1))

    def encode_mouths(self, mouths: torch.Tensor) -> torch.Tensor:
        """[b, 3, 5, 224, 224] BGR in 0…255, as its authors read pictures -> [b, width]."""
        return self.netfclip(self.netcnnlip(mouths).flatten(1))

    def encode_film(self, film: torch.Tensor) -> torch.Tensor:
        """[n, 3, 224, 224] BGR in 0…255 -> [n - 4, width]: what `encode_mouths` gives for every five consecutive
        pictures. Only the first layer looks along time, so all of them are encoded at once.
        """
        seen = self.netcnnlip(film.transpose(0, 1)[None])  # [1, c, n - 4, 1, 1]
        return self.netfclip(seen[0, :, :, 0, 0].T)
