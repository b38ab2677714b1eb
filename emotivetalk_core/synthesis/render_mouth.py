"""The mouth: speech opens and shapes it, action units move its corners and edges but never open it."""

from dataclasses import dataclass

import numpy as np

from .head_state import HeadState
from .identity import Identity
from .render_canvas import Canvas, ribbon, taper
from .render_palette import Palette

FULL_OPENING = 0.165
"""Height of the opening between the lips at mouth[0] = 1, in face heights."""
_T = np.linspace(-1, 1, 25)
_PARABOLA = 1 - _T**2
_ROUND = np.sqrt(_PARABOLA)


@dataclass(frozen=True, eq=False)
class MouthShape:
    """Curves [25, 2] from the left to the right corner, in face units: outer and inner edges of both lips."""

    upper_outer: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_outer: np.ndarray
    opening: float


def mouth_shape(identity: Identity, state: HeadState) -> MouthShape:
    """Where the lips lie. With mouth[0] = 0 both inner edges are the same curve: the lips touch."""
    opening, width, rounding = (float(v) for v in state.mouth[:3])
    opening = min(max(opening, 0.0), 1.0)
    au = state.units
    height = FULL_OPENING * opening
    half = identity.mouth_width * (1 + 0.2 * width - 0.4 * rounding - 0.06 * opening)
    half += 0.032 * au["AU12"] + 0.036 * au["AU20"] - 0.016 * au["AU23"] - 0.012 * au["AU17"] - 0.008 * au["AU15"]
    middle = identity.mouth_level - 0.012 * au["AU10"] - 0.016 * au["AU17"] + 0.01 * au["AU12"] - 0.008 * au["AU15"]
    upper, lower = middle - 0.14 * height, middle + 0.86 * height
    corner = identity.mouth_level - 0.009 - 0.05 * au["AU12"] + 0.05 * au["AU15"] + 0.006 * au["AU20"] + 0.34 * height
    blend = min(1.0, 4 * opening) * (0.2 + 0.6 * rounding)
    profile = (1 - blend) * _PARABOLA + blend * _ROUND
    # The upper lip's cupid bow shows in the line between the lips too, until a rounded mouth irons it out.
    bow = 0.007 * np.exp(-((_T / 0.16) ** 2)) * (1 - 0.7 * rounding) * (1 - 0.8 * au["AU20"])
    x = half * _T
    upper_inner = corner + (upper - corner) * profile + bow
    lower_inner = corner + (lower - corner) * profile + bow * (1 - min(1.0, 6 * opening))
    tight = (1 - 0.62 * au["AU23"]) * (1 - 0.22 * au["AU12"]) * (1 - 0.32 * au["AU20"]) * (1 + 0.35 * rounding)
    upper_lip = identity.upper_lip * tight * (1 - 0.2 * au["AU17"])
    lower_lip = identity.lower_lip * tight * (1 + 0.3 * au["AU17"])
    lifted = 0.03 * au["AU10"] * np.exp(-(((np.abs(_T) - 0.42) / 0.3) ** 2)) * _PARABOLA
    dip = 1 - 0.26 * np.exp(-((_T / 0.17) ** 2)) * (1 - 0.6 * rounding)
    upper_outer = upper_inner - bow - upper_lip * _PARABOLA**0.6 * dip - lifted
    lower_outer = lower_inner + lower_lip * _PARABOLA**0.7
    return MouthShape(
        upper_outer=np.stack([x, upper_outer], 1),
        upper_inner=np.stack([x, upper_inner], 1),
        lower_inner=np.stack([x, lower_inner], 1),
        lower_outer=np.stack([x, lower_outer], 1),
        opening=opening,
    )


def _inside(canvas: Canvas, colours: Palette, shape: MouthShape, state: HeadState) -> None:
    """The dark of the open mouth with tongue and upper teeth, clipped to the opening."""
    hole = np.concatenate([shape.upper_inner, shape.lower_inner[::-1]])
    cut = canvas.window(hole)
    if cut is None:
        return
    window, coverage = cut
    window.image[:] = colours.mouth
    height = FULL_OPENING * shape.opening
    teeth, tongue = float(state.mouth[3]), float(state.mouth[4])
    rise = height * (0.16 + 0.5 * tongue)
    bed = shape.lower_inner - np.stack([0 * _T, rise * _PARABOLA**0.6 - 0.3 * height * (1 - _PARABOLA**0.5)], 1)
    bed[:, 0] *= 0.72
    floor = shape.lower_inner + (0, 0.02)
    window.fill(np.concatenate([bed, floor[::-1]]), colours.tongue)
    if tongue > 0.3:
        window.stroke(bed[6:19] + (0, 0.4 * rise), 0.006 * taper(13), colours.lip_line)
    shown = min(0.62 * height, 0.046) * teeth
    if shown > 0.002:
        edge = shape.upper_inner + np.stack([0 * _T, shown * _PARABOLA**0.25], 1)
        window.fill(np.concatenate([shape.upper_inner - (0, 0.02), edge[::-1]]), colours.teeth)
    canvas.blend(window, coverage)


def draw_mouth(canvas: Canvas, identity: Identity, colours: Palette, state: HeadState, shape: MouthShape) -> None:
    """Lips, and between them the line where they touch or what an open mouth shows."""
    outer = np.concatenate([shape.upper_outer, shape.lower_outer[::-1]])
    if identity.style == "flat":
        canvas.fill(ribbon(np.concatenate([outer, outer[:1]]), 0.014), colours.lip_line)
    canvas.fill(np.concatenate([shape.lower_inner, shape.lower_outer[::-1]]), colours.lower_lip)
    gloss = 0.62 * shape.lower_outer + 0.38 * shape.lower_inner
    thickness = float(shape.lower_outer[12, 1] - shape.lower_inner[12, 1])
    if identity.style != "sketch" and thickness > 0.012:
        canvas.stroke(
            0.25 * shape.lower_outer[9:16] + 0.75 * gloss[9:16] - (0.012, 0),
            0.3 * thickness * taper(7),
            colours.lip_light,
        )
    canvas.fill(np.concatenate([shape.upper_outer, shape.upper_inner[::-1]]), colours.upper_lip)
    if shape.opening > 0:
        _inside(canvas, colours, shape, state)
    if identity.style == "sketch":
        canvas.stroke(shape.upper_outer, 0.007 * taper(25), colours.lip_line)
        canvas.stroke(shape.lower_outer[5:20], 0.008 * taper(15), colours.lip_line)
    line = 0.011 if identity.style == "flat" else 0.0085
    # An open mouth's edges are thin lines on the lips' side, so that even a small opening shows its dark.
    open_share = min(1.0, 5 * shape.opening)
    if shape.opening > 0:
        low = 0.55 * line * open_share
        canvas.stroke(shape.lower_inner + (0, 0.5 * low), low * taper(25), colours.lip_line)
    width = line * (1 - 0.4 * open_share)
    canvas.stroke(shape.upper_inner - (0, 0.5 * width * open_share), width * taper(25, 0.5, 0.5), colours.lip_line)
    # A small tuck beyond each corner, which smiles and frowns turn up or down.
    lift = 0.022 * state.units["AU12"] - 0.026 * state.units["AU15"]
    for end, turn in ((shape.upper_inner[0], -1), (shape.upper_inner[-1], 1)):
        tuck = np.stack([end, end + (0.012 * turn, -0.5 * lift), end + (0.02 * turn, -lift)])
        canvas.stroke(tuck, 0.011 * taper(3, 0.8, 0.3), colours.lip_line)


def lip_box(identity: Identity) -> np.ndarray:
    """Corners [4, 2] in face units of the place that the lips need from closed to wide open, with a small margin."""
    half = identity.mouth_width * 1.2 + 0.045
    top = identity.mouth_level - 0.14 * FULL_OPENING - identity.upper_lip - 0.035
    bottom = identity.mouth_level + 0.86 * FULL_OPENING + identity.lower_lip + 0.02
    return np.array([[-half, top], [half, top], [half, bottom], [-half, bottom]])


def mouth_centre(shape: MouthShape) -> np.ndarray:
    """Middle between the lips [2], face units."""
    return 0.5 * (shape.upper_inner[12] + shape.lower_inner[12])
