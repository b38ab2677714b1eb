"""Where the head stands in each frame: a sway of a given amount, keyframes, or the course of another head. The paper
names head pose as future work; all of this is ours.

Nothing here draws: face/head_turn.py turns the portrait by what this file makes.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import SettingsError, excerpt
from ..face.head_motion import head_motion
from ..types import FRAMES_PER_SECOND, HeadPose
from .retime import PING_PONG, retime

LARGEST = np.array([0.35, 0.25, 0.25, 0.08, 0.08, 0.15])
"""Of each part away from the portrait's: what a flat picture can still be turned to, in HeadPose's units."""

_SPREAD_UNITS = np.array([1, 1, 1, 5, 5, 2])
_BUCKET = 800
_STILL = np.array([0, 0, 0, 0, 0, 1.0])
_DEGREES = np.pi / 180
_PARTS = {"yaw": _DEGREES, "pitch": _DEGREES, "roll": _DEGREES, "x": 1.0, "y": 1.0, "size": 1.0}
_TIME = re.compile(r"(?:(\d+):)?(\d+(?:\.\d+)?)s?$")
EXAMPLE = "0 yaw=0\n1.5 yaw=12 pitch=-4\n3 yaw=-8 roll=3"


def motion_bucket(pose: np.ndarray) -> np.ndarray:
    """How much a head moves, as SVD's micro-condition 0…255: pose [..., n, 6] -> [...].

    The spread of the pose over time, its six parts brought to a common size (radians; picture fractions × 5; scale
    × 2); 60 is an ordinary talking head.
    """
    return np.clip(_spread(pose) * _BUCKET, 0, 255).astype(np.float32)


def sway(frames: int, amount: float, seed: int) -> HeadPose:
    """A head that sways and nods at random about the portrait's place, as the drawn heads do: `motion_bucket` of it is
    `amount`, 0…255, as far as a portrait can be turned. SettingsError for another amount.
    """
    if not 0 <= amount <= 255:
        raise SettingsError(f"The head was asked to move by {amount:g}; choose an amount from 0 (still) to 255.")
    rng = np.random.default_rng([seed % 2**63, 6])
    moves = head_motion(rng, max(frames, 4 * FRAMES_PER_SECOND), 1.0)[:frames] - _STILL
    moves -= moves.mean(0)
    spread = float(_spread(moves))
    if spread > 0:
        moves *= amount / _BUCKET / spread
    return HeadPose(torch.from_numpy(within_reach(moves + _STILL)).float())


def within_reach(pose: np.ndarray) -> np.ndarray:
    """Poses [n, 6] with what lies beyond LARGEST bent back to it smoothly: small ones stay as they are."""
    return _STILL + LARGEST * np.tanh((pose - _STILL) / LARGEST)


def from_course(course: np.ndarray, frames: int, *, strength: float = 1.0, smooth: float = 0.12) -> HeadPose:
    """Another head's course [m, 6] in HeadPose's units, at 25 a second, given to this one: its changes from where it
    stands on average, made `strength` times as large, smoothed over `smooth` seconds, and within reach.

    A shorter course goes back the way it came, so that nothing jumps; a longer one is cut.
    """
    moves = course - np.median(course, axis=0)
    reach = round(smooth * FRAMES_PER_SECOND)
    if reach > 0 and len(moves) > 1:
        kernel = np.hanning(2 * reach + 3)[1:-1]
        padded = np.pad(moves, ((reach, reach), (0, 0)), mode="edge")
        moves = np.stack([np.convolve(part, kernel / kernel.sum(), mode="valid") for part in padded.T], 1)
    fitted = retime(torch.from_numpy(moves), frames, PING_PONG).numpy()
    return HeadPose(torch.from_numpy(within_reach(_STILL + strength * fitted)).float())


@dataclass(frozen=True)
class PoseKey:
    """At `seconds` the head stands at `pose` [6], in HeadPose's units."""

    seconds: float
    pose: tuple[float, ...]


def parse_keys(text: str) -> tuple[PoseKey, ...]:
    """Keyframes, one a line: a time in seconds (or minutes:seconds), then what differs from the portrait: yaw, pitch,
    roll in degrees, x and y as fractions of the crop, size. "1.5 yaw=12 pitch=-4". `#` begins a comment.

    SettingsError names the line that cannot be read.
    """
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        at = _TIME.match(words[0])
        if at is None:
            raise _unreadable(number, line)
        pose = _STILL.copy()
        for word in words[1:]:
            name, _, value = word.partition("=")
            try:
                amount = float(value) * _PARTS[name.lower()]
            except (KeyError, ValueError):
                amount = math.nan
            if not math.isfinite(amount):
                raise _unreadable(number, line)
            pose[list(_PARTS).index(name.lower())] = amount
        keys.append(PoseKey(60 * int(at[1] or 0) + float(at[2]), tuple(pose.tolist())))
    if not keys:
        raise SettingsError(f"There is no head pose in the keyframes; write lines such as: {EXAMPLE.splitlines()[1]}.")
    times = [key.seconds for key in keys]
    if sorted(set(times)) != times:
        raise SettingsError(
            "The head's keyframes must be in order of time, with each time only once; sort their lines."
        )
    return tuple(keys)


def _unreadable(number: int, line: str) -> SettingsError:
    return SettingsError(
        f"Line {number} of the head's keyframes, {excerpt(line)!r}, cannot be read; write a time in seconds and what "
        f"differs from the portrait, such as: {EXAMPLE.splitlines()[1]}."
    )


def from_keys(keys: Sequence[PoseKey], frames: int) -> HeadPose:
    """The course through the keyframes: monotone cubic between two, held before the first and after the last."""
    from scipy.interpolate import PchipInterpolator

    times = np.array([key.seconds for key in keys])
    poses = np.array([key.pose for key in keys])
    at = np.clip(np.arange(frames) / FRAMES_PER_SECOND, times[0], times[-1])
    course = PchipInterpolator(times, poses)(at) if len(keys) > 1 else np.repeat(poses, frames, 0)
    return HeadPose(torch.from_numpy(within_reach(course)).float())


def _spread(pose: np.ndarray) -> np.ndarray:
    return np.sqrt(((pose.std(-2) * _SPREAD_UNITS) ** 2).sum(-1))
