"""The figures of one finished video: sync, likeness, sharpness, and how they drift. docs/measuring.md says what each is
worth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .curves import best_lag, chance_of, correlation, smooth, thirds
from .reading import FilmReading

REACH_SECONDS = 0.4
"""How far sound and picture may be apart and still be found."""


@dataclass(frozen=True)
class Track:
    """One figure over a film: its mean, and the mean of each third; nan where there is no number."""

    mean: float
    thirds: tuple[float, float, float]

    @property
    def drift(self) -> float:
        """The last third less the first."""
        return self.thirds[2] - self.thirds[0]

    @classmethod
    def of(cls, curve: np.ndarray) -> "Track":
        known = curve[np.isfinite(curve)]
        return cls(float(known.mean()) if len(known) else float("nan"), thirds(curve))

    def plain(self) -> dict[str, Any]:
        return {"mean": _number(self.mean), "thirds": [_number(v) for v in self.thirds], "drift": _number(self.drift)}


@dataclass(frozen=True)
class Sync:
    """correlation -1…1 of the mouth with the loudness at the lag where they fit best, nan without sound · lag: frames
    by which the mouth comes after the sound there · chance: the same with the sound of other moments, nan where the
    film is too short to say · curve: what was read of the mouth, "opening" or "movement", whichever fits better.
    """

    correlation: float
    lag: int
    chance: float
    curve: str

    def plain(self) -> dict[str, Any]:
        fields = {"correlation": _number(self.correlation), "lag_frames": self.lag, "by_chance": _number(self.chance)}
        return {**fields, "mouth": self.curve}


@dataclass(frozen=True)
class FilmMeasures:
    """frames, rate: of the film · seen: share of its frames with a face · likeness, sharpness, colour: as in
    FilmReading · against: what stood for the portrait · note: a sentence, or empty.
    """

    frames: int
    rate: float
    seen: float
    sync: Sync
    likeness: Track
    sharpness: Track
    colour: Track
    against: str
    note: str

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; what is not a number is None."""
        return {
            "frames": self.frames,
            "frames_per_second": _number(self.rate),
            "frames_with_a_face": _number(self.seen),
            "sync": self.sync.plain(),
            "likeness": self.likeness.plain(),
            "sharpness": self.sharpness.plain(),
            "colour_difference": self.colour.plain(),
            "against": self.against,
            "note": self.note,
        }


def mouth_curve(reading: FilmReading, curve: str) -> np.ndarray:
    """The mouth over time [n] by the name that Sync has for it, turned so that it rises with the sound."""
    if curve == "opening" or reading.loudness is None:
        return reading.opening
    known = np.isfinite(reading.movement)
    falls = correlation(reading.movement[known], reading.loudness[known]) < 0
    return -reading.movement if falls else reading.movement


def measure_sync(reading: FilmReading) -> Sync:
    """How well the mouth goes with the sound. Curves are means over three frames, as mouths are slower than sound."""
    if reading.loudness is None:
        return Sync(float("nan"), 0, float("nan"), "opening")
    reach, sound = max(1, round(REACH_SECONDS * reading.rate)), smooth(reading.loudness, 3)
    curves = {name: smooth(mouth_curve(reading, name), 3) for name in ("opening", "movement")}
    fits = {name: best_lag(curve, sound, reach) for name, curve in curves.items()}
    best = max(fits, key=lambda name: fits[name].correlation)
    return Sync(fits[best].correlation, fits[best].lag, chance_of(curves[best], sound, reach), best)


def measure_film(reading: FilmReading) -> FilmMeasures:
    """The figures of a film that was read."""
    return FilmMeasures(
        frames=reading.frames,
        rate=reading.rate,
        seen=float(np.isfinite(reading.opening).mean()),
        sync=measure_sync(reading),
        likeness=Track.of(reading.likeness),
        sharpness=Track.of(reading.sharpness),
        colour=Track.of(reading.colour),
        against=reading.against,
        note=reading.note,
    )


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
