"""Multi-head attention: the two ways to compute it.

Which of the two computes it is the caller's choice, made when a network is built (`Parts.attention`); a host may pass
its own.
"""

from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

AttentionFunction = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""`attention(q, k, v, heads)`: q [b, l, heads * d], k and v [b, s, heads * d] to [b, l, heads * d]."""


def scaled_dot_product(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Torch's fused attention: the default, best for inference and for GPUs. Shapes as `AttentionFunction`."""
    q, k, v = (rearrange(x, "b l (heads d) -> b heads l d", heads=heads) for x in (q, k, v))
    return rearrange(functional.scaled_dot_product_attention(q, k, v), "b heads l d -> b l (heads d)")


def matrix_product(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """The same attention written as two matrix products. Shapes as `AttentionFunction`.

    For training in bfloat16 on a CPU, where the backward pass of the fused form is up to fifteen times slower (measured
    with torch 2.13 on sequences of 16 frames). In float32 the fused form is the faster one there too.
    """
    q, k, v = (x.unflatten(-1, (heads, -1)) for x in (q, k, v))  # [b, l or s, heads, d]
    scores = torch.einsum("blhd,bshd->bhls", q, k * q.shape[-1] ** -0.5)
    return torch.einsum("bhls,bshd->blhd", scores.softmax(-1), v).flatten(2)
