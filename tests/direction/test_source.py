"""The grammar of a source of emotion, and what it resolves to."""

from pathlib import Path

import pytest
import torch

from emotivetalk_core.direction.source import (
    EmotionSource,
    FromImage,
    FromPortrait,
    FromSpeech,
    FromText,
    Keyword,
    Part,
    SourceReaders,
    blend,
    intensified,
    parse_source,
    resolve,
    scale,
)
from emotivetalk_core.direction.timeline import parse_timeline
from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.speech_emotion import HeardEmotion
from emotivetalk_core.types import EMOTIONS, Emotion

CODEBOOK = EmotionCodebook(torch.randn(8, 6, generator=torch.Generator().manual_seed(1)))
NEUTRAL = CODEBOOK.lookup("neutral")


@pytest.mark.parametrize(
    "text,parts",
    [
        ("happy", [(Keyword("happy"), 1, 1)]),
        (" HAPPY  0.7 ", [(Keyword("happy"), 0.7, 1)]),
        ("0.7 happy + 0.3 surprised", [(Keyword("happy"), 1, 0.7), (Keyword("surprised"), 1, 0.3)]),
        ("2 happy 0.5 + sad 1.5", [(Keyword("happy"), 0.5, 2), (Keyword("sad"), 1.5, 1)]),
        ("text: slightly worried", [(FromText("slightly worried"), 1, 1)]),
        ('Text: "calm + 3" 0.5', [(FromText("calm + 3"), 0.5, 1)]),
        ("happy + image: a smile.png", [(Keyword("happy"), 1, 1), (FromImage(Path("a smile.png")), 1, 1)]),
        ('image: "shot 2"', [(FromImage(Path("shot 2")), 1, 1)]),
        ("image: shot 2", [(FromImage(Path("shot")), 2, 1)]),
        ("speech", [(FromSpeech(), 1, 1)]),
        ("0.5 speech: C:\\voices\\her.wav 1.2", [(FromSpeech(Path("C:\\voices\\her.wav")), 1.2, 0.5)]),
        ("portrait 0", [(FromPortrait(), 0, 1)]),
    ],
)
def test_the_grammar_is_read_and_written_back(text, parts):
    source = parse_source(text)
    assert source == EmotionSource(tuple(Part(origin, intensity, weight) for origin, intensity, weight in parts))
    assert parse_source(str(source)) == source


@pytest.mark.parametrize(
    "text,words",
    [
        ("", ("lacks", "happy")),
        ("happy +", ("lacks",)),
        ("very happy", ("very happy", "text: very happy")),
        ("happy 2.5", ("2.5", "0 to 2")),
        ("happy -1", ("-1", "0 to 2")),
        ("0 happy + 0 sad", ("weights", "0")),
        ("image:", ("colon",)),
        ('text: "calm', ("quotation",)),
        ("0.7", ("0.7",)),
        ("happy ]", ("happy ]",)),
    ],
)
def test_what_is_no_source_is_said_in_one_sentence(text, words):
    with pytest.raises(SettingsError) as fault:
        parse_source(text)
    assert "\n" not in str(fault.value)
    for word in words:
        assert word in str(fault.value)


def test_a_keyword_is_the_codebooks_latent_on_its_line_from_neutral():
    readers = SourceReaders(CODEBOOK)
    for intensity in (0.0, 0.7, 2.0):
        found = resolve(parse_source(f"angry {intensity}"), readers).values
        torch.testing.assert_close(found, NEUTRAL + intensity * (CODEBOOK.lookup("angry") - NEUTRAL))


def test_a_blend_is_the_weighted_mean_of_its_parts():
    found = resolve(parse_source("3 happy 0.5 + sad + portrait"), SourceReaders(CODEBOOK, portrait=torch.ones(6)))
    expected = (3 * CODEBOOK.lookup("happy", 0.5) + CODEBOOK.lookup("sad") + torch.ones(6)) / 5
    torch.testing.assert_close(found.values, expected)
    assert found.name == "3 happy 0.5 + 1 sad + 1 portrait"


def test_pictures_and_voices_are_read_by_their_own_readers_and_scaled_from_neutral():
    smile, heard = torch.full((6,), 2.0), torch.zeros(8)
    heard[EMOTIONS.index("fear")], heard[EMOTIONS.index("sad")] = 0.6, 0.4  # beyond half of the first: 0.3 and 0.1
    asked: list[Path | None] = []

    def recognise(path: Path | None) -> HeardEmotion:
        asked.append(path)
        return HeardEmotion(heard)

    readers = SourceReaders(
        CODEBOOK, read_image=lambda path: smile if path == Path("s.png") else -smile, recognise=recognise
    )
    half = resolve(parse_source("image: s.png 0.5"), readers).values
    torch.testing.assert_close(half, (NEUTRAL + smile) / 2)
    fearful = 0.75 * CODEBOOK.lookup("fear") + 0.25 * CODEBOOK.lookup("sad")
    torch.testing.assert_close(resolve(parse_source("speech"), readers).values, fearful)
    torch.testing.assert_close(resolve(parse_source("speech: v.wav"), readers).values, fearful)
    assert asked == [None, Path("v.wav")]


def test_a_sentence_lies_on_the_line_that_its_adverb_names():
    found = resolve(parse_source("text: slightly worried"), SourceReaders(CODEBOOK)).values - NEUTRAL
    whole = CODEBOOK.lookup("worried") - NEUTRAL
    share = (found @ whole) / (whole @ whole)
    torch.testing.assert_close(found, share * whole)
    assert 0.1 < share < 0.9


def test_given_emotions_come_before_the_codebooks_and_may_change_in_time():
    course = torch.randn(5, 6)
    found = resolve(parse_source("0.5 a + 0.5 sad"), SourceReaders(CODEBOOK, named={"a": Emotion(course)})).values
    torch.testing.assert_close(found, (course + CODEBOOK.lookup("sad")) / 2)


def test_a_blends_intensity_is_on_the_line_from_neutral_through_the_blend():
    source, readers = parse_source("0.7 happy + 0.3 fear 0.5"), SourceReaders(CODEBOOK)
    found = resolve(intensified(source, 0.4), readers).values
    torch.testing.assert_close(found, scale(resolve(source, readers).values, 0.4, CODEBOOK))
    assert intensified(parse_source("happy 1.5"), 2.0).parts[0].intensity == 2.0


@pytest.mark.parametrize("text", ["portrait", "image: x.png", "speech", "speech: x.wav"])
def test_what_cannot_be_had_here_says_so(text):
    with pytest.raises(InputError, match="is not available here"):
        resolve(parse_source(text), SourceReaders(CODEBOOK))


def test_unknown_names_and_other_widths_are_refused():
    with pytest.raises(SettingsError, match="'grumpy'.*happy"):
        resolve(parse_source("happy + grumpy"), SourceReaders(CODEBOOK))
    with pytest.raises(InputError, match="30 wide.*6"):
        resolve(parse_source("portrait"), SourceReaders(CODEBOOK, portrait=torch.zeros(30)))
    with pytest.raises(InputError, match="blended"):
        blend([torch.zeros(5, 6), torch.zeros(4, 6)], (1.0, 1.0))


def test_what_stands_in_for_an_emotion_is_said_whatever_names_it():
    """Once, however often it is named; and not where it is not."""
    book = EmotionCodebook(CODEBOOK.latents, made_of={"worried": "0.5 fear + 0.5 sad"})
    note = "Worried is not among the published emotions; 0.5 fear + 0.5 sad stands for it."
    heard = torch.eye(len(EMOTIONS))[EMOTIONS.index("worried")]
    readers = SourceReaders(
        book, recognise=lambda path: HeardEmotion(heard), named={"a": Emotion(NEUTRAL, "a", (note,))}
    )
    for text in ("worried", "anxious", "0.7 happy + 0.3 worried 0.5", "text: rather anxious", "speech", "0.5 a + sad"):
        assert resolve(parse_source(text), readers).notes == (note,), text
    assert resolve(parse_source("happy + text: afraid"), readers).notes == ()
    course = parse_timeline("0 neutral; 1 worried; 2 0.5 happy + 0.5 worried")
    assert course.course(100, lambda source: resolve(source, readers)).notes == (note,)
