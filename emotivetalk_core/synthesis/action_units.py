"""Facial action units of the drawn heads, after the Facial Action Coding System (Ekman and Friesen, 1978).

No action unit opens the mouth: the opening belongs to speech alone, so that expression and articulation are independent
by construction.
"""

import numpy as np

from ..errors import SettingsError
from ..types import EMOTIONS, FRAMES_PER_SECOND

ACTION_UNITS = (
    "AU1",  # inner brow raised
    "AU2",  # outer brow raised
    "AU4",  # brows lowered and drawn together
    "AU5",  # upper lid raised
    "AU6",  # cheeks raised
    "AU7",  # lids tightened
    "AU9",  # nose wrinkled
    "AU10",  # upper lip raised
    "AU12",  # lip corners pulled up
    "AU15",  # lip corners pulled down
    "AU17",  # chin raised
    "AU20",  # lips stretched
    "AU23",  # lips tightened
    "AU43",  # eyes narrowed, at 1 closed
)

_EMOTION_UNITS: dict[str, dict[str, float]] = {
    "happy": {"AU2": 0.15, "AU6": 0.95, "AU12": 1.0},
    "angry": {"AU4": 1.0, "AU5": 0.4, "AU7": 0.75, "AU15": 0.25, "AU17": 0.25, "AU23": 0.9},
    "sad": {"AU1": 1.0, "AU4": 0.15, "AU15": 0.95, "AU17": 0.55, "AU43": 0.42},
    "surprised": {"AU1": 1.0, "AU2": 1.0, "AU5": 1.0},
    "fear": {"AU1": 0.9, "AU2": 0.5, "AU4": 0.6, "AU5": 0.85, "AU20": 1.0},
    "disgusted": {"AU4": 0.5, "AU6": 0.2, "AU7": 0.4, "AU9": 1.0, "AU10": 0.9, "AU15": 0.4, "AU17": 0.3},
    "worried": {"AU1": 0.85, "AU4": 0.95, "AU7": 0.6, "AU15": 0.3, "AU23": 0.6},
    "neutral": {},
}


def _smooth_noise(rng: np.random.Generator, frames: int, seconds: float, columns: int = 1) -> np.ndarray:
    """Noise of about unit variance without changes faster than `seconds`: [frames, columns]."""
    step = max(1.0, seconds * FRAMES_PER_SECOND)
    knots = rng.standard_normal((int(np.ceil(frames / step)) + 4, columns))
    position = np.arange(frames) / step + rng.uniform()
    base = position.astype(int)
    t = (position - base)[:, None]
    # Uniform cubic B-spline through random knots: smooth to the second derivative, so nothing ever jerks.
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    total = np.sum([weight * knots[base + i] for i, weight in enumerate(weights)], axis=0) / 6
    return total / 0.69  # the spline averages its knots; this brings the variance back to one


def emotion_action_units(emotion: str, intensity: float = 1.0) -> np.ndarray:
    """The emotion's action units at their height times `intensity` 0…1: [A] float32. Unknown emotion: SettingsError."""
    if emotion not in _EMOTION_UNITS:
        raise SettingsError(f"the emotion '{emotion}' is not known; choose one of {', '.join(EMOTIONS)}")
    units = _EMOTION_UNITS[emotion]
    return np.array([units.get(name, 0.0) * intensity for name in ACTION_UNITS], np.float32)


_QUICK_UNITS, _QUICK = ("AU1", "AU2", "AU4", "AU5", "AU7"), 0.8
"""Units that go with syllables, and how far; the others go as far with phrases."""


def _standing_out(loudness: np.ndarray, frames: int) -> np.ndarray:
    """Loudness over so many frames, in the clip's own standard deviations from its own mean."""
    kernel = np.hanning(frames)
    smooth = np.convolve(np.pad(loudness, frames // 2, mode="edge"), kernel / kernel.sum(), mode="valid")
    return (smooth - smooth.mean()) / (smooth.std() + 1e-6)


def expression_course(
    rng: np.random.Generator, emotion: str, frames: int, loudness: np.ndarray | None = None, intensity: float = 1.0
) -> np.ndarray:
    """An expression that lives: [frames, A] float32 in 0…1.

    The emotion's units rise from a first level to their height. Where `loudness` [frames] is given they then go by what
    is said: the brows and what is quick with loud syllables, the rest more with whole phrases. Each also wanders on its
    own, but so much less that most of how an expression moves can be heard.
    """
    base = emotion_action_units(emotion)
    time = np.arange(frames) / FRAMES_PER_SECOND
    onset = np.clip((time - rng.uniform(0.0, 0.3)) / rng.uniform(0.3, 0.8), 0, 1)
    onset = onset * onset * (3 - 2 * onset)
    first = rng.uniform(0.45, 1.0)
    level = (first + (1 - first) * onset) * rng.uniform(0.78, 0.95)
    level = level * (1 + 0.05 * _smooth_noise(rng, frames, 0.9)[:, 0])
    syllables = phrases = np.zeros(frames)
    if loudness is not None and frames:
        loud = np.asarray(loudness, np.float64)[:frames]
        loud = np.pad(loud, (0, frames - len(loud)))
        syllables, phrases = _standing_out(loud, 9), _standing_out(loud, 31)
    # Only what stands out above the clip's own level is an accent; a steady loud voice is not.
    accent = np.clip(syllables, 0, 2) / 2
    quick = np.array([_QUICK if name in _QUICK_UNITS else 1 - _QUICK for name in ACTION_UNITS])
    said = np.clip(syllables, -2, 2)[:, None] * quick + np.clip(phrases, -2, 2)[:, None] * (1 - quick)
    own = 1 + 0.05 * _smooth_noise(rng, frames, 0.7, len(base)) + 0.15 * said
    course = base * own * level[:, None]
    # Even a neutral speaker flashes the brows on an accent and is never frozen.
    idle = np.zeros(len(base))
    idle[[ACTION_UNITS.index(name) for name in ("AU1", "AU2")]] = 0.13
    idle[[ACTION_UNITS.index(name) for name in ("AU4", "AU12")]] = 0.04
    wander = np.clip(_smooth_noise(rng, frames, 0.6, len(base)), 0, 2) * 0.12
    calm = 1.0 if emotion == "neutral" else 0.35
    course = course + calm * idle * (accent[:, None] * 0.7 + wander)
    return np.clip(course * intensity, 0, 1).astype(np.float32)
