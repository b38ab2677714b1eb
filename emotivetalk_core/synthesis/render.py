"""Draw or render a head: one identity in one state, at any size, and say where its parts lie."""

import numpy as np

from . import raster
from .head_state import HeadGeometry, HeadState
from .identity import Identity, mix
from .people.person import Person
from .people.render import render_person
from .render_canvas import SUPERSAMPLING, Canvas, Placement, surface_depth
from .render_extras import draw_beard, draw_glasses
from .render_eyes import draw_brows, draw_eyes
from .render_face import draw_ears, draw_nose, face_outline
from .render_layers import HeadLayers, head_layers, neck_outline, rim_of
from .render_mouth import draw_mouth, lip_box, mouth_centre, mouth_shape
from .render_palette import Palette, palette
from .render_wrinkles import draw_expression_lines

_BODY_SHARE = 0.4  # the shoulders follow this much of the head's shift


Head = Identity | Person
"""Who is seen: a drawn head, or a rendered person."""


def render_head(identity: Head, state: HeadState, size: int = 128) -> np.ndarray:
    """The picture, uint8 RGB [size, size, 3]. The same arguments always give the same pixels."""
    if isinstance(identity, Person):
        return render_person(identity, state, size)
    layers, colours = head_layers(identity, size), palette(identity)
    placement = Placement(identity, state.pose, SUPERSAMPLING * size)
    canvas = Canvas(layers.background.copy(), placement)
    if layers.hair_back is not None:
        canvas.lay(layers.hair_back, -0.12)
    outline, mouth = face_outline(identity, state), mouth_shape(identity, state)
    _draw_body(canvas, identity, colours, state, layers, outline)
    if identity.hair_style != "scarf":
        draw_ears(canvas, identity, colours)
    _draw_skin(canvas, colours, layers, outline)
    draw_beard(canvas, identity, colours, mouth, outline)
    draw_expression_lines(canvas, identity, colours, state, mouth)
    draw_eyes(canvas, identity, colours, state)
    draw_mouth(canvas, identity, colours, state, mouth)
    draw_nose(canvas, identity, colours, state)
    if layers.hair_front is not None:
        canvas.lay(layers.hair_front, 0.04)
    draw_brows(canvas, identity, colours, state)
    draw_glasses(canvas, identity, colours)
    picture = raster.halved(canvas.image, SUPERSAMPLING)
    return picture if layers.grain is None else raster.multiplied(picture, layers.grain, 1 / 252)


def _draw_body(
    canvas: Canvas, identity: Identity, colours: Palette, state: HeadState, layers: HeadLayers, outline: np.ndarray
) -> None:
    """Neck, with the head's shadow on it, and shoulders; they follow the head only a little."""
    side = canvas.placement.size
    shift = _BODY_SHARE * np.array([float(state.pose[3]), float(state.pose[4])]) * side
    head_end, foot = neck_outline(identity)
    top = canvas.placement.pixels(head_end, -0.05)
    top_right = canvas.placement.pixels(head_end * (-1, 1), -0.05)
    low = layers.skin_rest.pixels(foot, -0.1) + shift
    low_right = layers.skin_rest.pixels(foot * (-1, 1), -0.1) + shift
    neck = np.concatenate([top, low, low_right[::-1], top_right])
    points = np.round((neck - 0.5) * 16).astype(np.int32)
    tone = mix(colours.skin, colours.skin_shadow, 0.45)
    raster.fill(canvas.image, points, tone)
    width = max(1, round(colours.line_width * canvas.placement.unit))
    raster.outline(canvas.image, points, colours.line, width)
    shadow = outline[outline[:, 1] > 0.2] * (0.62, 1.0) + (0.0, 0.075)
    shadow = shadow[np.argsort(shadow[:, 0])]
    inside = np.abs(shadow[:, 0]) < -head_end[0, 0] - 0.004
    if inside.sum() > 3:
        edge = shadow[inside]
        roof = edge[::-1] * (1, 0) + (0, 0.3)
        canvas.fill(np.concatenate([edge, roof]), mix(colours.skin_shadow, colours.line, 0.18), -0.05)
    canvas.lay_moved(layers.body, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]))


def _draw_skin(canvas: Canvas, colours: Palette, layers: HeadLayers, outline: np.ndarray) -> None:
    """The head's outline, filled with the resting face's light and shade carried by the pose."""
    canvas.fill(rim_of(outline, 2 * colours.line_width), colours.line, 0.0)
    cut = canvas.window(outline, 0.0)
    if cut is None:
        return
    window, coverage = cut
    depth = 0.27  # about where cheeks, eyes and nose lie, so that the shading stays under them
    rest = np.vstack([layers.skin_rest.plane(depth), (0, 0, 1)])
    transform = canvas.placement.plane(depth) @ np.linalg.inv(rest)
    transform[:, 2] += transform[:, :2] @ (0.5, 0.5) - 0.5 - np.array(window.origin)
    height, width = coverage.shape
    window.image = raster.warp(layers.skin, transform, width, height, repeat=True)
    canvas.blend(window, coverage)


def head_geometry(identity: Head, state: HeadState, size: int = 128) -> HeadGeometry:
    """Where face, lips, eyes and mouth lie in the picture that render_head draws, in its pixels."""
    if isinstance(identity, Person):
        from .people.truth import person_geometry  # scipy's sparse matrices, which drawn heads do without

        return person_geometry(identity, state, size)
    placement = Placement(identity, state.pose, size)
    outline = face_outline(identity)
    face = outline[outline[:, 1] >= -0.5]
    width = identity.forehead_width
    face = np.concatenate([face, [[-0.8 * width, -0.5], [0.8 * width, -0.5]]])
    face_pixels = placement.pixels(face, 0.0)
    lips = lip_box(identity)
    lip_pixels = placement.pixels(lips, surface_depth(lips))
    centre = mouth_centre(mouth_shape(identity, state))
    spots = np.array([[-identity.eye_spacing, identity.eye_level], [identity.eye_spacing, identity.eye_level], centre])
    return HeadGeometry(
        face_box=_box(face_pixels, size),
        lip_box=_box(lip_pixels, size),
        eyes_mouth=placement.pixels(spots, surface_depth(spots)).astype(np.float32),
        mouth_opening=float(np.clip(state.mouth[0], 0, 1)),
    )


def _box(points: np.ndarray, size: int) -> np.ndarray:
    return np.clip(np.concatenate([points.min(0), points.max(0)]), 0, size).astype(np.float32)
