"""espeak-ng's speech, its phoneme times, and the mouth that they move."""

import itertools

import numpy as np
import pytest

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.synthesis.mouth import frame_loudness, mouth_track
from emotivetalk_core.synthesis.phonemes import (
    PHONEME_CLASSES,
    SILENCE,
    PhonemeEvent,
    classes_of,
    gestures,
    phoneme_classes,
)
from emotivetalk_core.synthesis.prosody import EMOTIVE_PROSODY
from emotivetalk_core.synthesis.sentences import SENTENCE_LANGUAGES, test_sentences, train_sentences
from emotivetalk_core.synthesis.speech import SpokenSentence, speak
from emotivetalk_core.synthesis.voices import VOICES_TEST, VOICES_TRAIN
from emotivetalk_core.types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE, frame_count


def track_of(spoken: SpokenSentence) -> np.ndarray:
    return mouth_track(spoken.phonemes, frame_count(len(spoken.samples)))


def energy(spoken: SpokenSentence, start: float, end: float) -> float:
    part = spoken.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(part**2)))


def test_phonemes_cover_the_sentence_without_gaps():
    spoken = speak("Mama, papa. Happy baby, stop it!", "m3", emotion="worried")
    assert spoken.samples.dtype == np.float32
    assert spoken.phonemes[0].start == 0
    assert spoken.phonemes[-1].end == pytest.approx(spoken.seconds, abs=1e-3)
    for event, following in itertools.pairwise(spoken.phonemes):
        assert event.start < event.end == following.start


def test_times_agree_with_the_waveform():
    spoken = speak("Happy papa, pick up a cup.", "m3")
    for event in spoken.phonemes:
        if event.symbol.strip("\u02c8\u02cc") in ("æ", "\u0251\u02d0"):
            assert energy(spoken, event.start, event.end) > 0.03
        if event.symbol == "p":
            assert energy(spoken, event.start + 0.005, event.start + 0.025) < 0.02  # the closure is silent
        if event.symbol == SILENCE:
            assert energy(spoken, event.start + 0.005, event.end - 0.005) < 0.005


@pytest.mark.parametrize("voice", ["m3", "steph", "m8"])
@pytest.mark.parametrize("rate", [140, 200])
def test_lips_close_in_every_m_p_and_b(voice: str, rate: int):
    spoken = speak("Mama, papa. My baby bumped the lamp, maybe.", voice, rate=rate)
    opening = track_of(spoken)[:, 0]
    times = (np.arange(len(opening)) + 0.5) / FRAMES_PER_SECOND
    closers = [gesture for gesture in gestures(spoken.phonemes) if gesture.name in ("P", "M")]
    assert len(closers) >= 12
    for gesture in closers:
        near = (times > gesture.start - 0.03) & (times < gesture.end + 0.03)
        assert opening[near].min() == 0
    assert opening.max() > 0.8


def test_silence_is_closed():
    spoken = speak("Hello. Oh!", "m1")
    opening = track_of(spoken)[:, 0]
    pauses = [event for event in spoken.phonemes if event.symbol == SILENCE and event.end - event.start > 0.2]
    assert pauses
    for pause in pauses:
        middle = range(int((pause.start + 0.06) * FRAMES_PER_SECOND), int((pause.end - 0.1) * FRAMES_PER_SECOND))
        assert not opening[list(middle)].any()
    assert not mouth_track((PhonemeEvent(SILENCE, 0.0, 1.0),), 25).any()


def test_vowels_have_their_shapes():
    def shape(symbol: str) -> np.ndarray:
        events = (PhonemeEvent(SILENCE, 0, 0.5), PhonemeEvent(symbol, 0.5, 0.9), PhonemeEvent(SILENCE, 0.9, 1.4))
        return mouth_track(events, 35)[17]  # 0.7 s

    wide, spread, round_lips = shape("\u02c8\u0251\u02d0"), shape("\u02c8i\u02d0"), shape("\u02c8u\u02d0")
    assert wide[0] > 0.9 and 0.15 < spread[0] < 0.5 and 0.1 < round_lips[0] < 0.4
    assert spread[1] > 0.7 and round_lips[1] < -0.6
    assert round_lips[2] > 0.8 > 0.1 > spread[2]
    assert shape("f")[3] > 0.8 and 0 < shape("f")[0] < 0.15
    assert shape("\u03b8")[4] > 0.8


def test_mouth_moves_smoothly():
    spoken = speak("The weather has been wonderful all week.", "Andy", emotion="fear")
    track = track_of(spoken)
    assert track.min(0)[[0, 2, 3, 4]].min() >= 0 and np.abs(track).max() <= 1
    assert np.abs(np.diff(track[:, 1:], axis=0)).max() < 0.75


def test_loudness_of_silence_speech_and_shout():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 200 * time).astype(np.float32)
    assert frame_loudness(np.zeros(SAMPLE_RATE, np.float32), 25).max() == 0
    usual, shout = frame_loudness(0.15 * tone, 25)[12], frame_loudness(0.6 * tone, 25)[12]
    assert 0.4 < usual < 0.8 < shout <= 1


def test_symbols_pass_through_their_classes():
    assert classes_of("\u02c8a\u026a") == ("AA", "IY")
    assert classes_of("t\u0283") == ("SH",)
    assert classes_of("pf") == ("P", "F")
    assert classes_of("\u0254\u0303") == ("AO",)
    assert classes_of(SILENCE) == ("silence",)


def test_labels_follow_the_events():
    events = (PhonemeEvent(SILENCE, 0, 0.1), PhonemeEvent("m", 0.1, 0.2), PhonemeEvent("a\u026a", 0.2, 0.3))
    labels = phoneme_classes(events, count=20)
    expected = ["silence"] * 5 + ["M"] * 5 + ["AA"] * 3 + ["IY"] * 2 + ["silence"] * 5
    assert [PHONEME_CLASSES[label] for label in labels] == expected


def test_the_same_words_sound_the_same_again():
    first = speak("Good morning!", "f1", seed=7)
    speak("Guten Tag!", "m4", "de")
    again = speak("Good morning!", "f1", seed=7)
    assert np.array_equal(first.samples, again.samples) and first.phonemes == again.phonemes


def test_emotions_are_heard():
    assert tuple(EMOTIVE_PROSODY) == EMOTIONS
    spoken = {emotion: speak("I have never seen it before.", "m3", emotion=emotion) for emotion in EMOTIONS}
    level = {emotion: energy(one, 0, one.seconds) for emotion, one in spoken.items()}
    assert level["angry"] > 1.5 * level["sad"]
    assert spoken["sad"].seconds > 1.2 * spoken["fear"].seconds
    assert max(np.abs(one.samples).max() for one in spoken.values()) < 1


def test_splits_share_neither_sentences_nor_voices():
    for language in SENTENCE_LANGUAGES:
        train, test = train_sentences(language), test_sentences(language)
        assert len(set(train)) == len(train) >= (60 if language == "en" else 12)
        assert len(set(test)) == len(test) >= (24 if language == "en" else 4)
        assert not set(train) & set(test)
    assert not set(sum(VOICES_TRAIN, ())) & set(sum(VOICES_TEST, ()))


def test_every_voice_can_speak():
    for voice in sum(VOICES_TRAIN + VOICES_TEST, ()):
        assert speak("Papa.", voice).seconds > 0.3


@pytest.mark.parametrize(
    ("voice", "language", "emotion", "named"),
    [("nobody", "en-us", None, "nobody"), ("m3", "xx-none", None, "xx-none"), ("m3", "en-us", "bored", "happy")],
)
def test_unknown_choices_are_named(voice: str, language: str, emotion: str | None, named: str):
    with pytest.raises(SettingsError, match=named):
        speak("Hello", voice, language, emotion=emotion)
    with pytest.raises(SettingsError, match="xx"):
        train_sentences("xx")
