"""How a drawn or rendered head stands, read from a picture: a small network that knows where in the picture things lie.

The motion encoder cannot say it: its features are made to forget place and turn. The reader knows the drawn
heads and rendered people it was trained on; for photographs the course comes from landmarks (face/head_course.py).
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.parts import Parts

KIND = "head_pose_reader"
POSE_PARTS = 6


@dataclass(frozen=True)
class HeadPoseReaderConfig:
    """input_size: pixels of the square that it looks at, a multiple of 16 · channels: after each halving · width: of
    the hidden layer · unit: what its outputs are multiplied by to be types.HeadPose's parts.
    """

    input_size: int = 64
    channels: tuple[int, ...] = (24, 48, 64, 64)
    width: int = 96
    norm_groups: int = 4
    unit: tuple[float, ...] = (0.1, 0.1, 0.1, 0.03, 0.03, 0.03)

    def __post_init__(self) -> None:
        for name in ("channels", "unit"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON gives a list


class HeadPoseReader(nn.Module):
    """Convolutions that halve the picture, then two layers on all of what is left, so that places count."""

    def __init__(
        self,
        config: HeadPoseReaderConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device)
        self.config = config
        widths = (3, *config.channels)
        self.convs = nn.ModuleList(
            parts.conv2d(fine, coarse, 3, stride=2, padding=1)
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.norms = nn.ModuleList(parts.group_norm(config.norm_groups, width) for width in widths[1:])
        left = config.input_size // 2 ** len(config.channels)
        self.hidden = parts.linear(widths[-1] * left * left, config.width)
        self.out = parts.linear(config.width, POSE_PARTS)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Talking crops [b, 3, s, s] RGB 0…1 -> how their heads stand [b, 6] as types.HeadPose, from an upright head in
        the middle of the crop.
        """
        size = self.config.input_size
        x = F.interpolate(crops, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        x = x.to(self.out.weight.dtype) * 4 - 2
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.silu(norm(conv(x)))
        parts = self.out(F.silu(self.hidden(x.flatten(1)))).float()  # [b, 6]
        unit = parts.new_tensor(self.config.unit)
        return parts * unit + parts.new_tensor([0, 0, 0, 0, 0, 1.0])
