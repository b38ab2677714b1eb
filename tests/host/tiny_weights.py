"""The smallest networks on a server, for tests that look at the host and not at pictures."""

import sys
from dataclasses import replace
from pathlib import Path

from graphs import Workflow, changed

sys.path.append(str(Path(__file__).resolve().parent.parent))

from tiny import TINY, write_tiny_weights  # noqa: E402 - found only once the folder is on the path

SIZE = 128
"""Of their pictures. In smaller ones x264, as PyAV brings it, reads memory that nothing has written: the same frames
are not always the same video.
"""


def weights_folder(base: Path) -> Path:
    """Where they lie on a server with these folders."""
    return base / "models" / "emotivetalk" / "tiny"


def give_tiny_weights(base: Path) -> None:
    weights_folder(base).mkdir(parents=True, exist_ok=True)
    write_tiny_weights(weights_folder(base), replace(TINY.sampling, size=SIZE))


def on_tiny_weights(workflow: Workflow, base: Path) -> Workflow:
    """A copy that takes the weights of `base`'s folder where they are, and crops of their size."""
    there = {path.name for path in weights_folder(base).iterdir()}
    result = changed(workflow, "EmotiveTalkFaceRegions", size=SIZE)
    for node in result.values():
        for name, value in node["inputs"].items():
            if isinstance(value, str) and value.startswith("demo/") and value.removeprefix("demo/") in there:
                node["inputs"][name] = value.replace("demo/", "tiny/")
    return result
