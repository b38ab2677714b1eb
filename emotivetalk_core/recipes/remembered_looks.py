"""What the face finder remembers of the pictures that it learnt from, so that it can say how strange another one looks.

Of each kind a Gaussian over the finder's own features, and a picture's distance to the nearest: Lee et al. 2018, "A
simple unified framework for detecting out-of-distribution samples and adversarial attacks", §2.1, of features from two
levels [ours: their spread over the picture beside their mean], each kind with a covariance of its own [ours].
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from ..models.face_finder import FaceFinder
from ..synthesis.clip import IDENTITY_SEEDS
from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.people.person import sample_person
from ..synthesis.render import Head, render_head

RIDGE = 0.01
"""Of the mean variance, added to every feature's: hundreds of pictures say little of hundreds of features."""

USUAL = 0.95
"""The share of unseen portraits of its own kinds that lies within a strangeness of 1."""

_EACH = 2
"""How often each picture is looked at, every time as another crop and file."""


def remember_looks(
    finder: FaceFinder,
    kinds: Sequence[Sequence[np.ndarray]],
    unseen: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> None:
    """Fills what `FaceFinder.strangeness` measures by. kinds: for each kind the talking crops that were learnt from,
    uint8 [s, s, 3], two or more · unseen: portraits of others, of all kinds, which say what is usual.
    """
    for number, crops in enumerate(kinds):
        looks = finder.looks(_as_given(crops, rng)).double()
        covariance = torch.cov(looks.T)
        ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
        finder.usual[number] = looks.mean(0).to(finder.usual)
        finder.precision[number] = torch.linalg.inv(covariance + ridge).to(finder.precision)
    limit = float(np.quantile([finder.strangeness(crop) for crop in _as_given(unseen, rng)], USUAL))
    finder.precision /= limit**2


def portraits_at_rest(rng: np.random.Generator, drawn: int, rendered: int, size: int) -> list[np.ndarray]:
    """So many people of the training's seeds, as portraits show them: uint8 [s, s, 3] each."""
    seeds = rng.integers(*IDENTITY_SEEDS["train"], drawn + rendered).tolist()
    people: list[Head] = [sample_identity(seed) for seed in seeds[:drawn]]
    people += [sample_person(seed) for seed in seeds[drawn:]]
    return [render_head(person, HeadState.rest(), size) for person in people]


def _as_given(crops: Sequence[np.ndarray], rng: np.random.Generator) -> torch.Tensor:
    """As users give them: framed otherwise, at times soft, at times from a JPEG file; [n, 3, s, s]."""
    given = []
    for pixels in (crop for crop in crops for _ in range(_EACH)):
        size = pixels.shape[0]
        zoom, shift = np.exp(rng.normal(0, 0.04)), rng.normal(0, 0.015, 2) * size
        move = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        move[:, 2] += (1 - zoom) * size / 2
        seen = cv2.warpAffine(pixels, move, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if rng.uniform() < 0.3:
            small = cv2.resize(seen, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
            seen = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
        if rng.uniform() < 0.4:
            _, packed = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(70, 96))])
            seen = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
        given.append(torch.from_numpy(np.ascontiguousarray(seen)).permute(2, 0, 1).float() / 255)
    return torch.stack(given)
