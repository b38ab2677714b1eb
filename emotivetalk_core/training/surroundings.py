"""A clean voice as it would have been recorded: rooms, microphones, noise, music, telephones, loudness.

Times stay: what is heard moves by less than a hundredth of a second, and nothing said moves at all.
"""

import numpy as np

from ..types import SAMPLE_RATE
from .music import music

USUAL_LEVEL = 0.08
"""Root mean square of a voice, as `speech.speak` delivers it: what noise is measured by where nobody speaks."""

_COLOURS = 10


def as_recorded(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Samples float32 [t] of -1…1 at 16 kHz, as long as before, and in other surroundings at each call.

    What is silent throughout gets noise or music at a level of its own, or, one time in five, stays silent.
    """
    sound = np.asarray(samples, np.float64)
    loud = np.abs(sound) > 1e-3
    spoken = bool(loud.any())
    level = float(np.sqrt(np.mean(sound[loud] ** 2))) if spoken else USUAL_LEVEL
    if not spoken and rng.uniform() < 0.2:
        return np.zeros(len(sound), np.float32)
    if spoken and rng.uniform() < 0.25:
        sound = _levelled(rng, sound, level)
    if rng.uniform() < 0.6:
        sound = _coloured(rng, sound, 4.0)
    if rng.uniform() < 0.4:
        sound = _in_room(rng, sound)
    with_music = rng.uniform() < (0.25 if spoken else 0.6)
    if with_music:
        below = rng.uniform(4, 26) if spoken else rng.uniform(-6, 20)
        sound = sound + level * 10 ** (-below / 20) * _faded(rng, music(rng, len(sound)))
    if rng.uniform() < 0.65 or not (spoken or with_music):
        below = rng.uniform(6, 45) if spoken else rng.uniform(-3, 40)
        sound = sound + level * 10 ** (-below / 20) * _noise(rng, len(sound))
    line = rng.uniform()
    if line < 0.12:
        sound = _telephone(rng, sound)
    elif line < 0.35:
        sound = _band(sound, 0.0, rng.uniform(3600, 7500))
    elif line < 0.5:
        sound = _band(sound, rng.uniform(60, 250), SAMPLE_RATE / 2)
    if rng.uniform() < 0.1:
        drive = rng.uniform(1, 4) / (np.abs(sound).max() + 1e-9)
        sound = np.tanh(drive * sound) / drive
    sound = sound * 10 ** (rng.uniform(-14, 8) / 20)
    return np.clip(sound, -1, 1).astype(np.float32)


def _levelled(rng: np.random.Generator, sound: np.ndarray, level: float) -> np.ndarray:
    """As broadcasters do it: soft syllables are raised and loud ones lowered."""
    from scipy.ndimage import uniform_filter1d

    energy = np.sqrt(uniform_filter1d(sound**2, int(0.08 * SAMPLE_RATE)) + (0.03 * level) ** 2)
    return sound * (level / energy) ** rng.uniform(0.2, 0.6)


def _coloured(rng: np.random.Generator, sound: np.ndarray, decibels: float) -> np.ndarray:
    """A microphone's own loudness of low and high tones, in bands that lie ever wider."""
    spectrum = np.fft.rfft(sound)
    places = np.linspace(0, 1, _COLOURS) ** 2 * (len(spectrum) - 1)
    gains = np.interp(np.arange(len(spectrum)), places, decibels * rng.standard_normal(_COLOURS))
    return np.fft.irfft(spectrum * 10 ** (gains / 20), len(sound))


def _in_room(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """A room's echoes: a few early ones, then ever weaker noise, dull where the room is soft."""
    from scipy.signal import fftconvolve, lfilter

    dying = rng.uniform(0.1, 0.7)  # seconds until the echoes are 60 dB down
    count = int(dying * SAMPLE_RATE)
    seconds = np.arange(count) / SAMPLE_RATE
    tail = rng.standard_normal(count) * 10 ** (-3 * seconds / dying)
    tail[: int(0.003 * SAMPLE_RATE)] = 0
    dull = rng.uniform(0, 0.7)
    tail = np.asarray(lfilter([1 - dull], [1, -dull], tail))
    tail *= 10 ** (-rng.uniform(2, 18) / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    for at in rng.integers(int(0.002 * SAMPLE_RATE), max(int(0.03 * SAMPLE_RATE), 34), 4):
        if at < count:
            tail[at] += rng.uniform(-0.3, 0.3)
    return sound + np.asarray(fftconvolve(sound, tail))[: len(sound)]


def _noise(rng: np.random.Generator, length: int) -> np.ndarray:
    """Hiss, hum, wind or a street: root mean square 1, steady or swelling."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    slope = rng.uniform(-1.6, 0.3)
    sound = np.fft.irfft(spectrum * np.maximum(hertz, 40.0) ** slope, length)
    if rng.uniform() < 0.15:
        hum = rng.choice([50.0, 60.0]) * np.arange(1, 6)
        seconds = np.arange(length) / SAMPLE_RATE
        strengths = rng.uniform(0, 1, 5) * np.std(sound)
        sound = sound + np.sin(2 * np.pi * hum[:, None] * seconds).T @ strengths
    return _faded(rng, sound / (np.std(sound) + 1e-9))


def _faded(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """Half of the time as it is; else it swells and fades, by up to 12 dB."""
    if rng.uniform() < 0.5:
        return sound
    points = np.linspace(0, len(sound), 6)
    return sound * 10 ** (np.interp(np.arange(len(sound)), points, rng.uniform(-12, 0, 6)) / 20)


def _telephone(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz, and a line's 8 bits (mu-law)."""
    sound = _band(sound, rng.uniform(200, 350), rng.uniform(3000, 3500))
    peak = np.abs(sound).max() + 1e-9
    squeezed = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256)
    steps = np.round(squeezed * 127) / 127
    return np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255 * peak


def _band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies, with edges a tenth wide."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    passed = np.clip((1.05 * high - hertz) / (0.1 * high), 0, 1)
    if low:
        passed = passed * np.clip((hertz - 0.95 * low) / (0.1 * low), 0, 1)
    return np.fft.irfft(spectrum * passed, len(sound))
