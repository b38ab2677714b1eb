"""Who a drawn head is: everything about it that no frame of a clip changes."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

STYLES = ("shaded", "flat", "sketch")
HAIR_STYLES = (
    "bald", "receding", "buzz", "side part", "quiff", "curly", "afro", "pixie", "bob", "fringe bob", "long straight",
    "long wavy", "bun", "ponytail", "pigtails", "scarf",
)  # fmt: skip
CLOTHES = ("crew neck", "v-neck", "collar", "hoodie", "turtleneck", "stripes")

_SKINS = (
    (255, 226, 205), (249, 211, 180), (240, 195, 158), (224, 172, 128),
    (200, 145, 102), (170, 114, 76), (136, 88, 60), (104, 67, 48),
)  # fmt: skip
_HAIRS = (
    (38, 32, 34),
    (58, 40, 32),
    (84, 56, 38),
    (118, 76, 46),
    (150, 74, 42),
    (196, 106, 52),
    (226, 184, 112),
    (240, 220, 172),
)
_DYES = ((70, 150, 156), (206, 104, 142), (122, 88, 168), (74, 100, 176))
_EYES = (
    (92, 58, 36),
    (122, 80, 44),
    (72, 116, 76),
    (96, 138, 92),
    (74, 124, 172),
    (104, 156, 196),
    (116, 128, 140),
    (60, 42, 34),
)
_CLOTH = (
    (68, 98, 142), (176, 74, 74), (84, 128, 100), (222, 184, 96), (108, 88, 138),
    (54, 62, 76), (206, 128, 96), (232, 226, 214), (72, 140, 146), (198, 122, 146), (128, 98, 76), (150, 160, 172),
)  # fmt: skip
_BACKGROUNDS = (
    (214, 226, 236), (238, 222, 206), (212, 228, 210), (230, 214, 228), (244, 234, 204),
    (188, 206, 222), (226, 198, 186), (198, 214, 206), (172, 184, 206), (234, 236, 238), (200, 190, 214),
    (150, 176, 186),
)  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """One drawn person.

    Lengths are in face units: 1 is the height of the face from hairline to chin; 0 is its middle; y points down.
    """

    seed: int
    style: str
    age: float
    picture_scale: float
    centre: tuple[float, float]
    skin: Colour
    forehead_width: float
    cheek_width: float
    jaw_width: float
    chin_width: float
    hair_style: str
    hair: Colour
    hair_volume: float
    parting: float
    eye: Colour
    eye_spacing: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    eye_level: float
    iris_size: float
    lashes: float
    brow: Colour
    brow_thickness: float
    brow_arch: float
    brow_gap: float
    nose_width: float
    nose_level: float
    nose_kind: int
    lip: Colour
    mouth_level: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    ear_size: float
    glasses: str
    glasses_colour: Colour
    beard: str
    freckles: bool
    blush: float
    earrings: bool
    clothes: str
    cloth: Colour
    background: Colour
    background_kind: str
    squint_side: int


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Colour `share` of the way from first to second."""
    red, green, blue = (int(round(a + (b - a) * share)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _pick(rng: np.random.Generator, choices: tuple[Colour, ...], jitter: float = 8.0) -> Colour:
    colour = np.array(choices[rng.integers(len(choices))]) + rng.normal(0, jitter, 3)
    red, green, blue = (int(v) for v in np.clip(colour, 0, 255))
    return red, green, blue


def _skin(rng: np.random.Generator) -> Colour:
    place = rng.uniform(0, len(_SKINS) - 1.001)
    tone = mix(_SKINS[int(place)], _SKINS[int(place) + 1], place % 1)
    return _pick(rng, (tone,), 4.0)


def _brow(hair: Colour, skin: Colour) -> Colour:
    """Of the hair's colour, but always dark enough against the skin to be read (or light enough, on dark skin)."""
    brow = mix(hair, (40, 30, 28), 0.3)
    contrast = sum(skin) - sum(brow)
    return brow if contrast < -90 else mix(brow, (34, 24, 24), float(np.clip((300 - contrast) / 400, 0, 0.75)))


def sample_identity(seed: int) -> Identity:
    """The person of a seed; the same for ever, and different persons for different seeds."""
    rng = np.random.default_rng([seed, 0x4EAD])
    span = rng.uniform
    age = float(span(18, 78) if rng.uniform() < 0.45 else span(18, 45))
    # A dial that leans several proportions together, so that faces look whole rather than assembled.
    lean = float(span(-1, 1))
    skin = _skin(rng)
    dark_skin = sum(skin) < 480
    hair = (
        _pick(rng, _DYES)
        if rng.uniform() < 0.06
        else _pick(rng, _HAIRS[:3] if dark_skin and rng.uniform() < 0.8 else _HAIRS)
    )
    grey = np.clip((age - 48) / 22, 0, 1) * span(0.5, 1)
    hair = mix(hair, (206, 204, 204), float(grey))
    long_styles, short_styles = HAIR_STYLES[7:], HAIR_STYLES[:8]
    styles = long_styles if lean + rng.normal(0, 0.35) > 0 else short_styles
    hair_style = str(styles[rng.integers(len(styles))])
    if hair_style in ("bald", "receding") and age < 30 and rng.uniform() < 0.6:
        hair_style = "side part"
    beard = "none"
    if lean < -0.15 and age > 20 and rng.uniform() < 0.45:
        beard = str(rng.choice(["stubble", "full", "goatee", "moustache"]))
    if hair_style in ("bun", "pigtails", "scarf", "fringe bob"):
        beard = "none"
    lip_red = mix(skin, (190, 62, 72), float(span(0.38, 0.55) + 0.16 * max(lean, 0) * span(0, 1)))
    return Identity(
        seed=seed,
        style=str(rng.choice(STYLES, p=[0.42, 0.38, 0.2])),
        age=age,
        picture_scale=float(span(0.95, 1.05)),
        centre=(float(span(-0.02, 0.02)), float(span(-0.02, 0.02))),
        skin=skin,
        forehead_width=float(span(0.345, 0.385)),
        cheek_width=float(span(0.375, 0.43)),
        jaw_width=float(span(0.27, 0.33) - 0.025 * lean),
        chin_width=float(span(0.10, 0.17) - 0.025 * lean),
        hair_style=hair_style,
        hair=hair,
        hair_volume=float(span(0.8, 1.2)),
        parting=float(rng.choice([-1, 1]) * span(0.08, 0.2)),
        eye=_pick(rng, _EYES[:2] + _EYES[7:] if dark_skin and rng.uniform() < 0.85 else _EYES, 6.0),
        eye_spacing=float(span(0.182, 0.202)),
        eye_width=float(span(0.104, 0.119)),
        eye_height=float(span(0.062, 0.075) + 0.003 * lean),
        eye_tilt=float(span(-0.014, 0.008)),
        eye_level=float(span(-0.07, -0.045)),
        iris_size=float(span(0.054, 0.06)),
        lashes=float(np.clip(0.5 + 0.5 * lean + rng.normal(0, 0.2), 0, 1)),
        brow=_brow(hair, skin),
        brow_thickness=float(span(0.026, 0.036) - 0.005 * lean),
        brow_arch=float(span(0.012, 0.03)),
        brow_gap=float(span(0.124, 0.14)),
        nose_width=float(span(0.058, 0.085)),
        nose_level=float(span(0.115, 0.145)),
        nose_kind=int(rng.integers(3)),
        lip=_pick(rng, (lip_red,), 5.0),
        mouth_level=float(span(0.265, 0.285)),
        mouth_width=float(span(0.128, 0.155)),
        upper_lip=float(span(0.02, 0.03) + 0.003 * lean),
        lower_lip=float(span(0.03, 0.041) + 0.004 * lean),
        ear_size=float(span(0.85, 1.15)),
        glasses=str(rng.choice(["round", "square", "oval"])) if rng.uniform() < 0.25 else "none",
        glasses_colour=_pick(rng, ((44, 42, 48), (96, 62, 40), (150, 44, 50), (60, 76, 110), (170, 140, 80)), 5.0),
        beard=beard,
        freckles=bool(rng.uniform() < 0.15 and not dark_skin),
        blush=float(span(0.2, 1.0)),
        earrings=bool(lean > 0.1 and rng.uniform() < 0.4),
        clothes=str(rng.choice(CLOTHES)),
        cloth=_pick(rng, _CLOTH, 10.0),
        background=_pick(rng, _BACKGROUNDS, 8.0),
        background_kind=str(rng.choice(["plain", "gradient", "glow", "dots"], p=[0.2, 0.35, 0.3, 0.15])),
        squint_side=int(rng.choice([-1, 1])),
    )
