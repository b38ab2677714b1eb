"""The cylindrical map that skin is painted in: where a vertex lies in it, and masks of the face's regions.

u runs with the angle about the head's axis, 0.5 at the front; v from above the head down to the chest. Regions are told
by x and y of the resting mesh (decimetres).
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

HIGH, WIDE = 768, 1024
_TOP, _LOW = 8.65, 4.2
_AXIS = 0.35


def skin_coordinates(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """u and v of points [n, 3] of the resting mesh."""
    angle = np.arctan2(points[:, 0], points[:, 2] - _AXIS)
    u, v = 0.5 + angle / (2 * np.pi), (_TOP - points[:, 1]) / (_TOP - _LOW)
    return u.astype(np.float32), v.astype(np.float32)


@dataclass(frozen=True, eq=False)
class SkinMap:
    """Grids [HIGH, WIDE]: angle, x and y of each texel."""

    angle: np.ndarray
    x: np.ndarray
    y: np.ndarray

    def spot(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        """A soft round region of the front: 1 in its middle."""
        front = np.abs(self.angle) < 1.7
        return (np.exp(-(((self.x - x) / wide) ** 2) - ((self.y - y) / high) ** 2) * front).astype(np.float32)

    def pair(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        return self.spot(x, y, wide, high) + self.spot(-x, y, wide, high)


@lru_cache(maxsize=1)
def skin_map() -> SkinMap:
    angle, y = np.meshgrid(
        (np.arange(WIDE, dtype=np.float32) / (WIDE - 1) - 0.5) * 2 * np.pi,
        _TOP - np.arange(HIGH, dtype=np.float32) / (HIGH - 1) * (_TOP - _LOW),
    )
    return SkinMap(angle.astype(np.float32), (1.06 * np.sin(angle)).astype(np.float32), y.astype(np.float32))


@lru_cache(maxsize=32)
def grain(scale: float, seed: int) -> np.ndarray:
    """Smooth noise [HIGH, WIDE] of unit variance, `scale` texels coarse; the same for ever."""
    rng = np.random.default_rng([seed, 0x9A])
    high, wide = int(HIGH / scale) + 3, int(WIDE / scale) + 3
    knots = rng.standard_normal((high, wide)).astype(np.float32)
    fine = cv2.resize(knots, (int(wide * scale), int(high * scale)), interpolation=cv2.INTER_CUBIC)[:HIGH, :WIDE]
    return (fine - fine.mean()) / fine.std()


_HAIRLINE = np.array([
    [0, 8.02], [0.3, 8.05], [0.5, 7.99], [0.66, 7.85], [0.82, 7.66], [0.98, 7.5], [1.12, 7.3], [1.24, 7.08],
    [1.36, 7.1], [1.5, 7.3], [1.75, 7.25], [2.1, 6.85], [2.5, 6.6], [3.2, 6.5],
])  # fmt: skip


def hairline(angle: np.ndarray) -> np.ndarray:
    """Height of the hairline at an angle about the head."""
    return np.interp(np.abs(angle), _HAIRLINE[:, 0], _HAIRLINE[:, 1])


@lru_cache(maxsize=1)
def scalp_mask() -> np.ndarray:
    """Where hair grows: soft and uneven at the edge, as hairlines are."""
    skin = skin_map()
    edge = hairline(skin.angle) + 0.012 * grain(14.0, 31) + 0.02 * grain(40.0, 32)
    soft = np.where(np.abs(skin.angle) < 1.15, 0.045, 0.03)
    return (1 / (1 + np.exp(-(skin.y - edge) / soft))).astype(np.float32)


_BEARD_TOP = np.array([
    [0, 6.77], [0.12, 6.77], [0.2, 6.75], [0.3, 6.66], [0.42, 6.64], [0.6, 6.68],
    [0.85, 6.78], [1.1, 6.98], [1.25, 7.2],
])  # fmt: skip


@lru_cache(maxsize=8)
def beard_mask(style: str) -> np.ndarray:
    """Where a beard of this style grows, soft at its edge; the lips stay free."""
    skin = skin_map()
    top = np.interp(np.abs(skin.angle), _BEARD_TOP[:, 0], _BEARD_TOP[:, 1]) + 0.015 * grain(14.0, 33)
    jaw = np.interp(np.abs(skin.angle), [0, 0.5, 0.9, 1.2], [6.16, 6.2, 6.4, 6.6])
    mask = 1 / (1 + np.exp(-(top - skin.y) / 0.032)) / (1 + np.exp(-(skin.y - jaw) / 0.035))
    mask = mask * np.clip((1.34 - np.abs(skin.angle)) / 0.12, 0, 1)
    lips = np.exp(-((skin.x / 0.25) ** 4) - ((skin.y - 6.605) / 0.115) ** 4) * (np.abs(skin.angle) < 1)
    mask = mask * (1 - lips)
    if style == "goatee":
        mask = mask * np.exp(-((skin.x / 0.29) ** 6))
    elif style == "moustache":
        mask = mask * (skin.y > 6.61) * np.exp(-((skin.x / 0.28) ** 6))
    # Thinner on the cheek and in the hollow under the lower lip's corners.
    mask = mask * (1 - 0.4 * skin.pair(0.16, 6.46, 0.05, 0.04))
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 3)


@lru_cache(maxsize=1)
def wrinkle_reliefs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Furrows that units raise: across the forehead, between the brows, and beside eyes and mouth."""
    skin = skin_map()
    wobble = 0.02 * grain(60.0, 5)

    def line(distance: np.ndarray, wide: float = 0.012) -> np.ndarray:
        return np.exp(-((distance / wide) ** 2))

    rng = np.random.default_rng(7)
    forehead = sum(
        rng.uniform(0.6, 1.0) * line(skin.y + wobble + 0.03 * skin.x**2 - y) for y in (7.66, 7.75, 7.84, 7.92)
    )
    forehead = forehead * np.exp(-((skin.x / 0.42) ** 4)) * (np.abs(skin.angle) < 1.2)
    frown = sum(line(skin.x + 0.6 * wobble - x * (1 + 0.8 * (skin.y - 7.45))) for x in (0.055, -0.055))
    frown = frown * np.exp(-(((skin.y - 7.47) / 0.1) ** 4)) * (np.abs(skin.angle) < 0.5)
    laugh = np.zeros_like(skin.x)
    for side in (1, -1):
        x = skin.x * side
        outside = np.clip((x - 0.48) / 0.05, 0, 1) * np.exp(-(((x - 0.58) / 0.08) ** 2)) * (np.abs(skin.angle) < 1.3)
        for lean in (-0.4, 0.0, 0.4):
            laugh += 0.9 * line(skin.y - 7.25 - lean * (x - 0.5), 0.010) * outside
        under = skin.y - 7.13 + 0.25 * (x - 0.3) ** 2
        laugh += 0.7 * line(under, 0.011) * np.exp(-(((x - 0.3) / 0.12) ** 4)) * (np.abs(skin.angle) < 1)
        # From the nose's wing past the corner of the mouth.
        fold = x - (0.17 + 0.17 * np.clip((6.93 - skin.y) / 0.33, 0, 1.3) ** 0.85)
        along = np.clip((6.95 - skin.y) / 0.06, 0, 1) * np.clip((skin.y - 6.52) / 0.1, 0, 1)
        laugh += 1.3 * line(fold + 0.3 * wobble, 0.020) * along * (np.abs(skin.angle) < 1)
    first, second, third = (
        cv2.GaussianBlur((-total).astype(np.float32), (0, 0), 1.3) for total in (forehead, frown, laugh)
    )
    return first, second, third
