"""The picture autoencoder: Stable Video Diffusion's encoder, and its decoder with layers across time.

One factor, 0.18215, turns latents into the unit-variance ones that the diffusion sees, at every size of this model.
This file knows nothing of what the latents depict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..errors import NumericalError, SettingsError
from .vae_tiles import decode_where_it_fits, first_tile

if TYPE_CHECKING:
    from diffusers import AutoencoderKLTemporalDecoder


_PIXELS_DECODED_AT_ONCE = 8 * 512 * 512
_MOST_BYTES_OF_A_PIXEL_DECODED_AT_ONCE = 96  # over all frames: 24 of them in float32, 48 in half precision
_CONTEXT = 4  # frames decoded beyond a chunk, on either side


@dataclass(frozen=True)
class VAEConfig:
    """Shape of the autoencoder. The defaults are Stable Video Diffusion's, so its public file fits.

    norm_groups: groups of every group norm. 32 with 32 channels would be instance norm, which erases each channel's
    level and with it the picture's overall colour; small models take fewer groups.
    """

    block_channels: tuple[int, ...] = (128, 256, 512, 512)
    layers_per_block: int = 2
    latent_channels: int = 4
    norm_groups: int = 32
    scaling_factor: float = 0.18215

    @property
    def pixels_per_latent(self) -> int:
        return pixels_per_latent(self.block_channels)


def pixels_per_latent(block_channels: Sequence[int]) -> int:
    """Pixels along one side for each latent along it: all levels but the last halve the picture."""
    return 2 ** (len(block_channels) - 1)


def build_vae(
    config: VAEConfig, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> "AutoencoderKLTemporalDecoder":
    """diffusers' class in the given shape; state-dict keys are those of SVD's public `vae` folder."""
    from diffusers import AutoencoderKLTemporalDecoder

    with torch.device(device or "cpu"):
        vae = AutoencoderKLTemporalDecoder(
            block_out_channels=config.block_channels,
            down_block_types=("DownEncoderBlock2D",) * len(config.block_channels),
            latent_channels=config.latent_channels,
            layers_per_block=config.layers_per_block,
            scaling_factor=config.scaling_factor,
        )
    for module in vae.modules():
        if isinstance(module, nn.GroupNorm):  # the class has no argument for it, and the weights do not depend on it
            module.num_groups = config.norm_groups
    return vae.to(dtype=dtype) if dtype is not None else vae


def encode_mode(vae: "AutoencoderKLTemporalDecoder", pixels: torch.Tensor) -> torch.Tensor:
    """Pixels [b, 3, h, w] in 0…1 -> mode of the posterior [b, 4, h/8, w/8], NOT scaled: so the portrait enters ETHD."""
    step = pixels_per_latent(vae.config.block_out_channels)
    if pixels.shape[-2] % step or pixels.shape[-1] % step:
        size = f"{pixels.shape[-1]} x {pixels.shape[-2]}"
        raise SettingsError(f"A picture of {size} pixels cannot be encoded; both sides must be multiples of {step}.")
    return vae.encode(pixels.to(vae.dtype) * 2 - 1).latent_dist.mode()


def encode_video(vae: "AutoencoderKLTemporalDecoder", pixels: torch.Tensor, *, chunk: int = 16) -> torch.Tensor:
    """Pixels [n, 3, h, w] in 0…1 -> scaled latents [n, 4, h/8, w/8], each frame by itself: what ETHD denoises."""
    modes = [encode_mode(vae, frames) for frames in pixels.split(chunk)]
    return torch.cat(modes) * vae.config.scaling_factor


def decode_frames(vae: "AutoencoderKLTemporalDecoder", latents: torch.Tensor) -> torch.Tensor:
    """Scaled latents [n, 4, h, w] of one clip -> pixels [n, 3, 8h, 8w] around 0…1, all at once, not clamped."""
    latents = latents.to(vae.dtype) / vae.config.scaling_factor
    return vae.decode(latents, num_frames=latents.shape[0]).sample / 2 + 0.5


def frames_at_once(height: int, width: int, dtype: torch.dtype) -> int:
    """How many frames of this many pixels `decode_chunks` does best to decode together. Each chunk is decoded with some
    frames of its neighbours, so small pictures do better in longer chunks.
    """
    most = _MOST_BYTES_OF_A_PIXEL_DECODED_AT_ONCE // dtype.itemsize
    return min(max(_PIXELS_DECODED_AT_ONCE // (height * width), 1), most)


def frames_decoded_together(height: int, width: int, dtype: torch.dtype) -> int:
    """The same with the neighbours on either side that each chunk is decoded with."""
    return frames_at_once(height, width, dtype) + 2 * _CONTEXT


def chunk_memory(block_channels: Sequence[int], height: int, width: int, dtype: torch.dtype) -> int:
    """Bytes beside the weights that `decode_chunks` takes, in chunks of `frames_at_once`, however long the clip is."""
    return decoding_memory(block_channels, frames_decoded_together(height, width, dtype) * height * width, dtype)


def decoding_memory(block_channels: Sequence[int], pixels: int, dtype: torch.dtype) -> int:
    """Bytes that decoding this many pixels, of all frames together, takes at its peak beside the weights.

    That is in the last block, where four tensors of the second level's width are alive: measured at both sizes.
    """
    return 4 * block_channels[min(1, len(block_channels) - 1)] * pixels * dtype.itemsize


def encoding_memory(block_channels: Sequence[int], pixels: int, dtype: torch.dtype) -> int:
    """Bytes that encoding this many pixels, of all pictures together, takes at its peak beside the weights.

    That is in the first block, where four to five tensors of its width are alive: measured at both sizes.
    """
    return 5 * block_channels[0] * pixels * dtype.itemsize


def decode_chunks(
    vae: "AutoencoderKLTemporalDecoder",
    latents: torch.Tensor,
    *,
    chunk: int = 8,
    context: int = _CONTEXT,
    hold_ends: bool = False,
    device: torch.device | None = None,
    first: int = 0,
) -> Iterator[torch.Tensor]:
    """Scaled latents [n, 4, h, w] of one clip -> float32 pixels [k, 3, 8h, 8w] in 0…1, in order, k <= chunk.

    The decoder mixes neighbouring frames, and a chunk's first and last frames would lack theirs, which shows as a seam.
    So each chunk is decoded with `context` frames more on either side, and those are dropped. Raises NumericalError.

    hold_ends: the clip's first and last frames get their context too, as if they stood still; without it they lack it,
    as in one decode of the whole clip, and come out a little different from the rest.
    device: where the network computes, if the latents lie elsewhere; each chunk goes there when its turn comes.
    first: where the first chunk begins; frames before it are neighbours alone.

    Where the memory is not enough for a chunk, it and all after it are decoded in tiles (vae_tiles.py).
    """
    count, channels = latents.shape[0], vae.config.block_out_channels
    pixels_together = (min(chunk, count) + 2 * context) * pixels_per_latent(channels) ** 2
    tile = first_tile(
        latents, device or latents.device, lambda area: decoding_memory(channels, area * pixels_together, vae.dtype)
    )
    for start in range(first, count, chunk):
        end = min(start + chunk, count)
        frames = torch.arange(start - context, end + context)
        frames = frames.clamp(0, count - 1) if hold_ends else frames[(frames >= 0) & (frames < count)]
        before = context if hold_ends else min(context, start)
        with torch.no_grad():
            there = latents[frames].to(device=device)
            pixels, tile = decode_where_it_fits(lambda part: decode_frames(vae, part), there, tile)
        pixels = pixels[before : before + end - start].float()
        if not torch.isfinite(pixels).all():
            raise NumericalError(
                f"Decoding frames {start} to {end - 1} gave values that are not finite; "
                "run the VAE in float32 or bfloat16."
            )
        yield pixels.clamp(0, 1)


@torch.no_grad()
def fold_latent_scale(vae: "AutoencoderKLTemporalDecoder", std: float | torch.Tensor) -> None:
    """Rescale the latent space in place so that 0.18215 x mode has unit std; `std` (or [4]) is the unscaled modes'.

    A freshly trained autoencoder has latents of any size. Hosts know SVD's one factor, and a second number to carry
    beside the weights is a number to forget. So the mismatch g is folded into the two layers next to the latent:
    mean -> g·mean and logvar -> logvar + 2 ln g in quant_conv, and 1/g in decoder.conv_in. What the autoencoder
    computes does not change.
    """
    channels = vae.config.latent_channels
    quant, conv_in = vae.quant_conv, vae.decoder.conv_in
    std = torch.as_tensor(std, dtype=torch.float32, device=quant.weight.device).expand(channels)
    if not bool(torch.isfinite(std).all()) or float(std.min()) <= 0:
        raise ValueError(f"The latents' std must be positive and finite, not {std.tolist()}.")
    gain = 1 / (std * vae.config.scaling_factor)  # [c]
    quant.weight[:channels] *= gain[:, None, None, None].to(quant.weight.dtype)
    quant.bias[:channels] *= gain.to(quant.bias.dtype)
    quant.bias[channels:] += 2 * gain.log().to(quant.bias.dtype)
    conv_in.weight /= gain[None, :, None, None].to(conv_in.weight.dtype)
