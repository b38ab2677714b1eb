"""The head's outline, ears, nose, and the lines and cheeks that action units raise."""

import numpy as np

from .head_state import HeadState
from .identity import Identity, mix
from .render_canvas import Canvas, ellipse, ribbon, spline, taper
from .render_mouth import MouthShape
from .render_palette import Palette

SKULL_TOP = -0.645
_CHIN_DROP = 0.05


def face_outline(identity: Identity, state: HeadState | None = None, samples: int = 72) -> np.ndarray:
    """Closed outline [samples, 2] of skull and jaw, face units; the jaw follows the mouth."""
    forehead, cheek, jaw, chin = identity.forehead_width, identity.cheek_width, identity.jaw_width, identity.chin_width
    right = np.array([
        [0.2, SKULL_TOP + 0.032], [forehead * 0.93, -0.5], [forehead + 0.026, -0.3], [cheek, -0.06], [cheek * 0.985, 0.10],
        [0.5 * (jaw + cheek * 0.95), 0.24], [jaw * 0.98, 0.345], [chin + 0.036, 0.458],
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
    if identity.style == "shaded":
        canvas.fill(ellipse(-0.1 * width, y - 0.035, 0.3 * width, 0.022, 16), colours.skin_light, depth)
    tone = mix(colours.skin, colours.line, 0.7 if identity.style == "shaded" else 0.95)
    line = 0.7 * colours.line_width + 0.004
    under = spline([[-0.62 * width, y + 0.012], [-0.3 * width, y + 0.024], [0, y + 0.034], [0.3 * width, y + 0.024], [0.62 * width, y + 0.012]], 13)
    if identity.nose_kind == 0:
        canvas.stroke(under, line * taper(13), tone, depth)
    for side in (-1, 1):
        nostril = ellipse(side * 0.42 * width, y + 0.014, 0.2 * width, 0.010 + 0.004 * au["AU9"], 12)
        if identity.nose_kind != 2:
            canvas.fill(nostril, mix(colours.skin_shadow, colours.line, 0.8), depth)
        wing = spline([[side * 0.78 * width, y - 0.03], [side * 1.02 * width, y - 0.002], [side * 0.72 * width, y + 0.02]], 9)
        canvas.stroke(wing, line * taper(9), tone, 0.32)
    if identity.nose_kind == 2:
        hook = spline([[0.35 * width, y - 0.1], [0.72 * width, y - 0.005], [0.3 * width, y + 0.028], [-0.4 * width, y + 0.022]], 15)
        canvas.stroke(hook, 1.2 * line * taper(15), tone, depth)


def _line(canvas: Canvas, colours: Palette, points: list, strength: float, width: float = 0.009) -> None:
    if strength > 0.04:
        curve = spline(points, 11)
        canvas.stroke(curve, width * (0.6 + 0.4 * min(strength, 1)) * taper(11), mix(colours.skin, colours.crease, min(strength, 1.0)))


def draw_expression_lines(
    canvas: Canvas, identity: Identity, colours: Palette, state: HeadState, shape: MouthShape
) -> None:
    """Forehead, frown, nose and laugh lines, the cheek apples and the chin's dimples; age deepens some of them."""
    au = state.units
    wrinkled = float(np.clip((identity.age - 42) / 36, 0, 1))
    eye, brow = identity.eye_level, identity.eye_level - identity.brow_gap
    raised = 0.5 * (au["AU1"] + au["AU2"])
    both = min(au["AU1"], au["AU2"])
    for i, y in enumerate((-0.3, -0.345, -0.39)):
        y -= 0.055 * raised
        strength = max(0.85 * raised - 0.1 * i, 0.45 * wrinkled - 0.12 * i)
        span = 0.1 + 0.12 * both + 0.05 * wrinkled
        bend = 0.014 * (au["AU1"] - au["AU2"])
        _line(canvas, colours, [[-span, y + bend], [-0.4 * span, y - 0.008], [0.4 * span, y - 0.008], [span, y + bend]], strength)
    knit = max(au["AU4"], 0.5 * au["AU9"], 0.3 * wrinkled)
    lift = 0.05 * au["AU1"]
    for side in (-1, 1):
        top = brow - 0.035 - lift
        _line(canvas, colours, [[side * 0.032, top], [side * 0.022, top + 0.04], [side * 0.028, top + 0.085]], knit, 0.011)
        for i in range(3):  # AU9: the nose's root crinkles
            y = eye + 0.012 + 0.034 * i
            _line(canvas, colours, [[side * 0.02, y + 0.012], [side * 0.045, y], [side * (0.07 + 0.006 * i), y + 0.018]], au["AU9"], 0.010)
        outer = identity.eye_spacing + identity.eye_width
        feet = max(0.9 * au["AU6"], 0.5 * wrinkled)
        for lean in (-0.028, 0.0, 0.028):
            start = [side * (outer + 0.014), eye + 0.006 + 0.5 * lean]
            _line(canvas, colours, [start, [side * (outer + 0.034), eye + lean], [side * (outer + 0.052), eye + 1.5 * lean]], feet, 0.008)
        pouch = max(0.75 * au["AU7"], 0.65 * au["AU6"], 0.5 * wrinkled)
        low = eye + 0.068 - 0.018 * max(au["AU6"], au["AU7"])
        inner = identity.eye_spacing - 0.07
        _line(canvas, colours, [[side * inner, low - 0.008], [side * (inner + 0.06), low + 0.012], [side * (inner + 0.13), low - 0.002]], pouch, 0.008)
        _cheek(canvas, identity, colours, au, side)
        _line(
            canvas, colours,
            [[side * 0.20, 0.115], [side * 0.262, 0.085], [side * 0.31, 0.03]],
            0.8 * au["AU6"], 0.009,
        )  # fmt: skip
    _mouth_lines(canvas, identity, colours, state, shape, wrinkled)


def _cheek(canvas: Canvas, identity: Identity, colours: Palette, au: dict[str, float], side: int) -> None:
    """AU6 lifts the cheek into an apple."""
    strength = au["AU6"]
    if strength < 0.05:
        return
    apple = ellipse(side * 0.255, 0.10 - 0.03 * strength, 0.085, 0.055)
    cut = canvas.window(apple)
    if cut is None:
        return
    window, coverage = cut
    tint = np.array(mix(colours.blush, (235, 96, 92), 0.0 if identity.style == "sketch" else 0.15), np.float32)
    window.image[:] = tint.astype(np.uint8)
    if identity.style == "shaded":
        height, width = coverage.shape
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        coverage = np.clip(1 - (x * x + y * y), 0, 1) ** 0.8 * 255
    canvas.blend(window, (coverage * min(1.0, 0.85 * strength)).astype(np.uint8))


def _mouth_lines(
    canvas: Canvas, identity: Identity, colours: Palette, state: HeadState, shape: MouthShape, wrinkled: float
) -> None:
    au = state.units
    laugh = max(0.85 * au["AU12"], 0.8 * au["AU10"], 0.7 * au["AU9"], 0.55 * wrinkled, 0.35 * au["AU6"])
    for side, corner in ((-1, shape.upper_inner[0]), (1, shape.upper_inner[-1])):
        x, y = abs(float(corner[0])), float(corner[1])
        wing = identity.nose_width + 0.022
        puff = 0.03 + 0.03 * au["AU12"]
        top = identity.nose_level - 0.01 - 0.025 * au["AU9"]
        bend = [side * (0.5 * (wing + x) + puff + 0.01), 0.45 * top + 0.55 * y - 0.02]
        _line(canvas, colours, [[side * wing, top], bend, [side * (x + 0.032), y + 0.012]], laugh, 0.0105)
        _line(canvas, colours, [[side * (x + 0.026), y - 0.03], [side * (x + 0.042), y], [side * (x + 0.026), y + 0.034]], 0.9 * au["AU20"], 0.011)
        _line(canvas, colours, [[side * (x + 0.004), y + 0.014], [side * (x + 0.022), y + 0.04], [side * (x + 0.016), y + 0.068]], 0.8 * au["AU15"], 0.011)
        pinch = float(shape.lower_outer[12, 1])
        _line(canvas, colours, [[side * 0.03, pinch + 0.022], [side * 0.06, pinch + 0.016], [side * 0.09, pinch + 0.004]], 0.6 * au["AU23"], 0.009)
        dimple = 0.425 + 0.04 * float(state.mouth[0])
        for i in range(2):
            _line(
                canvas, colours,
                [[side * (0.018 + 0.03 * i), dimple - 0.012], [side * (0.028 + 0.03 * i), dimple], [side * (0.02 + 0.03 * i), dimple + 0.016]],
                0.8 * au["AU17"], 0.010,
            )  # fmt: skip
    base = float(shape.lower_outer[12, 1]) + 0.02
    _line(canvas, colours, [[-0.05, base], [0, base + 0.01], [0.05, base]], 0.3 + 0.55 * au["AU17"], 0.009)
    if au["AU23"] > 0.05:
        above = float(shape.upper_outer[12, 1]) - 0.016
        _line(canvas, colours, [[-0.05, above - 0.004], [-0.03, above - 0.014], [-0.026, above - 0.03]], 0.5 * au["AU23"], 0.008)
        _line(canvas, colours, [[0.05, above - 0.004], [0.03, above - 0.014], [0.026, above - 0.03]], 0.5 * au["AU23"], 0.008)
