"""The lines and cheeks that action units raise in the skin; age deepens some of them."""

from collections.abc import Iterator

import numpy as np

from .head_state import HeadState
from .identity import Identity, mix
from .render_canvas import Canvas, ellipse, spline, taper
from .render_mouth import MouthShape
from .render_palette import Palette

# Points of a line in face units, its strength (0 unseen … 1 the full crease colour) and its width.
_Line = tuple[list[list[float]], float, float]
_UNSEEN = 0.04


def draw_expression_lines(
    canvas: Canvas, identity: Identity, colours: Palette, state: HeadState, shape: MouthShape
) -> None:
    """Forehead, frown, nose and laugh lines, the cheek apples and the chin's dimples."""
    au = state.units
    age = float(np.clip((identity.age - 42) / 36, 0, 1))
    for line in _forehead(au, age):
        _draw(canvas, colours, line, 1)
    for side in (-1, 1):
        _cheek(canvas, identity, colours, au["AU6"], side)
        for line in _beside_the_eyes(identity, au, age):
            _draw(canvas, colours, line, side)
        for line in _beside_the_mouth(identity, state, shape, age):
            _draw(canvas, colours, line, side)
    base = float(shape.lower_outer[12, 1]) + 0.02
    _draw(canvas, colours, ([[-0.05, base], [0, base + 0.01], [0.05, base]], 0.3 + 0.55 * au["AU17"], 0.009), 1)


def _draw(canvas: Canvas, colours: Palette, line: _Line, side: int) -> None:
    points, strength, width = line
    if strength > _UNSEEN:
        strength = min(strength, 1.0)
        curve = spline(points, 11)
        curve[:, 0] *= side
        colour = mix(colours.skin, colours.crease, strength)
        canvas.stroke(curve, width * (0.6 + 0.4 * strength) * taper(11), colour)


def _forehead(au: dict[str, float], age: float) -> Iterator[_Line]:
    raised, both = 0.5 * (au["AU1"] + au["AU2"]), min(au["AU1"], au["AU2"])
    span = 0.1 + 0.12 * both + 0.05 * age
    bend = 0.014 * (au["AU1"] - au["AU2"])
    for i in range(3):
        y = -0.3 - 0.045 * i - 0.055 * raised
        strength = max(0.85 * raised - 0.1 * i, 0.45 * age - 0.12 * i)
        yield [[-span, y + bend], [-0.4 * span, y - 0.008], [0.4 * span, y - 0.008], [span, y + bend]], strength, 0.009


def _beside_the_eyes(identity: Identity, au: dict[str, float], age: float) -> Iterator[_Line]:
    eye = identity.eye_level
    top = eye - identity.brow_gap - 0.035 - 0.05 * au["AU1"]
    knit = max(au["AU4"], 0.5 * au["AU9"], 0.3 * age)
    yield [[0.032, top], [0.022, top + 0.04], [0.028, top + 0.085]], knit, 0.011
    for i in range(3):  # the nose's root crinkles
        y = eye + 0.012 + 0.034 * i
        yield [[0.02, y + 0.012], [0.045, y], [0.07 + 0.006 * i, y + 0.018]], au["AU9"], 0.010
    outer = identity.eye_spacing + identity.eye_width
    feet = max(0.9 * au["AU6"], 0.5 * age)
    for lean in (-0.028, 0.0, 0.028):
        start = [outer + 0.014, eye + 0.006 + 0.5 * lean]
        yield [start, [outer + 0.034, eye + lean], [outer + 0.052, eye + 1.5 * lean]], feet, 0.008
    pouch = max(0.75 * au["AU7"], 0.65 * au["AU6"], 0.5 * age)
    low, inner = eye + 0.072 - 0.018 * max(au["AU6"], au["AU7"]), identity.eye_spacing - 0.07
    yield [[inner, low - 0.008], [inner + 0.06, low + 0.012], [inner + 0.13, low - 0.002]], pouch, 0.008
    yield [[0.20, 0.115], [0.262, 0.085], [0.31, 0.03]], 0.8 * au["AU6"], 0.009


def _beside_the_mouth(identity: Identity, state: HeadState, shape: MouthShape, age: float) -> Iterator[_Line]:
    au = state.units
    x, y = (float(v) for v in shape.upper_inner[-1])
    wing, top = identity.nose_width + 0.022, identity.nose_level - 0.01 - 0.025 * au["AU9"]
    laugh = max(0.85 * au["AU12"], 0.8 * au["AU10"], 0.7 * au["AU9"], 0.55 * age, 0.35 * au["AU6"])
    bend = [0.5 * (wing + x) + 0.04 + 0.03 * au["AU12"], 0.45 * top + 0.55 * y - 0.02]
    yield [[wing, top], bend, [x + 0.032, y + 0.012]], laugh, 0.0105
    yield [[x + 0.026, y - 0.03], [x + 0.042, y], [x + 0.026, y + 0.034]], 0.9 * au["AU20"], 0.011
    yield [[x + 0.004, y + 0.014], [x + 0.022, y + 0.04], [x + 0.016, y + 0.068]], 0.8 * au["AU15"], 0.011
    below = float(shape.lower_outer[12, 1])
    yield [[0.03, below + 0.022], [0.06, below + 0.016], [0.09, below + 0.004]], 0.6 * au["AU23"], 0.009
    above = float(shape.upper_outer[12, 1]) - 0.016
    yield [[0.05, above - 0.004], [0.03, above - 0.014], [0.026, above - 0.03]], 0.5 * au["AU23"], 0.008
    dimple = 0.425 + 0.04 * float(state.mouth[0])
    for across in (0.018, 0.048):
        points = [[across, dimple - 0.012], [across + 0.01, dimple], [across + 0.002, dimple + 0.016]]
        yield points, 0.8 * au["AU17"], 0.010


def _cheek(canvas: Canvas, identity: Identity, colours: Palette, strength: float, side: int) -> None:
    """AU6 lifts the cheek into an apple."""
    if strength < _UNSEEN:
        return
    cut = canvas.window(ellipse(side * 0.255, 0.10 - 0.03 * strength, 0.085, 0.055))
    if cut is None:
        return
    window, coverage = cut
    window.image[:] = mix(colours.blush, (235, 96, 92), 0.0 if identity.style == "sketch" else 0.15)
    if identity.style == "shaded":
        height, width = coverage.shape
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        coverage = np.clip(1 - (x * x + y * y), 0, 1) ** 0.8 * 255
    canvas.blend(window, (coverage * min(1.0, 0.85 * strength)).astype(np.uint8))
