"""Writing and reading safetensors piece by piece, for files that should not lie in memory whole.

The format: 8 bytes with the length of a JSON header, the header, then the tensors' bytes without gaps.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, WeightsError

BYTES_PER_VALUE = {"F32": 4, "F16": 2, "BF16": 2}
"""The number formats that weights come in here, under the names of safetensors."""

_PIECE = 1 << 24


@dataclass(frozen=True)
class StreamedTensor:
    """A tensor that is not read yet: its name and shape, its number format, and how to get its bytes, once or often."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[bytes]]

    @property
    def size(self) -> int:
        """Bytes."""
        return BYTES_PER_VALUE[self.dtype] * math.prod(self.shape)


def stored_tensors(path: Path, header: Mapping[str, Any]) -> dict[str, StreamedTensor]:
    """The tensors of a file whose header was read; WeightsError where one is in a number format that is no weight's."""
    with open(path, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype, shape = entry["dtype"], tuple(entry["shape"])
        if dtype not in BYTES_PER_VALUE:
            kinds = ", ".join(BYTES_PER_VALUE)
            raise WeightsError(
                f"{path} holds {name} in the number format {dtype}, but {kinds} are expected; give weights in those."
            )
        if end - begin != BYTES_PER_VALUE[dtype] * math.prod(shape):
            raise WeightsError(f"{path} is damaged ({name} has {end - begin} bytes); copy or download it again.")
        tensors[name] = StreamedTensor(name, dtype, shape, _stored_pieces(path, start + begin, end - begin))
    return tensors


def write_stream(path: Path, metadata: Mapping[str, str], tensors: Sequence[StreamedTensor]) -> int:
    """Write a file tensor by tensor, in one move at the end, so that a kill leaves the old file or the new.

    Wide formats first and then by name, as the safetensors library orders them, so each tensor is aligned. Returns the
    file's bytes. Raises OutputError, and ValueError for a tensor whose pieces are not as long as its shape says.
    """
    path = Path(path)
    ordered = sorted(tensors, key=lambda tensor: (-BYTES_PER_VALUE[tensor.dtype], tensor.name))
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for tensor in ordered:
        begin, end = end, end + tensor.size
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for tensor in ordered:
                begin = file.tell()
                for piece in tensor.pieces():
                    file.write(piece)
                if file.tell() - begin != tensor.size:
                    raise ValueError(f"{tensor.name} gave {file.tell() - begin} bytes, not {tensor.size}.")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"The weights cannot be written to {path} ({error.strerror or error}); choose another place."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return 8 + len(header) + end


def _stored_pieces(path: Path, begin: int, size: int) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        with open(path, "rb") as file:
            file.seek(begin)
            left = size
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece

    return pieces
