"""The one file form for weights: safetensors whose metadata names the network and holds its config and training record.

A file is judged before a byte of it is used, and every fault is one sentence. Nothing in a file is ever executed:
pickles are refused unread. Which networks exist is not known here.
"""

import contextlib
import json
import os
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import nn

from ..errors import OutputError, WeightsError


class DataclassInstance(Protocol):
    """Any dataclass, as the type checker knows it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config", bound=DataclassInstance)

FORMAT = "emotivetalk-1"
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x1f\x8b")
_LONGEST_HEADER = 100_000_000  # safetensors' own limit on its header


@dataclass(frozen=True)
class Checkpoint:
    """A file as read. `config`, `record` and `defaults` (of the sampling; empty where it has none) are plain values."""

    config: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    record: dict[str, Any]
    defaults: dict[str, Any]
    licence: str


def save_checkpoint(
    path: Path,
    kind: str,
    weights: nn.Module | Mapping[str, torch.Tensor],
    config: DataclassInstance | Mapping[str, Any],
    record: Mapping[str, Any],
    *,
    defaults: DataclassInstance | None = None,
    licence: str = "Apache-2.0",
) -> None:
    """Write weights with all that is needed to use them; in one move, so that a kill leaves the old file or the new.

    kind: the network's name, e.g. "ethd" · config: its frozen dataclass · record: how it was trained, JSON-able ·
    defaults: dataclass of the sampling defaults that go with these weights. Raises OutputError.
    """
    path = Path(path)
    tensors = weights.state_dict() if isinstance(weights, nn.Module) else dict(weights)
    # the clone parts tensors that share memory, which the format has no way to say
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = describe(kind, config, record, defaults=defaults, licence=licence)
    from safetensors.torch import save_file

    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode  # as the folder and the user's umask have it; safetensors lets the owner alone read
        save_file(tensors, part, metadata)
        part.chmod(mode)
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may be a file
            part.unlink(missing_ok=True)
        reason = error.strerror or error
        raise OutputError(f"The weights cannot be written to {path} ({reason}); choose another place.") from error


def describe(
    kind: str,
    config: DataclassInstance | Mapping[str, Any],
    record: Mapping[str, Any],
    *,
    defaults: DataclassInstance | None = None,
    licence: str = "Apache-2.0",
) -> dict[str, str]:
    """A file's metadata, of the values that `save_checkpoint` takes."""
    return {
        "format": FORMAT,
        "network": kind,
        "config": json.dumps(_plain(config)),
        "record": json.dumps(dict(record)),
        "defaults": json.dumps(_plain(defaults) if defaults is not None else {}),
        "licence": licence,
    }


def read_metadata(path: Path, kind: str) -> dict[str, str]:
    """The metadata of a file that should hold `kind`, after every check that needs no tensor. Raises WeightsError."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a weights file" if path.is_dir() else "does not exist"
        raise WeightsError(f"{path} {what}; the {kind} network needs its safetensors file there.")
    metadata = read_header(path).get("__metadata__", {})
    if metadata.get("format") != FORMAT or "network" not in metadata:
        raise WeightsError(
            f"{path} is a safetensors file without this project's description of its network; "
            f"convert it to {kind} weights first."
        )
    if metadata["network"] != kind:
        found = metadata["network"]
        raise WeightsError(f"{path} holds the {found} network, but {kind} is expected; give that network's file.")
    return metadata


def read_checkpoint(path: Path, kind: str, device: torch.device | str = "cpu") -> Checkpoint:
    """Read a whole file. Raises WeightsError, one sentence for each way in which a file can be unfit."""
    from safetensors.torch import load_file

    metadata = read_metadata(path, kind)
    try:
        read = {key: json.loads(metadata.get(key, "{}")) for key in ("config", "record", "defaults")}
        tensors = load_file(path, device=str(device))
    except Exception as error:
        raise WeightsError(f"{path} is damaged ({error}); copy or download it again.") from error
    return Checkpoint(tensors=tensors, licence=metadata.get("licence", ""), **read)


def load_network(
    path: Path,
    kind: str,
    network_class: Callable[..., Network],
    config_class: type[Config],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    hosted: Callable[..., Network] | None = None,
) -> Network:
    """The network of a file, in eval mode, on `device`; dtype None is float32.

    network_class(config, dtype=…, device=…) is called on the meta device, so no memory is filled twice. hosted: builds
    what is returned in its place, from a host's own operations, e.g. functools.partial(Class, operations=…); the
    file is still judged by the plain class, for a host's layers may have no tensors before they are loaded. What a
    class names as ADDED_LATER is 0 where a file of an earlier version lacks it. Raises WeightsError, which names
    unknown or missing keys.
    """
    checkpoint = read_checkpoint(path, kind)
    config = config_from_dict(config_class, checkpoint.config, path)
    network = network_class(config, dtype=dtype, device="meta")
    wanted = network.state_dict()
    later = {name: torch.zeros(wanted[name].shape) for name in getattr(network, "ADDED_LATER", ())}
    given = later | checkpoint.tensors
    check_keys(path, kind, wanted, given)
    tensors = {name: given[name].to(device, tensor.dtype) for name, tensor in wanted.items()}
    if hosted is not None:
        network = hosted(config, dtype=dtype, device="meta")
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval()


def check_keys(path: Path, kind: str, wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> None:
    """Strict: the same keys and the same shapes, or WeightsError with the first names and the count of the rest."""
    for problem, names in (
        ("does not know", [name for name in given if name not in wanted]),
        ("needs and the file lacks", [name for name in wanted if name not in given]),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            shown = ", ".join(names[:3])
            raise WeightsError(
                f"{path} does not fit: the {kind} network {problem} {shown}{more}; give weights of the same version."
            )
    for name, tensor in wanted.items():
        if tensor.shape != given[name].shape:
            raise WeightsError(
                f"{path} does not fit: {name} is {list(given[name].shape)} in the file and {list(tensor.shape)} by its "
                "own config; the file is damaged or was altered, so copy or download it again."
            )


def config_from_dict(config_class: type[Config], values: Mapping[str, Any], path: Path) -> Config:
    """The frozen dataclass from JSON: lists become tuples, nested dataclasses are built, unknown names refused."""
    known = {field.name for field in fields(config_class)}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise WeightsError(
            f"{path} has the setting {unknown[0]!r}, which this version's {config_class.__name__} does not know; "
            "update this software."
        )
    hints = typing.get_type_hints(config_class)
    try:
        return config_class(**{name: _typed(hints[name], value, path) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a {config_class.__name__} that cannot be built ({error}).") from error


def _typed(hint: Any, value: Any, path: Path) -> Any:
    if isinstance(value, dict) and isinstance(hint, type) and is_dataclass(hint):
        return config_from_dict(hint, value, path)
    if isinstance(value, dict) and isinstance(hint, types.UnionType):
        hint = next((option for option in typing.get_args(hint) if is_dataclass(option)), None)
        return config_from_dict(hint, value, path) if hint is not None else value
    if isinstance(value, list):
        return tuple(_typed(None, item, path) for item in value)
    return value


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of any safetensors file, once it is known to be one and whole. Raises WeightsError."""
    size = path.stat().st_size
    if size == 0:
        raise WeightsError(f"{path} is empty; copy or download it again.")
    with open(path, "rb") as file:
        start = file.read(8)
        if start.startswith(_PICKLE_STARTS) or path.suffix in (".pth", ".pt", ".ckpt", ".bin", ".pkl"):
            raise WeightsError(
                f"{path} is, or pretends to be, a pickle (.pth, .ckpt), which can run code when opened and was not "
                "read; convert it to safetensors first."
            )
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > _LONGEST_HEADER:
            raise WeightsError(f"{path} is not a safetensors file; give the weights as safetensors.")
        raw = file.read(length)
    if len(raw) < length:
        raise WeightsError(f"{path} is cut short ({size} bytes, inside its header); copy or download it again.")
    try:
        header = json.loads(raw)
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise WeightsError(f"{path} is not a safetensors file; give the weights as safetensors.") from error
    whole = 8 + length + max(ends, default=0)
    if size < whole:
        raise WeightsError(f"{path} is cut short ({size} of {whole} bytes); copy or download it again.")
    return header


def _plain(config: DataclassInstance | Mapping[str, Any]) -> dict[str, Any]:
    return dict(config) if isinstance(config, Mapping) else asdict(config)
