"""A course of one length made another: a driving sequence, a kept take or a head's poses fitted to the speech.

Knows values [m, d] in the order of time and nothing of what they mean. [ours]
"""

import numpy as np
import torch

from ..errors import InputError, SettingsError
from ..types import FRAMES_PER_SECOND

TRIM, LOOP, PING_PONG, STRETCH = "trim", "loop", "ping-pong", "stretch"
WAYS = (TRIM, LOOP, PING_PONG, STRETCH)

CROSSFADE = 8
"""Frames (a third of a second) over which a loop's end becomes its beginning; fewer where the course is short."""


def retime(values: torch.Tensor, frames: int, how: str) -> torch.Tensor:
    """A course [m, d] as `frames` many values [frames, d], by one of `WAYS`.

    trim: its beginning, at its own pace; where it is too short, its last value is held to the end · loop: the same,
    but from the beginning again where it is too short, and over the seam its end turns into its beginning in even
    steps, so that a pass takes m less `CROSSFADE` frames · ping-pong: there and back, nothing is faded, and neither end
    stands twice in a row · stretch: first and last value stay the ends, and what lies between is slowed down or sped up
    (linear interpolation in time).

    SettingsError for another way, InputError where there is nothing to retime or no frame to fill.
    """
    if how not in WAYS:
        raise SettingsError(f"A course cannot be retimed by {how!r}; choose one of {', '.join(WAYS)}.")
    count = len(values)
    if count < 1 or frames < 1:
        raise InputError(
            f"A course of {count} frames was to fill {frames} frames; give at least one frame of either, such as a "
            "video with a face and speech that can be heard."
        )
    if how == STRETCH:
        last = max(1, frames - 1)
        return _between(values, torch.arange(frames, dtype=torch.float64) * (count - 1) / last)
    steps = torch.arange(frames)
    if how == TRIM or frames <= count:
        return values[steps.clamp_max(count - 1).to(values.device)]
    if how == PING_PONG:
        there_and_back = max(1, 2 * (count - 1))
        at = steps % there_and_back
        return values[torch.minimum(at, there_and_back - at).to(values.device)]
    return _looped(values, steps)


def resample(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Values [m, d], `rate` a second, as [m', d] at 25 a second, by linear interpolation between the middles of the
    frames; outside the first and the last middle these are held. SettingsError for a rate that is none.
    """
    if not 0 < rate < float("inf"):
        raise SettingsError(f"{rate:g} frames per second is not a frame rate; give the video's own, such as 25 or 30.")
    if rate == FRAMES_PER_SECOND or len(values) == 0:
        return values
    count = max(1, round(len(values) * FRAMES_PER_SECOND / rate))
    middles = (torch.arange(count, dtype=torch.float64) + 0.5) * rate / FRAMES_PER_SECOND - 0.5
    return _between(values, middles.clamp(0, len(values) - 1))


def bridge(values: torch.Tensor, seen: np.ndarray) -> torch.Tensor:
    """Values [k, d] of the places of a course where `seen` [n] is true as the whole course [n, d]: straight from one to
    the next, and held before the first and after the last.
    """
    known = np.flatnonzero(seen)
    return _between(values, torch.from_numpy(np.interp(np.arange(len(seen)), known, np.arange(len(known)))))


def _between(values: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Values [m, d] read at places [n] between 0 and m - 1."""
    before = at.floor().long().clamp_max(max(0, len(values) - 2))
    after = (before + 1).clamp_max(len(values) - 1)
    share = (at - before).to(values)[:, None]
    return torch.lerp(values[before.to(values.device)], values[after.to(values.device)], share)


def _looped(values: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Passes one after the other; each but the first begins within the end of the one before."""
    fade = min(CROSSFADE, len(values) // 2)
    period = len(values) - fade
    at = steps % period
    coming = values[at.to(values.device)]
    if fade == 0:
        return coming
    seam = (steps >= period) & (at < fade)
    leaving = values[torch.where(seam, period + at, at).to(values.device)]
    share = torch.where(seam, (at + 1) / (fade + 1), torch.ones(())).to(values)[:, None]
    return torch.lerp(leaving, coming, share)
