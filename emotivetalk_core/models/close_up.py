"""The network that looks at a portrait's eyes and mouth from close by, and says how they look when the face moves.
[ours]

It sees the face brought to one place by eyes and mouth, and is told what lips and expression are to be; what its
answers are used for stands in face/close_up.py. A new one says that all stays as it is.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from ..face.close_up import CloseUp
from ..layers.parts import Parts
from ..layers.patches import in_patches, out_of_patches
from ..layers.resnet import as_pictures_lie
from ..weight_files.checkpoint import load_network
from .patch_unet import PatchUNet

KIND = "close_up"
_PATCH = 2
_UNIT = 0.05
"""Of the offsets, in widths of the close-up: what a number of order one means."""
_SURE = 3.0
"""Added to the shares before the sigmoid: of a new network they are 0.95."""


@dataclass(frozen=True)
class CloseUpConfig:
    """channels, norm_groups: as RetoucherConfig's · motion: of the latents of lips and expression together ·
    motion_width: of the layers that take them in.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    norm_groups: int = 8
    motion: int = 0
    motion_width: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON gives a list


class CloseUpNetwork(PatchUNet):
    """Faces in their place [1 or k, 3, h, w], in 0…1, and motions [k, d] to a CloseUp in float32, where the faces are;
    None where the motion has another number of latents than the config says, for then it is of other weights.

    A motion may have one more column, 1 for a face that is seen in a mirror and whose latents are not: there the eyes
    look the other way.
    """

    def __init__(
        self,
        config: CloseUpConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        parts = Parts(operations, dtype, device)
        widths = config.channels
        super().__init__(3 * _PATCH**2, widths, config.norm_groups, config.motion + 1, config.motion_width, parts)
        self.config = config
        self.flow = parts.conv2d(widths[0], 2, 3, padding=1)
        self.fine = parts.conv2d(widths[0], 4 * _PATCH**2, 3, padding=1)
        for last in (self.flow, self.fine):
            for tensor in last.parameters():
                nn.init.zeros_(tensor)

    def forward(self, faces: torch.Tensor, motion: torch.Tensor) -> CloseUp | None:
        unsaid = self.config.motion + 1 - motion.shape[-1]
        if unsaid not in (0, 1):
            return None
        motion = F.pad(motion, (0, unsaid))
        seen = in_patches((faces * 2 - 1).to(self.stem.weight), _PATCH).contiguous(memory_format=torch.channels_last)
        x = self.features(seen, motion)
        offset, fine = self.flow(x), out_of_patches(self.fine(x), _PATCH)
        offset, fine = (each.to(faces.device, torch.float32) for each in (offset, fine))
        share, added = fine.split((1, 3), 1)
        return CloseUp(_UNIT * offset, (share + _SURE).sigmoid(), added)


def load_close_up(path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> CloseUpNetwork:
    """That of a file, frozen. Raises WeightsError."""
    network = load_network(path, KIND, CloseUpNetwork, CloseUpConfig, device, dtype).requires_grad_(False)
    as_pictures_lie(network)
    return network
