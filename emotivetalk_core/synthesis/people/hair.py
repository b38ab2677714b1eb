"""Hair: a few hundred guides are grown over the head by their style, and thousands of strands follow them."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from .anatomy import Anatomy
from .mesh import BODY
from .skin import linear
from .skin_map import hairline

_GUIDES = 520


@dataclass(frozen=True)
class Style:
    """How a style grows; lengths in decimetres.

    volume: how far the outermost hair stands off · rise: how much strands start along the skin's normal · comb: which
    way they are combed (`_combed`) · fall: gravity · stiff: how far a strand keeps its direction · curl: radius of the
    curls, `turns` of them · clump: how far tips gather · short_sides: share of length lost at the sides and the nape.
    """

    length: float
    volume: float
    rise: float
    comb: str
    fall: float = 0.0
    stiff: float = 0.6
    curl: float = 0.0
    turns: float = 0.0
    clump: float = 0.35
    short_sides: float = 0.0
    nodes: int = 12
    strands: int = 3400
    width: float = 0.0092


STYLES = {
    "buzz": Style(0.08, 0.03, 1.0, "down", stiff=0.9, clump=0.0, nodes=3, strands=5200, width=0.006),
    "crop": Style(0.46, 0.13, 0.7, "forward", 0.12, 0.7, clump=0.45, short_sides=0.75, nodes=7, strands=4000),
    "side part": Style(0.75, 0.16, 0.6, "aside", 0.22, 0.62, clump=0.4, short_sides=0.72, nodes=10, strands=4000),
    "swept back": Style(1.05, 0.15, 0.5, "back", 0.04, 0.68, clump=0.4, short_sides=0.5, nodes=11),
    "quiff": Style(0.62, 0.24, 1.2, "up", 0.02, 0.74, clump=0.5, short_sides=0.8, nodes=9, strands=3800),
    "curls": Style(0.72, 0.30, 1.0, "down", 0.03, 0.6, 0.045, 2.4, 0.55, 0.45, 18, 4400),
    "afro": Style(0.85, 0.5, 2.0, "out", 0.0, 0.9, 0.05, 3.2, 0.15, 0.0, 16, 6000, 0.0085),
    "pixie": Style(0.72, 0.17, 0.6, "aside", 0.25, 0.62, clump=0.45, short_sides=0.45, nodes=10, strands=4000),
    "bob": Style(1.7, 0.16, 0.45, "parted", 0.5, 0.62, clump=0.4, nodes=18),
    "fringe bob": Style(1.75, 0.19, 0.45, "fringe", 0.5, 0.62, clump=0.4, nodes=18, strands=4000),
    "long straight": Style(2.9, 0.15, 0.4, "parted", 0.5, 0.62, clump=0.4, nodes=22),
    "long wavy": Style(2.7, 0.19, 0.45, "parted", 0.46, 0.6, 0.045, 2.6, 0.55, nodes=24),
    "long curls": Style(2.2, 0.36, 0.7, "parted", 0.34, 0.58, 0.055, 3.6, 0.6, nodes=30),
    "bun": Style(1.45, 0.08, 0.2, "gathered", 0.0, 0.6, clump=0.3, nodes=13, strands=3800),
    "ponytail": Style(1.5, 0.09, 0.22, "gathered", 0.0, 0.6, clump=0.3, nodes=13, strands=3800),
}


@dataclass(frozen=True, eq=False)
class Hair:
    """s strands of k nodes at rest: points and outward directions [s, k, 3], width [s, k] in decimetres, opacity [s,
    k], colour [s, k, 3] linear, and how far out in the hair each node lies, layer [s, k] 0…1.
    """

    points: np.ndarray
    outward: np.ndarray
    width: np.ndarray
    opacity: np.ndarray
    colour: np.ndarray
    layer: np.ndarray


@dataclass(frozen=True, eq=False)
class _Roots:
    points: np.ndarray
    normals: np.ndarray
    side: np.ndarray
    density: np.ndarray


def grow_hair(anatomy: Anatomy, normals: np.ndarray) -> Hair | None:
    """The hair of a person on its resting head; None where there is none."""
    person = anatomy.person
    style = STYLES.get(person.hair_style)
    if style is None:
        return None
    rng = np.random.default_rng([person.seed, 0x4A1])
    guides = _roots(anatomy, normals, person.parting, _GUIDES, rng)
    courses, fringe = _grow(anatomy, normals, style, guides, rng)
    roots = _roots(anatomy, normals, person.parting, style.strands, rng)
    points, layer = _strands(style, guides, courses, roots, rng)
    if style.comb == "gathered":
        extra = _bun(style, rng) if person.hair_style == "bun" else _tail(style, rng)
        points = np.concatenate([points, extra])
        layer = np.concatenate([layer, rng.uniform(0.5, 1, len(extra))])
    count, nodes = points.shape[:2]
    along = np.linspace(0, 1, nodes)
    outward = points - (0, 7.5, 0.3)
    outward[..., 1] *= np.where(points[..., 1] < 7.2, 0.15, 1.0)
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    tone = np.exp(rng.normal(0, 0.15, (count, 1, 1))) * np.interp(along, [0, 0.3, 1], [0.75, 1, 1.12])[None, :, None]
    colour = linear(person.hair) * tone * (1 + rng.normal(0, 0.04, (count, 1, 3)))
    white = rng.uniform(size=(count, 1, 1)) < person.grey_share * 0.45
    colour = np.where(white, 0.5 * colour + 0.5 * np.array([0.40, 0.39, 0.38]) * tone, colour)
    # Roots come out of the skin and tips end in nothing: neither is a hard edge.
    fade = np.interp(along, [0, 0.12, 0.75, 1], [0.35, 1, 1, 0.12]) if nodes > 3 else np.array([0.5, 0.9, 0.25])
    thinned = 0.9 if person.age < 60 else 0.75
    return Hair(
        points=points.astype(np.float32),
        outward=outward.astype(np.float32),
        width=(
            style.width * rng.uniform(0.7, 1.25, (count, 1)) * np.interp(along, [0, 0.3, 0.8, 1], [0.9, 1, 0.9, 0.4])
        ).astype(np.float32),
        opacity=np.broadcast_to(thinned * fade, (count, nodes)).astype(np.float32),
        colour=np.clip(colour, 0.004, 1).astype(np.float32),
        layer=(np.interp(layer, [0, 1], [0.25, 1.0])[:, None] * np.interp(along, [0, 0.25, 1], [0.55, 0.95, 1])).astype(
            np.float32
        ),
    )


def _roots(anatomy: Anatomy, normals: np.ndarray, parting: float, count: int, rng: np.random.Generator) -> _Roots:
    """Places on the scalp, more of them in front, where they are seen."""
    mesh = anatomy.mesh
    rest, skin = mesh.rest, mesh.skin
    angle = np.arctan2(rest[:, 0], rest[:, 2] - 0.35)
    scalp = np.clip((rest[:, 1] - hairline(angle)) / 0.10 + 0.5, 0, 1)
    ear = (mesh.masks["ears"] > 0.2) | (np.abs(rest[:, 0]) > 0.82)
    scalp[ear | (mesh.part != BODY) | (mesh.masks["cavity"] > 0.1)] = 0
    triangles = skin[scalp[skin].min(1) > 0.02]
    a, b, c = (anatomy.rest[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * scalp[triangles].mean(1)
    area = area * np.where(rest[triangles, 2].mean(1) > 0.1, 1.5, 0.7)
    pick = rng.choice(len(triangles), count, p=area / area.sum())
    weights = rng.dirichlet([1, 1, 1], count)
    points = weights[:, :1] * a[pick] + weights[:, 1:2] * b[pick] + weights[:, 2:] * c[pick]
    out = np.einsum("nc,ncd->nd", weights, normals[triangles[pick]])
    side = np.where(points[:, 0] > parting + rng.normal(0, 0.012, count), 1.0, -1.0)
    return _Roots(points, out / np.linalg.norm(out, axis=1, keepdims=True), side, scalp[triangles[pick]].mean(1))


def _combed(comb: str, roots: _Roots, rng: np.random.Generator) -> np.ndarray:
    """The direction that hair is combed in at its roots: [n, 3]."""
    x, y, z = roots.points.T
    flow = np.zeros_like(roots.points)
    if comb in ("parted", "fringe"):
        flow[:] = np.stack([roots.side, np.full_like(x, -0.2), np.full_like(x, -0.35)], 1)
    elif comb == "aside":
        # Over the forehead towards the thin side, back at the sides.
        flow[:, 0] = roots.side * np.where(np.abs(x) < 0.5, 1.0, 0.3)
        flow[:, 1] = np.where(y > 7.95, 0.1, -0.5)
        flow[:, 2] = np.where(z > 0.7, 0.25, -0.6)
    elif comb == "forward":
        lean = rng.choice([-1.0, 1.0])
        flow[:, 0] = np.where(y > 7.95, 0.45 * lean, 0.1 * np.sign(x))
        flow[:, 1] = np.where(y > 8.05, 0.1, -0.6)
        flow[:, 2] = np.where(z > 0.45, 0.75, -0.15)
    elif comb == "back":
        flow[:] = np.array([0, 7.3, -0.8]) - roots.points
        flow[:, 1] += 0.35
    elif comb == "gathered":
        flow[:] = np.array([0, 7.9, -0.8]) - roots.points
        flow[:, 1] += 0.2
    elif comb == "up":
        front = z > 0.5
        flow[:, 0] = 0.2 * np.sign(x)
        flow[:, 1] = np.where(front & (y > 7.8), 0.7, -0.5)
        flow[:, 2] = np.where(front, -0.25, -0.5)
    elif comb == "out":
        flow[:] = roots.normals
    else:
        flow[:, 1] = -0.4
        flow[:, 2] = -0.1
    return flow / (np.linalg.norm(flow, axis=1, keepdims=True) + 1e-6)


def _grow(
    anatomy: Anatomy, normals: np.ndarray, style: Style, roots: _Roots, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Guides [n, k, 3], node by node: each keeps its direction, is combed and falls, and slides over head and
    shoulders.
    """
    body = (anatomy.mesh.part == BODY) & (anatomy.mesh.masks["cavity"] < 0.5)
    surface, out = anatomy.rest[body], normals[body]
    tree = KDTree(surface)
    count, nodes = len(roots.points), style.nodes
    x, y, z = roots.points.T
    flow = _combed(style.comb, roots, rng)
    fringe = (style.comb == "fringe") & (np.abs(x) < 0.52) & (z > 0.8)
    flow[fringe] = np.stack([0.4 * x[fringe], np.full(fringe.sum(), -0.25), np.ones(fringe.sum())], 1)
    low = np.clip((7.8 - y) / 0.55, 0, 1)
    lengths = style.length * (1 - style.short_sides * low) * rng.uniform(0.85, 1.05, count)
    if style.comb == "out":  # cut to a ball
        reach = np.linalg.norm(roots.points - (0, 7.7, 0.15), axis=1)
        lengths = np.clip(style.length + 0.62 - reach, 0.3, None) * rng.uniform(0.9, 1.05, count)
    lengths[fringe] = rng.uniform(0.62, 0.72, fringe.sum())
    offset = (0.015 + style.volume * (1 - 0.7 * low * (style.short_sides > 0))) * np.clip(1.2 * roots.density, 0.3, 1)
    step = lengths[:, None] / (nodes - 1)
    direction = style.rise * roots.normals + flow
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    waves = rng.normal(0, 2.0, (4, 3)), rng.uniform(0, 2 * np.pi, 4), rng.normal(0, 1, (4, 3))
    points = np.zeros((count, nodes, 3))
    points[:, 0] = here = roots.points - 0.006 * roots.normals
    hangs = style.fall > 0.3
    for node in range(1, nodes):
        t = node / (nodes - 1)
        pull = 0.30 * (1 - t) if hangs else 0.42
        direction = style.stiff * direction + pull * flow + (0, -style.fall * (1 + 1.2 * t), 0)
        # Keep the face free: hair that would fall into it is swept aside, the fringe down to the brows excepted.
        before = (here[:, 1] < (7.95 if hangs else 7.85)) & (here[:, 2] > 0.5) & (np.abs(here[:, 0]) < 0.82) & ~fringe
        if style.comb != "forward":
            direction[before] += np.stack(
                [1.7 * roots.side[before], 0 * here[before, 0], -0.6 + 0 * here[before, 0]], 1
            )
        for wave, phase, towards in zip(*waves, strict=True):
            direction += 0.035 * np.sin(here @ wave + phase)[:, None] * towards
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        here = here + direction * step
        _, nearest = tree.query(here)
        stands = np.einsum("nd,nd->n", here - surface[nearest], out[nearest])
        wanted = offset * min(1.0, t / 0.28 + 0.15)
        here = here + out[nearest] * np.clip(wanted - stands, 0, 0.4)[:, None]
        if not hangs and style.comb not in ("up", "out"):
            here = here - out[nearest] * (0.85 * np.clip(stands - 1.1 * wanted, 0, 0.5))[:, None]
        points[:, node] = here
    return points, fringe


def _strands(
    style: Style, guides: _Roots, courses: np.ndarray, roots: _Roots, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Strands between the three nearest guides of their side, gathered into locks, curled, in layers: [s, k, 3],
    [s].
    """
    count, nodes = len(roots.points), style.nodes
    along = np.linspace(0, 1, nodes)
    moved = courses - courses[:, :1]
    near, distance = np.zeros((count, 3), int), np.zeros((count, 3))
    for side in (1.0, -1.0):
        there, mine = np.flatnonzero(guides.side == side), roots.side == side
        if len(there) >= 3 and mine.any():
            distance[mine], found = KDTree(guides.points[there]).query(roots.points[mine], k=3)
            near[mine] = there[found]
    weights = 1 / (distance + 0.01) ** 2
    weights /= weights.sum(1, keepdims=True)
    points = roots.points[:, None] + np.einsum("ng,ngkd->nkd", weights, moved[near])
    # Locks: tips draw near to a guide's own course, a little beside it.
    lock = near[:, 0]
    beside = rng.normal(0, 0.022, (count, 1, 3))
    share = style.clump * rng.uniform(0.4, 1.0, (count, 1)) * along**0.8
    points += share[..., None] * (courses[lock] + beside - points)
    layer = rng.uniform(size=count) ** 0.7
    depth = (1 - layer) * style.volume * 0.75
    points -= (depth[:, None] * np.minimum(1, along * 3))[..., None] * roots.normals[:, None]
    frizz = (
        rng.normal(0, 1, (count, 1, 3)) * along[None, :, None]
        + rng.normal(0, 0.25, (count, nodes, 3)) * (along > 0)[None, :, None]
    )
    points += 0.012 * np.sqrt(style.length) * frizz
    if style.curl:
        lock_phase = rng.uniform(0, 2 * np.pi, len(guides.points))[lock][:, None] + rng.normal(0, 0.25, (count, 1))
        angle = 2 * np.pi * style.turns * along + lock_phase
        radius = style.curl * np.minimum(1, 4 * along) * rng.uniform(0.7, 1.2, (count, 1))
        circle = np.stack([np.cos(angle), 0.5 * np.sin(1.3 * angle), np.sin(angle)], 2)
        points += radius[..., None] * circle
    return points, layer


def _bun(style: Style, rng: np.random.Generator) -> np.ndarray:
    count = 900
    first, second = rng.normal(size=(2, count, 3))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(first, second)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    angle = np.linspace(0, 1.6, style.nodes)[None, :, None]
    ball = first[:, None] * np.cos(angle) + second[:, None] * np.sin(angle)
    return np.array([0, 8.42, -0.35]) + 0.34 * ball * rng.uniform(0.9, 1.04, (count, 1, 1))


def _tail(style: Style, rng: np.random.Generator) -> np.ndarray:
    """From the back of the head down between the shoulders, swinging to one side."""
    count = 1100
    along = np.linspace(0, 1, style.nodes)[None, :]
    lean = rng.choice([-1, 1]) * rng.uniform(0.15, 0.4)
    spread = rng.normal(0, 1, (3, count, 1)) * (0.07 + 0.14 * np.sin(np.pi * np.clip(along * 0.75, 0, 1)))
    x, y = lean * along**1.4 + spread[0], 7.95 + 0.25 * np.sin(np.pi * along) - 2.3 * along**1.3 + 0.3 * spread[1]
    return np.stack([x, y, -0.85 - 0.25 * np.sin(np.pi * along) + 0.6 * spread[2]], 2)
