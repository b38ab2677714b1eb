"""Timelines: their text, and the condition of each frame in closed form."""

import random

import numpy as np
import pytest
import torch

from emotivetalk_core.direction.source import EmotionSource, Keyword, Part, SourceReaders, parse_source, resolve
from emotivetalk_core.direction.timeline import (
    DEFAULT_OVER,
    Key,
    Seconds,
    Share,
    Spoken,
    Timeline,
    parse_timeline,
)
from emotivetalk_core.direction.words import WordTime
from emotivetalk_core.errors import EmotiveTalkError, InputError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.plot import HEIGHT, WIDTH, draw_timeline
from emotivetalk_core.types import EMOTIONS, FRAMES_PER_SECOND, Emotion, Speech

CODEBOOK = EmotionCodebook(torch.randn(8, 6, generator=torch.Generator().manual_seed(2)))
WORDS = tuple(
    WordTime(word, 0.4 * i, 0.4 * i + 0.3) for i, word in enumerate("I like it, but you do not. But why?".split())
)


def resolved(source: EmotionSource) -> Emotion:
    return resolve(source, SourceReaders(CODEBOOK))


def shares(text: str, frames: int, words: tuple[WordTime, ...] = ()) -> np.ndarray:
    return parse_timeline(text).shares(frames, words)[1].numpy()


def test_every_form_of_a_line_is_read():
    timeline = parse_timeline(
        """# an introduction with an open " in it
        0 neutral

        2.5s happy 0.7 # said quietly
        1:02.5 text: furious over 1.2 linear
        "but" 2 0.7 sad + 0.3 fear hold; 40% angry smooth over .2
        "you do" image: "a # b; c.png" step"""
    )
    keys = timeline.keys
    assert [key.at for key in keys] == [
        Seconds(0),
        Seconds(2.5),
        Seconds(62.5),
        Spoken("but", 2),
        Share(0.4),
        Spoken("you do"),
    ]
    assert [key.easing for key in keys] == ["smooth", "smooth", "linear", "hold", "smooth", "hold"]
    assert [key.over for key in keys] == [DEFAULT_OVER, DEFAULT_OVER, 1.2, DEFAULT_OVER, 0.2, DEFAULT_OVER]
    assert [key.line for key in keys] == [2, 4, 5, 6, 6, 7]
    assert keys[3].source == parse_source("0.7 sad + 0.3 fear")
    assert keys[5].source == parse_source('image: "a # b; c.png"')


@pytest.mark.parametrize(
    "text",
    [
        "[00:00.00] neutral\n[00:01.50] happy 0.8 over 0.3",  # as lyrics
        "(0) neutral; (1.5s) happy 0.8 over 0.3",
        "0 neutral\n1,5 happy 0,8 over 0,3",
        "0\u00a0neutral\n00:01,500\thappy 0,8 over ,3",
    ],
)
def test_times_as_other_programs_write_them(text):
    assert parse_timeline(text) == parse_timeline("0 neutral; 1.5 happy 0.8 over 0.3")


def test_quotation_marks_as_word_processors_write_them():
    for opening, closing in ("\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb", "\u00bb\u00ab"):
        assert parse_timeline(f"{opening}but{closing} 2 happy") == parse_timeline('"but" 2 happy')
    assert parse_source("text: \u201cso glad\u201d 0,5") == parse_source('text: "so glad" 0.5')


def test_what_is_written_is_read_as_the_same():
    chance = random.Random(3)
    for _ in range(200):
        keys = []
        for _ in range(chance.randint(1, 5)):
            seconds, share = round(chance.uniform(0, 9000), chance.randint(0, 3)), round(chance.random(), 4)
            at = chance.choice([Seconds(seconds), Share(share), Spoken("but then", chance.randint(1, 3))])
            parts = [
                Part(
                    Keyword(chance.choice(EMOTIONS)), round(chance.uniform(0, 2), 3), round(chance.uniform(0.01, 3), 3)
                )
                for _ in range(chance.randint(1, 3))
            ]
            easing = chance.choice(["smooth", "linear", "hold"])
            over = DEFAULT_OVER if easing == "hold" else round(chance.uniform(0, 2), 3)
            keys.append(Key(at, EmotionSource(tuple(parts)), over, easing))
        timeline = Timeline(tuple(keys))
        assert parse_timeline("\n".join(str(key) for key in timeline.keys)) == timeline


@pytest.mark.parametrize(
    "text,words",
    [
        ("", ("empty",)),
        ("# nothing\n\n", ("empty",)),
        ("neutral 0\nangry 1.5", ("Line 1", "neutral 0", "number 0", "in front")),
        ("calm, then angry at 1:02", ("Line 1", "number 1:02", "in front")),
        ("calm\nfurious [00:02]", ("Line 2", "number 00:02")),
        ("0 happy\n1", ("Line 2", "not what")),
        ("0 happy\n\n1 very sad", ("Line 3", "very sad")),
        ("0 happy 3", ("Line 1", "0 to 2")),
        ("1:75 happy", ("Line 1", "1:75")),
        ("130% happy", ("Line 1", "130%", "100%")),
        ("1 happy over -2", ("Line 1", "-2")),
        ("1 happy over 2 hold", ("Line 1", "hold", "over")),
        ('0 sad\n"but happy', ("Line 2", "quotation")),
        ('"" happy', ("Line 1", "are empty")),
        ('"but" 0 happy', ("Line 1", "first is 1")),
    ],
)
def test_what_cannot_be_read_names_its_line(text, words):
    with pytest.raises(EmotiveTalkError) as fault:
        parse_timeline(text)
    assert "\n" not in str(fault.value)
    for word in words:
        assert word in str(fault.value)


@pytest.mark.parametrize(
    "text,words",
    [
        ("0 happy\n9 sad", ("Line 2", "9", "4.00 s")),
        ('0 happy\n"nobody" sad', ("Line 2", "nobody", "transcript")),
        ('0 happy\n"but" 3 sad', ("Line 2", "2 times")),
        ("0 happy\n2 grumpy", ("Line 2", "grumpy", "neutral")),
        ("0 happy\n2.01 sad\n50% fear", ("2.01 sad", "50% fear", "2.0")),
        ("0 happy\n1 portrait", ("Line 2", "portrait")),
    ],
)
def test_what_does_not_fit_the_speech_names_its_line(text, words):
    with pytest.raises(EmotiveTalkError) as fault:
        parse_timeline(text).course(100, resolved, WORDS)
    for word in words:
        assert word in str(fault.value)


def test_a_linear_change_is_centred_on_its_key():
    found = shares("0 happy\n2 sad over 0.8 linear", 100)
    middles = (np.arange(100) + 0.5) / 25
    np.testing.assert_allclose(found[:, 1], np.clip((middles - 1.6) / 0.8, 0, 1), atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_smooth_change_starts_and_ends_without_speed_and_is_half_way_at_its_key():
    found = shares("0 happy\n2 sad over 2", 100)[:, 1]
    assert found[49] + found[50] == pytest.approx(1, abs=1e-6)
    assert found[24] == 0 and found[75] == 1
    assert found[25] < 0.002 and np.diff(found).max() < 1.55 / 50  # 1.5 of the linear change's speed, at its middle
    assert (np.diff(found) >= 0).all()


def test_hold_changes_from_one_frame_to_the_next():
    for text in ("0 happy\n2 sad hold", "0 happy\n2 sad over 0"):
        np.testing.assert_array_equal(shares(text, 100)[:, 1], np.arange(100) >= 50)


def test_the_first_source_holds_before_its_key_and_keys_may_stand_in_any_order():
    found = shares("3 sad hold\n1 happy", 100)
    np.testing.assert_array_equal(found[:75, 0], 1)
    np.testing.assert_array_equal(found[75:, 1], 1)


def test_changes_that_overlap_do_not_jump():
    found = shares("0 happy\n1.5 sad over 2\n2 fear over 2\n2.2 angry over 1 linear", 100)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert found.min() >= 0 and np.abs(np.diff(found, axis=0)).max() < 0.1
    np.testing.assert_array_equal(found[-1], [0, 0, 0, 1])


def test_shares_and_words_become_seconds():
    timed = parse_timeline('25% sad\n"but" happy\n"but" 2 fear\n"you do" angry').times(100, WORDS)
    assert [(round(time, 6), str(key.at)) for time, key in timed] == [
        (1.0, "25%"), (1.2, '"but"'), (1.6, '"you do"'), (2.8, '"but" 2'),
    ]  # fmt: skip


def test_the_course_mixes_the_sources_latents_frame_by_frame_and_asks_for_each_once():
    asked: list[EmotionSource] = []

    def counted(source: EmotionSource) -> Emotion:
        asked.append(source)
        return resolved(source)

    timeline = parse_timeline("0 happy\n1 sad 0.5\n2 happy\n3 0.5 fear + 0.5 angry")
    emotion = timeline.course(100, counted)
    assert len(asked) == 3
    latents = torch.stack([resolved(key.source).values for key in timeline.keys])
    torch.testing.assert_close(emotion.values, timeline.shares(100)[1] @ latents)
    torch.testing.assert_close(emotion.values[10], CODEBOOK.lookup("happy"))
    torch.testing.assert_close(emotion.values[38], CODEBOOK.lookup("sad", 0.5))


def test_a_source_that_changes_in_time_keeps_its_own_course():
    course = torch.randn(100, 6)
    readers = SourceReaders(CODEBOOK, named={"a": Emotion(course)})
    found = parse_timeline("0 a\n2 sad hold").course(100, lambda source: resolve(source, readers)).values
    torch.testing.assert_close(found[:50], course[:50])
    with pytest.raises(InputError, match="Line 1.*100 frames.*80"):
        parse_timeline("0 a\n2 sad hold").course(80, lambda source: resolve(source, readers))


def test_a_sentence_of_several_clauses_becomes_keys():
    keys = parse_timeline("starts calm, then gets angry").keys
    assert [part.origin for key in keys for part in key.source.parts] == [Keyword("neutral"), Keyword("angry")]
    assert isinstance(keys[1].at, Share) and 0 < keys[1].at.value < 1


def test_one_source_alone_holds_for_the_whole_speech():
    for text in ("happy 0.7 + sad", "happy 0.5", 'text: "calm; quiet"', "0.7 happy + 0.3 surprised"):
        assert parse_timeline(text) == Timeline((Key(Seconds(0), parse_source(text)),))
    (key,) = parse_timeline("0 happy + 0.3 surprised").keys
    assert key.source == parse_source("happy + 0.3 surprised"), "0 is a time, for nothing counts for nothing"


def test_names_that_are_known_are_no_sentence():
    for text in ("smug", "happy 0.5 + a 0.5"):
        assert parse_timeline(text, (*EMOTIONS, "smug", "a")) == Timeline((Key(Seconds(0), parse_source(text)),))


def test_text_without_an_emotion_is_refused():
    with pytest.raises(EmotiveTalkError, match="happy"):
        parse_timeline("xylophones and bricks")


def test_strengths_add_up_over_keys_and_parts():
    found = parse_timeline("0 happy 0.5\n2 0.5 happy + 0.5 sad 2 hold").strengths(100)
    np.testing.assert_allclose(found["happy"], 0.5)
    np.testing.assert_allclose(found["sad"], np.arange(100) >= 50)


def test_the_plot_shows_each_emotion_where_it_holds_and_a_line_at_its_key():
    timeline = parse_timeline("0 happy\n2 angry hold")
    keys = [(time, str(key)) for time, key in timeline.times(100)]
    picture = draw_timeline(timeline.strengths(100), keys, Speech(torch.zeros(64_000)), [(1.0, "schön"), (1.01, "zu")])
    assert picture.shape == (3, HEIGHT, WIDTH) and 0 <= picture.min() and picture.max() <= 1

    def height(colour: tuple[int, int, int], left: int, right: int) -> float:
        there = (picture - torch.tensor(colour)[:, None, None] / 255).abs().amax(0) < 0.1
        return there[40:300, left:right].nonzero()[:, 0].float().mean().item()

    assert height((255, 213, 112), 200, 450) < height((255, 110, 96), 200, 450) - 100  # happy above angry
    assert height((255, 213, 112), 600, 900) > height((255, 110, 96), 600, 900) + 100
    upright = (picture[:, 60:480] > 0.5).all(0).float().mean(0)
    assert 480 < int(upright[100:].argmax()) + 100 < 560


@pytest.mark.parametrize("frames", [1, 2, 9000])
def test_every_length_is_drawn_and_directed(frames):
    timeline = parse_timeline("0 happy\n100% sad over 0.1" if frames > 1 else "0 happy")
    assert timeline.course(frames, resolved).values.shape == (frames, 6)
    assert draw_timeline(timeline.strengths(frames), [(0.0, "x")]).shape == (3, HEIGHT, WIDTH)
    assert frames / FRAMES_PER_SECOND > 0


def test_nothing_to_draw_is_the_callers_mistake():
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_timeline({})
