"""What a video will cost, told before it is sampled."""

from ..diffusion.windows import window_starts
from ..models.adapted_unet import AdaptedUNetConfig
from ..models.ethd import ETHDConfig
from .video import VideoSamplingSettings, windows_by_step

FLOAT32_BYTES = 4 * 40
"""Of each place and frame: the noisy and clean latents in float32, which are held around a forward."""


def window_count(n: int, window: int, overlap: int) -> int:
    """Number of overlapping windows over n frames, at each step."""
    return len(window_starts(n, window, overlap))


def forward_count(frame_count: int, settings: VideoSamplingSettings) -> int:
    """How often a window goes through the network in all, guidance included; windows in one batch count one by one."""
    forwards = 1 + (settings.lip_guidance != 1.0) + (settings.emotion_guidance != 1.0)
    return forwards * sum(len(starts) for starts in windows_by_step(frame_count, settings))


def plan(frame_count: int, settings: VideoSamplingSettings) -> str:
    """The cost in words, e.g. "7 windows × 10 steps" or "7 windows × 10 steps × 2 forwards (guidance)"."""
    counts = sorted({len(starts) for starts in windows_by_step(frame_count, settings)})
    windows = f"{counts[0]} window" + ("s" if counts[0] != 1 else "")
    if len(counts) > 1:
        windows = f"{counts[0]}–{counts[-1]} windows"
    words = f"{windows} × {settings.steps} step" + ("s" if settings.steps != 1 else "")
    forwards = 1 + (settings.lip_guidance != 1.0) + (settings.emotion_guidance != 1.0)
    return words if forwards == 1 else f"{words} × {forwards} forwards (guidance)"


def window_memory(
    config: ETHDConfig | AdaptedUNetConfig, frames: int, places: int, value_bytes: int, *, fused: bool = True
) -> float:
    """Bytes that one forward of so many frames, of `places` latent pixels each, takes beside the weights; within a
    quarter of what is measured. fused: attention whose scores are never held as a whole.
    """
    return frames * places * (_peak_values(config, places, fused) * value_bytes + FLOAT32_BYTES)


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


def memory_words(size: float) -> str:
    """Bytes in words, e.g. "14 GB", "1.3 GB" or "45 MB". A GB is 2^30 bytes, as for the makers of memory and cards."""
    gigabytes = size / 2**30
    if gigabytes < 0.1:
        return f"{max(size / 2**20, 1):.0f} MB"
    return f"{gigabytes:.1f} GB" if gigabytes < 9.95 else f"{gigabytes:.0f} GB"


def time_words(seconds: float) -> str:
    """A duration in words, e.g. "0.4 s", "34 s", "12 min" or "2 h 5 min"."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
