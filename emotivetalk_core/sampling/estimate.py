"""What a video will cost, told before it is sampled."""

from ..diffusion.windows import window_starts
from .video import VideoSamplingSettings, windows_by_step


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
