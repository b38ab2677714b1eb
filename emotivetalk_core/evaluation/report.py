"""The report: a JSON file that grows section by section, and is taken up again where a stopped run left it."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError

Figures = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A figure of the report by its dotted name, and the bound that this project set itself."""

    name: str
    bound: float
    at_least: bool = True

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


TARGETS = (
    Target("sync.correlation", 0.80),
    Target("sync.shuffled", 0.20, at_least=False),
    Target("silence.opening_ratio", 0.10, at_least=False),
    Target("emotion.accuracy", 0.85),
    Target("identity.accuracy", 0.90),
    Target("sources.video.accuracy", 0.90),
    Target("sources.video.identity_fall", 0.0, at_least=False),
    Target("sources.image.accuracy", 0.85),
    Target("sources.codebook.accuracy", 0.85),
    Target("sources.text.accuracy", 0.85),
    Target("sources.speech.accuracy", 0.70),
    Target("sources.largest_sync_fall", 0.03, at_least=False),
    Target("direction.intensity.spearman", 0.90),
    Target("direction.blends.between", 0.90),
    Target("direction.timeline.worst", 3.0, at_least=False),
    Target("direction.silence.opening_ratio", 0.10, at_least=False),
    Target("direction.motion.correlation", 0.80),
    Target("long.largest_change", 0.05, at_least=False),
    Target("speed.seconds", 60.0, at_least=False),
    Target("speed.peak_gigabytes", 3.0, at_least=False),
)


class Report:
    """The file at `path`: `meta` and what each section found.

    A section of an older file counts while its stamp, a digest of all that its figures depend on, is the one in
    `stamps`. Raises OutputError where the file cannot be written.
    """

    def __init__(self, path: Path, meta: Figures, stamps: Mapping[str, str]) -> None:
        self.path, self.stamps = path, dict(stamps)
        self.figures: Figures = {"meta": plain(meta), "sections": {}}
        older = _read(path)
        for section, entry in older.get("sections", {}).items():
            if self.stamps.get(section) == entry["stamp"]:
                self.figures["sections"][section] = entry
                self.figures.update({key: older[key] for key in entry["keys"]})
        self._write()

    def has(self, section: str) -> bool:
        return section in self.figures["sections"]

    def add(self, section: str, figures: Figures) -> None:
        """Adds what a section found."""
        self.figures.update(plain(figures))
        self.figures["sections"][section] = {"stamp": self.stamps[section], "keys": list(figures)}
        self._write()

    def _write(self) -> None:
        self.figures["targets"] = compare(self.figures)
        part = self.path.with_name(self.path.name + ".part")
        try:
            part.write_text(json.dumps(self.figures, indent=2) + "\n", encoding="utf-8")
            os.replace(part, self.path)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{self.path}: the report cannot be written ({reason}); choose another place.") from error


def compare(figures: Figures) -> Figures:
    """Each target that the figures speak of: value, bound, met."""
    found: Figures = {}
    for target in TARGETS:
        value: Any = figures
        for name in target.name.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            sign = ">=" if target.at_least else "<="
            found[target.name] = {"value": value, "wanted": f"{sign} {target.bound:g}", "met": target.met(value)}
    return found


def plain(value: Any) -> Any:
    """As JSON can hold it: numpy becomes lists, numbers keep five significant digits, and what is not a number
    becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def digest_of(value: Any) -> str:
    """Sixteen hex digits of the SHA-256 of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()[:16]


def digests(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _read(path: Path) -> Figures:
    try:
        older = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return older if isinstance(older, dict) and isinstance(older.get("sections"), dict) else {}
