"""A 3x3 convolution of a picture that is first made twice as large by nearest neighbour."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..device import bfloat16_unit


def convolved_doubled(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """x [n, c, h, w] to [n, out, 2h, 2w]; the convolution pads by one.

    Of the nine values that a place of the larger picture sees, those from one place of the smaller one are equal. With
    their weights added first, four products do: a transposed convolution of stride 2. On a CPU, in float32 or where it
    computes in bfloat16, that takes half the time, and moves the answer by rounding. Graphics cards, a host's layers,
    and trainings compute it as it stands.
    """
    quick = x.device.type == "cpu" and _has_kernel(x.dtype) and not torch.is_grad_enabled()
    if not quick or type(convolution) is not nn.Conv2d:
        return convolution(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
    added = _added(_added(convolution.weight.float(), 2), 3).to(x.dtype)  # rounded once
    kernel = added.transpose(0, 1).contiguous(memory_format=torch.channels_last)
    return functional.conv_transpose2d(x, kernel, convolution.bias, stride=2, padding=1)


def _has_kernel(dtype: torch.dtype) -> bool:
    """Whether this CPU has a fast transposed convolution of that format."""
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(bfloat16_unit()))


def _added(weight: Tensor, along: int) -> Tensor:
    """Three weights to the four that the places of the smaller picture have, with which they meet the larger one."""
    first, middle, last = weight.unbind(along)
    return torch.stack((last, middle + last, first + middle, first), along)
