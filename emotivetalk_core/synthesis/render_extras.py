"""Beards and glasses."""

import numpy as np

from .identity import Identity, mix
from .render_canvas import Canvas, ribbon, spline, taper
from .render_mouth import MouthShape
from .render_palette import Palette


def draw_beard(canvas: Canvas, identity: Identity, colours: Palette, shape: MouthShape, outline: np.ndarray) -> None:
    """Beard and moustache, drawn before the mouth, which therefore always lies on top of them."""
    if identity.beard == "none":
        return
    if identity.beard == "stubble":
        tone = mix(colours.skin, colours.hair_dark, 0.2)
    else:
        tone = mix(colours.hair, colours.hair_dark, 0.25)
    edge = mix(tone, colours.hair_dark, 0.6)
    line = 0.7 * colours.line_width
    corner_left, corner_right = shape.upper_outer[0], shape.upper_outer[-1]
    lip_low = float(shape.lower_outer[12, 1])
    if identity.beard in ("full", "stubble"):
        jaw = outline[outline[:, 1] > 0.05]
        jaw = jaw[np.argsort(np.arctan2(jaw[:, 0], jaw[:, 1] - 0.05))]
        jaw = jaw * (0.985, 0.99) if identity.beard == "stubble" else jaw * (1.012, 1.02)
        top = spline([
            [jaw[-1, 0], 0.05], [0.31, 0.17], [corner_right[0] + 0.05, corner_right[1] - 0.035],
            [0.05, identity.nose_level + 0.07], [-0.05, identity.nose_level + 0.07],
            [corner_left[0] - 0.05, corner_left[1] - 0.035], [-0.31, 0.17], [jaw[0, 0], 0.05],
        ], 41)  # fmt: skip
        beard = np.concatenate([jaw, top])
        depth = np.concatenate([np.full(len(jaw), 0.02), 0.22 * np.clip(1 - np.abs(top[:, 0]) / 0.4, 0, 1) + 0.03])
        if identity.style == "flat" and identity.beard == "full":
            canvas.fill(ribbon(jaw, 1.8 * colours.line_width), colours.line, 0.02)
        canvas.fill(beard, tone, depth)
        if identity.beard == "full":
            for x in np.linspace(-0.24, 0.24, 9):
                low = lip_low + 0.115 - 1.3 * x * x
                hair = spline([[x, low - 0.06], [1.05 * x, low - 0.02], [1.02 * x, low + 0.02]], 7)
                canvas.stroke(hair, 0.008 * taper(7), mix(tone, edge, 0.5))
    if identity.beard == "goatee":
        goatee = spline([
            [corner_left[0] - 0.025, corner_left[1] + 0.01], [-0.12, lip_low + 0.05], [-0.07, 0.5],
            [0, lip_low + 0.145], [0.07, 0.5], [0.12, lip_low + 0.05],
            [corner_right[0] + 0.025, corner_right[1] + 0.01], [0, lip_low - 0.005],
        ], 40, closed=True)  # fmt: skip
        canvas.fill(goatee, tone)
    if identity.beard in ("goatee", "moustache", "full"):
        top = identity.nose_level + 0.055
        low = shape.upper_outer[::6] - (0, 0.004)
        left = [corner_left[0] - 0.035, corner_left[1] + 0.015]
        right = [corner_right[0] + 0.035, corner_right[1] + 0.015]
        upper = spline(
            [left, [-0.1, top + 0.02], [-0.03, top], [0, top + 0.008], [0.03, top], [0.1, top + 0.02], right], 25
        )
        canvas.fill(np.concatenate([upper, low[::-1]]), tone)
        canvas.stroke(upper, line * taper(25), edge)


def draw_glasses(canvas: Canvas, identity: Identity, colours: Palette) -> None:
    """Frames before the eyes."""
    if identity.glasses == "none":
        return
    depth = 0.33
    tone = mix(identity.glasses_colour, colours.line, 0.7) if identity.style == "sketch" else identity.glasses_colour
    width, height, power = {"round": (0.142, 0.135, 2.0), "square": (0.146, 0.11, 5.0), "oval": (0.148, 0.105, 2.6)}[
        identity.glasses
    ]
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    lens = np.sign(circle) * np.abs(circle) ** (2 / power) * (width, height)
    y = identity.eye_level + 0.012
    for side in (-1, 1):
        centre = np.array([side * (identity.eye_spacing + 0.004), y])
        ring = lens + centre
        canvas.stroke(np.concatenate([ring, ring[:1]]), 0.019, tone, depth)
        glint = centre + np.array([[-0.09, 0.01], [-0.075, -0.035], [-0.04, -0.066]])
        canvas.stroke(spline(glint, 9), 0.013 * taper(9), mix(colours.skin, (255, 255, 255), 0.75), depth)
        arm = np.array(
            [[side * (identity.eye_spacing + width), y - 0.02], [side * (identity.cheek_width + 0.01), y - 0.03]]
        )
        pixels_depth = np.array([depth, 0.0, 0.0, depth])
        canvas.fill(ribbon(arm, 0.018), tone, pixels_depth)
    inner = identity.eye_spacing - width + 0.008
    canvas.stroke(spline([[-inner, y - 0.02], [0, y - 0.045], [inner, y - 0.02]], 11), 0.019, tone, depth)
