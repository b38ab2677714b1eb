"""The disk that a film takes, said before it is made; where there is too little of it."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.cli.main import main
from emotivetalk_core.cli.progress import StageBars
from emotivetalk_core.film.forecast import Forecast
from emotivetalk_core.sampling.estimate import film_bytes, forecast_words, room_to_keep
from emotivetalk_core.video.writer import VideoWriter

Usage = namedtuple("Usage", "total used free")


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**12, 10**12 - free, free))


def test_a_film_takes_about_what_was_said(tmp_path):
    """25 frames of a picture with a telephone's noise, in which a smooth part moves, with sound."""
    width, height, frames, rate = 512, 384, 25, 48_000
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 24, 32, generator=random)
    picture = F.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    picture += 3 / 255 * torch.randn(3, height, width, generator=random)
    sound = 0.1 * torch.randn(1, rate, generator=random)
    with VideoWriter(tmp_path / "film.mp4", width=width, height=height, audio=sound, audio_rate=rate) as video:
        for frame in range(frames):
            moved = picture.clone()
            moved[:, 96:288, 128:384] = picture[:, 96:288, 128 + frame : 384 + frame]
            video.write(moved[None])
    told = film_bytes(width, height, frames, 1)
    assert 0.5 * told < (tmp_path / "film.mp4").stat().st_size < 2 * told


def test_talk_is_refused_where_the_disk_is_full(
    portrait_file: Path, recording_file: Path, tiny_weights: Path, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with_free(monkeypatch, 10_000)
    out = tmp_path / "full.mp4"
    command = ["talk", "--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    assert main([*command, "--device", "cpu", "--quiet", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "of disk space" in said and "--out" in said and not list(tmp_path.iterdir())


def test_a_film_that_fits_is_made_though_its_state_does_not(
    portrait_file: Path, recording_file: Path, tiny_weights: Path, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with_free(monkeypatch, 150_000)
    out = tmp_path / "talk.mp4"
    command = ["talk", "--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    assert main([*command, "--crop", "--device", "cpu", "--quiet", "--out", str(out)]) == 0
    assert "it starts from the beginning" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp4"]


def test_what_is_kept_needs_room_beside_the_film(tmp_path, monkeypatch):
    with_free(monkeypatch, 1000 + 3 * 64 * 64 * 5)
    assert not room_to_keep(tmp_path / "not" / "there", 1000, 64, 5)
    assert room_to_keep(tmp_path / "not" / "there", 999, 64, 5)


@pytest.mark.parametrize(
    ("resumed", "reports", "told"),
    [
        (False, [("video", 1, 3), ("video", 2, 3), ("video", 3, 3), ("decoding", 4, 8), ("decoding", 8, 8)], 2),
        (False, [("video", 1, 1), ("decoding", 8, 8)], 0),
        (True, [("video", 2, 3), ("video", 3, 3), ("decoding", 4, 8), ("decoding", 8, 8)], 1),
        (True, [("video", 1, 3), ("video", 2, 3), ("video", 3, 3), ("decoding", 4, 8), ("decoding", 8, 8)], 2),
        (True, [("video", 3, 3), ("decoding", 4, 8), ("decoding", 8, 8)], 0),
    ],
)
def test_what_is_left_is_told_once_for_each_stage(resumed, reports, told, capsys):
    with StageBars() as bars:
        forecast = Forecast(bars, {"video": "window", "decoding": "frame"}, resumed=resumed)
        for report in reports:
            forecast(*report)
    assert capsys.readouterr().err.count("About ") == told


def test_one_that_is_left_is_the_last():
    assert forecast_words(3.0, 1, "window") == "about 3.0 s for the last window"
    assert forecast_words(34.0, 12, "frame") == "about 34 s for the 12 frames that are left"
