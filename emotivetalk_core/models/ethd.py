"""ETHD: the video diffusion backbone that turns lip and expression latents into frames (EmotiveTalk §3.3).

The spatio-temporal UNet of Stable Video Diffusion (SVD) with the Expression Decoupling Injector at each of its sites.
This file knows no noise schedule: it gives SVD's raw output F, and `diffusion.noise_levels` makes the denoiser of it.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import SettingsError
from ..layers.attention_functions import AttentionFunction, scaled_dot_product
from ..layers.embeddings import ContextTokens, EmbeddingMLP, sinusoidal_embedding
from ..layers.parts import Parts
from ..layers.region import Region
from ..layers.transformer import SiteContext
from ..layers.zero_start import start_at_zero
from ..types import MotionConditions
from .ethd_blocks import BlockParts, DownBlock, build_levels

EXPRESSION_INJECTIONS = ("edi", "direct", "none")
ADDED_TIME_VALUES = 3
"""Frames per second - 1, motion bucket, noise augmentation: SVD's micro-conditions."""


@dataclass(frozen=True)
class ETHDConfig:
    """Sizes of the backbone; the defaults are the full model (1.58 G parameters, EmotiveTalk table 6).

    attends: which levels have sites of attention; empty means all but the last, as in SVD. head_dim and norm_groups
    must divide every width. expression_injection: "edi" (eq. 9, 10), "direct" (no reference branch) or "none", the
    arms of the paper's fig. 12.
    """

    in_channels: int = 8
    out_channels: int = 4
    block_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = ()
    layers_per_block: int = 2
    head_dim: int = 64
    cross_dim: int = 1024
    context_tokens: int = 4
    lip_dim: int = 512
    expression_dim: int = 30
    norm_groups: int = 32
    addition_embed_dim: int = 256
    expression_injection: str = "edi"

    def __post_init__(self) -> None:
        object.__setattr__(self, "block_channels", tuple(self.block_channels))  # JSON gives a list
        object.__setattr__(self, "attends", tuple(self.attends))
        if self.attends and len(self.attends) != len(self.block_channels):
            raise SettingsError(
                f"attends names {len(self.attends)} levels, but block_channels has {len(self.block_channels)}; "
                "give one truth value for each level."
            )
        for name in ("head_dim", "norm_groups"):
            divisor = getattr(self, name)
            if any(width % divisor for width in self.block_channels):
                raise SettingsError(
                    f"{name} {divisor} does not divide all of block_channels {self.block_channels}; "
                    "choose widths that are its multiples."
                )
        if self.expression_injection not in EXPRESSION_INJECTIONS:
            raise SettingsError(
                f"expression_injection is {self.expression_injection!r}, expected one of "
                f"{', '.join(EXPRESSION_INJECTIONS)}; choose one of those."
            )

    def attends_at(self, level: int) -> bool:
        return self.attends[level] if self.attends else level != len(self.block_channels) - 1


@dataclass
class DeepFeatures:
    """What came up from below to the outermost level, for a window at one step, to be used again at the next: from one
    noise level to the next it changes less than what is near to the picture (DeepCache, Ma et al. 2024).

    kept [b·n, c, h, w]; None before the first forward, which computes all, and keeps it.
    """

    kept: Tensor | None = None


class ETHD(nn.Module):
    """The backbone. Inherited weights keep SVD's names.

    New are `lip_tokens`, `expression_tokens`, `frame_positions` and the `edi` of each site.
    """

    def __init__(
        self,
        config: ETHDConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device, attention)
        self.config = config
        widths = config.block_channels
        embedding_dim = 4 * widths[0]
        sizes = (embedding_dim, config.cross_dim, config.head_dim, config.norm_groups)
        blocks = BlockParts(*sizes, config.expression_injection, parts)

        self.lip_tokens = ContextTokens(config.lip_dim, config.context_tokens, config.cross_dim, parts=parts)
        # One projection for driving and reference, so that equal expressions are equal tokens.
        self.expression_tokens = ContextTokens(
            config.expression_dim, config.context_tokens, config.cross_dim, parts=parts
        )
        # SVD gives positions to the hidden states only; the sequence needs them too. The paper is silent.
        self.frame_positions = parts.linear(config.cross_dim, config.cross_dim, bias=False)
        start_at_zero(self.frame_positions)

        self.time_embedding = EmbeddingMLP(widths[0], embedding_dim, embedding_dim, parts=parts)
        self.add_embedding = EmbeddingMLP(
            ADDED_TIME_VALUES * config.addition_embed_dim, embedding_dim, embedding_dim, parts=parts
        )
        self.conv_in = parts.conv2d(config.in_channels, widths[0], 3, padding=1)

        attends = [config.attends_at(level) for level in range(len(widths))]
        levels = build_levels(blocks, widths, config.layers_per_block, attends)
        self.down_blocks, self.mid_block, self.up_blocks = levels.down_blocks, levels.mid_block, levels.up_blocks

        self.conv_norm_out = parts.group_norm(config.norm_groups, widths[0], eps=1e-5)
        self.conv_out = parts.conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        conditions: MotionConditions,
        added_time: Tensor,
        deep: DeepFeatures | None = None,
    ) -> Tensor:
        """The raw output F [b, n, out_channels, h, w].

        x [b, n, in_channels, h, w]: c_in times the noisy latents, beside the portrait latent · c_noise [b] · added_time
        [b, 3]: frames per second - 1, motion bucket, noise augmentation · deep: of the same window at the step before;
        filled where it is empty, else only the outermost level is computed.
        """
        return self.forward_tokens(
            x,
            c_noise,
            self.lip_tokens(conditions.lip),
            self.expression_tokens(conditions.driving_expression),
            self.expression_tokens(conditions.reference_expression),
            conditions.face_mask,
            conditions.lip_mask,
            added_time,
            deep,
        )

    def forward_tokens(
        self,
        x: Tensor,
        c_noise: Tensor,
        lip_tokens: Tensor,
        driving_tokens: Tensor,
        reference_tokens: Tensor,
        face_mask: Tensor,
        lip_mask: Tensor,
        added_time: Tensor,
        deep: DeepFeatures | None = None,
    ) -> Tensor:
        """As `forward`, with the context given as tokens.

        lip_tokens, driving_tokens [b, n, k, cross_dim] · reference_tokens [b, k, cross_dim] · face_mask, lip_mask
        [b, 1, H, W] binary, at any size.
        """
        batch, frames = x.shape[:2]
        positions = sinusoidal_embedding(torch.arange(frames, device=x.device), self.config.cross_dim).to(x.dtype)
        timed_tokens = driving_tokens + self.frame_positions(positions)[:, None]
        context = SiteContext(
            frames=frames,
            lip=lip_tokens.flatten(0, 1),
            driving=driving_tokens.flatten(0, 1),
            reference=reference_tokens,
            sequence=timed_tokens.flatten(1, 2),
            regions=self.expression_regions(face_mask, lip_mask, x.shape[-2], x.shape[-1]),
        )
        embedding = self.time_embedding(sinusoidal_embedding(c_noise, self.config.block_channels[0]).to(x.dtype))
        added = sinusoidal_embedding(added_time, self.config.addition_embed_dim).flatten(1)
        embedding = functional.silu(
            embedding + self.add_embedding(added.to(x.dtype))
        )  # [b, e]; every block begins with SiLU

        h = self.conv_in(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))  # [b*n, c, h, w]
        h = self._levels(h, embedding, context, deep)
        h = self.conv_out(functional.silu(self.conv_norm_out(h)))
        return h.unflatten(0, (batch, frames))

    def _levels(self, h: Tensor, embedding: Tensor, context: SiteContext, deep: DeepFeatures | None) -> Tensor:
        """Down, across and up; h [b·n, c, h, w]."""
        skips = [h]
        if deep is not None and deep.kept is not None:
            skips += cast(DownBlock, self.down_blocks[0]).at_its_size(h, embedding, context)
            return self.up_blocks[-1](deep.kept, skips, embedding, context)
        for block in self.down_blocks:
            skips += block(skips[-1], embedding, context)
        h = self.mid_block(skips[-1], embedding, context)
        for block in self.up_blocks[:-1]:
            h = block(h, skips, embedding, context)
        if deep is not None:
            deep.kept = h
        return self.up_blocks[-1](h, skips, embedding, context)

    def expression_regions(
        self, face_mask: Tensor, lip_mask: Tensor, height: int, width: int
    ) -> dict[tuple[int, int], Region]:
        """(1 - M_lip) * M_face at the size of each level, by (h, w) (EmotiveTalk eq. 10)."""
        regions = {}
        for _ in self.config.block_channels:
            face, lip = (
                functional.interpolate(mask.float(), size=(height, width), mode="nearest-exact") > 0.5
                for mask in (face_mask, lip_mask)
            )
            regions[height, width] = Region.of(face & ~lip)
            height, width = (height + 1) // 2, (width + 1) // 2
        return regions

    def zero_outputs(self) -> None:
        """Zero the last layer of every branch, so that training from nothing starts at the identity."""
        for module in self.modules():
            for name in ("conv2", "proj_out", "conv_out"):
                layer = getattr(module, name, None)
                if layer is not None:
                    start_at_zero(layer)
