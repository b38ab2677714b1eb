"""A canvas in face units: every shape is given where it lies on the resting face, and the pose carries it to pixels."""

from functools import lru_cache

import numpy as np

from . import raster
from .identity import Colour, Identity

SUPERSAMPLING = 2
FACE_SHARE = 1 / 1.75
"""The face box's side as a share of the picture at rest: the same framing that portraits are cropped to."""
_NECK_PIVOT = 0.62
_SURFACE_CENTRE = np.array([0.0, 0.03])
_SURFACE_CURVATURE = np.array([0.52, 0.85]) ** -2.0


@lru_cache(maxsize=64)
def _spline_matrix(points: int, samples: int, closed: bool) -> np.ndarray:
    """Weights [samples, points] of a Catmull-Rom curve through the points."""
    count = points if closed else points - 1
    place = np.linspace(0, count, samples, endpoint=not closed)
    base = np.minimum(place.astype(int), count - 1)
    t = place - base
    weights = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    matrix = np.zeros((samples, points))
    rows = np.arange(samples)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        index = base + offset
        index = index % points if closed else np.clip(index, 0, points - 1)
        np.add.at(matrix, (rows, index), weight)
    return matrix


def spline(points: np.ndarray | list, samples: int = 24, closed: bool = False) -> np.ndarray:
    """Smooth curve through points [n, 2]: [samples, 2]."""
    points = np.asarray(points, np.float64)
    return _spline_matrix(len(points), samples, closed) @ points


@lru_cache(maxsize=16)
def _circle(samples: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def ellipse(x: float, y: float, width: float, height: float, samples: int = 28) -> np.ndarray:
    """Outline [samples, 2] of an upright ellipse with half axes width and height."""
    return _circle(samples) * (width, height) + (x, y)


def ribbon(points: np.ndarray, widths: np.ndarray | float) -> np.ndarray:
    """Outline of a stroke along points [n, 2] whose full width varies: [2n, 2]."""
    count = len(points)
    x, y = np.empty(count), np.empty(count)
    for along, coordinate in ((x, points[:, 0]), (y, points[:, 1])):
        np.subtract(coordinate[2:], coordinate[:-2], out=along[1:-1])
        along[0], along[-1] = coordinate[1] - coordinate[0], coordinate[-1] - coordinate[-2]
    half = 0.5 * widths / (np.sqrt(x * x + y * y) + 1e-9)
    normal = np.empty((count, 2))
    np.multiply(y, -half, out=normal[:, 0])
    np.multiply(x, half, out=normal[:, 1])
    return np.concatenate([points + normal, (points - normal)[::-1]])


@lru_cache(maxsize=16)
def taper(samples: int, start: float = 0.15, end: float = 0.15) -> np.ndarray:
    """Relative widths [samples] of a stroke that thins to `start` and `end` at its ends."""
    t = np.linspace(0, 1, samples)
    return np.where(t < 0.5, start + (1 - start) * np.sin(np.pi * t), end + (1 - end) * np.sin(np.pi * t))


def surface_depth(points: np.ndarray) -> np.ndarray:
    """How far points [n, 2] of the face stand before the outline, in face units: the head is an ellipsoid."""
    lowered = points + _SURFACE_CENTRE
    inside = 1 - (lowered * lowered) @ _SURFACE_CURVATURE
    return 0.3 * np.sqrt(np.maximum(inside, 0.02))


class Placement:
    """From face units to pixels of a picture, for one identity and one pose [6]."""

    def __init__(self, identity: Identity, pose: np.ndarray, size: int) -> None:
        yaw, pitch, roll, dx, dy, scale = (float(v) for v in pose)
        self.size = size
        self.unit = size * FACE_SHARE * identity.picture_scale
        cos, sin = np.cos(roll), np.sin(roll)
        upright = self.unit * scale * np.array([[cos, -sin], [sin, cos]])
        # x' = x cos(yaw) + z sin(yaw);  y' = y cos(pitch) + (z cos(yaw) - x sin(yaw)) sin(pitch);  then the roll.
        turn = np.array([[np.cos(yaw), 0.0], [-np.sin(yaw) * np.sin(pitch), np.cos(pitch)]])
        self.across = np.ascontiguousarray((upright @ turn).T)
        self.towards = upright @ (np.sin(yaw), np.cos(yaw) * np.sin(pitch))
        pivot = np.array([0.0, _NECK_PIVOT])
        centre = (0.5 + np.array(identity.centre) + (dx, dy)) * size
        self.offset = centre + self.unit * pivot - upright @ pivot

    def pixels(self, points: np.ndarray, depth: np.ndarray | float) -> np.ndarray:
        """Pixels [n, 2] (edges, not centres, at whole numbers) of points [n, 2] at a depth towards the viewer."""
        moved = points @ self.across
        if isinstance(depth, np.ndarray):
            moved += depth[:, None] * self.towards
            moved += self.offset
        else:
            moved += self.offset + depth * self.towards
        return moved

    def plane(self, depth: float) -> np.ndarray:
        """The affine map [2, 3] of the plane at a depth, which a flat layer is warped by."""
        return np.column_stack([self.across.T, self.offset + depth * self.towards])


class Layer:
    """A picture drawn once at rest, with its coverage, that poses move as a plane. RGBA, colours times coverage."""

    def __init__(self, colours: "Canvas", coverage: "Canvas") -> None:
        share = coverage.image.astype(np.uint16)[..., None]
        whole = np.dstack([((colours.image * share + 127) // 255).astype(np.uint8), coverage.image])
        left, top, width, height = raster.bounds(coverage.image)
        self.image = np.ascontiguousarray(whole[top : top + height, left : left + width])
        self.origin = np.array([left, top], np.float64) + coverage.origin
        self.rest = colours.placement


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels * (1 << raster.SHIFT) - (1 << (raster.SHIFT - 1))).astype(np.int32)


def layer_canvases(placement: Placement, colour: Colour) -> tuple["Canvas", "Canvas"]:
    """Colours and coverage to draw a layer on: larger than the picture, as poses bring in what lies outside."""
    margin = placement.size // 5
    side = placement.size + 2 * margin
    colours = Canvas(np.full((side, side, 3), colour, np.uint8), placement, (-margin, -margin))
    return colours, Canvas(np.zeros((side, side), np.uint8), placement, (-margin, -margin))


class Canvas:
    """An image that shapes in face units are drawn on. `origin` is where its corner lies in the whole picture."""

    def __init__(self, image: np.ndarray, placement: Placement, origin: tuple[int, int] = (0, 0)) -> None:
        self.image = image
        self.placement = placement
        self.origin = origin

    def fill(self, points: np.ndarray, colour: Colour | int, depth: np.ndarray | float | None = None) -> None:
        """Filled outline; without a depth it lies on the face's surface."""
        pixels = self.placement.pixels(points, surface_depth(points) if depth is None else depth)
        raster.fill(self.image, _fixed_point(pixels - self.origin), colour)

    def stroke(
        self, points: np.ndarray, widths: np.ndarray | float, colour: Colour | int, depth: float | None = None
    ) -> None:
        """Line of varying width (face units)."""
        self.fill(ribbon(points, widths), colour, depth)

    def window(self, points: np.ndarray, depth: float | None = None) -> tuple["Canvas", np.ndarray] | None:
        """A copy of the region around an outline to draw on, and the outline's coverage; None outside the picture."""
        pixels = self.placement.pixels(points, surface_depth(points) if depth is None else depth)
        height, width = self.image.shape[:2]
        left, top = (max(0, int(v) - 2) for v in np.floor(pixels.min(0)))
        right, bottom = min(width, int(pixels[:, 0].max()) + 3), min(height, int(pixels[:, 1].max()) + 3)
        if right <= left or bottom <= top:
            return None
        coverage = np.zeros((bottom - top, right - left), np.uint8)
        raster.fill(coverage, _fixed_point(pixels - (left, top)), 255)
        return Canvas(self.image[top:bottom, left:right].copy(), self.placement, (left, top)), coverage

    def blend(self, window: "Canvas", coverage: np.ndarray) -> None:
        """Lay a window back where its coverage [h, w] 0…255 lets it show."""
        left, top = window.origin
        height, width = coverage.shape
        under = self.image[top : top + height, left : left + width]
        share = coverage.astype(np.float32) * np.float32(1 / 255)
        under[:] = raster.blended(window.image, under, share)

    def lay(self, layer: Layer, depth: float) -> None:
        """Lay a layer over the image, carried by the pose as a plane at a depth."""
        rest = np.vstack([layer.rest.plane(depth), (0, 0, 1)])
        self.lay_moved(layer, self.placement.plane(depth) @ np.linalg.inv(rest))

    def lay_moved(self, layer: Layer, transform: np.ndarray) -> None:
        """Lay a layer over the image, moved by an affine map [2, 3] of pixels."""
        high, wide = layer.image.shape[:2]
        corners = np.array([[0, 0], [wide, 0], [0, high], [wide, high]]) + layer.origin
        corners = corners @ transform[:, :2].T + transform[:, 2]
        height, width = self.image.shape[:2]
        left, top = (max(0, int(v) - 1) for v in corners.min(0))
        right, bottom = min(width, int(corners[:, 0].max()) + 2), min(height, int(corners[:, 1].max()) + 2)
        if right <= left or bottom <= top:
            return
        local = transform.copy()
        local[:, 2] += transform[:, :2] @ (layer.origin + 0.5) - 0.5 - (left, top)
        under = self.image[top:bottom, left:right]
        under[:] = raster.laid_over(raster.warp(layer.image, local, right - left, bottom - top), under)
