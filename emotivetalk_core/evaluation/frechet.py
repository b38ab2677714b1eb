"""The Fréchet distance of two sets of vectors, and how sure a figure over clips is. FID (Heusel et al. 2017), FVD
(Unterthiner et al. 2018) and E-FID are this distance, of different vectors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS, DRAWS_OF_WIDE = 200, 20
"""Of the bootstrap: of vectors up to WIDE numbers, and of wider ones, each draw of which takes seconds."""
WIDE = 512


@dataclass(frozen=True)
class Estimate:
    """A figure, and half of its 95 % interval over clips: 1.96 standard deviations of the bootstrap's draws; nan for
    one clip. Not the draws' own percentiles: a Fréchet distance of drawn clips, of which some are drawn twice, is
    always larger.
    """

    value: float
    half: float
    clips: int

    def plain(self) -> dict[str, float | int | None]:
        numbers = {"value": self.value, "interval_95": self.half}
        return {name: float(f"{v:.6g}") if np.isfinite(v) else None for name, v in numbers.items()} | {
            "clips": self.clips
        }


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of vectors [n, d], [m, d] taken as Gaussians: |ma - mb|² + tr(Ca + Cb - 2 sqrt(Ca
    Cb)).

    The root's trace is the sum of singular values of the centred sets' product, whichever way is smaller: of A B^T [n,
    m], or of sqrt(Ca) sqrt(Cb) [d, d]; both are exact, and no matrix that is not symmetric is rooted.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean = a.mean(0) - b.mean(0)
    centred = [(x - x.mean(0)) / np.sqrt(max(len(x) - 1, 1)) for x in (a, b)]
    if min(len(a), len(b)) < a.shape[1]:
        product = centred[0] @ centred[1].T
    else:
        roots = [_root(x.T @ x) for x in centred]
        product = roots[0] @ roots[1]
    shared = np.linalg.svd(product, compute_uv=False).sum()
    return float(mean @ mean + sum((x * x).sum() for x in centred) - 2 * shared)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def over_clips(figure: Callable[[Sequence[int]], float], clips: int, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """What `figure` says of the clips of given places, once for all of them and for each draw with replacement."""
    value = figure(range(clips))
    if clips < 2:
        return Estimate(value, float("nan"), clips)
    random = np.random.default_rng(seed)
    drawn = [figure(random.integers(clips, size=clips).tolist()) for _ in range(draws)]
    return Estimate(value, 1.96 * float(np.std(drawn, ddof=1)), clips)


def frechet_over_clips(generated: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> Estimate:
    """Of all vectors [k, d] of each clip together; a clip's two sides are drawn together."""

    def figure(places: Sequence[int]) -> float:
        return frechet_distance(*(np.concatenate([side[place] for place in places]) for side in (generated, true)))

    return over_clips(figure, len(generated), DRAWS_OF_WIDE if generated[0].shape[1] > WIDE else DRAWS)


def mean_over_clips(values: Sequence[float]) -> Estimate:
    """The mean of one number a clip; those that are no number are left out."""
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return Estimate(float("nan"), float("nan"), 0)
    return over_clips(lambda places: float(known[list(places)].mean()), len(known))
