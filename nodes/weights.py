"""The pack's weights as the host offers them: the folder `models/emotivetalk`, and the demo weights that come along."""

from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..emotivetalk_core.errors import WeightsError
from ..emotivetalk_core.weight_files.checkpoint import read_header

FOLDER = "emotivetalk"
BUNDLED = Path(__file__).parent.parent / "emotivetalk_core" / "weights"


def register_weights_folder() -> None:
    """Adds both places to the host's list, and allows safetensors alone. Doing it twice changes nothing."""
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))
    folder_paths.add_model_folder_path(FOLDER, str(BUNDLED))
    folder_paths.folder_names_and_paths[FOLDER][1].add(".safetensors")


def choices(kind: str) -> list[str]:
    """The names of all weights files that say they hold the network `kind`, the bundled demo first."""
    names = [name for name in folder_paths.get_filename_list(FOLDER) if _kind(name) == kind]
    return sorted(names, key=lambda name: (not name.replace("\\", "/").startswith("demo/"), name))


def path_of(name: str) -> Path:
    """The file behind a name that was chosen; the host refuses names that lead elsewhere."""
    return Path(folder_paths.get_full_path_or_raise(FOLDER, name))


class WeightsNode(io.ComfyNode):
    """A node that is told names of weights files: where a file was replaced under its name, the host runs it again."""

    @classmethod
    def fingerprint_inputs(cls, **inputs: Any) -> list[str]:
        return [_facts(name) for name in inputs.values() if isinstance(name, str) and name.endswith(".safetensors")]


def _facts(name: str) -> str:
    path = folder_paths.get_full_path(FOLDER, name)
    facts = Path(path).stat() if path else None
    return f"{path} {facts.st_size} {facts.st_mtime_ns}" if facts else ""


def _kind(name: str) -> str:
    """What the file's own header calls its network, or nothing where it cannot be read: such a file is not offered."""
    path = folder_paths.get_full_path(FOLDER, name)
    try:
        return read_header(Path(path)).get("__metadata__", {}).get("network", "") if path else ""
    except (WeightsError, OSError):
        return ""
