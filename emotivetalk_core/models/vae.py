"""Encoding and decoding with the picture autoencoder, and how much memory that takes.

One factor, 0.18215, turns latents into the unit-variance ones that the diffusion sees, at every size of this model.
This file knows nothing of what the latents depict.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from ..errors import NumericalError, SettingsError, is_out_of_memory
from ..layers.clip_stream import ClipStream
from .vae_network import TemporalVAE, VAEConfig, build_vae
from .vae_tiles import decode_where_it_fits, first_tile, tile_below

_PIXELS_DECODED_AT_ONCE = 8 * 512 * 512
_MOST_FRAMES_DECODED_AT_ONCE = 16  # more are no quicker, and what is done with them would begin later
FRAME_ALONE = 1.3
"""So many times the work of a frame of a film is the only one of a clip, which is its own neighbours: counted in
floating-point operations of the demo's decoder, and of Stable Video Diffusion's (1.33).
"""
_CONTEXT = 4  # frames that tiles are decoded with beyond a chunk, on either side


def encode_mode(vae: TemporalVAE, pixels: torch.Tensor) -> torch.Tensor:
    """Pixels [b, 3, h, w] in 0…1 -> mode of the posterior [b, 4, h/8, w/8], NOT scaled: so the portrait enters ETHD."""
    step = vae.config.pixels_per_latent
    if pixels.shape[-2] % step or pixels.shape[-1] % step:
        size = f"{pixels.shape[-1]} x {pixels.shape[-2]}"
        raise SettingsError(f"A picture of {size} pixels cannot be encoded; both sides must be multiples of {step}.")
    return vae.encode(pixels.to(vae.dtype) * 2 - 1).mean


def encode_modes(vae: TemporalVAE, pixels: torch.Tensor) -> torch.Tensor:
    """As `encode_mode`, of any number of pictures [n, 3, h, w], no more at once than are decoded together: 64 of
    512x512 pixels are 8.6 GB in a single layer of Stable Video Diffusion's, in float32, and four times that at 1024.
    """
    at_once = frames_at_once(*pixels.shape[-2:])
    return torch.cat([encode_mode(vae, part) for part in pixels.split(at_once)])


def encode_video(vae: TemporalVAE, pixels: torch.Tensor, *, chunk: int = 16) -> torch.Tensor:
    """Pixels [n, 3, h, w] in 0…1 -> scaled latents [n, 4, h/8, w/8], each frame by itself: what ETHD denoises."""
    modes = [encode_mode(vae, frames) for frames in pixels.split(chunk)]
    return torch.cat(modes) * vae.config.scaling_factor


def decode_frames(vae: TemporalVAE, latents: torch.Tensor) -> torch.Tensor:
    """Scaled latents [n, 4, h, w] of one clip -> pixels [n, 3, 8h, 8w] around 0…1, all at once, not clamped, as Stable
    Video Diffusion does it: at its ends the clip has no neighbours, and its first and last frames differ a little.
    """
    return vae.decode(_unscaled(vae, latents), latents.shape[0]) / 2 + 0.5


def frames_at_once(height: int, width: int) -> int:
    """How many frames of this many pixels `decode_chunks` does best to decode together."""
    return min(max(_PIXELS_DECODED_AT_ONCE // (height * width), 1), _MOST_FRAMES_DECODED_AT_ONCE)


def frames_in_tiles(height: int, width: int) -> int:
    """The same where pictures of this size are decoded in tiles, with the neighbours on either side."""
    return frames_at_once(height, width) + 2 * _CONTEXT


def chunk_memory(config: VAEConfig, height: int, width: int, dtype: torch.dtype) -> int:
    """Bytes beside the weights that `decode_chunks` takes, in chunks of `frames_at_once`, however long the clip is."""
    pixels = height * width
    return decoding_memory(config, frames_at_once(height, width) * pixels, dtype) + kept_memory(config, pixels, dtype)


def decoding_memory(config: VAEConfig, pixels: int, dtype: torch.dtype) -> int:
    """Bytes that decoding this many pixels, of all frames together, takes at its peak beside the weights.

    That is in the last block, where three tensors of the second level's width are alive: counted at both sizes.
    """
    return 3 * config.block_channels[min(1, len(config.block_channels) - 1)] * pixels * dtype.itemsize


def kept_memory(config: VAEConfig, pixels: int, dtype: torch.dtype) -> int:
    """Bytes that the layers keep of a clip of so many pixels a frame while it is decoded in chunks: each of a block's
    two convolutions across time two frames, and the block itself the two that its sum waits for.
    """
    values = 0.0
    for depth, width in enumerate(config.block_channels):
        deepest = depth + 1 == len(config.block_channels)
        blocks = config.layers_per_block + 1 + (config.layers_per_block if deepest else 0)
        values += 6 * blocks * width / 4**depth
    return int(values * pixels * dtype.itemsize)


def encoding_memory(config: VAEConfig, pixels: int, dtype: torch.dtype) -> int:
    """Bytes that encoding this many pixels, of all pictures together, takes at its peak beside the weights.

    That is in the first block, where four to five tensors of its width are alive: measured at both sizes.
    """
    return 5 * config.block_channels[0] * pixels * dtype.itemsize


@torch.no_grad()
def decode_chunks(
    vae: TemporalVAE,
    latents: torch.Tensor,
    *,
    chunk: int = 8,
    device: torch.device | None = None,
    first: int = 0,
) -> Iterator[torch.Tensor]:
    """Scaled latents [n, 4, h, w] of one clip -> float32 pixels [k, 3, 8h, 8w] in 0…1, in order, k <= chunk.

    No frame is decoded twice, and what comes out does not depend on `chunk`: the decoder keeps what its layers need of
    the frames before (layers/clip_stream.py), and the clip stands still beyond its ends. Raises NumericalError.

    device: where the network computes, if the latents lie elsewhere; each chunk goes there when its turn comes.
    first: the frame to begin with, which comes out as if all before it had been decoded too.

    Where the memory is not enough, the rest is decoded in tiles (vae_tiles.py), each chunk with some frames of its
    neighbours.
    """
    device = device or latents.device
    pixels = vae.config.pixels_per_latent**2

    def bytes_for(area: int) -> int:
        return decoding_memory(vae.config, area * pixels * min(chunk, latents.shape[0]), vae.dtype) + kept_memory(
            vae.config, area * pixels, vae.dtype
        )

    tile = first_tile(latents, device, bytes_for)
    if tile is None:
        try:
            for frames in _streamed(vae, latents, chunk, device, first):
                yield _finite(frames, first)
                first += len(frames)
        except (MemoryError, RuntimeError) as error:
            tile = tile_below(latents)
            if tile is None or not is_out_of_memory(error):
                raise
            # what the exception still holds goes with it
    if tile is not None:
        yield from _in_tiles(vae, latents, chunk, device, first, tile)


def _streamed(
    vae: TemporalVAE, latents: torch.Tensor, chunk: int, device: torch.device, first: int
) -> Iterator[torch.Tensor]:
    """Frames from `first` on. As much before them is decoded as they depend on, in the chunks in which it would have
    been decoded from the clip's beginning, so that they are the same to the last bit.
    """
    start = max(0, first - vae.decoder.reach) // chunk * chunk
    passed_over, stream = first - start, ClipStream()
    for begin in range(start, latents.shape[0], chunk):
        there = _unscaled(vae, latents[begin : begin + chunk].to(device))
        last = begin + chunk >= latents.shape[0]
        for frames in vae.decoder.pieces(there, stream, last=last, most=chunk):
            wanted = frames[passed_over:]
            passed_over -= len(frames) - len(wanted)
            if len(wanted):
                yield wanted / 2 + 0.5


def _in_tiles(
    vae: TemporalVAE, latents: torch.Tensor, chunk: int, device: torch.device, first: int, tile: int
) -> Iterator[torch.Tensor]:
    def decode(part: torch.Tensor) -> torch.Tensor:
        pieces = vae.decoder.pieces(_unscaled(vae, part), ClipStream(), last=True, most=len(part))
        return torch.cat(list(pieces)) / 2 + 0.5

    for start in range(first, latents.shape[0], chunk):
        before = min(start, _CONTEXT)
        frames, tile = decode_where_it_fits(decode, latents[start - before : start + chunk + _CONTEXT].to(device), tile)
        yield _finite(frames[before : before + chunk], start)


def _finite(frames: torch.Tensor, first: int) -> torch.Tensor:
    frames = frames.float()
    if not torch.isfinite(torch.stack(frames.aminmax())).all():  # one pass over the frames, where isfinite takes five
        raise NumericalError(
            f"Decoding frames {first} to {first + len(frames) - 1} gave values that are not finite; "
            "run the VAE in float32 or bfloat16."
        )
    return frames.clamp(0, 1)


def _unscaled(vae: TemporalVAE, latents: torch.Tensor) -> torch.Tensor:
    return latents.to(vae.dtype) / vae.config.scaling_factor


@torch.no_grad()
def fold_latent_scale(vae: TemporalVAE, std: float | torch.Tensor) -> None:
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
    assert quant.bias is not None
    gain = 1 / (std * vae.config.scaling_factor)  # [c]
    quant.weight[:channels] *= gain[:, None, None, None].to(quant.weight.dtype)
    quant.bias[:channels] *= gain.to(quant.bias.dtype)
    quant.bias[channels:] += 2 * gain.log().to(quant.bias.dtype)
    conv_in.weight /= gain[None, :, None, None].to(conv_in.weight.dtype)


def finer_vae(vae: TemporalVAE, finer: int) -> TemporalVAE:
    """The same autoencoder with a decoder of this fineness, which gives the same picture, each pixel repeated."""
    if vae.config.finer == finer:
        return vae
    if vae.config.finer != 1:
        raise ValueError(f"A decoder of fineness {vae.config.finer} cannot be given fineness {finer}.")
    grown = build_vae(replace(vae.config, finer=finer))
    places = finer**2
    state = dict(vae.state_dict())
    for name in ("decoder.conv_out.weight", "decoder.conv_out.bias", "decoder.time_conv_out.bias"):
        state[name] = state[name].repeat_interleave(places, 0)
    across = state["decoder.time_conv_out.weight"]  # [3, 3, 3, 1, 1]
    each = torch.eye(places, dtype=across.dtype, device=across.device)
    state["decoder.time_conv_out.weight"] = torch.einsum("oiabc,pq->opiqabc", across, each).reshape(
        3 * places, 3 * places, *across.shape[2:]
    )
    grown.load_state_dict(state)
    return grown.to(across.device)
