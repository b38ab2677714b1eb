"""Pictures at another size, bicubic, with antialiasing where they become smaller, or by straight lines."""

from functools import lru_cache
from typing import Literal

import torch
from torch.nn import functional as F

from .banded import Banded, in_blocks, resized_part
from .window import WHOLE, Window


def resized(pictures: torch.Tensor, size: torch.Size, window: Window = WHOLE) -> torch.Tensor:
    """Pictures [b, c, h, w] at another size, where they have one, or that window of them: as torch resizes them, which
    on one core takes twice as long to enlarge them.
    """
    return _resized(pictures, size, window, "bicubic")


def enlarged(field: torch.Tensor, size: torch.Size, window: Window = WHOLE) -> torch.Tensor:
    """A field [k, c, p, p] at another size by straight lines, or that window of it."""
    return _resized(field, size, window, "bilinear")


_Mode = Literal["bicubic", "bilinear"]


def _resized(pictures: torch.Tensor, size: torch.Size, window: Window, mode: _Mode) -> torch.Tensor:
    before = pictures.shape[-2:]
    if before == size:
        return pictures if window == WHOLE else pictures[(..., *window)]
    larger = size[0] >= before[0] and size[1] >= before[1]
    quick = larger and in_blocks(pictures) and pictures.dtype == torch.float32
    if not quick or (mode == "bilinear" and window == WHOLE):  # of which torch is as quick, as long as it is all wanted
        return _by_torch(pictures, size, mode)[(..., *window)]
    rows, columns = (_enlargement(*sides, mode) for sides in zip(before, size))
    return resized_part(rows, columns, pictures, window)


def _by_torch(pictures: torch.Tensor, size: torch.Size, mode: _Mode) -> torch.Tensor:
    return F.interpolate(pictures, size=size, mode=mode, align_corners=False, antialias=mode == "bicubic")


@lru_cache(maxsize=16)
def _enlargement(before: int, after: int, mode: _Mode) -> Banded:
    """[after, before]: the weights of all pixels of a line in each of the longer one."""
    lines = torch.eye(before)[None, None]
    return Banded.of(_by_torch(lines, torch.Size((after, before)), mode)[0, 0])
