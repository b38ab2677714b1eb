"""Are the lips in step with the sound? Without any network's weights. [ours]

How wide a mouth stands open follows how loud a voice is, more loosely than phonemes say, but in any language and any
face. What "open" looks like (dark or toothed, bearded or not) is each face's own, so it is learnt from the piece
itself: a linear map from small pictures of the mouth to loudness, on four fifths of the time, is asked about the fifth
that it did not see. Learning from so little also finds what is not there; how much is known from the same with the
sound elsewhere in time.
"""

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
RIDGE = 0.1
SLOW = FRAMES_PER_SECOND
"""What changes over more than a second (the light, the speaker's distance) is taken out of both."""
FAR = 2 * FRAMES_PER_SECOND
"""Frames from which on a shift of the sound is "elsewhere"; shifts go round, so that nothing is lost at the ends."""
_SHIFTS = 40
_FLOOR = 50.0


@dataclass(frozen=True)
class LipSync:
    """correlation at the best lag of those asked for · lag: frames by which the mouth comes after the sound · chance:
    what nine in ten shifts of the sound to elsewhere stay below, each with its best lag of as many.
    """

    correlation: float
    lag: int
    chance: float

    @property
    def margin(self) -> float:
        return self.correlation - self.chance


def lip_sync(patches: np.ndarray, samples: np.ndarray, lag: int) -> LipSync:
    """patches float [n, rows, columns] of `mouth_patches` · samples [n·640] at 16 kHz · lag: frames, either way."""
    loud = detrended(loudness(samples, len(patches))[:, None])[:, 0]
    mouth = mouth_course(patches)
    if loud.std() < 1e-6 or len(mouth) < 2 * FAR:
        return LipSync(0.0, 0, 0.0)
    near = {shift: _predicted(mouth, np.roll(loud, shift)) for shift in range(-lag, lag + 1)}
    best = max(near, key=lambda shift: near[shift])
    elsewhere = np.linspace(FAR, len(loud) - FAR, _SHIFTS).astype(int)
    far = [max(_predicted(mouth, np.roll(loud, at + step)) for step in range(-lag, lag + 1, 2)) for at in elsewhere]
    return LipSync(float(near[best]), best, float(np.quantile(far, 0.9)))


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
    for start in range(0, len(pictures), 64):
        part = landmarks[start : start + 64]
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
        grey = torch.from_numpy(pictures[start : start + 64]).float().mean(-1)[:, None] / 255  # [n, 1, s, s]
        fine = max(1, int(size / 96))
        grey = F.avg_pool2d(grey, fine) if fine > 1 else grey
        patches.append(F.grid_sample(grey, grid, padding_mode="border", align_corners=False)[:, 0])
    return torch.cat(patches).numpy()


def mouth_course(patches: np.ndarray) -> np.ndarray:
    """What the mouth's pictures do [n, c]: the strongest components of their changes, in equal strength."""
    flat = patches.reshape(len(patches), -1).astype(np.float64)
    flat = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True) + 0.02)  # the light's brightness
    flat = detrended(flat)
    left, strengths, _ = np.linalg.svd(flat, full_matrices=False)
    kept = strengths[:COMPONENTS] > 1e-6 * max(1e-9, strengths[0])
    return left[:, :COMPONENTS][:, kept] * np.sqrt(len(flat))


def detrended(course: np.ndarray) -> np.ndarray:
    """A course [n, c] without its slow changes: less its mean over a second on either side."""
    sums = np.concatenate([np.zeros_like(course[:1]), np.cumsum(course, 0)])
    at = np.arange(len(course))
    low, high = np.maximum(at - SLOW, 0), np.minimum(at + SLOW + 1, len(course))
    return course - (sums[high] - sums[low]) / (high - low)[:, None]


def _predicted(mouth: np.ndarray, loud: np.ndarray) -> float:
    """Correlation of loudness with what a map that did not see it says of it."""
    said = np.zeros(len(loud))
    fold = np.arange(len(loud)) * FOLDS // len(loud)
    for at in range(FOLDS):
        seen = fold != at
        x, y = mouth[seen], loud[seen]
        gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
        said[~seen] = mouth[~seen] @ np.linalg.solve(gram, x.T @ (y - y.mean()))
    if said.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(said, loud)[0, 1])
