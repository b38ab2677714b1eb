"""A recipe: which networks, learning what, in which stages, by which numbers. And how one is followed.

What a recipe says stands in files beside this package; here none is known.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..models.presets import ModelPreset
from ..weight_files.manifest import write_manifest
from .job import Job
from .loop import Engine, OnStep, first_difference
from .parallel import check_optimiser
from .source import Source
from .source_writer import remove_unfinished
from .starting import check_start
from .step_cost import MetaStep

PrepareData = Callable[[Path, int, Any, OnStep | None], None]


@dataclass(frozen=True)
class Stage:
    """train: a function of (job, settings) · writes: the last weights file that it writes, which shows that it is done
    · named_only: whether it is trained only when asked for by name · step: what it computes, on shapes alone, so that
    its cost can be told beforehand · without_learning: of a stage that learns nothing, what it does instead.
    """

    train: Callable[[Job, Any], None]
    settings: Any
    writes: str
    named_only: bool = False
    step: Callable[[ModelPreset, Any], MetaStep] | None = None
    without_learning: str = ""


@dataclass(frozen=True)
class Recipe:
    """prepare: makes the data in a folder by the settings `data` (folder, seed, data, on_step), where it is missing;
    None: it lies in `sources`. Stages stand in the order in which they run.

    begins_with: weights that have to lie in the folder `start`, by name, and how each is made · recompute: what is
    computed twice for less memory, unless the user says otherwise · any_size: whether the stages bring pictures to
    their own size.
    """

    name: str
    preset: ModelPreset
    stages: Mapping[str, Stage]
    seed: int = 7
    prepare: PrepareData | None = None
    data: Any = None
    sources: tuple[Path, ...] = ()
    begins_with: Mapping[str, str] = field(default_factory=dict)
    start: Path | None = None
    recompute: str = "none"
    any_size: bool = False

    def stage(self, name: str) -> Stage:
        """Raises SettingsError for one that there is not."""
        if name not in self.stages:
            raise SettingsError(f"There is no training stage {name!r}; choose from {', '.join(self.stages)}.")
        return self.stages[name]


def follow(
    recipe: Recipe, out: Path, engine: Engine, *, stages: tuple[str, ...] | None = None, on_step: OnStep | None = None
) -> None:
    """Train what is missing in the folder `out`: a stage whose weights file exists is done. stages: only these.

    Every process calls it. Raises SettingsError for an unknown stage, a folder of another recipe, or data of another
    size than the preset's, or an optimiser that cannot be had; InputError for data that is missing, altered or empty.
    """
    for name in stages or ():
        recipe.stage(name)
    first = engine.processes.first
    report = on_step if first else None
    if recipe.prepare is None and not recipe.sources:
        raise SettingsError(f"The recipe {recipe.name} learns from films; give the folder of prepared ones as --data.")
    check_start(recipe.start, recipe.begins_with, out)
    data = recipe.sources or (out / "training" / "data",)
    job = Job(recipe.name, recipe.preset, out, data, engine, recipe.seed, report, recipe.start)
    if first:
        _claim(recipe, out)
        remove_unfinished(job.features)
        if recipe.prepare is not None:
            remove_unfinished(data[0])
            recipe.prepare(data[0], recipe.seed, recipe.data, report)
    engine.processes.wait()
    wanted = [
        name
        for name, stage in recipe.stages.items()
        if (not stage.named_only if stages is None else name in stages) and not job.weights(stage.writes).exists()
    ]
    for name in wanted:  # now, and not after hours of what comes before the stage's first step
        loop = getattr(recipe.stages[name].settings, "loop", None)
        if loop is not None:
            check_optimiser(loop.optimiser, sharded=engine.sharding != "none" and engine.processes.count > 1)
    if wanted:
        _check_data(job, any_size=recipe.any_size)
    for name in wanted:
        recipe.stages[name].train(job, recipe.stages[name].settings)
    if first:
        write_manifest(out)


def _claim(recipe: Recipe, out: Path) -> None:
    """Note in the folder which recipe fills it. SettingsError where another one does."""
    mine = json.loads(json.dumps({"recipe": recipe.name, "seed": recipe.seed, "preset": asdict(recipe.preset)}))
    note = out / "training" / "recipe.json"
    if note.exists():
        change = first_difference(json.loads(note.read_text(encoding="utf-8")), mine)
        if change is not None:
            raise SettingsError(f"{out} holds a training with {change}; give another --out.")
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    part = note.with_suffix(".part")
    part.write_text(json.dumps(mine), encoding="utf-8")
    part.replace(note)


def _check_data(job: Job, *, any_size: bool) -> None:
    source, size = job.source(), job.preset.sampling.size
    for clip in Source.open(*job.data).by_id.values():  # what stages add has sizes of its own
        if not any_size and "pictures" in clip.fields and clip.field("pictures").shape[1:3] != (size, size):
            height, width = clip.field("pictures").shape[1:3]
            raise SettingsError(
                f"The pictures of {clip.id} are {width}x{height}, but the recipe's preset is trained at {size}x{size}; "
                "prepare the data at that size, or choose another preset."
            )
    people = {clip.person for clip in source.by_id.values() if not clip.held_out}
    if len(people) < job.engine.processes.count:
        raise SettingsError(
            f"There are {job.engine.processes.count} processes, but clips of {len(people)} people only; start fewer "
            "processes, or give more data."
        )
    if job.engine.processes.first:
        on_step = job.on_step
        source.check(None if on_step is None else lambda done, total: on_step("checking data", done, total, {}))
    job.engine.processes.wait()
