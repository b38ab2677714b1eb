"""A picture of teeth, for mouths that open in a portrait that shows none: what a network paints there is as soft as its
own few pixels, and a row of teeth is known by the lines between them. [ours]

It lies unrolled: across it the teeth of both rows from one end of the arch to the other, its middle the mouth's; down
it the upper row, from the gum to the edge, and the lower one, from the edge to the gum. Gaps and gums lie where
synthesis/people/shading.py has them, whose teeth the network learns from.
"""

from functools import lru_cache

import torch
from torch.nn import functional as F

ACROSS = 12
"""How many teeth wide it is."""
_FINE = 40
"""Pixels to a tooth, at most."""
_IN_CLOSE_UP = 5
"""How many a front tooth has in a close-up as the network sees it."""
_GAP, _ROUND = 0.11, 0.10
"""How far from its neighbours a tooth is dark, in teeth; and so much further at the corners of its edge."""
_GUM = (0.16, 0.26)
"""Where on a tooth the gum ends."""
_BETWEEN, _NOTCH, _AT_GUM = 0.80, 0.55, 0.93
"""How light what lies between teeth is, that at the corners of their edges, and enamel at the gum, where it is 1 at the
edge.
"""
_FLESH = (0.75, 0.47, 0.46)


def teeth_picture(scale: float, device: torch.device | str = "cpu") -> torch.Tensor:
    """How light teeth are [1, 3, 2 * f, ACROSS * f], where enamel at the edge is 1: what is multiplied. f: pixels to a
    tooth, as many as it has in a close-up `scale` times as large as the network's.
    """
    return _picture(min(max(round(_IN_CLOSE_UP * scale), _IN_CLOSE_UP), _FINE), torch.device(device))


@lru_cache(maxsize=8)
def _picture(fine: int, device: torch.device) -> torch.Tensor:
    across = (torch.arange(ACROSS * _FINE, device=device) + 0.5) / _FINE % 1
    down = (torch.arange(_FINE, device=device)[:, None] + 0.5) / _FINE  # 0 at the gum
    between = _GAP + _ROUND * _smooth(down, 0.75, 1.0)
    alone = _smooth(across / between, 0, 1) * _smooth((1 - across) / between, 0, 1)
    gum = _smooth(down - _GUM[0] * (1 - alone), *_GUM)
    dark = _BETWEEN + (_NOTCH - _BETWEEN) * _smooth(down, 0.85, 1.0)
    enamel = (dark + (1 - dark) * alone) * (_AT_GUM + (1 - _AT_GUM) * _smooth(down, 0.2, 0.9))
    flesh = torch.tensor(_FLESH, device=device)[:, None, None]
    row = flesh + (enamel - flesh) * gum
    whole = torch.cat((row, row.flip(-2)), -2)[None]
    return F.interpolate(whole, size=(2 * fine, ACROSS * fine), mode="area")


def _smooth(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
