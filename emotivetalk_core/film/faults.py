"""Faults with the file that they are of, and the way out that there is for whoever gave it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import FaceError, WeightsError
from ..face.regions import GIVE_A_BOX

Value = TypeVar("Value")

SHOW_A_FACE = "give a picture that shows a face from the front"
OWN_CODEBOOK = "a codebook that was made with `codebook build`"


def face_fault(path: Path | str, error: FaceError, way_out: str) -> FaceError:
    """The fault that no face was found, in which file, and the way out that there is for this one."""
    return FaceError(f"{path}: {with_way_out(str(error), way_out)}")


def with_way_out(said: str, way_out: str) -> str:
    """The library's sentence with a way out that there is here, in the place of boxes and masks."""
    return said.replace(GIVE_A_BOX, way_out)


def loaded(load: Callable[[Path], Value], path: Path, wanted: str) -> Value:
    """What a file holds. WeightsError of one that is no such file says to give what is `wanted`, not weights."""
    try:
        return load(path)
    except WeightsError as error:
        fault, way_out, _ = str(error).rpartition("; ")
        raise WeightsError(f"{fault}; give {wanted}." if way_out else str(error)) from error
