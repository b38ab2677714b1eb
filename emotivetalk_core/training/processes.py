"""What the processes that train together tell each other for gradients and figures."""

from typing import Any

import torch
import torch.distributed as dist
from torch.autograd import Function


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
