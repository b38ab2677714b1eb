"""Which weights learn: chosen by name, whole or by low-rank changes; what is not named stays as it is, to the bit."""

import copy

import pytest
import torch
from torch import autocast, nn
from torch.nn import Linear

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.recipes.one_card import WHAT_IS_NEW
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.training.learning import Learning, let_learn, merged
from emotivetalk_core.training.loop import Engine, LoopSettings, TrainingLoop
from emotivetalk_core.training.parallel import Outcome, Phase
from emotivetalk_core.types import MotionConditions


def tiny_ethd() -> ETHD:
    torch.manual_seed(0)
    network = ETHD(TINY.ethd)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)  # injectors and positions begin at zero
    return network


def answer(network: ETHD) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    config, frames = network.config, 3
    values = [torch.randn(1, frames, size, generator=generator) for size in (config.lip_dim, config.expression_dim)]
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:7, 2:7] = 1
    conditions = MotionConditions(*values, values[1][:, 0] * 0.5, mask, mask * 0)
    x = torch.randn(1, frames, config.in_channels, 8, 8, generator=generator)
    return network(x, torch.zeros(1), conditions, torch.zeros(1, 3))


def test_a_wrapped_network_learns_what_is_named_and_merges_into_an_ordinary_one():
    network = tiny_ethd()
    before = copy.deepcopy(network.state_dict())
    untouched = answer(network)
    let_learn(network, WHAT_IS_NEW)
    torch.testing.assert_close(answer(network), untouched, rtol=0, atol=0)  # changes of low rank begin at zero
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        answer(network).square().mean().backward()
        optimiser.step()
    after = merged(network.state_dict(), WHAT_IS_NEW)
    plain = ETHD(TINY.ethd)
    plain.load_state_dict(after)  # strictly: the same names and shapes
    with torch.no_grad():
        torch.testing.assert_close(answer(plain), answer(network), rtol=1e-4, atol=1e-5)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    parts = ("lip_tokens.", "expression_tokens.", "frame_positions.", ".edi.", ".attn1.", ".attn2.")
    assert changed and all(any(part in name or name.startswith(part) for part in parts) for name in changed)
    assert {part for part in parts for name in changed if part in f".{name}" or name.startswith(part)} == set(parts)
    assert not any(name.endswith("attn1.to_out.0.bias") for name in changed)


def test_matrices_at_rest_can_be_held_in_half_precision():
    network = tiny_ethd()
    let_learn(network, WHAT_IS_NEW, half=True)
    formats = {(p.requires_grad, p.dim() > 1): p.dtype for p in network.parameters()}
    assert formats[True, True] == formats[True, False] == formats[False, False] == torch.float32
    assert formats[False, True] == torch.float16
    with autocast("cpu", torch.bfloat16):
        answer(network).float().mean().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


def test_everything_learns_by_default():
    network = tiny_ethd()
    names = set(network.state_dict())
    let_learn(network, Learning())
    assert all(parameter.requires_grad for parameter in network.parameters()) and set(network.state_dict()) == names


@pytest.mark.parametrize("learning", [Learning(whole=("*.edl.*",)), Learning(whole=(), lora=("*.conv_in",))])
def test_a_pattern_that_names_nothing_is_refused(learning):
    with pytest.raises(SettingsError, match="names no"):
        let_learn(tiny_ethd(), learning)


class Product(nn.Module):
    """The error of a wrapped layer on the batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.inside = nn.Sequential(Linear(4, 4), Linear(4, 4))
        let_learn(self.inside, Learning(whole=("1.bias",), lora=("0",), rank=2))

    def forward(self, batch):
        loss = (self.inside(batch["x"]) - batch["x"].flip(-1)).square().mean()
        return Outcome(loss, {"loss": loss})


class Numbers:
    def draw(self, step, index, generator):
        return {"x": torch.randn(1, 4, generator=generator)}


def test_a_part_is_taken_up_where_it_was_stopped(tmp_path):
    """Its checkpoint holds what learns and what rests; the resumed run ends on the same bits."""
    settings = LoopSettings(steps=6, batch=2, learning_rate=1e-2, warmup=0, average=0.5)
    engine = Engine(save_minutes=0)

    def trained(name: str, stop: int | None = None) -> dict[str, torch.Tensor]:
        def halt(stage, step, total, figures):
            if step == stop:
                raise KeyboardInterrupt

        objective = Product()
        loop = TrainingLoop("part", tmp_path / name, {"main": Phase(objective)}, settings, engine, on_step=halt)
        loop.run(Numbers())
        return objective.state_dict()

    whole = trained("whole")
    with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotivetalk_core.training.loop._SHOW_SECONDS", -1.0)
        trained("stopped", stop=4)
    resumed = trained("stopped")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert torch.equal(whole["inside.1.weight"], Product().inside[1].weight)
