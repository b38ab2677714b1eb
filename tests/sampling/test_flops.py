"""What `info --flops` counts, against counts by hand."""

import pytest
import torch
from tiny import TINY

from emotivetalk_core.cli import main
from emotivetalk_core.models.dicte import DiCTE
from emotivetalk_core.models.presets import FULL
from emotivetalk_core.sampling.flops import backbone_parameters, clip_costs


def test_linear_layers_by_hand():
    """Di-CTE is linear layers and attention: two FLOPs for each weight and token, and for each pair of tokens."""
    costs = {cost.name: cost for cost in clip_costs(TINY, 20)}
    config = TINY.dicte
    per_token, per_row = 0, 0
    for name, module in DiCTE(config).named_modules():
        if isinstance(module, torch.nn.Linear):
            of_all = any(part in name for part in ("step", "identity", "emotion", "modulation"))
            per_row += module.weight.numel() * (1 if of_all else config.tokens)
    per_token = 2 * config.tokens**2 * config.width * config.layers
    assert costs["Di-CTE"].forward == 2 * (per_row + per_token)
    assert costs["Di-CTE"].forwards == TINY.sampling.expression_steps


def test_forwards_follow_from_windows_and_steps():
    costs = {cost.name: cost for cost in clip_costs(TINY, 20)}
    assert costs["ETHD"].forwards == 3 * 2  # 20 frames in windows of 8 with 2 shared, 2 steps
    assert costs["ETHD"].clip == 6 * costs["ETHD"].forward
    assert all(cost.forward > 0 and cost.parameters > 0 for cost in costs.values())
    assert costs["VAE decoder"].forward > 10 * costs["VAE encoder"].forward  # 20 frames beside one


def test_the_full_size_is_the_papers():
    parts = backbone_parameters(FULL.ethd)
    assert parts["svd"] == 1_524_623_082
    assert sum(parts.values()) == pytest.approx(1.58e9, rel=0.003)


def test_the_command_prints_every_part_beside_the_paper(capsys):
    assert main(["info", "--flops"]) == 0
    printed = capsys.readouterr().out
    for part in ("speech encoder", "audio-lip projector", "Di-CTE", "ETHD", "VAE encoder", "VAE decoder"):
        assert part in printed
    assert "EmotiveTalk 3,668" in printed and "Hallo 4,388" in printed and "1,524,623,082" in printed
    clip = float(next(line for line in printed.splitlines() if line.startswith("  ETHD")).split()[3])
    assert clip == pytest.approx(3668, rel=0.1)  # the paper does not say how it counts
    fast = printed[printed.index("fast mode") :].splitlines()
    whole, outer, total = (float(line.split()[-1]) for line in fast[1:4])
    assert "ETHD, outermost level" in fast[2] and fast[2].split()[-2] == "5"
    assert total == pytest.approx(whole + outer, abs=0.02) and total < 1500 and 0.3 < outer / whole < 0.4
