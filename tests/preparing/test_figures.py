"""The figures of a piece that filters ask for."""

import numpy as np
import pytest

from emotivetalk_core.preparing.figures import decibels
from emotivetalk_core.types import SAMPLE_RATE


def test_loudness_is_in_decibels_of_each_frame() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 1000 * time) * np.repeat([0.5, 0.05], SAMPLE_RATE // 2)
    found = decibels(tone, 25)
    assert found[2] - found[20] == pytest.approx(20, abs=0.1)
    assert decibels(np.zeros(100), 3).tolist() == [found.min() * 0 - 120] * 3
