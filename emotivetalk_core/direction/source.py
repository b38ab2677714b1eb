"""Where an emotion comes from, as one line of text: the grammar that the command line, timelines and nodes share.

    happy · happy 0.7 · text: slightly worried · image: smile.png · speech · speech: voice.wav · portrait
    0.7 happy + 0.3 surprised · happy + image: smile.png

A number before a part is its weight in the blend, a number after it its intensity. Knows no time and opens no file:
who resolves a source brings the functions that read pictures and hear recordings.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ..errors import InputError, SettingsError, excerpt
from ..models.codebook import EmotionCodebook
from ..models.speech_emotion import HeardEmotion, blend_emotion
from ..types import Emotion

LARGEST_INTENSITY = 2.0
NUMBER = r"(?:\d+(?:\.\d*|,\d+)?|[.,]\d+)"
"""With a decimal point or comma; `decimal` reads it."""
_CURLY_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'))
_WEIGHT = re.compile(rf"({NUMBER})\s+(?=\S)")
_KEYWORD = re.compile(rf"([^\W\d][\w-]*)(?:\s+(-?{NUMBER}))?$")
_LABELLED = re.compile(r"(text|image|speech)\s*:\s*(.*)$", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(rf'"([^"]*)"(?:\s+(-?{NUMBER}))?$', re.DOTALL)
_ENDS_IN_NUMBER = re.compile(rf"(.*\S)\s+(-?{NUMBER})$", re.DOTALL)
_HOW = (
    'write an emotion such as "happy 0.7", "text: slightly worried", "image: FILE", "speech", "portrait", or a blend '
    'such as "0.7 happy + 0.3 surprised"'
)


@dataclass(frozen=True)
class Keyword:
    """One name of the codebook, or of an emotion that was given beside it."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class FromText:
    """What a sentence says of the emotion."""

    text: str

    def __str__(self) -> str:
        return f"text: {_quoted(self.text)}"


@dataclass(frozen=True)
class FromImage:
    """What the face in a picture file expresses."""

    path: Path

    def __str__(self) -> str:
        return f"image: {_quoted(str(self.path))}"


@dataclass(frozen=True)
class FromSpeech:
    """What is heard in a recording; None: in the speech itself."""

    path: Path | None = None

    def __str__(self) -> str:
        return "speech" if self.path is None else f"speech: {_quoted(str(self.path))}"


@dataclass(frozen=True)
class FromPortrait:
    """What the portrait itself expresses."""

    def __str__(self) -> str:
        return "portrait"


Origin = Keyword | FromText | FromImage | FromSpeech | FromPortrait


@dataclass(frozen=True)
class Part:
    """One origin in a blend. intensity: on the line from the codebook's neutral (0) through the emotion as found (1) to
    twice as far (2) · weight: beside the other parts'.
    """

    origin: Origin
    intensity: float = 1.0
    weight: float = 1.0

    def __str__(self) -> str:
        return f"{self.origin}" if self.intensity == 1 else f"{self.origin} {plain(self.intensity)}"


@dataclass(frozen=True)
class EmotionSource:
    """A blend of one or more parts."""

    parts: tuple[Part, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """The parts' weights, of sum 1."""
        total = sum(part.weight for part in self.parts)
        return tuple(part.weight / total for part in self.parts)

    def __str__(self) -> str:
        """As `parse_source` reads it."""
        if all(part.weight == 1 for part in self.parts):
            return " + ".join(str(part) for part in self.parts)
        return " + ".join(f"{plain(part.weight)} {part}" for part in self.parts)


@dataclass(frozen=True)
class SourceReaders:
    """What a source is resolved with; None: it cannot be had here.

    portrait: the portrait's own expression [expression_dim] · read_image: a picture's expression [expression_dim] ·
    recognise: what a recording says, None for the speech itself · named: further emotions, before the codebook's names.
    """

    codebook: EmotionCodebook
    portrait: torch.Tensor | None = None
    read_image: Callable[[Path], torch.Tensor] | None = None
    recognise: Callable[[Path | None], HeardEmotion] | None = None
    named: Mapping[str, Emotion] = field(default_factory=dict)


def parse_source(text: str) -> EmotionSource:
    """Read one line. Parts without a weight weigh 1; quotation marks keep "+" and numbers in a text or file name.

    SettingsError where it is no source, quoting what was not understood.
    """
    parts = tuple(_part(piece.strip(), text) for piece in split_outside_quotes(straight_quotes(text), "+"))
    if not sum(part.weight for part in parts) > 0:
        raise SettingsError(f'All weights in "{excerpt(text)}" are 0; give at least one of them more than 0.')
    return EmotionSource(parts)


def straight_quotes(text: str) -> str:
    """The text with those quotation marks that word processors put in the place of "."""
    return text.translate(_CURLY_QUOTES)


def decimal(text: str) -> float:
    """What `NUMBER` matches, a sign before it allowed."""
    return float(text.replace(",", "."))


def plain(value: float) -> str:
    """A number as people write it; read again, it is the same where it has at most six decimals."""
    return f"{value:.12g}" if value == 0 or abs(value) >= 1e-4 else f"{value:.6f}"


def split_outside_quotes(text: str, separators: str) -> list[str]:
    """The pieces of a text between any of the separators, but for those inside "…". SettingsError for an open quote."""
    if text.count('"') % 2:
        raise SettingsError(f"A quotation mark in '{excerpt(text)}' is never closed; close it, or leave it out.")
    pieces = re.findall(rf'(?:"[^"]*"|[^"{re.escape(separators)}])+|[{re.escape(separators)}]', text)
    found = [""]
    for piece in pieces:
        if piece in separators:
            found.append("")
        else:
            found[-1] = piece
    return found


def resolve(source: EmotionSource, readers: SourceReaders) -> Emotion:
    """The emotion of a source, values [expression_dim], float32 on the CPU: the weighted mean of its parts' latents,
    each on its line from the codebook's neutral. [ours; the paper offers one source at a time, §3.5]

    values [n, expression_dim] where a named emotion has that. SettingsError and InputError where a part cannot be
    resolved.
    """
    parts = [_resolve_part(part, readers) for part in source.parts]
    return Emotion(blend([part.values for part in parts], source.shares), str(source), notes_of(parts))


def intensified(source: EmotionSource, amount: float) -> EmotionSource:
    """The same source with each part's intensity multiplied, together at most 2; for a blend that is the line from
    neutral through the whole of it.
    """
    return EmotionSource(
        tuple(replace(part, intensity=min(amount * part.intensity, LARGEST_INTENSITY)) for part in source.parts)
    )


def blend(values: Sequence[torch.Tensor], weights: Sequence[float] | torch.Tensor) -> torch.Tensor:
    """The weighted mean of emotions [e] or [n, e], by weights of any sum above 0, one for each, or [n, emotions] where
    they change from frame to frame. InputError where the emotions do not fit.
    """
    widths = {value.shape[-1] for value in values}
    lengths = {value.shape[0] for value in values if value.dim() == 2}
    if len(widths) > 1 or len(lengths) > 1:
        raise InputError(
            f"Emotions of the shapes {', '.join(str(list(value.shape)) for value in values)} cannot be blended; take "
            "them from weights of the same model, and those that change in time from the same speech."
        )
    shares = torch.as_tensor(weights, dtype=torch.float32)
    shares = shares / shares.sum(-1, keepdim=True)  # [emotions] or [n, emotions]
    terms = [share[..., None] * value.float().cpu() for value, share in zip(values, shares.unbind(-1), strict=True)]
    return sum(terms[1:], terms[0])


def notes_of(emotions: Iterable[Emotion]) -> tuple[str, ...]:
    """What people should be told of these emotions, nothing of it twice."""
    return tuple(dict.fromkeys(note for emotion in emotions for note in emotion.notes))


def scale(values: torch.Tensor, intensity: float, codebook: EmotionCodebook) -> torch.Tensor:
    """An emotion [e] or [n, e] on the line from the codebook's neutral (0) through itself (1) and beyond. InputError
    where the codebook is of another model.
    """
    values = values.detach().float().cpu()
    neutral = codebook.lookup("neutral").float().cpu()
    if values.shape[-1] != neutral.shape[-1]:
        raise InputError(
            f"The emotion is {values.shape[-1]} wide, but the codebook's are {neutral.shape[-1]}; take both from "
            "weights of the same model."
        )
    return neutral + intensity * (values - neutral)


def _part(piece: str, whole: str) -> Part:
    if not piece:
        raise SettingsError(f'"{excerpt(whole)}" lacks an emotion; {_HOW}.')
    weight = 1.0
    if weighted := _WEIGHT.match(piece):
        weight, piece = round(decimal(weighted[1]), 6), piece[weighted.end() :]
    if labelled := _LABELLED.match(piece):
        kind, body = labelled[1].lower(), labelled[2].strip()
        intensity = "1"
        if quoted := _QUOTED.match(body):
            body, intensity = quoted[1], quoted[2] or "1"
        elif numbered := _ENDS_IN_NUMBER.match(body):
            body, intensity = numbered[1], numbered[2]
        if not body.strip():
            raise SettingsError(f'"{excerpt(piece)}" names nothing after the colon; {_HOW}.')
        origin = FromText(body) if kind == "text" else (FromImage if kind == "image" else FromSpeech)(Path(body))
        return Part(origin, _intensity(intensity, piece), weight)
    found = _KEYWORD.match(piece)
    if found is None:
        hint = (
            f'write "text: {excerpt(piece)}" for a sentence, or'
            if re.match(r"[^\W\d]", piece)
            else "where an emotion is due;"
        )
        raise SettingsError(f'"{excerpt(piece)}" is not a source of emotion; {hint} {_HOW}.')
    name = found[1].lower()
    origin = {"speech": FromSpeech(), "portrait": FromPortrait()}.get(name, Keyword(name))
    return Part(origin, _intensity(found[2] or "1", piece), weight)


def _intensity(text: str, piece: str) -> float:
    intensity = round(decimal(text), 6)
    if not 0 <= intensity <= LARGEST_INTENSITY:
        raise SettingsError(
            f'The intensity in "{excerpt(piece)}" is {excerpt(text)}; a number from 0 to {LARGEST_INTENSITY:g} is '
            "expected."
        )
    return intensity


def _resolve_part(part: Part, readers: SourceReaders) -> Emotion:
    origin, codebook = part.origin, readers.codebook
    if isinstance(origin, Keyword):
        given = readers.named.get(origin.name)
        if given is not None:
            return replace(given, values=scale(given.values, part.intensity, codebook))
        latent = codebook.lookup(origin.name, part.intensity)
        return Emotion(latent, origin.name, codebook.stand_in_notes(origin.name))
    if isinstance(origin, FromText):
        from .text import text_emotion  # it reads its tables of words

        return text_emotion(origin.text, codebook, part.intensity)
    if isinstance(origin, FromSpeech):
        if readers.recognise is None:
            raise _not_here(origin, "no recordings are heard")
        return blend_emotion(readers.recognise(origin.path), codebook, part.intensity)
    if isinstance(origin, FromImage):
        if readers.read_image is None:
            raise _not_here(origin, "no files are read")
        return Emotion(scale(readers.read_image(origin.path), part.intensity, codebook))
    if readers.portrait is None:
        raise _not_here(origin, "no portrait is known")
    return Emotion(scale(readers.portrait, part.intensity, codebook))


def _not_here(origin: Origin, why: str) -> InputError:
    return InputError(f"The source {origin} is not available here: {why}; connect its emotion and write its letter.")


def _quoted(text: str) -> str:
    return text if '"' in text else f'"{text}"'
