"""The plot of a measured film."""

import numpy as np
import torch

from ..plot import Curve, draw_panels
from ..types import Speech
from .film import FilmMeasures, Track
from .reading import FilmReading

_MOUTH, _SOUND = (255, 138, 101), (108, 117, 140)
_LIKENESS, _SHARPNESS, _COLOUR = (77, 208, 190), (110, 168, 254), (178, 148, 246)


def draw_measures(reading: FilmReading, measures: FilmMeasures, speech: Speech | None = None) -> torch.Tensor:
    """A picture [3, 500, 1000] RGB 0…1 of the curves that a film's figures come from, over its seconds."""
    rate = reading.rate
    sync, title = measures.sync, "mouth"
    mouth = [Curve(_to_one(sync.mouth), "how loud the mouth looks", _MOUTH, 2.2, rate)]
    if reading.loudness is not None:
        mouth.append(Curve(reading.loudness, "loudness", _SOUND, 1.4, rate))
        by_chance = f" (by chance {sync.chance:.2f})" if np.isfinite(sync.chance) else ""
        title = f"mouth and sound: {sync.correlation:.2f}{by_chance}, {late(sync.lag)}"
    against = f"against the {measures.against}"
    held = [
        Curve(reading.likeness, "likeness", _LIKENESS, 2.2, rate),
        Curve(reading.sharpness, "sharpness", _SHARPNESS, 1.4, rate),
    ]
    panels = [
        (title, mouth),
        (f"{against}: likeness {_said(measures.likeness)}, sharpness {_said(measures.sharpness)}", held),
        (
            f"colour differs by {_said(measures.colour)}",
            [Curve(reading.colour, "2.3 is just visible", _COLOUR, 1.4, rate)],
        ),
    ]
    return draw_panels(panels, speech)


def late(lag: int) -> str:
    """A lag in words."""
    count = "1 frame" if abs(lag) == 1 else f"{abs(lag)} frames"
    return "no lag" if lag == 0 else f"{count} {'late' if lag > 0 else 'early'}"


def _said(track: Track) -> str:
    return f"{track.mean:.2f} ({track.drift:+.2f} to the end)"


def _to_one(curve: np.ndarray) -> np.ndarray:
    """From its lowest to its highest value, as 0…1."""
    low, high = np.nanmin(curve), np.nanmax(curve)
    return (curve - low) / max(high - low, 1e-6)
