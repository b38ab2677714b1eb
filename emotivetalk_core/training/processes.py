"""The processes that train together: how they meet, and what they tell each other. One alone is the same, unmet.

`torchrun` starts them and says by environment variables who they are; torch's own package does the rest.
"""

import contextlib
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch.autograd import Function


@dataclass(frozen=True)
class Processes:
    """rank: which one this is · count: how many there are · each_machine: how many of them share this machine."""

    rank: int = 0
    count: int = 1
    each_machine: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            dist.barrier()

    def agree(self, decision: bool, device: torch.device) -> bool:
        """What the first one decided."""
        if self.count == 1:
            return decision
        told = torch.tensor([decision], dtype=torch.int32, device=device)
        dist.broadcast(told, 0)
        return bool(told.item())


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Meets the others that torchrun started, and says which device is this one's. Parts from them at the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(), device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # one process may prepare data for hours while the others wait; torchrun ends all where one fails
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=datetime.timedelta(hours=24))
    try:
        yield Processes(dist.get_rank(), count, int(os.environ.get("LOCAL_WORLD_SIZE", count))), device
    finally:
        dist.destroy_process_group()


def mean_over_processes(value: torch.Tensor) -> torch.Tensor:
    """The mean of what each process has, without gradient: for denominators and figures."""
    if not dist.is_initialized():
        return value
    value = value.detach().clone()
    dist.all_reduce(value)
    return value / dist.get_world_size()


def from_all(rows: torch.Tensor) -> torch.Tensor:
    """The rows [b, …] of all processes in their order [p·b, …]; gradients find their way back to each."""
    return _FromAll.apply(rows) if dist.is_initialized() else rows


def first_row(rows: int) -> int:
    """Where this process' rows begin among those of `from_all`."""
    return dist.get_rank() * rows if dist.is_initialized() else 0


class _FromAll(Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        ctx.rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.contiguous().clone()
        dist.all_reduce(gradient)
        return gradient[dist.get_rank() * ctx.rows :][: ctx.rows]
