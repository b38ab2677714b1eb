"""A part of a picture, where all is that has to be computed."""

import math

import torch

Window = tuple[slice, slice]
"""Rows and columns of a picture."""
WHOLE: Window = (slice(None), slice(None))

_REACH = 2
"""So far bicubic interpolation spreads a value: in pixels of the field, or of what it becomes, if that is smaller."""


def where_changed(changed: torch.Tensor, size: torch.Size) -> Window:
    """Rows and columns of a picture of that size outside which nothing changed [k, 1, s, t], as `resized` and
    `enlarged` spread it: mostly a third of the picture or less, which is all that needs to be computed.
    """
    window = []
    for across, before, side in zip((-1, -2), changed.shape[-2:], size):
        there = (changed > 0).any(across).flatten(0, -2).any(0).nonzero()
        if not len(there):
            return slice(0, 0), slice(0, 0)
        scale = side / before
        spread = _REACH * max(scale, 1) + 0.5
        first, last = ((int(there[end]) + 0.5) * scale for end in (0, -1))
        window.append(slice(max(0, math.floor(first - spread)), min(side, math.ceil(last + spread))))
    return window[0], window[1]


def is_empty(window: Window) -> bool:
    return any(lines.stop == lines.start is not None for lines in window)
