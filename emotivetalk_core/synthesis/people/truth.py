"""Where a rendered person's parts lie, from the mesh itself: landmarks, boxes, and the lips' distance."""

from functools import lru_cache

import numpy as np

from ..head_state import HeadGeometry, HeadState
from .anatomy import Anatomy, lip_line
from .camera import field, project
from .mesh import BODY, head_mesh
from .person import Person

_PLACES = {
    "brow inner": (0.13, 7.48), "brow middle": (0.31, 7.53), "brow outer": (0.5, 7.47),
    "eye inner": (0.185, 7.255), "eye outer": (0.435, 7.285), "nose wing": (0.165, 6.93), "cheek": (0.52, 7.0),
    "mouth corner": (0.247, 6.612), "jaw": (0.55, 6.6), "temple": (0.66, 7.5),
}  # fmt: skip
_MIDDLE = {
    "forehead": (0.0, 7.8), "nose bridge": (0.0, 7.25), "nose tip": (0.0, 6.95), "nose base": (0.0, 6.84),
    "upper lip": (0.0, 6.7), "lower lip": (0.0, 6.5), "chin": (0.0, 6.22),
}  # fmt: skip

LANDMARKS = (
    *(f"{name} {side}" for name in (*_PLACES, "upper lid", "lower lid") for side in ("right", "left")),
    *_MIDDLE, "upper lip inside", "lower lip inside",
)  # fmt: skip
"""Names of the landmarks, in order; right and left as seen in the picture of a head that faces the viewer."""

_EYE_ACROSS, _EYE_LEVEL = 0.307, 7.284


@lru_cache(maxsize=1)
def landmark_vertices() -> np.ndarray:
    """The smoothed mesh's vertex of each of LANDMARKS."""
    mesh = head_mesh()
    rest = mesh.rest
    hidden = np.maximum(mesh.masks["cavity"], mesh.masks["socket"]) > 0.4
    skin = np.flatnonzero((mesh.part == BODY) & ~hidden & (rest[:, 2] > 0.6))

    def nearest(x: float, y: float) -> int:
        return int(skin[np.argmin(np.hypot(rest[skin, 0] - x, rest[skin, 1] - y) - 0.02 * rest[skin, 2])])

    def lid(side: float, upper: bool) -> int:
        column = skin[(np.abs(rest[skin, 0] - side * _EYE_ACROSS) < 0.02) & (rest[skin, 2] > 1.25)]
        above = column[(rest[column, 1] > _EYE_LEVEL) == upper]
        return int(above[np.argmin(np.abs(rest[above, 1] - _EYE_LEVEL))])

    found = [nearest(side * x, y) for x, y in _PLACES.values() for side in (1, -1)]
    found += [lid(side, upper) for upper in (True, False) for side in (1.0, -1.0)]
    found += [nearest(x, y) for x, y in _MIDDLE.values()]
    line = lip_line()
    middle = len(line.across) // 2
    return np.array([*found, line.upper[middle], line.lower[middle]])


@lru_cache(maxsize=8)
def anatomy(person: Person) -> Anatomy:
    """A person's anatomy; eight are remembered."""
    return Anatomy(person)


def landmark_points(person: Person, state: HeadState) -> np.ndarray:
    """LANDMARKS in space, decimetres: [n, 3]."""
    return anatomy(person).pose(state, field(person)).vertices[landmark_vertices()]


def landmarks(person: Person, state: HeadState, size: int) -> np.ndarray:
    """LANDMARKS in the picture, pixels: float32 [n, 2]."""
    return project(landmark_points(person, state), person, size)[:, :2]


def face_unit_weights(person: Person, state: HeadState) -> np.ndarray:
    """How far each of the mesh's 52 units is raised: float32 [52], in the order of `HeadMesh.units`."""
    raised = anatomy(person).raised(state)
    return np.array([raised.get(name, 0.0) for name in head_mesh().units], np.float32)


def lip_gap(person: Person, state: HeadState) -> float:
    """How far the lips stand apart where they do so most, upwards, in decimetres; the turn of the head not counted."""
    head, line = anatomy(person).pose(state, field(person)), lip_line()
    apart = (head.vertices[line.upper] - head.vertices[line.lower]) @ head.rotation[:, 1]
    return float(np.abs(apart).max())


def person_geometry(person: Person, state: HeadState, size: int = 128) -> HeadGeometry:
    """Where face, lips, eyes and mouth lie in the picture that render_person draws, in its pixels."""
    head = anatomy(person).pose(state, field(person))
    mesh = head_mesh()
    rest = mesh.rest
    face = (
        (mesh.part == BODY)
        & (rest[:, 2] > 0.35)
        & (rest[:, 1] > 6.2)
        & (rest[:, 1] < 8.0)
        & (np.abs(rest[:, 0]) < 0.78)
    )
    pixels = project(head.vertices, person, size)[:, :2]
    lips = pixels[mesh.masks["lips"] > 0.5]
    # The box holds the lips from closed to wide open, wherever they are now.
    unit = size / field(person) * float(state.pose[5])
    middle, opening = lips.mean(0), float(np.clip(state.mouth[0], 0, 1))
    middle[1] -= 0.14 * opening * unit
    reach = np.array([0.32, 0.17]) * unit
    low = middle + reach + (0, 0.26 * unit)
    eyes = project(head.eye_centres, person, size)[:, :2]
    return HeadGeometry(
        face_box=_box(pixels[face], size),
        lip_box=_box(np.stack([middle - reach, low]), size),
        eyes_mouth=np.concatenate([eyes[::-1], lips.mean(0)[None]]).astype(np.float32),
        mouth_opening=opening,
    )


def _box(points: np.ndarray, size: int) -> np.ndarray:
    return np.clip(np.concatenate([points.min(0), points.max(0)]), 0, size).astype(np.float32)
