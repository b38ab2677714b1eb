"""How heads sway, blink and look about. All courses are at 25 frames per second and smooth."""

import numpy as np

from ..types import FRAMES_PER_SECOND

# Standard deviations at amount 1 of yaw, pitch, roll (radians), dx, dy (picture fractions) and scale.
_SPREAD = np.array([0.085, 0.05, 0.04, 0.012, 0.009, 0.012])
_LIMIT = np.array([0.22, 0.14, 0.12, 0.03, 0.025, 0.04])
BLINK = np.array([0.3, 0.85, 1.0, 0.85, 0.5, 0.2], np.float32)
"""How far lids are shut in the frames of a blink: 0 open … 1 shut."""


def _low_pass(rng: np.random.Generator, frames: int, seconds: float, columns: int) -> np.ndarray:
    """Two Ornstein-Uhlenbeck filters in a row, unit variance, already settled at the first frame: [frames, columns]."""
    keep = np.exp(-1 / (seconds * FRAMES_PER_SECOND))
    settle = int(6 * seconds * FRAMES_PER_SECOND)
    drive = rng.standard_normal((frames + settle, columns))
    first = second = np.zeros(columns)
    course = np.empty_like(drive)
    for i, kick in enumerate(drive):
        first = keep * first + (1 - keep) * kick
        second = keep * second + (1 - keep) * first
        course[i] = second
    power = keep**2
    variance = (1 - keep) ** 4 * (1 + power) / (1 - power) ** 3
    return course[settle:] / np.sqrt(variance)


def head_motion(rng: np.random.Generator, frames: int, amount: float) -> np.ndarray:
    """Sway with nods: [frames, 6] float32 as in HeadState.pose; `amount` 0 is still, 1 is lively."""
    sway = _low_pass(rng, frames, 0.45, 6) * _SPREAD
    time = np.arange(frames) / FRAMES_PER_SECOND
    nods = np.zeros(frames)
    start = rng.exponential(1.5)
    while start * FRAMES_PER_SECOND < frames:
        length, depth = rng.uniform(0.45, 0.8), rng.uniform(0.03, 0.08)
        phase = np.clip((time - start) / length, 0, 1)
        nods += depth * np.sin(np.pi * phase) ** 2
        start += length + rng.exponential(2.0)
    sway[:, 1] += nods
    sway[:, 4] += 0.12 * nods  # the chin's drop lowers the whole head a little
    pose = amount * _LIMIT * np.tanh(sway / _LIMIT)
    pose[:, 5] += 1
    return pose.astype(np.float32)


def blinks(rng: np.random.Generator, frames: int, loudness: np.ndarray | None = None) -> np.ndarray:
    """Lid closure [frames] float32, 0 open … 1 shut: a blink of 0.25 s every two to five seconds.

    loudness [frames]: of somebody's speech; then blinks fall into its pauses, as people's mostly do, and at random
    only where more than five seconds pass without one.
    """
    course = np.zeros(frames + len(BLINK), np.float32)
    for first in _blinks_at(rng, frames) if loudness is None else _blinks_in_pauses(rng, frames, loudness):
        course[first : first + len(BLINK)] = np.maximum(course[first : first + len(BLINK)], BLINK)
    return course[:frames]


def _blinks_at(rng: np.random.Generator, frames: int) -> list[int]:
    found, at = [], rng.uniform(0.2, 3.5)
    while at * FRAMES_PER_SECOND < frames:
        found.append(int(at * FRAMES_PER_SECOND))
        at += 0.35 if rng.uniform() < 0.1 else rng.uniform(1.8, 5.0)
    return found


def _blinks_in_pauses(rng: np.random.Generator, frames: int, loudness: np.ndarray) -> list[int]:
    """First frames of blinks that are deepest where the second around is quieter than all within 0.8 s of it, and than
    the speech is on the whole: what the neighbourhood says, so that it can be heard.
    """
    kernel, reach, half = np.hanning(27), int(0.8 * FRAMES_PER_SECOND), 2
    loud = np.pad(np.asarray(loudness, np.float64)[:frames], (0, max(0, frames - len(loudness))))
    smooth = np.convolve(np.pad(loud, 13, mode="edge"), kernel / kernel.sum(), mode="valid")
    found: list[int] = []
    for at in range(half, frames):
        around = smooth[max(0, at - reach) : at + reach + 1]
        quiet = smooth[at] < smooth.mean() - 0.3 * smooth.std() and smooth[at] <= around.min() < around.max()
        if quiet and (not found or at - half - found[-1] > reach):
            found.append(at - half)
    longest, filled, last = 5 * FRAMES_PER_SECOND, [], 0
    for pause in [*found, frames]:
        while pause - last > longest:
            last += int(rng.uniform(1.8, 5.0) * FRAMES_PER_SECOND)
            filled.append(last)
        last = pause
    return sorted({*found, *filled})


def gaze(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Where the eyes look, [frames, 2] float32 right and down in -1…1: mostly at the viewer, with short glances."""
    targets = np.zeros((frames, 2))
    frame = 0
    while frame < frames:
        hold = int(rng.uniform(0.5, 2.2) * FRAMES_PER_SECOND)
        away = rng.uniform() < 0.3
        spread = (0.6, 0.4) if away else (0.1, 0.08)
        targets[frame : frame + (hold // 2 if away else hold)] = rng.uniform(-1, 1, 2) * spread
        frame += hold // 2 if away else hold
    course = np.empty_like(targets)
    look = targets[0] if frames else np.zeros(2)
    for i, target in enumerate(targets):
        look = look + 0.6 * (target - look)  # a saccade takes two or three frames
        course[i] = look
    return np.clip(course, -1, 1).astype(np.float32)
