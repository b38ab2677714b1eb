"""The emotions that DICE-Talk's authors publish beside their weights, as a codebook.

Each is a .npy file that holds a Python object: a pickle of a list of one dictionary, `mu` in it. numpy would run
whatever such a file asks for, so it is read by an unpickler that knows arrays of float32 and nothing more, and builds
those from inert records.
"""

import io
import math
import pickle
import re
import struct
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from ..models.codebook import NEUTRAL, EmotionCodebook

LONGEST_FILE = 1_000_000  # bytes; the published ones have 1,403
_HEADER = re.compile(rb"\{'descr': '\|O', 'fortran_order': (?:True|False), 'shape': \((?:1,)?\), \}\s*\n")

WORRIED = (("fear", 0.5), ("sad", 0.5))
"""Of the paper's eight keywords the one that is not published. Halfway between these two it is as far from neutral as
they are. [ours]"""


class _Array:
    """What a pickled array says of itself."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    data: Any = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, dtype, fortran, self.data = state
        self.dtype = dtype.name
        if fortran and len(self.shape) > 1:
            raise pickle.UnpicklingError("an array in Fortran's order")


class _Format:
    """What a pickled number format says of itself."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if self.name == "f4" and state[1] != "<":
            raise pickle.UnpicklingError("numbers whose bytes are swapped")


def _array(*_: Any) -> _Array:
    return _Array()


class _ArraysOnly(pickle.Unpickler):
    """Three names of numpy's, each in a form of ours that does nothing; every other name ends the reading."""

    _KNOWN = {
        ("numpy.core.multiarray", "_reconstruct"): _array,
        ("numpy._core.multiarray", "_reconstruct"): _array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Format,
    }

    def find_class(self, module: str, name: str) -> Any:
        known = self._KNOWN.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known


def read_prior(path: Path) -> torch.Tensor:
    """The prior [d], float32, of one of the published files. Raises WeightsError."""
    content = path.read_bytes()[: LONGEST_FILE + 1] if path.is_file() else b""
    start = struct.unpack("<H", content[8:10])[0] + 10 if len(content) > 10 else 0
    if content[:8] != b"\x93NUMPY\x01\x00" or not _HEADER.fullmatch(content[10:start]) or len(content) > LONGEST_FILE:
        raise WeightsError(f"{path} is not one of DICE-Talk's emotions; give the .npy files that its repository has.")
    try:
        holder = _ArraysOnly(io.BytesIO(content[start:])).load()
        array = holder.data[0]["mu"]
        count = math.prod(array.shape)
        if array.dtype != "f4" or not isinstance(array.data, bytes) or len(array.data) != 4 * count:
            raise pickle.UnpicklingError("its numbers are not float32")
        values = torch.frombuffer(bytearray(array.data), dtype=torch.float32).clone()
    except Exception as error:  # of a damaged pickle any
        raise WeightsError(
            f"{path} was not read, because it holds something other than one array of float32 ({error}); download it "
            "again."
        ) from error
    return values


def read_priors(folder: Path) -> EmotionCodebook:
    """Every .npy file of a folder as one codebook, by the files' names; `worried` is made of two where it is missing.

    Raises WeightsError where a file cannot be read, where they differ in width, and where neutral is not among them.
    """
    priors = {path.stem: read_prior(path) for path in sorted(folder.glob("*.npy"))}
    widths = {prior.shape for prior in priors.values()}
    if NEUTRAL not in priors or len(widths) != 1:
        raise WeightsError(
            f"{folder} holds {', '.join(priors) or 'no emotion'}, {len(widths)} widths; the eight .npy files of "
            "DICE-Talk's repository are needed, neutral among them."
        )
    made_of = {}
    if "worried" not in priors and all(name in priors for name, _ in WORRIED):
        priors["worried"] = sum((weight * priors[name] for name, weight in WORRIED[1:]), WORRIED[0][1] * priors["fear"])
        made_of["worried"] = " + ".join(f"{weight:g} {name}" for name, weight in WORRIED)
    return EmotionCodebook(torch.stack(list(priors.values())), tuple(priors), made_of)
