"""I3D, what FVD reads of a film (Carreira and Zisserman 2017, "Quo Vadis, Action Recognition?"): Inception-v1 inflated
into time, with 400 classes of Kinetics.

Keys and sizes were established from pytorch-i3d, whose weights (trained on ImageNet and Kinetics) it takes as they are.
Padding is TensorFlow's: as many cells as the stride leaves open, the odd one behind. Only to be used frozen.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.parts import Parts

KIND = "i3d"
SIDE = 224
LEAST_FRAMES = 9
"""Fewer leave less than the two steps in time that the last pooling takes together."""

_MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Widths of each block's branches: 1; 1 then 3; 1 then 3; pooled then 1."""


@dataclass(frozen=True)
class I3DConfig:
    """thinner: every width divided by this; 1 is the published network · classes: what it tells apart."""

    thinner: int = 1
    classes: int = 400


def _padded(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], value: float = 0.0) -> torch.Tensor:
    """So that a layer gives ceil(size / stride) cells."""
    sides: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        missing = max(k - (s if size % s == 0 else size % s), 0)
        sides += [missing // 2, missing - missing // 2]
    return F.pad(x, sides, value=value)


def _pooled(x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    return F.max_pool3d(_padded(x, kernel, stride), kernel, stride)  # zeros do not win: all comes out of ReLUs


class _Unit(nn.Module):
    """Convolution, batch norm, ReLU; the last of all without the latter two."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, parts: Parts, *, last: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = parts.conv3d(inputs, outputs, kernel, stride=stride, bias=last)
        self.bn = None if last else nn.BatchNorm3d(outputs, eps=0.001, **parts.factory_kwargs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv3d(_padded(x, self.kernel, self.stride))
        return x if self.bn is None else F.relu(self.bn(x), inplace=True)


class _Mixed(nn.Module):
    """Four branches side by side."""

    def __init__(self, inputs: int, widths: tuple[int, ...], parts: Parts) -> None:
        super().__init__()
        self.b0 = _Unit(inputs, widths[0], 1, 1, parts)
        self.b1a = _Unit(inputs, widths[1], 1, 1, parts)
        self.b1b = _Unit(widths[1], widths[2], 3, 1, parts)
        self.b2a = _Unit(inputs, widths[3], 1, 1, parts)
        self.b2b = _Unit(widths[3], widths[4], 3, 1, parts)
        self.b3b = _Unit(inputs, widths[5], 1, 1, parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = _pooled(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], 1)


class I3D(nn.Module):
    """Films to the logits that FVD compares."""

    def __init__(
        self,
        config: I3DConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        parts, k = Parts(operations, dtype, device), config.thinner
        self.Conv3d_1a_7x7 = _Unit(3, 64 // k, 7, 2, parts)
        self.Conv3d_2b_1x1 = _Unit(64 // k, 64 // k, 1, 1, parts)
        self.Conv3d_2c_3x3 = _Unit(64 // k, 192 // k, 3, 1, parts)
        width = 192 // k
        for name, widths in _MIXED.items():
            thin = tuple(w // k for w in widths)
            self.add_module(name, _Mixed(width, thin, parts))
            width = thin[0] + thin[2] + thin[4] + thin[5]
        self.logits = _Unit(width, config.classes, 1, 1, parts, last=True)

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        """[b, 3, n, 224, 224] RGB in -1…1, n of 9 at least -> logits [b, classes], their mean over time."""
        x = _pooled(self.Conv3d_1a_7x7(films), (1, 3, 3), (1, 2, 2))
        x = _pooled(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in _MIXED:
            if name == "Mixed_4b":
                x = _pooled(x, (3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                x = _pooled(x, (2, 2, 2), (2, 2, 2))
            x = self.get_submodule(name)(x)
        x = self.logits(F.avg_pool3d(x, (2, 7, 7), 1))  # [b, classes, t, 1, 1]
        return x.mean((2, 3, 4))
