"""Who a rendered person is: everything about it that no frame of a clip changes."""

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Red, green, blue of 0…1 as a screen shows them (sRGB)."""

LOOKS = ("render", "oil", "toon", "pencil")
HAIR_STYLES = (
    "bald", "buzz", "crop", "side part", "swept back", "quiff", "curls", "afro", "pixie", "bob", "fringe bob",
    "long straight", "long wavy", "long curls", "bun", "ponytail",
)  # fmt: skip
COLLARS = ("crew neck", "v-neck", "turtleneck", "scoop neck")
BEARDS = ("none", "shadow", "stubble", "full", "goatee", "moustache")

HAIR_COLOURS: dict[str, Colour] = {
    "black": (0.13, 0.11, 0.11), "dark brown": (0.22, 0.16, 0.12), "brown": (0.33, 0.23, 0.16),
    "chestnut": (0.42, 0.26, 0.17), "auburn": (0.50, 0.25, 0.15), "ginger": (0.68, 0.38, 0.18),
    "dark blond": (0.56, 0.43, 0.28), "blond": (0.78, 0.63, 0.42), "platinum": (0.88, 0.80, 0.66),
    "grey": (0.58, 0.57, 0.56), "white": (0.86, 0.86, 0.85), "teal": (0.15, 0.47, 0.50), "pink": (0.82, 0.42, 0.56),
}  # fmt: skip
_EYES: dict[str, tuple[Colour, Colour]] = {
    "dark": ((0.30, 0.19, 0.12), (0.24, 0.15, 0.10)), "brown": ((0.52, 0.33, 0.17), (0.38, 0.24, 0.14)),
    "hazel": ((0.56, 0.41, 0.20), (0.42, 0.38, 0.22)), "green": ((0.55, 0.50, 0.28), (0.36, 0.47, 0.35)),
    "blue": ((0.60, 0.66, 0.68), (0.34, 0.50, 0.66)), "grey": ((0.62, 0.62, 0.59), (0.46, 0.52, 0.56)),
}  # fmt: skip
"""Inner and outer colour of the iris."""

_LIGHT, _TAN, _DARK = np.array([0.91, 0.74, 0.66]), np.array([0.74, 0.56, 0.46]), np.array([0.35, 0.245, 0.20])
_LIPSTICKS = ((0.72, 0.22, 0.26), (0.78, 0.38, 0.40), (0.56, 0.18, 0.26), (0.66, 0.34, 0.32))
_SHADOWS = ((0.45, 0.31, 0.29), (0.38, 0.34, 0.44), (0.33, 0.25, 0.23), (0.52, 0.36, 0.34))


@dataclass(frozen=True)
class Person:
    """One rendered person. Shape and small marks come from `seed`; what a film shows at once stands here.

    female 0…1 · age in years · ancestry: shares of African, Asian and European face shapes · weight 0…1 ·
    skin_tone 0 pale … 1 black · liveliness and lean: how strongly the face moves, and which side more.
    """

    seed: int
    style: str
    female: float
    age: float
    ancestry: tuple[float, float, float]
    weight: float
    picture_scale: float
    centre: tuple[float, float]
    skin_tone: float
    skin: Colour
    lip: Colour
    lip_gloss: float
    eye_shadow: Colour
    eye_shadow_strength: float
    blush: float
    freckles: float
    moles: int
    hair_style: str
    hair_colour: str
    hair: Colour
    grey_share: float
    parting: float
    brow: Colour
    brow_thickness: float
    lashes: float
    beard: str
    iris: tuple[Colour, Colour]
    iris_size: float
    pupil: float
    teeth: Colour
    glasses: str
    glasses_colour: Colour
    earrings: bool
    collar: str
    cloth: Colour
    second_cloth: Colour
    cloth_pattern: int
    liveliness: float
    lean: float


def _hsv(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    return hsv_to_rgb(float(rng.uniform()), float(rng.uniform(*saturation)), float(rng.uniform(*value)))


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0, 1).tolist()
    return red, green, blue


def _hair_colour(rng: np.random.Generator, age: float, tone: float, asian: float) -> str:
    names = list(HAIR_COLOURS)
    if age > 58 and rng.uniform() < (age - 50) / 30:
        return ("grey", "white")[int(age > 70 and rng.uniform() < 0.6)]
    if rng.uniform() < 0.04:
        return names[rng.integers(11, 13)]
    if tone > 0.5 or asian > 0.6:
        return str(rng.choice(["black", "dark brown", "brown"], p=[0.6, 0.3, 0.1]))
    shares = np.array([2, 6, 9, 8, 4, 4, 8, 7, 3], float)
    return names[rng.choice(9, p=shares / shares.sum())]


def sample_person(seed: int, style: str | None = None) -> Person:
    """The person of a seed; the same for ever, and different persons for different seeds. `style`: one of LOOKS; None
    for the seed's own, a plain render in two of three.
    """
    rng = np.random.default_rng([seed, 0x9E0])
    span = rng.uniform
    own_style = str(rng.choice(LOOKS, p=[0.67, 0.11, 0.11, 0.11]))
    female = float(np.clip(round(span()) + rng.normal(0, 0.06), 0, 1))
    woman = female > 0.5
    age = float(span(18, 45) if span() < 0.6 else span(45, 82))
    ancestry = rng.dirichlet([0.4, 0.4, 0.4])
    tone = float(np.clip(ancestry @ (0.85, 0.33, 0.15) + rng.normal(0, 0.08), 0.02, 1))
    base = _LIGHT * max(0, 1 - 2 * tone) + _TAN * (1 - abs(2 * tone - 1)) + _DARK * max(0, 2 * tone - 1)
    skin = base + rng.normal(0, 0.012, 3) + rng.normal(0, 0.012) * np.array([1, 0, -1])
    hair_colour = _hair_colour(rng, age, tone, float(ancestry[1]))
    hair = np.array(HAIR_COLOURS[hair_colour]) + rng.normal(0, 0.012, 3)
    mouth = np.random.default_rng([seed, 0x11B])  # of its own, so nothing else of a person changes
    stain = mouth.uniform(0.5, 2.2)
    red = mouth.uniform(0.2, 1.15) - 0.35 * max(0.0, (age - 50) / 30)  # lips pale with age
    lip = base * (1 - max(red, 0.1) * np.array([0.10, 0.28, 0.29]))
    painted = woman and span() < 0.35
    if painted:
        lip = 0.45 * lip + 0.55 * np.array(_LIPSTICKS[rng.integers(len(_LIPSTICKS))])
    men = ("bald", "buzz", "crop", "crop", "side part", "side part", "swept back", "quiff", "curls", "afro")
    women = HAIR_STYLES[6:]
    style_of_hair = str(rng.choice(women if woman else men))
    if style_of_hair == "bald" and age < 30 and span() < 0.7:
        style_of_hair = "crop"
    if style_of_hair == "afro" and tone < 0.4 or style_of_hair == "long curls" and ancestry[1] > 0.6:
        style_of_hair = "bob" if woman else "crop"
    beard = "none"
    if not woman:
        beard = str(rng.choice(BEARDS, p=[0.28, 0.2, 0.22, 0.14, 0.09, 0.07]))
    dark_eyes = (tone > 0.5 or ancestry[1] > 0.6) and span() < 0.88
    eye = "dark" if dark_eyes else str(rng.choice(list(_EYES), p=[0.05, 0.25, 0.15, 0.15, 0.25, 0.15]))
    brow = np.minimum(hair * 0.8, (0.42, 0.34, 0.27)) if hair_colour not in ("teal", "pink") else (0.2, 0.15, 0.13)
    cloth = _hsv(rng, (0.05, 0.75), (0.16, 0.9))
    return Person(
        seed=seed,
        style=style or own_style,
        female=female,
        age=age,
        ancestry=_colour(ancestry),
        weight=float(np.clip(rng.normal(0.45, 0.15), 0.1, 0.9)),
        picture_scale=float(span(0.95, 1.05)),
        centre=(float(span(-0.02, 0.02)), float(span(-0.02, 0.02))),
        skin_tone=tone,
        skin=_colour(skin),
        lip=_colour(lip),
        lip_gloss=float(span(0.3, 1.0) if painted else span(0, 0.4)),
        eye_shadow=_SHADOWS[rng.integers(len(_SHADOWS))],
        eye_shadow_strength=float(span(0.25, 0.6)) if woman and span() < 0.4 else 0.0,
        blush=float(span(0.4, 1.4)),
        freckles=float(span(0.4, 1.0)) if tone < 0.35 and span() < 0.25 else 0.0,
        moles=int(rng.poisson(1.2)),
        hair_style=style_of_hair,
        hair_colour=hair_colour,
        hair=_colour(hair),
        grey_share=float(np.clip((age - 42) / 30, 0, 0.8) * span(0, 1)),
        parting=float(rng.choice([-1, 1]) * span(0.12, 0.34)) if span() < 0.7 else 0.0,
        brow=_colour(np.array(brow)),
        brow_thickness=float(span(0.055, 0.085) if not woman else span(0.035, 0.058)),
        lashes=float(span(0.7, 1.15) if woman else span(0.4, 0.7)),
        beard=beard,
        iris=_EYES[eye],
        iris_size=float(span(0.47, 0.51)),
        pupil=float(span(0.36, 0.5)),
        teeth=_colour(np.array([0.94, 0.91, 0.86]) - span(0, 1) * stain * np.array([0.035, 0.05, 0.085])),
        glasses=str(rng.choice(["round", "square", "oval"])) if span() < 0.2 else "none",
        glasses_colour=_hsv(rng, (0.0, 0.7), (0.05, 0.5)),
        earrings=bool(woman and span() < 0.35),
        collar=str(rng.choice(COLLARS, p=[0.4, 0.25, 0.15, 0.2])),
        cloth=cloth,
        second_cloth=_hsv(rng, (0.0, 0.5), (0.2, 0.95)),
        cloth_pattern=int(rng.choice([0, 0, 1, 2])),
        liveliness=float(span(0.85, 1.1)),
        lean=float(rng.normal(0, 0.07)),
    )
