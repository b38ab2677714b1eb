"""Brows, lashes and beards: fine fibres at home in triangles of the skin, so that they move with the face."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from .mesh import EYES, PARTS, head_mesh
from .person import Person
from .skin_map import beard_mask, skin_coordinates

_NODES = 4
_LASH_LIFT = 0.03
"""In decimetres: the skin of a lid that shuts bulges so far over the roots of its lashes."""


@dataclass(frozen=True, eq=False)
class Fibres:
    """n fibres of k nodes, each node in a triangle: corners [n, k, c] and their weights [n, k, c], c of them; lift [n,
    k] along the normal, width [n, k] in decimetres, opacity [n, k], colour [n, 3] linear.
    """

    corners: np.ndarray
    weights: np.ndarray
    lift: np.ndarray
    width: np.ndarray
    opacity: np.ndarray
    colour: np.ndarray
    normal: np.ndarray | None = None
    """A direction [3] of the head that replaces the skin's own."""

    def nodes(self, vertices: np.ndarray, normals: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the nodes lie and which way is out: [n, k, 3] each."""
        points = np.einsum("nkc,nkcd->nkd", self.weights, vertices[self.corners])
        if self.normal is None:
            out = np.einsum("nkc,nkcd->nkd", self.weights, normals[self.corners])
        else:
            out = np.broadcast_to(rotation @ self.normal, points.shape)
        return (points + out * self.lift[..., None]).astype(np.float32), np.ascontiguousarray(out, np.float32)


@lru_cache(maxsize=1)
def _front() -> tuple[np.ndarray, KDTree, np.ndarray]:
    """Triangles of the face's front, a tree of their middles in x and y, and the rest mesh's x and y."""
    mesh = head_mesh()
    rest, skin = mesh.rest, mesh.skin
    edge, other = rest[skin[:, 1]] - rest[skin[:, 0]], rest[skin[:, 2]] - rest[skin[:, 0]]
    facing = np.cross(edge, other)
    facing = facing[:, 2] / (np.linalg.norm(facing, axis=1) + 1e-12)
    hidden = np.maximum(mesh.masks["cavity"], mesh.masks["socket"])[skin].max(1) > 0.5
    front = skin[(rest[skin, 2].mean(1) > 0.55) & (facing > 0.1) & ~hidden]
    return front, KDTree(rest[front, :2].mean(1)), rest[:, :2]


def _home(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The front triangles [n, 3] that hold points [n, 2], or are nearest, and the barycentrics [n, 3]."""
    front, tree, flat = _front()
    _, near = tree.query(points, k=10)
    best = np.full(len(points), -np.inf)
    corners, weights = np.zeros((len(points), 3), np.int64), np.zeros((len(points), 3))
    for triangles in front[near].transpose(1, 0, 2):
        a, b, c = (flat[triangles[:, i]] for i in range(3))
        ab, ac, ap = b - a, c - a, points - a
        area = ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1] + 1e-12
        u = (ap[:, 0] * ac[:, 1] - ac[:, 0] * ap[:, 1]) / area
        v = (ab[:, 0] * ap[:, 1] - ap[:, 0] * ab[:, 1]) / area
        found = np.stack([1 - u - v, u, v], 1)
        better = found.min(1) > best
        best[better] = found.min(1)[better]
        corners[better], weights[better] = triangles[better], found[better]
    weights = np.clip(weights, 0, 1)
    return corners, weights / weights.sum(1, keepdims=True)


def _tufts(
    root: np.ndarray, direction: np.ndarray, length: np.ndarray, lift: float, width: np.ndarray, opacity: float,
    colour: np.ndarray,
) -> Fibres:  # fmt: skip
    """Fibres from roots [n, 2] along directions [n, 2] of the resting face, thin and faint at both ends."""
    steps = np.linspace(0, 1, _NODES)
    homes = [_home(root + direction * length[:, None] * t) for t in steps]
    corners = np.stack([corners for corners, _ in homes], 1)
    weights = np.stack([weights for _, weights in homes], 1)
    # Where the face turns away, a short way in x and y is a long one on the skin: such fibres are left out.
    nodes = np.einsum("nkc,nkcd->nkd", weights, head_mesh().rest[corners])
    kept = np.linalg.norm(np.diff(nodes, axis=1), axis=2).sum(1) < 1.8 * length + 0.01
    corners, weights, width, colour, count = corners[kept], weights[kept], width[kept], colour[kept], int(kept.sum())
    return Fibres(
        corners=corners,
        weights=weights.astype(np.float32),
        lift=np.broadcast_to(lift * np.sin(np.pi * (0.1 + 0.6 * steps)), (count, _NODES)).astype(np.float32),
        width=(width[:, None] * [0.8, 1.0, 0.8, 0.3]).astype(np.float32),
        opacity=np.broadcast_to(opacity * np.array([0.55, 1.0, 0.9, 0.2]), (count, _NODES)).astype(np.float32),
        colour=colour.astype(np.float32),
    )


def _toned(rng: np.random.Generator, colour: np.ndarray, count: int, grey: float = 0.0) -> np.ndarray:
    tones = colour * np.exp(rng.normal(0, 0.2, (count, 1)))
    return np.where(rng.uniform(size=(count, 1)) < grey, 0.35, tones)


@dataclass(frozen=True)
class BrowShape:
    """A brow's middle line over t from 0 at the nose to 1 at the temple; decimetres of the resting face."""

    level: float
    arch: float
    thickness: float

    def x(self, t: np.ndarray) -> np.ndarray:
        return 0.105 + 0.405 * t

    def y(self, t: np.ndarray) -> np.ndarray:
        return (
            self.level + 1.4 * self.arch * np.sin(np.pi * np.clip(0.8 * t, 0, 1)) - 0.045 * t**3 - 0.008 * (1 - t) ** 2
        )

    def half_width(self, t: np.ndarray) -> np.ndarray:
        return 0.5 * self.thickness * np.clip(0.55 + 3 * t, 0, 1) * (1 - 0.78 * t**1.7)


def brow_shape(person: Person) -> BrowShape:
    rng = np.random.default_rng([person.seed, 0xB0])
    return BrowShape(float(rng.uniform(7.475, 7.505)), float(rng.uniform(0.012, 0.034)), person.brow_thickness)


def brows(person: Person) -> Fibres:
    rng, shape = np.random.default_rng([person.seed, 0xB1]), brow_shape(person)
    count = int(rng.uniform(240, 320))
    t = rng.beta(1.05, 1.1, 2 * count)
    side = np.repeat([1.0, -1.0], count)
    offset = rng.uniform(-1, 1, 2 * count)
    y = shape.y(t) + offset * shape.half_width(t)
    # Hairs rise at the nose, lie along the arch and point down to the temple; upper and lower ones lean together.
    angle = np.interp(t, [0, 0.12, 0.4, 1], [1.25, 0.7, 0.22, -0.32]) - 0.3 * offset + rng.normal(0, 0.14, 2 * count)
    length = rng.uniform(0.05, 0.085, 2 * count) * (1 - 0.3 * t)
    root = np.stack([side * (shape.x(t) - 0.4 * length), y - 0.3 * length * np.sin(angle)], 1)
    direction = np.stack([side * np.cos(angle), np.sin(angle)], 1)
    colour = _toned(rng, np.asarray(person.brow) ** 2.2, 2 * count, 0.5 * person.grey_share)
    return _tufts(root, direction, length, 0.012, rng.uniform(0.005, 0.0075, 2 * count), 0.62, colour)


def lashes(person: Person) -> list[Fibres]:
    """Upper and lower lashes of both eyes, and the dark line of the lid's edge."""
    mesh, rng = head_mesh(), np.random.default_rng([person.seed, 0x1A5])
    dark = np.array([[0.016, 0.012, 0.010]]) if person.lashes > 0.6 else np.array([[0.035, 0.022, 0.016]])
    found = []
    for side, eye_part in zip("lr", EYES, strict=True):
        eye = mesh.rest[mesh.part == eye_part]
        centre = (eye.max(0) + eye.min(0)) / 2
        for row, count, length in ((2, 64, 0.62), (1, 30, 0.36)):
            roots, tips = _lash_columns(PARTS.index(f"helper-{side}-eyelashes-{row}"), centre)
            place_on_row = np.sort(rng.uniform(0.3, len(roots) - 1.01, count))
            i, f = place_on_row.astype(int), (place_on_row % 1)[:, None]
            reach = length * person.lashes * rng.uniform(0.7, 1.05, (count, 1)) * np.linspace(0, 1, _NODES)
            weights = np.stack([(1 - reach) * (1 - f), (1 - reach) * f, reach * (1 - f), reach * f], 2)
            corners = np.stack([roots[i], roots[i + 1], tips[i], tips[i + 1]], 1)
            up, before_lid = (1.0, _LASH_LIFT) if row == 2 else (-1.0, 0.0)
            found.append(
                Fibres(
                    corners=np.repeat(corners[:, None], _NODES, 1),
                    weights=weights.astype(np.float32),
                    lift=np.tile(before_lid + np.array([0.002, 0.008, 0.014, 0.022], np.float32), (count, 1)),
                    width=np.tile(np.array([1.1, 0.9, 0.6, 0.25], np.float32) * 0.0075, (count, 1)),
                    opacity=np.tile(
                        np.array([0.9, 0.8, 0.6, 0.1], np.float32) * (0.85 if row == 2 else 0.45), (count, 1)
                    ),
                    colour=np.repeat(dark, count, 0).astype(np.float32),
                    normal=np.array([0, 0.5 * up, 1.0], np.float32),
                )
            )
            # The lid's edge: one fibre along the roots, broad on the upper lid and faint on the lower.
            nodes = len(roots)
            wide, strong = (0.022, 0.75) if row == 2 else (0.013, 0.22)
            ends = np.clip(np.sin(np.pi * np.linspace(0.04, 0.96, nodes)) * 1.6, 0, 1)
            found.append(
                Fibres(
                    corners=roots[None, :, None],
                    weights=np.ones((1, nodes, 1), np.float32),
                    lift=np.full((1, nodes), before_lid + 0.006, np.float32),
                    width=(wide * (0.6 + 0.4 * ends) * (0.75 + 0.35 * person.lashes))[None].astype(np.float32),
                    opacity=(strong * ends)[None].astype(np.float32),
                    colour=(dark * (1.0 if row == 2 else 3.0)).astype(np.float32),
                    normal=np.array([0, 0.2 * up, 1.0], np.float32),
                )
            )
    return found


def _lash_columns(part: int, eye: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strip's vertices on the lid and at the lashes' ends, from the nose outwards."""
    mesh = head_mesh()
    strip = np.flatnonzero(mesh.part == part)
    across, far = np.abs(mesh.rest[strip, 0]), np.linalg.norm(mesh.rest[strip] - eye, axis=1)
    roots, tips = [], []
    for x in np.linspace(across.min() + 0.006, across.max() - 0.010, 17):
        near = np.abs(across - x) < 0.014
        if near.sum() > 1:
            roots.append(strip[near][np.argmin(far[near])])
            tips.append(strip[near][np.argmax(far[near])])
    return np.array(roots), np.array(tips)


def beard(person: Person) -> Fibres | None:
    rng = np.random.default_rng([person.seed, 0xBEA])
    if person.beard in ("none", "shadow"):
        return None
    short = person.beard == "stubble"
    mask = beard_mask("full" if short else person.beard)
    wanted = {"stubble": 3000, "full": 6500, "goatee": 2600, "moustache": 1300}[person.beard]
    spots = np.stack([rng.uniform(-0.70, 0.70, 6 * wanted), rng.uniform(6.16, 7.12, 6 * wanted)], 1)
    corners, weights = _home(spots)
    u, v = skin_coordinates(np.einsum("nc,ncd->nd", weights, head_mesh().rest[corners]))
    high, wide = mask.shape
    here = mask[(v * (high - 1)).astype(int).clip(0, high - 1), (u * (wide - 1)).astype(int).clip(0, wide - 1)]
    grows = rng.uniform(size=len(spots)) < here
    (x, y), dense = spots[grows][:wanted].T, here[grows][:wanted]
    count = len(x)
    # Moustache hairs lie sideways, clear of the mouth; those of the chin and the cheeks hang.
    lip = np.clip((y - 6.62) / 0.08, 0, 1) * (np.abs(x) < 0.34)
    outward = np.sign(x) * np.clip(np.abs(x) / 0.08, 0.2, 1)
    angle = -np.pi / 2 + np.clip(0.8 * x, -0.5, 0.5) * (1 - lip) + 1.0 * outward * lip + rng.normal(0, 0.22, count)
    longest = {"stubble": 0.02, "full": rng.uniform(0.06, 0.14), "goatee": 0.09, "moustache": 0.07}[person.beard]
    length = longest * rng.uniform(0.5, 1.1, count) * (0.5 + 0.5 * dense) * (1 - 0.4 * lip)
    colour = _toned(rng, 1.1 * np.asarray(person.brow) ** 2.2, count, 0.8 * person.grey_share)
    return _tufts(
        np.stack([x, y], 1), np.stack([np.cos(angle), np.sin(angle)], 1), length, 0.006 if short else 0.022,
        rng.uniform(0.0035, 0.005, count) if short else rng.uniform(0.0045, 0.007, count),
        0.5 if short else 0.6, colour,
    )  # fmt: skip
