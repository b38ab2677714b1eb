"""Other sizes than the weights' own: windows, and squares that are multiples of 64."""

from dataclasses import replace

import pytest

from emotivetalk_core.cli import main
from emotivetalk_core.diffusion.windows import check_windows
from emotivetalk_core.models.presets import DEMO, FULL, PAPER_WINDOWS, draws_at, windows_at
from emotivetalk_core.video.reader import read_video_facts


def test_the_papers_two_sizes_have_the_papers_windows():
    assert windows_at(FULL.sampling, 512) == (120, 24)
    assert windows_at(FULL.sampling, 1024) == (32, 12)
    assert windows_at(replace(FULL.sampling, size=1024, window=32, overlap=12), 512) == (120, 24)


@pytest.mark.parametrize("size", range(64, 2049, 64))
@pytest.mark.parametrize("defaults", [FULL.sampling, DEMO.sampling], ids=["full", "demo"])
def test_other_sizes_take_no_more_pixels_at_once_than_their_own(defaults, size):
    window, overlap = windows_at(defaults, size)
    check_windows(window, overlap)
    assert window <= defaults.window
    if size not in (defaults.size, 1024):
        assert window == 1 or window * size**2 <= defaults.window * defaults.size**2


def test_the_paper_draws_at_any_size_and_small_weights_at_their_own():
    assert all(draws_at(FULL.sampling, size) for size in (256, 512, 768, 1024))
    assert [draws_at(DEMO.sampling, size) for size in (64, 128, 192, 256)] == [False, True, False, False]


@pytest.mark.parametrize("resolution", ["128", "192"])
def test_talk_enlarges_what_moves_beyond_the_weights_own_size(
    resolution, portrait_file, recording_file, tiny_weights, tmp_path, capsys
):
    """The tiny weights draw 64 pixels and know no others: nothing is sampled larger, and that is said."""
    out = tmp_path / "talk.mp4"
    given = ["--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    options = ["--resolution", resolution, "--crop", "--steps", "1", "--device", "cpu", "--out", str(out)]
    assert main(["talk", *given, *options]) == 0
    assert read_video_facts(out).width == int(resolution)
    said = capsys.readouterr()
    assert f"at 64 pixels only; what moves is enlarged to {resolution}" in said.out
    assert "3 windows" in said.err  # of 8 frames, as at 64 pixels


@pytest.mark.parametrize(("resolution", "windows"), [("128", "10 windows"), ("192", "20 windows")])
def test_talk_draws_at_the_resolution_that_was_asked_for(
    resolution, windows, portrait_file, recording_file, tiny_weights, tmp_path, capsys, monkeypatch
):
    """As weights of the paper's sizes do, to which the tiny ones' is added here: in windows of 2 frames, or of 1."""
    monkeypatch.setitem(PAPER_WINDOWS, 64, (8, 2))
    out = tmp_path / "talk.mp4"
    given = ["--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    options = ["--resolution", resolution, "--crop", "--steps", "1", "--device", "cpu", "--out", str(out)]
    assert main(["talk", *given, *options]) == 0
    assert read_video_facts(out).width == int(resolution)
    said = capsys.readouterr()
    assert windows in said.err and "enlarged" not in said.out


@pytest.mark.parametrize("resolution", ["100", "0", "large"])
def test_a_resolution_that_cannot_be_is_refused(resolution, capsys):
    given = ["--portrait", "face.png", "--audio", "speech.wav", "--resolution", resolution]
    assert main(["talk", *given]) == 2
    assert "The resolution is given as" in capsys.readouterr().err
