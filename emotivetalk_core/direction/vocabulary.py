"""How a language's words of emotion are written down, and how they are found in a text. Knows no emotion, no language
and nothing of what follows from a find: the tables (assets/vocabulary) and the rules (`reading.py`) do.

A table is text. A line that ends with a colon begins a list, `KIND STRENGTH SORT:`; the entries below it stand between
commas:

    happy 1.3 word:
        thrilled, over the moon, could not be happier, =chuffed, lose/lost * heart

`a/b` is either word, `*` up to three words of any kind, `=word` this form alone and no inflection of it. [ours]

Inflections are undone by a few rules, which is enough for the words of the tables: simplemma, which knows both
languages, would bring every host 19 MB of dictionary.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TOKEN = re.compile(
    r"(?P<face>[>}]?[:;=][-'^]*[()\[\]DPpOo/|\\](?![A-Za-z0-9])|D:|<3|</3|[xX]D\b)"
    r"|(?P<arrow>-+>|=>|\u2192|\u27a1|\u21d2|>)"
    r"|(?P<number>\d+(?:[.:,]\d+)*)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<join>(?<=\w)[-\u2010\u2011/](?=\w))"
    r"|(?P<pause>\.\.+|[.,;:!?…—–()\[\]{}\n\"“”-])"
    r"|(?P<sign>[^\s\w\ufe0f\u200d\U0001f3fb-\U0001f3ff])"
)
FOLDER = Path(__file__).parent.parent / "assets" / "vocabulary"
_TABLES = ("words", "idioms", "lines", "cues")
_FREE_WORDS = 3
_FEWEST_LETTERS = 3
_ARROW = "->"
_VOWELS = "aeiouy"


@dataclass(frozen=True)
class Token:
    """One word or sign of a text. word: as written, in lower case · forms: what it may be an inflection of, itself
    first · pause: punctuation, that no entry reaches across · start, end: character offsets.
    """

    word: str
    forms: tuple[str, ...]
    start: int
    end: int
    pause: bool = False


@dataclass(frozen=True)
class Entry:
    """One entry of a table: what it says, how strongly, of which sort, and the words it is found by."""

    kind: str
    strength: float
    sort: str
    pattern: tuple[tuple[str, ...] | None, ...]

    @property
    def words(self) -> int:
        """How many words of a text it names."""
        return sum(part is not None for part in self.pattern)


@dataclass(frozen=True)
class Find:
    """An entry found at tokens first … last - 1."""

    entry: Entry
    first: int
    last: int


@dataclass(frozen=True)
class Vocabulary:
    """Everything that is particular to one language.

    Its folder in assets/vocabulary holds a text file for each field, and the tables of several files make one.

    table: as above · opposites: another such table, what is felt where its words are denied · endings: what an
    inflected word ends with, and what the word itself has there · irregular: inflections that follow no rule, and
    their words · contractions: whole words, or endings from the apostrophe on, and what is said in full · common: its
    most frequent words, by which the language of a text is known.
    """

    language: str
    table: str
    opposites: str
    endings: tuple[tuple[str, str], ...]
    irregular: Mapping[str, str] = field(default_factory=dict)
    contractions: Mapping[str, str] = field(default_factory=dict)
    common: frozenset[str] = frozenset()

    @classmethod
    def of(cls, language: str) -> "Vocabulary":
        """The one that lies in assets/vocabulary under the language's two letters."""
        folder = FOLDER / language
        text = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.txt"))}
        return cls(
            language=language,
            table="".join(text[name] for name in _TABLES if name in text),
            opposites=text["opposites"],
            endings=pairs(text["endings"]),
            irregular=dict(pairs(text["irregular"])) if "irregular" in text else {},
            contractions=dict(pairs(text["contractions"])) if "contractions" in text else {},
            common=frozenset(text["common"].split()),
        )

    @functools.cached_property
    def entries(self) -> dict[str, tuple[Entry, ...]]:
        """Every entry, by each of the words that it can begin with."""
        return _indexed(self.table)

    @functools.cached_property
    def _denied(self) -> dict[str, tuple[Entry, ...]]:
        return _indexed(self.opposites)

    @functools.cached_property
    def single_words(self) -> tuple[str, ...]:
        """Every entry of one word that is long enough to be known again when it is misspelt."""
        return tuple(
            word for word, found in self.entries.items() if len(word) >= 5 and any(entry.words == 1 for entry in found)
        )

    def tokens(self, text: str) -> list[Token]:
        """The words and signs of a text, contractions in full."""
        found: list[Token] = []
        for match in _TOKEN.finditer(text):
            sort, written = match.lastgroup, match[0].lower().replace("’", "'")
            if sort == "join":
                continue
            if sort == "word":
                for word in self._in_full(written):
                    found.append(Token(word, self.forms(word), match.start(), match.end()))
                continue
            if sort == "arrow":
                written = _ARROW
            elif sort == "face":
                written = re.sub("[-^*]", "", written)  # noses
            found.append(Token(written, (written,), match.start(), match.end(), sort == "pause"))
        return found

    def finds(self, tokens: list[Token]) -> list[Find]:
        """What the table knows of, from left to right; entries of more words go before those of fewer."""
        found = [find for at in range(len(tokens)) for find in self._at(tokens, at, self.entries)]
        found.sort(key=lambda find: (-find.entry.words, find.last - find.first, find.first))
        kept: dict[int, Find] = {}
        taken: set[int] = set()
        for find in found:
            if taken.isdisjoint(range(find.first, find.last)):
                taken.update(range(find.first, find.last))
                kept[find.first] = find
        return [kept[first] for first in sorted(kept)]

    def opposite(self, tokens: list[Token]) -> str | None:
        """What is felt where these words are denied, if the language says so."""
        found = [find for at in range(len(tokens)) for find in self._at(tokens, at, self._denied)]
        return max(found, key=lambda find: find.entry.words).entry.kind if found else None

    def says(self, token: Token, kind: str) -> bool:
        """Whether a word begins an entry of this kind."""
        return any(entry.kind == kind for form in token.forms for entry in self.entries.get(form, ()))

    def forms(self, word: str) -> tuple[str, ...]:
        """The word, and what it may be an inflection of."""
        known = {word: None}
        for _ in range(3):  # worriedly: worried: worry
            for form in list(known):
                known.update(dict.fromkeys(self._bases(form)))
        return tuple(known)

    def respelt(self, token: Token) -> str | None:
        """The table's word that this one most likely misspells: one letter too many, missing, wrong or swapped."""
        if token.pause or len(token.word) < 5 or any(form in self.entries for form in token.forms):
            return None
        squeezed = re.sub(r"(.)\1+", r"\1", token.word)
        for word in self.single_words:
            if word[0] != token.word[0]:
                continue
            if re.sub(r"(.)\1+", r"\1", word) == squeezed:
                return word
            most = 2 if len(word) >= 9 else 1
            if any(_distance(form, word, most) <= most for form in token.forms[:4]):
                return word
        return None

    def _bases(self, word: str) -> Iterator[str]:
        if word in self.irregular:
            yield self.irregular[word]
        if re.search(r"(.)\1\1", word):  # sooo haaappy
            yield re.sub(r"(.)\1{2,}", r"\1", word)
            yield re.sub(r"(.)\1{2,}", r"\1\1", word)
        for ending, instead in self.endings:
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < _FEWEST_LETTERS:
                continue
            yield stem + instead
            doubled = len(stem) > _FEWEST_LETTERS and stem[-1] == stem[-2] and stem[-1] not in _VOWELS
            if doubled and ending[0] in _VOWELS and not instead:
                yield stem[:-1]

    def _in_full(self, word: str) -> list[str]:
        if word in self.contractions:
            return self.contractions[word].split()
        for ending, full in self.contractions.items():
            if "'" in ending and ending[0] in "'n" and word.endswith(ending) and len(word) > len(ending):
                return [word.removesuffix(ending), *full.split()]
        return word.split("'") if "'" in word else [word]

    def _at(self, tokens: list[Token], at: int, index: dict[str, tuple[Entry, ...]]) -> Iterator[Find]:
        """The entries that begin at a token, those of the word itself before those of what it may be a form of."""
        for entry in dict.fromkeys(entry for form in tokens[at].forms for entry in index.get(form, ())):
            last = _fit(entry.pattern, tokens, at)
            if last is not None:
                yield Find(entry, at, last)


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Reads "felt=feel, n't=not" as a table; what stands right of the sign may be empty."""
    return tuple((one.strip(), other.strip()) for one, _, other in (part.partition("=") for part in text.split(",")))


def _indexed(table: str) -> dict[str, tuple[Entry, ...]]:
    """A table's entries by each of the words that they can begin with."""
    index: dict[str, list[Entry]] = {}
    for entry in _parsed(table):
        for word in entry.pattern[0] or ():
            index.setdefault(word[1:] if word[0] == "=" and word[1:].isalpha() else word, []).append(entry)
    return {word: tuple(found) for word, found in index.items()}


def _parsed(table: str) -> Iterator[Entry]:
    for head, listed in re.findall(r"^(\S.*):\n((?: .*\n)+)", table, re.MULTILINE):
        kind, *rest = head.split()
        strength, sort = float(rest[0]) if rest else 1.0, rest[1] if len(rest) > 1 else "word"
        for text in re.sub(r"\s+", " ", listed).split(","):
            yield Entry(kind, strength, sort, tuple(_pattern(text.strip())))


def _pattern(text: str) -> Iterator[tuple[str, ...] | None]:
    for part in text.replace("-", " ").split() if re.match(r"=?\w", text) else [text]:
        yield None if part == "*" else tuple(part.split("/")) if part[0].isalpha() else (part,)


def _fit(pattern: tuple[tuple[str, ...] | None, ...], tokens: list[Token], at: int) -> int | None:
    """The token after the pattern, if it begins here."""
    for index, words in enumerate(pattern):
        if words is None:
            for skipped in range(_FREE_WORDS + 1):
                if any(token.pause for token in tokens[at : at + skipped]):
                    return None
                last = _fit(pattern[index + 1 :], tokens, at + skipped)
                if last is not None:
                    return last
            return None
        if at >= len(tokens) or not any(
            word[1:] == tokens[at].word if word[0] == "=" and word[1:].isalpha() else word in tokens[at].forms
            for word in words
        ):
            return None
        at += 1
    return at


def _distance(one: str, other: str, most: int) -> int:
    """Letters added, lost, changed or swapped between two words; more than `most` is not counted out."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before, row = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
