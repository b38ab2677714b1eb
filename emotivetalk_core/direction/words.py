"""When each word is spoken: from subtitles, from what speech-to-text gives, or from a plain transcript and the speech.

Knows no emotion. Text in four forms: SRT, VTT, a JSON list of {"word", "start", "end"} (also inside "words" or
"segments", as Whisper's tools nest them), and plain text.
"""

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, SettingsError, excerpt
from ..types import Speech
from .alignment import align, expected_seconds

MOST_WORDS = 100_000
_BEGINS_JSON = re.compile(r'\{|\[\s*[\[{\]"]')  # "[music] Good day" is a text
_ARROW = re.compile(r"^[ \t]*((?:\d+:)?\d+:\d+[.,]\d+)\s*-->\s*((?:\d+:)?\d+:\d+[.,]\d+)", re.MULTILINE)
_INLINE_TIME = re.compile(r"<((?:\d+:)?\d+:\d+[.,]\d+)>")
_TAG = re.compile(r"<[^>]*>|\{[^}]*\}")
_ADJOINING = 0.1
"""Seconds between two cues of which the second may go on with the lines of the first."""
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True)
class WordTime:
    """One spoken word from `start` to `end` in seconds of the speech."""

    word: str
    start: float
    end: float


def word_times(transcript: str, speech: Speech | None) -> tuple[WordTime, ...]:
    """The words of a transcript with their times, in order.

    Subtitles and JSON bring times; inside a subtitle, words share its time by their length. A plain text is laid over
    the voiced parts of the speech (`alignment.align`): on unseen synthetic voices half of the words begin within 0.04 s
    of the truth, and nine tenths within 0.14 s. Words of a JSON that have no times lie between those that have.
    InputError for a text that holds no words, for times that are none, and for a plain text without speech.
    """
    text = "\n".join(transcript.lstrip("\ufeff").strip().splitlines())
    if _BEGINS_JSON.match(text):
        found = _from_json(text)
    elif _ARROW.search(text):
        found = _from_subtitles(text)
    else:
        words, after = _split(text)
        if speech is None:
            raise InputError("A plain transcript needs the speech to find its words in; give it, or give SRT or VTT.")
        times = align(words, after, speech) if words else []
        found = [WordTime(word, start, end) for word, (start, end) in zip(words, times, strict=True)]
    if not found:
        raise InputError("The transcript holds no words; give what is said as plain text, SRT, VTT or JSON.")
    if len(found) > MOST_WORDS:
        raise InputError(f"The transcript holds {len(found)} words; at most {MOST_WORDS} are allowed.")
    return tuple(sorted(found, key=lambda word: word.start))


def find_words(wanted: str, words: Sequence[WordTime], time: int = 1) -> float:
    """When one word, or several in a row, begin for the time-th time, in seconds; case and punctuation do not count.

    SettingsError where they are not spoken so often, with near ones.
    """
    if not words:
        raise SettingsError(f'"{wanted}" is a spoken word, but there is no transcript; give one, or write a time.')
    keys = [_key(word) for word in wanted.split()]
    spoken = [_key(word.word) for word in words]
    starts = [i for i in range(len(spoken) - len(keys) + 1) if keys and spoken[i : i + len(keys)] == keys]
    if len(starts) >= time:
        return words[starts[time - 1]].start
    if starts:
        raise SettingsError(
            f'"{wanted}" is spoken {len(starts)} time{"s" * (len(starts) > 1)}, but number {time} was asked for.'
        )
    known = list(dict.fromkeys(_EDGES.sub("", word.word) for word in words))
    by_key = {_key(word): word for word in reversed(known)}
    near = [
        by_key[key] for missed in keys or [""] for key in difflib.get_close_matches(missed, by_key, n=4, cutoff=0.5)
    ]
    hint = f"near it are {', '.join(dict.fromkeys(near))}" if near else f"it begins with {' '.join(known[:6])}"
    raise SettingsError(f'"{wanted}" is not spoken in the transcript; {hint}.')


def _key(word: str) -> str:
    """A word as it is compared: without case, punctuation around it, and typographic apostrophes."""
    plain = unicodedata.normalize("NFKC", word).casefold().replace("’", "'")
    return _EDGES.sub("", plain)


def _split(text: str) -> tuple[list[str], list[str]]:
    """The words of a text, and what stands behind each: punctuation and line ends."""
    words: list[str] = []
    after: list[str] = []
    for piece in re.findall(r"\S+|\n", text):
        word = _EDGES.sub("", piece)
        if word:
            words.append(word)
            after.append(piece[piece.rindex(word) + len(word) :])
        elif after:
            after[-1] += piece
    return words, after


def _from_subtitles(text: str) -> list[WordTime]:
    """SRT or VTT. Words of a cue share its time by their length, between the time tags inside it where it has some."""
    found: list[WordTime] = []
    for start, end, lines in _without_rolled(_cues(text)):
        pieces = _INLINE_TIME.split("\n".join(lines))  # text, time, text, time …, text
        marks = [start, *(_clock(time) for time in pieces[1::2]), end]
        for index, piece in enumerate(pieces[0::2]):
            found += _spread(_split(_TAG.sub("", piece))[0], marks[index], max(marks[index], marks[index + 1]))
    return found


def _cues(text: str) -> list[tuple[float, float, list[str]]]:
    """Each cue's start, end, and the lines of it that say something."""
    cues: list[tuple[float, float, list[str]]] = []
    arrows = list(_ARROW.finditer(text))
    for arrow, following in zip(arrows, [*arrows[1:], None]):
        lines = text[arrow.end() : following.start() if following else len(text)].split("\n")
        lines = [line.strip() for line in lines[1:]]  # what follows the times on their line is the cue's settings
        if following is not None:
            lines = _without_next_name(lines)
        body = re.split(r"\n\n+", "\n".join(lines).strip("\n"))[0]
        start, end = _clock(arrow[1]), _clock(arrow[2])
        if end < start:
            raise InputError(f'The subtitle "{arrow[0].strip()}" ends before it begins; correct its times.')
        cues.append((start, end, [line for line in body.split("\n") if _TAG.sub("", line).strip()]))
    return cues


def _without_rolled(cues: list[tuple[float, float, list[str]]]) -> list[tuple[float, float, list[str]]]:
    """The cues with each line once where they roll, as automatic captions do: a cue begins with the last lines of the
    one that it follows, and adds one. Where no cue does both, a line that comes again is said again.
    """
    rolled, before, until = [], list[str](), -math.inf
    for start, end, lines in cues:
        plain = [_TAG.sub("", line).strip() for line in lines]
        most = min(len(before), len(plain)) if start - until < _ADJOINING else 0
        rolled.append(next((k for k in range(most, 0, -1) if before[-k:] == plain[:k]), 0))
        before, until = plain, end
    if not any(0 < k < len(lines) for k, (_, _, lines) in zip(rolled, cues)):
        return cues
    return [(start, end, lines[k:]) for k, (start, end, lines) in zip(rolled, cues)]


def _without_next_name(lines: list[str]) -> list[str]:
    """A cue's lines, of which the last is empty, without the number or name of the next one right above its times. Else
    it would be what an empty cue says.
    """
    if len(lines) > 1 and lines[-2] and (lines[-2].isdecimal() or (len(lines) > 2 and not lines[-3])):
        return lines[:-2]
    return lines


def _spread(words: list[str], start: float, end: float) -> list[WordTime]:
    lengths = [expected_seconds(word) for word in words]
    found, passed = [], 0.0
    for word, length in zip(words, lengths):
        first, passed = passed, passed + length / sum(lengths)
        found.append(WordTime(word, start + first * (end - start), start + passed * (end - start)))
    return found


def _clock(text: str) -> float:
    seconds = 0.0
    for part in text.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _from_json(text: str) -> list[WordTime]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The transcript begins like JSON, but is not; give it whole, or as plain text.") from error
    found: list[WordTime | str] = []
    _gather(given, found)
    return _placed(found)


def _gather(given: Any, found: list[WordTime | str], depth: int = 0) -> None:
    """Words out of lists, and out of what hangs under "words", "segments" or "chunks"; a word alone has no times."""
    if depth > 8:
        return
    if isinstance(given, list):
        for entry in given:
            _gather(entry, found, depth + 1)
        return
    if not isinstance(given, dict):
        raise _not_timed(given)
    times = given.get("timestamp")
    if times is None:
        times = [given.get("start"), given.get("end")]
    start, end = map(_time, times) if isinstance(times, list) and len(times) == 2 else (None, None)
    lists = [given[name] for name in ("words", "segments", "chunks") if isinstance(given.get(name), list)]
    inside = next(filter(None, lists), None)
    if inside is not None:
        words: list[WordTime | str] = []
        _gather(inside, words, depth + 1)
        untimed = [word for word in words if isinstance(word, str)]
        if len(untimed) == len(words) and start is not None and end is not None and start <= end:
            words = [*_spread(untimed, start, end)]
        found += words
        return
    word = given.get("word", given.get("text"))
    if word is None and lists:
        return
    if isinstance(word, str) and times == [None, None]:
        found += _split(word)[0]
        return
    if not isinstance(word, str) or start is None:
        raise _not_timed(given)
    end = start if end is None else end
    if end < start:
        raise InputError(f'In the transcript "{excerpt(word)}" ends before it begins; correct its times.')
    found += _spread(_split(word)[0], start, end)


def _placed(found: list[WordTime | str]) -> list[WordTime]:
    """Words without times share evenly what lies between their timed neighbours; before the first and after the last
    of these they take as long as at a common pace. InputError where no word has times.
    """
    if found and not any(isinstance(word, WordTime) for word in found):
        raise _not_timed({"word": found[0]})
    placed: list[WordTime] = []
    waiting: list[str] = []
    for word in found:
        if isinstance(word, str):
            waiting.append(word)
            continue
        start = placed[-1].end if placed else max(0.0, word.start - sum(map(expected_seconds, waiting)))
        placed += [*_evenly(waiting, start, max(start, word.start)), word]
        waiting = []
    if waiting:
        start = placed[-1].end
        placed += _evenly(waiting, start, start + sum(map(expected_seconds, waiting)))
    return placed


def _evenly(words: list[str], start: float, end: float) -> list[WordTime]:
    step = (end - start) / max(1, len(words))
    return [WordTime(word, start + i * step, start + (i + 1) * step) for i, word in enumerate(words)]


def _time(value: Any) -> float | None:
    """Seconds, or None for what is no time."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < math.inf else None


def _not_timed(given: Any) -> InputError:
    return InputError(
        f'The transcript\'s entry {json.dumps(given)[:80]} is not of the form {{"word": "but", "start": 1.2, "end": '
        "1.4}, in seconds; correct it, or give plain text."
    )
