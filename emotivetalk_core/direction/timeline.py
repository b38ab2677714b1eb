"""A course of emotions over the speech: keyframes as readable text, and the per-frame condition that they make.

    # TIME    SOURCE                       [over SECONDS] [easing]
    0         neutral
    "but"     0.7 worried + 0.3 sad        over 0.6
    1:02.5    text: absolutely furious     linear
    80%       happy 1.5                    hold

TIME is seconds, minutes:seconds, a share of the speech, or a spoken word ("but" 2 is its second time); it may stand in
brackets, as in lyrics. The easings are smooth (the default), linear and hold (a step). Keys stand on lines of their
own, or between semicolons. Knows no file:
sources are resolved by whoever asks for the course, and words come with their times.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from ..errors import EmotiveTalkError, InputError, SettingsError, excerpt
from ..types import EMOTIONS, FRAMES_PER_SECOND, Emotion
from .source import (
    NUMBER,
    EmotionSource,
    Keyword,
    Part,
    blend,
    decimal,
    notes_of,
    parse_source,
    plain,
    split_outside_quotes,
    straight_quotes,
)
from .words import WordTime, find_words

SMOOTH, LINEAR, HOLD = "smooth", "linear", "hold"
DEFAULT_OVER = 0.4
"""Seconds that a change takes unless its line says otherwise: with the demo's Di-CTE a face then changes no faster than
it moves while it speaks, at once it would jump, and a longer change gains little. [ours]"""

_LONGEST = 1e6  # seconds or hours: more is a slip of the hand
_TIME = re.compile(rf"(?:(?P<hours>\d+):(?=\d+:))?(?:(?P<minutes>\d+):)?(?P<seconds>{NUMBER})s?(?=\s|$)")
_SHARE = re.compile(rf"(?P<share>{NUMBER})\s?%(?=\s|$)")
_WORD = re.compile(r'"(?P<word>[^"]*)"(?:\s+(?P<time>\d+)(?=\s))?(?=\s|$)')
_EASING = re.compile(r"\s+(smooth|linear|hold|step)$", re.IGNORECASE)
_OVER = re.compile(rf"\s+over\s+(-?{NUMBER})\s?s?$", re.IGNORECASE)
_TIMED = re.compile(r"[\d.\-+\"]|[\[(<]\s*[\d.]")
_BRACKETED = re.compile(r"[\[(<]\s*([\d.,:]+\s?[s%]?)\s*[\])>]")
_UNHEEDED = re.compile(rf"(?<![\w.,:])(?:\d+:)*{NUMBER}\s?(?:%|s\b)?(?![\w.,:]*\w)")
"""A number in a sentence: the clauses are spread evenly, whatever it says."""
_WEIGHTED = re.compile(rf"(?:0?[.,]\d*[1-9]\d*|1)\s+[^\d+][^+]*(?:\+\s*{NUMBER}\s+[^\d+][^+]*)+")
"""A blend of shares, each part with its own: where it stands alone, its first number is no time."""
_HOW = 'a line is "TIME SOURCE", for example "2.5 happy", "40% angry over 0.8 linear" or \'"but" sad 0.5\''


@dataclass(frozen=True)
class Seconds:
    """A time from the beginning of the speech."""

    value: float

    def __str__(self) -> str:
        minutes, seconds = divmod(self.value, 60)
        return f"{int(minutes)}:{'0' if seconds < 10 else ''}{plain(seconds)}" if minutes else f"{plain(seconds)}"


@dataclass(frozen=True)
class Share:
    """A time as a share of the whole speech, 0…1."""

    value: float

    def __str__(self) -> str:
        return f"{plain(100 * self.value)}%"


@dataclass(frozen=True)
class Spoken:
    """When a word, or several in a row, begin for the given time (from 1)."""

    words: str
    time: int = 1

    def __str__(self) -> str:
        return f'"{self.words}"' if self.time == 1 else f'"{self.words}" {self.time}'


@dataclass(frozen=True)
class Key:
    """From here on this source holds. over: seconds that the change to it takes, centred on its time · easing: one of
    smooth, linear or hold · line: where it was read, for messages.
    """

    at: Seconds | Share | Spoken
    source: EmotionSource
    over: float = DEFAULT_OVER
    easing: str = SMOOTH
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        text = f"{self.at} {self.source}"
        if self.easing == HOLD:
            return f"{text} {HOLD}"
        text += "" if self.over == DEFAULT_OVER else f" over {plain(self.over)}"
        return text if self.easing == SMOOTH else f"{text} {self.easing}"


@dataclass(frozen=True)
class Timeline:
    """Keys as they were written. Before the first, its source holds already."""

    keys: tuple[Key, ...]

    def times(self, frames: int, words: Sequence[WordTime] = ()) -> list[tuple[float, Key]]:
        """The keys with their seconds, in the order of time. SettingsError naming the line of a word that is not
        spoken and of a time past the end, and where two keys begin at once.
        """
        timed = []
        for key in self.keys:
            with _at_line(key.line):
                timed.append((_seconds(key.at, frames / FRAMES_PER_SECOND, words), key))
        timed.sort(key=lambda pair: pair[0])
        for (earlier, before), (time, key) in zip(timed, timed[1:]):
            if round(earlier * FRAMES_PER_SECOND) == round(time * FRAMES_PER_SECOND):
                raise SettingsError(
                    f"The timeline's {before} and {key} both begin at {time:.2f} s; move one of them, or write a blend."
                )
        return timed

    def shares(self, frames: int, words: Sequence[WordTime] = ()) -> tuple[list[tuple[float, Key]], torch.Tensor]:
        """`times`, and how much each of these keys counts in each frame [n, keys], every row of sum 1.

        A frame is asked at its middle. Where changes overlap, each sets out from wherever the ones before it have got
        to, so that nothing jumps but what is told to. [ours]
        """
        timed = self.times(frames, words)
        middles = (np.arange(frames) + 0.5) / FRAMES_PER_SECOND
        shares = np.zeros((frames, len(timed)))
        shares[:, 0] = 1.0
        for index, (time, key) in enumerate(timed[1:], start=1):
            reached = _eased(middles, time, key)[:, None]  # [n, 1]
            shares *= 1 - reached
            shares[:, index] = reached[:, 0]
        return timed, torch.from_numpy(shares).float()

    def course(
        self, frames: int, resolve: Callable[[EmotionSource], Emotion], words: Sequence[WordTime] = ()
    ) -> Emotion:
        """The emotion of every frame, values [n, expression_dim]. Each source is resolved once.

        Errors of a source, a time or a word begin with their line.
        """
        timed, shares = self.shares(frames, words)
        known: dict[EmotionSource, Emotion] = {}
        for _, key in timed:
            if key.source not in known:
                with _at_line(key.line):
                    found = resolve(key.source)
                    if found.values.dim() == 2 and len(found.values) != frames:
                        raise InputError(
                            f"{key.source} changes over {len(found.values)} frames, but the speech has {frames}; "
                            "make it from the same speech."
                        )
                    known[key.source] = found
        course = blend([known[key.source].values for _, key in timed], shares)
        return Emotion(course, "; ".join(str(key) for _, key in timed), notes_of(known.values()))

    def strengths(self, frames: int, words: Sequence[WordTime] = ()) -> dict[str, np.ndarray]:
        """How strong each origin is in every frame [n], by its name: what the plot shows."""
        timed, shares = self.shares(frames, words)
        found: dict[str, np.ndarray] = {}
        for index, (_, key) in enumerate(timed):
            for part, weight in zip(key.source.parts, key.source.shares, strict=True):
                course = shares[:, index].numpy() * weight * part.intensity
                found[str(part.origin)] = found.get(str(part.origin), np.zeros(frames)) + course
        return found


def parse_timeline(text: str, known: Collection[str] = EMOTIONS) -> Timeline:
    """Read keys from text; SettingsError naming the line of the first that cannot be understood.

    Text without any time is a source for the whole speech, or else a sentence such as "starts calm, then gets angry",
    whose clauses are spread over it (`text.text_timeline`). known: the names that are emotions, and no sentence.
    """
    pieces: list[tuple[int, str]] = []
    for number, line in enumerate(straight_quotes(text).splitlines(), start=1):
        with _at_line(number):
            rows = split_outside_quotes(_without_comment(line), ";")
            pieces += [(number, row.strip()) for row in rows if row.strip()]
    if not pieces:
        raise SettingsError(f"The timeline is empty; {_HOW}.")
    blend_alone = len(pieces) == 1 and _WEIGHTED.fullmatch(pieces[0][1])
    if blend_alone or not any(_TIMED.match(piece) for _, piece in pieces):
        return _untimed(pieces, known)
    keys = []
    for number, piece in pieces:
        with _at_line(number):
            keys.append(_key(piece, number))
    return Timeline(tuple(keys))


def _key(piece: str, line: int) -> Key:
    at, rest = _time(piece)
    over, easing = None, None
    while True:
        if easing is None and (found := _EASING.search(rest)):
            easing, rest = found[1].lower().replace("step", HOLD), rest[: found.start()]
        elif over is None and (found := _OVER.search(rest)):
            over, rest = round(decimal(found[1]), 6), rest[: found.start()]
        else:
            break
    if over is not None and over < 0:
        raise SettingsError(f"a change cannot take {plain(over)} seconds; give 0 or more.")
    if over is not None and easing == HOLD:
        raise SettingsError('"hold" changes at once, so "over" says nothing beside it; leave one of them out.')
    if not rest.strip():
        raise SettingsError(f'"{excerpt(piece)}" says when, but not what; {_HOW}.')
    return Key(at, parse_source(rest), DEFAULT_OVER if over is None else over, easing or SMOOTH, line)


def _time(piece: str) -> tuple[Seconds | Share | Spoken, str]:
    """The time that a key begins with, and the rest of it."""
    if found := _BRACKETED.match(piece):
        piece = f"{found[1]} {piece[found.end() :]}"
    if found := _WORD.match(piece):
        if not found["word"].strip():
            raise SettingsError(f"the quotation marks at its start are empty; {_HOW}.")
        time = int(found["time"] or 1)
        if time < 1:
            raise SettingsError(f'"{excerpt(found["word"])}" is asked for as number {time}; the first is 1.')
        return Spoken(found["word"].strip(), time), piece[found.end() :]
    if found := _SHARE.match(piece):
        share = round(decimal(found["share"]) / 100, 8)
        if share > 1:
            raise SettingsError(f"{excerpt(found['share'])}% lies past the end of the speech; give at most 100%.")
        return Share(share), piece[found.end() :]
    if found := _TIME.match(piece):
        seconds, minutes, hours = (decimal(found[part] or "0") for part in ("seconds", "minutes", "hours"))
        if found["minutes"] and seconds >= 60 or found["hours"] and minutes >= 60 or max(seconds, hours) > _LONGEST:
            raise SettingsError(f'"{excerpt(found[0])}" is not a time; write minutes:seconds such as 1:02.5.')
        return Seconds(round(3600 * hours + 60 * minutes + seconds, 6)), piece[found.end() :]
    raise SettingsError(f'"{excerpt(piece)}" does not begin with a time; {_HOW}.')


def _untimed(pieces: list[tuple[int, str]], known: Collection[str]) -> Timeline:
    """One source for the whole speech, or the clauses of a sentence. SettingsError for a sentence with a number, which
    would be taken for a time and heeded by nobody.
    """
    text = " ".join(piece for _, piece in pieces)
    try:
        source = parse_source(text)
    except SettingsError:
        source = None
    if source is not None and all(
        not isinstance(part.origin, Keyword) or part.origin.name in known for part in source.parts
    ):
        return Timeline((Key(Seconds(0.0), source, line=1),))
    for line, piece in pieces:
        found = _UNHEEDED.search(piece)
        if found and "{" not in text:  # a language model's object has its own numbers
            raise SettingsError(
                f'Line {line} of the timeline: "{excerpt(piece)}" holds the number {excerpt(found[0])}, but no line '
                f"begins with a time; write times in front of emotions, and other numbers as words: {_HOW}."
            )
    from .text import text_timeline  # it reads its tables of words

    keys = []
    for share, said in text_timeline(text):
        parts = said.blend or ((said.emotion, 1.0),)
        source = EmotionSource(tuple(Part(Keyword(name), said.intensity, weight) for name, weight in parts))
        keys.append(Key(Share(round(share, 4)), source, line=1))
    return Timeline(tuple(keys))


def _seconds(at: Seconds | Share | Spoken, length: float, words: Sequence[WordTime]) -> float:
    if isinstance(at, Share):
        return at.value * length
    if isinstance(at, Spoken):
        return min(find_words(at.words, words, at.time), length)
    if at.value > length:
        raise SettingsError(
            f"{at} lies past the end of the speech, which is {length:.2f} s long; give an earlier time."
        )
    return at.value


def _eased(middles: np.ndarray, time: float, key: Key) -> np.ndarray:
    """How far the change to a key has got at these seconds, 0…1."""
    if key.easing == HOLD or key.over == 0:
        return (middles >= time).astype(float)
    passed = np.clip((middles - time) / key.over + 0.5, 0, 1)
    return passed if key.easing == LINEAR else passed**2 * (3 - 2 * passed)


def _without_comment(line: str) -> str:
    before = re.match(r'(?:"[^"]*"|[^"#])*', line)
    return before[0] if before is not None and line[before.end() : before.end() + 1] == "#" else line


@contextmanager
def _at_line(number: int) -> Iterator[None]:
    """Begin a fault's sentence with the line that it stands in."""
    try:
        yield
    except EmotiveTalkError as error:
        raise type(error)(f"Line {number} of the timeline: {error}") from error
