"""The two trunks that a motion encoder can stand on: PD-FGC's face-alignment network, and a small one for the demo.

Both turn an image [b, 3, s, s] in -1…1 into one feature vector [b, dim]. They know nothing of lips or expressions.

Batch norm is ours (layers/batch_norm.py), since hosts' sets of operations have none.
"""

import torch
import torch.nn.functional as F
from torch import nn

from ..layers.batch_norm import BatchNorm2d
from ..layers.parts import PLAIN, Parts

Device = torch.device | str | None


class ConvolutionBlock(nn.Module):
    """Three pre-activated 3x3 convolutions of 1/2, 1/4 and 1/4 of the width, concatenated, plus a residual.

    Names and layout as in the face-alignment network (Bulat & Tzimiropoulos 2017), so that PD-FGC's weights fit.
    """

    def __init__(self, width_in: int, width_out: int, *, parts: Parts) -> None:
        super().__init__()
        half, quarter = width_out // 2, width_out // 4
        self.bn1 = BatchNorm2d(width_in, **parts.factory_kwargs)
        self.conv1 = parts.conv2d(width_in, half, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(half, **parts.factory_kwargs)
        self.conv2 = parts.conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = BatchNorm2d(quarter, **parts.factory_kwargs)
        self.conv3 = parts.conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = None
        if width_in != width_out:  # the reference's name; it changes the width, not the size
            self.downsample = nn.Sequential(
                BatchNorm2d(width_in, **parts.factory_kwargs),
                nn.ReLU(),
                parts.conv2d(width_in, width_out, 1, bias=False),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        residual = x if self.downsample is None else self.downsample(x)
        return torch.cat((first, second, third), dim=1) + residual


class Hourglass(nn.Module):
    """Depth-4 hourglass. Level k holds b1_k (at this size) and b2_k, b3_k (at half of it); level 1 also b2_plus_1.

    The reference has dropout on the upper branch while training; this trunk is only ever used frozen.
    """

    def __init__(self, depth: int, width: int, *, parts: Parts) -> None:
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            for branch in ("b1", "b2", "b2_plus", "b3"):
                if branch != "b2_plus" or level == 1:
                    block = ConvolutionBlock(width, width, parts=parts)
                    self.add_module(f"{branch}_{level}", block)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._level(self.depth, x)

    def _level(self, level: int, x: torch.Tensor) -> torch.Tensor:
        lower = self.get_submodule(f"b2_{level}")(F.max_pool2d(x, 2))
        lower = self._level(level - 1, lower) if level > 1 else self.get_submodule("b2_plus_1")(lower)
        lower = self.get_submodule(f"b3_{level}")(lower)
        raised = F.interpolate(lower, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.get_submodule(f"b1_{level}")(x) + raised


class FanTrunk(nn.Module):
    """PD-FGC's trunk: image [b, 3, s, s] -> [b, dim]; s = 224 and dim = 512 there.

    7x7/2 stem, three blocks, one hourglass at 256 channels, 68 landmark heatmaps, down to one map of (s/8)² and a
    linear layer. Key names are the reference's, without its prefix `model.`.
    """

    def __init__(
        self,
        input_size: int,
        dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.conv1 = parts.conv2d(3, 64, 7, stride=2, padding=3)
        self.bn1 = BatchNorm2d(64, **parts.factory_kwargs)
        self.conv2 = ConvolutionBlock(64, 128, parts=parts)
        self.conv3 = ConvolutionBlock(128, 128, parts=parts)
        self.conv4 = ConvolutionBlock(128, 256, parts=parts)
        self.m0 = Hourglass(4, 256, parts=parts)
        self.top_m_0 = ConvolutionBlock(256, 256, parts=parts)
        self.conv_last0 = parts.conv2d(256, 256, 1)
        self.bn_end0 = BatchNorm2d(256, **parts.factory_kwargs)
        self.l0 = parts.conv2d(256, 68, 1)
        self.bn5 = BatchNorm2d(68, **parts.factory_kwargs)
        self.conv6 = parts.conv2d(68, 1, 3, stride=2, padding=1)
        self.fc = parts.linear((input_size // 8) ** 2, dim)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(image)))  # [b, 64, s/2, s/2]
        x = F.max_pool2d(self.conv2(x), 2)  # [b, 128, s/4, s/4]
        x = self.conv4(self.conv3(x))  # [b, 256, s/4, s/4]
        x = self.top_m_0(self.m0(x))
        heatmaps = self.l0(F.relu(self.bn_end0(self.conv_last0(x))))  # [b, 68, s/4, s/4]
        one_map = self.conv6(F.relu(self.bn5(heatmaps)))  # [b, 1, s/8, s/8]
        return self.fc(F.relu(one_map.flatten(1)))


class ResidualDown(nn.Module):
    """Halves the size: two 3x3 convolutions with group norm beside a strided 1x1."""

    def __init__(self, width_in: int, width_out: int, *, parts: Parts) -> None:
        super().__init__()
        self.conv1 = parts.conv2d(width_in, width_out, 3, stride=2, padding=1)
        self.norm1 = parts.group_norm(8, width_out)
        self.conv2 = parts.conv2d(width_out, width_out, 3, padding=1)
        self.norm2 = parts.group_norm(8, width_out)
        self.skip = parts.conv2d(width_in, width_out, 1, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.silu(self.norm1(self.conv1(x)))
        return F.silu(self.norm2(self.conv2(inner)) + self.skip(x))


class SmallTrunk(nn.Module):
    """The demo's trunk: image [b, 3, s, s] -> [b, dim], each of `channels` halving the size; there, 96 pixels.

    Its last map is read as a 3x3 grid whose cells keep their place, since where the brows and the mouth's corners are
    IS the expression; the map before it is averaged over the picture.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.stem = parts.conv2d(3, channels[0], 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(
            ResidualDown(wide_in, wide_out, parts=parts)
            for wide_in, wide_out in zip(channels, channels[1:], strict=False)
        )
        self.fc = parts.linear(channels[-1] * 9 + channels[-2], dim)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = F.silu(self.stem(image))
        for block in self.blocks:
            previous, x = x, block(x)
        grid = F.adaptive_avg_pool2d(x, 3).flatten(1)  # [b, 9 c]
        return self.fc(torch.cat((grid, previous.mean(dim=(2, 3))), dim=1))
