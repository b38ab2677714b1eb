"""The few operations on pixels that the drawings are made of: by OpenCV where some build of it is installed, else by
Pillow and SciPy, a tenth as fast and alike but for shades along the edges.

A host's other packs bring one of four builds of OpenCV, which write the same folder; none is asked for here, so that
none is overwritten. Pictures are uint8 [h, w, 3] or [h, w]; points are int32 [n, 2], in sixteenths of pixels between
pixels' centres.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

try:
    import cv2

    HAS_OPENCV = hasattr(cv2, "fillPoly")  # a build that was half uninstalled leaves an empty folder
except ImportError:  # none, or one that lacks a library of the system
    HAS_OPENCV = False

SHIFT = 4
"""Binary places of the points."""

_FINE = 4  # steps in which Pillow draws across a pixel
_RIM = 6  # of them: OpenCV's smooth shapes reach three quarters of a pixel over their edge


def fill(image: np.ndarray, points: np.ndarray, colour: tuple[int, ...] | int) -> None:
    """Fill an outline, smooth at its edges."""
    if HAS_OPENCV:
        cv2.fillPoly(image, [points], colour, cv2.LINE_AA, SHIFT)
    else:
        _ink(image, points, colour, None)


def outline(image: np.ndarray, points: np.ndarray, colour: tuple[int, ...] | int, width: int) -> None:
    """Draw an open line through points, `width` pixels wide as OpenCV understands that."""
    if HAS_OPENCV:
        cv2.polylines(image, [points], False, colour, width, cv2.LINE_AA, SHIFT)
    else:  # measured: OpenCV's smooth lines are wider than they are called, and by steps of two
        _ink(image, points, colour, 1.3 if width == 1 else 2 * ((width + 1) // 2) + 1.6)


def warp(image: np.ndarray, transform: np.ndarray, width: int, height: int, *, repeat: bool = False) -> np.ndarray:
    """The image moved by an affine map [2, 3] between pixels' centres, linearly interpolated; outside it is 0, or its
    edge is repeated.
    """
    if HAS_OPENCV:
        border = cv2.BORDER_REPLICATE if repeat else cv2.BORDER_CONSTANT
        return cv2.warpAffine(image, transform, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    from scipy.ndimage import affine_transform

    back = np.linalg.inv(np.vstack([transform, (0, 0, 1)]))[[1, 0]][:, [1, 0, 2]]  # rows before columns
    mode = "nearest" if repeat else "grid-constant"
    moved = [
        affine_transform(channel.astype(np.float32), back, output_shape=(height, width), order=1, mode=mode)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return _bytes(np.stack(moved, -1))


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian, of uint8 or float32."""
    if HAS_OPENCV:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    from scipy.ndimage import gaussian_filter

    sigmas = (sigma, sigma) if image.ndim == 2 else (sigma, sigma, 0)
    whole = image.dtype == np.uint8
    blurred = gaussian_filter(image.astype(np.float32), sigmas, mode="mirror", truncate=3.0 if whole else 4.0)
    return _bytes(blurred) if whole else blurred


def halved(image: np.ndarray, times: int) -> np.ndarray:
    """The image so many times smaller, each pixel the mean of those that it covers."""
    height, width = image.shape[0] // times, image.shape[1] // times
    if HAS_OPENCV:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    cells = image.reshape(height, times, width, times, -1).astype(np.uint32).sum((1, 3))
    return ((cells + times * times // 2) // (times * times)).astype(np.uint8)


def multiplied(image: np.ndarray, other: np.ndarray, scale: float) -> np.ndarray:
    if HAS_OPENCV:
        return cv2.multiply(image, other, scale=scale)
    return _bytes(image.astype(np.float32) * other * scale)


def blended(upper: np.ndarray, lower: np.ndarray, share: np.ndarray) -> np.ndarray:
    """upper where share [h, w] is 1, lower where it is 0."""
    if HAS_OPENCV:
        return cv2.blendLinear(upper, lower, share, 1 - share)
    return _bytes(upper * share[..., None] + lower * (1 - share[..., None]))


def laid_over(layer: np.ndarray, under: np.ndarray) -> np.ndarray:
    """A layer RGBA, its colours times their coverage, over a picture RGB of the same size."""
    if HAS_OPENCV:
        hidden = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(layer, 3)), cv2.COLOR_GRAY2RGB)
        return cv2.add(cv2.multiply(under, hidden, scale=1 / 255), cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB))
    shown = _bytes(under * ((255 - layer[..., 3:].astype(np.float32)) / 255))
    return _bytes(shown.astype(np.float32) + layer[..., :3])


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is not 0; all 0 where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def _ink(image: np.ndarray, points: np.ndarray, colour: tuple[int, ...] | int, width: float | None) -> None:
    """A shape, or a line of a width, by Pillow: drawn finely, then shrunk to how much of each pixel it covers."""
    places = points / (1 << SHIFT) + 0.5  # from pixels' centres to their edges
    margin = 2 + math.ceil(width or 0)
    left, top = (max(0, int(v) - margin) for v in np.floor(places.min(0)))
    right = min(image.shape[1], int(places[:, 0].max()) + margin)
    bottom = min(image.shape[0], int(places[:, 1].max()) + margin)
    if right <= left or bottom <= top:
        return
    fine = Image.new("L", ((right - left) * _FINE, (bottom - top) * _FINE))
    corners = [(float(x), float(y)) for x, y in (places - (left, top)) * _FINE - 0.5]
    draw = ImageDraw.Draw(fine)
    if width is None:
        draw.polygon(corners, fill=255)
        draw.line([*corners, corners[0]], fill=255, width=_RIM)
    else:
        draw.line(corners, fill=255, width=round(width * _FINE), joint="curve")
    share = np.asarray(fine.reduce(_FINE), np.float32) / 255
    under = image[top:bottom, left:right]
    if image.ndim == 3:
        share = share[..., None]
    under[:] = _bytes(under + share * (np.asarray(colour, np.float32) - under))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)
