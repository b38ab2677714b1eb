"""What a video will cost, told before it is sampled."""

import shutil
from pathlib import Path

from ..errors import OutputError
from ..models.adapted_unet import AdaptedUNetConfig
from ..models.ethd import ETHDConfig
from ..types import FRAMES_PER_SECOND
from .video import VideoSamplingSettings, rounds_of

FLOAT32_BYTES = 4 * 40
"""Of each place and frame: the noisy and clean latents in float32, which are held around a forward."""

_KEY_BYTES, _FRAMES_OF_A_KEY, _FRAME_BYTES, _SOUND_BYTES = 0.3, 250, 0.0025, 12_000
"""Of a film: each pixel of its key frames, which come every ten seconds, and of every frame; each second and channel of
sound. Measured of 25 to 100 frames of 1024 x 768 and 2048 x 1536 pixels, half as high a face talking in a photograph
with noise of a standard deviation of 2 or 4 of 255: from a fifth more than this to a quarter less.
"""

_KEPT_BYTES = 3
"""Of each pixel of a frame that is kept: it is packed without loss, and how well is not known before."""


def forward_count(frame_count: int, settings: VideoSamplingSettings) -> int:
    """How often a window goes through the network in all, guidance included; windows in one batch count one by one."""
    return sum(forward_counts(frame_count, settings))


def forward_counts(frame_count: int, settings: VideoSamplingSettings) -> tuple[int, int]:
    """Of these, forwards of the whole network, and of its outermost level alone."""
    rounds = rounds_of(frame_count, settings)
    whole = sum(len(each.starts) for each in rounds)
    outer = sum(len(each.starts) * (len(each.steps) - 1) for each in rounds)
    return _forwards(settings) * whole, _forwards(settings) * outer


def _forwards(settings: VideoSamplingSettings) -> int:
    return 1 + (settings.lip_guidance != 1.0) + (settings.emotion_guidance != 1.0)


def plan(frame_count: int, settings: VideoSamplingSettings) -> str:
    """The cost in words, e.g. "7 windows × 10 steps", "7 windows × 10 steps × 2 forwards (guidance)" or "7 windows × 10
    steps, every other one of the outermost level alone".
    """
    counts = sorted({len(each.starts) for each in rounds_of(frame_count, settings)})
    windows = f"{counts[0]} window" + ("s" if counts[0] != 1 else "")
    if len(counts) > 1:
        windows = f"{counts[0]}–{counts[-1]} windows"
    words = f"{windows} × {settings.steps} step" + ("s" if settings.steps != 1 else "")
    forwards = _forwards(settings)
    guided = words if forwards == 1 else f"{words} × {forwards} forwards (guidance)"
    return f"{guided}, every other one of the outermost level alone" if settings.reuse else guided


def window_memory(
    config: ETHDConfig | AdaptedUNetConfig,
    frames: int,
    places: int,
    value_bytes: int,
    *,
    fused: bool = True,
    reuse: bool = False,
) -> float:
    """Bytes that one forward of so many frames, of `places` latent pixels each, takes beside the weights; within a
    quarter of what is measured. fused: attention whose scores are never held as a whole · reuse: the deep features are
    kept for a second forward.
    """
    kept = config.block_channels[:2][-1] if reuse else 0  # they come up to the outermost size as wide as below it
    return frames * places * ((_peak_values(config, places, fused) + kept) * value_bytes + FLOAT32_BYTES)


def _peak_values(config: ETHDConfig | AdaptedUNetConfig, places: int, fused: bool) -> float:
    """Values alive at once in a forward, for each of the latent's `places` in each frame.

    Down the levels: the skips so far, and what one block works with. A site's peak is its gated feed-forward: 8 times
    the width, 4 + 4 behind the gate, and 9 states around them. Where attention is not `fused`, it may be its scores,
    before and after softmax, beside 12 states; the host cuts them to 1024 queries when memory is short. A residual
    block has about 8 states.
    """
    peak, skips, share = 0.0, float(config.block_channels[0]), 1.0
    for level, width in enumerate(config.block_channels):
        skips += (config.layers_per_block - 1) * width * share
        work = 8 * width
        if config.attends_at(level):
            scores = 0 if fused else 2 * width / config.head_dim * min(places * share, 1024)
            work = max(25 * width, 12 * width + scores)
        peak = max(peak, skips + work * share)
        skips += width * share
        share /= 4
        skips += width * share  # halved, it is a skip too
    return peak


def film_bytes(width: int, height: int, frames: int, channels: int = 0) -> float:
    """Of an H.264 film of ours of a face that talks in a picture that stands still, with AAC sound: within a
    quarter of what was measured.
    """
    seconds = frames / FRAMES_PER_SECOND
    whole_pictures = 1 + (frames - 1) // _FRAMES_OF_A_KEY
    return width * height * (_KEY_BYTES * whole_pictures + _FRAME_BYTES * frames) + _SOUND_BYTES * channels * seconds


def free_disk(place: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def room_to_keep(folder: Path, film: float, size: int, frames: int) -> bool:
    """Whether frames of size x size pixels can be kept in the folder until the film, which takes so many bytes, is
    whole.
    """
    return free_disk(folder) > film + _KEPT_BYTES * size * size * frames


def check_disk(folder: Path, needed: float, way_out: str) -> None:
    """OutputError where the folder's disk has not so many bytes free."""
    free = free_disk(folder)
    if needed > free:
        raise OutputError(
            f"The video takes about {memory_words(needed)} of disk space, but {memory_words(free)} are free in "
            f"{folder}; {way_out}."
        )


def memory_words(size: float) -> str:
    """Bytes in words, e.g. "14 GB", "1.3 GB" or "45 MB". A GB is 2^30 bytes, as for the makers of memory and cards."""
    gigabytes = size / 2**30
    if gigabytes < 0.1:
        return f"{max(size / 2**20, 1):.0f} MB"
    return f"{gigabytes:.1f} GB" if gigabytes < 9.95 else f"{gigabytes:.0f} GB"


def forecast_words(seconds: float, left: int, what: str) -> str:
    """How long what is left will take, e.g. "about 34 s for the 12 windows that are left"; what: one of these."""
    those = f"the last {what}" if left == 1 else f"the {left} {what}s that are left"
    return f"about {time_words(seconds)} for {those}"


def time_words(seconds: float) -> str:
    """A duration in words, e.g. "0.4 s", "34 s", "12 min" or "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
