"""Sync-C and Sync-D (Chung and Zisserman 2016; the confidence and distance that papers on talking faces give): how
SyncNet's vectors of mouths and sound lie to each other.

Crop, coefficients and arithmetic are syncnet_python's, at its defaults; the faces are found by our finders and not by
S3FD. CROP stands beside every figure, for the crop decides it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.nn import functional as F

from ..face.finder import Box
from ..models.syncnet import COEFFICIENTS, PICTURES, SIDE, STEPS, SyncNet

CROP = 0.4
"""How much further than the face's box the crop goes: of half the box to either side, and twice that below."""

REACH = 15
"""Frames by which sound and picture are moved against each other, either way."""

METHOD = f"SyncNet v2, crop {CROP} around boxes of our finders, sound moved by up to {REACH} frames"

STEADY = 13
"""Frames of the median by which the box is steadied."""

STEPS_PER_FRAME = 4
_BACKGROUND = 110 / 255
_AT_ONCE = 32


@dataclass(frozen=True)
class SyncNetFigures:
    """confidence: Sync-C, the median over shifts less the least · distance: Sync-D, the least mean distance · offset:
    frames by which the mouth comes after the sound, where that is.
    """

    confidence: float
    distance: float
    offset: int


def measure_distances(distances: np.ndarray) -> SyncNetFigures:
    """From the distance [n, 2k + 1] of each frame's mouth to the sound of k frames earlier … k frames later."""
    mean = distances.mean(0)
    reach, best = (len(mean) - 1) // 2, int(mean.argmin())
    return SyncNetFigures(float(np.median(mean) - mean[best]), float(mean[best]), reach - best)


def distance_matrix(seen: torch.Tensor, heard: torch.Tensor, reach: int = REACH) -> np.ndarray:
    """[n, 2·reach + 1] of vectors [n, d] of mouths and of sound; past the ends of the film the sound's are zero, as its
    authors have it.
    """
    padded = F.pad(heard, (0, 0, reach, reach))
    windows = padded.unfold(0, 2 * reach + 1, 1).transpose(1, 2)  # [n, 2k + 1, d]
    return torch.stack([F.pairwise_distance(row[None], near) for row, near in zip(seen, windows)]).cpu().numpy()


@torch.no_grad()
def measure_sync(network: SyncNet, mouths: torch.Tensor, samples: torch.Tensor) -> SyncNetFigures | None:
    """Of a film's mouths [n, 3, 224, 224] RGB, bytes, 25 a second, and its sound [t] at 16 kHz in -1…1; None where the
    two share less than a few frames.
    """
    frames = min(len(mouths), len(samples) // 640) - PICTURES
    if frames < 1:
        return None
    device = next(network.parameters()).device
    coefficients = torch.from_numpy(mel_coefficients(samples.cpu().numpy())).float()  # [steps, 13]
    sound = coefficients.unfold(0, STEPS, STEPS_PER_FRAME)[:frames, None]  # [n, 1, 13, 20]
    frames = len(sound)
    heard = torch.cat([network.encode_sound(part.to(device)) for part in sound.split(_AT_ONCE)])
    seen = [
        network.encode_film(
            mouths[first : min(first + _AT_ONCE, frames) + PICTURES - 1].flip(1).to(device, torch.float32)
        )
        for first in range(0, frames, _AT_ONCE)
    ]
    return measure_distances(distance_matrix(torch.cat(seen), heard))


def steady_squares(boxes: Sequence[Box | None]) -> np.ndarray:
    """Centre x, centre y and half side of a film's face boxes [n, 3], steadied; frames without one are bridged."""
    known = np.array([index for index, box in enumerate(boxes) if box is not None])
    found = np.array([box for box in boxes if box is not None], float)
    all_of_them = np.stack([np.interp(np.arange(len(boxes)), known, found[:, side]) for side in range(4)], 1)
    left, top, right, bottom = all_of_them.T
    half = np.maximum(right - left, bottom - top) / 2
    squares = np.stack([(left + right) / 2, (top + bottom) / 2, half], 1)
    reach = STEADY // 2
    padded = np.pad(squares, ((reach, reach), (0, 0)), mode="edge")
    return np.median(sliding_window_view(padded, STEADY, axis=0), axis=-1)


def mouth_crop(pixels: torch.Tensor, square: np.ndarray, crop: float = CROP) -> torch.Tensor:
    """SyncNet's view [3, 224, 224] of a picture [3, h, w] whose face lies in a square (x, y, half side): further than
    the box to either side and below, grey where there is no picture.
    """
    x, y, half = (float(value) for value in square)
    reach = int(half * (1 + 2 * crop))
    padded = F.pad(pixels.float(), (reach,) * 4, value=_BACKGROUND)
    top, bottom = int(y + reach - half), int(y + reach + half * (1 + 2 * crop))
    left, right = int(x + reach - half * (1 + crop)), int(x + reach + half * (1 + crop))
    cut = padded[:, max(top, 0) : max(bottom, top + 1), max(left, 0) : max(right, left + 1)]
    return F.interpolate(cut[None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0]


def mel_coefficients(samples: np.ndarray) -> np.ndarray:
    """Mel-frequency cepstral coefficients [steps, 13] of sound [t] at 16 kHz in -1…1, taken as 16-bit integers: windows
    of 25 ms each 10 ms, pre-emphasis 0.97, no taper, 512 points, 26 triangles up to 8 kHz, lifter 22, the first the
    logarithm of the energy. These are the defaults of python_speech_features, which SyncNet was trained with.
    """
    from scipy.fft import dct

    length, step, points, triangles, lifter = 400, 160, 512, 26, 22
    signal = (samples.astype(np.float64) * 32768).round().clip(-32768, 32767)
    signal = np.concatenate([signal[:1], signal[1:] - 0.97 * signal[:-1]])
    steps = 1 if len(signal) <= length else 1 + -(-(len(signal) - length) // step)
    signal = np.pad(signal, (0, max(0, (steps - 1) * step + length - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(signal, length)[::step][:steps]
    power = np.abs(np.fft.rfft(frames, points)) ** 2 / points
    tiny = np.finfo(float).eps
    energy = np.where(power.sum(1) == 0, tiny, power.sum(1))
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), triangles + 2)
    edges = np.floor((points + 1) * 700 * (10 ** (mel / 2595) - 1) / 16000)
    bins = np.arange(points // 2 + 1)
    low, middle, high = (edges[index : index + triangles, None] for index in range(3))
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    bank = np.where((bins >= low) & (bins < middle), rising, np.where((bins >= middle) & (bins < high), falling, 0))
    through = power @ bank.T
    cepstrum = np.asarray(dct(np.log(np.where(through == 0, tiny, through)), type=2, axis=1, norm="ortho"))
    cepstrum = cepstrum[:, :COEFFICIENTS]
    cepstrum *= 1 + lifter / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / lifter)
    cepstrum[:, 0] = np.log(energy)
    return cepstrum
