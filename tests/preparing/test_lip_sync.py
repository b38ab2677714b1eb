"""Lips and sound: in step, apart by frames, or of two different films."""

import numpy as np
import pytest

from emotivetalk_core.preparing.lip_sync import PATCH, lip_sync, loudness, mouth_patches
from emotivetalk_core.types import SAMPLE_RATE


def talk(seed: int, frames: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """A mouth, dark where it is open, beneath a light that changes; and how loud its voice is. Both with noise."""
    rng = np.random.default_rng(seed)
    course = np.convolve(rng.standard_normal(frames + 6), np.ones(6) / 2.4, "same")[:frames]
    opening = np.clip(2.5 + 1.5 * course + 0.5 * rng.standard_normal(frames), 0.2, 6)
    rows = np.abs(np.arange(PATCH[0]) - PATCH[0] / 2)[None, :, None]
    light = 0.7 + 0.1 * np.sin(np.arange(frames) / 40)[:, None, None]
    dark = 1 / (1 + np.exp(-2 * (opening[:, None, None] - rows)))
    patches = light * (1 - 0.6 * dark) + 0.02 * rng.standard_normal((frames, *PATCH))
    return patches.astype(np.float32), 5 * course + rng.standard_normal(frames)


@pytest.mark.parametrize("late", [-5, 0, 4])
def test_a_shift_is_found_to_the_frame(late: int) -> None:
    patches, loud = talk(1)
    found = lip_sync([patches], [np.roll(loud, late)], 6)
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


def test_nothing_heard_and_nothing_moving_are_no_proof() -> None:
    patches, loud = talk(2)
    assert lip_sync([patches], [np.full(250, -80.0)], 6).correlation == 0
    assert lip_sync([np.full_like(patches, 0.5)], [loud], 6).correlation == 0


def test_loudness_is_in_decibels_of_each_frame() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 1000 * time) * np.repeat([0.5, 0.05], SAMPLE_RATE // 2)
    found = loudness(tone, 25)
    assert found[2] - found[20] == pytest.approx(20, abs=0.1)
    assert loudness(np.zeros(100), 3).tolist() == [found.min() * 0 - 120] * 3


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
