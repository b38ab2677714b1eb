"""Stable Video Diffusion's autoencoder: an encoder of pictures, and a decoder with layers across time."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.clip_stream import NORM_WINDOW, ClipStream
from ..layers.parts import Parts
from ..layers.picture_blocks import (
    EPS,
    ClipResBlock,
    DoubledPicture,
    HalvedPicture,
    PictureAttention,
    PictureResBlock,
)
from ..layers.resnet import as_clip, as_frames


@dataclass(frozen=True)
class VAEConfig:
    """Shape of the autoencoder. The defaults are Stable Video Diffusion's, so its public file fits.

    norm_groups: groups of every group norm. 32 with 32 channels would be instance norm, which erases each channel's
    level and with it the picture's overall colour; small models take fewer groups.

    finer: how many times as large a decoded picture is as the encoded one. The decoder's last layers then give a square
    of pixels for each of their places (sub-pixel convolution, Shi et al. 2016, arXiv:1609.05158), which costs next to
    nothing. 1 is Stable Video Diffusion's.
    """

    block_channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    latent_channels: int = 4
    norm_groups: int = 32
    scaling_factor: float = 0.18215
    finer: int = 1

    @property
    def pixels_per_latent(self) -> int:
        """Pixels of the encoded picture along one side for each latent along it: all levels but the last halve it."""
        return 2 ** (len(self.block_channels) - 1)

    @property
    def decoded_pixels_per_latent(self) -> int:
        """The same of the decoded picture."""
        return self.finer * self.pixels_per_latent


@dataclass(frozen=True)
class Posterior:
    """Normal distributions of unscaled latents, each [n, 4, h', w']."""

    mean: Tensor
    logvar: Tensor

    @property
    def std(self) -> Tensor:
        return torch.exp(0.5 * self.logvar)

    @property
    def var(self) -> Tensor:
        return torch.exp(self.logvar)


class TemporalVAE(nn.Module):
    """Pixels in -1…1 to unscaled latents, each picture by itself, and latents of clips back to pixels."""

    def __init__(self, config: VAEConfig, operations: ModuleType = nn) -> None:
        super().__init__()
        parts = Parts(operations)
        self.config = config
        self.encoder = Encoder(config, parts)
        self.decoder = Decoder(config, parts)
        self.quant_conv = parts.conv2d(2 * config.latent_channels, 2 * config.latent_channels, 1)

    @property
    def dtype(self) -> torch.dtype:
        return self.quant_conv.weight.dtype

    def encode(self, pixels: Tensor) -> Posterior:
        """[n, 3, h, w] to the posterior of each picture."""
        mean, logvar = self.quant_conv(self.encoder(pixels)).chunk(2, dim=1)
        return Posterior(mean, logvar.clamp(-30.0, 20.0))

    def decode(self, latents: Tensor, frames: int) -> Tensor:
        """Unscaled latents [b*frames, 4, h', w'] of whole clips to pixels [b*frames, 3, H, W], as Stable Video
        Diffusion has it: convolutions see nothing beyond a clip's ends, norms across time see all its frames at once.
        """
        return self.decoder(latents, frames)


def build_vae(
    config: VAEConfig,
    *,
    operations: ModuleType = nn,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> TemporalVAE:
    """The autoencoder in the given shape; state-dict keys are those of SVD's public `vae` folder."""
    with torch.device(device or "cpu"):
        vae = TemporalVAE(config, operations)
    return vae.to(dtype=dtype) if dtype is not None else vae


class Encoder(nn.Module):
    """Pictures [n, 3, h, w] to mean and log variance [n, 8, h', w'] before `quant_conv`."""

    def __init__(self, config: VAEConfig, parts: Parts) -> None:
        super().__init__()
        widths, groups = config.block_channels, config.norm_groups
        self.conv_in = parts.conv2d(3, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _DownBlock(before, width, config, halved=level + 1 < len(widths), parts=parts)
            for level, (before, width) in enumerate(zip((widths[0], *widths), widths))
        )
        self.mid_block = _EncoderMiddle(widths[-1], groups, parts)
        self.conv_norm_out = parts.group_norm(groups, widths[-1], eps=EPS)
        self.conv_out = parts.conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x.contiguous(memory_format=torch.channels_last))
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(functional.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """Unscaled latents [b*n, 4, h', w'] of clips to their frames [b*n, 3, H, W], `finer` times the encoder's size."""

    def __init__(self, config: VAEConfig, parts: Parts) -> None:
        super().__init__()
        widths, groups = config.block_channels[::-1], config.norm_groups
        self.conv_in = parts.conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.mid_block = _DecoderMiddle(widths[0], config, parts)
        self.up_blocks = nn.ModuleList(
            _UpBlock(before, width, config, doubled=level + 1 < len(widths), parts=parts)
            for level, (before, width) in enumerate(zip((widths[0], *widths), widths))
        )
        self.conv_norm_out = parts.group_norm(groups, widths[-1], eps=EPS)
        values = 3 * config.finer**2
        self.conv_out = parts.conv2d(widths[-1], values, 3, padding=1)
        self.time_conv_out = parts.temporal_convolution(values)
        self._finer = config.finer

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """Whole clips at once."""
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self._layers():
            x = layer(x, frames) if isinstance(layer, ClipResBlock) else layer(x)
        return self._spread(as_frames(self.time_conv_out(as_clip(self._pictures(x), frames))))

    def pieces(self, x: Tensor, stream: ClipStream, *, last: bool, most: int) -> Iterator[Tensor]:
        """The next frames [n, 4, h', w'] of one clip, to all frames that are whole by now, in pieces [k, 3, H, W].

        last: whether the clip ends with them; there must be one at least · most: frames that a layer is given at once;
        without it the end, for which the layers have kept frames back, would be long.
        """
        layers = list(self._layers())
        waiting = [(0, x.contiguous(memory_format=torch.channels_last), last)]  # for which layer; the clip's end or not
        while waiting:
            place, x, ends = waiting.pop()
            if x.shape[0] > most:
                waiting.append((place, x[most:], ends))
                x, ends = x[:most], False
            stream.last = ends
            if place == len(layers):
                clip = stream.convolved(self.time_conv_out, as_clip(self._pictures(x), x.shape[0]))
                yield from self._spread(as_frames(clip)).split(most)
                continue
            layer = layers[place]
            x = layer(x, x.shape[0], stream) if isinstance(layer, ClipResBlock) else layer(x)
            if x.shape[0]:  # at a clip's beginning no frame may be whole yet
                waiting.append((place + 1, x, ends))

    def _layers(self) -> Iterator[nn.Module]:
        """All in their order, but for the last convolutions."""
        yield self.conv_in
        first, *others = self.mid_block.resnets
        yield first
        for attention, block in zip(self.mid_block.attentions, others):
            yield attention
            yield block
        for up_block in self.up_blocks:
            for part in up_block.children():  # its blocks, then its upsampler
                yield from part.children()

    def _pictures(self, x: Tensor) -> Tensor:
        return self.conv_out(functional.silu(self.conv_norm_out(x)))

    def _spread(self, x: Tensor) -> Tensor:
        """The values [n, 3 f², h, w] of the last layer as pixels [n, 3, f h, f w]."""
        return x if self._finer == 1 else functional.pixel_shuffle(x, self._finer)

    @property
    def reach(self) -> int:
        """How many frames before it a streamed frame depends on."""
        blocks = sum(isinstance(module, ClipResBlock) for module in self.modules())
        return 2 * blocks * NORM_WINDOW + 1  # each norm looks NORM_WINDOW - 1 frames back, each convolution one


class _DownBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, config: VAEConfig, *, halved: bool, parts: Parts) -> None:
        super().__init__()
        widths = (in_channels, *(out_channels,) * config.layers_per_block)
        self.resnets = nn.ModuleList(
            PictureResBlock(*pair, config.norm_groups, parts) for pair in zip(widths, widths[1:])
        )
        self.downsamplers = nn.ModuleList([HalvedPicture(out_channels, parts)] if halved else [])

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *self.downsamplers):
            x = layer(x)
        return x


class _EncoderMiddle(nn.Module):
    def __init__(self, channels: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(PictureResBlock(channels, channels, groups, parts) for _ in range(2))
        self.attentions = nn.ModuleList([PictureAttention(channels, groups, parts)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class _DecoderMiddle(nn.Module):
    """Names for the decoder's first layers. SVD's attention stands between the first block and the second, and has its
    weights where there is no second.
    """

    def __init__(self, channels: int, config: VAEConfig, parts: Parts) -> None:
        super().__init__()
        groups = config.norm_groups
        self.attentions = nn.ModuleList([PictureAttention(channels, groups, parts)])
        self.resnets = nn.ModuleList(
            ClipResBlock(channels, channels, groups, parts) for _ in range(config.layers_per_block)
        )


class _UpBlock(nn.Module):
    """Names for the layers of one of the decoder's levels."""

    def __init__(self, in_channels: int, out_channels: int, config: VAEConfig, *, doubled: bool, parts: Parts) -> None:
        super().__init__()
        widths = (in_channels, *(out_channels,) * (config.layers_per_block + 1))
        self.resnets = nn.ModuleList(ClipResBlock(*pair, config.norm_groups, parts) for pair in zip(widths, widths[1:]))
        self.upsamplers = nn.ModuleList([DoubledPicture(out_channels, parts)] if doubled else [])
