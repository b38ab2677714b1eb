"""Who speaks: espeak-ng's voice variants, split between training and test, and voices drawn at random."""

import numpy as np

# espeak-ng's variants without echo, whisper or robot effects: their pauses are exact silence, so closures can be timed.
VOICES_TRAIN = (
    ("Andrea", "Annie", "anika", "aunty", "belinda", "caleb", "f1", "grandma", "rob", "steph", "steph2", "steph3"),
    ("m1", "m3", "m4", "m5", "m6", "m7", "Alex", "Andy", "Denis", "Gene", "Hugo", "Lee", "Mario", "Michael", "Mike",
     "Nguyen", "Reed", "Storm", "adam", "benjamin", "boris", "david", "edward2", "grandpa", "gustave", "iven3", "john",
     "klatt3", "marcelo", "max", "michel", "norbert", "paul", "sandro", "travis"),
)  # fmt: skip
VOICES_TEST = (("linda", "shelby", "zac"), ("m8", "Gene2", "Henrique", "ian", "robert", "victor"))
"""High voices and low voices of each split; the splits share none."""


def drawn_voice(rng: np.random.Generator) -> str:
    """A variant that espeak-ng does not have, as the text of its file: throat, pitch, rasp and colour at random.

    A few dozen voices are soon known by heart; what emotion does to any voice is learnt from as many as can be had. The
    bounds lie around those of the variants above.
    """

    def percent(low: float, high: float) -> int:
        return round(100 * rng.uniform(low, high))

    high = rng.uniform() < 0.5
    base = rng.uniform(150, 250) if high else rng.uniform(62, 120)
    lines = [
        "language variant",
        "name drawn",
        f"pitch {base:.0f} {base * rng.uniform(1.2, 1.7):.0f}",
        f"voicing {percent(0.4, 1.7)}",
        f"consonants {percent(0.5, 1.2)} {percent(0.5, 1.2)}",
        f"flutter {rng.integers(0, 9)}",
        f"roughness {rng.integers(0, 5)}",
        f"intonation {rng.choice([1, 1, 2, 3, 10])}",
    ]
    throat = rng.uniform(0.98, 1.3) if high else rng.uniform(0.85, 1.08)
    highs = rng.uniform(0.3, 1.2)  # how strong the upper formants are
    for formant in range(9):
        place = throat * rng.uniform(0.93, 1.07)
        strength = rng.uniform(0.75, 1.25) * (highs if formant > 3 else rng.uniform(0.7, 1.1))
        lines.append(f"formant {formant} {round(100 * place)} {round(100 * strength)} {percent(0.75, 1.6)}")
    if rng.uniform() < 0.4:
        heights = np.sort(rng.uniform(20, 256, 3))[::-1].astype(int)
        lines.append(f"tone 600 {heights[0]} 1200 {heights[1]} 2500 {heights[2]}")
    if rng.uniform() < 0.3:
        lines.append("stressAdd " + " ".join(str(step) for step in rng.integers(-25, 60, 8)))
    if rng.uniform() < 0.2:
        lines.append(f"klatt {rng.integers(1, 7)}")
    return "\n".join(lines) + "\n"
