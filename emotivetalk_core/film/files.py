"""Files that a request names beside the media: texts to read, and places to write to. Knows no network."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError

if TYPE_CHECKING:
    import torch

PICTURE_SUFFIXES = (".png", ".jpg", ".webp")
_LARGEST_TEXT = 10_000_000  # bytes
_FILE_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".csv", ".md", ".timeline")


def as_file(given: str | Path | None) -> Path | None:
    """A file that is there under this name."""
    try:
        path = None if given is None else Path(given)
        return path if path is not None and path.is_file() else None
    except (OSError, ValueError):  # a long text is no name of a file
        return None


def state_folder() -> Path:
    """Where the system wants programs to keep what may be lost: unfinished videos of ours lie there."""
    home = Path.home()
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = home / "Library" / "Caches"
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return place / "emotivetalk" / "unfinished"


def same_file(one: Path, other: Path) -> bool:
    """Whether both are there and are one file, whatever they are called."""
    return one.exists() and other.exists() and one.samefile(other)


def text_of(given: str, what: str) -> str:
    """The text itself, or that of the file it names. Raises InputError."""
    path = as_file(given)
    if path is None:
        alone = len(given.split()) == 1
        if alone and (Path(given).suffix.lower() in _FILE_SUFFIXES or "/" in given or "\\" in given):
            raise InputError(f"{given}: this {what} does not exist; give a file that does, or the text itself.")
        return given
    if path.stat().st_size > _LARGEST_TEXT:
        raise InputError(
            f"{path}: a {what} of more than {_LARGEST_TEXT // 1_000_000} MB is not read; give a shorter one."
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this {what} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path}: this {what} cannot be read ({error.strerror}); choose another.") from error


def check_place(path: Path, *suffixes: str) -> None:
    """OutputError, before any work is done, for a name that ends otherwise or a folder that cannot be written."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: its name must end with {' or '.join(suffixes)}.")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder; add a name that ends with {suffixes[0]}.")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; create it or choose another.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path}: the folder {path.parent} cannot be written; choose another.") from error


def write_picture(picture: "torch.Tensor", path: Path) -> None:
    """A picture [3, h, w] RGB 0…1, in the format that its name asks for. Raises OutputError."""
    from PIL import Image

    pixels = (picture.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
    try:
        Image.fromarray(pixels).save(path)
    except OSError as error:
        raise OutputError(
            f"{path}: the picture cannot be written ({error.strerror or error}); choose another place."
        ) from error
