"""FID's Inception: what it reads of a picture (Szegedy et al. 2015, "Rethinking the Inception Architecture"; the
weights that Heusel et al. 2017 measured FID with, of 2015-12-05).

Keys, sizes and what differs from the published architecture were established from pytorch-fid, the port that most FID
figures come from: average pooling counts no padding, and the last block pools by the maximum. Its 1008 classes are left
out: FID reads the 2048 means before them. Only to be used frozen.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.parts import Parts

KIND = "inception"
SIDE = 299


@dataclass(frozen=True)
class InceptionConfig:
    """thinner: every width divided by this; 1 is the published network."""

    thinner: int = 1


class _Layer(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], parts: Parts, **shape: Any) -> None:
        super().__init__()
        self.conv = parts.conv2d(inputs, outputs, kernel, bias=False, **shape)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001, **parts.factory_kwargs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def _mean_around(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _BlockA(nn.Module):
    """35 x 35 cells: 1, 5 and twice 3 wide, and what pooling sees."""

    def __init__(self, inputs: int, pooled: int, thinner: int, parts: Parts) -> None:
        super().__init__()
        w48, w64, w96 = 48 // thinner, 64 // thinner, 96 // thinner
        self.branch1x1 = _Layer(inputs, w64, 1, parts)
        self.branch5x5_1 = _Layer(inputs, w48, 1, parts)
        self.branch5x5_2 = _Layer(w48, w64, 5, parts, padding=2)
        self.branch3x3dbl_1 = _Layer(inputs, w64, 1, parts)
        self.branch3x3dbl_2 = _Layer(w64, w96, 3, parts, padding=1)
        self.branch3x3dbl_3 = _Layer(w96, w96, 3, parts, padding=1)
        self.branch_pool = _Layer(inputs, pooled, 1, parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        twice = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, twice, self.branch_pool(_mean_around(x))], 1)


class _BlockB(nn.Module):
    """From 35 x 35 to 17 x 17 cells."""

    def __init__(self, inputs: int, thinner: int, parts: Parts) -> None:
        super().__init__()
        w64, w96 = 64 // thinner, 96 // thinner
        self.branch3x3 = _Layer(inputs, 384 // thinner, 3, parts, stride=2)
        self.branch3x3dbl_1 = _Layer(inputs, w64, 1, parts)
        self.branch3x3dbl_2 = _Layer(w64, w96, 3, parts, padding=1)
        self.branch3x3dbl_3 = _Layer(w96, w96, 3, parts, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        twice = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), twice, F.max_pool2d(x, 3, 2)], 1)


class _BlockC(nn.Module):
    """17 x 17 cells: rows and columns of seven."""

    def __init__(self, inputs: int, narrow: int, thinner: int, parts: Parts) -> None:
        super().__init__()
        wide = 192 // thinner
        row, column = {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = _Layer(inputs, wide, 1, parts)
        self.branch7x7_1 = _Layer(inputs, narrow, 1, parts)
        self.branch7x7_2 = _Layer(narrow, narrow, parts=parts, **row)
        self.branch7x7_3 = _Layer(narrow, wide, parts=parts, **column)
        self.branch7x7dbl_1 = _Layer(inputs, narrow, 1, parts)
        self.branch7x7dbl_2 = _Layer(narrow, narrow, parts=parts, **column)
        self.branch7x7dbl_3 = _Layer(narrow, narrow, parts=parts, **row)
        self.branch7x7dbl_4 = _Layer(narrow, narrow, parts=parts, **column)
        self.branch7x7dbl_5 = _Layer(narrow, wide, parts=parts, **row)
        self.branch_pool = _Layer(inputs, wide, 1, parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), seven, twice, self.branch_pool(_mean_around(x))], 1)


class _BlockD(nn.Module):
    """From 17 x 17 to 8 x 8 cells."""

    def __init__(self, inputs: int, thinner: int, parts: Parts) -> None:
        super().__init__()
        w = 192 // thinner
        self.branch3x3_1 = _Layer(inputs, w, 1, parts)
        self.branch3x3_2 = _Layer(w, 320 // thinner, 3, parts, stride=2)
        self.branch7x7x3_1 = _Layer(inputs, w, 1, parts)
        self.branch7x7x3_2 = _Layer(w, w, (1, 7), parts, padding=(0, 3))
        self.branch7x7x3_3 = _Layer(w, w, (7, 1), parts, padding=(3, 0))
        self.branch7x7x3_4 = _Layer(w, w, 3, parts, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class _BlockE(nn.Module):
    """8 x 8 cells. by_maximum: how its pooling branch pools."""

    def __init__(self, inputs: int, thinner: int, parts: Parts, *, by_maximum: bool) -> None:
        super().__init__()
        w384, w448, self.by_maximum = 384 // thinner, 448 // thinner, by_maximum
        row, column = {"kernel": (1, 3), "padding": (0, 1)}, {"kernel": (3, 1), "padding": (1, 0)}
        self.branch1x1 = _Layer(inputs, 320 // thinner, 1, parts)
        self.branch3x3_1 = _Layer(inputs, w384, 1, parts)
        self.branch3x3_2a = _Layer(w384, w384, parts=parts, **row)
        self.branch3x3_2b = _Layer(w384, w384, parts=parts, **column)
        self.branch3x3dbl_1 = _Layer(inputs, w448, 1, parts)
        self.branch3x3dbl_2 = _Layer(w448, w384, 3, parts, padding=1)
        self.branch3x3dbl_3a = _Layer(w384, w384, parts=parts, **row)
        self.branch3x3dbl_3b = _Layer(w384, w384, parts=parts, **column)
        self.branch_pool = _Layer(inputs, 192 // thinner, 1, parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        three = [self.branch3x3_2a(once), self.branch3x3_2b(once)]
        three += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]
        pooled = F.max_pool2d(x, 3, 1, 1) if self.by_maximum else _mean_around(x)
        return torch.cat([self.branch1x1(x), *three, self.branch_pool(pooled)], 1)


class Inception(nn.Module):
    """Pictures to FID's vectors."""

    def __init__(
        self,
        config: InceptionConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        parts, k = Parts(operations, dtype, device), config.thinner
        self.Conv2d_1a_3x3 = _Layer(3, 32 // k, 3, parts, stride=2)
        self.Conv2d_2a_3x3 = _Layer(32 // k, 32 // k, 3, parts)
        self.Conv2d_2b_3x3 = _Layer(32 // k, 64 // k, 3, parts, padding=1)
        self.Conv2d_3b_1x1 = _Layer(64 // k, 80 // k, 1, parts)
        self.Conv2d_4a_3x3 = _Layer(80 // k, 192 // k, 3, parts)
        self.Mixed_5b = _BlockA(192 // k, 32 // k, k, parts)
        self.Mixed_5c = _BlockA(256 // k, 64 // k, k, parts)
        self.Mixed_5d = _BlockA(288 // k, 64 // k, k, parts)
        self.Mixed_6a = _BlockB(288 // k, k, parts)
        self.Mixed_6b = _BlockC(768 // k, 128 // k, k, parts)
        self.Mixed_6c = _BlockC(768 // k, 160 // k, k, parts)
        self.Mixed_6d = _BlockC(768 // k, 160 // k, k, parts)
        self.Mixed_6e = _BlockC(768 // k, 192 // k, k, parts)
        self.Mixed_7a = _BlockD(768 // k, k, parts)
        self.Mixed_7b = _BlockE(1280 // k, k, parts, by_maximum=False)
        self.Mixed_7c = _BlockE(2048 // k, k, parts, by_maximum=True)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[b, 3, h, w] RGB 0…1, brought to 299 x 299 as pytorch-fid does, bilinear, not antialiased -> [b, 2048]."""
        if pictures.shape[-2:] != (SIDE, SIDE):
            pictures = F.interpolate(pictures, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * pictures - 1)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))
