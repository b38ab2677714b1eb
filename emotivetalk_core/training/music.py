"""Made-up music, for what sounds under a voice or alone: chords, a bass, a tune and drums, all drawn from a generator.

Not meant to please. It has what music has that speech does not: notes that stand on a scale, beats, and drums.
"""

import numpy as np

from ..types import SAMPLE_RATE

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 6, 7, 10))
_LOWEST_NOTE = 110.0
"""Hz of the note that everything is counted from, in half tones."""


def music(rng: np.random.Generator, length: int) -> np.ndarray:
    """Samples float32 [length] at 16 kHz with a root mean square of 1, of instruments that differ from call to call."""
    beat = SAMPLE_RATE * 60 / rng.uniform(65, 160)
    scale = np.array(_SCALES[rng.integers(len(_SCALES))])
    key = int(rng.integers(-5, 7))
    sound = np.zeros(length)
    parts = rng.uniform(size=4) < (0.75, 0.6, 0.7, 0.6)  # chords, bass, tune, drums
    if not parts.any():
        parts[rng.integers(4)] = True
    pad, bass, lead = (_Instrument(rng) for _ in range(3))
    start = -rng.uniform(0, 4) * beat
    while start < length:
        root = int(rng.integers(len(scale)))
        if parts[0]:
            for third in range(3):
                _add(sound, start, pad.note(rng, _pitch(scale, root + 2 * third, key + 12), 4 * beat), 0.5)
        for step in range(8):
            at = start + step * beat / 2
            if parts[1] and step % 2 == 0:
                _add(sound, at, bass.note(rng, _pitch(scale, root, key), beat), 0.8)
            if parts[2] and rng.uniform() < 0.6:
                held = rng.choice([0.5, 0.5, 1.0, 1.5]) * beat
                _add(sound, at, lead.note(rng, _pitch(scale, int(rng.integers(14)), key + 12), held), 0.7)
            if parts[3]:
                _add(sound, at, _drum(rng, step), 1.0)
        start += 4 * beat
    return (sound / (np.sqrt(np.mean(sound**2)) + 1e-9)).astype(np.float32)


def _pitch(scale: np.ndarray, degree: int, key: int) -> float:
    octave, place = divmod(degree, len(scale))
    return _LOWEST_NOTE * 2 ** ((scale[place] + 12 * octave + key) / 12)


class _Instrument:
    """How strong its overtones are, how it starts and dies away, and how it trembles."""

    def __init__(self, rng: np.random.Generator) -> None:
        overtones = np.arange(1, 13)
        self._strengths = rng.uniform(0.1, 1, 12) * overtones ** -rng.uniform(0.4, 2.2)
        if rng.uniform() < 0.25:
            self._strengths[1::2] = 0  # as a clarinet's
        self._attack, self._decay = rng.uniform(0.004, 0.12), rng.choice([0.15, 0.4, 1.2, 6.0])
        self._tremble, self._rate = rng.choice([0.0, 0.004, 0.008]), rng.uniform(4, 7)

    def note(self, rng: np.random.Generator, pitch: float, length: float) -> np.ndarray:
        seconds = np.arange(int(length * 1.1)) / SAMPLE_RATE
        swing = 1 + self._tremble * np.sin(2 * np.pi * self._rate * seconds)
        phase = 2 * np.pi * pitch * np.cumsum(swing) / SAMPLE_RATE + rng.uniform(0, 6)
        count = min(12, max(1, int(7500 / pitch)))
        # overtones by one recurrence instead of a sine each: sin (n + 1)x = 2 cos x sin nx - sin (n - 1)x
        before, now, double = np.zeros_like(phase), np.sin(phase), 2 * np.cos(phase)
        wave = self._strengths[0] * now
        for strength in self._strengths[1:count]:
            before, now = now, double * now - before
            wave = wave + strength * now
        left = np.maximum(length / SAMPLE_RATE - seconds, 0)
        shape = np.minimum(1, seconds / self._attack) * np.exp(-seconds / self._decay) * np.minimum(1, left / 0.03)
        return wave * shape


def _drum(rng: np.random.Generator, step: int) -> np.ndarray:
    """A kick on the first and third beat, a snare on the others, a hat between."""
    seconds = np.arange(int(0.18 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng.standard_normal(len(seconds))
    if step % 2:
        return 0.5 * np.diff(noise, prepend=0) * np.exp(-seconds / 0.02)
    if step % 4 == 0:
        return 2.5 * np.sin(2 * np.pi * 9 * (1 - np.exp(-seconds / 0.02)) + 300 * seconds) * np.exp(-seconds / 0.06)
    return 0.8 * noise * np.exp(-seconds / 0.05)


def _add(sound: np.ndarray, at: float, note: np.ndarray, strength: float) -> None:
    first = round(at)
    begin, end = max(0, first), min(len(sound), first + len(note))
    if begin < end:
        sound[begin:end] += strength * note[begin - first : end - first]
