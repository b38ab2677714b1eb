"""How an emotion sounds: shifts of rate, pitch, melody, level and colour, applied around espeak-ng's neutral delivery.

The directions follow the common findings on vocal expression (K. R. Scherer, Vocal communication of emotion, 2003); the
sizes are ours, large enough that any two of the eight differ in rate, pitch or level on every voice.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError
from ..types import EMOTIONS


@dataclass(frozen=True)
class EmotiveProsody:
    """Shifts at full intensity.

    rate, pitch_range: factors · pitch: added to espeak's 0…99 · level: decibels · drive: 0…1, hardness of the voice ·
    brightness: -1 dull … 1 sharp · tremor: 0…1 · word_gap: seconds between words.
    """

    rate: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    level: float = 0.0
    drive: float = 0.0
    brightness: float = 0.0
    tremor: float = 0.0
    word_gap: float = 0.0


EMOTIVE_PROSODY = {
    "happy": EmotiveProsody(rate=1.10, pitch=14, pitch_range=1.6, level=1.5, brightness=0.35),
    "angry": EmotiveProsody(rate=1.15, pitch=4, pitch_range=1.5, level=4.0, drive=0.8, brightness=0.6),
    "sad": EmotiveProsody(rate=0.78, pitch=-13, pitch_range=0.45, level=-4.0, brightness=-0.7, word_gap=0.02),
    "surprised": EmotiveProsody(rate=1.05, pitch=22, pitch_range=2.0, level=1.5, brightness=0.2),
    "fear": EmotiveProsody(rate=1.22, pitch=20, pitch_range=0.8, level=-1.0, tremor=1.0, brightness=0.1),
    "disgusted": EmotiveProsody(rate=0.86, pitch=-9, pitch_range=1.1, level=0.5, drive=0.35, brightness=-0.2),
    "worried": EmotiveProsody(rate=0.90, pitch=6, pitch_range=0.75, level=-2.0, tremor=0.45, word_gap=0.04),
    "neutral": EmotiveProsody(),
}


def emotive_prosody(emotion: str | None, intensity: float = 1.0) -> EmotiveProsody:
    """The shifts of `emotion` scaled by `intensity` 0…1; no emotion is neutral."""
    if emotion is None:
        return EmotiveProsody()
    if emotion not in EMOTIVE_PROSODY:
        raise SettingsError(f"The emotion {emotion!r} is not known; choose one of {', '.join(EMOTIONS)}.")
    full = EMOTIVE_PROSODY[emotion]
    return EmotiveProsody(
        rate=full.rate**intensity,
        pitch=full.pitch * intensity,
        pitch_range=full.pitch_range**intensity,
        level=full.level * intensity,
        drive=full.drive * intensity,
        brightness=full.brightness * intensity,
        tremor=full.tremor * intensity,
        word_gap=full.word_gap * intensity,
    )


def colour_voice(samples: np.ndarray, rate: int, prosody: EmotiveProsody) -> np.ndarray:
    """Tremor, brightness and drive on float samples [t] of -1…1; the level is the caller's. Silence stays silent."""
    if not samples.any():
        return samples
    if prosody.tremor > 0:
        samples = _tremble(samples, rate, prosody.tremor)
    if prosody.brightness:
        # The first difference lifts the highs, the running mean of two the lows: a tilt without ringing or delay.
        shifted = np.concatenate([samples[:1], samples[:-1]])
        sharp, dull = samples - 0.7 * shifted, 0.5 * (samples + shifted)
        amount = abs(prosody.brightness)
        tilted = 1.5 * sharp if prosody.brightness > 0 else _smooth(dull, rate)
        samples = (1 - amount) * samples + amount * tilted
    if prosody.drive > 0:
        gain = 1 + 3 * prosody.drive
        peak = np.abs(samples).max()
        samples = np.tanh(gain * samples / peak) * (peak / np.tanh(gain))
    return samples


def _tremble(samples: np.ndarray, rate: int, amount: float) -> np.ndarray:
    """Six wobbles a second of pitch (by at most 0.6 ms of delay, far below a video frame) and of loudness."""
    seconds = np.arange(len(samples)) / rate
    phase = 2 * np.pi * 6.2 * seconds + 0.8 * np.sin(2 * np.pi * 0.9 * seconds)
    delayed = np.interp(seconds + 0.0006 * amount * np.sin(phase), seconds, samples)
    return delayed * (1 - 0.16 * amount * (1 + np.sin(phase)))


def _smooth(samples: np.ndarray, rate: int) -> np.ndarray:
    """A gentle low-pass at about 1.2 kHz, forwards only."""
    from scipy.signal import lfilter

    pole = np.exp(-2 * np.pi * 1200 / rate)
    return np.asarray(lfilter([1 - pole], [1, -pole], samples))
