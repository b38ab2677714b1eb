"""Emotion from text, offline: a direction, a line of dialogue or a language model's answer becomes one of the eight, or
several in the order of time (EmotiveTalk §3.5 and §6.3, where GPT-4o does this). Knows no audio and no frames.
"""

import json
import re

from ..errors import SettingsError, excerpt
from ..models.codebook import ALIASES, EmotionCodebook
from ..types import EMOTIONS, Emotion
from .reading import STRONGEST, TextEmotion, read_clauses, understood
from .vocabulary import Vocabulary

AUTO = "auto"
VOCABULARIES = {language: Vocabulary.of(language) for language in ("en", "de")}

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.DOTALL | re.IGNORECASE)
_OBJECT = re.compile(r"\{[^{}]*\}")
_ANSWER_KEYS = ("emotion", "keyword", "label", "mood", "answer", "result")


def read_emotions(text: str, language: str = "en") -> tuple[TextEmotion, ...]:
    """The clauses of a text with the emotion of each, in the order of time; most texts are one clause.

    language: "en", "de", or "auto" for the one whose words the text has most of. Empty where no word is known; which
    emotion that means is not guessed. SettingsError for an unknown language. [ours]
    """
    answer = _json_answer(text)
    if answer is not None:
        return (answer,)
    said = _THOUGHT.sub("", text).strip() or text
    if language == AUTO:
        language = max(VOCABULARIES, key=lambda name: understood(said, VOCABULARIES[name]))
    if language not in VOCABULARIES:
        raise SettingsError(f"Emotions are not read in {language!r}; choose one of {', '.join([*VOCABULARIES, AUTO])}.")
    offset = text.rfind(said)
    clauses = read_clauses(said, VOCABULARIES[language])
    return tuple(TextEmotion(c.emotion, c.intensity, c.text, c.start + max(offset, 0), c.blend) for c in clauses)


def retrieval_prompt(text: str) -> str:
    """What to ask a language model so that its answer can be read here: which of the eight a text expresses.

    It asks for the same as the paper's retrieval prompt (§6.3) in our words, and says "fear" as its list of keywords
    does.
    """
    return (
        f"Which emotion should a face show for the text below? Choose the one of these keywords that fits best: "
        f"{_listed()}. Answer with that keyword alone, in lower case.\n\nText: {text.strip()}"
    )


def text_emotion(text: str, codebook: EmotionCodebook, intensity: float = 1.0, language: str = AUTO) -> Emotion:
    """The emotion that a text asks for, e_cond [expression_dim], from its first clause; named by the keyword.

    intensity: multiplies what the text says ("slightly" is 0.4 already), together at most 2. Where two emotions hold at
    once, their latents are weighted (§6.3 has one keyword only). SettingsError where the text says nothing of an
    emotion.
    """
    said = text_timeline(text, language)[0][1]
    strength = min(said.intensity * intensity, STRONGEST)
    parts = said.blend or ((said.emotion, 1.0),)
    total = sum(weight for _, weight in parts)
    latents = [weight / total * codebook.lookup(name, strength) for name, weight in parts]
    notes = codebook.stand_in_notes(*(name for name, _ in parts))
    return Emotion(sum(latents[1:], latents[0]), said.emotion, notes)


def text_timeline(text: str, language: str = AUTO) -> list[tuple[float, TextEmotion]]:
    """Each clause and when it begins, as a share 0…1 of the whole time: the clauses take equal parts of it. [ours]

    SettingsError where the text says nothing of an emotion.
    """
    clauses = read_emotions(text, language)
    if not clauses:
        quoted = excerpt(text)
        given = f'No emotion was understood in the text "{quoted}"' if quoted else "The text for the emotion is empty"
        raise SettingsError(f"{given}; describe one in other words, or name one of {_listed()}.")
    return [(index / len(clauses), clause) for index, clause in enumerate(clauses)]


def timeline_lines(text: str, intensity: float = 1.0, language: str = AUTO) -> str:
    """`text_timeline` as a timeline's text, a line for each clause: "0% neutral 1", "50% angry 1.2"."""
    lines = []
    for share, said in text_timeline(text, language):
        strength = f"{min(said.intensity * intensity, STRONGEST):.4g}"
        parts = [f"{weight:g} {name} {strength}" for name, weight in said.blend] or [f"{said.emotion} {strength}"]
        lines.append(f"{round(100 * share, 2):g}% {' + '.join(parts)}")
    return "\n".join(lines)


def _listed() -> str:
    return f"{', '.join(EMOTIONS[:-1])} or {EMOTIONS[-1]}"


def _json_answer(text: str) -> TextEmotion | None:
    """A language model's answer as an object, {"emotion": "angry", "intensity": 0.7}, wherever it stands."""
    for match in _OBJECT.finditer(text):
        try:
            found = json.loads(match[0])
        except ValueError:
            continue
        for key in _ANSWER_KEYS:
            named = str(found.get(key, "")).strip().lower()
            named = ALIASES.get(named, named)
            if named in EMOTIONS:
                strength = found.get("intensity", 1.0)
                known = isinstance(strength, (int, float)) and 0 <= strength <= STRONGEST
                return TextEmotion(named, float(strength) if known else 1.0, match[0], match.start())
    return None
