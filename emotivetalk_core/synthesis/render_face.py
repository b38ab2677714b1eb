"""The head's outline, ears and nose."""

import numpy as np

from .head_state import HeadState
from .identity import Identity, mix
from .render_canvas import Canvas, ellipse, ribbon, spline, taper
from .render_palette import Palette

SKULL_TOP = -0.645
_CHIN_DROP = 0.05


def face_outline(identity: Identity, state: HeadState | None = None, samples: int = 72) -> np.ndarray:
    """Closed outline [samples, 2] of skull and jaw, face units; the jaw follows the mouth."""
    forehead, cheek, jaw, chin = identity.forehead_width, identity.cheek_width, identity.jaw_width, identity.chin_width
    right = np.array([
        [0.2, SKULL_TOP + 0.032], [forehead * 0.93, -0.5], [forehead + 0.026, -0.3], [cheek, -0.06],
        [cheek * 0.985, 0.10], [0.5 * (jaw + cheek * 0.95), 0.24], [jaw * 0.98, 0.345], [chin + 0.036, 0.458],
    ])  # fmt: skip
    left = right[::-1] * (-1, 1)
    points = np.concatenate([[[0, SKULL_TOP]], right, [[0, 0.5]], left])
    if state is not None:
        au = state.units
        drop = _CHIN_DROP * float(state.mouth[0]) - 0.012 * au["AU17"]
        fall = np.clip((points[:, 1] - 0.1) / 0.4, 0, 1)
        points[:, 1] += drop * fall * fall
        points[:, 0] *= 1 + 0.02 * au["AU12"] * np.exp(-(((points[:, 1] - 0.15) / 0.2) ** 2))
    return spline(points, samples, closed=True)


def draw_ears(canvas: Canvas, identity: Identity, colours: Palette) -> None:
    """Ears just behind the outline."""
    for side in (-1, 1):
        x, y = side * (identity.cheek_width + 0.018), 0.02
        width, height = 0.052 * identity.ear_size, 0.095 * identity.ear_size
        lean = ellipse(x, y, width, height)
        lean[:, 0] -= side * 0.25 * (lean[:, 1] - y)
        canvas.fill(ribbon(np.concatenate([lean, lean[:1]]), 1.6 * colours.line_width), colours.line, -0.03)
        canvas.fill(lean, mix(colours.skin, colours.skin_shadow, 0.35), -0.03)
        inner = spline([[x + side * 0.012, y - 0.06], [x + side * 0.03, y - 0.02], [x + side * 0.008, y + 0.04]], 9)
        canvas.stroke(inner, 0.012 * taper(9), mix(colours.skin, colours.crease, 0.7), -0.03)
        if identity.earrings:
            canvas.fill(ellipse(x, y + height + 0.012, 0.017, 0.017, 14), (226, 190, 96), -0.02)


def draw_nose(canvas: Canvas, identity: Identity, colours: Palette, state: HeadState) -> None:
    """Bridge, tip and nostrils; AU9 lifts and crinkles it."""
    au = state.units
    lift = 0.02 * au["AU9"] + 0.008 * au["AU10"]
    width = identity.nose_width * (1 + 0.16 * au["AU9"] + 0.06 * au["AU12"])
    y = identity.nose_level - lift
    depth = 0.36
    tone = mix(colours.skin, colours.line, 0.7 if identity.style == "shaded" else 0.95)
    line = 0.7 * colours.line_width + 0.004
    under = spline(
        [
            [-0.62 * width, y + 0.012],
            [-0.3 * width, y + 0.024],
            [0, y + 0.034],
            [0.3 * width, y + 0.024],
            [0.62 * width, y + 0.012],
        ],
        13,
    )
    if identity.nose_kind == 0:
        canvas.stroke(under, line * taper(13), tone, depth)
    for side in (-1, 1):
        nostril = ellipse(side * 0.42 * width, y + 0.014, 0.2 * width, 0.010 + 0.004 * au["AU9"], 12)
        if identity.nose_kind != 2:
            canvas.fill(nostril, mix(colours.skin_shadow, colours.line, 0.8), depth)
        wing = spline(
            [[side * 0.78 * width, y - 0.03], [side * 1.02 * width, y - 0.002], [side * 0.72 * width, y + 0.02]], 9
        )
        canvas.stroke(wing, line * taper(9), tone, 0.32)
    if identity.nose_kind == 2:
        hook = spline(
            [[0.35 * width, y - 0.1], [0.72 * width, y - 0.005], [0.3 * width, y + 0.028], [-0.4 * width, y + 0.022]],
            15,
        )
        canvas.stroke(hook, 1.2 * line * taper(15), tone, depth)
