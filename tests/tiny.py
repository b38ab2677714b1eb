"""What several topics build their tests from: the smallest networks, and a recording as a file."""

import wave
from pathlib import Path

import numpy as np

from emotivetalk_core.recipes.tiny import TINY

__all__ = ["TINY", "write_wav"]


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Samples [t] in -1…1 as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
