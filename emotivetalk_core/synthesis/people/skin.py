"""A person's skin, painted: colour, shine and relief from tone, blood, age, sun, beard and make-up."""

import cv2
import numpy as np

from .person import Colour, Person
from .skin_map import HIGH, WIDE, beard_mask, grain, scalp_mask, skin_map, wrinkle_reliefs

CHANNELS = 8
_BEARD_SHADE = {"none": 0.0, "shadow": 0.22, "stubble": 0.42, "full": 0.72, "goatee": 0.68, "moustache": 0.66}
_SCALP_SHADE = {"bald": 0.05, "buzz": 0.62, "crop": 0.85}


def linear(colour: Colour | np.ndarray) -> np.ndarray:
    """Light of a screen's colour, with a plain power of 2.2 for the sRGB curve."""
    return np.clip(np.asarray(colour, np.float32), 0, 1) ** 2.2


def paint_skin(person: Person) -> np.ndarray:
    """The texture [HIGH, WIDE, 8] that `shading.Surface` describes."""
    skin, rng = skin_map(), np.random.default_rng([person.seed, 0x5C1])
    span = rng.uniform
    shift = (int(rng.integers(HIGH)), int(rng.integers(WIDE)))

    def own(scale: float, seed: int) -> np.ndarray:
        """Noise that lies elsewhere in every person."""
        return np.roll(grain(scale, seed), shift, (0, 1))

    cheek, nose = skin.pair(0.45, 6.94, 0.18, 0.2), skin.spot(0, 6.92, 0.11, 0.13)
    forehead, chin = skin.spot(0, 7.8, 0.5, 0.2), skin.spot(0, 6.3, 0.14, 0.1)
    lids, hollows = skin.pair(0.32, 7.37, 0.17, 0.07), skin.pair(0.29, 7.14, 0.12, 0.06)
    ears = np.exp(-(((skin.y - 7.1) / 0.28) ** 2)) * ((np.abs(skin.angle) > 1.25) & (np.abs(skin.angle) < 2))
    light = 1 - 0.5 * person.skin_tone
    colour = np.empty((HIGH, WIDE, 3), np.float32)
    colour[:] = linear(person.skin)
    colour *= (1 + 0.03 * own(90.0, 1) + 0.022 * own(24.0, 2) + 0.022 * own(5.0, 3))[..., None]

    def tint(amount: np.ndarray, change: tuple[float, float, float]) -> None:
        for channel, factor in enumerate(change):
            if factor:
                colour[..., channel] *= 1 + factor * amount

    def cover(amount: np.ndarray, paint: np.ndarray) -> None:
        colour[:] += (paint - colour) * amount[..., None]

    blood = person.blush * 0.32 * cheek + span(0.15, 0.4) * nose + 0.3 * ears + 0.14 * chin + 0.035 * own(40.0, 7)
    tint(light * blood, (0.10, -0.36, -0.30))
    tint(forehead, (0.0, 0.005, -0.01))
    tint(hollows * span(0.04, 0.2) * (0.8 + 0.5 * (person.age > 55)), (-0.7, -1.0, -0.75))
    tint(lids, (-0.07, -0.15, -0.14))
    tint(skin.spot(0, 6.6, 0.30, 0.13), (-0.02, -0.06, -0.05))
    if person.eye_shadow_strength:
        cover(np.clip(1.1 * lids, 0, 1) * person.eye_shadow_strength, linear(person.eye_shadow))
    if person.freckles:
        spots = np.clip((own(4.5, 11) - 1.2) * 1.4, 0, 1) * np.clip(1.2 * cheek + nose + 0.2 * forehead, 0, 1)
        tint(cv2.GaussianBlur(spots, (0, 0), 0.9) * person.freckles, (-0.22, -0.42, -0.52))
    for _ in range(person.moles):
        angle, y = span(-0.8, 0.8), span(6.2, 7.9)
        mole = np.exp(-(((skin.angle - angle) / 0.012) ** 2) - ((skin.y - y) / 0.013) ** 2)
        tint(mole, (-0.5, -0.68, -0.72))
    years = max(0.0, (person.age - 45) / 40)
    if years > 0.25:
        tint(np.clip(own(7.0, 13) - 1.6, 0, 1) * years, (-0.12, -0.2, -0.24))
    hair = 0.55 * linear(person.hair)
    if person.beard != "none":
        mask = beard_mask("full" if person.beard in ("shadow", "stubble") else person.beard)
        shade = mask * _BEARD_SHADE[person.beard] * np.clip(0.9 + 0.14 * own(3.0, 21), 0, 1.2)
        root = 0.8 * linear(person.brow) + 0.10 * linear(person.skin)
        cover(np.clip(shade * (1 - 0.35 * (person.hair_colour in ("blond", "platinum", "ginger"))), 0, 1), root)
    thin = 1 - 0.35 * max(0.0, (person.age - 60) / 25) * (1 - person.female)
    scalp = scalp_mask() * _SCALP_SHADE.get(person.hair_style, 0.9) * thin
    cover(scalp, hair)
    texture = np.empty((HIGH, WIDE, CHANNELS), np.float32)
    texture[..., :3] = np.clip(colour, 0.002, 1)
    texture[..., 3] = 0.50 - 0.09 * forehead - 0.11 * nose - 0.05 * cheek + 0.02 * own(24.0, 2) + rng.normal(0, 0.025)
    texture[..., 4] = (0.30 * own(5.0, 3) + 0.28 * own(2.5, 4)) * (1 - 0.3 * person.female)
    texture[..., 3] += 0.4 * scalp * (person.hair_style != "bald")
    reliefs = wrinkle_reliefs()
    texture[..., 4] += years * (2.2 * reliefs[0] + 1.1 * reliefs[1] + 2.4 * reliefs[2])
    for channel, relief in enumerate(reliefs):
        texture[..., 5 + channel] = 4.5 * relief
    return texture
