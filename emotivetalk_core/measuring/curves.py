"""Plain figures of curves over time: loudness, correlation, means of thirds. No networks, no pixels."""

import numpy as np

from ..types import SAMPLE_RATE, Speech


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two curves [n]; 0 where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0


def loudness(speech: Speech, rate: float, frames: int) -> np.ndarray:
    """How loud each of `frames` pictures is, at `rate` a second: the square root of its root mean square, which is
    about how loud it sounds, 1 for the loudest; all 0 where nothing is heard.
    """
    samples = speech.samples.float().cpu().numpy().astype(np.float64)
    edges = np.round(np.arange(frames + 1) * SAMPLE_RATE / rate).astype(int).clip(0, len(samples))
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    power = (energy[edges[1:]] - energy[edges[:-1]]) / np.maximum(edges[1:] - edges[:-1], 1)
    return np.zeros(frames) if not len(power) or power.max() <= 1e-12 else (power.clip(0) / power.max()) ** 0.25


def thirds(curve: np.ndarray) -> tuple[float, float, float]:
    """The mean of each third of a curve; nan where a third has no number."""
    parts = np.array_split(curve, 3)
    means = [float(np.mean(part[np.isfinite(part)])) if np.isfinite(part).any() else float("nan") for part in parts]
    return (means[0], means[1], means[2])
