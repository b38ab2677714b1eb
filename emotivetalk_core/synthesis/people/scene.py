"""Where a person is seen: lamps, and what lies behind."""

from typing import NamedTuple

import cv2
import numpy as np

from .person import Person
from .skin import linear


class Lamps(NamedTuple):
    """As in `shading.Lighting`; softness in decimetres."""

    directions: np.ndarray
    colours: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    softness: float


_KINDS = {
    # Direction of the main lamp, its strength and colour, strength of the light all round, softness of the shadow.
    "soft": ((-0.6, 0.5, 0.9), 1.9, (1.0, 0.97, 0.94), 0.5, 0.034),
    "window": ((-1.0, 0.35, 0.75), 2.0, (0.95, 0.98, 1.0), 0.42, 0.034),
    "portrait": ((-0.75, 0.65, 0.8), 2.1, (1.0, 0.96, 0.9), 0.36, 0.024),
    "evening": ((-0.85, 0.3, 0.75), 2.1, (1.0, 0.83, 0.64), 0.5, 0.026),
    "overcast": ((-0.3, 0.9, 0.8), 1.3, (0.95, 0.98, 1.0), 0.75, 0.045),
    "front": ((-0.15, 0.4, 1.0), 1.6, (1.0, 0.98, 0.95), 0.5, 0.03),
}


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def lamps(person: Person) -> Lamps:
    rng = np.random.default_rng([person.seed, 0x11F])
    towards, strength, colour, around, softness = _KINDS[str(rng.choice(list(_KINDS)))]
    mirror = np.array([rng.choice([-1.0, 1.0]), 1, 1])
    key = _unit(_unit(np.array(towards)) * mirror + rng.normal(0, 0.06, 3))
    fill, rim = _unit(np.array([0.8, 0.05, 0.85]) * mirror), _unit(np.array([0.65, 0.45, -0.85]) * mirror)
    rim_colour = np.array([(1, 0.9, 0.8), (0.8, 0.9, 1), (1, 1, 1)][rng.integers(3)]) * rng.uniform(0.2, 1.1)
    # Dark skin is lit a little more, as a photographer would.
    gain = 1 + 0.25 * person.skin_tone
    return Lamps(
        directions=np.stack([key, fill, rim]).astype(np.float32),
        colours=np.stack(
            [gain * strength * np.array(colour), 0.75 * around * np.array([0.92, 0.96, 1.0]), rim_colour]
        ).astype(np.float32),
        sky=(gain * around * 0.86 * np.array([0.94, 0.98, 1.0])).astype(np.float32),
        ground=(gain * around * 0.48 * np.array([1.0, 0.91, 0.83])).astype(np.float32),
        softness=softness,
    )


def background(person: Person, size: int) -> np.ndarray:
    """A wall, a room out of focus or lights at night: linear float32 [size, size, 3]."""
    rng = np.random.default_rng([person.seed, 0xBAC])
    side = 96
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side

    def colour(bright: tuple[float, float]) -> np.ndarray:
        hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.03, 0.45), rng.uniform(*bright)]]], np.float32)
        return linear(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])

    kind = str(rng.choice(["wall", "room", "lights", "outdoors"]))
    base = colour((0.2, 0.9))
    image = np.broadcast_to(base, (side, side, 3)).copy()
    if kind == "wall":
        slope = rng.uniform(-0.5, 0.5) * (x - 0.5) + rng.uniform(-0.2, 0.6) * (0.5 - y)
        image *= (1 + slope)[..., None]
    elif kind == "room":
        for _ in range(6):
            middle, half, edge = rng.uniform(0, 1), rng.uniform(0.04, 0.25), rng.uniform(0.015, 0.05)
            band = 1 / (1 + np.exp((np.abs((x if rng.uniform() < 0.7 else y) - middle) - half) / edge))
            image += (band * rng.uniform(0.3, 0.8))[..., None] * (colour((0.15, 0.95)) - image)
    elif kind == "lights":
        image *= 0.35
        for _ in range(18):
            place, radius = rng.uniform(0, 1, 2), rng.uniform(0.025, 0.08)
            disc = 1 / (1 + np.exp((np.hypot(x - place[0], y - place[1]) - radius) / 0.008))
            image += (disc * rng.uniform(0.1, 0.7))[..., None] * colour((0.7, 1.0))
    else:
        level = rng.uniform(0.35, 0.6)
        sky, ground = (
            linear((0.72, 0.82, 0.92)) * rng.uniform(0.6, 1.2),
            linear(rng.uniform(0.2, 0.5, 3) * (0.8, 1.0, 0.6)),
        )
        share = 1 / (1 + np.exp((y - level - 0.05 * np.sin(9 * x + rng.uniform(0, 6))) / 0.05))
        image = share[..., None] * sky + (1 - share)[..., None] * ground
        leaves = cv2.GaussianBlur(rng.normal(1, 0.9, (side, side, 1)).astype(np.float32), (0, 0), 3)
        image *= np.clip(leaves[..., None], 0.3, 1.9)
    image = np.clip(image * (1 - 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None], 0.002, 1.4).astype(np.float32)
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.maximum(cv2.GaussianBlur(image, (0, 0), size / 90), 0)
