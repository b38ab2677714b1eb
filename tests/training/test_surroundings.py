"""Rooms, noise, telephones and music around a voice: other ones at each call, the voice where it was."""

import numpy as np
import pytest

from emotivetalk_core.face.head_motion import blinks
from emotivetalk_core.synthesis.action_units import expression_course
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.training.music import music
from emotivetalk_core.training.surroundings import USUAL_LEVEL, _band, _in_room, _noise, _telephone, as_recorded
from emotivetalk_core.types import SAMPLE_RATE


@pytest.fixture(scope="module")
def bursts() -> np.ndarray:
    """Three seconds of noise that comes and goes, as loud as a voice."""
    rng = np.random.default_rng(0)
    swell = np.repeat(rng.uniform(size=60) > 0.5, 800)
    return (USUAL_LEVEL * swell * rng.standard_normal(48_000)).astype(np.float32)


def test_it_is_the_same_from_the_same_seed_and_another_from_another(bursts: np.ndarray):
    first, again, other = (as_recorded(np.random.default_rng(seed), bursts) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.allclose(first, other)
    assert first.dtype == np.float32 and first.shape == bursts.shape


def envelope_of(sound: np.ndarray) -> np.ndarray:
    """How loud each of 75 frames is."""
    return np.sqrt(np.mean(sound.reshape(75, -1).astype(np.float64) ** 2, axis=1))


def test_a_voice_stays_where_it_was(bursts: np.ndarray):
    envelope = envelope_of(bursts)
    heard = [as_recorded(np.random.default_rng(seed), bursts) for seed in range(40)]
    assert all(np.isfinite(sound).all() and np.abs(sound).max() <= 1 for sound in heard)
    rs = [np.corrcoef(envelope, envelope_of(sound))[0, 1] for sound in heard]
    assert np.median(rs) > 0.7 and min(rs) > 0.1
    late = [np.corrcoef(envelope[:-2], envelope_of(sound)[2:])[0, 1] for sound in heard]
    assert np.mean(rs) > np.mean(late) + 0.2


def test_where_nobody_speaks_there_is_mostly_something_to_be_heard():
    heard = [as_recorded(np.random.default_rng(seed), np.zeros(16_000, np.float32)) for seed in range(60)]
    silent = [not sound.any() for sound in heard]
    assert 2 <= sum(silent) <= 25
    levels = [sound.std() for sound in heard if sound.any()]
    assert max(levels) > USUAL_LEVEL / 2 and min(levels) < USUAL_LEVEL / 10


def power(sound: np.ndarray, low: float, high: float) -> float:
    spectrum, hertz = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum())


def test_a_telephone_has_no_lows_and_no_highs():
    rng = np.random.default_rng(0)
    white = rng.standard_normal(32_000)
    heard = _telephone(rng, white)
    inside, outside = power(heard, 500, 2500), power(heard, 0, 150) + power(heard, 4200, 8000)
    assert outside < 0.01 * inside < 0.01 * 2 * power(white, 500, 2500)
    assert power(_band(white, 0.0, 2000), 2300, 8000) == pytest.approx(0, abs=1e-9 * power(white, 0, 8000))


def test_a_room_answers_after_the_sound_and_never_before():
    click = np.zeros(8000)
    click[1000] = 1
    heard = _in_room(np.random.default_rng(3), click)
    assert np.abs(heard[:1000]).max() < 1e-9 and heard[1000] == pytest.approx(1)
    assert np.abs(heard[1001:]).sum() > 0.1


def test_noise_is_as_loud_as_is_said():
    for seed in range(8):
        assert 0.2 < _noise(np.random.default_rng(seed), 16_000).std() <= 1.001


def test_music_has_notes_that_noise_has_not():
    flat = []
    for seed in range(6):
        sound = music(np.random.default_rng(seed), 32_000)
        assert sound.shape == (32_000,) and np.sqrt(np.mean(sound**2)) == pytest.approx(1, abs=1e-3)
        spectrum = np.abs(np.fft.rfft(sound[8000:24_000])) ** 2 + 1e-12
        flat.append(np.exp(np.log(spectrum).mean()) / spectrum.mean())
    assert np.median(flat) < 0.2  # spectral flatness; white noise has 0.56
    assert not np.allclose(music(np.random.default_rng(0), 800), music(np.random.default_rng(1), 800))


def test_who_says_nothing_keeps_the_mouth_shut():
    clip = make_clip(3, "train", 50, unspoken=True)
    assert not clip.samples.any() and not clip.mouth[:, 0].any() and clip.text == ""
    assert clip.action_units.any()  # the face lives on


def test_blinks_fall_into_the_pauses_of_speech():
    speech = np.repeat([0.7, 0.0, 0.6, 0.0, 0.8, 0.7, 0.0, 0.6], 25)  # seconds of speech, and pauses of one
    course = blinks(np.random.default_rng(0), 200, speech)
    again = blinks(np.random.default_rng(1), 200, speech)
    assert np.array_equal(course, again)  # what is said decides, not chance
    assert (course[speech > 0].mean() < 0.2 * course[speech == 0].mean()) and (course == 1).sum() == 3
    alone = [blinks(np.random.default_rng(seed), 500, np.zeros(500)) for seed in range(2)]
    assert (alone[0] == 1).sum() >= 3 and not np.array_equal(*alone)  # nobody speaks, and the eyes still blink


def test_expressions_go_by_what_is_said_more_than_by_the_seed():
    def alike(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a[30:] - a[30:].mean(0), b[30:] - b[30:].mean(0)  # past the rise at the beginning, which all share
        return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))

    same_sound, same_seed = [], []
    for seed in range(12):
        loudness = np.random.default_rng(seed).uniform(size=(2, 40)).repeat(5, axis=1)  # two recordings
        emotion = ("happy", "sad", "neutral")[seed % 3]
        one, two = (expression_course(np.random.default_rng(seed), emotion, 200, each) for each in loudness)
        other = expression_course(np.random.default_rng(seed + 99), emotion, 200, loudness[0])
        same_sound.append(alike(one, other))
        same_seed.append(alike(one, two))
    assert np.mean(same_sound) > 0.6 and np.mean(same_seed) < 0.3
