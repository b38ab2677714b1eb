"""Published pickles (.pth) as tensors that are read one by one, and nothing else of them: the one file that opens any.

torch's weights-only loader builds tensors and plain containers and calls nothing else. The file is memory-mapped, so
that 6 GB of weights need no memory of their own.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from .checkpoint import read_header
from .safetensors_stream import StreamedTensor, stored_tensors

SAFE_LOADER = (2, 6)
"""The first torch whose weights-only loader is not known to be tricked (CVE-2025-32434)."""

_NUMBER_FORMATS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_FORMATS = {name: dtype for dtype, name in _NUMBER_FORMATS.items()}
_WRAPPINGS = ("state_dict", "module", "model")
_PIECE = 1 << 22  # values


def published_tensors(path: Path, leave_out: str | None = None) -> dict[str, StreamedTensor]:
    """The tensors of a published .pth or .safetensors file by their names, without what training scripts wrap them in
    (`state_dict`, `module.`). leave_out: how names end that are not wanted. Raises WeightsError for anything but
    tensors, naming it.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the published file.")
    if path.suffix == ".safetensors":
        return stored_tensors(path, read_header(path))
    content = _opened(path)
    while len(content) <= 8 and (inner := next((name for name in _WRAPPINGS if _is_state(content.get(name))), None)):
        content = content[inner]
    if leave_out is not None:
        content = {name: value for name, value in content.items() if not str(name).endswith(leave_out)}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"{path} holds {name!r}, which is {_said(value)} and not a tensor; give the published weights, "
                "unaltered."
            )
        if value.dtype not in _NUMBER_FORMATS or value.layout != torch.strided:
            raise WeightsError(
                f"{path} holds {name} in the number format {value.dtype}, but {', '.join(_FORMATS)} are expected; give "
                "weights in those."
            )
    if content and all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): value for name, value in content.items()}
    return {name: streamed(name, tensor) for name, tensor in content.items()}


def streamed(name: str, tensor: torch.Tensor) -> StreamedTensor:
    """A tensor that is in memory, or mapped into it, as one that is read piece by piece."""
    return StreamedTensor(name, _NUMBER_FORMATS[tensor.dtype], tuple(tensor.shape), partial(_pieces, tensor))


def halved(tensor: StreamedTensor) -> StreamedTensor:
    """The same in half precision."""
    if tensor.dtype != "F32":
        return tensor

    def pieces() -> Iterator[bytes]:
        for piece in tensor.pieces():
            yield _bytes(torch.frombuffer(bytearray(piece), dtype=torch.float32).half())

    return StreamedTensor(tensor.name, "F16", tensor.shape, pieces)


def _opened(path: Path) -> Mapping[str, Any]:
    version = tuple(int(number) for number in re.findall(r"\d+", torch.__version__)[:2])
    if version < SAFE_LOADER:
        raise WeightsError(
            f"{path} is a pickle, and torch {torch.__version__} can be tricked by one; install torch "
            f"{'.'.join(map(str, SAFE_LOADER))} or newer, and convert again."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_archive(path))
    except Exception as error:  # the loader's faults differ from one torch to the next
        reason = " ".join(str(error).split()).split(". ")[0][:160]
        raise WeightsError(
            f"{path} was not read: it is damaged, or holds more than tensors ({reason}); download the published file "
            "again."
        ) from error
    if not _is_state(content):
        raise WeightsError(f"{path} holds {_said(content)}, not named tensors; give the published weights, unaltered.")
    return content


def _is_archive(path: Path) -> bool:
    """Whether torch wrote it as an archive, as since 1.6; only those can be mapped."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) > 0


def _said(value: Any) -> str:
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"


def _pieces(tensor: torch.Tensor) -> Iterator[bytes]:
    for piece in tensor.detach().reshape(-1).split(_PIECE):
        yield _bytes(piece)


def _bytes(values: torch.Tensor) -> bytes:
    return values.contiguous().view(torch.uint8).numpy().tobytes()
