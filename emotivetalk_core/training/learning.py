"""Which of a network's weights learn, chosen from outside by their names: whole, or by low-rank changes (LoRA).

LoRA: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models". A layer at rest with weight W gets a product
of two narrow matrices beside it, W·x + (alpha / rank)·B·A·x, B being zero at first; afterwards W + (alpha / rank)·B·A
is an ordinary weight, and nobody need know.
"""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import Linear

from ..errors import SettingsError
from ..layers.zero_start import start_at_zero
from .ranges import above_zero, at_least

BASE, DOWN, UP = ".base.", ".down.weight", ".up.weight"


@dataclass(frozen=True)
class Learning:
    """By patterns in which * stands for anything. whole: names of parameters · lora: names of linear layers that learn
    by a change of `rank`, weighted by alpha / rank. What neither names stays as it is, to the bit.
    """

    whole: tuple[str, ...] = ("*",)
    lora: tuple[str, ...] = ()
    rank: int = 32
    alpha: float = 32.0

    def __post_init__(self) -> None:
        at_least(1, self, "rank")
        above_zero(self, "alpha")

    @property
    def everything(self) -> bool:
        return "*" in self.whole


class LowRank(nn.Module):
    """A linear layer at rest, and the change of it that learns."""

    def __init__(self, base: Linear, rank: int, alpha: float) -> None:
        super().__init__()
        place = {"device": base.weight.device, "dtype": torch.float32}
        self.base = base.requires_grad_(False)
        self.down = Linear(base.in_features, rank, bias=False, **place)
        self.up = Linear(rank, base.out_features, bias=False, **place)
        self._scale = alpha / rank
        start_at_zero(self.up)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., in] to [..., out]."""
        return self.base(x) + self.up(self.down(x)) * self._scale


def let_learn(network: nn.Module, learning: Learning, *, half: bool = False) -> None:
    """Sets what learns, and wraps what learns by low-rank changes. half: matrices at rest are held in float16, for a
    training whose autocast brings them to its own format.

    Raises SettingsError for a pattern that names nothing.
    """
    if learning.everything:
        network.requires_grad_(True)
        return
    network.requires_grad_(False)
    for pattern in learning.whole:
        named = [p for name, p in network.named_parameters() if fnmatch.fnmatchcase(name, pattern)]
        _some(named, pattern, "parameters")
        for parameter in named:
            parameter.requires_grad_(True)
    layers = {name: module for name, module in network.named_modules() if isinstance(module, Linear)}
    for pattern in learning.lora:
        chosen = {name: layer for name, layer in layers.items() if fnmatch.fnmatchcase(name, pattern)}
        _some(chosen, pattern, "linear layers")
        for name, layer in chosen.items():
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, LowRank(layer, learning.rank, learning.alpha))
    if half:
        for module in network.modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, nn.Parameter) and weight.dim() > 1 and not weight.requires_grad:
                weight.data = weight.data.half()


def merged(state: Mapping[str, torch.Tensor], learning: Learning) -> dict[str, torch.Tensor]:
    """A state of a network that was wrapped, as an ordinary one's: changes added, in float32, to their weights."""
    whole = {}
    for name, value in state.items():
        if name.endswith((DOWN, UP)) and _layer(name) + ".base.weight" in state:
            continue
        plain = name.replace(BASE, ".")
        whole[plain] = value
        if plain != name and name.endswith(".weight"):
            whole[plain] = value.float() + change(state, plain.removesuffix(".weight"), learning)
    return whole


def change(state: Mapping[str, torch.Tensor], layer: str, learning: Learning) -> torch.Tensor:
    """What a low-rank change adds to the weight of the layer of that name: [out, in]."""
    down, up = state[layer + DOWN].float(), state[layer + UP].float()
    return up @ down * (learning.alpha / learning.rank)


def _layer(name: str) -> str:
    return name.removesuffix(DOWN).removesuffix(UP)


def _some(found: object, pattern: str, what: str) -> None:
    if not found:
        raise SettingsError(f'The pattern "{pattern}" names no {what} of the network; look at their names with `info`.')
