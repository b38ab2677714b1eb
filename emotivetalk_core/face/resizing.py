"""Pictures at another size, bicubic, with antialiasing where they become smaller."""

from functools import lru_cache

import torch
from torch.nn import functional as F

from .banded import Banded, in_blocks


def resized(pictures: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Pictures [b, c, h, w] at another size, where they have one: as torch resizes them, which on one core takes twice
    as long to enlarge them.
    """
    before = pictures.shape[-2:]
    if before == size:
        return pictures
    larger = size[0] >= before[0] and size[1] >= before[1]
    if not larger or not in_blocks(pictures) or pictures.dtype != torch.float32:
        return F.interpolate(pictures, size=size, mode="bicubic", antialias=True)
    rows, columns = (_enlargement(*sides) for sides in zip(before, size))
    return columns.across(rows.down(pictures))


@lru_cache(maxsize=16)
def _enlargement(before: int, after: int) -> Banded:
    """[after, before]: the weights of all pixels of a line in each of the longer one."""
    lines = torch.eye(before)[None, None]
    return Banded.of(F.interpolate(lines, size=(after, before), mode="bicubic", antialias=True)[0, 0])
