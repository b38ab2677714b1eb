"""Plain figures from curves: correlation at the best small lag, openings in silence, distances. No networks, no
pixels."""

from collections.abc import Iterable

import numpy as np

from ..measuring.curves import correlation


def best_lag_correlation(generated: np.ndarray, true: np.ndarray, lags: int = 1) -> float:
    """The greatest correlation over shifts of -lags…lags frames."""
    n = min(len(generated), len(true))
    generated, true = generated[:n], true[:n]
    return max(
        correlation(generated[max(0, lag) : n + min(0, lag)], true[max(0, -lag) : n - max(0, lag)])
        for lag in range(-lags, lags + 1)
    )


def silent_frames(true_opening: np.ndarray, shortest: int = 5) -> np.ndarray:
    """Mask of the frames inside silences: runs of at least `shortest` frames of closed mouth, their first and last
    left out, where articulation of the neighbouring sounds may still show."""
    closed = np.concatenate([[False], true_opening <= 0.0, [False]])
    starts, ends = np.flatnonzero(closed[1:] & ~closed[:-1]), np.flatnonzero(closed[:-1] & ~closed[1:])
    mask = np.zeros(len(true_opening), bool)
    for start, end in zip(starts, ends, strict=True):
        if end - start >= shortest:
            mask[start + 1 : end - 1] = True
    return mask


def opening_ratio(generated: np.ndarray, true_opening: np.ndarray) -> float:
    """Mean opening in silences over mean opening in speech; nan where a clip has no silence."""
    silent = silent_frames(true_opening)
    if not silent.any() or silent.all():
        return float("nan")
    return float(np.clip(generated[silent], 0, None).mean() / max(1e-6, np.clip(generated[~silent], 0, None).mean()))


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the values that are numbers; nan where there is none."""
    numbers = np.array([value for value in values if np.isfinite(value)])
    return float(numbers.mean()) if len(numbers) else float("nan")


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of differences of two distributions [k]: 0 the same, 1 nothing in common."""
    return float(np.abs(a - b).sum() / 2)


def slope(values: np.ndarray) -> np.ndarray:
    """Least-squares change per frame of curves [n, c] -> [c]."""
    time = np.arange(len(values)) - (len(values) - 1) / 2
    return time @ (values - values.mean(0)) / max(1e-9, float(time @ time))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of vectors [n, d], [m, d] taken as Gaussians (Heusel et al. 2017, the formula of
    FID)."""
    from scipy.linalg import sqrtm

    mean = a.mean(0) - b.mean(0)
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(covariance_a @ covariance_b))
    return float(mean @ mean + np.trace(covariance_a + covariance_b - 2 * root))
