"""Eyes, lids and brows, moved by action units, blinks and gaze."""

import numpy as np

from .head_state import HeadState
from .identity import Identity, mix
from .render_canvas import Canvas, ellipse, spline, taper
from .render_palette import Palette

_T = np.linspace(-1, 1, 21)
_ARC = (1 - _T**2) ** 0.62
_SOFT_ARC = (1 - _T**2) ** 0.8


def _lids(identity: Identity, state: HeadState, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid [21, 2], inner to outer corner; side -1 is the picture's left."""
    au = state.units
    shut = 1 - (1 - min(max(float(state.blink), 0), 1)) * (1 - min(au["AU43"], 1.0))
    squint = 0.45 * au["AU9"] if side == identity.squint_side else 0.12 * au["AU9"]
    up = identity.eye_height * (1 + 0.5 * au["AU5"] * (1 - 0.5 * au["AU7"]))
    up *= (1 - 0.34 * au["AU7"]) * (1 - squint) * (1 - 0.08 * au["AU6"])
    low = identity.eye_height * 0.72 * (1 + 0.35 * au["AU5"] * (1 - au["AU7"]))
    low *= (1 - 1.1 * au["AU6"]) * (1 - 0.62 * au["AU7"]) * (1 - 0.7 * squint)
    x = side * (identity.eye_spacing + _T * identity.eye_width)
    # Sorrow lets the outer half of the lid hang; anger presses the inner half down.
    hang = 0.03 * au["AU1"] * (1 - au["AU2"]) * (0.3 + au["AU43"]) * np.clip(_T + 0.2, 0, 1.2)
    press = 0.024 * au["AU4"] * (1 - au["AU1"]) * np.clip(0.35 - _T, 0, 1.35)
    level = identity.eye_level + identity.eye_tilt * _T
    lower = level + low * _SOFT_ARC - 0.02 * au["AU6"] * _ARC
    upper = np.minimum(level - up * _ARC + (hang + press) * _ARC, lower)
    upper = upper + (lower - upper) * shut
    return np.stack([x, upper], 1), np.stack([x, lower], 1)


def _ball(window: Canvas, identity: Identity, colours: Palette, state: HeadState, side: int, upper: np.ndarray) -> None:
    """Eyeball, iris, pupil and highlights; the caller clips them to the lids."""
    window.image[:] = colours.sclera
    shade = np.concatenate([upper - (0, 0.03), (upper + (0, 0.02))[::-1]])
    window.fill(shade, colours.sclera_shadow)
    au = state.units
    look_x, look_y = (float(v) for v in state.gaze)
    x = side * identity.eye_spacing + 0.034 * look_x - side * 0.004
    y = identity.eye_level - 0.004 + 0.022 * look_y - 0.006 * au["AU5"]
    size = identity.iris_size * (1 - 0.1 * au["AU5"])
    window.fill(ellipse(x, y, size, size), colours.iris_dark)
    window.fill(ellipse(x, y, 0.82 * size, 0.82 * size), colours.iris)
    if identity.style != "flat":
        window.fill(ellipse(x + 0.004, y + 0.36 * size, 0.55 * size, 0.36 * size), colours.iris_light)
    pupil = size * (0.5 - 0.1 * au["AU5"] * au["AU4"])
    window.fill(ellipse(x, y, pupil, pupil), colours.pupil)
    if identity.style != "flat":
        window.fill(shade - (0, 0.012), mix(colours.iris_dark, colours.sclera_shadow, 0.65))
    window.fill(ellipse(x - 0.36 * size, y - 0.38 * size, 0.3 * size, 0.3 * size), (255, 255, 255))
    window.fill(ellipse(x + 0.36 * size, y + 0.4 * size, 0.13 * size, 0.13 * size), (255, 255, 255))


def draw_eyes(canvas: Canvas, identity: Identity, colours: Palette, state: HeadState) -> None:
    """Both eyes with lids, lashes and creases."""
    au = state.units
    flat = identity.style == "flat"
    for side in (-1, 1):
        upper, lower = _lids(identity, state, side)
        opening = np.concatenate([upper, lower[::-1]])
        gap = float(np.max(lower[:, 1] - upper[:, 1]))
        if gap > 0.004:
            cut = canvas.window(opening)
            if cut is not None:
                _ball(cut[0], identity, colours, state, side, upper)
                canvas.blend(*cut)
        crease = upper + (0, -0.026 + 0.01 * au["AU4"])
        crease = crease + np.stack([0 * _T, -0.006 * _ARC + 0.014 * (1 - _ARC)], 1)
        if identity.style != "flat" or identity.lashes > 0.3:
            canvas.stroke(crease[3:18], 0.008 * taper(15), mix(colours.skin, colours.crease, 0.75))
        rim = 0.4 + 0.5 * au["AU7"]
        canvas.stroke(lower[4:21], 0.0085 * taper(17, 0.2, 0.6), mix(colours.skin, colours.line, rim))
        widths = (
            (0.017 if flat else 0.0145) * (0.45 + 0.55 * np.linspace(0, 1, 21) ** 0.7) * (0.85 + 0.3 * identity.lashes)
        )
        canvas.stroke(upper, widths, colours.lash)
        if identity.lashes > 0.45:
            reach = 0.03 * identity.lashes
            for at, lean in ((20, 1.0), (17, 0.75), (14, 0.5)):
                root = upper[at]
                tip = root + (side * reach * lean, -reach * (1.15 - 0.5 * lean))
                canvas.stroke(
                    np.stack([root, 0.5 * (root + tip) + (0, 0.004), tip]), 0.011 * taper(3, 0.9, 0.15), colours.lash
                )


def brow_curve(identity: Identity, state: HeadState, side: int) -> np.ndarray:
    """Middle line [17, 2] of a brow from its inner end."""
    au = state.units
    raise_in, raise_out, knit = au["AU1"], au["AU2"], au["AU4"]
    # Where the inner brow is raised, knitting draws the brows together instead of down (FACS 1+4).
    raised = (0.082 + 0.04 * raise_out) * raise_in * (1 - 0.25 * knit)
    inner = -raised + 0.068 * knit * (1 - 0.8 * raise_in) + 0.012 * au["AU9"]
    middle = -0.048 * raise_in * (0.3 + 0.7 * raise_out) - 0.05 * raise_out + 0.05 * knit + 0.008 * au["AU9"]
    outer = -0.086 * raise_out + 0.012 * knit + 0.02 * raise_in * (1 - raise_out)
    together = 0.03 * knit + 0.006 * au["AU9"]
    skew = 0.022 * min(raise_in, knit) * (1 - raise_out) * (1 if side == identity.squint_side else -1)
    straight = 1 - 0.9 * min(raise_in, raise_out) * min(1.0, knit / 0.6)
    level = identity.eye_level - identity.brow_gap
    arch = identity.brow_arch
    x = np.array([0.068 - together, 0.15 - 0.6 * together, 0.235, 0.315])
    rise = -0.4 * arch + inner, -0.75 * arch + 0.5 * (inner + middle), -arch * straight + middle + 0.1 * outer
    y = np.array([*rise, 0.024 + outer])
    points = np.stack([side * x, level + y - skew], 1)
    return spline(points, 17)


def draw_brows(canvas: Canvas, identity: Identity, colours: Palette, state: HeadState) -> None:
    """Brows, drawn over hair so that they can always be read."""
    reach = np.linspace(0, 1, 17)
    shape = (0.62 + 0.9 * reach - 1.32 * reach**2) * np.clip((1.04 - reach) * 5, 0.25, 1)
    widths = identity.brow_thickness * shape * (1.1 if identity.style == "flat" else 1)
    for side in (-1, 1):
        curve = brow_curve(identity, state, side)
        if identity.style == "sketch":
            for shift, tone in ((-0.25, 0.35), (0.0, 0.0), (0.28, 0.2)):
                line = curve + np.stack([0 * reach, shift * widths], 1)
                canvas.stroke(line, 0.5 * widths, mix(colours.brow, colours.skin, tone))
        else:
            canvas.stroke(curve, widths, colours.brow)
