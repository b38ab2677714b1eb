"""A person's head in three dimensions, at rest and in a frame: shape, face units, shut lips, eyes, and the head's
turn.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sparse

from ..head_state import HeadState
from .mesh import BODY, EYES, LOWER_TEETH, TONGUE, UPPER_TEETH, HeadMesh, head_mesh
from .person import Person
from .units import face_units

PIVOT = np.array([0, 6.2, 0.2], np.float32)
"""Where the head turns, in the upper neck."""

EYE_LEVEL = np.array([0, 7.284, 1.25], np.float32)
"""Where the middle between every person's eyes is put."""

_LOOK = (0.5, 0.34)
"""Radians that a gaze of 1 turns the eyes to the side, and up or down."""

_SPREAD = {
    "head": 0.15, "nose": 0.2, "chin": 0.2, "eyes": 0.13, "mouth": 0.16, "forehead": 0.18, "cheek": 0.2,
    "eyebrows": 0.2, "ears": 0.25, "neck": 0.1,
}  # fmt: skip
_OPPOSITES = (
    ("-incr", "-decr"), ("-up", "-down"), ("-out", "-in"), ("-convex", "-concave"), ("-uncompress", "-compress"),
)  # fmt: skip
_LEAN = {
    # The base mesh at rest looks sullen, with a full nose and narrow eyes; people on average do not.
    "mouth:mouth-angles-up": 0.32, "nose:nose-volume-decr": 0.35, "nose:nose-point-width-decr": 0.3,
    "nose:nose-width2-decr": 0.15, "eyes:eye-scale-incr": 0.32, "eyes:eye-height2-incr": 0.12,
    "cheek:cheek-inner-decr": 0.1, "mouth:mouth-scale-horiz-incr": 0.12,
}  # fmt: skip
_ACROSS, _UP = np.eye(3, dtype=np.float32)[:2]
_FORMS = ("oval", "round", "square", "rectangular", "triangular", "diamond", "invertedtriangular")


def shape_weights(person: Person) -> dict[str, float]:
    """The weights of the mesh's targets that make this person."""
    mesh, rng = head_mesh(), np.random.default_rng([person.seed, 0x5A9E])
    years = 0.5 + (person.age - 25) / 130 if person.age >= 25 else 0.1875 + (person.age - 10) / 48
    ages = {"child": max(0.0, 1 - 2 * years), "young": 1 - abs(2 * years - 1), "old": max(0.0, 2 * years - 1)}
    woman = 0.1 + 0.8 * person.female
    weight = person.weight
    build = {
        "minweight": max(0, 1 - 2 * weight),
        "averageweight": 1 - abs(2 * weight - 1),
        "maxweight": max(0, 2 * weight - 1),
    }
    weights: dict[str, float] = {}
    for age, age_share in ages.items():
        for sex, sex_share in (("female", woman), ("male", 1 - woman)):
            for name, share in zip(("african", "asian", "caucasian"), person.ancestry, strict=True):
                weights[f"whole:{name}-{sex}-{age}"] = age_share * sex_share * share
            for name, share in build.items():
                weights[f"whole:universal-{sex}-{age}-{name}"] = age_share * sex_share * share
    signed: dict[tuple[str, str], float] = {}
    for name in mesh.names:
        for positive, negative in _OPPOSITES:
            other = name.removesuffix(positive) + negative
            if name.endswith(positive) and other in mesh.names and not name.startswith(("unit", "whole")):
                spread = _SPREAD[name.split(":")[0]]
                signed[name, other] = float(rng.normal(0, spread))
    for (name, other), amount in signed.items():
        amount += _LEAN.get(name, 0.0) - _LEAN.get(other, 0.0)
        amount = float(np.clip(amount, -0.8, 0.8))
        weights[name if amount > 0 else other] = abs(amount)
    for form in _FORMS:
        weights[f"head:head-{form}"] = max(0.0, float(rng.normal(-0.15, 0.22)))
    return {name: value for name, value in weights.items() if value > 1e-4}


@dataclass(frozen=True, eq=False)
class LipLine:
    """How lips meet: pairs of vertices that touch, [c] each and their x; and how far every vertex follows, [m]."""

    upper: np.ndarray
    lower: np.ndarray
    across: np.ndarray
    upper_share: np.ndarray
    lower_share: np.ndarray


@lru_cache(maxsize=1)
def lip_line() -> LipLine:
    mesh = head_mesh()
    rest, lips = mesh.rest, mesh.masks["lips"]
    drop = -mesh.smoothed(mesh.shift({"unit:jawOpen": 1.0}))[:, 1]
    columns = np.linspace(-0.24, 0.24, 33)
    lip = np.flatnonzero((lips > 0.6) & (mesh.part == BODY) & (rest[:, 2] > 1.3))
    upper, lower, low, high = [], [], [], []
    for x in columns:
        near = lip[np.abs(rest[lip, 0] - x) < 0.014]
        low.append(drop[near].min())
        high.append(drop[near].max())
        is_lower = drop[near] > 0.5 * (low[-1] + high[-1])
        upper.append(near[~is_lower][np.argmin(rest[near[~is_lower], 1])])
        lower.append(near[is_lower][np.argmax(rest[near[is_lower], 1])])
    low, high = np.interp(rest[:, 0], columns, low), np.interp(rest[:, 0], columns, high)
    lowness = np.clip((drop - low) / (high - low), 0, 1)
    line = np.interp(rest[:, 0], columns, 0.5 * (rest[upper, 1] + rest[lower, 1]))
    near = np.exp(-(((rest[:, 1] - line) / 0.14) ** 2)) * np.clip((0.38 - np.abs(rest[:, 0])) / 0.12, 0, 1)
    near = near * np.clip((rest[:, 2] - 1.1) / 0.25, 0, 1) * (mesh.part == BODY)
    return LipLine(
        np.array(upper),
        np.array(lower),
        columns,
        (near * (1 - lowness)).astype(np.float32),
        (near * lowness).astype(np.float32),
    )


@lru_cache(maxsize=1)
def lid_folds() -> np.ndarray:
    """Where the skin of the upper lid folds in when the eye opens, and keeps a line when it shuts: [m], 0…1."""
    mesh = head_mesh()
    rest = mesh.rest
    drop = -mesh.smoothed(mesh.shift({"unit:eyeBlinkLeft": 1.0, "unit:eyeBlinkRight": 1.0}))[:, 1]
    lid = (mesh.part == BODY) & (mesh.masks["socket"] < 0.1) & (rest[:, 2] > 1.1)
    columns = np.linspace(0.14, 0.50, 37)
    across = np.abs(rest[:, 0])
    most = np.array([drop[lid & (np.abs(across - x) < 0.012)].max(initial=0.0) for x in columns])
    most = np.interp(across, columns, np.convolve(np.pad(most, 2, "edge"), np.full(5, 0.2), "valid"))
    fold = np.exp(-(((drop / np.maximum(most, 0.03) - 0.22) / 0.13) ** 2)) * np.clip(most / 0.08 - 0.4, 0, 1)
    return (fold * lid).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PosedHead:
    """One frame's surfaces: vertices [m, 3] · rotation [3, 3] of the head · eye_centres [2, 3] and eye_rotations
    [2, 3, 3], x > 0 first · mouth_depth [m]: how far behind the lips a vertex lies · units: what moved the face.
    """

    vertices: np.ndarray
    rotation: np.ndarray
    shift: np.ndarray
    eye_centres: np.ndarray
    eye_rotations: np.ndarray
    mouth_depth: np.ndarray
    units: dict[str, float]


class Anatomy:
    """A person's resting head, and how it moves."""

    def __init__(self, person: Person) -> None:
        mesh = head_mesh()
        self.person, self.mesh = person, mesh
        vertices = mesh.base + mesh.shift(shape_weights(person))
        smooth = mesh.smoothed(vertices)
        eyes = [smooth[mesh.part == part] for part in EYES]
        middle = (eyes[0].mean(0) + eyes[1].mean(0)) / 2
        body, rest = mesh.part == BODY, mesh.rest
        chin = body & (np.abs(rest[:, 0]) < 0.05) & (rest[:, 1] < 6.3) & (rest[:, 1] > 6.1) & (rest[:, 2] > 1.2)
        self.scale = 2.36 / float(smooth[body, 1].max() - smooth[chin, 1].min())
        self.base = ((vertices - middle) * self.scale + EYE_LEVEL).astype(np.float32)
        self.rest = mesh.smoothed(self.base)
        centres, radii = [], []
        for part in EYES:
            eye = self.rest[mesh.part == part]
            low, high = eye.min(0), eye.max(0)
            radius = float(high[0] - low[0] + high[1] - low[1]) / 4
            centres.append([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius])
            radii.append(radius)
        self.eye_centres = np.array(centres, np.float32)
        self.eye_radius = 1.01 * float(np.mean(radii))
        self.open_eyes = float(np.random.default_rng([person.seed, 0xE7E]).uniform(0.1, 0.26))
        self._units = _unit_matrix()
        self._follow = _head_share(mesh)
        x, y, z = mesh.base.T
        inner = (
            np.exp(-(((np.abs(x) - 0.13) / 0.12) ** 2) - ((y - 7.47) / 0.13) ** 2)
            * (z > 0.8)
            * (mesh.base_part == BODY)
        )
        self._brows = inner[:, None].astype(np.float32)

    def raised(self, state: HeadState) -> dict[str, float]:
        """The face units that a state raises in this person, by name."""
        return face_units(state, self.person.liveliness, self.person.lean, self.open_eyes)

    def pose(self, state: HeadState, field: float) -> PosedHead:
        """The head in a frame; `field` is the picture's width in decimetres, which dx and dy are shares of."""
        mesh, units = self.mesh, self.raised(state)
        weights = np.zeros(len(mesh.units), np.float32)
        for name, amount in units.items():
            weights[mesh.units.index(name)] = amount
        moved = self.base + self.scale * (self._units @ weights).reshape(-1, 3)
        # The mesh's units for the brows are faint: at this size what tells anger from worry must be seen.
        raised, knit = (
            units.get("browInnerUp", 0.0),
            0.5 * (units.get("browDownLeft", 0.0) + units.get("browDownRight", 0.0)),
        )
        moved += self._brows * (0.03 * raised - 0.045 * knit * max(0.0, 1 - 0.6 * raised)) * _UP
        moved -= self._brows * knit * 0.013 * np.sign(self.mesh.base[:, :1]) * _ACROSS
        vertices = mesh.smoothed(moved)
        self._shut_lips(vertices, float(state.mouth[0]))
        front = float(vertices[mesh.masks["lips"] > 0.5, 2].max())
        depth = np.maximum(0, front - vertices[:, 2])
        # Teeth are seen where a smile or an open mouth frees them: the mesh's upper row hangs high.
        # Behind shut lips they step back, or a broad smile would let them through.
        back = float(np.interp(float(state.mouth[0]), [0, 0.03, 0.12], [0.6, 0.1, 0.0]))
        vertices[mesh.part == UPPER_TEETH] += (0, -0.075, 0.035 - back)
        vertices[mesh.part == LOWER_TEETH] += (0, 0.03, -back)
        if float(state.mouth[4]) > 0:
            tip = np.clip((vertices[:, 2] - 0.9) / 0.5, 0, 1) * (mesh.part == TONGUE)
            vertices[:, 1] += 0.09 * float(state.mouth[4]) * tip * min(1.0, 4 * float(state.mouth[0]))
        yaw, pitch, roll, dx, dy, zoom = (float(v) for v in state.pose)
        rotation = turn(yaw, pitch, roll)
        shift = np.array([dx * field, -dy * field, 24 * (1 - 1 / zoom)], np.float32)
        # Shoulders follow the head's shift a little, its turn not at all.
        share = self._follow[:, None]
        vertices += share * ((vertices - PIVOT) @ rotation.T + PIVOT - vertices) + (0.4 + 0.6 * share) * shift
        right, down = (float(v) for v in state.gaze)
        eyes = np.stack([rotation @ turn(_LOOK[0] * right + toe, _LOOK[1] * down, 0) for toe in (-0.015, 0.015)])
        centres = (self.eye_centres - PIVOT) @ rotation.T + PIVOT + shift
        return PosedHead(
            vertices.astype(np.float32), rotation, shift, centres.astype(np.float32), eyes.astype(np.float32),
            depth.astype(np.float32), units,
        )  # fmt: skip

    def _shut_lips(self, vertices: np.ndarray, opening: float) -> None:
        """Moves the lips until they touch where the mouth does not open, whatever the expression would do to them."""
        line = lip_line()
        shut = np.clip(1 - opening / 0.12, 0, 1)
        if shut == 0:
            return
        gap = vertices[line.upper, 1] - vertices[line.lower, 1]
        gap = gap / (0.5 * (line.upper_share[line.upper] + line.lower_share[line.lower]))
        level = self.mesh.rest[:, 0]
        gap = np.interp(level, line.across, gap).astype(np.float32) * shut
        vertices[:, 1] += (0.5 * gap) * (line.lower_share - line.upper_share)


@lru_cache(maxsize=1)
def _unit_matrix() -> sparse.csr_matrix:
    mesh = head_mesh()
    rows = [mesh.names[f"unit:{name}"] for name in mesh.units]
    return mesh.targets[rows].T.tocsr()


def turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation [3, 3] in HeadState's sense: right, down, clockwise as the viewer sees it."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    sideways = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return (tilt @ nod @ sideways).astype(np.float32)


@lru_cache(maxsize=1)
def _head_share(mesh: HeadMesh) -> np.ndarray:
    """How far each vertex turns with the head: 1 above the jaw, 0 at the shoulders, the neck between."""
    rest = mesh.rest
    t = np.clip((rest[:, 1] - 5.5 + 0.3 * (rest[:, 2] - 0.3)) / 0.8, 0, 1)
    share = t * t * (3 - 2 * t)
    share[(mesh.part != BODY) | (mesh.masks["cavity"] > 0.5)] = 1
    return share.astype(np.float32)
