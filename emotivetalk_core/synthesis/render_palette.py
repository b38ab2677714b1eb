"""The colours that an identity's style draws with."""

from dataclasses import dataclass
from functools import lru_cache

from .identity import Colour, Identity, mix

_BLACK: Colour = (22, 16, 20)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Palette:
    """Every colour of one identity. `line` is the outline, `crease` the wrinkles, `line_width` in face units."""

    skin: Colour
    skin_shadow: Colour
    skin_light: Colour
    blush: Colour
    line: Colour
    crease: Colour
    line_width: float
    hair: Colour
    hair_dark: Colour
    hair_light: Colour
    brow: Colour
    lash: Colour
    sclera: Colour
    sclera_shadow: Colour
    iris: Colour
    iris_dark: Colour
    iris_light: Colour
    pupil: Colour
    upper_lip: Colour
    lower_lip: Colour
    lip_light: Colour
    lip_line: Colour
    mouth: Colour
    teeth: Colour
    tongue: Colour
    cloth: Colour
    cloth_dark: Colour
    background: Colour


def _deeper(colour: Colour, share: float) -> Colour:
    """Darker the way skin darkens: towards a warm brown rather than towards grey."""
    red, green, blue = colour
    return mix(colour, (int(red * 0.5), int(green * 0.3), int(blue * 0.28)), share)


@lru_cache(maxsize=64)
def palette(identity: Identity) -> Palette:
    """The identity's colours in its style."""
    skin, hair, lip = identity.skin, identity.hair, identity.lip
    cloth, background = identity.cloth, identity.background
    flat, sketch = identity.style == "flat", identity.style == "sketch"
    line, crease, line_width = _deeper(skin, 0.75), _deeper(skin, 0.62), 0.009
    if flat:
        line, crease, line_width = mix(_deeper(skin, 0.9), _BLACK, 0.6), _deeper(skin, 0.75), 0.0155
    eye, brow = identity.eye, identity.brow
    pencil: Colour = (74, 70, 74)
    if sketch:
        # Almost no colour: a breath of it on paper, as of a pencil drawing with a little wash.
        paper: Colour = (247, 243, 234)
        grey = sum(skin) // 3
        wash = mix(skin, (grey, grey, grey), 0.55)
        skin = mix(paper, wash, 0.10 + 0.32 * (1 - grey / 255))
        tone = sum(hair) // 3
        hair = mix(mix(hair, (tone, tone, tone), 0.75), paper, 0.38)
        lip = mix(mix(lip, (120, 110, 110), 0.6), skin, 0.45)
        cloth, background = mix(mix(cloth, paper, 0.72), paper, 0.3), paper
        line, crease, line_width = pencil, mix(pencil, skin, 0.12), 0.0105
        eye, brow = mix(eye, (110, 110, 112), 0.7), mix(pencil, hair, 0.2)
    dark_hair = sum(hair) < 200
    return Palette(
        skin=skin,
        skin_shadow=mix(skin, pencil, 0.2) if sketch else _deeper(skin, 0.26),
        skin_light=mix(skin, (255, 246, 230), 0.35),
        blush=mix(skin, (224, 92, 92), 0.12 if sketch else 0.42),
        line=line,
        crease=crease,
        line_width=line_width,
        hair=mix(hair, (90, 78, 80), 0.12) if dark_hair else hair,
        hair_dark=pencil if sketch else mix(hair, _BLACK, 0.45),
        hair_light=mix(hair, (255, 238, 214), 0.22 if dark_hair else 0.38),
        brow=brow,
        lash=pencil if sketch else mix(identity.brow, _BLACK, 0.75),
        sclera=(252, 250, 244) if sketch else (250, 248, 246),
        sclera_shadow=(222, 218, 212) if sketch else (206, 206, 216),
        iris=eye,
        iris_dark=mix(eye, _BLACK, 0.55),
        iris_light=mix(eye, _WHITE, 0.34),
        pupil=(52, 48, 52) if sketch else (18, 14, 18),
        upper_lip=_deeper(lip, 0.12) if not sketch else mix(lip, pencil, 0.12),
        lower_lip=lip,
        lip_light=mix(lip, (255, 236, 226), 0.38),
        lip_line=mix(lip, pencil, 0.75) if sketch else mix(_deeper(lip, 0.55), line, 0.3),
        mouth=(48, 36, 40) if sketch else (58, 14, 24),
        teeth=(250, 247, 240),
        tongue=(146, 118, 118) if sketch else (202, 92, 96),
        cloth=cloth,
        cloth_dark=mix(cloth, pencil if sketch else _BLACK, 0.28),
        background=background,
    )
