"""SyncNet's figures from pictures and sound to the offset, with towers that see how bright it is and hear how loud."""

import numpy as np
import pytest
import torch

from emotivetalk_core.measuring.syncnet import SyncNetFigures, measure_sync, mel_coefficients
from emotivetalk_core.models.syncnet import PICTURES, SyncNet, SyncNetConfig

FRAMES, QUIETEST = 90, 3.0
NOISE = np.random.default_rng(0).normal(size=FRAMES * 640) * 0.1
NOISE_ENERGY = float(mel_coefficients(NOISE)[:, 0].mean())


class BrightAndLoud(SyncNet):
    """Both vectors are the loudness of five frames, as the logarithm of an amplitude."""

    def encode_sound(self, coefficients: torch.Tensor) -> torch.Tensor:
        return (coefficients[:, 0, 0].unflatten(1, (PICTURES, -1)).mean(-1) - NOISE_ENERGY) / 2

    def encode_film(self, film: torch.Tensor) -> torch.Tensor:
        return (film.mean((1, 2, 3)) / 255 - 1).unfold(0, PICTURES, 1) * QUIETEST


def measured(late: int, shuffled: bool = False) -> SyncNetFigures:
    """Of mouths that open `late` frames after the sound."""
    random = np.random.default_rng(1)
    loud = random.uniform(-QUIETEST, 0, FRAMES)
    opened = random.permutation(loud) if shuffled else np.roll(loud, late)
    bright = torch.from_numpy(255 * (opened / QUIETEST + 1)).round().byte()
    mouths = bright[:, None, None, None].expand(-1, 3, 4, 4)
    network = BrightAndLoud(SyncNetConfig(16, 8))
    found = measure_sync(network, mouths, torch.from_numpy(NOISE * np.repeat(np.exp(loud), 640)))
    assert found is not None
    return found


@pytest.mark.parametrize("late", [0, 4, -3, 15])
def test_a_known_shift_is_found_to_the_frame(late: int) -> None:
    found = measured(late)
    assert found.offset == late and found.confidence > 1


def test_with_another_sound_the_confidence_falls_to_chance() -> None:
    own, other = measured(0), measured(0, shuffled=True)
    assert own.confidence > 1 and other.confidence < 0.4 * own.confidence
    assert other.distance > 1.5 * own.distance
