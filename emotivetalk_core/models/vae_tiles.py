"""Decoding in tiles: for pictures that a graphics card cannot decode as a whole.

Decoding 1024x1024 pixels holds more memory than anything else in the method (docs/benchmarks.md).
"""

import logging
from collections.abc import Callable

import torch

from ..diffusion.windows import window_starts
from ..errors import is_out_of_memory

Decode = Callable[[torch.Tensor], torch.Tensor]
"""Latents [n, c, h, w] of one clip to pixels [n, 3, f*h, f*w], with one f for all sizes."""

TILES = (64, 32)
"""Sides in latent pixels, in the order in which they are tried."""


def first_tile(latents: torch.Tensor, device: torch.device, bytes_for: Callable[[int], int]) -> int | None:
    """The side to begin with on the device: the largest for which it has enough memory in all; None for the whole
    picture. Some drivers never say that a card is full, and go on many times slower.

    bytes_for: what decoding pictures of so many latent pixels takes.
    """
    if device.type != "cuda":
        return None
    there = torch.cuda.get_device_properties(device).total_memory
    height, width = latents.shape[-2:]
    sides = _sides(latents)
    fitting = (side for side in sides if bytes_for(min(side or height, height) * min(side or width, width)) <= there)
    first = next(fitting, sides[-1])
    if first is not None:
        logging.getLogger(__name__).warning("The card cannot hold whole pictures of this size; decoding them in tiles.")
    return first


def tile_below(latents: torch.Tensor, tile: int | None = None) -> int | None:
    """The side of the next smaller tiles than these, or than the whole picture; None where there are none. It is said
    that they are tried.
    """
    sides = _sides(latents)
    smaller = next(iter(sides[sides.index(tile) + 1 :]), None)
    if smaller is not None:
        logging.getLogger(__name__).warning("There is not enough memory to decode this much at once; trying tiles.")
    return smaller


def decode_where_it_fits(decode: Decode, latents: torch.Tensor, tile: int) -> tuple[torch.Tensor, int]:
    """Pixels of the latents, and the side of the tiles that fitted into memory.

    tile: where to begin. Out-of-memory is raised on if the smallest tiles run into it too.
    """
    while True:
        try:
            return decode_in_tiles(decode, latents, tile), tile
        except (MemoryError, RuntimeError) as error:
            smaller = tile_below(latents, tile) if is_out_of_memory(error) else None
            if smaller is None:
                raise
        tile = smaller  # outside of the except block, whose exception keeps what was allocated


def decode_in_tiles(decode: Decode, latents: torch.Tensor, tile: int) -> torch.Tensor:
    """Float32 pixels of the latents [n, c, h, w], decoded in squares of `tile` latent pixels. Neighbours share a
    quarter, over which one fades into the other.
    """
    height, width = latents.shape[-2:]
    overlap = tile // 4
    result = total = torch.empty(0)
    for top in window_starts(height, tile, overlap):
        for left in window_starts(width, tile, overlap):
            pixels = decode(latents[..., top : top + tile, left : left + tile]).float()
            factor = pixels.shape[-1] // min(tile, width)
            if not total.numel():
                result = pixels.new_zeros(*pixels.shape[:2], factor * height, factor * width)
                total = pixels.new_zeros(factor * height, factor * width)
            rows, columns = (_ramp(side, factor * overlap).to(pixels) for side in pixels.shape[-2:])
            share = rows[:, None] * columns
            y, x = factor * top, factor * left
            result[..., y : y + len(rows), x : x + len(columns)] += share * pixels
            total[y : y + len(rows), x : x + len(columns)] += share
    return result / total


def _ramp(length: int, overlap: int) -> torch.Tensor:
    """[length]: rises from either end over `overlap` pixels."""
    steps = torch.arange(1, length + 1)
    return torch.minimum(steps, length + 1 - steps).clamp(max=overlap + 1)


def _sides(latents: torch.Tensor) -> list[int | None]:
    """The whole, and the tiles that are less."""
    return [None, *(side for side in TILES if side < max(latents.shape[-2:]))]
