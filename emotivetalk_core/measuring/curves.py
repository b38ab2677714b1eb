"""Plain figures of curves over time: loudness, correlation, the lag at which two curves fit best. No networks, no
pixels."""

from dataclasses import dataclass

import numpy as np

from ..types import SAMPLE_RATE, Speech

FEWEST = 8
"""Frames that two curves must share to be compared."""


@dataclass(frozen=True)
class BestLag:
    """correlation -1…1 at the best lag · lag: frames by which the first curve comes after the second · course: the
    correlation at each lag from -k to k.
    """

    correlation: float
    lag: int
    course: np.ndarray


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two curves [n]; 0 where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0


def best_lag(curve: np.ndarray, other: np.ndarray, reach: int) -> BestLag:
    """Where two curves [n] correlate best when one is moved by up to `reach` frames. Frames in which one of them is
    not a number count for nothing; of equal lags the smallest is taken, and 0 where fewer than FEWEST are left.
    """
    n, found = min(len(curve), len(other)), np.zeros(2 * reach + 1)
    for index, lag in enumerate(range(-reach, reach + 1)):
        a, b = curve[max(0, lag) : n + min(0, lag)], other[max(0, -lag) : n - max(0, lag)]
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= FEWEST:
            found[index] = correlation(a[known], b[known])
    lags = np.arange(-reach, reach + 1)
    best = max(range(len(found)), key=lambda index: (round(float(found[index]), 9), -abs(lags[index])))
    return BestLag(float(found[best]), int(lags[best]), found)


def chance_of(curve: np.ndarray, other: np.ndarray, reach: int, tries: int = 24) -> float:
    """What `best_lag` finds, on average, where the second curve [n] is moved around by more than `reach` frames, so
    that it belongs to other pictures; nan where the curves are too short for that.
    """
    n = min(len(curve), len(other))
    shifts = np.unique(np.linspace(2 * reach + 1, n - 2 * reach - 1, tries).round().astype(int))
    if n < 6 * reach:
        return float("nan")
    return float(np.mean([best_lag(curve[:n], np.roll(other[:n], shift), reach).correlation for shift in shifts]))


def loudness(speech: Speech, rate: float, frames: int) -> np.ndarray:
    """How loud each of `frames` pictures is, at `rate` a second: the square root of its root mean square, which is
    about how loud it sounds, 1 for the loudest; all 0 where nothing is heard.
    """
    samples = speech.samples.float().cpu().numpy().astype(np.float64)
    edges = np.round(np.arange(frames + 1) * SAMPLE_RATE / rate).astype(int).clip(0, len(samples))
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    power = (energy[edges[1:]] - energy[edges[:-1]]) / np.maximum(edges[1:] - edges[:-1], 1)
    return np.zeros(frames) if not len(power) or power.max() <= 1e-12 else (power.clip(0) / power.max()) ** 0.25


def smooth(curve: np.ndarray, width: int) -> np.ndarray:
    """The mean over `width` frames (odd) around each; frames that are not numbers are left out of it."""
    known = np.isfinite(curve)
    kernel = np.ones(width)
    sums = np.convolve(np.where(known, curve, 0.0), kernel, "same")
    counts = np.convolve(known.astype(float), kernel, "same")
    return np.where(known, sums / np.maximum(counts, 1), np.nan)


def thirds(curve: np.ndarray) -> tuple[float, float, float]:
    """The mean of each third of a curve; nan where a third has no number."""
    parts = np.array_split(curve, 3)
    means = [float(np.mean(part[np.isfinite(part)])) if np.isfinite(part).any() else float("nan") for part in parts]
    return (means[0], means[1], means[2])
