"""Windows over a long video, and the fusing of what each of them says (EmotiveTalk §3.4; weights after MimicMotion).

All indices are frames. A window is named by its first frame.
"""

from collections.abc import Iterable, Sequence

import torch

from ..errors import SettingsError


def check_windows(window: int, overlap: int) -> None:
    """SettingsError unless 0 <= overlap < window."""
    if window < 1:
        raise SettingsError(f"The window is {window} frames long, but it needs at least 1; give a longer window.")
    if overlap < 0:
        raise SettingsError(f"The overlap is {overlap} frames, but it cannot be negative; give 0 or more.")
    if overlap >= window:
        raise SettingsError(
            f"The overlap of {overlap} frames is not shorter than the window of {window}; "
            f"give an overlap of at most {window - 1} or a longer window."
        )


def _check_frames(n: int) -> None:
    if n < 1:
        raise SettingsError(f"A video of {n} frames was asked for, but it needs at least 1; give longer speech.")


def window_starts(n: int, window: int, overlap: int) -> list[int]:
    """First frames of the windows over n frames.

    0, s, 2s, … <= n-T with stride s = T - overlap, and n-T as well where the end is still uncovered. A video shorter
    than the window has one window, of n frames.
    """
    check_windows(window, overlap)
    _check_frames(n)
    if n <= window:
        return [0]
    starts = list(range(0, n - window + 1, window - overlap))
    if starts[-1] + window < n:
        starts.append(n - window)
    return starts


def shifted_windows(n: int, window: int, step: int, shift: int = 7) -> list[int]:
    """First frames, at sampling step `step` (from 0), of windows without overlap that move on by `shift` frames a step.

    The seams fall elsewhere at every step, so they heal without the cost of overlap (the idea is Sonic's). A window
    that would reach past either end is moved inside, so that each keeps the length that the network was trained on;
    there, and only there, two windows overlap. [ours: Sonic wraps the end of the video round to its beginning, as
    `wrapped_windows` does]
    """
    check_windows(window, 0)
    _check_frames(n)
    if n <= window:
        return [0]
    offset = (step * shift) % window
    first = offset - window if offset else 0
    return sorted({min(max(start, 0), n - window) for start in range(first, n, window)})


def wrapped_windows(n: int, window: int, offset: int) -> list[list[int]]:
    """The frames of each window, without overlap, over n frames laid out as a ring: the window that reaches past the
    end goes on at the beginning, and all of them begin `offset` frames earlier (Sonic).

    Windows are whole, so where n is no multiple of them some frames are in two; in a ring shorter than a window frames
    come back within it.
    """
    check_windows(window, 0)
    _check_frames(n)
    return [[(start - offset + k) % n for k in range(window)] for start in range(0, n, window)]


def fuse_wrapped(windows: Iterable[torch.Tensor], frames: Sequence[Sequence[int]], n: int) -> torch.Tensor:
    """The mean of what windows [T, …] say of each frame; frames: of each window, as `wrapped_windows` gives them.

    Returns [n, …]. ValueError if a frame is in no window or a window is missing.
    """
    total: torch.Tensor | None = None
    count = torch.zeros(n)
    for indices, window in zip(frames, windows, strict=True):
        if total is None:
            total = torch.zeros(n, *window.shape[1:], dtype=window.dtype, device=window.device)
        places = torch.tensor(indices)
        total.index_add_(0, places.to(window.device), window)
        count.index_add_(0, places, torch.ones(len(indices)))
    if total is None or bool((count == 0).any()):
        raise ValueError(f"{len(frames)} windows leave frames of 0…{n - 1} uncovered.")
    return total / count.to(total).reshape(n, *[1] * (total.ndim - 1))


def window_weights(window: int) -> torch.Tensor:
    """Weight of each position k in a window [T]: a = 2(k + 0.5)/T, w = min(a, 2 - a); never 0."""
    a = 2 * (torch.arange(window, dtype=torch.float32) + 0.5) / window
    return torch.minimum(a, 2 - a)


def fuse(windows: Iterable[torch.Tensor], starts: Sequence[int], n: int) -> torch.Tensor:
    """The weighted mean of overlapping windows, per frame: sum(w·D) / sum(w).

    windows: one [T, …] for each start, in order, and read one at a time: a generator keeps only one window in memory.
    Returns [n, …]. ValueError if a frame is in no window or a window is missing.
    """
    total: torch.Tensor | None = None
    weight = torch.zeros(n)
    for start, frames in zip(starts, windows, strict=True):
        length = frames.shape[0]
        if total is None:
            total = torch.zeros(n, *frames.shape[1:], dtype=frames.dtype, device=frames.device)
        w = window_weights(length)
        weight[start : start + length] += w
        total[start : start + length] += frames * w.to(frames).reshape(length, *[1] * (frames.ndim - 1))
    if total is None or bool((weight == 0).any()):
        raise ValueError(f"The windows starting at {list(starts)} leave frames of 0…{n - 1} uncovered.")
    return total / weight.to(total).reshape(n, *[1] * (total.ndim - 1))
