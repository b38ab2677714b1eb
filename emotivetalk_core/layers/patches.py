"""Squares of pixels as channels, and back: pixel_unshuffle and pixel_shuffle, in the order of channels-last memory.

Torch moves each number by itself, which in a small network on a CPU takes as long as its convolutions. Four numbers of
16 bits that lie side by side are moved as one of 64.
"""

import torch
from torch.nn import functional as F


def in_patches(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures [k, c, h, w] to [k, c*side*side, h/side, w/side]."""
    if not _as_one(pictures, side):
        return F.pixel_unshuffle(pictures, side)
    count, channels, height, width = pictures.shape
    lines = pictures.contiguous().view(torch.int64).view(count, channels, height // side, side, width // side)
    lines = lines.permute(0, 2, 4, 1, 3).reshape(
        count, height // side, width // side, -1
    )  # [k, h/side, w/side, c*side]
    return lines.view(pictures.dtype).permute(0, 3, 1, 2)


def out_of_patches(patches: torch.Tensor, side: int) -> torch.Tensor:
    """Patches [k, c*side*side, h, w] to pictures [k, c, h*side, w*side]."""
    if not _as_one(patches, side):
        return F.pixel_shuffle(patches, side)
    count, _, height, width = patches.shape
    lines = patches.permute(0, 2, 3, 1).contiguous().view(torch.int64).view(count, height, width, -1, side)
    lines = lines.permute(0, 3, 1, 4, 2).reshape(count, -1, height * side, width)  # [k, c, h*side, w]
    return lines.view(patches.dtype)


def _as_one(numbers: torch.Tensor, side: int) -> bool:
    """Whether `side` numbers are one of 64 bits, and nobody wants gradients of what is no number then."""
    return numbers.device.type == "cpu" and side * numbers.element_size() == 8 and not numbers.requires_grad
