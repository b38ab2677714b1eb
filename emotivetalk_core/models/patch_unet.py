"""A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) on patches of pixels, which may be told what each picture
is to show. [ours]

What networks on pictures of faces share that are not the paper's: the retoucher, and the close-up.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers.parts import Parts


class PatchUNet(nn.Module):
    """Patches [b, inputs, h, w] to features [b, channels[0], h, w].

    channels: of the levels, each half as fine as the one before · groups: of the norms · told: how many latents it is
    told, 0 for none, through layers of `told_width`. h and w are multiples of 2^(levels - 1).
    """

    def __init__(
        self, inputs: int, channels: tuple[int, ...], groups: int, told: int, told_width: int, parts: Parts
    ) -> None:
        super().__init__()
        pairs, width = list(zip(channels, channels[1:])), told_width if told else 0
        self.stem = parts.conv2d(inputs, channels[0], 3, padding=1)
        if told:
            self.motion = nn.Sequential(parts.linear(told, width), nn.SiLU(), parts.linear(width, width), nn.SiLU())
        self.down = nn.ModuleList(_Block(fine, fine, groups, width, parts) for fine, _ in pairs)
        self.pool = nn.ModuleList(parts.conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)
        self.mid = _Block(channels[-1], channels[-1], groups, width, parts)
        self.up = nn.ModuleList(parts.conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.back = nn.ModuleList(_Block(2 * fine, fine, groups, width, parts) for fine, _ in pairs)

    def features(self, patches: torch.Tensor, motion: torch.Tensor | None) -> torch.Tensor:
        """motion [b or more, told]: of each picture; one row of patches is shared by all."""
        x = self.stem(patches)
        told = None if motion is None else self.motion(motion.to(x))
        if told is not None and len(x) < len(told):
            x = x.expand(len(told), -1, -1, -1)
        kept = []
        for block, pool in zip(self.down, self.pool):
            x = block(x, told)
            kept.append(x)
            x = pool(x)
        x = self.mid(x, told)
        for fine, up, block in reversed(list(zip(kept, self.up, self.back))):
            x = F.interpolate(up(x), size=fine.shape[-2:], mode="bilinear")
            x = block(torch.cat((fine, x), 1), told)
        return x


class _Block(nn.Module):
    """Two convolutions with norms, and what came in beside them; `told` [k, t] scales and shifts after the first norm
    (FiLM, Perez et al. 2018, arXiv:1709.07871). A new one does not heed it.
    """

    def __init__(self, inputs: int, outputs: int, groups: int, told: int, parts: Parts) -> None:
        super().__init__()
        self.conv1 = parts.conv2d(inputs, outputs, 3, padding=1)
        self.norm1 = parts.group_norm(groups, outputs)
        self.conv2 = parts.conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = parts.group_norm(groups, outputs)
        self.skip = parts.conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        if told:
            self.heed = parts.linear(told, 2 * outputs)
            for tensor in self.heed.parameters():
                nn.init.zeros_(tensor)

    def forward(self, x: torch.Tensor, told: torch.Tensor | None) -> torch.Tensor:
        y = self.norm1(self.conv1(x))
        if told is not None:
            scale, shift = self.heed(told)[..., None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        y = self.norm2(self.conv2(F.silu(y)))
        return F.silu(self.skip(x) + y)
