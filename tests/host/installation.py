"""Where a ComfyUI installation lies, and the Python that runs it. Knows nothing of servers."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOW_TO_ENABLE = (
    "no ComfyUI was found; to run them, set COMFYUI_PATH to its folder, and COMFYUI_PYTHON to its Python "
    "unless that lies in the folder's .venv"
)


@dataclass(frozen=True)
class Installation:
    """A ComfyUI folder, and the Python that has its libraries."""

    folder: Path
    python: Path


def find_installation() -> Installation | None:
    """$COMFYUI_PATH, else a parent folder (the pack lies in custom_nodes), else comfy-cli's default workspace; None
    where there is none. Raises FileNotFoundError where a variable names a place that is not there.
    """
    named = os.environ.get("COMFYUI_PATH")
    if named:
        folder = Path(named).expanduser()
        if not _is_comfyui(folder):
            raise FileNotFoundError(f"COMFYUI_PATH is {named}, but there is no ComfyUI in that folder.")
        return Installation(folder, _python_of(folder))
    for folder in (*ROOT.parents, Path.home() / "comfy" / "ComfyUI"):
        if _is_comfyui(folder):
            return Installation(folder, _python_of(folder))
    return None


def clean_environment() -> dict[str, str]:
    """What a host process is started with: nothing of this Python's own, and it fetches nothing. It leaves bytecode
    beside the host's source, as it does for its user: without that each start compiles it all, for a third of its time.
    """
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    quiet = {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    return environment | quiet


def _is_comfyui(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("main.py", "folder_paths.py", "comfyui_version.py"))


def _python_of(folder: Path) -> Path:
    named = os.environ.get("COMFYUI_PYTHON")
    if named:
        if not Path(named).expanduser().is_file():
            raise FileNotFoundError(f"COMFYUI_PYTHON is {named}, but there is no such file.")
        return Path(named).expanduser()
    places = (
        folder / ".venv" / "bin" / "python",
        folder / "venv" / "bin" / "python",
        folder / ".venv" / "Scripts" / "python.exe",
        folder / "venv" / "Scripts" / "python.exe",
        folder.parent / "python_embeded" / "python.exe",  # the host's portable build spells it so
    )
    return next((place for place in places if place.is_file()), Path(sys.executable))
