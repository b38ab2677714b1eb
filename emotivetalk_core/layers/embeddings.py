"""Numbers and latents as vectors that a network can attend to or add."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .parts import PLAIN, Parts


def sinusoidal_embedding(values: Tensor, dim: int) -> Tensor:
    """Cosines, then sines, at dim / 2 frequencies from 1 to nearly 1/10000: [...] to float32 [..., dim] (as SVD)."""
    half = dim // 2
    exponents = torch.arange(half, dtype=torch.float32, device=values.device) / half
    angles = values.float()[..., None] * torch.exp(-math.log(10_000) * exponents)
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


class EmbeddingMLP(nn.Module):
    """Linear, SiLU, Linear on a sinusoidal embedding."""

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        out_dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.linear_1 = parts.linear(dim, hidden_dim)
        self.linear_2 = parts.linear(hidden_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(functional.silu(self.linear_1(x)))


class ContextTokens(nn.Module):
    """One latent as `tokens` context tokens: Linear, then LayerNorm of each.

    More than one, because over a single token softmax is 1 and cross-attention no longer depends on the query.
    """

    def __init__(
        self,
        dim: int,
        tokens: int,
        token_dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.proj = parts.linear(dim, tokens * token_dim)
        self.norm = parts.layer_norm(token_dim)

    def forward(self, latent: Tensor) -> Tensor:
        """[..., dim] to [..., tokens, token_dim]."""
        return self.norm(self.proj(latent).unflatten(-1, (self.tokens, -1)))
