"""The network that looks at a frame and at its portrait and says what of the portrait can still be seen. [ours]

It sees patches of 4 x 4 pixels; what its answers are used for stands in face/retouch.py. A new one says that nothing
came from elsewhere and that little is the portrait's, and adds nothing.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ..face.resizing import enlarged
from ..face.retouch import Retouch
from ..layers.parts import Parts
from ..layers.patches import in_patches, out_of_patches
from ..layers.resnet import as_pictures_lie
from ..weight_files.checkpoint import load_network
from .patch_unet import PatchUNet

KIND = "retoucher"
PATCH = 4
_UNIT = 0.05
"""Of the offsets, in sides of the picture: what a number of order one means."""
_DOUBTFUL = -2.0
"""Added to the shares before the sigmoid: of a new network they are an eighth."""


@dataclass(frozen=True)
class RetoucherConfig:
    """channels: of the levels, each half as fine as the one before; the finest has a place for each patch ·
    norm_groups: of the norms · motion: of the latents of lips and expression together that a frame was made of; 0: the
    network is not told them · motion_width: of the layers that take them in · offsets: along the side of a patch, where
    one would smear lips that touch.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    norm_groups: int = 8
    motion: int = 0
    motion_width: int = 128
    offsets: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON gives a list


class Retoucher(PatchUNet):
    """Frames [k, 3, s, s] and pictures [1 or k, 3, s, s], in 0…1, to a Retouch in float32, where the frames are.

    motion [k, d]: what lips and expression of each frame were to be (`VideoConditions.motion`), of as many latents as
    the config says. It is not heeded where it has another number of them, for then it is of other weights; without it,
    the network goes by what it sees.
    """

    def __init__(
        self,
        config: RetoucherConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        parts, widths = Parts(operations, dtype, device), config.channels
        super().__init__(6 * PATCH**2, widths, config.norm_groups, config.motion, config.motion_width, parts)
        self.config = config
        self.flow = parts.conv2d(widths[0], 2 * config.offsets**2, 3, padding=1)
        self.fine = parts.conv2d(widths[0], 5 * PATCH**2, 3, padding=1)
        for last in (self.flow, self.fine):
            for tensor in last.parameters():
                nn.init.zeros_(tensor)

    def forward(self, frames: torch.Tensor, pictures: torch.Tensor, motion: torch.Tensor | None = None) -> Retouch:
        size, step = frames.shape[-2:], PATCH * 2 ** len(self.pool)
        whole = torch.Size(math.ceil(side / step) * step for side in size)

        def seen(each: torch.Tensor) -> torch.Tensor:
            return in_patches((enlarged(each, whole) * 2 - 1).to(self.stem.weight), PATCH)

        beside = seen(pictures).expand(len(frames), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        told = motion is not None and motion.shape[-1] == self.config.motion
        x = self.features(torch.cat((seen(frames), beside), 1), motion if told else None)
        offset = out_of_patches(self.flow(x), self.config.offsets)
        fine = out_of_patches(self.fine(x), PATCH)
        offset, fine = (each.to(frames.device, torch.float32) for each in (offset, fine))
        share, shading, added = enlarged(fine, size).split((1, 1, 3), 1)
        return Retouch(_UNIT * offset, (share + _DOUBTFUL).sigmoid(), shading.sigmoid(), added)


def load_retoucher(path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Retoucher:
    """That of a file, frozen. Raises WeightsError."""
    network = load_network(path, KIND, Retoucher, RetoucherConfig, device, dtype).requires_grad_(False)
    as_pictures_lie(network)
    return network
