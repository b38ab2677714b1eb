"""From the words that a vocabulary finds in a text to its clauses, each with its emotion: how strongly, denied or
not, and in which order. Knows rules, no word of any language, and no latent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..types import EMOTIONS
from .vocabulary import Find, Token, Vocabulary

STRONGEST = 2.0
NEUTRAL = "neutral"
HINT = "hint"
_WEIGHTS = {"word": 1.0, "sign": 0.5, HINT: 0.2}
"""How much a word that names an emotion, a sign of it and a mere hint count beside each other. [ours]"""

_NEGATION_REACHES = 6
_STRENGTH_REACHES = 3
_CUE_REACHES = 4
_MOST_RESPELT = 60
"""Words of a text, up to which misspelt ones are looked for: a direction is short, and an essay is no direction."""


@dataclass(frozen=True)
class TextEmotion:
    """What one clause of a text asks for.

    emotion: one of EMOTIONS · intensity: 0…2, 1 as the codebook has it · text: the clause · start: its character offset
    · blend: the emotions that hold at once with their shares of sum 1, the first of them `emotion`; empty where it is
    alone.
    """

    emotion: str
    intensity: float
    text: str
    start: int
    blend: tuple[tuple[str, float], ...] = ()


@dataclass
class _Hit:
    """One emotion found, and what the words around it make of it."""

    find: Find
    emotion: str
    weight: float
    intensity: float
    denied: bool = False
    cues: set[str] = field(default_factory=set)

    @property
    def named(self) -> bool:
        return self.find.entry.sort == "word"


class _Reader:
    """The tokens and finds of one text."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.tokens = vocabulary.tokens(text)
        self.finds = vocabulary.finds(self.tokens)
        known = any(find.entry.kind in EMOTIONS and find.entry.sort != HINT for find in self.finds)
        if not known and len(self.tokens) <= _MOST_RESPELT:
            respelt = [self._respelt(token) for token in self.tokens]
            if respelt != self.tokens:
                self.tokens, self.finds = respelt, vocabulary.finds(respelt)
        felt = [find for find in self.finds if find.entry.kind in EMOTIONS]
        if any(find.entry.sort != HINT for find in felt):
            felt = [find for find in felt if find.entry.sort != HINT]
        self.cues = [find for find in self.finds if find.entry.kind not in EMOTIONS]
        self.starts = {find.first: find for find in felt}
        self.hits: list[_Hit] = []
        for find in felt:
            self.hits.append(self._hit(find))

    def _respelt(self, token: Token) -> Token:
        word = self.vocabulary.respelt(token)
        return token if word is None else replace(token, word=word, forms=self.vocabulary.forms(word))

    def _hit(self, find: Find) -> _Hit:
        entry = find.entry
        strength = self._strength(find)
        denied, more = self._denial(find)
        emotion, weight = entry.kind, _WEIGHTS[entry.sort]
        if emotion == NEUTRAL and entry.sort != HINT:
            weight = 0.45  # calm words lose against any other, and win where there is none
        intensity = entry.strength * (strength if strength is not None else 1.0) * (1.5 if more else 1.0)
        if denied:
            strongly = strength is not None and strength > 1
            emotion = self.vocabulary.opposite(self.tokens[find.first : find.last]) or NEUTRAL
            intensity = 0.7 if strongly and emotion != NEUTRAL else 1.0  # "not very happy" is but a little sad
        elif strength is not None and strength < 1:
            weight *= strength**0.5
        if self._near(find.first, ("despite", "beyond"), _CUE_REACHES):
            weight *= 0.5
        return _Hit(find, emotion, weight, intensity, denied)

    def _strength(self, find: Find) -> float | None:
        """What the adverb before it, or right after it, multiplies the intensity by."""
        for cue in reversed(self.cues):
            if cue.entry.kind != "strength" or cue.last > find.first:
                continue
            between = self.tokens[cue.last : find.first]
            if len(between) >= _STRENGTH_REACHES:
                break
            crossed = any(start in range(cue.last, find.first) for start in self.starts)
            if (
                not crossed
                and not any(token.pause for token in between)
                and not self._between(cue, find, "and but then")
            ):
                return cue.entry.strength
        for cue in self.cues:
            if cue.entry.kind == "strength" and cue.first == find.last:
                ahead = self.tokens[cue.last : cue.last + 2]
                stop = next((index for index, token in enumerate(ahead) if token.pause), len(ahead))
                if not any(cue.last + index in self.starts for index in range(stop)):
                    return cue.entry.strength
        return None

    def _denial(self, find: Find) -> tuple[bool, bool]:
        """Whether it is denied; whether it is a comparative that nothing surpasses ("never been happier")."""
        cues = {cue.first: cue for cue in self.cues}
        ends = {cue.last - 1: cue for cue in self.cues}
        at, walked = find.first - 1, 0
        while at >= 0 and walked < _NEGATION_REACHES:
            token, cue = self.tokens[at], ends.get(at)
            kind = cue.entry.kind if cue is not None else ""
            if kind == "more":
                word = self.tokens[find.first]
                comparative = word.word.endswith("er") and len(word.forms) > 1
                return not comparative, comparative
            if kind == "not":
                return True, False
            earlier = next((hit for hit in self.hits if hit.find.first <= at < hit.find.last), None)
            if earlier is not None:  # "neither sad nor angry", "not sad, angry or afraid"
                joined = range(earlier.find.last, find.first)
                either = any(cues[index].entry.kind == "or" for index in joined if index in cues)
                return either and earlier.denied, False
            if token.pause or kind in ("keep", "beyond", "but", "then", "first", "last", "about", "after"):
                break
            walked, at = walked + 1, (cue.first if cue is not None else at) - 1
        for cue in self.cues:
            if cue.entry.kind == "gone" and 0 <= cue.first - find.last < _CUE_REACHES:
                between = self.tokens[find.last : cue.first]
                if not any(token.pause for token in between):
                    return True, False
        return False, False

    def _near(self, at: int, kinds: Sequence[str], reach: int) -> Find | None:
        """A cue of one of these kinds that ends shortly before a token, with no pause or emotion between."""
        for cue in reversed(self.cues):
            if cue.entry.kind in kinds and 0 <= at - cue.last < reach:
                inside = range(cue.last, at)
                if not any(self.tokens[index].pause or index in self.starts for index in inside):
                    return cue
        return None

    def _between(self, one: Find, other: Find, kinds: str) -> list[Find]:
        wanted = kinds.split()
        return [cue for cue in self.cues if one.last <= cue.first < other.first and cue.entry.kind in wanted]

    def pause_between(self, first: int, last: int) -> bool:
        return any(token.pause for token in self.tokens[first:last])


def read_clauses(text: str, vocabulary: Vocabulary) -> tuple[TextEmotion, ...]:
    """The clauses of a text in the order of time; empty where none of its words says anything of an emotion."""
    reader = _Reader(text, vocabulary)
    if not reader.hits:
        return ()
    parts = _in_time(reader, _split(reader))
    clauses: list[TextEmotion] = []
    for hits, start, end in parts:
        clause = _clause(reader, hits, start, end)
        if clauses and clauses[-1].emotion == clause.emotion:
            before = clauses.pop()
            clause = replace(before, intensity=max(before.intensity, clause.intensity), text=before.text)
        clauses.append(clause)
    return tuple(clauses)


def understood(text: str, vocabulary: Vocabulary) -> int:
    """How many words of a text belong to a language, its emotions counted twice."""
    tokens = vocabulary.tokens(text)
    felt = sum(find.entry.kind in EMOTIONS and find.entry.sort != HINT for find in vocabulary.finds(tokens))
    return 2 * felt + sum(token.word in vocabulary.common for token in tokens)


def _split(reader: _Reader) -> list[list[_Hit]]:
    """The hits, parted where time goes on."""
    for hit in reader.hits:
        for kind in ("first", "last", "after"):
            if reader._near(hit.find.first, (kind,), _CUE_REACHES):
                hit.cues.add("first" if kind == "after" and hit is reader.hits[0] else kind)
    for one, other in zip(reader.hits, reader.hits[1:]):
        for cue in reader._between(one.find, other.find, "first last"):
            if not reader.pause_between(one.find.last, cue.first) and not _leads(reader, cue, other):
                one.cues.add(cue.entry.kind)
                other.cues.discard(cue.entry.kind)
    last = reader.hits[-1]
    if any(cue.entry.kind == "first" and cue.first >= last.find.last for cue in reader.cues) and len(reader.hits) > 1:
        last.cues.add("first")
    parts = [[reader.hits[0]]]
    for one, other in zip(reader.hits, reader.hits[1:]):
        if _goes_on(reader, parts[-1], one, other):
            part = parts.pop()
            parts += _enumerated(reader, part) if reader._between(one.find, other.find, "then last") else [part]
            parts.append([other])
        else:
            parts[-1].append(other)
    return parts


def _leads(reader: _Reader, cue: Find, hit: _Hit) -> bool:
    """Whether a word of time belongs to the emotion behind it: no pause, no "but" and no "and" stands between."""
    after = [other for other in reader.cues if cue.last <= other.first < hit.find.first]
    return not reader.pause_between(cue.last, hit.find.first) and not any(
        o.entry.kind in ("but", "and", "then") for o in after
    )


def _goes_on(reader: _Reader, part: list[_Hit], one: _Hit, other: _Hit) -> bool:
    if reader._between(one.find, other.find, "then last"):
        return True
    if "after" in other.cues or "first" in other.cues:
        return True
    gap = range(one.find.last, other.find.first)
    cues = [cue.entry.kind for cue in reader._between(one.find, other.find, "to")]
    if cues and (len(gap) == 1 or reader._near(other.find.first, ("to",), _CUE_REACHES)):
        if len(gap) == 1 or "from" in part[0].cues or reader._near(part[0].find.first, ("from",), _CUE_REACHES):
            other.cues.add("from")
            return True
    if reader._near(other.find.first, ("turn",), _CUE_REACHES) and reader._between(one.find, other.find, "turn"):
        return True
    paused = reader.pause_between(one.find.last, other.find.first)
    if any("first" in hit.cues for hit in part) and (paused or reader._between(one.find, other.find, "but")):
        return True
    changes = reader.vocabulary.says(reader.tokens[other.find.first], "change")
    return changes and (paused or bool(reader._between(one.find, other.find, "and")))


def _enumerated(reader: _Reader, part: list[_Hit]) -> list[list[_Hit]]:
    """ "calm, annoyed, then furious" has three parts: commas before a "then" part, too."""
    parts = [[part[0]]]
    for one, other in zip(part, part[1:]):
        apart = reader.pause_between(one.find.last, other.find.first)
        joined = reader._between(one.find, other.find, "and but or")
        if apart and not joined and one.named and other.named and not one.denied and one.emotion != other.emotion:
            parts.append([other])
        else:
            parts[-1].append(other)
    return parts


def _in_time(reader: _Reader, parts: list[list[_Hit]]) -> list[tuple[list[_Hit], int, int]]:
    """The parts with their first and last token, in the order of time."""
    borders = [0]
    for one, other in zip(parts, parts[1:]):
        last, first = one[-1].find.last, other[0].find.first
        cues = {cue.first for cue in reader.cues if cue.entry.kind in ("then", "first", "last", "after", "turn", "to")}
        found = (at for at in range(last, first) if reader.tokens[at].pause or at in cues)
        borders.append(next(found, first))
    placed = [(part, start, end) for part, start, end in zip(parts, borders, [*borders[1:], len(reader.tokens)])]
    for index in range(1, len(placed)):
        cues = set().union(*(hit.cues for hit in placed[index][0]))
        before = set().union(*(hit.cues for hit in placed[index - 1][0]))
        if "after" in cues:
            placed[index - 1 : index + 1] = placed[index], placed[index - 1]
        elif "first" in cues and "last" in before and "first" not in before:
            placed.insert(0, placed.pop(index))
    return placed


def _clause(reader: _Reader, hits: list[_Hit], first: int, last: int) -> TextEmotion:
    tokens = reader.tokens[first:last]
    while tokens and tokens[0].pause:
        tokens = tokens[1:]
    while len(tokens) > 1 and tokens[-1].pause and tokens[-1].word not in "!?.":
        tokens = tokens[:-1]
    start = tokens[0].start
    text = reader.text[start : tokens[-1].end]
    held = [hit for hit in hits if not hit.denied] or hits
    weights = _weights(reader, held)
    emotion = max(weights, key=lambda name: weights[name])
    main = [hit for hit in held if hit.emotion == emotion]
    intensity = max(hit.intensity for hit in main)
    intensity *= (1.1 if "!" in text else 1.0) * (1.1 if text.isupper() and len(tokens) > 2 else 1.0)
    return TextEmotion(
        emotion, round(min(intensity, STRONGEST), 2), text, start, _blend(reader, held, emotion, weights)
    )


def _weights(reader: _Reader, hits: list[_Hit]) -> dict[str, float]:
    """What each emotion weighs in one clause, the first named first."""
    weights: dict[str, float] = {}
    for index, hit in enumerate(hits):
        weight = hit.weight
        if index:
            before = hits[index - 1]
            if reader._between(before.find, hit.find, "but"):
                weight *= 1.2
            elif before.named and reader._between(before.find, hit.find, "about"):
                weight *= 0.5
        weights[hit.emotion] = max(weights.get(hit.emotion, 0.0), weight)
    return weights


def _blend(reader: _Reader, hits: list[_Hit], emotion: str, weights: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """The emotions that "and" or "but" joins to the main one, with shares of sum 1."""
    together = {emotion}
    for one, other in zip(hits, hits[1:]):
        joined = reader._between(one.find, other.find, "and but despite")
        if joined and one.named and other.named and other.find.first - one.find.last <= _CUE_REACHES:
            if not reader._between(one.find, other.find, "about"):
                together |= {one.emotion, other.emotion} if {one.emotion, other.emotion} & together else set()
    together -= {NEUTRAL} if emotion != NEUTRAL else together
    if len(together) < 2:
        return ()
    names = [emotion, *(name for name in weights if name in together and name != emotion)]
    strengths = [max(hit.intensity for hit in hits if hit.emotion == name) for name in names]
    return tuple((name, round(strength / sum(strengths), 2)) for name, strength in zip(names, strengths))
