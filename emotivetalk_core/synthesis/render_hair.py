"""Hair as two flat layers, one behind the head and one before it, drawn once per identity."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import raster
from .identity import Colour, Identity, mix
from .render_canvas import Canvas, Layer, Placement, ellipse, layer_canvases, ribbon, spline, taper
from .render_palette import Palette

Points = list[list[float]]


@dataclass(frozen=True, eq=False)
class _Shape:
    """One lock or cap of hair: `roots` and `tips` are its two long edges, between which the strands run."""

    roots: np.ndarray
    tips: np.ndarray
    along: bool = False

    @property
    def outline(self) -> np.ndarray:
        return np.concatenate([self.roots, self.tips[::-1]])

    @property
    def small(self) -> bool:
        return not self.along and float(np.ptp(self.outline[:, 0])) < 0.25


def _mirror(points: Points) -> Points:
    return [[-x, y] for x, y in points]


def _cap(identity: Identity, hairline: Points, top: float, side: float, low: float) -> _Shape:
    """Hair over the skull: from the hairline (from the picture's left to its right) to a crown above the skull."""
    width = identity.cheek_width
    volume = identity.hair_volume
    left = [
        [-width - side, low],
        [-width - side - 0.006, -0.15],
        [-0.92 * width - side, -0.45],
        [-0.6 * width, -0.625 - 0.85 * top * volume],
    ]
    crown = left + [[0.0, -0.678 - top * volume]] + _mirror(left)[::-1]
    return _Shape(spline(hairline, 41), spline(crown, 41))


def _hairline(identity: Identity, middle: float, temple: float, low: float, parting: float = 0.0) -> Points:
    width = identity.cheek_width
    half = [[-width + 0.012, low], [-width + 0.028, -0.2], [-0.82 * width, temple + 0.08], [-0.58 * width, temple]]
    return half + [[parting, middle]] + _mirror(half)[::-1]


def _curtain(identity: Identity, low: float, flare: float, wave: float = 0.0) -> list[_Shape]:
    """Locks beside the face, from the parting down to `low`."""
    width = identity.cheek_width
    shapes = []
    for side in (-1, 1):
        y = np.linspace(-0.5, low, 30)
        fall = np.clip((y + 0.5) / 0.5, 0, 1)
        ripple = wave * np.sin(9 * y + 0.5 * side)
        inner = width * (0.55 + 0.42 * fall**0.6) + 0.4 * ripple
        outer = width * (0.8 + 0.25 * fall**0.5) + 0.04 + flare * np.clip((y + 0.2) / 0.8, 0, 1.2) + ripple
        shapes.append(_Shape(np.stack([side * inner, y], 1), np.stack([side * outer, y], 1), along=True))
    return shapes


def _blob(points: np.ndarray) -> _Shape:
    half = len(points) // 2
    return _Shape(points[:half], points[half:][::-1])


def _curls(rng: np.random.Generator, path: np.ndarray, size: float) -> list[_Shape]:
    return [_blob(ellipse(x, y, size * rng.uniform(0.85, 1.2), size * rng.uniform(0.85, 1.2), 20)) for x, y in path]


def _front(identity: Identity, rng: np.random.Generator) -> list[_Shape]:
    style, part = identity.hair_style, identity.parting
    if style == "bald":
        return []
    if style == "receding":
        width = identity.cheek_width
        shapes = []
        for side in (-1, 1):
            roots = spline(
                [[side * (width - 0.0), 0.02], [side * (width - 0.02), -0.17], [side * (width - 0.03), -0.3]], 20
            )
            tips = spline(
                [[side * (width + 0.03), 0.04], [side * (width + 0.05), -0.16], [side * (width + 0.005), -0.36]], 20
            )
            shapes.append(_Shape(roots, tips))
        return shapes
    if style == "buzz":
        return [_cap(identity, _hairline(identity, -0.49, -0.46, -0.08), 0.012, 0.012, -0.06)]
    if style == "side part":
        line = _hairline(identity, -0.5, -0.40, -0.03)
        line[4] = [part, -0.53]
        line[5 if part < 0 else 3] = [-np.sign(part) * 0.16, -0.43]
        return [_cap(identity, line, 0.075, 0.025, 0.0)]
    if style == "quiff":
        cap = _cap(identity, _hairline(identity, -0.47, -0.43, -0.05), 0.06, 0.016, -0.02)
        lean = np.sign(part)
        tuft_root = spline([[-0.25, -0.44], [-0.1, -0.47], [0.1, -0.47], [0.25, -0.44]], 21)
        tuft_tip = spline(
            [[-0.3, -0.56], [-0.2 - 0.05 * lean, -0.74], [0.08 - 0.1 * lean, -0.81], [0.25, -0.71], [0.3, -0.54]], 21
        )
        return [cap, _Shape(tuft_root, tuft_tip)]
    if style == "curly":
        cap = _cap(identity, _hairline(identity, -0.45, -0.41, -0.02), 0.05, 0.02, 0.0)
        edge = spline(
            [[-0.42, -0.1], [-0.43, -0.35], [-0.3, -0.6], [0, -0.7], [0.3, -0.6], [0.43, -0.35], [0.42, -0.1]], 17
        )
        fringe = spline([[-0.31, -0.42], [-0.15, -0.46], [0.0, -0.44], [0.15, -0.46], [0.31, -0.42]], 8)
        return [
            cap,
            *_curls(rng, edge, 0.075),
            *_curls(rng, 0.5 * (edge[2:15] + (0, -0.45)), 0.08),
            *_curls(rng, fringe, 0.06),
        ]
    if style == "afro":
        return [_cap(identity, _hairline(identity, -0.46, -0.43, -0.04), 0.1, 0.07, 0.02)]
    if style == "pixie":
        line = _hairline(identity, -0.36, -0.37, 0.0)
        line[4] = [0.3 * part, -0.37]
        line[5 if part < 0 else 3] = [-np.sign(part) * 0.24, -0.285]
        line[3 if part < 0 else 5] = [np.sign(part) * 0.2, -0.46]
        return [_cap(identity, line, 0.085, 0.03, 0.06)]
    if style == "fringe bob":
        line = _hairline(identity, -0.285, -0.29, -0.02)
        return [*_curtain(identity, 0.36, 0.02), _cap(identity, line, 0.075, 0.04, 0.0)]
    if style == "bun":
        return [_cap(identity, _hairline(identity, -0.53, -0.43, -0.06), 0.045, 0.018, -0.03)]
    if style == "ponytail":
        line = _hairline(identity, -0.4, -0.39, -0.04)
        line[4] = [0.5 * part, -0.44]
        line[5 if part < 0 else 3] = [-np.sign(part) * 0.24, -0.33]
        return [_cap(identity, line, 0.06, 0.02, -0.02)]
    if style == "scarf":
        width = identity.cheek_width
        half = [
            [-0.08, 0.56],
            [-0.75 * width, 0.42],
            [-width + 0.01, 0.12],
            [-width + 0.02, -0.15],
            [-0.72 * width, -0.40],
        ]
        line = half + [[0, -0.475]] + _mirror(half)[::-1]
        half = [
            [-0.10, 0.66],
            [-width - 0.02, 0.46],
            [-width - 0.05, 0.1],
            [-width - 0.05, -0.3],
            [-0.65 * width, -0.66],
        ]
        crown = half + [[0, -0.75]] + _mirror(half)[::-1]
        throat = _Shape(
            spline([[-0.3, 0.44], [0, 0.56], [0.3, 0.44]], 21), spline([[-0.4, 0.66], [0, 0.86], [0.4, 0.66]], 21)
        )
        return [throat, _Shape(spline(line, 61), spline(crown, 61))]
    line = _hairline(identity, -0.5, -0.38, 0.0)
    line[4] = [0.7 * part, -0.54]
    if style == "bob":
        return [*_curtain(identity, 0.36, 0.03), _cap(identity, line, 0.075, 0.035, 0.05)]
    if style == "long straight":
        return [*_curtain(identity, 1.05, 0.035), _cap(identity, line, 0.07, 0.03, 0.05)]
    if style == "long wavy":
        return [*_curtain(identity, 1.0, 0.07, 0.018), _cap(identity, line, 0.085, 0.04, 0.05)]
    line[4] = [0.0, -0.54]  # pigtails
    return [_cap(identity, line, 0.06, 0.022, -0.02)]


def _back(identity: Identity, rng: np.random.Generator) -> list[_Shape]:
    style, width, volume = identity.hair_style, identity.cheek_width, identity.hair_volume
    if style == "afro":
        edge = ellipse(0, -0.27, width + 0.17 * volume, 0.57, 30)
        return [_blob(edge), *_curls(rng, ellipse(0, -0.27, width + 0.15 * volume, 0.54, 26), 0.07)]
    if style == "bun":
        return [_blob(ellipse(0.02, -0.755, 0.15, 0.105, 30))]
    if style == "ponytail":
        side = -np.sign(identity.parting)
        roots = spline([[side * 0.28, -0.55], [side * 0.42, -0.3], [side * 0.44, 0.1], [side * 0.42, 0.6]], 20)
        tips = spline([[side * 0.36, -0.66], [side * 0.62, -0.45], [side * 0.64, 0.1], [side * 0.46, 0.62]], 20)
        return [_Shape(roots, tips, along=True)]
    if style == "pigtails":
        shapes = []
        for side in (-1, 1):
            roots = spline([[side * 0.38, -0.2], [side * 0.43, 0.1], [side * 0.44, 0.4], [side * 0.47, 0.66]], 20)
            tips = spline([[side * 0.46, -0.28], [side * 0.64, 0.05], [side * 0.63, 0.42], [side * 0.5, 0.7]], 20)
            shapes.append(_Shape(roots, tips, along=True))
        return shapes
    low = {"bob": 0.42, "fringe bob": 0.42, "long straight": 1.1, "long wavy": 1.1, "scarf": 0.6}.get(style)
    if low is None:
        return []
    flare = {"long wavy": 0.14, "long straight": 0.08, "scarf": 0.02}.get(style, 0.09)
    half = [
        [-0.3 * width, -0.6],
        [-width - 0.04, -0.3],
        [-width - 0.06, 0.1],
        [-width - flare, 0.8 * low],
        [-0.8 * width, low],
    ]
    left, right = spline(half, 30), spline(_mirror(half), 30)
    return [_Shape(left, right, along=True)]


def _draw(
    identity: Identity, colours: Palette, placement: Placement, shapes: list[_Shape], behind: bool
) -> Layer | None:
    if not shapes:
        return None
    cloth = identity.hair_style == "scarf"
    base: Colour = mix(colours.cloth, (255, 255, 255), 0.2) if cloth else colours.hair
    dark: Colour = colours.cloth_dark if cloth else colours.hair_dark
    light: Colour = mix(base, (255, 255, 255), 0.25) if cloth else colours.hair_light
    if identity.hair_style == "buzz":
        base = mix(base, colours.skin, 0.28)
    if behind:
        base = mix(base, dark, 0.4)
    image, coverage = layer_canvases(placement, base)
    edge = colours.line if identity.style == "sketch" else mix(dark, (20, 16, 18), 0.45)
    large = [shape for shape in shapes if not shape.small]
    # Large pieces are outlined as one silhouette: all lines first, then all fills; curls keep their own.
    for group in (large, *([shape] for shape in shapes if shape.small)):
        for shape in group:
            rim = ribbon(np.concatenate([shape.outline, shape.outline[:1]]), 1.5 * colours.line_width)
            if identity.style != "shaded":
                image.fill(rim, edge, 0.0)
                coverage.fill(rim, 255, 0.0)
        for shape in group:
            image.fill(shape.outline, base, 0.0)
            coverage.fill(shape.outline, 255, 0.0)
        for shape in group:
            _strands(identity, image, shape, base, dark, light, cloth or behind)
    if identity.style == "shaded":
        blur = 0.012 * placement.unit
        image.image = raster.blur(image.image, blur)
        for shape in shapes:
            _fine_strands(identity, image, shape, base, dark, light)
    return Layer(image, coverage)


def _strands(
    identity: Identity, image: Canvas, shape: _Shape, base: Colour, dark: Colour, light: Colour, plain: bool
) -> None:
    """Shine and locks, as the style has them."""
    count = len(shape.roots)
    if identity.style == "sketch":
        _pencil(image, shape, mix(dark, base, 0.25), 5 if shape.small else 44)
    elif identity.style == "flat":
        if shape.small or plain:
            return
        _pencil(image, shape, mix(base, dark, 0.55), 7)
        shine = 0.45 * shape.roots + 0.55 * shape.tips
        part = slice(count // 5, count // 2)
        image.stroke(shine[part], 0.03 * taper(len(shine[part])), mix(base, light, 0.8), 0.0)
    elif shape.small:
        middle = 0.5 * (shape.roots + shape.tips)
        image.fill(ribbon(np.concatenate([shape.outline, shape.outline[:1]]), 0.02), mix(base, dark, 0.5), 0.0)
        image.stroke(middle - (0.008, 0.018), 0.03 * taper(count), mix(base, light, 0.6), 0.0)
    else:
        image.fill(ribbon(np.concatenate([shape.outline, shape.outline[:1]]), 0.06), mix(base, dark, 0.55), 0.0)
        if not plain:
            shine = 0.45 * shape.roots + 0.55 * shape.tips
            part = slice(count // 8, count - count // 8)
            image.stroke(shine[part], 0.07 * taper(len(shine[part])), mix(base, light, 0.75), 0.0)


def _pencil(image: Canvas, shape: _Shape, colour: Colour, lines: int) -> None:
    count = len(shape.roots)
    if shape.along:  # a narrow lock takes few lines before it turns solid
        lines = min(lines, max(4, int(float(np.abs(shape.tips - shape.roots)[:, 0].max()) / 0.019)))
    for i in range(lines):
        place = (i + 0.5) / lines
        if shape.along:
            strand = (shape.roots * (1 - place) + shape.tips * place)[i % 3 : count - (i * 5) % 7]
        else:
            # Near the ears both edges run together and strands would only scribble across the narrow end.
            at = int((0.14 + 0.72 * place) * (count - 1)) if not shape.small else int(place * (count - 1))
            root, tip = shape.roots[at], shape.tips[min(at + 1, count - 1)]
            tip = root + (tip - root) * (0.8 + 0.06 * ((i * 5) % 4))
            bow = np.array([0.06 * (tip[0] - root[0]), -0.02])
            strand = spline([root, 0.5 * (root + tip) + bow, tip], 9)
        image.stroke(strand, 0.006 * taper(len(strand)), colour, 0.0)


def _fine_strands(identity: Identity, image: Canvas, shape: _Shape, base: Colour, dark: Colour, light: Colour) -> None:
    if identity.hair_style in ("scarf", "buzz") or shape.small:
        return
    _pencil(image, shape, mix(base, dark, 0.38), 26)
    _pencil(image, shape, mix(base, light, 0.3), 11)


def hair_layers(identity: Identity, colours: Palette, placement: Placement) -> tuple[Layer | None, Layer | None]:
    """Hair behind and before the head."""
    layers = []
    make: Callable[[Identity, np.random.Generator], list[_Shape]]
    for make, behind in ((_back, True), (_front, False)):
        rng = np.random.default_rng([identity.seed, 0x4A1])
        layers.append(_draw(identity, colours, placement, make(identity, rng), behind))
    return layers[0], layers[1]
