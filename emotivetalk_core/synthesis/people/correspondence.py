"""From where in one picture of a person each place of another came, by the mesh that both show: optical flow that is
true, and known where it ends.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..head_state import HeadState
from .camera import project
from .materials import GLASSES, HAIR
from .person import Person
from .render import renderer_of
from .renderer import SUPERSAMPLING

_THICKNESS = 0.05
"""In decimetres: what lies this close behind what is seen is the same skin, folded less."""


@dataclass(frozen=True)
class Correspondence:
    """offset float32 [2, s/2, s/2]: from where in the earlier picture a place came, x and y, as parts of its side; for
    squares of 2 x 2 pixels, 0 where nothing is known · visible uint8 [s, s]: how much of a pixel's surface was seen
    there, 0…255 · known uint8 [s, s]: where that can be told, so not in hair, behind glasses or beside the person.
    """

    offset: np.ndarray
    visible: np.ndarray
    known: np.ndarray


def correspondences(person: Person, states: list[HeadState], before: HeadState, size: int) -> list[Correspondence]:
    """Of the person's pictures in `states` to the one in `before`, all `size` pixels wide, an even number; hair and
    glasses are taken to be where they were, so the heads keep their pose. What is no more than a fibre, a brow or a
    lash, goes with the skin below it.
    """
    renderer = renderer_of(person, size)
    side, triangles = renderer.side, renderer.triangles
    over = np.isin(renderer.render(before).shows, (GLASSES, HAIR))
    earlier = renderer.solids(before)
    places = np.stack(np.meshgrid(*[np.arange(side, dtype=np.float32) + 0.5] * 2))
    found = []
    for state in states:
        now = renderer.solids(state)
        corners = earlier.points[triangles[np.maximum(now.owner, 0)]]  # [h, w, 3, 3]
        counts = np.stack([now.first, now.second, 1 - now.first - now.second], -1)
        points = np.einsum("hwcd,hwc->hwd", corners, counts).reshape(-1, 3)
        x, y, distance = project(points, person, side).reshape(side, side, 3).transpose(2, 0, 1)
        column, row = (np.clip(each.astype(np.int32), 0, side - 1) for each in (x, y))
        nearest = earlier.nearness[row, column]
        known = (now.owner >= 0) & ~over
        seen = known & (nearest > 0) & (distance * nearest < 1 + _THICKNESS * nearest)
        offset = np.stack([x, y]) - places
        share = side * np.maximum(_averaged(seen, 2 * SUPERSAMPLING), 1e-3)
        mean = [_averaged(each * seen, 2 * SUPERSAMPLING) / share for each in offset]
        bytes_of = (np.round(255 * _averaged(mask, SUPERSAMPLING)).astype(np.uint8) for mask in (seen, known))
        found.append(Correspondence(np.stack(mean).astype(np.float32), *bytes_of))
    return found


def _averaged(field: np.ndarray, across: int) -> np.ndarray:
    """Means of squares `across` wide."""
    high, wide = (length // across for length in field.shape)
    return cv2.resize(field.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)
