"""What `info --memory` counts, against weights by hand and against what torch's profiler sees in a real forward."""

import pytest
import torch
from tiny import TINY
from torch.profiler import ProfilerActivity, profile

from emotivetalk_core.cli import main
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.sampling.memory import LiveTensors, clip_memory
from emotivetalk_core.sampling.meta_forwards import ethd_forward
from emotivetalk_core.types import MotionConditions


def test_live_tensors_by_hand():
    with LiveTensors() as live:
        one = torch.ones(1000)
        other = one.double()
        del one
        view = other[:10].add_(1)
        last = torch.zeros(500)
    assert live.peak == 4000 + 8000  # both, while the one is turned into the other
    assert view.numel() + last.numel() == 510


def profiled_peak(compute) -> int:
    """Bytes allocated at once, as torch's profiler records each allocation on the CPU."""
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        compute()
    events = profiled.profiler.kineto_results.events()
    changes = [event.nbytes() for event in events if event.name() == "[memory]"]
    held = peak = 0
    for change in changes:
        held += change
        peak = max(peak, held)
    return peak


def test_a_real_forward_holds_what_is_counted_on_shapes():
    size, frames, config = 64, 6, TINY.ethd
    shapes = ethd_forward(TINY, frames, size)
    with torch.inference_mode(), LiveTensors() as counted:
        shapes.compute()
    network = ETHD(config).eval().requires_grad_(False)
    side = size // TINY.vae.pixels_per_latent
    conditions = MotionConditions(
        lip=torch.randn(1, frames, config.lip_dim),
        driving_expression=torch.randn(1, frames, config.expression_dim),
        reference_expression=torch.randn(1, config.expression_dim),
        face_mask=torch.ones(1, 1, side, side),
        lip_mask=torch.ones(1, 1, side, side),
    )
    x, times = torch.randn(1, frames, config.in_channels, side, side), torch.zeros(1, 3)
    assert counted.peak == pytest.approx(profiled_peak(lambda: network(x, torch.zeros(1), conditions, times)), rel=0.25)


def test_weights_are_two_bytes_a_parameter_and_work_grows_with_the_frames():
    few, many = ({part.name: part for part in clip_memory(TINY, 64, frames, torch.bfloat16)} for frames in (2, 4))
    for part in few.values():
        assert part.weights > 0 and part.work > 0
    ethd = sum(parameter.numel() for parameter in ETHD(TINY.ethd).parameters())
    assert few["ETHD"].weights == 2 * ethd
    assert many["ETHD"].work == pytest.approx(2 * few["ETHD"].work, rel=0.1)
    assert many["VAE decoder"].work == few["VAE decoder"].work


def test_the_full_size_fits_where_the_page_on_benchmarks_says(capsys):
    assert main(["info", "--memory"]) == 0
    printed = capsys.readouterr().out
    ethd = [line.split() for line in printed.splitlines() if line.startswith("  ETHD")]
    assert [line[1:3] for line in ethd] == [["3.16", "8.50"], ["3.16", "9.07"]]
    decoder = [line.split()[3] for line in printed.splitlines() if line.startswith("  VAE decoder")]
    assert decoder == ["4.58", "10.27"]
    sums = [line.split()[-1] for line in printed.splitlines() if "one part at a time" in line or "at once, as" in line]
    assert sums == ["11.7", "12.2", "12.2", "14.0"]
    tiles = [line.split() for line in printed.splitlines() if line.startswith("  in tiles of")]
    assert [(line[3], line[5]) for line in tiles] == [("256", "1.95"), ("512", "5.39")]
