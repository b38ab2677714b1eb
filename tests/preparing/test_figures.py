"""The figures of a piece that filters ask for, and the pictures by which people judge them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emotivetalk_core.measuring.lip_sync import LipSync
from emotivetalk_core.preparing.contact_sheet import THUMBNAIL, Thumbnails
from emotivetalk_core.preparing.figures import decibels, sync_refusal
from emotivetalk_core.preparing.settings import Filters
from emotivetalk_core.types import SAMPLE_RATE


def test_loudness_is_in_decibels_of_each_frame() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 1000 * time) * np.repeat([0.5, 0.05], SAMPLE_RATE // 2)
    found = decibels(tone, 25)
    assert found[2] - found[20] == pytest.approx(20, abs=0.1)
    assert decibels(np.zeros(100), 3).tolist() == [found.min() * 0 - 120] * 3


def test_a_source_that_vouches_for_its_sound_is_asked_nothing_of_it() -> None:
    """MEAD's takes are too short for a lag to mean anything."""
    found = LipSync(0.1, 6, 0.4, (0.05,), np.zeros(3))
    assert "do not go together" in sync_refusal(found, 0.05, Filters())
    assert "frames apart" in sync_refusal(found, 0.05, Filters(sync=0, margin=-1, own=-1))
    assert sync_refusal(found, 0.05, Filters(sync=-1)) == ""


def test_a_film_of_hours_shows_no_more_thumbnails_than_one_of_minutes(tmp_path: Path) -> None:
    """And those that it shows lie all over it, each with its row."""
    thumbnails, rows = Thumbnails(), [{"number": number} for number in range(1000)]
    for row in rows:
        thumbnails.add(row, np.full((8, 8, 3), row["number"] % 251, np.uint8))
    thumbnails.write(tmp_path / "strip.png")
    shown = [row for row in rows if "picture" in row]
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (THUMBNAIL, THUMBNAIL * len(shown)) and 120 <= len(shown) <= 240
        for row in shown:
            assert strip.getpixel((9, row["picture"] * THUMBNAIL + 9)) == (row["number"] % 251,) * 3
    assert np.diff([row["number"] for row in shown]).max() < 10 and shown[-1]["number"] > 990
