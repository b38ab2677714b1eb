"""One transformer site of the ETHD backbone: spatial attention with EDI, temporal attention, their blend.

EmotiveTalk §3.3. Inherited modules carry the names and shapes of Stable Video Diffusion (SVD), so its weights load
unchanged; `edi` is new.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from .attention import Attention, ExpressionDecouplingInjector
from .embeddings import EmbeddingMLP, sinusoidal_embedding
from .parts import PLAIN, Parts
from .region import Region
from .resnet import SpaceTimeMix


@dataclass(frozen=True)
class SiteContext:
    """What all sites of one forward pass attend to.

    frames: n · lip, driving [b*n, k, c] · reference [b, k, c] · sequence [b, n*k, c]: the driving tokens of all frames
    with frame positions · regions: by (h, w), the places where expression may act.
    """

    frames: int
    lip: Tensor
    driving: Tensor
    reference: Tensor
    sequence: Tensor
    regions: dict[tuple[int, int], Region]


class GatedGELU(nn.Module):
    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.proj = parts.linear(dim, hidden_dim * 2)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU feed-forward of four times the width. The empty middle keeps SVD's numbering."""

    def __init__(
        self,
        dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            GatedGELU(dim, 4 * dim, parts=parts),
            nn.Identity(),
            parts.linear(4 * dim, dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class SpatialBlock(nn.Module):
    """Within each frame: self-attention, cross-attention on its lip tokens, EDI, feed-forward."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        expression_injection: str,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = parts.layer_norm(dim)
        self.attn1 = Attention(dim, dim, head_dim, parts=parts)
        self.norm2 = parts.layer_norm(dim)
        self.attn2 = Attention(dim, context_dim, head_dim, parts=parts)
        self.edi = None
        if expression_injection != "none":
            decoupled = expression_injection == "edi"
            self.edi = ExpressionDecouplingInjector(dim, context_dim, head_dim, decoupled=decoupled, parts=parts)
        self.norm3 = parts.layer_norm(dim)
        self.ff = FeedForward(dim, parts=parts)

    def forward(self, x: Tensor, context: SiteContext, region: Region) -> Tensor:
        """x [b*n, l, dim] to [b, n, l, dim]."""
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context.lip)
        x = x.unflatten(0, (-1, context.frames))
        if self.edi is not None:
            x = self.edi(x, context.driving, context.reference, region)
        return x + self.ff(self.norm3(x))


class TemporalBlock(nn.Module):
    """Along the frames: feed-forward, self-attention at each place, cross-attention on expressions, feed-forward."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm_in = parts.layer_norm(dim)
        self.ff_in = FeedForward(dim, parts=parts)
        self.norm1 = parts.layer_norm(dim)
        self.attn1 = Attention(dim, dim, head_dim, parts=parts)
        self.norm2 = parts.layer_norm(dim)
        self.attn2 = Attention(dim, context_dim, head_dim, parts=parts)
        self.norm3 = parts.layer_norm(dim)
        self.ff = FeedForward(dim, parts=parts)

    def forward(self, x: Tensor, context: SiteContext, region: Region) -> Tensor:
        """x [b, n, l, dim] to the same."""
        x = x + self.ff_in(self.norm_in(x))
        x = x + self.attn1.along_frames(self.norm1(x))
        # All places of a clip attend to one sequence of expressions: they are queries of one attention, none repeated.
        queries = self.norm2(region.cut(x))  # [b, n, m, dim]
        attended = self.attn2(queries.flatten(1, 2), context.sequence)  # [b, n*m, dim]
        x = region.add(x, attended.view_as(queries))
        return x + self.ff(self.norm3(x))


class SpatioTemporalTransformer(nn.Module):
    """A whole site: in and out projections around a spatial and a temporal block, blended as SVD does."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        head_dim: int,
        *,
        groups: int,
        expression_injection: str = "edi",
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm = parts.group_norm(groups, dim, eps=1e-6)
        self.proj_in = parts.linear(dim, dim)
        self.transformer_blocks = nn.ModuleList(
            [SpatialBlock(dim, context_dim, head_dim, expression_injection, parts=parts)]
        )
        self.temporal_transformer_blocks = nn.ModuleList([TemporalBlock(dim, context_dim, head_dim, parts=parts)])
        self.time_pos_embed = EmbeddingMLP(dim, 4 * dim, dim, parts=parts)
        self.time_mixer = SpaceTimeMix(**parts.factory_kwargs)
        self.proj_out = parts.linear(dim, dim)

    def forward(self, x: Tensor, context: SiteContext) -> Tensor:
        """x [b*n, dim, h, w] to the same."""
        height, width = x.shape[-2:]
        region = context.regions[height, width]
        h = self.proj_in(rearrange(self.norm(x), "bn c h w -> bn (h w) c"))
        h = self.transformer_blocks[0](h, context, region)  # [b, n, l, dim]

        positions = sinusoidal_embedding(torch.arange(context.frames, device=x.device), x.shape[1]).to(x.dtype)
        temporal = h + self.time_pos_embed(positions)[:, None]
        temporal = self.temporal_transformer_blocks[0](temporal, context, region)

        h = self.proj_out(self.time_mixer(h, temporal))
        return x + rearrange(h, "b n (h w) c -> (b n) c h w", h=height, w=width)
