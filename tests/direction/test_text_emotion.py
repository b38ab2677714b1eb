"""Emotion from text against the labelled sentences of tests/data, and the rules one by one."""

import csv
from pathlib import Path

import pytest
import torch

from emotivetalk_core.direction.reading import TextEmotion
from emotivetalk_core.direction.text import (
    VOCABULARIES,
    read_emotions,
    retrieval_prompt,
    text_emotion,
    text_timeline,
    timeline_lines,
)
from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.types import EMOTIONS

DATA = Path(__file__).parents[1] / "data"


def codebook() -> EmotionCodebook:
    return EmotionCodebook(torch.randn(8, 30, generator=torch.Generator().manual_seed(0)), EMOTIONS)


def sequence(text: str, language: str = "en") -> str:
    return ">".join(clause.emotion for clause in read_emotions(text, language))


def only(text: str) -> TextEmotion:
    (clause,) = read_emotions(text)
    return clause


def share_read(name: str, split: str, language: str) -> float:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["split"] == split]
    return sum(sequence(row["sentence"], language) == row["label"] for row in rows) / len(rows)


@pytest.mark.parametrize("split", ["tune", "test"])
def test_nine_in_ten_sentences_are_read_as_labelled(split):
    assert share_read("emotion_sentences.tsv", split, "en") >= 0.9


def test_four_in_five_german_ones_are_read_as_labelled():
    assert share_read("emotion_words_de.tsv", "test", "de") >= 0.8


@pytest.mark.parametrize("name", EMOTIONS)
def test_every_keyword_is_its_own_emotion(name):
    assert only(name) == TextEmotion(name, 1.0, name, 0)


@pytest.mark.parametrize("language", VOCABULARIES)
def test_no_entry_belongs_to_two_emotions(language):
    kinds: dict[tuple, set[str]] = {}
    for entries in VOCABULARIES[language].entries.values():
        for entry in entries:
            if entry.kind in EMOTIONS:
                kinds.setdefault(entry.pattern, set()).add(entry.kind)
    assert {pattern: found for pattern, found in kinds.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("answer", "emotion"),
    [
        ("Happy.", "happy"),
        ("emotion: fearful", "fear"),
        ("**sad**", "sad"),
        ('{"emotion": "angry"}', "angry"),
        ('```json\n{"emotion": "neutral", "reason": "she is happy, then sad"}\n```', "neutral"),
        ("<think>Happy? No, he fears the dog.</think>\n\nworried", "worried"),
        ("The keyword is: surprised", "surprised"),
    ],
)
def test_a_language_models_answer_is_understood_as_it_is(answer, emotion):
    assert sequence(answer) == emotion


def test_an_answers_own_intensity_is_taken():
    assert only('{"emotion": "angry", "intensity": 0.7}').intensity == 0.7


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("not happy at all", "sad"),
        ("not sad or angry", "neutral"),
        ("no longer afraid", "neutral"),
        ("without fear", "neutral"),
        ("her fear is gone", "neutral"),
        ("not angry, just disappointed", "sad"),
        ("more sad than angry", "sad"),
        ("never been happier", "happy"),
        ("she couldn’t be more terrified", "fear"),
        ("can't stop smiling", "happy"),
        ("he can barely hide his disgust", "disgusted"),
        ("not only annoyed but terrified", "fear"),
    ],
)
def test_what_is_denied_is_not_felt(text, emotion):
    assert sequence(text) == emotion


@pytest.mark.parametrize(
    ("text", "course"),
    [
        ("starts calm, then gets angry", "neutral>angry"),
        ("from happy to sad to angry", "happy>sad>angry"),
        ("at first cheerful, later furious", "happy>angry"),
        ("calm, ends up crying", "neutral>sad"),
        ("neutral -> happy -> surprised", "neutral>happy>surprised"),
        ("ends worried, but begins perfectly calm", "neutral>worried"),
        ("angry after being happy", "happy>angry"),
        ("she becomes angry", "angry"),
        ("sad, then sad again", "sad"),
    ],
)
def test_several_clauses_come_in_the_order_of_time(text, course):
    assert sequence(text) == course


def test_adverbs_order_the_intensity():
    read = [only(f"{adverb} worried").intensity for adverb in ("slightly", "somewhat", "quite", "very", "absolutely")]
    assert read == sorted(set(read))
    assert (read[0], read[2], read[-1]) == (0.4, 1.0, 1.5)


def test_intensity_stays_in_its_range():
    assert only("ABSOLUTELY UTTERLY FURIOUS!!!").intensity == 2.0


@pytest.mark.parametrize(
    ("text", "emotion"),
    [("terrifed", "fear"), ("angyr and loud", "angry"), ("sooo happyyyy", "happy"), ("\N{POUTING FACE}", "angry")],
)
def test_misspelt_words_and_emoji_are_known(text, emotion):
    assert sequence(text) == emotion


def test_two_emotions_at_once_are_a_blend_with_shares_of_sum_one():
    clause = only("happy, but a bit worried")
    assert [name for name, _ in clause.blend] == ["happy", "worried"]
    shares = [share for _, share in clause.blend]
    assert sum(shares) == pytest.approx(1) and shares[0] > shares[1]
    assert only("slightly worried").blend == ()


def test_a_clause_says_where_it_stands():
    text = "starts calm, then gets angry"
    for clause in read_emotions(text):
        assert text[clause.start :].startswith(clause.text)


def test_the_latent_lies_on_the_keywords_line():
    book = codebook()
    torch.testing.assert_close(text_emotion("slightly worried", book).values, book.lookup("worried", 0.4))
    torch.testing.assert_close(text_emotion("slightly worried", book, 0.5).values, book.lookup("worried", 0.2))
    torch.testing.assert_close(text_emotion("absolutely furious", book, 2.0).values, book.lookup("angry", 2.0))
    assert text_emotion("she's furious", book).name == "angry"


def test_a_blends_latent_is_the_weighted_one():
    book = codebook()
    expected = (2 * book.lookup("happy") + book.lookup("worried")) / 3
    torch.testing.assert_close(text_emotion("happy, but a bit worried", book).values, expected, atol=0.02, rtol=0)


def test_clauses_share_the_time_evenly():
    timeline = text_timeline("first calm, then surprised, then happy")
    assert [share for share, _ in timeline] == pytest.approx([0, 1 / 3, 2 / 3])
    assert timeline_lines("starts calm, then gets very angry") == "0% neutral 1\n50% angry 1.3"


def test_a_timelines_lines_hold_blends_and_the_intensity():
    assert timeline_lines("half happy, half sad", 0.5) == "0% 0.5 happy 0.5 + 0.5 sad 0.5"


@pytest.mark.parametrize("text", ["", "   \n", "asdf qwer", "a man in a red jacket", "a cat on the table"])
def test_where_no_word_is_known_nothing_is_guessed(text):
    assert read_emotions(text) == ()
    with pytest.raises(SettingsError) as error:
        text_emotion(text, codebook())
    message = str(error.value)
    assert all(name in message for name in EMOTIONS) and "\n" not in message and message.endswith(".")


def test_the_language_is_found_by_its_words():
    assert sequence("sie ist überhaupt nicht glücklich", "auto") == "sad"
    assert sequence("she is not happy at all", "auto") == "sad"
    with pytest.raises(SettingsError, match="'fr'"):
        read_emotions("content", "fr")


def test_the_prompt_asks_for_one_of_the_eight_and_holds_the_text():
    prompt = retrieval_prompt("  she slams the door ")
    assert prompt.endswith("she slams the door")
    assert all(name in prompt for name in EMOTIONS)
