"""Lips and sound: in step, apart by frames, or of two different films."""

import numpy as np
import pytest

from emotivetalk_core.measuring.lip_sync import PATCH, Mouth, lip_sync, mouth_patches


def talk(seed: int, frames: int = 250, *, known: bool = False) -> tuple[Mouth, np.ndarray]:
    """A mouth, dark where it is open, beneath a light that changes; and how loud its voice is. Both with noise. known:
    whether its opening can be read; else what is read is noise.
    """
    rng = np.random.default_rng(seed)
    course = np.convolve(rng.standard_normal(frames + 6), np.ones(6) / 2.4, "same")[:frames]
    opening = np.clip(2.5 + 1.5 * course + 0.5 * rng.standard_normal(frames), 0.2, 6)
    rows = np.abs(np.arange(PATCH[0]) - PATCH[0] / 2)[None, :, None]
    light = 0.7 + 0.1 * np.sin(np.arange(frames) / 40)[:, None, None]
    dark = 1 / (1 + np.exp(-2 * (opening[:, None, None] - rows)))
    patches = light * (1 - 0.6 * dark) + 0.02 * rng.standard_normal((frames, *PATCH))
    read = opening if known else rng.standard_normal(frames)
    return Mouth(patches.astype(np.float32), read), 5 * course + rng.standard_normal(frames)


@pytest.mark.parametrize("late", [-5, 0, 4])
def test_a_shift_is_found_to_the_frame(late: int) -> None:
    mouth, loud = talk(1)
    found = lip_sync([mouth], [np.roll(loud, late)], 6)
    assert found.lag == late  # the sound comes so many frames after the mouth
    assert found.correlation > 0.6 and found.margin > 0.3


def test_the_sound_of_others_is_no_better_than_chance() -> None:
    mouths, voices = zip(*(talk(seed) for seed in range(6)))
    true = lip_sync(mouths, voices, 6)
    assert true.margin > 0.4 and min(true.pieces) > 0.4
    for shift in (1, 2, 3):
        assert lip_sync(mouths, voices[shift:] + voices[:shift], 6).margin < 0.1
    mixed = lip_sync(mouths, [*voices[:5], talk(9)[1]], 6)  # one piece of six was dubbed
    assert mixed.margin > 0.2 and mixed.pieces[5] < 0.3 < min(mixed.pieces[:5])


def test_a_short_film_is_judged_by_what_is_known_of_mouths() -> None:
    """Two seconds: those whose opening can be read stand above chance, with the sound of others hardly one does."""
    talks = [talk(seed, 50, known=True) for seed in range(12)]
    own = [lip_sync([mouth], [loud], 6) for mouth, loud in talks]
    foreign = [lip_sync([talks[at][0]], [talks[at - 1][1]], 6) for at in range(12)]
    assert sum(each.margin > 0 and abs(each.lag) < 2 for each in own) >= 11
    assert sum(each.margin > 0 for each in foreign) <= 2
    assert own[0].chance == pytest.approx(3.8 / 50**0.5)
    nothing = lip_sync([Mouth(talks[0][0].patches[:1], talks[0][0].opening[:1])], [talks[0][1][:1]], 6)
    assert (nothing.correlation, nothing.chance) == (0, 1)  # one frame says nothing


def test_a_few_seconds_stand_above_what_the_sounds_of_others_reach() -> None:
    """However little the film's own other moments do."""
    for frames in (99, 101, 200):
        found = [lip_sync([talk(seed, frames)[0]], [talk(seed, frames)[1]], 6) for seed in range(4)]
        assert min(each.chance for each in found) >= 3.8 / frames**0.5 - 1e-9


def test_a_long_film_is_judged_though_nothing_is_known_of_its_mouth() -> None:
    """What is read of the opening is noise there, and is unlearnt."""
    mouth, loud = talk(4, 500)
    known = Mouth(mouth.patches, talk(4, 500, known=True)[0].opening)
    assert lip_sync([mouth], [loud], 6).correlation > 0.9 * lip_sync([known], [loud], 6).correlation > 0.5


def test_frames_that_show_no_face_count_for_nothing() -> None:
    mouth, loud = talk(5, known=True)
    gone = np.zeros(250, bool)
    gone[100:150] = True
    patches, opening = np.where(gone[:, None, None], np.nan, mouth.patches), np.where(gone, np.nan, mouth.opening)
    found = lip_sync([Mouth(patches, opening)], [np.roll(loud, 3)], 6)
    assert found.lag == 3 and found.correlation > 0.6
    assert np.array_equal(np.isnan(found.said), gone)
    nobody = lip_sync([Mouth(np.full_like(patches, np.nan), np.full(250, np.nan))], [loud], 6)
    assert nobody.correlation == 0 and np.isnan(nobody.said).all()


def test_nothing_heard_and_nothing_moving_are_no_proof() -> None:
    mouth, loud = talk(2)
    assert lip_sync([mouth], [np.full(250, -80.0)], 6).correlation == 0
    still = Mouth(np.full_like(mouth.patches, 0.5), np.full(250, 0.3))
    assert lip_sync([still], [loud], 6).correlation == 0


def test_a_mouth_is_seen_upright_whatever_the_head_does() -> None:
    down, across = np.mgrid[0:96, 0:96]
    patches = []
    for turn in (0.0, 0.4):
        u = np.cos(turn) * (across - 48) + np.sin(turn) * (down - 48)
        v = np.cos(turn) * (down - 48) - np.sin(turn) * (across - 48)
        picture = (100 + 60 * np.exp(-((u / 9) ** 2) - ((v - 14) / 4) ** 2)).astype(np.uint8)
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        marks = np.array([[-10, -8], [10, -8], [0, 14]]) @ back + 48
        patches.append(mouth_patches(np.repeat(picture[None, :, :, None], 3, 3), marks[None])[0])
    assert np.unravel_index(patches[0].argmax(), PATCH) in ((7, 11), (7, 12), (8, 11), (8, 12))
    assert np.abs(patches[0] - patches[1]).max() < 0.03
