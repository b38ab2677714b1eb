"""Pictures for training and checking the face finder: drawn heads and rendered people, cut out and pasted over drawn
clutter, with the truth beside.
 Half of what makes a finder useful is what it leaves alone, so the clutter is full of what resembles a face: discs
and ovals of skin colour, pairs of dots, heads whose face has been wiped out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.people.person import sample_person
from ..synthesis.people.render import render_parts
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import Head, head_geometry, render_head
from .rendered_people import person_pose

HEAD_SIZE = 128
_HIDDEN = 0.7
"""A face of which less than this is seen is neither asked for nor counted as a false alarm."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """One drawn head or rendered person. pixels uint8 [s, s, 3], cover float32 [s, s] 0…1 without its background ·
    points [7, 2]: left eye, right eye, mouth, then the lip box's two corners and the face box's two corners."""

    pixels: np.ndarray
    cover: np.ndarray
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class SceneFace:
    """A face in a scene, in its pixels: box [4], eyes_mouth [3, 2], lip_box [4]. `certain` is False where much of
    it is hidden."""

    box: np.ndarray
    eyes_mouth: np.ndarray
    lip_box: np.ndarray
    certain: bool


@dataclass(frozen=True, eq=False)
class FaceScene:
    """pixels uint8 [h, w, 3] and the faces in it."""

    pixels: np.ndarray
    faces: tuple[SceneFace, ...]


def draw_heads(rng: np.random.Generator, seeds: Sequence[int]) -> list[Cutout]:
    """A cutout for each identity seed, with a random expression, mouth and pose."""
    heads = []
    for seed in seeds:
        identity = sample_identity(int(seed))
        if rng.uniform() < 0.7:
            identity = replace(identity, background_kind="plain")
        state, _ = random_state(rng, random_pose(rng, 1.5))
        pixels = render_head(identity, state, HEAD_SIZE)
        heads.append(Cutout(pixels, _cover(pixels), _points(identity, state)))
    return heads


def render_people(rng: np.random.Generator, seeds: Sequence[int], each: int = 1) -> list[Cutout]:
    """`each` cutouts for each seed of a person, in the person's own look, turned up to thirty degrees, with a random
    expression and mouth. Their covers are the renderer's own. Raises SettingsError where it is not installed.
    """
    people = []
    for seed in seeds:
        person = sample_person(int(seed))
        for _ in range(each):
            state, _ = random_state(rng, person_pose(rng))
            pixels, shows = render_parts(person, state, HEAD_SIZE)
            cover = cv2.GaussianBlur((shows > 0).astype(np.float32), (0, 0), 0.7)
            people.append(Cutout(pixels, cover, _points(person, state)))
    return people


def _points(head: Head, state: HeadState) -> np.ndarray:
    """Cutout.points of a head in its own picture."""
    geometry = head_geometry(head, state, HEAD_SIZE)
    corners = [np.reshape(geometry.lip_box, (2, 2)), np.reshape(geometry.face_box, (2, 2))]
    return np.concatenate([np.asarray(geometry.eyes_mouth), *corners]).astype(np.float32)


def draw_scene(
    rng: np.random.Generator, heads: Sequence[Cutout], size: tuple[int, int], face_count: int | None = None
) -> FaceScene:
    """A picture of `size` (height, width) with 0 to 3 heads of `heads`, or exactly `face_count`.
     Faces are 14 to 100 pixels high in a picture of 128. A quarter of the pictures are portraits as a user gives them:
    one head, its own background, filling the frame.
    """
    height, width = size
    if face_count is None and rng.uniform() < 0.25:
        return _portrait(rng, _one_of(rng, heads), size)
    canvas = _background(rng, height, width)
    for _ in range(rng.integers(0, 14)):
        _clutter(rng, canvas)
    if rng.uniform() < 0.4:
        _faceless(rng, canvas, _one_of(rng, heads))
    count = int(rng.choice(4, p=(0.18, 0.5, 0.2, 0.12))) if face_count is None else face_count
    faces: list[SceneFace] = []
    for _ in range(count):
        cutout = _one_of(rng, heads)
        face_height = np.exp(rng.uniform(np.log(14), np.log(100))) * min(size) / 128
        transform = _placement(rng, cutout, face_height, (rng.uniform(0, width), rng.uniform(0, height)))
        whole_square = rng.uniform() < 0.15  # a picture in the picture
        cover = np.ones_like(cutout.cover) if whole_square else cutout.cover
        covered = _paste(canvas, cutout.pixels, cover, transform)
        faces = [_occluded(face, covered) for face in faces]
        faces.append(_face(cutout, transform, height, width))
    for _ in range(rng.integers(0, 3) if count < 2 else 0):
        _clutter(rng, canvas, faces)
    return FaceScene(_weather(rng, canvas), tuple(faces))


def _one_of(rng: np.random.Generator, heads: Sequence[Cutout]) -> Cutout:
    return heads[int(rng.integers(len(heads)))]


def _portrait(rng: np.random.Generator, cutout: Cutout, size: tuple[int, int]) -> FaceScene:
    height, width = size
    scale = max(size) / HEAD_SIZE * rng.uniform(1.0, 1.25)
    middle = HEAD_SIZE / 2 + rng.uniform(-6, 6, 2)
    transform = np.array([[scale, 0, width / 2 - scale * middle[0]], [0, scale, height / 2 - scale * middle[1]]])
    pixels = cv2.warpAffine(
        cutout.pixels, _centred(transform), (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return FaceScene(_weather(rng, pixels), (_face(cutout, transform, height, width),))


def _cover(pixels: np.ndarray) -> np.ndarray:
    """Where the head is: all that a flood from the upper corners does not reach, its edge softened."""
    mask = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), np.uint8)
    for corner in ((0, 0), (pixels.shape[1] - 1, 0)):
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | (255 << 8)
        cv2.floodFill(pixels.copy(), mask, corner, (0, 0, 0), (5, 5, 5), (5, 5, 5), flags)
    inside = cv2.erode(255 - mask[1:-1, 1:-1], np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(inside, (3, 3), 0).astype(np.float32) / 255


def _placement(rng: np.random.Generator, cutout: Cutout, face_height: float, centre: tuple[float, float]) -> np.ndarray:
    """Affine map [2, 3] of the head's pixels: its face box `face_height` high around `centre`, tilted, stretched
    and mirrored."""
    first, last = cutout.points[5], cutout.points[6]
    scale = face_height / (last[1] - first[1])
    angle = np.deg2rad(rng.normal(0, 9))
    stretch = scale * np.array([rng.uniform(0.92, 1.08), 1.0])
    if rng.uniform() < 0.5:
        stretch[0] = -stretch[0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
    return np.column_stack([turn, np.array(centre) - turn @ ((first + last) / 2)])


def _face(cutout: Cutout, transform: np.ndarray, height: int, width: int) -> SceneFace:
    """Where the pasted face lies. Boxes are turned about their centre but stay upright, as the finder's are."""
    eyes_mouth = cutout.points[:3] @ transform[:, :2].T + transform[:, 2]
    if eyes_mouth[0, 0] > eyes_mouth[1, 0]:
        eyes_mouth = eyes_mouth[[1, 0, 2]]
    lip_box, box = (_moved_box(cutout.points[at : at + 2], transform) for at in (3, 5))
    seen = np.clip(box, 0, (width, height, width, height))
    share = np.prod(np.maximum(seen[2:] - seen[:2], 0)) / np.prod(box[2:] - box[:2])
    return SceneFace(box, eyes_mouth.astype(np.float32), lip_box, bool(share > _HIDDEN))


def _moved_box(corners: np.ndarray, transform: np.ndarray) -> np.ndarray:
    centre = corners.mean(0) @ transform[:, :2].T + transform[:, 2]
    half = (corners[1] - corners[0]) / 2 * np.linalg.norm(transform[:, :2], axis=0)
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def _occluded(face: SceneFace, covered: np.ndarray) -> SceneFace:
    left, top, right, bottom = np.round(face.box).astype(int).clip(0)
    hidden = covered[top:bottom, left:right]
    return replace(face, certain=face.certain and (hidden.size == 0 or hidden.mean() < 1 - _HIDDEN))


def _centred(transform: np.ndarray) -> np.ndarray:
    """The map for OpenCV, which counts from pixel centres instead of edges."""
    moved = transform.copy()
    moved[:, 2] += transform[:, :2] @ (0.5, 0.5) - 0.5
    return moved


def _paste(canvas: np.ndarray, pixels: np.ndarray, cover: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Lay a head over the canvas in place; returns where it covers, [h, w] 0…1."""
    size = (canvas.shape[1], canvas.shape[0])
    scale = np.sqrt(abs(np.linalg.det(transform[:, :2])))
    if scale < 0.7:  # OpenCV's warp skips pixels when it shrinks
        sigma = 0.4 / scale
        pixels, cover = cv2.GaussianBlur(pixels, (0, 0), sigma), cv2.GaussianBlur(cover, (0, 0), sigma)
    moved = cv2.warpAffine(pixels, _centred(transform), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(cover, _centred(transform), size, flags=cv2.INTER_LINEAR)
    canvas[:] = np.round(canvas + (moved.astype(np.float32) - canvas) * share[..., None])
    return share


def _background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    first, second = rng.uniform(0, 255, (2, 3))
    kind = rng.integers(6)
    if kind == 0:
        picture = np.broadcast_to(first, (height, width, 3)).copy()
    elif kind == 1:  # a gradient in any direction
        angle = rng.uniform(0, 2 * np.pi)
        ramp = np.arange(width) / width * np.cos(angle) + np.arange(height)[:, None] / height * np.sin(angle)
        ramp = (ramp - ramp.min()) / np.ptp(ramp)
        picture = first + ramp[..., None] * (second - first)
    elif kind in (2, 3):  # blobs or blocks
        cells = rng.integers(2, 20)
        noise = rng.uniform(0, 1, (cells, cells, 3)) if rng.uniform() < 0.5 else rng.uniform(0, 1, (cells, cells, 1))
        noise = first + (noise - 0.5) * rng.uniform(60, 400) * np.ones(3)
        way = cv2.INTER_CUBIC if kind == 2 else cv2.INTER_NEAREST
        picture = cv2.resize(noise.astype(np.float32), (width, height), interpolation=way)
    elif kind == 4:  # stripes
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 50)
        wave = np.sin(
            (np.arange(width) * np.cos(angle) + np.arange(height)[:, None] * np.sin(angle)) * 2 * np.pi / period
        )
        picture = first + (0.5 + 0.5 * np.clip(wave * rng.uniform(1, 8), -1, 1))[..., None] * (second - first)
    else:  # noise at several sizes, as in foliage, cloth and stone
        picture = np.broadcast_to(first, (height, width, 3)).astype(np.float32)
        for cells in (4, 9, 20, 48):
            layer = rng.normal(0, rng.uniform(5, 45), (cells, cells, 1)) * rng.uniform(0.4, 1, 3)
            picture = picture + cv2.resize(layer.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Any colour, or half of the time one that skin or hair could have."""
    if rng.uniform() < 0.5:
        red, green, blue = rng.uniform(0, 255, 3)
    else:
        red = rng.uniform(40, 255)
        green = red * rng.uniform(0.6, 0.95)
        blue = green * rng.uniform(0.6, 1.0)
    return int(red), int(green), int(blue)


def _clutter(rng: np.random.Generator, canvas: np.ndarray, avoid: Sequence[SceneFace] = ()) -> None:
    """One more thing that is no face; it is left out where it would cover a face's centre."""
    height, width = canvas.shape[:2]
    x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
    radius = max(2, int(np.exp(rng.uniform(np.log(3), np.log(min(height, width) / 2.5)))))
    for face in avoid:
        margin = 0.9 * radius
        if face.box[0] - margin < x < face.box[2] + margin and face.box[1] - margin < y < face.box[3] + margin:
            return
    colour, filled = _colour(rng), -1 if rng.uniform() < 0.75 else int(rng.integers(1, 4))
    kind = rng.integers(7)
    if kind == 0:
        _disc(rng, canvas, x, y, radius, colour if filled < 0 else None)
    elif kind == 1:
        axes = (radius, int(radius * rng.uniform(0.6, 1.5)))
        cv2.ellipse(canvas, (x, y), axes, rng.uniform(0, 180), 0, 360, colour, filled, cv2.LINE_AA)
    elif kind == 2:
        cv2.rectangle(canvas, (x, y), (x + radius, y + int(radius * rng.uniform(0.3, 2))), colour, filled)
    elif kind == 3:
        end = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.line(canvas, (x, y), end, colour, int(rng.integers(1, 5)), cv2.LINE_AA)
    elif kind == 4:
        corners = (np.array([x, y]) + rng.uniform(-radius, radius, (rng.integers(3, 7), 2))).astype(np.int32)
        cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA)
    elif kind == 5:
        letters = "".join(chr(rng.integers(33, 126)) for _ in range(rng.integers(1, 6)))
        cv2.putText(
            canvas, letters, (x, y), int(rng.integers(0, 7)), radius / 20, colour, int(rng.integers(1, 4)), cv2.LINE_AA
        )
    else:  # an oval with a few of a face's marks, but not all of them
        axes = (int(radius * rng.uniform(0.7, 0.95)), radius)
        cv2.ellipse(canvas, (x, y), axes, rng.normal(0, 15), 0, 360, colour, -1, cv2.LINE_AA)
        if rng.uniform() < 0.6:
            _marks(rng, canvas, x, y, radius)


def _disc(
    rng: np.random.Generator, canvas: np.ndarray, x: int, y: int, radius: int, colour: tuple[int, int, int] | None
) -> None:
    """A flat disc, or without a colour one with a structure of its own, as coins, plates and wheels have."""
    if colour is not None:
        cv2.circle(canvas, (x, y), radius, colour, -1, cv2.LINE_AA)
        return
    height, width = canvas.shape[:2]
    left, top, right, bottom = max(0, x - radius), max(0, y - radius), min(width, x + radius), min(height, y + radius)
    if right - left < 2 or bottom - top < 2:
        return
    inside = np.zeros((bottom - top, right - left, 1), np.uint8)
    cv2.circle(inside, (x - left, y - top), radius, 1, -1, cv2.LINE_8)
    canvas[top:bottom, left:right] = np.where(
        inside, _background(rng, bottom - top, right - left), canvas[top:bottom, left:right]
    )


def _marks(rng: np.random.Generator, canvas: np.ndarray, x: int, y: int, radius: int) -> None:
    dark = _colour(rng)
    if rng.uniform() < 0.5:  # a mouth alone, or dots anywhere
        middle = (x, int(y + 0.5 * radius))
        cv2.ellipse(canvas, middle, (max(1, radius // 3), max(1, radius // 10)), 0, 0, 360, dark, -1, cv2.LINE_AA)
    else:
        for _ in range(rng.integers(1, 6)):
            spot = (int(x + rng.uniform(-0.6, 0.6) * radius), int(y + rng.uniform(-0.7, 0.7) * radius))
            cv2.circle(canvas, spot, max(1, radius // int(rng.integers(5, 12))), dark, -1, cv2.LINE_AA)


def _faceless(rng: np.random.Generator, canvas: np.ndarray, cutout: Cutout) -> None:
    """A head with hair and shoulders whose face is wiped out: skin, but nobody."""
    pixels = cutout.pixels.copy()
    left, top, right, bottom = cutout.points[5:7].reshape(4)
    skin = np.median(pixels[int(top + 0.5 * (bottom - top)) : int(bottom), int(left) : int(right)], axis=(0, 1))
    centre = (int((left + right) / 2), int(top + 0.55 * (bottom - top)))
    axes = (int(0.42 * (right - left)), int(0.42 * (bottom - top)))
    cv2.ellipse(pixels, centre, axes, 0, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    height, width = canvas.shape[:2]
    face_height = np.exp(rng.uniform(np.log(14), np.log(80))) * min(height, width) / 128
    place = (rng.uniform(0, width), rng.uniform(0, height))
    _paste(canvas, pixels, cutout.cover, _placement(rng, cutout, face_height, place))


def _weather(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """What cameras, scanners and compression do to a picture."""
    height, width = pixels.shape[:2]
    if rng.uniform() < 0.2:
        small = cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    elif rng.uniform() < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.2))
    values = pixels.astype(np.float32)
    if rng.uniform() < 0.6:
        grey = values.mean(2, keepdims=True)
        saturation = 0.0 if rng.uniform() < 0.15 else rng.uniform(0.5, 1.5)
        values = grey + (values - grey) * saturation
        values = (values - 128) * rng.uniform(0.6, 1.3) + 128 + rng.normal(0, 14) + rng.normal(0, 7, 3)
    if rng.uniform() < 0.3:
        values = values + rng.normal(0, rng.uniform(2, 14), values.shape)
    pixels = np.clip(values, 0, 255).astype(np.uint8)
    if rng.uniform() < 0.15:
        _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(25, 80))])
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(pixels)
