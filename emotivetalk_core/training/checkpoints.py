"""The state of a training, saved by torch.distributed.checkpoint as safetensors: however many processes wrote it, any
number can take it up.

A checkpoint is a folder `step-…` that is written beside under another name and moved when it is whole; only then the
one before it goes.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import OutputError, WeightsError
from ..processes import Processes

_RECORD = "state.json"


class Checkpoints:
    """Those of one stage, in a folder of its own."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder, self._processes = folder, processes

    def newest(self) -> Path | None:
        """The last whole one."""
        whole = [path for path in self.folder.glob("step-*") if not path.suffix and (path / _RECORD).is_file()]
        return max(whole, default=None)

    def save(self, step: int, tensors: dict[str, torch.Tensor], record: Mapping[str, Any]) -> None:
        """All processes together. Raises OutputError, with the checkpoint before still in its place."""
        from torch.distributed.checkpoint import HuggingFaceStorageWriter, save
        from torch.distributed.checkpoint.api import CheckpointException

        final = self.folder / f"step-{step:09d}"
        part = final.with_suffix(".part")
        try:
            if self._processes.first:
                for left in self.folder.glob("*.part"):
                    shutil.rmtree(left)
                part.mkdir(parents=True)
            self._processes.wait()
            save(tensors, storage_writer=HuggingFaceStorageWriter(str(part), save_distributed=True))
            if self._processes.first:
                with open(part / _RECORD, "w", encoding="utf-8") as file:
                    json.dump(dict(record), file)
                    file.flush()
                    os.fsync(file.fileno())
                if final.exists():
                    shutil.rmtree(final)
                part.rename(final)
                for older in self.folder.glob("step-*"):
                    if older.name < final.name:
                        shutil.rmtree(older)
            self._processes.wait()
        except (OSError, CheckpointException) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise OutputError(
                f"The checkpoint {final} cannot be written ({_reason(error)}); make room and give the command again: "
                f"it continues from {self.newest() or 'the beginning'}."
            ) from error

    def record(self) -> dict[str, Any]:
        """What was saved beside the tensors of the newest one; empty where there is none."""
        newest = self.newest()
        return json.loads((newest / _RECORD).read_text(encoding="utf-8")) if newest is not None else {}

    def shapes(self) -> dict[str, list[int]]:
        """Of the newest one's tensors, by their names. Raises WeightsError where it is damaged."""
        from torch.distributed.checkpoint import HuggingFaceStorageReader

        newest = self.newest()
        assert newest is not None
        try:
            known = HuggingFaceStorageReader(str(newest)).read_metadata().state_dict_metadata
        except Exception as error:
            raise _damaged(newest, str(error)) from error
        return {name: list(getattr(kept, "size", ())) for name, kept in known.items()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Fill the tensors with the newest one's. Raises WeightsError where they are not of the same shapes."""
        from torch.distributed.checkpoint import HuggingFaceStorageReader, load
        from torch.distributed.checkpoint.api import CheckpointException

        newest, known = self.newest(), self.shapes()
        assert newest is not None
        for name, tensor in tensors.items():
            shape = known.get(name)
            if shape != list(tensor.shape):
                found = f"holds it as {shape}" if shape is not None else "lacks it"
                raise WeightsError(
                    f"{newest} is of other networks: {name} is {list(tensor.shape)} here, and it {found}; go on with "
                    f"the recipe that made it, or delete {self.folder} and begin anew."
                )
        try:
            load(tensors, storage_reader=HuggingFaceStorageReader(str(newest)))
        except CheckpointException as error:
            raise _damaged(newest, _reason(error)) from error


def _reason(error: BaseException) -> str:
    """The first cause in words, out of what each process says."""
    failures = getattr(error, "failures", {})  # a CheckpointException's, by process
    if failures:
        causes = [cause[0] if isinstance(cause, tuple) else cause for cause in failures.values()]
        error = next(iter(causes), error)
    return str(getattr(error, "strerror", None) or error)


def _damaged(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path} is damaged ({reason}); delete it, and the stage begins anew.")
