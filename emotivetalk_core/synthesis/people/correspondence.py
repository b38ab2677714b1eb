"""From where in one picture of a person each place of another came, by the mesh that both show: optical flow that is
true, and known where it ends; and where teeth are seen, which tooth it is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.teeth import ACROSS
from ..head_state import HeadState
from .camera import project
from .materials import GLASSES, HAIR, TEETH
from .mesh import LOWER_TEETH
from .person import Person
from .render import renderer_of
from .renderer import SUPERSAMPLING, PersonRenderer, Solids

_THICKNESS = 0.05
"""In decimetres: what lies this close behind what is seen is the same skin, folded less."""


@dataclass(frozen=True)
class Correspondence:
    """offset float32 [2, s/2, s/2]: from where in the earlier picture a place came, x and y, as parts of its side; for
    squares of 2 x 2 pixels, 0 where nothing is known · visible uint8 [s, s]: how much of a pixel's surface was seen
    there, 0…255 · known uint8 [s, s]: where that can be told, so not in hair, behind glasses or beside the person ·
    teeth uint8 [3, s, s]: where in face/teeth.py's picture a pixel is, x and y as parts of its size, and how much of it
    is teeth, all 0…255.
    """

    offset: np.ndarray
    visible: np.ndarray
    known: np.ndarray
    teeth: np.ndarray


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
        counts = _counts(now)
        points = np.einsum("hwcd,hwc->hwd", corners, counts).reshape(-1, 3)
        x, y, distance = project(points, person, side).reshape(side, side, 3).transpose(2, 0, 1)
        column, row = (np.clip(each.astype(np.int32), 0, side - 1) for each in (x, y))
        nearest = earlier.nearness[row, column]
        known = (now.owner >= 0) & ~over
        seen = known & (nearest > 0) & (distance * nearest < 1 + _THICKNESS * nearest)
        offset = np.stack([x, y]) - places
        share = side * np.maximum(_averaged(seen, 2 * SUPERSAMPLING), 1e-3)
        mean = [_averaged(each * seen, 2 * SUPERSAMPLING) / share for each in offset]
        visible, told = (_bytes(_averaged(mask, SUPERSAMPLING)) for mask in (seen, known))
        found.append(Correspondence(np.stack(mean).astype(np.float32), visible, told, _teeth(renderer, now)))
    return found


def _teeth(renderer: PersonRenderer, seen: Solids) -> np.ndarray:
    """As Correspondence has them."""
    owner = np.maximum(seen.owner, 0)
    shown = (seen.owner >= 0) & (renderer.material[owner] == TEETH)
    x, y = np.zeros(owner.shape, np.float32), np.zeros(owner.shape, np.float32)
    corners = renderer.triangles[owner[shown]]
    across, down = np.einsum("ncd,nc->dn", renderer.traits[corners, :2], _counts(seen)[shown])
    lower = renderer.anatomy.mesh.part[corners[:, 0]] == LOWER_TEETH
    x[shown], y[shown] = across / ACROSS + 0.5, np.where(lower, 1 - down / 2, down / 2)
    share = _averaged(shown, SUPERSAMPLING)
    place = [_averaged(each, SUPERSAMPLING) / np.maximum(share, 1e-3) for each in (x, y)]
    return _bytes(np.clip(np.stack([*place, share]), 0, 1))


def _counts(seen: Solids) -> np.ndarray:
    """How much each corner of its triangle counts in a place [h, w, 3]."""
    return np.stack([seen.first, seen.second, 1 - seen.first - seen.second], -1)


def _bytes(share: np.ndarray) -> np.ndarray:
    return np.round(255 * share).astype(np.uint8)


def _averaged(field: np.ndarray, across: int) -> np.ndarray:
    """Means of squares `across` wide."""
    high, wide = (length // across for length in field.shape)
    return cv2.resize(field.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)
