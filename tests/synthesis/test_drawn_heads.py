"""The drawn heads: the same for ever, closed when closed, and every action unit to be seen."""

from dataclasses import replace

import numpy as np
import pytest

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.face.head_motion import blinks, gaze, head_motion
from emotivetalk_core.synthesis.action_units import ACTION_UNITS, emotion_action_units, expression_course
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import HAIR_STYLES, STYLES, sample_identity
from emotivetalk_core.synthesis.render import head_geometry, render_head
from emotivetalk_core.synthesis.render_palette import palette
from emotivetalk_core.types import EMOTIONS

REST = HeadState.rest()


def mouth(
    opening: float, width: float = 0.0, rounding: float = 0.0, teeth: float = 0.0, tongue: float = 0.0
) -> HeadState:
    return replace(REST, mouth=np.array([opening, width, rounding, teeth, tongue], np.float32))


def unit(name: str, strength: float = 1.0) -> HeadState:
    units = np.zeros(len(ACTION_UNITS), np.float32)
    units[ACTION_UNITS.index(name)] = strength
    return replace(REST, action_units=units)


def lips(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box.round().astype(int)
    return picture[top:bottom, left:right].astype(int)


def dark_inside(seed: int, state: HeadState) -> int:
    """Pixels in the lip box that have the colour of the mouth's inside."""
    identity = sample_identity(seed)
    colour = np.array(palette(identity).mouth)
    box = head_geometry(identity, state).lip_box
    return int((np.abs(lips(render_head(identity, state), box) - colour).max(-1) <= 20).sum())


def bare_faced(style: str) -> int:
    """A seed of the style whose face nothing covers and whose skin is not as dark as a mouth's inside."""
    for seed in range(1000):
        identity = sample_identity(seed)
        if identity.style == style and identity.glasses == identity.beard and sum(identity.skin) > 500:
            if identity.hair_style in ("buzz", "side part", "bun", "quiff"):
                return seed
    raise AssertionError(style)


def test_a_seed_always_draws_the_same_head():
    state = replace(mouth(0.4), pose=np.array([0.1, -0.05, 0.04, 0.01, 0, 1.02], np.float32), blink=0.3)
    assert sample_identity(5) == sample_identity(5)
    assert np.array_equal(render_head(sample_identity(5), state), render_head(sample_identity(5), state))
    assert not np.array_equal(render_head(sample_identity(5), state), render_head(sample_identity(6), state))


def test_identities_vary():
    people = [sample_identity(seed) for seed in range(400)]
    assert {person.style for person in people} == set(STYLES)
    assert {person.hair_style for person in people} == set(HAIR_STYLES)
    share = np.mean([person.glasses != "none" for person in people])
    assert 0.18 < share < 0.32


@pytest.mark.parametrize("style", STYLES)
def test_closed_lips_show_no_inside_whatever_the_expression(style):
    seed = bare_faced(style)
    for emotion in EMOTIONS:
        state = replace(mouth(0, 0.5, 0.3, 1, 1), action_units=emotion_action_units(emotion))
        assert dark_inside(seed, state) == 0


@pytest.mark.parametrize("style", STYLES)
def test_the_mouth_opens_monotonically(style):
    seed = bare_faced(style)
    counts = [dark_inside(seed, mouth(opening)) for opening in (0, 0.25, 0.5, 0.75, 1)]
    assert counts[0] == 0
    assert all(later > earlier for earlier, later in zip(counts[:-1], counts[1:], strict=True))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ACTION_UNITS)
def test_every_action_unit_can_be_seen(style, name):
    identity = sample_identity(bare_faced(style))
    plain, moved = render_head(identity, REST), render_head(identity, unit(name))
    changed = np.abs(plain.astype(int) - moved).max(-1) > 25
    assert changed.sum() >= 20


def test_a_beard_never_hides_the_opening():
    bearded = [seed for seed in range(200) if sample_identity(seed).beard in ("full", "goatee", "moustache")]
    assert bearded
    for seed in bearded[:6]:
        assert dark_inside(seed, mouth(0.8)) > 40


@pytest.mark.parametrize("seed", range(6))
def test_the_face_follows_the_canonical_framing(seed):
    identity = sample_identity(seed)
    left, top, right, bottom = head_geometry(identity, REST, 128).face_box
    assert max(right - left, bottom - top) == pytest.approx(128 / 1.75, rel=0.055)
    assert abs((left + right) / 2 - 64) < 0.03 * 128
    assert abs((top + bottom) / 2 - 64) < 0.03 * 128


@pytest.mark.parametrize("seed", range(6))
def test_geometry_stays_inside_and_in_order(seed):
    identity = sample_identity(seed)
    for turn in (-0.25, 0.25):
        state = replace(mouth(1), pose=np.array([turn, 0.15, turn / 2, 0.03, -0.03, 1.04], np.float32))
        geometry = head_geometry(identity, state, 128)
        face, lip = geometry.face_box, geometry.lip_box
        assert face.min() >= 0 and face.max() <= 128
        assert (lip[:2] >= face[:2] - 6).all() and (lip[2:] <= face[2:] + 10).all()
        left_eye, right_eye, centre = geometry.eyes_mouth
        assert left_eye[0] < centre[0] < right_eye[0]
        assert lip[0] < centre[0] < lip[2] and lip[1] < centre[1] < lip[3]
        assert geometry.mouth_opening == 1


def test_speech_changes_little_outside_the_lower_face():
    identity = sample_identity(bare_faced("flat"))
    still, spoken = render_head(identity, REST), render_head(identity, mouth(1, 0.2, 0, 0.8, 0.3))
    changed = np.abs(still.astype(int) - spoken).max(-1) > 10
    nose = head_geometry(identity, REST).lip_box[1]
    assert not changed[: int(nose) - 4].any()
    assert changed[int(nose) :].any()


def test_sizes_draw_the_same_picture():
    identity = sample_identity(bare_faced("flat"))
    small, large = render_head(identity, REST, 96), render_head(identity, REST, 192)
    shrunk = large.reshape(96, 2, 96, 2, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 6
    box = head_geometry(identity, REST, 192).face_box
    np.testing.assert_allclose(box, 2 * head_geometry(identity, REST, 96).face_box, rtol=1e-4)


def test_unknown_emotion_names_the_eight():
    with pytest.raises(SettingsError, match="happy, angry, sad"):
        emotion_action_units("bored")


def test_emotions_differ_in_the_upper_face_alone():
    identity = sample_identity(bare_faced("shaded"))
    rows = int(head_geometry(identity, REST).lip_box[1])
    faces = [
        render_head(identity, replace(REST, action_units=emotion_action_units(emotion)))[:rows].astype(int)
        for emotion in EMOTIONS
    ]
    for i, first in enumerate(faces):
        for second in faces[i + 1 :]:
            assert (np.abs(first - second).max(-1) > 25).sum() >= 60


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_expression_course_lives_smoothly_around_its_emotion(emotion):
    loudness = np.abs(np.sin(np.arange(100) / 6))
    course = expression_course(np.random.default_rng(3), emotion, 100, loudness)
    assert course.shape == (100, len(ACTION_UNITS)) and course.dtype == np.float32
    assert course.min() >= 0 and course.max() <= 1
    assert np.abs(np.diff(course, axis=0)).max() < 0.2
    assert course.std(0).max() > 0.01
    base = emotion_action_units(emotion)
    if emotion != "neutral":
        assert np.corrcoef(course.mean(0), base)[0, 1] > 0.95
    again = expression_course(np.random.default_rng(3), emotion, 100, loudness)
    assert np.array_equal(course, again)


def test_head_motion_scales_with_amount():
    still = head_motion(np.random.default_rng(0), 50, 0.0)
    np.testing.assert_allclose(still, np.tile([0, 0, 0, 0, 0, 1], (50, 1)), atol=1e-6)
    lively = head_motion(np.random.default_rng(0), 500, 1.0)
    assert 0.08 < np.abs(lively[:, 0]).max() <= 0.22
    assert np.abs(lively[:, 3]).max() <= 0.03
    assert np.abs(np.diff(lively[:, 0])).max() < 0.03


def test_blinks_and_gaze():
    course = blinks(np.random.default_rng(1), 500)
    assert course.shape == (500,) and course.max() == 1 and np.mean(course > 0) < 0.15
    look = gaze(np.random.default_rng(1), 500)
    assert look.shape == (500, 2) and np.abs(look).max() <= 1 and look.std() > 0.05
    for frames in (0, 1):
        assert len(blinks(np.random.default_rng(0), frames)) == len(gaze(np.random.default_rng(0), frames)) == frames
        assert len(head_motion(np.random.default_rng(0), frames, 1)) == frames
