"""What a network says of a frame beside its portrait, applied at the portrait's own resolution. [ours]

Detail is given back where nothing moved (`face/detail.py`). Where something did, the portrait's pixels are still the
sharpest there are of a lid, a brow or a lip, only somewhere else: the network says from where they came, how far to
believe that, how their light changed, and what was never in the portrait (teeth, a fold):

    D = blur(frame - W(small)),  light = mean of D over red, green and blue,  hue = D - light
    own = base - C hue
    out = own + C S (W(picture) + L light - own) + C R

with base the frame with its detail, W the warp, S, L shares, R what is added, and C where a change is believed at all;
so what stands still is the portrait's to the last pixel, whatever the network says. Around the lips C is 1 in every
frame whose motion is known, for there small networks leave out what speech asks for. Only light is taken from frames:
hues are what small autoencoders lose first (open mouths turn lilac), so those are the portrait's. The warp with a mask
is that of "First Order Motion Model" (Siarohin et al. 2019, arXiv:2003.00122), here read off pictures and motion
latents, not off keypoints.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .resizing import enlarged
from .window import WHOLE, Window, where_changed

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

    def of(self, frames: slice) -> "Retouch":
        """Of some of the frames."""
        return Retouch(self.offset[frames], self.share[frames], self.shading[frames], self.added[frames])


Retoucher = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], Retouch]
"""Frames [k, 3, s, s] and the picture [1 or k, 3, s, s] that they were made of, both in 0…1; and the motion [k, d] that
they were made to show (`VideoConditions.motion`), None where nobody knows it.
"""


def retouched(
    retouch: Retouch,
    frames: torch.Tensor,
    picture: torch.Tensor,
    small: torch.Tensor,
    base: torch.Tensor,
    changed: torch.Tensor,
    window: Window = WHOLE,
) -> torch.Tensor:
    """The frames as they are to be seen [k, 3, h, w], or that window of them; not clamped.

    frames [k, 3, s, s] · picture [k, 3, h, w], small [k, 3, s, s]: the picture at its own size and at the frames' ·
    base [k, 3, h, w], or that window of it · changed [k, 1, s, s]: C · window: as `where_changed` says of it, else
    there may be light missing at its rim.
    """
    size = picture.shape[-2:]
    near = WHOLE if window == WHOLE else where_changed(changed, frames.shape[-2:])
    difference = _difference(frames, small, retouch.offset, near)
    light = difference.mean(1, keepdim=True)
    hue = changed * (difference - light)
    fields = torch.cat((retouch.shading * light, hue, changed * retouch.share, changed * retouch.added), 1)
    light, hue, share, added = enlarged(fields, size, window).split((1, 3, 1, 3), 1)
    portrait = warped(picture, retouch.offset, window) + light
    return torch.lerp(base - hue, portrait, share) + added


def _difference(frames: torch.Tensor, small: torch.Tensor, offset: torch.Tensor, window: Window) -> torch.Tensor:
    """How light and colours of the frames differ from W(small), blurred [k, 3, s, s]; away from that window of them it
    may be 0.
    """
    if window == WHOLE:
        return smooth(frames - warped(small, offset))
    size = frames.shape[-2:]
    pooled = frames.new_zeros(*frames.shape[:2], *(side // SMOOTH for side in size))
    # a pixel's light is that of the two blocks whose middles lie around it
    blocks = tuple(
        slice(max(0, (lines.start - SMOOTH // 2) // SMOOTH), min(side, (lines.stop - 1 - SMOOTH // 2) // SMOOTH + 2))
        for lines, side in zip(window, pooled.shape[-2:])
    )
    rows, columns = (slice(SMOOTH * lines.start, SMOOTH * lines.stop) for lines in blocks)
    difference = frames[..., rows, columns] - warped(small, offset, (rows, columns))
    pooled[(..., *blocks)] = F.avg_pool2d(difference, SMOOTH)
    spread = frames.new_zeros(frames.shape)
    spread[(..., *window)] = enlarged(pooled, size, window)
    return spread


def warped(picture: torch.Tensor, offset: torch.Tensor, window: Window = WHOLE) -> torch.Tensor:
    """The picture [1 or k, 3, h, w] with each pixel from where `offset` [k, 2, p, p] says, or a part of it; beyond the
    rim, the rim.
    """
    size, (rows, columns) = picture.shape[-2:], window
    down, across = ((2 * torch.arange(side, device=picture.device) + 1) / side - 1 for side in size)
    places = torch.stack(torch.meshgrid(across[columns], down[rows], indexing="xy"))  # x, then y, -1…1
    places = torch.add(places, enlarged(offset, size, window), alpha=2).movedim(1, -1)
    picture = picture.expand(len(offset), -1, -1, -1)
    return F.grid_sample(picture, places, mode="bicubic", padding_mode="border", align_corners=False)


def smooth(picture: torch.Tensor) -> torch.Tensor:
    """The picture [k, c, s, s] without what is smaller than SMOOTH pixels; s is a multiple of that."""
    return enlarged(F.avg_pool2d(picture, SMOOTH), picture.shape[-2:])
