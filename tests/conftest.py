"""Fixtures that several topics share: a weights folder with tiny untrained networks, a portrait and a recording.

What takes long to import is imported where it is used: a run of several workers begins with a process that reads this
file and needs none of it.
"""

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np

HOST_TESTS = Path(__file__).parent / "host"
COUNTED = {"passed": "ran", "failed": "ran", "error": "ran", "skipped": "skipped"}


def pytest_configure() -> None:
    """Where several workers share a machine, each computes on one thread, and so does what it starts: teams of threads
    that fight for two cores slow each other twentyfold.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        import torch

        torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """What is there by now (torch, hosts of tests) stays to the end, and the garbage collector need not search it again
    and again. The process that trainings are forked from is forked itself now, before a test starts threads.
    """
    gc.freeze()
    if "trainings" in sys.modules:
        sys.modules["trainings"].serve()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line on how many of the tests on a real ComfyUI ran. It stands here because a run of several workers reads no
    other conftest.py than this one where it reports.
    """
    counts = {"ran": 0, "skipped": 0}
    reasons = set()
    for outcome, counted in COUNTED.items():
        for report in terminalreporter.getreports(outcome):
            if (terminalreporter.config.rootpath / report.nodeid.split("::")[0]).parent != HOST_TESTS:
                continue
            counts[counted] += 1
            if counted == "skipped":
                reasons.add(report.longrepr[2].removeprefix("Skipped: "))
    if any(counts.values()):
        why = f" ({'; '.join(sorted(reasons))})" if reasons else ""
        terminalreporter.write_line(f"host tests: {counts['ran']} ran, {counts['skipped']} skipped{why}")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder as training leaves it, with tiny untrained networks and no face finder. Copy it to change it."""
    from tiny import write_tiny_weights

    folder = tmp_path_factory.mktemp("tiny_weights")
    write_tiny_weights(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage of the tiny recipe was trained, by the command that users give. Copy it to change
    it, or to give it to a command: all workers of a run share it. On one thread, as the processes that are compared
    with it to the bit: sums are added in another order on two.
    """
    import torch
    from filelock import FileLock  # torch brings it

    from emotivetalk_core.cli.main import main
    from emotivetalk_core.recipes.tiny import RECIPE

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny_trained"
    command = ["train", "tiny", "--out", str(folder), "--precision", "float32", "--stages", *RECIPE.stages]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with FileLock(folder.with_suffix(".lock")):
            if not (folder / "manifest.json").exists():  # it is written last
                assert main(command) == 0
    finally:
        torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="session")
def photograph() -> "np.ndarray":
    """A public-domain photograph of one face that scikit-image brings along: uint8 RGB [256, 256, 3]."""
    from skimage.data import astronaut

    return astronaut()[:256, 100:356]


@pytest.fixture(scope="session")
def portrait_file(photograph: "np.ndarray", tmp_path_factory: pytest.TempPathFactory) -> Path:
    import cv2

    path = tmp_path_factory.mktemp("portrait") / "face.png"
    cv2.imwrite(str(path), photograph[:, :, ::-1])
    return path


@pytest.fixture(scope="session")
def recording_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.79 s of a swelling tone at 22.05 kHz: 20 frames, the last of them not filled."""
    import numpy as np
    from tiny import write_wav

    time = np.arange(int(0.79 * 22_050)) / 22_050
    samples = 0.5 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time)
    return write_wav(tmp_path_factory.mktemp("recording") / "speech.wav", samples, 22_050)
