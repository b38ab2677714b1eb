"""Are the lips in step with the sound? Without any network that knows speech. [ours]

How wide a mouth stands open follows how loud a voice is, more loosely than phonemes say, but in any language and any
face. What "open" looks like is read in two ways. The probe of faces says it at once, of the heads that it knows. And it
is learnt from the film itself: a linear map from small pictures of the mouth to loudness, on four fifths of the time,
is asked about the fifth that it did not see. Alone, the first knows too little of other faces, and the second learns
from little what is not there; so the map begins as the probe's word and leaves it as the film grows long
(docs/measuring.md has the figures, also of talks on which no number here was chosen).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ..face.landmarks import read_landmarks
from ..types import FRAMES_PER_SECOND
from .curves import correlation

PATCH = (16, 24)
"""Rows and columns of the mouth's picture: 1.0 × 1.5 distances of eyes and mouth."""
_REACH = (0.5, 0.75)
COMPONENTS = 8
FOLDS = 5
RESERVE = 25
"""Frames of film that it takes for the strongest component to count half; twice as many for the second, and so on."""
PRIOR = 20
"""Frames of film that outweigh the probe's word."""
_SLOPE = 0.6
"""Loudness for opening, both in their standard deviations: what the map begins as."""
SLOW = 1.0
"""Seconds: what changes over more than that (the light, the speaker's distance) is taken out of both."""
FAR = 2.0
"""Seconds from which on a shift of the sound is "elsewhere"; shifts go round, so that nothing is lost at the ends."""
_SHIFTS = 40
_QUANTILE = 0.9
_LEAST_CHANCE = 3.8
"""Over the root of the frames: what nine in ten sounds of others stay below. A film's own elsewhere says no less than
that, for in seconds it shows a few syllables only.
"""
_AT_ONCE, _FINEST = 16, 8


@dataclass(frozen=True, eq=False)
class Mouth:
    """Of n frames: patches [n, rows, columns], opening [n] as the probe reads it; nan where no face is seen."""

    patches: np.ndarray
    opening: np.ndarray

    def __len__(self) -> int:
        return len(self.opening)


@dataclass(frozen=True, eq=False)
class LipSync:
    """Of pieces that were judged together. correlation: of what the mouth says with the loudness, at the best lag of
    those asked for; 0 where one of them does not move · lag: frames by which the mouth comes before the sound · chance:
    what nine in ten shifts of the sound to elsewhere stay below, each with its best lag of as many, and no less than
    what the sounds of others stay below in films of that length · pieces: the correlation at that lag
    within each · said: what the mouth says of the loudness there [all frames], without unit; nan where no face is seen.
    """

    correlation: float
    lag: int
    chance: float
    pieces: tuple[float, ...]
    said: np.ndarray

    @property
    def margin(self) -> float:
        return self.correlation - self.chance


def lip_sync(mouths: Sequence[Mouth], loud: Sequence[np.ndarray], lag: int, rate: float = FRAMES_PER_SECOND) -> LipSync:
    """Pieces of one film of so many frames a second: mouths, and `curves.loudness` [n] of each · lag: frames, either
    way.
    """
    count = sum(map(len, mouths))
    slow, far = max(1, round(SLOW * rate)), round(FAR * rate)
    loudness_course = np.concatenate([detrended(each[:, None], slow)[:, 0] for each in loud])
    seen = np.concatenate([np.isfinite(each.opening) for each in mouths])
    chance = min(1.0, _LEAST_CHANCE / max(1, count) ** 0.5)
    nothing = LipSync(0.0, 0, chance, (0.0,) * len(mouths), np.where(seen, 0.0, np.nan))
    if loudness_course.std() < 1e-6 or seen.sum() <= 2 * FOLDS:
        return nothing
    fit = _Fit(mouth_course(mouths, slow), seen)
    if not fit.moves:
        return nothing

    def reached(shift: int, around: bool = False) -> float:
        """around: whether frames that went round the end count."""
        course = np.roll(loudness_course, shift)
        inside = slice(None) if around else slice(max(0, shift), count + min(0, shift))
        return _known_correlation(fit(course)[inside], course[inside], seen[inside])

    lags = range(-min(lag, count // 2), min(lag, count // 2) + 1)
    near = {shift: reached(shift) for shift in lags}
    best = max(near, key=lambda shift: (round(near[shift], 9), -abs(shift)))
    if count >= 2 * far:
        elsewhere = np.unique(np.linspace(far, count - far, _SHIFTS).astype(int))
        there = [max(reached(int(at) + step, True) for step in lags) for at in elsewhere]
        chance = max(chance, float(np.quantile(there, _QUANTILE)))
    shifted = np.roll(loudness_course, best)
    said, ends = fit(shifted), np.cumsum([0, *map(len, mouths)])
    each = tuple(
        _known_correlation(said[start:end], shifted[start:end], seen[start:end]) for start, end in zip(ends, ends[1:])
    )
    return LipSync(near[best], -best, chance, each, np.where(seen, said, np.nan))


def mouth_patches(pictures: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The mouth upright and in one size: pictures uint8 [n, s, s, 3], landmarks [n, k, 2] -> float32 [n, rows, columns]
    in 0…1.
    """
    patches = []
    for start in range(0, len(pictures), _AT_ONCE):
        part = landmarks[start : start + _AT_ONCE]
        points = torch.stack([read_landmarks(torch.from_numpy(each).float()).eyes_mouth for each in part])
        # the size of a face that neither turns nor speaks
        places = _mouth_places(points, float((points[:, 2] - points[:, :2].mean(1)).norm(dim=1).median()), PATCH)
        size = pictures.shape[1]
        grid = (places + 0.5) / size * 2 - 1
        grey = torch.from_numpy(pictures[start : start + _AT_ONCE]).float().mean(-1)[:, None] / 255  # [n, 1, s, s]
        fine = max(1, int(size / 96))
        grey = F.avg_pool2d(grey, fine) if fine > 1 else grey
        patches.append(F.grid_sample(grey, grid, padding_mode="border", align_corners=False)[:, 0])
    return torch.cat(patches).numpy()


def upright_mouth(picture: torch.Tensor, eyes_mouth: torch.Tensor, drop: float) -> np.ndarray:
    """As one of `mouth_patches`, of a picture [3, h, w] in 0…1 of any size: eyes_mouth [3, 2] in its pixels · drop:
    from the eyes down to the mouth, in pixels, of a face that neither turns nor speaks.
    """
    finer = min(_FINEST, max(1, round(2 * _REACH[0] * drop / PATCH[0])))  # looks for each value, so that none is missed
    places = _mouth_places(eyes_mouth[None].float(), drop, (finer * PATCH[0], finer * PATCH[1]))
    height, width = picture.shape[1:]
    grid = (places + 0.5) / torch.tensor([width, height]) * 2 - 1
    grey = picture.float().cpu().mean(0)[None, None]
    looked = F.grid_sample(grey, grid, padding_mode="border", align_corners=False)
    return F.avg_pool2d(looked, finer)[0, 0].numpy()


def _mouth_places(eyes_mouth: torch.Tensor, drop: float, counts: tuple[int, int]) -> torch.Tensor:
    """Where to look for the rows and columns of a mouth's picture: eyes_mouth [n, 3, 2] -> [n, rows, columns, 2]."""
    mouth = eyes_mouth[:, 2]
    down = mouth - eyes_mouth[:, :2].mean(1)  # [n, 2]
    down = down / down.norm(dim=1, keepdim=True) * drop
    across = torch.stack([down[:, 1], -down[:, 0]], 1)
    steps = [torch.linspace(-reach, reach, count) for reach, count in zip(_REACH, counts)]
    v, u = torch.meshgrid(*steps, indexing="ij")
    return mouth[:, None, None] + u[..., None] * across[:, None, None] + v[..., None] * down[:, None, None]


def mouth_course(mouths: Sequence[Mouth], slow: int) -> np.ndarray:
    """What the mouths do [n, c], of all pieces in a row: the strongest components of their pictures' changes, and last
    the opening, each of unit variance, or 0 where it does not move.
    """
    courses, openings = [], []
    for each in mouths:
        flat = each.patches.reshape(len(each), -1).astype(np.float64)
        flat = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True) + 0.02)  # the light's brightness
        courses.append(detrended(_bridged(flat), slow))
        openings.append(detrended(_bridged(each.opening[:, None].astype(np.float64)), slow))
    flat, opening = np.concatenate(courses), np.concatenate(openings)
    strengths, directions = np.linalg.eigh(flat.T @ flat / len(flat))
    strongest = slice(None, -COMPONENTS - 1, -1)
    kept = strengths[strongest] > 1e-9
    components = flat @ directions[:, strongest][:, kept] / np.sqrt(strengths[strongest][kept])
    spread = opening.std()
    return np.concatenate([components, opening / spread if spread > 1e-6 else 0 * opening], 1)


def detrended(course: np.ndarray, slow: int) -> np.ndarray:
    """A course [n, c] without its slow changes: less its mean over so many frames on either side."""
    sums = np.concatenate([np.zeros_like(course[:1]), np.cumsum(course, 0)])
    at = np.arange(len(course))
    low, high = np.maximum(at - slow, 0), np.minimum(at + slow + 1, len(course))
    return course - (sums[high] - sums[low]) / (high - low)[:, None]


class _Fit:
    """What a linear map says of a course [n] from the mouth [n, c], the opening last; of each part of time, one that
    did not see it. seen [n]: frames that it may learn from.
    """

    def __init__(self, mouth: np.ndarray, seen: np.ndarray) -> None:
        fold = np.arange(len(mouth)) * FOLDS // len(mouth)
        self.moves = bool(np.any(mouth[seen].std(0) > 1e-9))
        self._length, self._parts = len(mouth), []
        begins_as = np.zeros(mouth.shape[1])
        begins_as[-1] = PRIOR * _SLOPE
        held = np.diag([*(RESERVE * (place + 1.0) for place in range(mouth.shape[1] - 1)), PRIOR])
        for at in range(FOLDS):
            learnt, asked = seen & (fold != at), fold == at
            gram = mouth[learnt].T @ mouth[learnt] + held
            answer = np.linalg.solve(gram, np.column_stack([mouth[learnt].T, begins_as]))
            self._parts.append((learnt, asked, mouth[asked] @ answer[:, :-1], mouth[asked] @ answer[:, -1]))

    def __call__(self, course: np.ndarray) -> np.ndarray:
        said = np.empty(self._length)
        course = course / course.std()
        for learnt, asked, answer, before in self._parts:
            said[asked] = answer @ (course[learnt] - course[learnt].mean()) + before
        return said


def _bridged(course: np.ndarray) -> np.ndarray:
    """A course [n, c] of which some rows are not known (nan), put in line between those that are."""
    known = np.isfinite(course).all(1)
    if known.all() or not known.any():
        return np.nan_to_num(course)
    at = np.arange(len(course))
    return np.stack([np.interp(at, at[known], column[known]) for column in course.T], 1)


def _known_correlation(one: np.ndarray, other: np.ndarray, known: np.ndarray) -> float:
    return correlation(one[known], other[known]) if known.sum() > 1 else 0.0
