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
"""Added to the shares before the sigmoid, and taken from how far a place is teeth: of a new network they are 0.95 and
0.05.
"""
_MIDDLE, _ARCH = 0.5, 0.15
"""Of places in the picture of teeth: where they are in a new network, and what a number of order one means."""


@dataclass(frozen=True)
class CloseUpConfig:
    """channels, norm_groups: as RetoucherConfig's · motion: of the latents of lips and expression together ·
    motion_width: of the layers that take them in · teeth: whether it says where on which tooth a place is.
    """

    channels: tuple[int, ...] = (32, 64, 96, 128)
    norm_groups: int = 8
    motion: int = 0
    motion_width: int = 128
    teeth: bool = False

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
        if config.teeth:
            self.tooth = parts.conv2d(widths[0], 2, 3, padding=1)
            self.teeth = parts.conv2d(widths[0], _PATCH**2, 3, padding=1)
        for last in (self.flow, self.fine, *((self.tooth, self.teeth) if config.teeth else ())):
            for tensor in last.parameters():
                nn.init.zeros_(tensor)

    def forward(self, faces: torch.Tensor, motion: torch.Tensor) -> CloseUp | None:
        unsaid = self.config.motion + 1 - motion.shape[-1]
        if unsaid not in (0, 1):
            return None
        motion = F.pad(motion, (0, unsaid))
        seen = in_patches((faces * 2 - 1).to(self.stem.weight), _PATCH).contiguous(memory_format=torch.channels_last)
        x = self.features(seen, motion)
        offset, fine = self._said(self.flow, x, faces), out_of_patches(self._said(self.fine, x, faces), _PATCH)
        share, added = fine.split((1, 3), 1)
        if self.config.teeth:
            tooth, teeth = self._said(self.tooth, x, faces), out_of_patches(self._said(self.teeth, x, faces), _PATCH)
            tooth, teeth = _MIDDLE + _ARCH * tooth, (teeth - _SURE).sigmoid()
        else:
            tooth, teeth = torch.zeros_like(offset), torch.zeros_like(share)
        return CloseUp(_UNIT * offset, (share + _SURE).sigmoid(), added, teeth, tooth)

    def _said(self, last: nn.Module, x: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        return last(x).to(faces.device, torch.float32)


def load_close_up(path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> CloseUpNetwork:
    """That of a file, frozen. Raises WeightsError."""
    network = load_network(path, KIND, CloseUpNetwork, CloseUpConfig, device, dtype).requires_grad_(False)
    as_pictures_lie(network)
    return network
