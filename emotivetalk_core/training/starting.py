"""What a training begins with: weights that others trained, in a folder of their own, looked for at once."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError, SettingsError
from ..weight_files.checkpoint import DataclassInstance, Network
from .job import START, Job


def check_start(folder: Path | None, needed: Mapping[str, str], out: Path | None = None) -> None:
    """SettingsError, in one sentence, where the folder lacks one of the weights. needed: by name, how it is made."""
    if not needed:
        return
    if folder is None:
        raise SettingsError(
            f"This recipe starts from weights that others trained ({', '.join(needed)}); give their folder as --start, "
            "docs/training.md says how to fill it."
        )
    if out is not None and folder.resolve() == out.resolve():
        raise SettingsError(
            f"{out} is given both as --start and as --out, where its files would pass for trained ones; give another "
            "--out."
        )
    for name, way in needed.items():
        file = folder / f"{name}.safetensors"
        if not file.is_file():
            made = way.format(file=file, folder=folder)
            raise SettingsError(f"{file} does not exist, and the training starts from it; make it: {made}.")


def to_train(job: Job, start: str, kind: str, build: Callable[..., Network], config: DataclassInstance) -> Network:
    """A network of that config that is to learn: from the weights `start`, or untrained where that is "". SettingsError
    where they are missing or of another config.
    """
    if not start:
        return build(config)
    return job.load(start, kind, build, type(config), expected=config).train()


@dataclass(frozen=True)
class GivenSettings:
    """names: of the weights that stay as they were given · also: of those that do where there are any."""

    names: tuple[str, ...]
    also: tuple[str, ...] = ()


def take_given(job: Job, settings: GivenSettings) -> None:
    """Puts the weights that stay as they are into the folder; without a copy where the disk can."""
    if job.engine.processes.first:
        there = [name for name in settings.also if job.weights(f"{START}{name}").is_file()]
        for name in (*settings.names, *there):
            bring_file(job.weights(f"{START}{name}"), job.weights(name))
    job.engine.processes.wait()


def bring_file(file: Path, target: Path) -> None:
    """A file under another name: a hard link where the disk knows them, else a copy. Raises OutputError."""
    if target.exists():
        return
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, part)
        except OSError:
            shutil.copyfile(file, part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{target} cannot be written ({error.strerror or error}); make room or choose another place."
        ) from error
