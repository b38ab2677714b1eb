"""What each video frame hears, by a speech encoder that gives 50 half-frames a second and hears 30 s at once (Whisper).

At 25 frames a second a frame has two half-frames; it hears those from four before its own to five after them. DICE-Talk
and Sonic, which sample 12.5 frames a second, take every second of these windows.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from ..types import FRAMES_PER_SECOND, SAMPLE_RATE, Speech

HALF_FRAMES_PER_FRAME = 2
BEFORE, HEARD = 4, 10
"""Half-frames before a frame's own, and how many it hears in all."""

PIECE_SAMPLES = 30 * SAMPLE_RATE
_SAMPLES_PER_HALF_FRAME = SAMPLE_RATE // (FRAMES_PER_SECOND * HALF_FRAMES_PER_FRAME)


def encode_half_frames(
    encode: Callable[[torch.Tensor], torch.Tensor],
    speech: Speech,
    on_progress: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Half-frames [2n, c] of a speech of n frames. encode: samples [t], at most 30 s, to half-frames [1500, c], those
    past the end among them.

    Pieces of 30 s are heard one by one, as these weights' authors do it; a piece knows nothing of its neighbours.
    """
    pieces = speech.samples.split(PIECE_SAMPLES)
    heard = []
    for done, piece in enumerate(pieces, start=1):
        count = -(-piece.shape[-1] // _SAMPLES_PER_HALF_FRAME)
        heard.append(encode(piece)[:count])
        if on_progress is not None:
            on_progress(done, len(pieces))
    half_frames = torch.cat(heard)
    missing = HALF_FRAMES_PER_FRAME * speech.frames - half_frames.shape[0]  # of the last frame, where it is not filled
    return functional.pad(half_frames, (0, 0, 0, missing))


def half_frame_windows(
    half_frames: torch.Tensor, before: int = BEFORE, heard: int = HEARD, frames: int | None = None
) -> torch.Tensor:
    """Half-frames [2n, c] to the window of each video frame [n, heard, c]: a view of one padded copy.

    Beyond either end there are zeros, not silence as it is heard. frames: of the windows to make, if more than n.
    """
    n = half_frames.shape[0] // HALF_FRAMES_PER_FRAME
    after = heard - before + HALF_FRAMES_PER_FRAME * ((frames or n) - n)
    padded = functional.pad(half_frames, (0, 0, before, after))
    windows = padded.unfold(0, heard, HALF_FRAMES_PER_FRAME).transpose(1, 2)  # [n + 1 or so, heard, c]
    return windows[: frames or n]


def half_frames_of(windows: torch.Tensor) -> torch.Tensor:
    """The half-frames [2n, c] that windows [n, 10, c] were cut from: each frame's own two."""
    return windows[:, BEFORE : BEFORE + HALF_FRAMES_PER_FRAME].flatten(0, 1)
