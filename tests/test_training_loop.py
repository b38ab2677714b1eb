"""The loop of the training stages: a run that is stopped and resumed ends with the very weights of one that was not."""

import json

import pytest
import torch
from torch.nn import Linear

from emotivetalk_core.training.loop import LoopSettings, TrainingLoop, learning_rate, step_optimiser, thin_curve


class Stopped(Exception):
    pass


def run(folder, stop_at=None):
    torch.manual_seed(0)
    network = Linear(3, 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    settings = LoopSettings(steps=12, learning_rate=1e-2, warmup=3, average=0.9, save_seconds=0.0)
    loop = TrainingLoop("toy", folder, {"network": network}, {"main": optimiser}, settings, seed=4)

    def step(index, generator):
        if index == stop_at:
            raise Stopped
        x = torch.randn(8, 3, generator=generator)
        loss = (network(x) - x[:, :2]).square().mean()
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach()}

    return network, loop, loop.run(step)


def test_a_stopped_run_resumes_to_the_same_weights(tmp_path):
    whole, _, record = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", stop_at=7)
    resumed, loop, _ = run(tmp_path / "stopped")
    assert loop.step == 12
    torch.testing.assert_close(resumed.weight, whole.weight, rtol=0, atol=0)
    assert record["steps"] == 12 and record["curve"][-1]["step"] == 12
    lines = (tmp_path / "whole" / "toy.log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 12


def test_a_finished_run_does_nothing_more(tmp_path):
    first, _, _ = run(tmp_path)
    second, _, _ = run(tmp_path, stop_at=0)  # a step would raise
    torch.testing.assert_close(first.weight, second.weight)


def test_the_learning_rate_rises_then_falls_to_a_tenth():
    settings = LoopSettings(steps=100, learning_rate=1.0, warmup=10)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert learning_rate(100, settings) == pytest.approx(0.1)


def test_a_curve_is_thinned_but_keeps_both_ends():
    curve = [{"step": float(i)} for i in range(1000)]
    thin = thin_curve(curve)
    assert len(thin) == 40 and thin[0] == curve[0] and thin[-1] == curve[-1]
