"""Closed forms of the evaluation's figures."""

import numpy as np
import pytest

from emotivetalk_core.evaluation.metrics import (
    best_lag_correlation,
    frechet_distance,
    opening_ratio,
    silent_frames,
)
from emotivetalk_core.measuring.curves import correlation


def test_correlation_knows_lines_and_stillness():
    a = np.arange(10.0)
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    assert correlation(a, np.ones(10)) == 0


def test_a_shift_of_one_frame_is_forgiven_and_of_two_is_not():
    curve = np.random.default_rng(0).random(200)
    assert best_lag_correlation(np.roll(curve, 1), curve) > 0.97
    assert best_lag_correlation(np.roll(curve, -1), curve) > 0.97
    assert abs(best_lag_correlation(np.roll(curve, 3), curve)) < 0.4


def test_silences_are_long_and_lose_their_edges():
    opening = np.array([0.5] * 3 + [0.0] * 6 + [0.5] * 3 + [0.0] * 2 + [0.5] * 2)
    assert np.flatnonzero(silent_frames(opening)).tolist() == [4, 5, 6, 7]


def test_opening_ratio_is_silence_over_speech():
    true = np.array([0.5] * 5 + [0.0] * 7)
    generated = np.where(true > 0, 0.8, 0.04)
    silent = silent_frames(true)
    speech = generated[~silent].mean()
    assert opening_ratio(generated, true) == pytest.approx(0.04 / speech)


def test_frechet_distance_of_shifted_gaussians_is_the_squared_shift():
    points = np.random.default_rng(1).normal(size=(400, 3))
    assert frechet_distance(points, points) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(points, points + [2, 0, 0]) == pytest.approx(4, rel=1e-6)
