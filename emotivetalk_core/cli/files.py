"""Files that options name beside the media: texts to read, and places to write to. Knows no emotion and no network."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError

if TYPE_CHECKING:
    import torch

_LARGEST_TEXT = 10_000_000  # bytes
_FILE_SUFFIXES = (".txt", ".srt", ".vtt", ".json", ".csv", ".md", ".timeline")


def as_file(given: str | Path | None) -> Path | None:
    """A file that is there under this name."""
    try:
        path = None if given is None else Path(given)
        return path if path is not None and path.is_file() else None
    except (OSError, ValueError):  # a long text is no name of a file
        return None


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
        raise InputError(f"{path}: this {what} is no text in UTF-8; save it as one.") from error
    except OSError as error:
        raise InputError(f"{path}: this {what} cannot be read ({error.strerror}); choose another.") from error


def check_place(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix:
        raise OutputError(f"{path}: its name must end with {suffix}.")
    if path.is_dir() or not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent} to write it into; create it or choose another.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path}: the folder {path.parent} cannot be written; choose another.") from error


def write_picture(picture: "torch.Tensor", path: Path) -> None:
    """A picture [3, h, w] RGB 0…1 as PNG. Raises OutputError."""
    from PIL import Image

    pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    try:
        Image.fromarray(pixels).save(path)
    except OSError as error:
        raise OutputError(f"{path}: the plot cannot be written ({error.strerror or error}); choose another.") from error
    print(f"plot: {path.resolve()}")
