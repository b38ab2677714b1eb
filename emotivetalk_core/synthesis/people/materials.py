"""What the compiled light is told: how surfaces look, where lamps stand, how head and eyes are turned."""

from typing import NamedTuple

import numpy as np

SKIN, EYE, TEETH, TONGUE, HAIR, BROW, CLOTH, GLASSES = range(1, 9)
"""What a pixel shows; 0 is the background."""


class Surface(NamedTuple):
    """How one person's surfaces look; colours are linear.

    texture [h, w, 8]: skin's red, green, blue, roughness, relief, and three reliefs that `wrinkles` [3] raises · iris
    [2, 3]: inner and outer colour · iris_size and pupil: sine of the angle they take, and share of the iris.
    """

    texture: np.ndarray
    wrinkles: np.ndarray
    lip: np.ndarray
    lip_gloss: float
    cloth: np.ndarray
    second_cloth: np.ndarray
    pattern: int
    iris: np.ndarray
    iris_size: float
    pupil: float
    teeth: np.ndarray
    relief: float


class Lighting(NamedTuple):
    """Lamps, the first with a shadow: directions towards them [3, 3], colours [3, 3]; sky and ground [3].

    shadow [n, n]: how near to the lamp the first surface lies · shadow_rows [3, 3] and shadow_offset [2]: from the
    scene to the shadow's pixels and depth · softness: the blur's radius in its pixels.
    """

    directions: np.ndarray
    colours: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    shadow: np.ndarray
    shadow_rows: np.ndarray
    shadow_offset: np.ndarray
    softness: float


class Turn(NamedTuple):
    """The head's rotation [3, 3], the eyes' [2, 3, 3], and the camera's place [3]."""

    head: np.ndarray
    eyes: np.ndarray
    camera: np.ndarray
