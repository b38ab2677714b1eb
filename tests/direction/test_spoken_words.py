"""When words are spoken: subtitles and JSON as they say, plain text as the voice has it."""

import json
import re

import numpy as np
import pytest
import torch

from emotivetalk_core.direction.alignment import voiced_stretches
from emotivetalk_core.direction.words import WordTime, find_words, word_times
from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.types import SAMPLE_RATE, Speech


def bursts(spans: list[tuple[float, float]], seconds: float, noise: float = 0.0) -> Speech:
    """A tone that is there in these spans alone."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    there = np.zeros_like(time)
    for start, end in spans:
        there[(time >= start) & (time < end)] = 1
    hiss = noise * np.random.default_rng(0).standard_normal(len(time))
    return Speech(torch.from_numpy(0.3 * there * np.sin(2 * np.pi * 200 * time) + hiss).float())


SPANS = [(0.5, 0.9), (1.5, 2.0), (2.6, 3.4)]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_voice_is_told_from_silence(noise):
    found = voiced_stretches(bursts(SPANS, 4, noise))
    np.testing.assert_allclose(found, SPANS, atol=0.03)


def test_silence_counts_as_one_stretch():
    assert len(voiced_stretches(Speech(torch.zeros(16_000)))) == 1
    assert len(word_times("one two", Speech(torch.zeros(1)))) == 2


def test_phrases_fall_into_the_voiced_stretches():
    words = word_times("Well. Never mind. It is fine!", bursts(SPANS, 4))
    assert [word.word for word in words] == ["Well", "Never", "mind", "It", "is", "fine"]
    starts = [word.start for word in words]
    np.testing.assert_allclose([starts[0], starts[1], starts[3]], [0.5, 1.5, 2.6], atol=0.03)
    assert starts == sorted(starts) and all(word.end > word.start for word in words)
    assert words[-1].end == pytest.approx(3.4, abs=0.03)


def test_a_pause_without_punctuation_still_parts_two_words():
    words = word_times("good good morning", bursts([(0.2, 0.5), (1.4, 2.2)], 3))
    assert words[0].end < 0.6 and words[1].start == pytest.approx(1.4, abs=0.03)


def test_spoken_sentences_of_unseen_voices_are_found():
    """Each word is said by itself, so that its beginning is known to the sample."""
    pytest.importorskip("espeakng_loader")
    from emotivetalk_core.synthesis.speech import speak
    from emotivetalk_core.synthesis.voices import VOICES_TEST

    texts = ["We took the early boat, but nobody was at the harbour.", "Is it far? Not really; follow the old railway."]
    errors = []
    for voice in VOICES_TEST[0] + VOICES_TEST[1]:
        for text in texts:
            pieces, truth, at = [np.zeros(3000, np.float32)], [], 3000
            for word in text.split():
                said = speak(word.strip(",.?;"), voice).samples
                loud = np.flatnonzero(np.abs(said) > 0.01)
                gap = np.zeros(6000 if word[-1] in ",.?;" else 300, np.float32)
                truth.append(at / SAMPLE_RATE)
                pieces += [said[loud[0] : loud[-1]], gap]
                at += sum(map(len, pieces[-2:]))
            found = word_times(text, Speech(torch.from_numpy(np.concatenate(pieces))))
            errors += [abs(word.start - start) for word, start in zip(found, truth, strict=True)]
    assert np.median(errors) < 0.1 and np.percentile(errors, 90) < 0.25


SRT = """1
00:00:01,000 --> 00:00:02,000
<i>Good</i> morning

2
00:01:00,500 --> 00:01:01,000
everyone
"""

VTT = """WEBVTT

NOTE made by hand

intro
00:01.000 --> 00:03.000 align:start
<v Ann>Good <00:02.500>morning

00:04.000 --> 00:05.000
all
"""


def test_srt_shares_a_cues_time_among_its_words():
    for text in (SRT, SRT.replace("\n", "\r\n"), "\ufeff" + SRT):
        words = word_times(text, None)
        assert [word.word for word in words] == ["Good", "morning", "everyone"]
        assert words[0].start == 1 and words[0].end == words[1].start and words[1].end == 2
        assert words[1].end - words[1].start > words[0].end - words[0].start
        assert words[2] == WordTime("everyone", 60.5, 61.0)


@pytest.mark.parametrize("empty", ["", "\n", " \n\n", "<i></i>\n\n"])
def test_an_empty_cue_says_nothing_and_its_neighbours_what_they_say(empty):
    text = f"1\n00:00:01,000 --> 00:00:02,000\n{empty}2\n00:00:02,000 --> 00:00:03,000\n7\n\n"
    assert word_times(text + "3\n00:00:03,000 --> 00:00:04,000\n8", None) == (
        WordTime("7", 2.0, 3.0), WordTime("8", 3.0, 4.0),
    )  # fmt: skip
    named = VTT.replace("align:start\n<v Ann>Good <00:02.500>morning", "\n\nsecond").replace("\n\n00:04", "\n00:04")
    assert word_times(named, None) == (WordTime("all", 4.0, 5.0),)


def test_a_number_that_is_said_in_a_cue_without_numbers_stays():
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n5\n\n00:02.000 --> 00:03.000\n6\n"
    assert [word.word for word in word_times(text, None)] == ["5", "6"]


def test_vtt_keeps_the_times_inside_a_cue():
    assert word_times(VTT, None) == (
        WordTime("Good", 1.0, 2.5), WordTime("morning", 2.5, 3.0), WordTime("all", 4.0, 5.0),
    )  # fmt: skip


ROLLING = """WEBVTT

00:00:00.000 --> 00:00:00.990 align:start position:0%
\x20
i<00:00:00.300><c> was</c><00:00:00.600><c> happy</c>

00:00:00.990 --> 00:00:01.000 align:start position:0%
i was happy
\x20

00:00:01.000 --> 00:00:01.990 align:start position:0%
i was happy
but<00:00:01.400><c> happy</c><00:00:01.700><c> no more</c>
"""


@pytest.mark.parametrize("plain", [False, True])
def test_lines_that_roll_up_are_said_once(plain):
    """As automatic captions write them, and as they are where a converter took the times inside away."""
    text = re.sub("<[^>]*>", "", ROLLING) if plain else ROLLING
    words = word_times(text, None)
    assert [word.word for word in words] == "i was happy but happy no more".split()
    assert [words[i].start for i in (0, 3)] == [0.0, 1.0]
    assert find_words("happy", words, 2) == pytest.approx(1.4 if not plain else words[4].start)


def test_a_line_that_is_said_twice_stays_twice():
    srt = "1\n00:00:00,000 --> 00:00:01,000\nNo!\n\n2\n00:00:01,000 --> 00:00:02,000\nNo!\n"
    assert [(word.word, word.start) for word in word_times(srt, None)] == [("No", 0.0), ("No", 1.0)]


def test_json_is_read_flat_and_nested():
    flat = [{"word": " Good", "start": 1, "end": 1.5}, {"word": "day.", "start": 1.5, "end": 2}]
    expected = (WordTime("Good", 1.0, 1.5), WordTime("day", 1.5, 2.0))
    chunks = [{"text": "Good", "timestamp": [1, 1.5]}, {"text": "day.", "timestamp": [1.5, 2.0]}]
    for given in (flat, {"words": flat}, {"segments": [{"words": flat[:1]}, {"words": flat[1:]}]}, {"chunks": chunks}):
        assert word_times(json.dumps(given), None) == expected
    segment = word_times(json.dumps({"segments": [{"text": "Good day.", "start": 1, "end": 2}]}), None)
    assert [word.word for word in segment] == ["Good", "day"] and segment[0].start == 1 and segment[1].end == 2


def spoken(*entries: tuple) -> str:
    """WhisperX's JSON of one segment: (word, start, end), or (word,) where it found no times."""
    names = ("word", "start", "end")
    return json.dumps({"segments": [{"start": 1, "end": 4, "words": [dict(zip(names, entry)) for entry in entries]}]})


def test_words_without_times_share_what_is_between_their_neighbours():
    words = word_times(spoken(("take", 1, 1.5), ("5",), ("or",), ("six", 2.5, 3)), None)
    assert words == (
        WordTime("take", 1.0, 1.5), WordTime("5", 1.5, 2.0), WordTime("or", 2.0, 2.5), WordTime("six", 2.5, 3.0),
    )  # fmt: skip
    tight = word_times(spoken(("take", 1, 1.5), ("5",), ("six", 1.4, 3)), None)
    assert tight == (WordTime("take", 1.0, 1.5), WordTime("six", 1.4, 3.0), WordTime("5", 1.5, 1.5))


def test_words_without_times_at_the_ends_lie_beside_the_only_neighbour():
    first, six, last = word_times(spoken(("$5",), ("six", 2.5, 3), ("7",)), None)
    assert [first.word, six.word, last.word] == ["5", "six", "7"]
    assert 2 < first.start < first.end == 2.5 and last.start == 3 < last.end < 4
    assert word_times(spoken(("20000000",), ("six", 0.5, 3)), None)[0] == WordTime("20000000", 0.0, 0.5)


def test_a_segment_lends_its_times_to_words_that_have_none_at_all():
    assert word_times(spoken(("5",), ("6",)), None) == (WordTime("5", 1.0, 2.5), WordTime("6", 2.5, 4.0))
    null = {"word": "a", "start": None, "end": None}
    assert word_times(json.dumps([null, {"word": "b", "start": 1, "end": 2}]), None)[0].end == 1


def test_an_empty_list_of_words_leaves_the_segments_own_text():
    segment = {"start": 0, "end": 1, "text": "hi", "words": []}
    assert word_times(json.dumps({"segments": [segment]}), None) == (WordTime("hi", 0.0, 1.0),)
    assert word_times(json.dumps({"words": [], "segments": [segment]}), None) == (WordTime("hi", 0.0, 1.0),)
    silent = {"text": "", "segments": [{"words": []}]}
    for given in ({"segments": []}, silent, {"text": "", "segments": []}):
        with pytest.raises(InputError, match="no words"):
            word_times(json.dumps(given), None)


@pytest.mark.parametrize("text", ["[music] good day", "[1] good day", "[ (sighs) ] good day", "[music]\ngood day"])
def test_a_text_that_begins_with_a_bracket_is_a_text(text):
    assert [word.word for word in word_times(text, bursts(SPANS, 4))][-2:] == ["good", "day"]


@pytest.mark.parametrize(
    "text,words",
    [
        ("", ("no words",)),
        ("... !", ("no words",)),
        ("[]", ("no words",)),
        ('[{"word": 1, 2', ("JSON",)),
        ("[[1]]", ("1", "start")),
        ('["a"]', ('"a"', "start")),
        ('[{"word": "a"}, {"word": "b"}]', ('{"word": "a"}', "seconds")),
        ('[{"word": "a", "end": 2}]', ("seconds",)),
        ('[{"word": "a", "start": "now", "end": 2}]', ("now", "seconds")),
        ('[{"word": "a", "start": NaN}]', ("NaN", "seconds")),
        ('[{"word": "a", "start": 2, "end": 1}]', ("a", "before it begins")),
        ('[{"word": "a", "timestamp": 3}]', ("seconds",)),
        (SRT.replace("00:00:02,000", "00:00:00,500"), ("before it begins",)),
    ],
)
def test_a_bad_transcript_is_refused_in_one_sentence(text, words):
    with pytest.raises(InputError) as fault:
        word_times(text, Speech(torch.zeros(16_000)))
    assert "\n" not in str(fault.value)
    for word in words:
        assert word in str(fault.value)


def test_plain_text_needs_the_speech():
    with pytest.raises(InputError, match="needs the speech"):
        word_times("hello", None)


WORDS = tuple(WordTime(word, float(i), i + 0.5) for i, word in enumerate("Don’t go, BUT stay; but don't".split()))


def test_words_are_found_without_regard_to_case_and_punctuation():
    assert find_words("but", WORDS) == 2.0
    assert find_words("But", WORDS, 2) == 4.0
    assert find_words("don't", WORDS, 2) == 5.0
    assert find_words("go but stay", WORDS) == 1.0


def test_a_word_that_is_not_spoken_lists_near_ones():
    with pytest.raises(SettingsError, match='"stayed" is not spoken.*stay'):
        find_words("stayed", WORDS)
    with pytest.raises(SettingsError, match="begins with Don’t go BUT"):
        find_words("xylophone", WORDS)
    with pytest.raises(SettingsError, match="2 times.*number 3"):
        find_words("but", WORDS, 3)
    with pytest.raises(SettingsError, match="no transcript"):
        find_words("but", ())
