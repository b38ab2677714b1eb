"""Spatio-temporal residual blocks and the changes of scale, as in Stable Video Diffusion (SVD).

Pictures travel as [b*n, c, h, w] in channels-last memory, so that the temporal view [b, c, n, h, w] and the token view
[b*n, h*w, c] are the same memory: no block of the backbone copies to change its view.
"""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ..errors import SettingsError
from .doubling import convolved_doubled
from .parts import PLAIN, Parts

MIX_STRATEGIES = ("learned", "learned_with_images", "fixed")


def as_clip(x: Tensor, frames: int) -> Tensor:
    """[b*n, c, h, w] to [b, c, n, h, w], a view where x is channels-last."""
    return rearrange(x, "(b n) c h w -> b c n h w", n=frames)


def as_frames(x: Tensor) -> Tensor:
    """[b, c, n, h, w] to [b*n, c, h, w]; undoes `as_clip`."""
    return rearrange(x, "b c n h w -> (b n) c h w")


def as_pictures_lie(network: nn.Module) -> None:
    """Lays the weights of all convolutions out in memory as the pictures lie, in place; their values do not change.

    Else each forward does it anew: a quarter of a convolution's time on a CPU where there are few frames.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            order = torch.channels_last if module.weight.dim() == 4 else torch.channels_last_3d
            module.weight.data = module.weight.data.contiguous(memory_format=order)


class SpaceTimeMix(nn.Module):
    """Blends two results by one learned number: `a * spatial + (1 - a) * temporal`, a = sigmoid(mix_factor).

    SVD's strategies: "learned"; "learned_with_images", which is "learned" as long as every sample is a clip, as here;
    "fixed", where `mix_factor` is `a` itself and not trained. `switch_spatial_to_temporal_mix` exchanges the two roles.
    """

    def __init__(
        self,
        mix_factor: float = 0.5,
        strategy: str = "learned_with_images",
        switch_spatial_to_temporal_mix: bool = False,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        if strategy not in MIX_STRATEGIES:
            raise SettingsError(
                f"The mix strategy is {strategy!r}, expected one of {', '.join(MIX_STRATEGIES)}; choose one of those."
            )
        self.strategy = strategy
        self.switch_spatial_to_temporal_mix = switch_spatial_to_temporal_mix
        value = torch.full((1,), mix_factor, dtype=dtype, device=device)
        if strategy == "fixed":
            self.register_buffer("mix_factor", value)
        else:
            self.mix_factor = nn.Parameter(value)

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        share = self._share(spatial)
        if self.switch_spatial_to_temporal_mix:
            spatial, temporal = temporal, spatial
        return torch.lerp(temporal, spatial, share)

    def with_added(self, spatial: Tensor, added: Tensor) -> Tensor:
        """The blend of `spatial` and `spatial + added`, in one pass."""
        share = self._share(spatial)
        return torch.addcmul(spatial, added, share if self.switch_spatial_to_temporal_mix else 1 - share)

    def _share(self, like: Tensor) -> Tensor:
        """Of `a`, [1]."""
        share = self.mix_factor.to(like)
        return share if self.strategy == "fixed" else share.sigmoid()


class SpatialResBlock(nn.Module):
    """3x3 residual block of one frame, shifted by the time embedding."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding_dim: int,
        *,
        groups: int,
        eps: float,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = parts.group_norm(groups, in_channels, eps=eps)
        self.conv1 = parts.conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = parts.linear(embedding_dim, out_channels)
        self.norm2 = parts.group_norm(groups, out_channels, eps=eps)
        self.conv2 = parts.conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = None
        if in_channels != out_channels:
            self.conv_shortcut = parts.conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x [b*n, c, h, w], embedding [b, e] after its SiLU, to [b*n, out, h, w]."""
        shift = self.time_emb_proj(embedding).repeat_interleave(x.shape[0] // embedding.shape[0], 0)
        y = self.conv1(functional.silu(self.norm1(x))) + shift[:, :, None, None]
        y = self.conv2(functional.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class TemporalResBlock(nn.Module):
    """Residual block along the frames: kernel (3, 1, 1)."""

    def __init__(
        self,
        channels: int,
        embedding_dim: int,
        *,
        groups: int,
        eps: float,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = parts.group_norm(groups, channels, eps=eps)
        self.conv1 = parts.temporal_convolution(channels)
        self.time_emb_proj = parts.linear(embedding_dim, channels)
        self.norm2 = parts.group_norm(groups, channels, eps=eps)
        self.conv2 = parts.temporal_convolution(channels)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x [b, c, n, h, w], embedding [b, e] after its SiLU."""
        shift = self.time_emb_proj(embedding)[:, :, None, None, None]
        y = self.conv1(functional.silu(self.norm1(x))) + shift
        return x + self.conv2(functional.silu(self.norm2(y)))


class SpatioTemporalResBlock(nn.Module):
    """A spatial residual block, a temporal one on its result, and the blend of both."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embedding_dim: int,
        *,
        groups: int,
        eps: float,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        shared = {"groups": groups, "eps": eps, "parts": parts}
        self.spatial_res_block = SpatialResBlock(in_channels, out_channels, embedding_dim, **shared)
        self.temporal_res_block = TemporalResBlock(out_channels, embedding_dim, **shared)
        self.time_mixer = SpaceTimeMix(**parts.factory_kwargs)

    def forward(self, x: Tensor, embedding: Tensor, frames: int) -> Tensor:
        """x [b*n, c, h, w], embedding [b, e] after its SiLU, to [b*n, out, h, w]."""
        spatial = as_clip(self.spatial_res_block(x, embedding), frames)
        return as_frames(self.time_mixer(spatial, self.temporal_res_block(spatial, embedding)))


class Downsample(nn.Module):
    """Half the size: 3x3 convolution of stride 2."""

    def __init__(
        self,
        channels: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.conv = parts.conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Upsample(nn.Module):
    """To the size of the skip that follows (so odd sizes work) by nearest neighbour, then a 3x3 convolution."""

    def __init__(
        self,
        channels: int,
        *,
        parts: Parts = PLAIN,
    ) -> None:
        super().__init__()
        self.conv = parts.conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        if size == (2 * x.shape[2], 2 * x.shape[3]):
            return convolved_doubled(self.conv, x)
        return self.conv(functional.interpolate(x, size=size, mode="nearest"))
