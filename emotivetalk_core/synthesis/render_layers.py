"""What stays the same in every frame of one identity at one size: background, body, the skin's shading, hair."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import raster
from .head_state import HeadState
from .identity import Identity, mix
from .render_canvas import SUPERSAMPLING, Canvas, Layer, Placement, ellipse, layer_canvases, ribbon, spline, taper
from .render_face import face_outline
from .render_hair import hair_layers
from .render_palette import Palette, palette


@dataclass(frozen=True, eq=False)
class HeadLayers:
    """Cached drawings of one identity. `grain` [size, size] is the sketch's paper, 255 where it is plain."""

    background: np.ndarray
    body: Layer
    skin: np.ndarray
    skin_rest: Placement
    hair_back: Layer | None
    hair_front: Layer | None
    grain: np.ndarray | None


def rest_placement(identity: Identity, size: int) -> Placement:
    """The resting head on the supersampled canvas."""
    return Placement(identity, HeadState.rest().pose, SUPERSAMPLING * size)


@lru_cache(maxsize=16)
def head_layers(identity: Identity, size: int) -> HeadLayers:
    """Everything of an identity that frames share; sixteen identities are remembered."""
    colours = palette(identity)
    placement = rest_placement(identity, size)
    rng = np.random.default_rng([identity.seed, 0x9A9])
    back, front = hair_layers(identity, colours, placement)
    background = _background(identity, colours, placement, rng)
    return HeadLayers(
        background=background,
        body=_body(identity, colours, placement),
        skin=_skin(identity, colours, placement, rng),
        skin_rest=placement,
        hair_back=back,
        hair_front=front,
        grain=_grain(size, rng) if identity.style == "sketch" else None,
    )


def _grain(size: int, rng: np.random.Generator) -> np.ndarray:
    noise = raster.blur(rng.standard_normal((size, size)).astype(np.float32), 0.7 * (size / 128) ** 0.4)
    noise *= 2.2 / float(noise.std())
    return np.repeat(np.clip(251 + noise, 0, 255).astype(np.uint8)[..., None], 3, 2)


def _background(identity: Identity, colours: Palette, placement: Placement, rng: np.random.Generator) -> np.ndarray:
    side = placement.size
    base = np.array(colours.background, np.float32)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j].astype(np.float32)
    kind = "plain" if identity.style == "sketch" else identity.background_kind
    if kind == "gradient":
        image = base * (1.06 - 0.22 * y[..., None])
    elif kind == "glow":
        distance = np.hypot(x - 0.5, y - 0.42)[..., None]
        image = base * (1.08 - 0.42 * distance**1.3)
    else:
        image = np.broadcast_to(base, (side, side, 3)).copy()
    canvas = Canvas(np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8)), placement)
    if kind == "dots":
        for _ in range(14):
            cx, cy, r = rng.uniform(-0.85, 0.85), rng.uniform(-0.85, 0.6), rng.uniform(0.03, 0.13)
            tone = mix(colours.background, (255, 255, 255), float(rng.uniform(0.15, 0.4)))
            canvas.fill(ellipse(cx, cy, r, r, 40), tone, 0.0)
    if identity.style == "sketch":  # a loose patch of hatching behind one shoulder
        lean = float(rng.choice([-1, 1]))
        for i in range(26):
            x0 = lean * (0.44 + 0.016 * i)
            top, low = rng.uniform(-0.25, 0.05), rng.uniform(0.45, 0.62)
            line = np.array([[x0, top], [x0 - 0.05, 0.5 * (top + low)], [x0 - 0.12, low]])
            canvas.stroke(line, 0.006 * taper(3, 0.3, 0.3), mix(colours.background, colours.line, 0.22), 0.0)
    return canvas.image


def _body(identity: Identity, colours: Palette, placement: Placement) -> Layer:
    image, coverage = layer_canvases(placement, colours.cloth)
    wide = 0.8 + 0.1 * (identity.jaw_width - 0.3) / 0.03
    high = {"turtleneck": 0.575, "hoodie": 0.66, "collar": 0.655}.get(identity.clothes, 0.675)
    half = [[-wide - 0.1, 1.3], [-wide + 0.08, 0.9], [-0.5, 0.785], [-0.28, 0.725], [-0.19, high]]
    dip = {"turtleneck": 0.02, "v-neck": 0.16, "collar": 0.12}.get(identity.clothes, 0.065)
    neckline = [[-0.19, high], [-0.1, high + 0.75 * dip], [0, high + dip], [0.1, high + 0.75 * dip], [0.19, high]]
    if identity.clothes in ("v-neck", "collar"):
        neckline = [[-0.19, high], [0, high + dip], [0.19, high]]
    left = spline(half, 24)
    collar = spline(neckline, 17) if len(neckline) > 3 else np.array(neckline)
    outline = np.concatenate([left, collar, (left * (-1, 1))[::-1]])
    coverage.fill(outline, 255, -0.1)
    dark, light = colours.cloth_dark, mix(colours.cloth, (255, 255, 255), 0.16)
    if identity.clothes == "stripes":
        for i in range(4):
            y = 0.75 + 0.075 * i
            image.stroke(
                spline([[-1, y + 0.09], [0, y], [1, y + 0.09]], 21), 0.03, mix(light, (255, 255, 255), 0.4), -0.1
            )
    if identity.style == "shaded":
        image.stroke(left + (0.02, 0.05), 0.05, light, -0.1)
        image.stroke((left * (-1, 1)) + (-0.02, 0.03), 0.09, mix(colours.cloth, dark, 0.6), -0.1)
        image.image = raster.blur(image.image, 0.02 * placement.unit)
    elif identity.style == "flat":
        image.fill(
            np.array([[0.42, 0.9], [0.95, 0.78], [0.95, 1.2], [0.42, 1.2]]), mix(colours.cloth, dark, 0.45), -0.1
        )
    else:
        for i in range(30):
            x = -0.75 + 0.05 * i
            image.stroke(
                np.array([[x + 0.12, 0.7], [x + 0.05, 0.8], [x, 0.9]]),
                0.005,
                mix(colours.cloth, colours.line, 0.3),
                -0.1,
            )
    rim = colours.line_width * (1.3 if identity.style != "shaded" else 0.9)
    edge = colours.line if identity.style != "shaded" else dark
    image.stroke(outline, rim, edge, -0.1)
    coverage.stroke(outline, rim, 255, -0.1)
    if identity.clothes in ("crew neck", "stripes", "hoodie", "turtleneck"):
        drop = 0.05 if identity.clothes != "turtleneck" else 0.1
        band = np.concatenate([collar, (collar * (1.12, 1) + (0, drop))[::-1]])
        image.fill(band, mix(colours.cloth, dark, 0.35), -0.1)
        image.stroke(collar * (1.1, 1) + (0, drop), rim * 0.8, edge, -0.1)
    if identity.clothes == "hoodie":
        for turn in (-1, 1):
            image.stroke(np.array([[turn * 0.07, 0.76], [turn * 0.085, 0.84], [turn * 0.08, 0.95]]), 0.014, light, -0.1)
    if identity.clothes == "collar":
        for turn in (-1, 1):
            flap = np.array(
                [
                    [turn * 0.2, high - 0.01],
                    [0, high + dip],
                    [turn * 0.12, high + dip + 0.07],
                    [turn * 0.25, high + 0.09],
                ]
            )
            image.fill(flap, light, -0.1)
            coverage.fill(flap, 255, -0.1)
            image.stroke(np.concatenate([flap, flap[:1]]), rim * 0.8, edge, -0.1)
    return Layer(image, coverage)


def _skin(identity: Identity, colours: Palette, placement: Placement, rng: np.random.Generator) -> np.ndarray:
    """The face's colour with light and shade, at rest, everywhere (the outline cuts it out)."""
    side = placement.size
    canvas = Canvas(np.full((side, side, 3), colours.skin, np.uint8), placement)
    blush = 0.5 + 0.5 * identity.blush
    cheek = identity.cheek_width
    if identity.style == "flat":
        outline = face_outline(identity)
        right = outline[outline[:, 0] > 0.0]
        inner = right * (0.80, 0.97)
        canvas.fill(np.concatenate([right * 1.2, inner[::-1]]), mix(colours.skin, colours.skin_shadow, 0.55), 0.2)
        for turn in (-1, 1):
            canvas.fill(ellipse(turn * 0.25, 0.12, 0.075, 0.042), mix(colours.skin, colours.blush, 0.75 * blush), 0.2)
    elif identity.style == "sketch":
        for i in range(34):  # hatching on the side away from the light
            y = -0.42 + 0.026 * i
            reach = 0.10 + 0.03 * np.sin(1.7 * i)
            edge = cheek * (1.02 if abs(y) < 0.25 else 0.97)
            line = np.array([[edge, y - 0.03], [edge - 0.5 * reach, y], [edge - reach, y + 0.035]])
            canvas.stroke(line, 0.006 * taper(3, 0.6, 0.1), mix(colours.skin, colours.line, 0.4), 0.2)
    else:
        points = (np.mgrid[0:side, 0:side][::-1].reshape(2, -1).T + 0.5 - placement.offset) @ np.linalg.inv(
            placement.across
        )
        x, y = (points[:, i].reshape(side, side).astype(np.float32) for i in (0, 1))

        def spot(cx: float, cy: float, wide: float, high: float) -> np.ndarray:
            return np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / high) ** 2)[..., None]

        base = np.full((side, side, 3), colours.skin, np.float32)
        shadow, light, pink = (
            np.array(c, np.float32) for c in (colours.skin_shadow, colours.skin_light, colours.blush)
        )
        rim = np.clip(np.hypot(x / (cheek + 0.02), (y + 0.06) / 0.6) - 0.55, 0, 1)[..., None] ** 1.5
        base += (shadow - base) * np.clip(1.3 * rim + 0.5 * rim * np.clip(x[..., None] / cheek, -0.6, 1), 0, 1)
        base += (light - base) * 0.55 * spot(-0.06, -0.33, 0.22, 0.13)
        base += (light - base) * (0.5 * spot(-0.25, 0.07, 0.09, 0.06) + 0.35 * spot(-0.015, 0.03, 0.03, 0.11))
        base += (light - base) * 0.4 * spot(-0.02, 0.44, 0.07, 0.04)
        for turn in (-1, 1):
            base += (shadow - base) * 0.5 * spot(turn * identity.eye_spacing, identity.eye_level - 0.045, 0.13, 0.055)
            base += (pink - base) * 0.75 * blush * spot(turn * 0.26, 0.12, 0.095, 0.07)
        base += (shadow - base) * 0.45 * spot(0.05, identity.nose_level - 0.07, 0.028, 0.09)
        base += (pink - base) * 0.3 * spot(0, identity.nose_level, 0.06, 0.04)
        base += (light - base) * 0.8 * spot(-0.008, identity.nose_level - 0.03, 0.022, 0.02)
        base += (shadow - base) * 0.55 * spot(0, identity.nose_level + 0.045, 0.06, 0.022)
        base += (shadow - base) * 0.4 * spot(0, identity.mouth_level + identity.lower_lip + 0.03, 0.09, 0.018)
        if identity.hair_style not in ("bald", "receding"):
            base += (shadow - base) * 0.75 * np.clip((-y[..., None] - 0.36) / 0.14, 0, 1)
        canvas.image = np.ascontiguousarray(np.clip(base, 0, 255).astype(np.uint8))
    if identity.freckles:
        for _ in range(26):
            turn = float(rng.choice([-1, 1]))
            cx, cy = turn * abs(rng.normal(0.2, 0.075)), rng.normal(0.1, 0.035)
            r = rng.uniform(0.005, 0.008)
            canvas.fill(ellipse(cx, cy, r, r, 8), mix(colours.skin, colours.crease, 0.45), 0.2)
    return canvas.image


def neck_outline(identity: Identity) -> tuple[np.ndarray, np.ndarray]:
    """Left side of the neck: its top, which follows the head, and its foot, which follows the body."""
    half = 0.155 + 0.28 * (identity.jaw_width - 0.27)
    return np.array([[-half, 0.25]]), np.array([[-half - 0.015, 0.62], [-half - 0.06, 0.80], [-half - 0.06, 1.1]])


def rim_of(points: np.ndarray, width: float) -> np.ndarray:
    """A closed outline's own line."""
    return ribbon(np.concatenate([points, points[:1]]), width)
