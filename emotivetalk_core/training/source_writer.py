"""Writes what source.py reads: shard by shard, each in one move, then its lines in the index.

A kill loses the shard that was being written and nothing else; the same call again makes what is missing.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ..errors import OutputError
from .source import Clip, checksum, whole_lines


@dataclass(frozen=True)
class WrittenClip:
    """A clip and fields of it, as tensors or arrays; where the clip is described elsewhere, its id is enough."""

    clip: Clip | str
    fields: Mapping[str, torch.Tensor | np.ndarray]

    @property
    def id(self) -> str:
        return self.clip if isinstance(self.clip, str) else self.clip.id


class SourceWriter:
    """Adds to one index of a folder. name: of this writer's own index, where several write to one folder at a time."""

    def __init__(self, folder: Path, name: str = "index") -> None:
        self.folder = folder
        self._index = folder / f"{name}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        if self._index.exists():  # the line that a kill left unfinished
            data = self._index.read_bytes()
            os.truncate(self._index, data.rfind(b"\n") + 1)

    def shards(self) -> set[str]:
        """The shards that any index of the folder lists."""
        lines = (line for file in self.folder.glob("index*.jsonl") for line in whole_lines(file))
        return {json.loads(line)["shard"] for line in lines}

    def add(self, lines: Iterable[str]) -> None:
        """Append lines of `write_shard`: from here on the shard counts."""
        try:
            with open(self._index, "a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _cannot_write(self._index, error) from error


def remove_unfinished(folder: Path) -> None:
    """Delete shards that a kill left half-written; while nobody writes to the folder."""
    for file in folder.glob("*.part"):
        file.unlink()


def write_shard(folder: Path, name: str, clips: Sequence[WrittenClip]) -> list[str]:
    """Write one shard and return its lines for the index. Raises OutputError, e.g. where the disk is full."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {
        f"{written.id}/{key}": torch.as_tensor(np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value)
        for written in clips
        for key, value in written.fields.items()
    }
    file, part = folder / name, folder / f"{name}.{os.getpid()}.part"
    try:
        part.touch()
        mode = part.stat().st_mode  # as the folder and the user's umask have it; safetensors lets the owner alone read
        save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, part)
        part.chmod(mode)
        with open(part, "rb") as whole:
            os.fsync(whole.fileno())
        lines = [json.dumps({"shard": name, "bytes": part.stat().st_size, "sha256": checksum(part)})]
        os.replace(part, file)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise _cannot_write(file, error) from error
    for written in clips:
        entry: dict = {"clip": written.id}
        if isinstance(written.clip, Clip):
            values = asdict(written.clip)
            entry |= {key: value for key, value in values.items() if key not in ("id", "fields")}
        entry |= {"shard": name, "fields": {key: list(tensors[f"{written.id}/{key}"].shape) for key in written.fields}}
        lines.append(json.dumps(entry))
    return lines


def _cannot_write(place: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or error
    return OutputError(
        f"{place} cannot be written ({reason}); make room or choose another place, and give the command again: "
        "it continues where it stopped."
    )
