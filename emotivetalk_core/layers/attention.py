"""The projections around an attention function, and the expression injector."""

from einops import rearrange
from torch import Tensor, nn

from .parts import PLAIN, Parts
from .region import Region
from .zero_start import start_at_zero


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
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.attention = parts.attention
        self.to_q = parts.linear(dim, dim, bias=False)
        self.to_k = parts.linear(context_dim, dim, bias=False)
        self.to_v = parts.linear(context_dim, dim, bias=False)
        self.to_out = nn.ModuleList([parts.linear(dim, dim)])

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
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.decoupled = decoupled
        self.attention = parts.attention
        self.norm = parts.layer_norm(dim)
        self.to_q = parts.linear(dim, dim, bias=False)
        self.to_k = parts.linear(context_dim, dim, bias=False)
        self.to_v = parts.linear(context_dim, dim, bias=False)
        self.to_out = parts.linear(dim, dim, bias=False)
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
