"""One transformer site of the ETHD backbone: spatial attention with EDI, temporal attention, their blend.

EmotiveTalk §3.3. Inherited modules carry the names and shapes of Stable Video Diffusion (SVD), so its weights load
unchanged; `edi` is new.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from .attention import Attention, AttentionFunction, ExpressionDecouplingInjector, scaled_dot_product
from .embeddings import EmbeddingMLP, sinusoidal_embedding
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
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.proj = operations.Linear(dim, hidden_dim * 2, dtype=dtype, device=device)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU feed-forward of four times the width. The empty middle keeps SVD's numbering."""

    def __init__(
        self,
        dim: int,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        leaf = {"dtype": dtype, "device": device}
        self.net = nn.Sequential(
            GatedGELU(dim, 4 * dim, operations=operations, **leaf),
            nn.Identity(),
            operations.Linear(4 * dim, dim, **leaf),
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
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        leaf = {"dtype": dtype, "device": device}
        shared = {"operations": operations, "attention": attention, **leaf}
        self.norm1 = operations.LayerNorm(dim, **leaf)
        self.attn1 = Attention(dim, dim, head_dim, **shared)
        self.norm2 = operations.LayerNorm(dim, **leaf)
        self.attn2 = Attention(dim, context_dim, head_dim, **shared)
        self.edi = None
        if expression_injection != "none":
            decoupled = expression_injection == "edi"
            self.edi = ExpressionDecouplingInjector(dim, context_dim, head_dim, decoupled=decoupled, **shared)
        self.norm3 = operations.LayerNorm(dim, **leaf)
        self.ff = FeedForward(dim, operations=operations, **leaf)

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
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        leaf = {"dtype": dtype, "device": device}
        shared = {"operations": operations, "attention": attention, **leaf}
        self.norm_in = operations.LayerNorm(dim, **leaf)
        self.ff_in = FeedForward(dim, operations=operations, **leaf)
        self.norm1 = operations.LayerNorm(dim, **leaf)
        self.attn1 = Attention(dim, dim, head_dim, **shared)
        self.norm2 = operations.LayerNorm(dim, **leaf)
        self.attn2 = Attention(dim, context_dim, head_dim, **shared)
        self.norm3 = operations.LayerNorm(dim, **leaf)
        self.ff = FeedForward(dim, operations=operations, **leaf)

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
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        leaf = {"dtype": dtype, "device": device}
        shared = {"operations": operations, "attention": attention, **leaf}
        self.norm = operations.GroupNorm(groups, dim, eps=1e-6, **leaf)
        self.proj_in = operations.Linear(dim, dim, **leaf)
        self.transformer_blocks = nn.ModuleList(
            [SpatialBlock(dim, context_dim, head_dim, expression_injection, **shared)]
        )
        self.temporal_transformer_blocks = nn.ModuleList([TemporalBlock(dim, context_dim, head_dim, **shared)])
        self.time_pos_embed = EmbeddingMLP(dim, 4 * dim, dim, operations=operations, **leaf)
        self.time_mixer = SpaceTimeMix(**leaf)
        self.proj_out = operations.Linear(dim, dim, **leaf)

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
