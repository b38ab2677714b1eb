"""Gaussian blur, as products with a matrix for each direction: on a CPU several times as fast as convolutions."""

from functools import lru_cache

import torch


def blurred(pictures: torch.Tensor, sigma: float, radius: int) -> torch.Tensor:
    """Pictures [..., h, w] blurred by a Gaussian of `sigma` pixels that is cut off beyond `radius`; the pixels at the
    border go on beyond it.
    """
    rows, columns = (_matrix(side, sigma, radius).to(pictures) for side in pictures.shape[-2:])
    return rows @ pictures @ columns.T


@lru_cache(maxsize=16)
def _matrix(side: int, sigma: float, radius: int) -> torch.Tensor:
    """[side, side]: the weights of all pixels of a line in each blurred one."""
    offsets = torch.arange(-radius, radius + 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    seen = (torch.arange(side)[:, None] + offsets).clamp(0, side - 1)  # [side, 2 * radius + 1]
    return torch.zeros(side, side).scatter_add_(1, seen, (weights / weights.sum()).expand_as(seen))
