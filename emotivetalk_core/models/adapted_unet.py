"""The video backbone of DICE-Talk (Tan et al. 2025) and Sonic (Ji et al. 2025): Stable Video Diffusion's UNet with
adapters for speech and emotion at each of its sites.

Inherited weights keep SVD's names, so what ETHD and this network share are the same blocks. It knows no noise schedule:
it gives SVD's raw output F, and `diffusion.noise_levels` makes the denoiser of it.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import SettingsError
from ..layers.adapters import AdaptedContext, AdaptedTransformer
from ..layers.attention_functions import AttentionFunction, scaled_dot_product
from ..layers.embeddings import EmbeddingMLP, sinusoidal_embedding
from ..layers.parts import Parts
from ..types import PhotographConditions
from .ethd import ADDED_TIME_VALUES
from .ethd_blocks import BlockParts, build_levels

KIND = "adapted_unet"


@dataclass(frozen=True)
class AdaptedUNetConfig:
    """Sizes of the backbone; the defaults are DICE-Talk's, and Sonic's but for its single adapter.

    attends: which levels have sites of attention; empty means all but the last, as in SVD · adapters: 1 for speech, 2
    for speech and emotion.
    """

    in_channels: int = 8
    out_channels: int = 4
    block_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    attends: tuple[bool, ...] = ()
    layers_per_block: int = 2
    head_dim: int = 64
    cross_dim: int = 1024
    norm_groups: int = 32
    addition_embed_dim: int = 256
    adapters: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "block_channels", tuple(self.block_channels))  # JSON gives a list
        levels = len(self.block_channels)
        attends = tuple(self.attends) or tuple(level != levels - 1 for level in range(levels))
        object.__setattr__(self, "attends", attends)
        if len(attends) != levels or self.adapters not in (1, 2):
            raise SettingsError(
                f"{len(attends)} levels attend of {levels}, by {self.adapters} adapters; name every level, and 1 "
                "adapter (speech) or 2 (speech and emotion)."
            )

    def attends_at(self, level: int) -> bool:
        return self.attends[level]


@dataclass(frozen=True)
class _Parts(BlockParts):
    """The parts of a level, whose sites have adapters in the place of an expression injection."""

    adapters: int = 1

    def site(self, channels: int) -> nn.Module:
        return AdaptedTransformer(
            channels,
            self.cross_dim,
            self.head_dim,
            self.adapters,
            groups=self.groups,
            parts=self.parts,
        )


class AdaptedUNet(nn.Module):
    """The backbone. Every name is SVD's, but for the adapters' `to_k_ip` and `to_v_ip`."""

    def __init__(
        self,
        config: AdaptedUNetConfig,
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
        blocks = _Parts(*sizes, "none", parts, config.adapters)
        self.time_embedding = EmbeddingMLP(widths[0], embedding_dim, embedding_dim, parts=parts)
        self.add_embedding = EmbeddingMLP(
            ADDED_TIME_VALUES * config.addition_embed_dim, embedding_dim, embedding_dim, parts=parts
        )
        self.conv_in = parts.conv2d(config.in_channels, widths[0], 3, padding=1)
        levels = build_levels(blocks, widths, config.layers_per_block, config.attends)
        self.down_blocks, self.mid_block, self.up_blocks = levels.down_blocks, levels.mid_block, levels.up_blocks
        self.conv_norm_out = parts.group_norm(config.norm_groups, widths[0], eps=1e-5)
        self.conv_out = parts.conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(self, x: Tensor, c_noise: Tensor, conditions: PhotographConditions, added_time: Tensor) -> Tensor:
        """The raw output F [b, n, out_channels, h, w].

        x [b, n, in_channels, h, w]: c_in times the noisy latents, beside the portrait latent · c_noise [b] · added_time
        [b, 3]: frames per second (not less one), motion bucket, expression bucket.
        """
        batch, frames = x.shape[:2]
        height, width = x.shape[-2:]
        context = AdaptedContext(
            frames=frames,
            picture=conditions.picture[:, None],
            tokens=tuple(tokens.flatten(0, 1) for tokens in conditions.tokens),
            averages=tuple(tokens.mean(1) for tokens in conditions.tokens),
            strengths=conditions.strengths,
            masks=self.face_masks(conditions.face_mask, height, width, frames),
        )
        embedding = self.time_embedding(sinusoidal_embedding(c_noise, self.config.block_channels[0]).to(x.dtype))
        added = sinusoidal_embedding(added_time, self.config.addition_embed_dim).flatten(1)
        embedding = functional.silu(embedding + self.add_embedding(added.to(x.dtype)))  # every block begins with SiLU

        h = self.conv_in(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))  # [b*n, c, h, w]
        if conditions.face_guide is not None:
            h = h + conditions.face_guide.repeat_interleave(frames, 0)
        skips = [h]
        for block in self.down_blocks:
            skips += block(skips[-1], embedding, context)
        h = self.mid_block(skips[-1], embedding, context)
        for block in self.up_blocks:
            h = block(h, skips, embedding, context)
        h = self.conv_out(functional.silu(self.conv_norm_out(h)))
        return h.unflatten(0, (batch, frames))

    def face_masks(self, face_mask: Tensor, height: int, width: int, frames: int) -> dict[tuple[int, int], Tensor]:
        """The face's mask [b, 1, H, W] at the size of each level: by (h, w), [b*n, h*w, 1]. Bicubic and not binary, as
        these weights have learnt it: around the edges it reaches a little below 0 and above 1.
        """
        masks = {}
        for _ in self.config.block_channels:
            mask = functional.interpolate(face_mask.float(), size=(height, width), mode="bicubic")
            mask = mask.flatten(2).transpose(1, 2).to(face_mask.dtype)
            masks[height, width] = mask.repeat_interleave(frames, 0)
            height, width = (height + 1) // 2, (width + 1) // 2
        return masks
