"""Multi-head attention: the two ways to compute it, and the projections around it.

Which of the two computes it is the caller's choice, made when a network is built (`attention=`); a host may pass
its own.
"""

from collections.abc import Callable
from types import ModuleType

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from .region import Region
from .zero_start import start_at_zero

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


class Attention(nn.Module):
    """Projections around an attention function: queries from `x`, keys and values from `context`, or else from `x`.

    Names and biases as in Stable Video Diffusion (SVD): no bias but on the output.
    """

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.attention = attention
        self.to_q = operations.Linear(dim, dim, bias=False, dtype=dtype, device=device)
        self.to_k = operations.Linear(context_dim, dim, bias=False, dtype=dtype, device=device)
        self.to_v = operations.Linear(context_dim, dim, bias=False, dtype=dtype, device=device)
        self.to_out = nn.ModuleList([operations.Linear(dim, dim, dtype=dtype, device=device)])

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x [b, l, dim], context [b, s, context_dim] to [b, l, dim]."""
        context = x if context is None else context
        return self.to_out[0](self.attention(self.to_q(x), self.to_k(context), self.to_v(context), self.heads))

    def along_frames(self, x: Tensor) -> Tensor:
        """Self-attention of each place to itself in all frames: x [b, n, l, dim] to the same.

        The projections work on x as it lies in memory. Of a transposed view torch makes one small product a place on a
        CPU, and copies the weights for each: that took more than half of the whole network's time.
        """
        q, k, v = (rearrange(to(x), "b n l dim -> (b l) n dim") for to in (self.to_q, self.to_k, self.to_v))
        attended = rearrange(self.attention(q, k, v, self.heads), "(b l) n dim -> b n l dim", b=x.shape[0])
        return self.to_out[0](attended.contiguous())


class ExpressionDecouplingInjector(nn.Module):
    """EDI: moves the face from the portrait's expression to the driving one (EmotiveTalk eq. 9 and 10).

    `H + Out(CA(H, E_dri) - CA(H, E_ref)) * (1 - M_lip) * M_face`. One set of weights serves both branches, so equal
    expressions cancel whatever the weights. The output projection is linear: the branches are subtracted first and
    projected once. It has no bias, which the subtraction would cancel, and it starts at zero, so that a fresh network
    is SVD exactly. `decoupled=False` leaves the reference branch out (the paper's "direct injection", fig. 12).
    """

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        *,
        decoupled: bool = True,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.decoupled = decoupled
        self.attention = attention
        self.norm = operations.LayerNorm(dim, dtype=dtype, device=device)
        self.to_q = operations.Linear(dim, dim, bias=False, dtype=dtype, device=device)
        self.to_k = operations.Linear(context_dim, dim, bias=False, dtype=dtype, device=device)
        self.to_v = operations.Linear(context_dim, dim, bias=False, dtype=dtype, device=device)
        self.to_out = operations.Linear(dim, dim, bias=False, dtype=dtype, device=device)
        start_at_zero(self.to_out)

    def forward(self, x: Tensor, driving: Tensor, reference: Tensor, region: Region) -> Tensor:
        """x [b, n, l, dim], driving [b*n, k, c], reference [b, k, c] to x plus the injection."""
        frames = x.shape[1]
        q = self.to_q(self.norm(region.cut(x))).flatten(0, 1)  # [b*n, m, dim]
        injected = self.attention(q, self.to_k(driving), self.to_v(driving), self.heads)
        if self.decoupled:
            k = self.to_k(reference).repeat_interleave(frames, 0)  # [b*n, k, dim]
            v = self.to_v(reference).repeat_interleave(frames, 0)
            injected = injected - self.attention(q, k, v, self.heads)
        return region.add(x, self.to_out(injected).unflatten(0, (-1, frames)))
