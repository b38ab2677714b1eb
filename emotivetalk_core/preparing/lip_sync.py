"""Are the lips in step with the sound? Without any network's weights. [ours]

How wide a mouth stands open follows how loud a voice is, more loosely than phonemes say, but in any language and any
face. What "open" looks like (dark or toothed, bearded or not) is each face's own, so it is learnt from the pieces
themselves: a linear map from small pictures of the mouth to loudness, on four fifths of the time, is asked about the
fifth that it did not see. Learning from little also finds what is not there; how much is known from the same with the
sound elsewhere in time. So pieces of one film are judged together, as many as two minutes of it have: five seconds
alone do not tell true from wrong sound with certainty (docs/training.md has the figures).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ..face.landmarks import read_landmarks
from ..types import FRAMES_PER_SECOND, SAMPLE_RATE

PATCH = (16, 24)
"""Rows and columns of the mouth's picture: 1.0 × 1.5 distances of eyes and mouth."""
_REACH = (0.5, 0.75)
COMPONENTS = 8
FOLDS = 5
RIDGE = 0.3
SLOW = FRAMES_PER_SECOND
"""What changes over more than a second (the light, the speaker's distance) is taken out of both."""
FAR = 2 * FRAMES_PER_SECOND
"""Frames from which on a shift of the sound is "elsewhere"; shifts go round, so that nothing is lost at the ends."""
_SHIFTS = 40
_FLOOR = 50.0
_AT_ONCE = 16


@dataclass(frozen=True)
class LipSync:
    """Of pieces that were judged together. correlation: at the best lag of those asked for · lag: frames by which the
    mouth comes before the sound · chance: what nine in ten shifts of the sound to elsewhere stay below, each with its
    best lag of as many · pieces: the correlation at that lag within each.
    """

    correlation: float
    lag: int
    chance: float
    pieces: tuple[float, ...]

    @property
    def margin(self) -> float:
        return self.correlation - self.chance


def lip_sync(patches: Sequence[np.ndarray], loud: Sequence[np.ndarray], lag: int) -> LipSync:
    """Pieces of one film: `mouth_patches` [n, rows, columns] and `loudness` [n] of each · lag: frames, either way."""
    loudness_course = np.concatenate([detrended(each[:, None])[:, 0] for each in loud])
    mouth = mouth_course(patches)
    if loudness_course.std() < 1e-6 or len(mouth) < 2 * FAR or not mouth.shape[1]:
        return LipSync(0.0, 0, 0.0, (0.0,) * len(patches))
    fit = _Fit(mouth)

    def reached(shift: int) -> float:
        return _correlation(fit(np.roll(loudness_course, shift)), np.roll(loudness_course, shift))

    near = {shift: reached(shift) for shift in range(-lag, lag + 1)}
    best = max(near, key=lambda shift: near[shift])
    elsewhere = np.unique(np.linspace(FAR, len(loudness_course) - FAR, _SHIFTS).astype(int))
    far = [max(reached(int(at) + step) for step in range(-lag, lag + 1)) for at in elsewhere]
    shifted = np.roll(loudness_course, best)
    ends = np.cumsum([0, *map(len, patches)])
    said = fit(shifted)
    each = tuple(_correlation(said[start:end], shifted[start:end]) for start, end in zip(ends, ends[1:]))
    return LipSync(near[best], -best, float(np.quantile(far, 0.9)), each)


def loudness(samples: np.ndarray, frames: int) -> np.ndarray:
    """Decibels of full scale of each frame [n], of the 40 ms around its middle, the loudest less 50 at least."""
    each = SAMPLE_RATE // FRAMES_PER_SECOND
    sound = np.pad(samples.astype(np.float64), (0, max(0, frames * each - len(samples))))[: frames * each]
    power = np.diff(sound, prepend=0.0).reshape(frames, each)  # high tones count more, as they do for hearing
    decibels = 10 * np.log10((power**2).mean(1) + 1e-12)
    return np.maximum(decibels, decibels.max() - _FLOOR)


def mouth_patches(pictures: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The mouth upright and in one size: pictures uint8 [n, s, s, 3], landmarks [n, k, 2] -> float32 [n, rows, columns]
    in 0…1.
    """
    patches = []
    for start in range(0, len(pictures), _AT_ONCE):
        part = landmarks[start : start + _AT_ONCE]
        points = torch.stack([read_landmarks(torch.from_numpy(each).float()).eyes_mouth for each in part])
        eyes, mouth = points[:, :2].mean(1), points[:, 2]
        down = mouth - eyes  # [n, 2]; the size of a face that neither turns nor speaks
        down = down / down.norm(dim=1, keepdim=True) * down.norm(dim=1).median()
        across = torch.stack([down[:, 1], -down[:, 0]], 1)
        steps = [torch.linspace(-reach, reach, count) for reach, count in zip(_REACH, PATCH)]
        v, u = torch.meshgrid(*steps, indexing="ij")
        places = mouth[:, None, None] + u[..., None] * across[:, None, None] + v[..., None] * down[:, None, None]
        size = pictures.shape[1]
        grid = (places + 0.5) / size * 2 - 1
        grey = torch.from_numpy(pictures[start : start + _AT_ONCE]).float().mean(-1)[:, None] / 255  # [n, 1, s, s]
        fine = max(1, int(size / 96))
        grey = F.avg_pool2d(grey, fine) if fine > 1 else grey
        patches.append(F.grid_sample(grey, grid, padding_mode="border", align_corners=False)[:, 0])
    return torch.cat(patches).numpy()


def mouth_course(patches: Sequence[np.ndarray]) -> np.ndarray:
    """What the mouth's pictures do [n, c], of all pieces in a row: the strongest components of their changes."""
    courses = []
    for each in patches:
        flat = each.reshape(len(each), -1).astype(np.float64)
        flat = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True) + 0.02)  # the light's brightness
        courses.append(detrended(flat))
    flat = np.concatenate(courses)
    strengths, directions = np.linalg.eigh(flat.T @ flat / len(flat))
    strongest = slice(None, -COMPONENTS - 1, -1)
    kept = strengths[strongest] > 1e-9
    return flat @ directions[:, strongest][:, kept] / np.sqrt(strengths[strongest][kept])


def detrended(course: np.ndarray) -> np.ndarray:
    """A course [n, c] without its slow changes: less its mean over a second on either side."""
    sums = np.concatenate([np.zeros_like(course[:1]), np.cumsum(course, 0)])
    at = np.arange(len(course))
    low, high = np.maximum(at - SLOW, 0), np.minimum(at + SLOW + 1, len(course))
    return course - (sums[high] - sums[low]) / (high - low)[:, None]


class _Fit:
    """What a linear map says of a course [n] from the mouth [n, c]; of each part of time, one that did not see it."""

    def __init__(self, mouth: np.ndarray) -> None:
        fold = np.arange(len(mouth)) * FOLDS // len(mouth)
        self._length, self._parts = len(mouth), []
        for at in range(FOLDS):
            seen, asked = fold != at, fold == at
            gram = mouth[seen].T @ mouth[seen] + RIDGE * seen.sum() * np.eye(mouth.shape[1])
            self._parts.append((seen, asked, mouth[asked] @ np.linalg.solve(gram, mouth[seen].T)))

    def __call__(self, course: np.ndarray) -> np.ndarray:
        said = np.empty(self._length)
        for seen, asked, answer in self._parts:
            said[asked] = answer @ (course[seen] - course[seen].mean())
        return said


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if min(one.std(), other.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
