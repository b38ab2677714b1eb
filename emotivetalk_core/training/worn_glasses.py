"""Glasses drawn over faces from close by, so that a network learns what stays where it is when lids and brows move.

Rendered people wear some, of few kinds; photographs show many, dark and thick ones among them, which pass for brows.
"""

import torch
from torch import Tensor

from ..face.close_up import EYES_MOUTH, HIGH, WIDE

_WIDE, _HIGH = (17.0, 26.0), (12.0, 21.0)
"""Half of a lens, in pixels of the close-up."""
_THICK, _TOP = (0.6, 2.3), (1.0, 2.2)
"""Half of its rim, and how many times as thick that is above."""
_ROUND = (2.0, 5.0)
"""Exponents of superellipses: 2 is an ellipse, 5 nearly a rectangle."""
_ASTRAY = 3.0


def glasses(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """How far each place of a close-up is frame [1, 1, h, w] and how far it is lens, 0…1, and the frame's colour
    [1, 3, 1, 1].
    """

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand(1, generator=generator))

    rows, columns = torch.arange(HIGH)[:, None] + 0.5, torch.arange(WIDE) + 0.5
    wide, high, thick, top = (between(*limits) for limits in (_WIDE, _HIGH, _THICK, _TOP))
    power, lean = between(*_ROUND), between(-0.25, 0.35)
    aside, down = (_ASTRAY * torch.randn(2, generator=generator)).tolist()
    frame = lens = torch.zeros(HIGH, WIDE)
    for (x, y), outwards in zip(EYES_MOUTH[:2], (-1, 1)):
        across = columns - x - aside - 2.0 * outwards
        lifted = rows - y - down + lean * outwards * across  # cat-eyes rise towards the temples
        far = ((across / wide).abs() ** power + (lifted / high).abs() ** power) ** (1 / power)
        from_rim = (far - 1) * min(wide, high)
        half = thick * torch.where(lifted < 0, top, 1.0)
        frame = torch.maximum(frame, (half + 0.5 - from_rim.abs()).clamp(0, 1))
        lens = torch.maximum(lens, (0.5 - from_rim).clamp(0, 1))
        temple = ((across * outwards) > wide) & (lifted.abs() < thick)
        frame = torch.maximum(frame, temple.float())
    left, right = EYES_MOUTH[0][0] + wide + aside, EYES_MOUTH[1][0] - wide + aside
    bridge = (columns > left - 3) & (columns < right + 3) & ((rows - EYES_MOUTH[0][1] - down + 2).abs() < thick)
    colour = torch.rand(1, 3, 1, 1, generator=generator) * between(0.05, 0.9)
    return torch.maximum(frame, bridge.float())[None, None], lens[None, None], colour


def worn(shown: tuple[Tensor, ...], generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
    """Faces from close by [1, 3, h, w] with the same glasses on, whose lenses may dim or lighten what lies behind; and
    where their frame is [1, 1, h, w], 0…1.
    """
    frame, lens, colour = glasses(generator)
    shine = 0.3 * (float(torch.rand(1, generator=generator)) - 0.5)
    light, veil = (1.0, shine) if shine > 0 else (0.0, -shine)
    behind = (torch.lerp(each, torch.full_like(each, light), veil * lens) for each in shown)
    return tuple(torch.lerp(each, colour.expand_as(each), frame) for each in behind), frame
