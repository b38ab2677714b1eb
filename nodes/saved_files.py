"""Files of ours that artists keep: where the host lets them be written, and which of its folders offer them again.

Weights lie elsewhere (weights.py). Every path is made or judged by the host, so that none leads out of its folders.
"""

import hashlib
from pathlib import Path

import folder_paths

from ..emotivetalk_core.errors import InputError
from .weights import BUNDLED

OURS = "emotivetalk"
"""The folder in the host's output folder that names begin with unless an artist says otherwise."""

ENDING = ".safetensors"

EXAMPLES = {"demo/take.safetensors": BUNDLED.parent / "assets" / "take.safetensors"}
"""What comes with the pack, so that the examples run with nothing copied."""


def new_file(prefix: str) -> tuple[Path, str]:
    """A path for a new file in the host's output folder, which it numbers, and its name there as `chosen_path` takes
    it.
    """
    root = folder_paths.get_output_directory()
    folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, root)
    file = f"{name}_{number:05}_{ENDING}"
    return Path(folder) / file, f"{(Path(subfolder) / file).as_posix()} [output]"


def kept_files() -> list[tuple[str, Path]]:
    """Names and paths of what could be ours: in the pack, in the host's input folder, and in our own of its output
    folder.
    """
    found = [*EXAMPLES.items()]
    found += [(path.name, path) for path in _files_in(Path(folder_paths.get_input_directory()))]
    kept = Path(folder_paths.get_output_directory()) / OURS
    return found + [(f"{OURS}/{path.name} [output]", path) for path in _files_in(kept)]


def chosen_path(name: str) -> Path:
    """The file behind a name of `kept_files`. Raises InputError where the host knows none by that name."""
    path = _known_path(name)
    if path is None:
        raise InputError(f"There is no file {name!r} in the host's input folder; put it there, or choose another.")
    return path


def fingerprint(name: str) -> str:
    """Another word for another content, so that the host reads a file again where it was replaced."""
    path = _known_path(name)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""


def _known_path(name: str) -> Path | None:
    """The file, where the host knows it; names that lead out of its folders it calls unknown."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    if not folder_paths.exists_annotated_filepath(name):
        return None
    path = Path(folder_paths.get_annotated_filepath(name))
    return path if path.is_file() else None


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{ENDING}") if path.is_file())
