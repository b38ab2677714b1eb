"""Gaussian blur."""

from functools import lru_cache

import torch

from .banded import Banded, in_blocks


def blurred(pictures: torch.Tensor, sigma: float, radius: int) -> torch.Tensor:
    """Pictures [..., h, w] blurred by a Gaussian of `sigma` pixels that is cut off beyond `radius`; the pixels at the
    border go on beyond it.
    """
    kind = pictures.device, pictures.dtype, not in_blocks(pictures)
    rows, columns = (_gaussian(side, sigma, radius, *kind) for side in pictures.shape[-2:])
    return columns.across(rows.down(pictures))


def blurred_along_lines(pictures: torch.Tensor, sigma: float, radius: int) -> torch.Tensor:
    """The same to the left and right alone."""
    kind = pictures.device, pictures.dtype, not in_blocks(pictures)
    return _gaussian(pictures.shape[-1], sigma, radius, *kind).across(pictures)


@lru_cache(maxsize=16)
def _gaussian(side: int, sigma: float, radius: int, device: torch.device, dtype: torch.dtype, whole: bool) -> Banded:
    """[side, side]: the weights of all pixels of a line in each blurred one."""
    offsets = torch.arange(-radius, radius + 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    seen = (torch.arange(side)[:, None] + offsets).clamp(0, side - 1)  # [side, 2 * radius + 1]
    matrix = torch.zeros(side, side).scatter_add_(1, seen, (weights / weights.sum()).expand_as(seen))
    return Banded.of(matrix.to(device, dtype), whole=whole)
