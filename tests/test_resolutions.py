"""Other sizes than the weights' own: windows, squares that are multiples of 64, and pictures that are no squares."""

from dataclasses import replace

import pytest
import torch

from emotivetalk_core.cli import main
from emotivetalk_core.diffusion.windows import check_windows
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.presets import DEMO, FULL, windows_at
from emotivetalk_core.types import MotionConditions
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


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 24), (16, 8), (5, 7), (24, 8)])
@torch.no_grad()
def test_the_backbone_takes_latents_of_any_shape(height, width):
    config = ETHDConfig(
        block_channels=(8, 16, 16, 16),
        layers_per_block=1,
        head_dim=8,
        cross_dim=12,
        context_tokens=2,
        lip_dim=5,
        expression_dim=3,
        norm_groups=4,
        addition_embed_dim=4,
    )
    torch.manual_seed(0)
    network = ETHD(config)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    face, lip = torch.zeros(1, 1, 8 * height, 8 * width), torch.zeros(1, 1, 8 * height, 8 * width)
    face[..., : 4 * height, : 4 * width] = 1
    given = MotionConditions(torch.randn(1, 3, 5), torch.randn(1, 3, 3), torch.randn(1, 3), face, lip)
    x, added = torch.randn(1, 3, 8, height, width), torch.tensor([[24.0, 0.0, 0.0]])
    out = network(x, torch.zeros(1), given, added)
    assert out.shape == (1, 3, 4, height, width) and torch.isfinite(out).all()


@pytest.mark.parametrize("resolution", ["128", "192"])
def test_talk_draws_at_the_resolution_that_was_asked_for(
    resolution, portrait_file, recording_file, tiny_weights, tmp_path, capsys
):
    out = tmp_path / "talk.mp4"
    given = ["--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    options = ["--resolution", resolution, "--crop", "--steps", "1", "--device", "cpu", "--out", str(out)]
    assert main(["talk", *given, *options]) == 0
    assert read_video_facts(out).width == int(resolution)
    windows = {"128": "10 windows", "192": "20 windows"}[resolution]  # of 2 frames, or of 1
    assert windows in capsys.readouterr().err


@pytest.mark.parametrize("resolution", ["100", "0", "large"])
def test_a_resolution_that_cannot_be_is_refused(resolution, capsys):
    given = ["--portrait", "face.png", "--audio", "speech.wav", "--resolution", resolution]
    assert main(["talk", *given]) == 2
    assert "The resolution is given as" in capsys.readouterr().err
