"""What a network says of a frame beside its portrait, applied at the portrait's own resolution. [ours]

Detail is given back where nothing moved (`face/detail.py`). Where something did, the portrait's pixels are still the
sharpest there are of a lid, a brow or a lip, only somewhere else: the network says from where they came, how far to
believe that, how their light changed, and what was never in the portrait (teeth, a fold):

    out = base + C S (W(picture) + L blur(frame - W(small)) - base) + C R

with base the frame with its detail, W the warp, S, L shares, R what is added, and C where a change is believed at all;
so what stands still is the portrait's to the last pixel, whatever the network says. The warp with a mask is that of
"First Order Motion Model" (Siarohin et al. 2019, arXiv:2003.00122), here read off pictures and not off keypoints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

Window = tuple[slice, slice]
"""Rows and columns of a picture."""
_WHOLE = (slice(None), slice(None))
SMOOTH = 8
"""Pixels of a frame over which light is taken to be even."""


@dataclass(frozen=True)
class Retouch:
    """For k frames of s x s pixels. offset [k, 2, p, p]: from where in the picture a place came, x and y, as parts of
    its side · share, shading [k, 1, s, s]: S and L, 0…1 · added [k, 3, s, s]: R.
    """

    offset: torch.Tensor
    share: torch.Tensor
    shading: torch.Tensor
    added: torch.Tensor


Retoucher = Callable[[torch.Tensor, torch.Tensor], Retouch]
"""Frames [k, 3, s, s] and the picture [k, 3, s, s] that they were made of, both in 0…1."""


def retouched(
    retouch: Retouch,
    frames: torch.Tensor,
    picture: torch.Tensor,
    small: torch.Tensor,
    base: torch.Tensor,
    changed: torch.Tensor,
    window: Window = _WHOLE,
) -> torch.Tensor:
    """The frames as they are to be seen [k, 3, h, w]; not clamped.

    frames [k, 3, s, s] · picture [k, 3, h, w], small [k, 3, s, s]: the picture at its own size and at the frames' ·
    base [k, 3, h, w] · changed [k, 1, s, s]: C · window: nothing beyond it is retouched, see `where_changed`.
    """
    size, here = picture.shape[-2:], (..., *window)
    shading = retouch.shading * smooth(frames - warped(small, retouch.offset))
    portrait = warped(picture, retouch.offset, window) + enlarged(shading, size)[here]
    share, added = (enlarged(changed * each, size)[here] for each in (retouch.share, retouch.added))
    seen = base.clone()
    seen[here] = torch.lerp(base[here], portrait, share) + added
    return seen


def warped(picture: torch.Tensor, offset: torch.Tensor, window: Window = _WHOLE) -> torch.Tensor:
    """The picture [k, 3, h, w] with each pixel from where `offset` [k, 2, p, p] says, or a part of it; beyond the rim,
    the rim.
    """
    size, (rows, columns) = picture.shape[-2:], window
    down, across = ((torch.arange(side, device=picture.device) + 0.5) / side for side in size)
    places = torch.stack(torch.meshgrid(across[columns], down[rows], indexing="xy"), -1)  # x then y, parts of the side
    places = places + enlarged(offset, size)[(..., *window)].movedim(1, -1)
    return F.grid_sample(picture, 2 * places - 1, mode="bicubic", padding_mode="border", align_corners=False)


def where_changed(changed: torch.Tensor, size: torch.Size) -> Window:
    """Rows and columns of a picture of that size outside which nothing changed [k, 1, s, s], as `enlarged` spreads it:
    mostly a quarter of the picture or less, which is all that needs to be computed.
    """
    window = []
    for across, side in ((-1, size[0]), (-2, size[1])):
        there = (changed > 0).any(across).flatten(0, -2).any(0).nonzero()
        if not len(there):
            return slice(0, 0), slice(0, 0)
        scale = side / changed.shape[-2 if across == -1 else -1]
        window.append(slice(max(0, int((int(there[0]) - 1) * scale)), math.ceil((int(there[-1]) + 2) * scale)))
    return window[0], window[1]


def smooth(picture: torch.Tensor) -> torch.Tensor:
    """The picture [k, c, s, s] without what is smaller than SMOOTH pixels; s is a multiple of that."""
    return enlarged(F.avg_pool2d(picture, SMOOTH), picture.shape[-2:])


def enlarged(field: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """A field [k, c, p, p] at another size, by straight lines."""
    return field if field.shape[-2:] == size else F.interpolate(field, size=size, mode="bilinear", align_corners=False)
