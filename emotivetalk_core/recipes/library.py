"""Recipes by name, and recipes that people write: a JSON file that says what is different from one of those.

{"from": "demo", "preset": "full", "data": ["films"], "seed": 3,
 "stages": {"ethd": {"loop": {"steps": 30000, "optimiser": "adamw8bit"}, "start": "svd.safetensors"},
            "face_finder": null}}
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingsError
from ..models.presets import DEMO, FULL
from ..training.recipe import Recipe, Stage
from . import demo, tiny

RECIPES = {recipe.name: recipe for recipe in (demo.RECIPE, tiny.RECIPE)}
PRESETS = {"full": FULL, "demo": DEMO, "tiny": tiny.TINY}
_KEYS = ("from", "preset", "seed", "data", "drawn", "stages")


def find_recipe(name: str) -> Recipe:
    """The recipe of that name, or of that JSON file. Raises SettingsError and InputError."""
    if name in RECIPES:
        return RECIPES[name]
    if not name.endswith(".json"):
        raise SettingsError(
            f"There is no recipe {name!r}; choose one of {', '.join(RECIPES)}, or give a recipe's .json file."
        )
    return read_recipe(Path(name))


def read_recipe(path: Path) -> Recipe:
    """A recipe's file. data: folders of clips, beside the file unless they are absolute; drawn: how many heads are
    drawn where no data is given; stages: their settings, or null to leave one out.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a recipe ({error}); give a JSON file.") from error
    if not isinstance(said, dict) or said.get("from") not in RECIPES:
        raise SettingsError(
            f'{path} does not say what it starts from; begin it with "from": one of {", ".join(RECIPES)}.'
        )
    _only(said, _KEYS, str(path))
    recipe = RECIPES[said["from"]]
    stages = dict(recipe.stages)
    for name, settings in said.get("stages", {}).items():
        _only({name: None}, recipe.stages, f"{path}, stages")
        if settings is None:
            del stages[name]
        else:
            stages[name] = _changed(stages[name], settings, f"{path}, stages.{name}")
    if "preset" in said:
        _only({said["preset"]: None}, PRESETS, f"{path}, preset")
        recipe = dataclasses.replace(recipe, preset=PRESETS[said["preset"]])
    if "drawn" in said:
        recipe = dataclasses.replace(recipe, data=changed(recipe.data, said["drawn"], f"{path}, drawn"))
    if "data" in said:
        folders = said["data"] if isinstance(said["data"], list) else [said["data"]]
        recipe = with_data(recipe, tuple(path.parent / str(folder) for folder in folders))
    return dataclasses.replace(recipe, name=path.stem, stages=stages, seed=int(said.get("seed", recipe.seed)))


def with_data(recipe: Recipe, folders: tuple[Path, ...]) -> Recipe:
    """The recipe on clips that lie in these folders, in the place of those that it would make."""
    return dataclasses.replace(recipe, sources=folders, prepare=None)


def _changed(stage: Stage, settings: Any, where: str) -> Stage:
    return dataclasses.replace(stage, settings=changed(stage.settings, settings, where))


def changed(settings: Any, said: Any, where: str) -> Any:
    """A settings dataclass with what is said of it. SettingsError for an unknown name or a value of another type."""
    if not isinstance(said, Mapping):
        raise SettingsError(f"{where} is {said!r}, but settings are expected; write them as {{name: value}}.")
    _only(said, [field.name for field in dataclasses.fields(settings)], where)
    values = {}
    for name, value in said.items():
        before = getattr(settings, name)
        if dataclasses.is_dataclass(before):
            values[name] = changed(before, value, f"{where}.{name}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        fits = value is None or before is None or type(value) is type(before)
        if not fits and not (isinstance(before, float) and type(value) is int):
            raise SettingsError(
                f"{where}.{name} is {json.dumps(said[name])}, but a value such as {json.dumps(before)} is expected; "
                "give one of that kind."
            )
        values[name] = value
    return dataclasses.replace(settings, **values)


def _only(said: Mapping[str, Any], known: Any, where: str) -> None:
    for name in said:
        if name not in known:
            raise SettingsError(f"{where} has {name!r}, which is not known there; choose from {', '.join(known)}.")
