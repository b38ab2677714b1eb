"""Renders a person in a state: vertices to z-buffer, light, light under the skin, fibres, and the curve of a camera."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from ..head_state import HeadState
from . import accessories, face_hair
from .anatomy import PIVOT, PosedHead, lid_folds
from .camera import CAMERA, field, project
from .fibre_light import shade_fibres
from .hair import grow_hair
from .kernels import fill_depth, fill_triangles, lay_fibres, line_depth, near_to_far, seen_nodes, vertex_normals
from .materials import BROW, EYE, GLASSES, HAIR, SKIN, TEETH, Lighting, Surface, Turn
from .materials import TONGUE as TONGUE_SHOWS
from .mesh import BODY, LOWER_TEETH, TONGUE, UPPER_TEETH, head_mesh
from .person import Person
from .scene import background, lamps
from .shading import shade_solids
from .skin import linear, paint_skin
from .skin_map import skin_coordinates
from .truth import anatomy as known_anatomy

SUPERSAMPLING = 2
_SHADOW_SIZE, _SHADOW_FIELD = 384, 4.6
_GOLD = np.array([0.62, 0.46, 0.18], np.float32)

_UPPER_ENDS, _LOWER_ENDS = (0.0, 0.34, 0.60, 0.90, 1.18, 1.46, 3.2), (0.0, 0.22, 0.46, 0.74, 1.02, 1.30, 3.2)
"""Where on the arch teeth end, radians from the middle: incisors of the lower row are the narrowest."""
_LID_FOLD = 0.4
"""How much of the light a lid's fold takes, as creases do."""

_SPREAD = (0.030, 0.014, 0.008)
"""How far red, green and blue light wander under skin, in decimetres."""


@dataclass(frozen=True, eq=False)
class Frame:
    """picture uint8 [size, size, 3] · shows uint8 [2·size, 2·size]: what is seen, numbers of `materials` · distance
    float32 of the same size, 0 where nothing solid is.
    """

    picture: np.ndarray
    shows: np.ndarray
    distance: np.ndarray


class Solids(NamedTuple):
    """What of the mesh a picture shows, twice as fine as that. points float32 [n, 3]: its vertices, in decimetres ·
    screen [n, 3]: where they are seen, see `project` · nearness [h, w]: 1 / distance, 0 where nothing is · owner
    int32 [h, w]: the triangle that is seen, -1 where none · first, second [h, w]: how much its first two corners
    count there.
    """

    points: np.ndarray
    screen: np.ndarray
    nearness: np.ndarray
    owner: np.ndarray
    first: np.ndarray
    second: np.ndarray


class _FibreSet(NamedTuple):
    """Fibres in a frame: nodes, outward and colour [s, k, 3]; layer, width in decimetres and opacity [s, k]."""

    nodes: np.ndarray
    outward: np.ndarray
    colour: np.ndarray
    layer: np.ndarray
    width: np.ndarray
    opacity: np.ndarray
    shine: float
    shows: int


def _spread(vector: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """One vector for every node."""
    return np.ascontiguousarray(np.broadcast_to(vector, nodes.shape), np.float32)


def _eye_ball(rings: int = 14, around: int = 36, reach: float = 1.75) -> tuple[np.ndarray, np.ndarray]:
    """Directions [n, 3] and triangles of the front of a sphere about z."""
    tilt = np.repeat(reach * np.arange(rings + 1) / rings, around)
    turn = np.tile(2 * np.pi * np.arange(around) / around, rings + 1)
    points = np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], 1)
    i = np.arange(rings * around)
    j = i - i % around + (i + 1) % around
    triangles = np.concatenate([np.stack([i, i + around, j + around], 1), np.stack([i, j + around, j], 1)])
    return points.astype(np.float32), triangles.astype(np.int32)


@lru_cache(maxsize=1)
def _creases() -> np.ndarray:
    """How closed in each place of the resting skin is, 0…1: ears, sockets, nostrils, the lips' line. [m]"""
    mesh = head_mesh()
    rest, size, views = mesh.rest, 420, 96
    normals = np.zeros_like(rest)
    vertex_normals(rest, mesh.skin, normals)
    hidden, total = np.zeros(len(rest)), np.zeros(len(rest))
    for view in range(views):
        z = 1 - 2 * (view + 0.5) / views
        turn = view * 2.39996
        towards = np.array([np.sqrt(1 - z * z) * np.cos(turn), z, np.sqrt(1 - z * z) * np.sin(turn)])
        right = np.cross(towards, (0.3, 0.8, 0.5))
        right /= np.linalg.norm(right)
        flat = (rest @ np.stack([right, np.cross(towards, right), towards]).T).astype(np.float32)
        low = flat[:, :2].min(0)
        flat[:, :2] = (flat[:, :2] - low) / (flat[:, :2].max() - low.min()) * (size - 2)
        depth = np.full((size, size), -1e9, np.float32)
        fill_depth(flat, mesh.skin, depth)
        x, y = flat[:, 0].astype(int).clip(0, size - 1), flat[:, 1].astype(int).clip(0, size - 1)
        facing = np.maximum(0, normals @ towards)
        hidden += facing * (depth[y, x] - flat[:, 2] > 0.03)
        total += facing
    closed = hidden / np.maximum(total, 1e-6)
    closed[mesh.masks["cavity"] > 0.3] = 0
    return closed.astype(np.float32)


class PersonRenderer:
    """Everything of one person at one size that its frames share."""

    def __init__(self, person: Person, size: int) -> None:
        self.person, self.size, self.side = person, size, SUPERSAMPLING * size
        self.anatomy = anatomy = known_anatomy(person)
        mesh = anatomy.mesh
        self.field = field(person)
        normals = np.zeros_like(anatomy.rest)
        vertex_normals(anatomy.rest, mesh.skin, normals)
        under = accessories.neckline(anatomy)
        self.cloth = normals * accessories.cloth_thickness(under)[:, None]
        self.hair = grow_hair(anatomy, normals)
        beard = face_hair.beard(person)
        self.fibres = [*face_hair.lashes(person), face_hair.brows(person), *([] if beard is None else [beard])]
        self.wires = accessories.glasses(anatomy)
        self.earrings = accessories.earring_places(person, anatomy)
        self.lamps, self.backdrop = lamps(person), background(person, self.side)
        self.surface = Surface(
            texture=paint_skin(person), wrinkles=np.zeros(3, np.float32), lip=linear(person.lip),
            lip_gloss=person.lip_gloss, cloth=linear(person.cloth), second_cloth=linear(person.second_cloth),
            pattern=person.cloth_pattern, iris=linear(np.array(person.iris)), iris_size=person.iris_size,
            pupil=person.pupil, teeth=linear(person.teeth), relief=0.10,
        )  # fmt: skip
        self._ball, ball_triangles = _eye_ball()
        self._lay_out(under, ball_triangles)
        steps = np.arange(12)
        radius = 0.24 * np.sqrt((steps + 0.5) / 12)
        self._ring = np.stack([radius * np.cos(2.39996 * steps), radius * np.sin(2.39996 * steps)], 1).astype(
            np.float32
        )
        side = self.side
        self._nearness = np.zeros((side, side), np.float32)
        self._owner = np.zeros((side, side), np.int32)
        self._first, self._second = np.zeros((2, side, side), np.float32)
        self._light, self._albedo, self._gloss = np.zeros((3, side, side, 3), np.float32)
        self._shows = np.zeros((side, side), np.uint8)
        self._shadow = np.zeros((_SHADOW_SIZE, _SHADOW_SIZE), np.float32)

    def _lay_out(self, under: np.ndarray, ball: np.ndarray) -> None:
        """All triangles in one list, with what they show, and the traits that no frame changes."""
        mesh = self.anatomy.mesh
        count, eye = len(mesh.rest), len(self._ball)
        groups = [
            (mesh.skin, SKIN), (mesh.triangles(UPPER_TEETH, LOWER_TEETH), TEETH),
            (mesh.triangles(TONGUE), TONGUE_SHOWS), (ball + count, EYE), (ball + count + eye, EYE),
        ]  # fmt: skip
        self.triangles = np.concatenate([triangles for triangles, _ in groups]).astype(np.int32)
        self.material = np.concatenate([np.full(len(triangles), shows, np.uint8) for triangles, shows in groups])
        self.traits = np.zeros((count + 2 * eye, 8), np.float32)
        self.traits[:count, 0], self.traits[:count, 1] = skin_coordinates(mesh.rest)
        self.traits[:count, 2], self.traits[:count, 3] = mesh.masks["lips"], mesh.masks["cavity"]
        closed = _creases()
        crease = np.clip((closed - 0.42) / 0.5, 0, 1) + _LID_FOLD * lid_folds()
        self.traits[:count, 4], self.traits[:count, 6] = under, crease
        x, y, z = mesh.rest.T
        below = (np.hypot((np.abs(x) - 0.075) / 0.075, (y - 6.895) / 0.045) < 1) & (z > 1.35)
        self.traits[:count, 7] = np.clip((closed - 0.55) / 0.25, 0, 1) * below
        for part, upwards in ((UPPER_TEETH, False), (LOWER_TEETH, True)):
            row = mesh.part == part
            # Teeth are counted along the arch: 0 at the middle, one for each tooth.
            arc = np.arctan2(x[row], np.maximum(z[row] - 1.12, 0.02))
            ends = _LOWER_ENDS if upwards else _UPPER_ENDS
            self.traits[:count, 0][row] = np.sign(arc) * np.interp(np.abs(arc), ends, np.arange(len(ends)))
            high, low = y[row].max(), y[row].min()
            share = (y[row] - low) / (high - low) if upwards else (high - y[row]) / (high - low)
            self.traits[:count, 1][row] = share
        for k in range(2):
            rows = slice(count + k * eye, count + (k + 1) * eye)
            self.traits[rows, :3], self.traits[rows, 3] = self._ball, k
        self._count = count

    def render(self, state: HeadState) -> Frame:
        head = self.anatomy.pose(state, self.field)
        points, normals = self._solids(head)
        sets = self._fibres(head, points, normals)
        person, side = self.person, self.side
        self._fill(points)
        lighting = self._lighting(points, sets)
        turn = Turn(head.rotation, head.eye_rotations, CAMERA)
        shade_solids(
            self._nearness, self._owner, self._first, self._second, self.triangles, self.material, points, normals,
            self.traits, self.surface._replace(wrinkles=self._wrinkles(head.units)), lighting, turn,
            np.float32(side / self.field), self._ring, self._light, self._albedo, self._gloss, self._shows,
        )  # fmt: skip
        image = np.where(
            (self._shows > 0)[..., None], self._albedo * self._under_the_skin() + self._gloss, self.backdrop
        )
        distance = np.where(self._nearness > 0, 1 / np.maximum(self._nearness, 1e-6), 0).astype(np.float32)
        laid, through = np.zeros_like(image), np.ones((side, side), np.float32)
        shows = self._shows.copy()
        for fibre in sets:
            screen = project(fibre.nodes.reshape(-1, 3), person, side).reshape(fibre.nodes.shape)
            bias = np.float32(0.012 if fibre.shows == HAIR else 0.03)
            seen = seen_nodes(screen, self._nearness, bias)
            lit = np.zeros_like(fibre.nodes)
            shade_fibres(
                fibre.nodes,
                seen,
                fibre.outward,
                fibre.colour,
                fibre.layer,
                np.float32(fibre.shine),
                lighting,
                CAMERA,
                lit,
            )
            covered = through < 0.5
            lay_fibres(
                screen, near_to_far(screen, seen), fibre.width * (side / self.field), fibre.opacity, lit,
                self._nearness, bias, fibre.shows == GLASSES, laid, through,
            )  # fmt: skip
            shows[(through < 0.5) & ~covered] = fibre.shows
        return Frame(self._developed(image * through[..., None] + laid), shows, distance)

    def solids(self, state: HeadState) -> Solids:
        """What `render` would find, without light: a tenth of the work."""
        points, _ = self._solids(self.anatomy.pose(state, self.field))
        screen = self._fill(points)
        seen = (each.copy() for each in (self._nearness, self._owner, self._first, self._second))
        return Solids(points, screen, *seen)

    def _fill(self, points: np.ndarray) -> np.ndarray:
        """Sees which triangle is nearest in each place; where the points [n, 3] are on the screen."""
        self._nearness[:], self._owner[:] = 0, -1
        screen = project(points, self.person, self.side)
        fill_triangles(screen, self.triangles, self._nearness, self._owner, self._first, self._second)
        return screen

    def _solids(self, head: PosedHead) -> tuple[np.ndarray, np.ndarray]:
        mesh = self.anatomy.mesh
        vertices = head.vertices + self.cloth
        normals = np.zeros_like(vertices)
        vertex_normals(vertices, self.triangles[self.material == SKIN], normals)
        for what in (TEETH, TONGUE_SHOWS):
            vertex_normals(vertices, self.triangles[self.material == what], normals)
        self.traits[: self._count, 5][mesh.part == BODY] = head.mouth_depth[mesh.part == BODY]
        inner = mesh.part >= UPPER_TEETH
        self.traits[: self._count, 2][inner] = head.mouth_depth[inner]
        # The cornea stands out a little from the ball.
        bulge = 1 + 0.035 * np.clip((self._ball[:, 2] - 0.88) / 0.12, 0, 1) ** 1.2
        balls = [
            centre + (self._ball * bulge[:, None] * self.anatomy.eye_radius) @ rotation.T
            for centre, rotation in zip(head.eye_centres, head.eye_rotations, strict=True)
        ]
        facing = [self._ball @ rotation.T for rotation in head.eye_rotations]
        return (
            np.concatenate([vertices, *balls]).astype(np.float32),
            np.concatenate([normals, *facing]).astype(np.float32),
        )

    def _fibres(self, head: PosedHead, points: np.ndarray, normals: np.ndarray) -> list[_FibreSet]:
        """All fibres in a frame, the outermost first: frames of glasses, hair, their arms, and what grows on the
        face.
        """
        rotation, shift = head.rotation, head.shift

        def wire(course: np.ndarray, colour: np.ndarray, width: np.ndarray | float, shine: float) -> _FibreSet:
            nodes = ((course - PIVOT) @ rotation.T + PIVOT + shift)[None].astype(np.float32)
            ones = np.ones(nodes.shape[:2], np.float32)
            return _FibreSet(
                nodes, _spread(rotation[:, 2], nodes), _spread(colour, nodes), ones,
                (ones * width).astype(np.float32), ones, shine, GLASSES,
            )  # fmt: skip

        metal = linear(self.person.glasses_colour)
        rims, arms = self.wires
        sets = [wire(course, metal, 0.034, 1.6) for course in rims]
        bead = np.linspace(0.028, -0.028, 7)
        round_width = 2 * np.sqrt(np.maximum(0.03**2 - bead**2, 0.008**2))
        for spot in self.earrings:
            sets.append(wire(spot + bead[:, None] * (0.0, 1.0, 0.0), _GOLD, round_width, 3.0))
        if self.hair is not None:
            hair = self.hair
            turned = (hair.points - PIVOT) @ rotation.T + PIVOT
            # Long hair rests on the shoulders; what is above them turns with the head.
            share = np.clip((hair.points[..., 1:2] - 5.6) / 1.0, 0, 1)
            nodes = hair.points + share * (turned - hair.points) + (0.4 + 0.6 * share) * shift
            outward = np.ascontiguousarray(hair.outward @ rotation.T, np.float32)
            sets.append(
                _FibreSet(
                    nodes.astype(np.float32), outward, hair.colour, hair.layer, hair.width, hair.opacity, 1.0, HAIR
                )
            )
        sets += [wire(course, metal, 0.034, 1.6) for course in arms]
        for fibre in self.fibres:
            nodes, outward = fibre.nodes(points[: self._count], normals[: self._count], rotation)
            colour = np.ascontiguousarray(np.broadcast_to(fibre.colour[:, None], nodes.shape), np.float32)
            layer = np.full(nodes.shape[:2], 0.85, np.float32)
            sets.append(_FibreSet(nodes, outward, colour, layer, fibre.width, fibre.opacity, 0.5, BROW))
        return sets

    def _lighting(self, points: np.ndarray, sets: list[_FibreSet]) -> Lighting:
        """The lamps with the first one's shadow map, drawn from where it stands."""
        light = self.lamps.directions[0].astype(np.float64)
        right = np.cross([0, 1, 0], light)
        right /= np.linalg.norm(right)
        scale = _SHADOW_SIZE / _SHADOW_FIELD
        rows = np.stack([right * scale, np.cross(light, right) * scale, light]).astype(np.float32)
        middle = rows[:2] @ np.array([0, 6.95, 0.5], np.float32)
        offset = (_SHADOW_SIZE / 2 - middle).astype(np.float32)

        def seen(nodes: np.ndarray) -> np.ndarray:
            placed = nodes @ rows.T
            placed[..., :2] += offset
            return np.ascontiguousarray(placed, np.float32)

        self._shadow[:] = -1e9
        fill_depth(seen(points), self.triangles, self._shadow)
        for fibre in sets:
            if fibre.shows in (HAIR, GLASSES):
                line_depth(seen(fibre.nodes), self._shadow)
        return Lighting(
            self.lamps.directions, self.lamps.colours, self.lamps.sky, self.lamps.ground, self._shadow, rows, offset,
            float(self.lamps.softness * scale),
        )  # fmt: skip

    def _wrinkles(self, units: dict[str, float]) -> np.ndarray:
        """How strongly units raise the three reliefs; more with age."""
        age = np.clip((self.person.age - 18) / 55, 0, 1)
        brow = max(units.get("browInnerUp", 0), units.get("browOuterUpLeft", 0), units.get("browOuterUpRight", 0))
        frown = max(units.get("browDownLeft", 0), units.get("browDownRight", 0), 0.5 * units.get("browInnerUp", 0))
        smile = max(
            units.get("cheekSquintLeft", 0), 0.6 * units.get("mouthSmileLeft", 0), 0.8 * units.get("noseSneerLeft", 0)
        )
        return np.array([brow * (0.22 + 0.7 * age), frown * (0.35 + 0.6 * age), smile * (0.3 + 0.6 * age)], np.float32)

    def _under_the_skin(self) -> np.ndarray:
        """Diffuse light with what wandered under the skin: a blur over skin alone, at half the size. [h, w, 3]"""
        half = self.side // 2
        skin = (self._shows == SKIN).astype(np.float32)
        small = cv2.resize(skin, (half, half), interpolation=cv2.INTER_AREA)
        lit = cv2.resize(self._light * skin[..., None], (half, half), interpolation=cv2.INTER_AREA)
        spread = np.empty_like(lit)
        for channel, reach in enumerate(_SPREAD):
            sigma = max(0.6, reach * half / self.field)
            weight = np.maximum(cv2.GaussianBlur(small, (0, 0), sigma), 1e-3)
            spread[..., channel] = cv2.GaussianBlur(lit[..., channel], (0, 0), sigma) / weight
        spread = cv2.resize(spread, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        share = np.array([0.75, 0.6, 0.5], np.float32) * skin[..., None]
        return self._light + share * (spread - self._light)

    def _developed(self, image: np.ndarray) -> np.ndarray:
        """Linear light to a picture: averaged, with a little glow, through a film's curve."""
        image = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA)
        glow = cv2.GaussianBlur(np.maximum(image - 0.8, 0), (0, 0), self.size / 64)
        x = np.maximum(0.60 * (image + 0.2 * glow), 0)
        x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
        return (255 * np.clip(x, 0, 1) ** (1 / 2.2) + 0.5).astype(np.uint8)
