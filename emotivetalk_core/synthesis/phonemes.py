"""Phoneme events, and classes that the IPA symbols of all languages share: labels for the ear, shapes for the mouth."""

import unicodedata
from dataclasses import dataclass

import numpy as np

SILENCE = "_"
"""The symbol of a pause."""


@dataclass(frozen=True)
class PhonemeEvent:
    """One IPA symbol as espeak-ng wrote it ("ˈeɪ", "p", "_" for a pause), from `start` to `end` in seconds."""

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


_SYMBOLS_OF_CLASS = {
    "silence": "_",
    "P": "pbɓ",
    "M": "mɱ",
    "F": "fvʋɸβ",
    "TH": "θð",
    "T": "tdɾʈɖɗ",
    "S": "szɕʑ",
    "SH": "ʃʒʂʐ",
    "K": "kgɡcɟqxɣχçʝ",
    "N": "nɲŋɳ",
    "L": "lɫʎɭɬ",
    "R": "ɹrʁʀɽɻ",
    "H": "hɦʔħ",
    "W": "wɥʍ",
    "J": "jɰʲ",
    "AA": "aɑæʌɐ",
    "EH": "eɛ",
    "AX": "əɜɚɝɘɵ",
    "IY": "iɪᵻɨɯ",
    "AO": "oɔɒɤ",
    "UW": "uʊʉ",
    "YY": "yʏøœ",
}

PHONEME_CLASSES = tuple(_SYMBOLS_OF_CLASS)
"""Names of the classes, silence first. The index is the label."""

VOWELS = frozenset({"AA", "EH", "AX", "IY", "AO", "UW", "YY"})

_CLASS_OF_SYMBOL = {symbol: name for name, symbols in _SYMBOLS_OF_CLASS.items() for symbol in symbols}

_DIPHTHONG_ONSET = 0.6
"""Share of a diphthong that belongs to its first vowel."""


def classes_of(symbol: str) -> tuple[str, ...]:
    """The classes that one IPA symbol passes through: ("AA", "IY") for "aɪ", ("SH",) for "tʃ". Diacritics drop out."""
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
        stress = 1.0 if "ˈ" in event.symbol else 0.5 if "ˌ" in event.symbol else 0.0
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
