"""Looks other than a plain render, from the same frame: oil, toon and pencil."""

import cv2
import numpy as np

from .materials import BROW, HAIR

_LEVELS = 4
"""Steps of light in the toon look."""


def apply_look(style: str, picture: np.ndarray, shows: np.ndarray, distance: np.ndarray, seed: int) -> np.ndarray:
    """The picture uint8 [s, s, 3] in a look of `person.LOOKS`; shows and distance are the frame's, of twice the
    size.
    """
    if style == "oil":
        return _oil(picture, seed)
    if style == "toon":
        return _toon(picture, _outlines(picture, shows, distance))
    if style == "pencil":
        return _pencil(picture, _outlines(picture, shows, distance), shows, seed)
    return picture


def _brushed(picture: np.ndarray, reach: int) -> np.ndarray:
    """Kuwahara's filter: each pixel takes the mean of that neighbouring quarter which varies least. Float 0…1."""
    image = picture.astype(np.float32) / (255 if picture.dtype == np.uint8 else 1)
    side = reach + 1
    best, least = None, None
    for right in (0, 1):
        for low in (0, 1):
            corner = (0 if right else reach, 0 if low else reach)
            mean = cv2.boxFilter(image, -1, (side, side), anchor=corner)
            spread = (cv2.boxFilter(image * image, -1, (side, side), anchor=corner) - mean * mean).sum(2)
            if best is None or least is None:
                best, least = mean, spread
            else:
                better = spread < least
                best[better] = mean[better]
                least = np.minimum(least, spread)
    assert best is not None
    return best


def _grain(size: int, scale: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, 0x6A])
    side = max(4, int(size / scale))
    return cv2.resize(rng.standard_normal((side, side)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def _oil(picture: np.ndarray, seed: int) -> np.ndarray:
    size = len(picture)
    reach = max(2, round(size / 110))
    image = 0.75 * _brushed(picture, reach) + 0.25 * _brushed(picture, max(1, reach // 2))
    # Bristles: noise drawn out along the strokes, which follow the picture's edges.
    grey = cv2.GaussianBlur(image.mean(2), (0, 0), size / 100)
    slope = np.stack([cv2.Sobel(grey, cv2.CV_32F, 0, 1), -cv2.Sobel(grey, cv2.CV_32F, 1, 0)])
    slope /= np.linalg.norm(slope, axis=0) + 1e-3
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    noise, stroke = _grain(size, size / 256 * 1.6, seed), np.zeros((size, size), np.float32)
    for step in (-3, -2, -1, 0, 1, 2, 3):
        far = step * size / 220
        stroke += cv2.remap(
            noise, x + far * slope[0], y + far * slope[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    relief = stroke / 7 + 0.35 * _grain(size, size / 256 * 9, seed + 1)
    return np.clip(255 * image * (1 + 0.035 * relief[..., None]) + 2 * relief[..., None], 0, 255).astype(np.uint8)


def _outlines(picture: np.ndarray, shows: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Where one thing ends before another, or one part beside another: 0…1 [s, s]."""
    size = len(picture)
    far = np.where(distance > 0, distance, 30).astype(np.float32)
    jump = np.abs(cv2.Laplacian(np.minimum(far, 26), cv2.CV_32F)) > 0.12
    parts = np.where(shows == BROW, 0, shows).astype(np.float32)
    parts = cv2.medianBlur(parts.astype(np.uint8), 5).astype(np.float32)
    border = cv2.morphologyEx(parts, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    brow = 0.0 * (shows == HAIR)
    lines = cv2.GaussianBlur(
        np.clip(0.9 * jump * (shows != HAIR) + 0.9 * border + brow, 0, 1).astype(np.float32), (0, 0), 1.1
    )
    return np.clip(1.5 * cv2.resize(lines, (size, size), interpolation=cv2.INTER_AREA), 0, 1)


def _toon(picture: np.ndarray, lines: np.ndarray) -> np.ndarray:
    flat = _brushed(cv2.bilateralFilter(picture, 7, 40, 5), max(1, len(picture) // 170))
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    value = hsv[..., 2] * _LEVELS
    within = value - np.floor(value)
    step = np.clip((within - 0.45) / 0.12, 0, 1)
    hsv[..., 2] = np.clip((np.floor(value) + 0.25 + step * 0.75 + 0.25 * (within - 0.5)) / _LEVELS, 0, 1)
    hsv[..., 1] = np.clip(1.15 * hsv[..., 1], 0, 1)
    image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    # The finest darks, lashes and brows and the line between the lips, come back as ink.
    grey = picture.astype(np.float32).mean(2) / 255
    ink = np.clip((cv2.GaussianBlur(grey, (0, 0), len(picture) / 90) - grey - 0.05) * 4, 0, 0.8)
    shade = 1 - np.clip(np.maximum(0.85 * lines, ink), 0, 1)
    return (255 * np.clip(image * shade[..., None], 0, 1)).astype(np.uint8)


def _pencil(picture: np.ndarray, lines: np.ndarray, shows: np.ndarray, seed: int) -> np.ndarray:
    size = len(picture)
    person = cv2.GaussianBlur((shows > 0).astype(np.float32), (0, 0), 2)
    person = cv2.resize(person, (size, size), interpolation=cv2.INTER_AREA)
    grey = picture.astype(np.float32).mean(2) / 255
    dodged = np.clip(grey / np.maximum(cv2.GaussianBlur(grey, (0, 0), size / 60), 0.05), 0, 1) ** 1.8
    # Hatching in two directions, the second only in the dark.
    x, y = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    wobble = 0.006 * _grain(size, size / 16, seed)
    dark = np.clip(0.95 - cv2.GaussianBlur(grey, (0, 0), size / 130), 0, 1)
    first = 0.5 + 0.5 * np.sin(2 * np.pi * 62 * (x + y + wobble))
    second = 0.5 + 0.5 * np.sin(2 * np.pi * 62 * (x - 0.8 * y + wobble))
    hatch = 0.55 * dark * first**2 + 0.5 * np.clip(2 * dark - 0.9, 0, 1) * second**2
    paper = 0.975 + 0.012 * _grain(size, size / 256 * 1.3, seed + 1)
    hatch *= 0.3 + 0.7 * person  # what lies behind is only hinted at
    grey = 1 - (1 - grey) * (0.35 + 0.65 * person)
    tone = paper * dodged * (1 - hatch) * (1 - 0.85 * lines) * (0.62 + 0.38 * np.clip(1.5 * grey, 0, 1))
    return (255 * np.clip(tone[..., None] * np.array([1.0, 0.985, 0.955]), 0, 1)).astype(np.uint8)
