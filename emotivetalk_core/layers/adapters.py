"""One transformer site of a Stable Video Diffusion (SVD) whose cross-attentions were given adapters: further keys and
values, for speech and for emotion, beside those of the picture.

So DICE-Talk (Tan et al. 2025) and Sonic (Ji et al. 2025) make SVD speak; names and formula are those of their published
weights. Inherited modules carry SVD's names, as in transformer.py; `to_k_ip` and `to_v_ip` are new.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from .attention import Attention
from .embeddings import EmbeddingMLP, sinusoidal_embedding
from .parts import PLAIN, Parts
from .resnet import SpaceTimeMix
from .transformer import FeedForward


@dataclass(frozen=True)
class AdaptedContext:
    """What all sites of one forward attend to.

    frames: n · picture [b, 1, c]: CLIP's token · tokens: of each adapter [b*n, t, c] · averages: the same, averaged
    over the frames [b, t, c] · strengths: what each adapter's answer is multiplied by · masks: by (h, w), float
    [b*n, h*w, 1], where the adapters may act within a frame.
    """

    frames: int
    picture: Tensor
    tokens: tuple[Tensor, ...]
    averages: tuple[Tensor, ...]
    strengths: tuple[float, ...]
    masks: dict[tuple[int, int], Tensor]


class AdaptedAttention(nn.Module):
    """`Out(A(q, picture) + sum_i strength_i * mask * A(q, tokens_i))`: one query, one output, a key and value each."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        adapters: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.heads = dim // head_dim
        self.attention = parts.attention
        self.to_q = parts.linear(dim, dim, bias=False)
        self.to_k = parts.linear(context_dim, dim, bias=False)  # SVD's; of one token nobody asks its key
        self.to_v = parts.linear(context_dim, dim, bias=False)
        self.to_k_ip, self.to_v_ip = (
            nn.ModuleList([parts.linear(context_dim, dim, bias=False) for _ in range(adapters)]) for _ in range(2)
        )
        self.to_out = nn.ModuleList([parts.linear(dim, dim)])

    def forward(
        self,
        x: Tensor,
        picture: Tensor,
        tokens: tuple[Tensor, ...],
        strengths: tuple[float, ...],
        mask: Tensor | None = None,
    ) -> Tensor:
        """x [b, l, dim], picture [b, 1, c], tokens [b, t, c] each, mask [b, l, 1] to [b, l, dim]."""
        q = self.to_q(x)
        attended = self.to_v(picture)  # [b, 1, dim]: over a single token softmax is 1, so its answer is its value
        for to_k, to_v, adapter, strength in zip(self.to_k_ip, self.to_v_ip, tokens, strengths, strict=True):
            if strength != 0:
                answer = self.attention(q, to_k(adapter), to_v(adapter), self.heads)
                attended = attended + strength * (answer if mask is None else answer * mask)
        return self.to_out[0](attended.expand_as(q))


class AdaptedSpatialBlock(nn.Module):
    """Within each frame: self-attention, cross-attention with its tokens under the mask, feed-forward."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        adapters: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = parts.layer_norm(dim)
        self.attn1 = Attention(dim, dim, head_dim, parts=parts)
        self.norm2 = parts.layer_norm(dim)
        self.attn2 = AdaptedAttention(dim, context_dim, head_dim, adapters, parts=parts)
        self.norm3 = parts.layer_norm(dim)
        self.ff = FeedForward(dim, parts=parts)

    def forward(self, x: Tensor, context: AdaptedContext, mask: Tensor) -> Tensor:
        """x [b*n, l, dim], mask [b*n, l, 1]."""
        x = x + self.attn1(self.norm1(x))
        picture = context.picture.repeat_interleave(context.frames, 0)  # [b*n, 1, c]
        x = x + self.attn2(self.norm2(x), picture, context.tokens, context.strengths, mask)
        return x + self.ff(self.norm3(x))


class AdaptedTemporalBlock(nn.Module):
    """Along the frames: feed-forward, self-attention at each place, cross-attention with the tokens' averages, without
    a mask, feed-forward.
    """

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        adapters: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm_in = parts.layer_norm(dim)
        self.ff_in = FeedForward(dim, parts=parts)
        self.norm1 = parts.layer_norm(dim)
        self.attn1 = Attention(dim, dim, head_dim, parts=parts)
        self.norm2 = parts.layer_norm(dim)
        self.attn2 = AdaptedAttention(dim, context_dim, head_dim, adapters, parts=parts)
        self.norm3 = parts.layer_norm(dim)
        self.ff = FeedForward(dim, parts=parts)

    def forward(self, x: Tensor, context: AdaptedContext) -> Tensor:
        """x [b, n, l, dim]."""
        x = x + self.ff_in(self.norm_in(x))
        x = x + self.attn1.along_frames(self.norm1(x))
        queries = self.norm2(x).flatten(1, 2)  # all places of all frames attend to the same averages
        x = x + self.attn2(queries, context.picture, context.averages, context.strengths).view_as(x)
        return x + self.ff(self.norm3(x))


class AdaptedTransformer(nn.Module):
    """A whole site: in and out projections around a spatial and a temporal block, blended as SVD does."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        adapters: int,
        *,
        groups: int,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        sizes = (dim, context_dim, head_dim, adapters)
        self.norm = parts.group_norm(groups, dim, eps=1e-6)
        self.proj_in = parts.linear(dim, dim)
        self.transformer_blocks = nn.ModuleList([AdaptedSpatialBlock(*sizes, parts=parts)])
        self.temporal_transformer_blocks = nn.ModuleList([AdaptedTemporalBlock(*sizes, parts=parts)])
        self.time_pos_embed = EmbeddingMLP(dim, 4 * dim, dim, parts=parts)
        self.time_mixer = SpaceTimeMix(**parts.factory_kwargs)
        self.proj_out = parts.linear(dim, dim)

    def forward(self, x: Tensor, context: AdaptedContext) -> Tensor:
        """x [b*n, dim, h, w] to the same."""
        height, width = x.shape[-2:]
        h = self.proj_in(rearrange(self.norm(x), "bn c h w -> bn (h w) c"))
        h = self.transformer_blocks[0](h, context, context.masks[height, width])

        positions = sinusoidal_embedding(torch.arange(context.frames, device=x.device), x.shape[1]).to(x.dtype)
        spatial = h.unflatten(0, (-1, context.frames))  # [b, n, l, dim]
        temporal = spatial + self.time_pos_embed(positions)[:, None]
        temporal = self.temporal_transformer_blocks[0](temporal, context)

        h = self.proj_out(self.time_mixer(spatial, temporal))
        return x + rearrange(h, "b n (h w) c -> (b n) c h w", h=height, w=width)
