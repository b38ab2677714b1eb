"""What one step of a stage takes of a card, counted on shapes alone: memory by part, and FLOPs.

Counted is what the trainer does on a CUDA card: weights that learn in float32, products in bfloat16, norms in float32,
attention fused. What a device adds (workspaces, fragments) is not.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ..sampling.flops import OperationCounts
from .card_precision import CardAutocast
from .loop import LoopSettings
from .parallel import RECOMPUTATIONS, Phase, recompute_activations
from .samples import Sample

_OPTIMISER_BYTES = {"adamw": 8.0, "adamw8bit": 2.0 + 2 * 4 / 256}
"""Of each number that learns: two moments; in 8 bits with a float32 scale for every 256 of them."""


@dataclass(frozen=True)
class MetaStep:
    """A step on the meta device. phase: makes its objective anew, without values · batch: of so many samples · loop:
    the stage's.
    """

    phase: Callable[[], Phase]
    batch: Callable[[int], Sample]
    loop: LoopSettings


@dataclass(frozen=True)
class StepCost:
    """Bytes and FLOPs of one card. piece: samples that it computes at once · parts: how many such pieces a step has ·
    activations, flops: by what is recomputed; all that is alive at once beside the parts before, copies of weights in
    bfloat16 among it; FLOPs are of a whole step.
    """

    parameters: int
    learning: int
    piece: int
    parts: int
    weights: float
    gradients: float
    optimiser: float
    average: float
    activations: Mapping[str, float]
    flops: Mapping[str, float]
    forward: float

    def memory(self, recompute: str) -> float:
        return self.held + self.activations[recompute]

    @property
    def held(self) -> float:
        """What is there through the whole step."""
        return self.weights + self.gradients + self.optimiser + self.average


def count_step(step: MetaStep, cards: int, *, counted: tuple[str, ...] = RECOMPUTATIONS) -> StepCost:
    """One step's cost on each of so many cards, every one with the whole weights (DDP).

    counted: with which recomputations; each takes a step on shapes of its own.
    """
    each = max(1, step.loop.batch // cards)
    piece = min(each, step.loop.piece) if step.loop.piece else each
    parts = -(-each // piece)
    passes = {how: _pass(step, piece, how) for how in counted}
    objective = step.phase().objective
    learning = sum(p.numel() for p in objective.parameters() if p.requires_grad)
    return StepCost(
        parameters=sum(p.numel() for p in objective.parameters()),
        learning=learning,
        piece=piece,
        parts=parts,
        weights=sum(p.nbytes for p in objective.parameters()),
        gradients=4.0 * learning,
        optimiser=_OPTIMISER_BYTES[step.loop.optimiser] * learning,
        average=4.0 * learning if step.loop.average else 0.0,
        activations={how: counts.peak for how, (_, counts) in passes.items()},
        flops={how: counts.flops * parts for how, (_, counts) in passes.items()},
        forward=next((forward for forward, _ in passes.values()), 0),
    )


def _pass(step: MetaStep, piece: int, recompute: str) -> tuple[int, OperationCounts]:
    """A forward and a backward pass: the FLOPs of the first, and what both took beside weights, gradients and batch."""
    phase = step.phase()
    objective = phase.objective.train()
    cast = CardAutocast()
    if recompute != "none":
        # the backward pass leaves the mode, so what it recomputes has to enter it again
        recompute_activations(objective, phase, recompute, context_fn=lambda: (contextlib.nullcontext(), cast))
    parameters = list(objective.parameters())
    for parameter in parameters:
        if parameter.requires_grad:
            parameter.grad = torch.empty_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    batch = step.batch(piece)
    with OperationCounts([*parameters, *gradients, *batch.values()]) as counts:
        with cast:
            loss = objective(batch).loss
        forward = counts.flops
        cast.forget()
        loss.backward()
    return forward, counts


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Shapes without values."""
    return torch.empty(shape, dtype=dtype, device="meta")


def attention_on_a_card(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
    """Attention by a card's fused kernel, on shapes alone: torch's own choice on the meta device holds all scores.
    Shapes as layers.attention_functions.AttentionFunction.
    """
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return torch.ops.aten._scaled_dot_product_flash_attention.default(q, k, v)[0].transpose(1, 2).flatten(2)
