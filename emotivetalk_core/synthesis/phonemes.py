"""Phoneme events, and classes that the IPA symbols of all languages share: labels for the ear, shapes for the mouth."""

import unicodedata
from dataclasses import dataclass

import numpy as np

SILENCE = "_"
"""The symbol of a pause."""


@dataclass(frozen=True)
class PhonemeEvent:
    """One IPA symbol as the speaker gave it ("p", "ts", "_" for a pause), from `start` to `end` in seconds."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Gesture:
    """A stretch of speech of one class. `stress` is 1 for a primary, 0.5 for a secondary stress, 0 otherwise."""

    name: str
    start: float
    end: float
    stress: float
    part: int
    """0 for the first gesture of a phoneme, 1 for the next: a diphthong has two."""


_PRIMARY_STRESS, _SECONDARY_STRESS = "\u02c8", "\u02cc"

# What cp1252 lacks stands here by its number in Unicode, most of it from the block "IPA Extensions" (0250 to 02af):
# tools on Windows read sources in that code page.
_SYMBOLS_OF_CLASS = {
    "silence": "_",
    "P": "pb\u0253",
    "M": "m\u0271",
    "F": "fv\u028b\u0278\u03b2",
    "TH": "\u03b8ð",
    "T": "td\u027e\u0288\u0256\u0257",
    "S": "sz\u0255\u0291",
    "SH": "\u0283\u0292\u0282\u0290",
    "K": "kg\u0261c\u025fqx\u0263\u03c7ç\u029d",
    "N": "n\u0272\u014b\u0273",
    "L": "l\u026b\u028e\u026d\u026c",
    "R": "\u0279r\u0281\u0280\u027d\u027b",
    "H": "h\u0266\u0294\u0127",
    "W": "w\u0265\u028d",
    "J": "j\u0270\u02b2",
    "AA": "a\u0251æ\u028c\u0250",
    "EH": "e\u025b",
    "AX": "\u0259\u025c\u025a\u025d\u0258\u0275",
    "IY": "i\u026a\u1d7b\u0268\u026f",
    "AO": "o\u0254\u0252\u0264",
    "UW": "u\u028a\u0289",
    "YY": "y\u028føœ",
}

PHONEME_CLASSES = tuple(_SYMBOLS_OF_CLASS)
"""Names of the classes, silence first. The index is the label."""

VOWELS = frozenset({"AA", "EH", "AX", "IY", "AO", "UW", "YY"})

_CLASS_OF_SYMBOL = {symbol: name for name, symbols in _SYMBOLS_OF_CLASS.items() for symbol in symbols}

_DIPHTHONG_ONSET = 0.6
"""Share of a diphthong that belongs to its first vowel."""


def classes_of(symbol: str) -> tuple[str, ...]:
    """The classes that one IPA symbol passes through: ("AA", "IY") for that of "my", ("SH",) for the first of "chin".
    Diacritics drop out.
    """
    names: list[str] = []
    for character in unicodedata.normalize("NFD", symbol):
        name = _CLASS_OF_SYMBOL.get(character)
        if name is None or (names and names[-1] == name):
            continue
        if names and names[-1] == "T" and name in ("S", "SH"):
            names[-1] = name  # an affricate looks like its fricative
        else:
            names.append(name)
    return tuple(names) or ("H",)


def gestures(phonemes: tuple[PhonemeEvent, ...]) -> list[Gesture]:
    """The phonemes cut into stretches of one class each, in order."""
    found: list[Gesture] = []
    for event in phonemes:
        names = classes_of(event.symbol)
        stress = 1.0 if _PRIMARY_STRESS in event.symbol else 0.5 if _SECONDARY_STRESS in event.symbol else 0.0
        shares = (_DIPHTHONG_ONSET, 1 - _DIPHTHONG_ONSET) if len(names) == 2 else (1 / len(names),) * len(names)
        start = event.start
        for part, (name, share) in enumerate(zip(names, shares, strict=True)):
            end = start + share * (event.end - event.start)
            found.append(Gesture(name, start, end, stress if name in VOWELS else 0.0, part))
            start = end
    return found


def phoneme_classes(phonemes: tuple[PhonemeEvent, ...], count: int, rate: float = 50.0) -> np.ndarray:
    """Labels int64 [count]: the class spoken in the middle of each step of 1/rate seconds; silence past the end."""
    labels = np.zeros(count, np.int64)
    times = (np.arange(count) + 0.5) / rate
    for gesture in gestures(phonemes):
        first, last = np.searchsorted(times, (gesture.start, gesture.end))
        labels[first:last] = PHONEME_CLASSES.index(gesture.name)
    return labels
