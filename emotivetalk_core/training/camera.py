"""What another camera would make of faces [b, 3, s, s] 0…1: another frame, other light, less sharpness, noise.

Samples are drawn one by one, so each of these is written for few calls on one picture. Chance is the caller's.
"""

import torch
from torch.nn import functional as F


def framed(faces: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Another part of the picture, the edges held beyond it: a place (x, y) shows what was at `matrix` [b, 2, 3] times
    (x, y, 1), the picture reaching from -1 to 1. As F.affine_grid, in a third of its time on one picture.
    """
    size = faces.shape[-1]
    centres = (torch.arange(size, device=faces.device) * 2 + 1) / size - 1  # of the pixels
    by_x, by_y, shift = matrix[:, None, None].unbind(-1)  # [b, 1, 1, 2]
    grid = by_x * centres[:, None] + (by_y * centres[:, None, None] + shift)  # [b, s, s, 2]
    return F.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def relit(faces: torch.Tensor, contrast: torch.Tensor, tint: torch.Tensor) -> torch.Tensor:
    """In place: contrast [b, 1, 1, 1] about the middle grey, and a tint [b, 3, 1, 1] added."""
    return faces.sub_(0.5).mul_(contrast).add_(0.5).add_(tint)


def softened(faces: torch.Tensor) -> torch.Tensor:
    """The mean of each pixel and those around it: avg_pool2d without padding takes five times as long."""
    for axis in (-1, -2):
        size = faces.shape[axis]
        sums, counts = faces.clone(), faces.new_full((size,), 3.0)
        sums.narrow(axis, 1, size - 1).add_(faces.narrow(axis, 0, size - 1))
        sums.narrow(axis, 0, size - 1).add_(faces.narrow(axis, 1, size - 1))
        counts[[0, -1]] = 2.0
        faces = sums.div_(counts if axis == -1 else counts[:, None])
    return faces


def noisy(faces: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """In place: with noise of the faces' shape, within 0…1."""
    return faces.add_(noise).clamp_(0, 1)
