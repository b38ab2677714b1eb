"""What a training says of itself: JSON lines, and TensorBoard's events where that is installed."""

import functools
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .processes import mean_over_processes

Entry = dict[str, float]


class Meter:
    """The mean of each figure since it was last read, and how many samples a second that was."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._samples, self._began = 0, time.monotonic()

    def add(self, figures: Mapping[str, torch.Tensor], samples: int) -> None:
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
            self._counts[name] = self._counts.get(name, 0) + 1
        self._samples += samples

    def read(self) -> Entry:
        """This process' own means."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()} | self._rate()

    def finish(self) -> Entry:
        """The means over all processes; begins anew."""
        names = list(self._sums)
        entry = self._rate()
        if names:
            means = mean_over_processes(torch.stack([self._sums[name].float() / self._counts[name] for name in names]))
            entry = {name: float(f"{value:.6g}") for name, value in zip(names, means.tolist())} | entry
        self.__init__()
        return entry

    def _rate(self) -> Entry:
        return {"samples_per_second": round(self._samples / max(1e-9, time.monotonic() - self._began), 2)}


class TrainingLog:
    """`NAME.log.jsonl` in a folder, one line for each entry; only the first process writes it."""

    def __init__(self, name: str, folder: Path, *, enabled: bool) -> None:
        self.curve: list[Entry] = []
        self._file, self._enabled = folder / f"{name}.log.jsonl", enabled
        self._events_folder, self._first_step = folder / "tensorboard" / name, 0
        if enabled:
            folder.mkdir(parents=True, exist_ok=True)

    def go_on_from(self, step: int) -> None:
        """Take up the entries of a run that was stopped, less those after its checkpoint; 0: none."""
        self._first_step = step + 1
        if not self._file.exists():
            return
        # a kill may have left the last line unfinished
        lines = [line for line in self._file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        self.curve = [entry for entry in map(json.loads, lines) if entry["step"] <= step]
        if self._enabled:
            part = self._file.with_suffix(".part")
            part.write_text("".join(json.dumps(entry) + "\n" for entry in self.curve), encoding="utf-8")
            part.replace(self._file)

    def write(self, entry: Entry) -> None:
        self.curve.append(entry)
        if not self._enabled:
            return
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        if self._events is not None:
            for name in entry.keys() - {"step"}:
                self._events.add_scalar(name, entry[name], int(entry["step"]))
            self._events.flush()

    @functools.cached_property
    def _events(self) -> Any:
        """TensorBoard's writer, where that is installed; it no longer shows what an earlier run wrote from here on."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        return SummaryWriter(str(self._events_folder), purge_step=self._first_step)


def is_finite(entry: Entry) -> bool:
    return all(math.isfinite(value) for value in entry.values())


def thin_curve(curve: list[Entry], points: int = 40) -> list[Entry]:
    """At most `points` entries of a loss curve, evenly spread, the last one kept: what a checkpoint's metadata can
    carry.
    """
    if len(curve) <= points:
        return curve
    return [curve[round(i * (len(curve) - 1) / (points - 1))] for i in range(points)]
