"""Spoken sentences with the time of every phoneme: a voice, an emotion's prosody, 16 kHz."""

from dataclasses import dataclass, replace
from functools import cache
from math import gcd

import numpy as np

from ..types import SAMPLE_RATE
from .espeak import Espeak, RawUtterance, Speaker
from .phonemes import SILENCE, PhonemeEvent, classes_of
from .prosody import colour_voice, emotive_prosody

_LANGUAGE_FILE = {"en-gb": "en", "fr-fr": "fr"}
"""espeak-ng finds voices by file name, which differs from the language tag for these two."""

_LEVEL = 0.08
"""Root mean square of neutral speech, pauses left out: about -22 dB, with room for the peaks."""

_STOPS = ("P", "T", "K", "SH")
_LONGEST_CLOSURE = 0.09
"""Seconds of silence before a burst that count as the stop's closure; more than that is a pause."""

_SHORTEST_GAP = 0.02

_RATE_STEP = 50
"""Hz: rates that share so large a divisor with SAMPLE_RATE are resampled by short filters."""


@dataclass(frozen=True)
class SpokenSentence:
    """`samples` float32 [t] mono at 16 kHz, -1…1; `phonemes` cover all of it, pauses included, without gaps."""

    samples: np.ndarray
    phonemes: tuple[PhonemeEvent, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@cache
def _espeak() -> Espeak:
    return Espeak()


def speak(
    text: str,
    voice: str,
    language: str = "en-us",
    rate: int = 170,
    pitch: int = 50,
    pitch_range: int = 50,
    emotion: str | None = None,
    intensity: float = 1.0,
    seed: int = 1,
    speaker: Speaker | None = None,
    throat: float = 1.0,
) -> SpokenSentence:
    """Say `text` in `language` with one of espeak-ng's voice variants ("m3", "f2", "" for the plain voice), or with a
    voice that `speaker` has.

    rate: words a minute (80…400); pitch and pitch_range: 0…99; `intensity` 0…1 scales the emotion's prosody · throat:
    how many times shorter the speaker's is made: what is said as much slower is played as much faster, which moves
    pitch and formants alike. The same arguments give the same samples. Raises SettingsError for an unknown language,
    variant or emotion.
    """
    prosody = emotive_prosody(emotion, intensity)
    raw = (speaker or _espeak()).say(
        text,
        _LANGUAGE_FILE.get(language, language) + (f"+{voice}" if voice else ""),
        rate=int(np.clip(rate * prosody.rate / throat, 80, 400)),
        pitch=int(np.clip(pitch + prosody.pitch, 0, 99)),
        pitch_range=int(np.clip(pitch_range * prosody.pitch_range, 0, 99)),
        word_gap=round(prosody.word_gap * 100),
        seed=seed,
    )
    if throat != 1:
        raw = replace(raw, rate=round(raw.rate * throat / _RATE_STEP) * _RATE_STEP)
    phonemes = _timed_phonemes(raw)
    samples = colour_voice(raw.samples.astype(np.float32) / 32768, raw.rate, prosody)
    samples = _resample(samples, raw.rate)
    voiced = np.abs(samples) > 1e-3
    if voiced.any():
        samples = samples * (_LEVEL * 10 ** (prosody.level / 20) / np.sqrt(np.mean(samples[voiced] ** 2)))
        # A soft ceiling: loud anger may touch it, nothing clips.
        over = np.maximum(np.abs(samples) - 0.7, 0)
        samples = np.sign(samples) * (np.minimum(np.abs(samples), 0.7) + 0.25 * np.tanh(over / 0.25))
    return SpokenSentence(samples.astype(np.float32), phonemes)


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    divisor = gcd(rate, SAMPLE_RATE)
    return resample_poly(samples, SAMPLE_RATE // divisor, rate // divisor) if len(samples) else samples


def _timed_phonemes(raw: RawUtterance) -> tuple[PhonemeEvent, ...]:
    """Events of the speaker with two corrections of espeak-ng's, read from the waveform's exact silences.

    espeak-ng marks a voiceless stop at its burst and leaves the closure before it to the previous phoneme, and it gives
    pauses between words to the word before. The closure is returned to its stop, the pause becomes silence. Voices with
    an echo, and recorded ones, have no exact silences; they keep their program's times, which count a closure to its
    stop in the recorded ones.
    """
    total = len(raw.samples) / raw.rate
    marks = [(symbol or SILENCE, sample / raw.rate) for symbol, sample in raw.marks if not symbol.startswith("(")]
    spans: list[tuple[str, float, float]] = []
    for index, (symbol, start) in enumerate(marks):
        end = marks[index + 1][1] if index + 1 < len(marks) else total
        spans.append((symbol, min(start, total), min(end, total)))
    if spans and spans[0][1] > 0:
        spans.insert(0, (SILENCE, 0.0, spans[0][1]))
    quiet = _exact_silences(raw)
    fixed: list[tuple[str, float, float]] = []
    for index, (symbol, start, end) in enumerate(spans):
        following = spans[index + 1][0] if index + 1 < len(spans) else SILENCE
        # The silent tail of this span, if it has one that reaches its end.
        tail = next((max(a, start) for a, b in quiet if a < end <= b + 0.008 and b > start), end)
        if end - tail < _SHORTEST_GAP or symbol == SILENCE and classes_of(following)[0] not in _STOPS:
            fixed.append((symbol, start, end))
            continue
        closure = max(tail, end - _LONGEST_CLOSURE) if classes_of(following)[0] in _STOPS else end
        if end - tail > _LONGEST_CLOSURE:
            closure = max(closure, end - 0.05)
        if symbol == SILENCE:
            tail = start
        fixed.append((symbol, start, tail))
        fixed.append((SILENCE, tail, closure))
        fixed.append((following, closure, end))
    return _merged(fixed, total)


def _exact_silences(raw: RawUtterance) -> list[tuple[float, float]]:
    quiet = np.abs(raw.samples.astype(np.int32)) <= 2
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    spans = edges.reshape(-1, 2) / raw.rate
    return [(a, b) for a, b in spans.tolist() if b - a >= _SHORTEST_GAP]


def _merged(spans: list[tuple[str, float, float]], total: float) -> tuple[PhonemeEvent, ...]:
    """Drop empty spans, join neighbouring pauses, and join a closure with the stop that it belongs to."""
    events: list[PhonemeEvent] = []
    closure_open = False
    for index, (symbol, start, end) in enumerate(spans):
        if end <= start:
            continue
        same_pause = events and symbol == SILENCE == events[-1].symbol
        if events and (same_pause or closure_open and events[-1].symbol == symbol):
            events[-1] = PhonemeEvent(symbol, events[-1].start, end)
            closure_open = False
            continue
        events.append(PhonemeEvent(symbol, start, end))
        # A closure span carries its stop's symbol and is followed by that very stop.
        closure_open = index + 1 < len(spans) and spans[index + 1][0] == symbol and spans[index + 1][1] == end
    return tuple(events) or ((PhonemeEvent(SILENCE, 0.0, total),) if total > 0 else ())
