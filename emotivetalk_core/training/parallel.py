"""Objectives on many devices, by torch's own means and from outside: the networks know nothing of it.

One process computes alone. Several hold the same weights (DDP), or each a part of them: FSDP2 shards over all
processes; HSDP over those of one machine, and repeats that on each machine.
"""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    CheckpointImpl,
    CheckpointWrapper,
    apply_activation_checkpointing,
    checkpoint_wrapper,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from ..errors import SettingsError
from ..processes import Processes
from .batch_norms import share_batch_norms

SHARDINGS = ("none", "fsdp", "hsdp")
OPTIMISERS = ("adamw", "adamw8bit")
RECOMPUTATIONS = ("none", "blocks", "nested")
_WRAPPED = "_checkpoint_wrapped_module."


@dataclass(frozen=True)
class Outcome:
    """loss: what is minimised · figures: what is shown of it · handed: the batch of the next phase, if there is one."""

    loss: torch.Tensor
    figures: Mapping[str, torch.Tensor]
    handed: Mapping[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class Phase:
    """One optimiser, and what it minimises.

    objective: a module whose forward makes an Outcome of a batch, all its chance in the batch · blocks: the classes in
    it that are recomputed and sharded as units · inner: those inside of blocks that can be recomputed by themselves ·
    decay: of the weights · rate_scales: part of the learning rate, by the
    beginning of the parameters' names · repeats: optimiser steps for each step · clip: of the gradient's norm ·
    skips: whether a batch may leave some parameters out.
    """

    objective: nn.Module
    blocks: tuple[type[nn.Module], ...] = ()
    inner: tuple[type[nn.Module], ...] = ()
    decay: float = 0.01
    rate_scales: tuple[tuple[str, float], ...] = ()
    repeats: int = 1
    clip: float = 1.0
    skips: bool = False


class Spread:
    """A phase's objective, set up on this process' device; called, it computes with all others. parameters: those that
    learn, by names that no wrapping changes.
    """

    def __init__(
        self,
        phase: Phase,
        processes: Processes,
        device: torch.device,
        *,
        sharding: str = "none",
        recompute: str = "none",
        compile: bool = False,
    ) -> None:
        self.objective = phase.objective.to(device)
        many = processes.count > 1
        if many:
            share_batch_norms(self.objective)
        # what computes in a single block is small, and stays whole
        self.sharded = many and sharding != "none" and bool(phase.blocks)
        if recompute != "none":
            recompute_activations(self.objective, phase, recompute)
        self._compiled = compile
        if compile:
            self.objective.compile()
        self._called: nn.Module = self.objective
        self._copies = 1  # of each part, on as many machines
        if self.sharded:
            shape = {"part": processes.count}
            if sharding == "hsdp":
                self._copies = processes.count // processes.each_machine
                shape = {"machine": self._copies, "part": processes.each_machine}
            _shard(self.objective, phase.blocks, device, shape)
        elif many:
            self._called = DistributedDataParallel(self.objective, find_unused_parameters=phase.skips)
        named = self.objective.named_parameters()
        self.parameters = {name.replace(_WRAPPED, ""): p for name, p in named if p.requires_grad}

    def __call__(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        """The objective of a batch. Raises SettingsError where it cannot be compiled, though it should be."""
        if not self._compiled:
            return self._called(batch)
        from torch._dynamo.exc import TorchDynamoException

        try:
            return self._called(batch)
        except TorchDynamoException as error:
            cause = getattr(error, "inner_exception", error)  # of a backend that failed
            reason = next(iter(str(cause).splitlines()), type(cause).__name__).rstrip(".")
            raise SettingsError(
                f"torch.compile does not work here ({reason}); install a C++ compiler such as g++, and on a GPU "
                "Triton, or leave --compile out."
            ) from error

    @contextlib.contextmanager
    def unsummed(self) -> Iterator[None]:
        """Gradients stay with their process, until a backward pass outside of this sums them."""
        if isinstance(self._called, DistributedDataParallel):
            with self._called.no_sync():
                yield
        elif self.sharded:
            sharded: Any = self.objective
            sharded.set_requires_gradient_sync(False)
            yield
            sharded.set_requires_gradient_sync(True)
        else:
            yield

    @torch.no_grad()
    def clip_gradients(self, limit: float) -> None:
        """Shorten all gradients alike where their norm together is above the limit. Of sharded ones each process takes
        its own parts: torch's function works out for each of them how it is sharded, which takes longer than a step.
        """
        if not self.sharded:
            nn.utils.clip_grad_norm_(self.parameters.values(), limit)
            return
        parts = [own_part(parameter.grad) for parameter in self.parameters.values() if parameter.grad is not None]
        squares = torch.stack([torch.linalg.vector_norm(part) for part in parts]).square().sum()
        dist.all_reduce(squares)
        scale = (limit / ((squares / self._copies).sqrt() + 1e-6)).clamp(max=1.0)
        for part in parts:
            part.mul_(scale)


def recompute_activations(objective: nn.Module, phase: Phase, recompute: str, **how: Any) -> None:
    """Wrap what is computed again in the backward pass: the phase's blocks, and for "nested" the parts inside of them
    too, so that no whole block's activations are there at once. how: of torch.utils.checkpoint.
    """
    kinds = phase.blocks + (phase.inner if recompute == "nested" else ())
    if kinds:
        apply_activation_checkpointing(
            objective,
            checkpoint_wrapper_fn=functools.partial(
                checkpoint_wrapper, checkpoint_impl=CheckpointImpl.NO_REENTRANT, **how
            ),
            check_fn=lambda module: isinstance(module, kinds),
        )


def _inside(module: nn.Module) -> nn.Module:
    """What a wrapper recomputes; any other module itself."""
    return module._checkpoint_wrapped_module if isinstance(module, CheckpointWrapper) else module


def _shard(
    objective: nn.Module, units: tuple[type[nn.Module], ...], device: torch.device, shape: dict[str, int]
) -> None:
    """Each unit's weights, and what is left, as parts on a mesh of processes. shape: its sides by their names; of two,
    FSDP2 repeats the parts along the first.
    """
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, tuple(shape.values()), mesh_dim_names=tuple(shape))
    within = {_inside(module) for module in objective.modules() if isinstance(module, CheckpointWrapper)}
    for module in [m for m in objective.modules() if isinstance(_inside(m), units) and m not in within]:
        fully_shard(module, mesh=mesh)
    fully_shard(objective, mesh=mesh)


def check_optimiser(kind: str, *, sharded: bool) -> None:
    """SettingsError for one that cannot be had: of weights that are sharded over processes, or without its library."""
    if kind != "adamw8bit":
        return
    if sharded:
        raise SettingsError(
            "The optimiser adamw8bit cannot work on sharded weights; leave --sharding out, or choose the optimiser "
            "adamw."
        )
    if find_spec("bitsandbytes") is None:
        raise SettingsError(
            "The optimiser adamw8bit needs the library bitsandbytes; install it (pip install bitsandbytes), or choose "
            "the optimiser adamw."
        )


def build_optimiser(kind: str, phase: Phase, spread: Spread, rate: float) -> torch.optim.Optimizer:
    """The paper's Adam8bit is `adamw8bit`, of bitsandbytes. SettingsError where it cannot be had."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in spread.parameters.items():
        scale = next((scale for start, scale in phase.rate_scales if name.startswith(start)), 1.0)
        groups.setdefault(scale, []).append(parameter)
    listed = [{"params": parameters, "rate_scale": scale} for scale, parameters in groups.items()]
    if kind == "adamw":
        return torch.optim.AdamW(listed, lr=rate, weight_decay=phase.decay)
    check_optimiser(kind, sharded=spread.sharded)
    from bitsandbytes.optim import AdamW8bit  # pyright: ignore[reportMissingImports]

    return AdamW8bit(listed, lr=rate, weight_decay=phase.decay)


def own_part(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor that may be sharded."""
    from torch.distributed.tensor import DTensor

    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """The module's state, gathered from all processes, each of which has to ask."""
    from torch.distributed.tensor import DTensor

    state = module.state_dict()
    return {
        name.replace(_WRAPPED, ""): value.full_tensor() if isinstance(value, DTensor) else value
        for name, value in state.items()
    }
