"""The stage `twins`: an encoder that learns to read people as it reads drawn heads, and keeps reading those."""

import contextlib

import pytest
import torch

from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.training.twins import ReadingTwins

CONFIG = TINY.motion_encoder


@pytest.fixture
def objective() -> ReadingTwins:
    torch.manual_seed(3)
    return ReadingTwins(MotionEncoder(CONFIG).eval(), 0.1, contextlib.nullcontext).train()


def test_who_looks_like_the_twin_teaches_nothing(objective: ReadingTwins):
    twins = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        outcome = objective({"faces": twins, "twin": twins})
    assert float(outcome.loss) == pytest.approx(0, abs=1e-9) and float(outcome.figures["kept"]) == pytest.approx(0)


def test_people_come_to_be_read_as_their_twins_and_drawn_heads_stay(objective: ReadingTwins):
    """People here are their twins' negatives: what is read of them at first has nothing to do with the twin."""
    twins = torch.rand(8, 3, 8, 8).repeat_interleave(4, -1).repeat_interleave(4, -2)
    batch = {"faces": 1 - twins, "twin": twins}
    before = {name: value.clone() for name, value in objective.encoder.named_buffers()}
    taught = objective._teacher[0].expression(twins)
    optimiser = torch.optim.Adam(objective.parameters(), 3e-3)
    first = objective(batch)
    for _ in range(50):
        optimiser.zero_grad()
        objective(batch).loss.backward()
        optimiser.step()
    last = objective(batch)
    assert float(last.figures["expression"]) < 0.3 * float(first.figures["expression"])
    assert float(last.figures["lip"]) < 0.3 * float(first.figures["lip"])
    assert float(last.figures["kept"]) < 0.5  # of five latents, each in its own variance
    assert torch.equal(objective._teacher[0].expression(twins), taught)  # the teacher learns nothing
    for name, value in objective.encoder.named_buffers():
        assert torch.equal(value, before[name]), name  # batch norms keep what they measured on drawn heads


def test_the_identity_counts_as_much_as_it_is_told_to():
    torch.manual_seed(3)
    encoder, batch = MotionEncoder(CONFIG).eval(), {name: torch.rand(4, 3, 32, 32) for name in ("faces", "twin")}
    losses = [
        float(ReadingTwins(encoder, share, contextlib.nullcontext).train()(batch).loss) for share in (0.0, 1.0, 2.0)
    ]
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4) and losses[1] > losses[0]
