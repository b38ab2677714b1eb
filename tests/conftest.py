"""Fixtures that several topics share: a weights folder with tiny untrained networks, a portrait and a recording."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny import write_tiny_weights, write_wav


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder as training leaves it, with tiny untrained networks and no face finder. Copy it to change it."""
    folder = tmp_path_factory.mktemp("tiny_weights")
    write_tiny_weights(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage of the tiny recipe was trained, by the command that users give. Copy it to change
    it. On one thread, as the processes that are compared with it to the bit: sums are added in another order on two.
    """
    from emotivetalk_core.cli.main import main
    from emotivetalk_core.recipes.tiny import RECIPE

    folder = tmp_path_factory.mktemp("tiny_trained")
    command = ["train", "tiny", "--out", str(folder), "--precision", "float32", "--stages", *RECIPE.stages]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert main(command) == 0
    finally:
        torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A public-domain photograph of one face that scikit-image brings along: uint8 RGB [256, 256, 3]."""
    from skimage.data import astronaut

    return astronaut()[:256, 100:356]


@pytest.fixture(scope="session")
def portrait_file(photograph: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portrait") / "face.png"
    cv2.imwrite(str(path), photograph[:, :, ::-1])
    return path


@pytest.fixture(scope="session")
def recording_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.79 s of a swelling tone at 22.05 kHz: 20 frames, the last of them not filled."""
    time = np.arange(int(0.79 * 22_050)) / 22_050
    samples = 0.5 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time)
    return write_wav(tmp_path_factory.mktemp("recording") / "speech.wav", samples, 22_050)
