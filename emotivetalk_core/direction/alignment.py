"""When each word of a plain transcript is spoken: words are laid over the voiced stretches of the speech. [ours]

Knows no recogniser of words and needs no weights.
"""

import re
import unicodedata

import numpy as np

from ..types import SAMPLE_RATE, Speech

HOP = 0.01
"""Seconds between two measurements of the loudness."""

_RANGE = 45.0  # dB below the loud parts: what is quieter than that is silence however clean the recording
_ABOVE_FLOOR = 0.15  # of the way from the noise up to the loud parts, in dB
_SHORTEST_PAUSE = 0.14  # seconds; a stop's closure is shorter
_SHORTEST_VOICE = 0.05
_REACH = 30.0
"""Seconds by which the text may run ahead of the voice or behind it."""
_UNMARKED, _RUN_OVER = 1.2, 5.0
"""What a pause without punctuation costs, and a full stop without a pause."""
_PAUSES = ".!?…:;,\n"
_FULL_STOPS = ".!?…\n"
_VOWELS = re.compile(
    r"[aeiouyæøœ"
    r"\u03b1\u03b5\u03b7\u03b9\u03bf\u03c5\u03c9]+"  # Greek
    r"|[\u0430\u0435\u0451\u0438\u043e\u0443\u044b\u044d\u044e\u044f]"  # Cyrillic
)


def align(words: list[str], pauses: list[str], speech: Speech) -> list[tuple[float, float]]:
    """Start and end in seconds of each word, in order.

    pauses: what stands behind each word in the transcript, punctuation and line ends. Words are spread over the voiced
    stretches by their length in syllables and letters, so that a pause falls between two words, rather behind
    punctuation than elsewhere, and every stretch gets about as much text as it is long.
    """
    stretches = voiced_stretches(speech)
    expected = np.array([expected_seconds(word, after) for word, after in zip(words, pauses, strict=True)])
    expected *= sum(end - start for start, end in stretches) / expected.sum()
    borders = _borders(expected, pauses, np.array([end - start for start, end in stretches]))
    times: list[tuple[float, float]] = []
    for (start, end), first, last in zip(stretches, borders, borders[1:]):
        inside = expected[first:last]
        if len(inside):
            edges = start + (end - start) * np.concatenate([[0.0], np.cumsum(inside)]) / inside.sum()
            times += list(zip(edges[:-1].tolist(), edges[1:].tolist()))
    return times


def expected_seconds(word: str, after: str = "") -> float:
    """How long a word takes at a common pace, by its vowel groups, letters and digits; longer before a pause.

    Fitted to the synthetic voices of the training split, in five languages.
    """
    plain = unicodedata.normalize("NFKD", word.lower())
    letters = sum(character.isalnum() for character in plain)
    digits = sum(character.isdigit() for character in plain)  # each is a word
    return 0.04 + 0.03 * len(_VOWELS.findall(plain)) + 0.03 * letters + 0.25 * digits + 0.09 * _holds(after, _PAUSES)


def voiced_stretches(speech: Speech) -> list[tuple[float, float]]:
    """Where somebody speaks, in seconds; the whole where it is nowhere louder than elsewhere."""
    samples = speech.samples.float().cpu().numpy()
    step = int(HOP * SAMPLE_RATE)
    padded = np.pad(samples, (0, max(step, -len(samples) % step)))
    power = np.square(padded[: len(padded) // step * step].reshape(-1, step)).mean(1)
    power = np.convolve(power, np.full(3, 1 / 3), mode="same")
    level = 10 * np.log10(power + 1e-12)
    loud = float(np.percentile(level, 95))
    floor = max(float(np.percentile(level, 5)), loud - _RANGE)
    voiced = level > floor + _ABOVE_FLOOR * (loud - floor)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(np.int8), [0]]))).reshape(-1, 2) * HOP
    joined: list[list[float]] = []
    for start, end in edges.tolist():
        if joined and start - joined[-1][1] < _SHORTEST_PAUSE:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    found = [(start, min(end, speech.seconds)) for start, end in joined if end - start >= _SHORTEST_VOICE]
    return found or [(0.0, max(speech.seconds, HOP))]


def _holds(after: str, marks: str) -> bool:
    return any(mark in marks for mark in after)


def _borders(expected: np.ndarray, pauses: list[str], lengths: np.ndarray) -> list[int]:
    """How many words stand before each stretch, and all of them at the end: the cheapest way to deal them out, where a
    stretch costs as its text is too long or too short for it, a pause that the text does not have costs, and a full
    stop that nothing pauses at.
    """
    count = len(expected)
    spoken = np.concatenate([[0.0], np.cumsum(expected)])
    unmarked = np.array([0.0, *(_UNMARKED * (not _holds(after, _PAUSES)) for after in pauses)])
    unmarked[count] = 0.0
    stops = np.cumsum([0.0, *(_RUN_OVER * _holds(after, _FULL_STOPS) for after in pauses)])

    before, lowest = np.array([0.0]), 0  # the cost of every border in lowest…, so far
    choices: list[tuple[int, np.ndarray]] = []
    for passed, length in zip(np.cumsum(lengths), lengths):
        near = np.flatnonzero(np.abs(spoken - passed) <= _REACH)
        nearest = int(np.abs(spoken - passed).argmin())  # so that there always is a way
        low, high = min([nearest, *near[:1]]), max([nearest, *near[-1:]])
        low = max(low, lowest)
        cost, chosen = np.zeros(high - low + 1), np.zeros(high - low + 1, int)
        tolerance = 0.02 + 0.06 * length
        for last in range(low, high + 1):
            first = np.arange(lowest, min(last, lowest + len(before) - 1) + 1)
            misfit = (spoken[last] - spoken[first] - length) ** 2 / tolerance
            run_over = np.where(first < last, stops[max(last - 1, 0)] - stops[first], 0.0)
            total = before[first - lowest] + misfit + run_over
            best = int(total.argmin())
            cost[last - low], chosen[last - low] = total[best] + unmarked[last], first[best]
        before, lowest = cost, low
        choices.append((low, chosen))
    borders = [count]
    for low, chosen in reversed(choices):
        borders.append(int(chosen[borders[-1] - low]))
    return borders[::-1]
