"""The figures of one finished video: sync, likeness, sharpness, and how they drift. docs/measuring.md says what each is
worth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .curves import thirds
from .lip_sync import Mouth, lip_sync
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


@dataclass(frozen=True, eq=False)
class Sync:
    """correlation -1…1 of the mouth with the loudness at the lag where they fit best, nan without sound · lag: frames
    by which the mouth comes after the sound there · chance: what nine in ten foreign sounds stay below, nan without
    sound · mouth [n]: how loud the mouth looks, without unit; nan where no face is seen.
    """

    correlation: float
    lag: int
    chance: float
    mouth: np.ndarray

    def plain(self) -> dict[str, Any]:
        return {
            "correlation": _number(self.correlation),
            "lag_frames": self.lag,
            "by_chance": _number(self.chance),
        }


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


def measure_sync(reading: FilmReading) -> Sync:
    """How well the mouth goes with the sound; without sound, the mouth is its opening."""
    if reading.loudness is None:
        return Sync(float("nan"), 0, float("nan"), reading.opening)
    reach = max(1, round(REACH_SECONDS * reading.rate))
    found = lip_sync([Mouth(reading.lips, reading.opening)], [reading.loudness], reach, reading.rate)
    return Sync(found.correlation, -found.lag, found.chance, found.said)


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
