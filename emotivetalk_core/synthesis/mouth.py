"""From timed phonemes to the mouth's movement: a target for each class, blended with its neighbours, closed on m, b, p.

Co-articulation follows the idea of M. M. Cohen and D. W. Massaro, Modeling coarticulation in synthetic visual speech
(1993): every gesture pulls each channel towards its own target with a dominance that decays exponentially around it.
"""

from dataclasses import dataclass

import numpy as np

from ..types import FRAMES_PER_SECOND, SAMPLE_RATE
from .phonemes import VOWELS, Gesture, PhonemeEvent, gestures

MOUTH_CHANNELS = ("opening", "width", "rounding", "upper teeth", "tongue")
"""Opening, rounding, teeth and tongue are 0…1; width is -1 narrow … 1 wide."""


@dataclass(frozen=True)
class Viseme:
    """Where a class wants the mouth, and how firmly: `strength` weighs its opening against those of its neighbours.

    The closure of P and M is not a target but a hold (`_closures`); their opening only shades the vowels beside them.
    """

    opening: float
    width: float
    rounding: float
    teeth: float
    tongue: float
    strength: float
    shape_strength: float
    """The same for width, rounding, teeth and tongue: a k leaves the lips to its vowels, a w does not."""


VISEMES = {
    "silence": Viseme(0.00, 0.00, 0.00, 0.0, 0.0, 0.6, 0.3),
    "P": Viseme(0.10, -0.05, 0.00, 0.0, 0.0, 0.5, 0.6),
    "M": Viseme(0.10, 0.00, 0.00, 0.0, 0.0, 0.5, 0.6),
    "F": Viseme(0.06, 0.10, 0.00, 1.0, 0.0, 4.0, 2.4),
    "TH": Viseme(0.22, 0.10, 0.00, 0.6, 1.0, 1.3, 1.6),
    "T": Viseme(0.20, 0.15, 0.00, 0.6, 0.5, 0.9, 0.6),
    "S": Viseme(0.09, 0.40, 0.00, 1.0, 0.1, 2.0, 1.2),
    "SH": Viseme(0.16, -0.45, 0.60, 0.8, 0.0, 1.5, 1.6),
    "K": Viseme(0.28, 0.05, 0.00, 0.4, 0.0, 0.7, 0.3),
    "N": Viseme(0.20, 0.10, 0.00, 0.5, 0.6, 0.9, 0.5),
    "L": Viseme(0.32, 0.10, 0.00, 0.4, 0.9, 0.9, 0.9),
    "R": Viseme(0.24, -0.35, 0.50, 0.3, 0.2, 1.0, 1.0),
    "H": Viseme(0.35, 0.00, 0.00, 0.3, 0.0, 0.3, 0.1),
    "W": Viseme(0.10, -0.90, 1.00, 0.0, 0.0, 1.7, 2.0),
    "J": Viseme(0.18, 0.60, 0.00, 0.6, 0.2, 1.1, 0.9),
    "AA": Viseme(1.00, 0.15, 0.00, 0.4, 0.0, 1.3, 1.0),
    "EH": Viseme(0.68, 0.55, 0.00, 0.6, 0.1, 1.1, 1.0),
    "AX": Viseme(0.47, 0.05, 0.05, 0.4, 0.0, 0.8, 0.5),
    "IY": Viseme(0.32, 0.90, 0.00, 0.8, 0.2, 1.2, 1.1),
    "AO": Viseme(0.72, -0.50, 0.70, 0.1, 0.0, 1.2, 1.3),
    "UW": Viseme(0.22, -0.85, 1.00, 0.0, 0.0, 1.3, 1.6),
    "YY": Viseme(0.30, -0.60, 0.90, 0.2, 0.2, 1.2, 1.5),
}

_LIP_CLOSERS = ("P", "M")
_RISE, _FALL = 0.045, 0.055
"""Time constants in seconds of a gesture's pull before it starts and after it ends."""

_SHORTEST_HOLD = 1 / FRAMES_PER_SECOND
"""Lips rest together at least one frame long, so that every closure is seen in at least one frame."""

_STOP_HOLD = 0.6
"""Share of a stop's span that its lips stay together; the rest is the release."""

_REAL_PAUSE = 0.12
_PAUSE_MARGIN = 0.04
"""Lips close this many seconds into a pause and stay so until this long before speech, time enough to move smoothly."""

_RAMP = 0.06
"""Seconds in which a closing or parting of the lips takes full effect, most of it in the half next to the touch."""

_MURMUR_RELEASE = 0.015
"""Lips part this long before the end of an m, while it still sounds."""

_STRESS_SCALE = {1.0: 1.0, 0.5: 0.9, 0.0: 0.84}
_GAIN = 1.22


def mouth_track(phonemes: tuple[PhonemeEvent, ...], frames: int, loudness: np.ndarray | None = None) -> np.ndarray:
    """The mouth at the middle of each frame, (i + 0.5)/25 s: float32 [frames, 5] in the order of MOUTH_CHANNELS.

    `loudness` [frames] 0…1 (see `frame_loudness`) lets loud vowels open wider than soft ones. The opening is exactly 0
    wherever the lips close: through the hold of p, b and m and in every pause longer than 0.12 s.
    """
    times = (np.arange(frames) + 0.5) / FRAMES_PER_SECOND
    track = np.zeros((frames, len(MOUTH_CHANNELS)), np.float32)
    found = gestures(phonemes)
    if not found or not frames:
        return track
    starts = np.array([gesture.start for gesture in found])
    ends = np.array([gesture.end for gesture in found])
    targets = np.array([_target(gesture) for gesture in found])  # [g, 5]
    strengths = np.array([_strengths(gesture) for gesture in found])  # [g, 5]
    for frame, time in enumerate(times):
        # Beyond 0.4 s the pull has decayed to nothing: a window of gestures keeps long speech linear in its length.
        first, last = np.searchsorted(ends, time - 0.4), np.searchsorted(starts, time + 0.4)
        if first >= last:
            continue
        distance = np.where(
            time < starts[first:last],
            (starts[first:last] - time) / _RISE,
            np.maximum(time - ends[first:last], 0) / _FALL,
        )
        pull = strengths[first:last] * np.exp(-distance)[:, None]  # [g, 5]
        track[frame] = (pull * targets[first:last]).sum(0) / np.maximum(pull.sum(0), 1e-9)
    if loudness is not None:
        track[:, 0] *= 0.85 + 0.3 * np.clip(loudness[:frames], 0, 1)
    track[:, 0] = np.clip(_GAIN * track[:, 0], 0, 1) * _parting(_closures(found), times)
    return track


def frame_loudness(samples: np.ndarray, frames: int) -> np.ndarray:
    """How loud the 60 ms around each frame's middle are, float32 [frames]: 0 silent, 0.6 a usual vowel, 1 a shout."""
    step = SAMPLE_RATE // FRAMES_PER_SECOND
    half = int(0.03 * SAMPLE_RATE)
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centres = np.arange(frames) * step + step // 2
    low, high = np.clip(centres - half, 0, len(samples)), np.clip(centres + half, 0, len(samples))
    level = np.sqrt(np.maximum(energy[high] - energy[low], 0) / (2 * half))
    return np.clip(1 + np.log10(level / 0.3 + 1e-6) / 1.2, 0, 1).astype(np.float32)


def _target(gesture: Gesture) -> tuple[float, ...]:
    viseme = VISEMES[gesture.name]
    opening = viseme.opening
    if gesture.name in VOWELS:
        # A hurried vowel falls short of its target (undershoot), a long one reaches it.
        length = 0.75 + 0.25 * min(1.0, (gesture.end - gesture.start) / 0.12)
        opening *= _STRESS_SCALE[gesture.stress] * length
    return opening, viseme.width, viseme.rounding, viseme.teeth, viseme.tongue


def _strengths(gesture: Gesture) -> tuple[float, ...]:
    viseme = VISEMES[gesture.name]
    return viseme.strength, *(viseme.shape_strength,) * 4


def _closures(found: list[Gesture]) -> list[tuple[float, float]]:
    """Spans [start, end] in seconds in which the lips touch."""
    spans: list[tuple[float, float]] = []
    for index, gesture in enumerate(found):
        length = gesture.end - gesture.start
        if gesture.name == "P":
            parted = gesture.start + max(_STOP_HOLD * length, min(length, _SHORTEST_HOLD))
            spans.append((min(gesture.start, parted - _SHORTEST_HOLD), parted))
        elif gesture.name == "M":
            parted = max(gesture.end - _MURMUR_RELEASE, gesture.start + min(length, _SHORTEST_HOLD))
            spans.append((min(gesture.start, parted - _SHORTEST_HOLD), parted))
        elif gesture.name == "silence" and length >= _REAL_PAUSE:
            before = found[index - 1].name if index else "silence"
            after = found[index + 1].name if index + 1 < len(found) else "silence"
            # Lips that close a word or open the next with p, b or m stay together across the pause.
            start = gesture.start if before == "silence" else gesture.start + _PAUSE_MARGIN
            start = found[index - 1].start if before in _LIP_CLOSERS else start
            end = gesture.end if after in _LIP_CLOSERS else gesture.end - _PAUSE_MARGIN
            end = gesture.end + 1 if after == "silence" else end
            spans.append((start, end))
    return spans


def _parting(closures: list[tuple[float, float]], times: np.ndarray) -> np.ndarray:
    """0 in every closure, 1 from _RAMP seconds away of all of them, a quarter of a sine between: [frames]."""
    if not closures:
        return np.ones(len(times))
    bounds = np.array(sorted(closures))
    distance = np.full(len(times), np.inf)
    for start, end in bounds:
        first, last = np.searchsorted(times, (start - _RAMP, end + _RAMP + 1e-9))
        near = times[first:last]
        distance[first:last] = np.minimum(distance[first:last], np.maximum(np.maximum(start - near, near - end), 0))
    return np.sin(np.pi / 2 * np.clip(distance / _RAMP, 0, 1))
