"""The camera that every person is seen by, framed as portraits are cropped."""

import numpy as np

from .person import Person

FIELD = 3.15
"""Width of the picture in decimetres, `_PLANE` before the head's middle: 1.75 times the face from hairline to chin."""

CAMERA = np.array([0, 7.1, 24], np.float32)
_PLANE = 1.0


def field(person: Person) -> float:
    """Width of this person's picture in decimetres."""
    return FIELD / person.picture_scale


def project(points: np.ndarray, person: Person, side: int) -> np.ndarray:
    """Points [n, 3] to x and y in pixels of a picture `side` wide, edges at whole numbers, and distance to the
    camera.
    """
    distance = CAMERA[2] - points[:, 2]
    scale = (CAMERA[2] - _PLANE) / distance * (side / field(person))
    x, y = person.centre
    screen = np.empty(points.shape, np.float32)
    screen[:, 0] = (points[:, 0] - CAMERA[0]) * scale + (0.5 + x) * side
    screen[:, 1] = (CAMERA[1] - points[:, 1]) * scale + (0.5 + y) * side
    screen[:, 2] = distance
    return screen
