"""Recipes by name, and recipes that people write: a JSON file that says what is different from one of those.

{"from": "demo", "preset": "full", "data": ["films"], "seed": 3,
 "stages": {"ethd": {"loop": {"steps": 30000, "optimiser": "adamw8bit"}, "start": "svd.safetensors"},
            "face_finder": null}}
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

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
    if not isinstance(said, dict) or said.get("from") not in tuple(RECIPES):
        raise SettingsError(
            f'{path} does not say what it starts from; begin it with "from": one of {", ".join(RECIPES)}.'
        )
    _only(said, _KEYS, str(path))
    recipe = RECIPES[said["from"]]
    stages = dict(recipe.stages)
    for name, settings in _named(said.get("stages", {}), f"{path}, stages").items():
        _only({name: None}, recipe.stages, f"{path}, stages")
        if settings is None:
            del stages[name]
        else:
            stages[name] = _changed(stages[name], settings, f"{path}, stages.{name}")
    if "preset" in said:
        _only([said["preset"]], tuple(PRESETS), f"{path}, preset")
        recipe = dataclasses.replace(recipe, preset=PRESETS[said["preset"]])
    if "drawn" in said:
        recipe = dataclasses.replace(recipe, data=changed(recipe.data, said["drawn"], f"{path}, drawn"))
    if "data" in said:
        folders = said["data"] if isinstance(said["data"], list) else [said["data"]]
        if not folders or not all(isinstance(folder, str) for folder in folders):
            raise SettingsError(
                f"{path}, data is {json.dumps(said['data'])}, but folders are expected; name them as text."
            )
        recipe = with_data(recipe, tuple(path.parent / folder for folder in folders))
    seed = said.get("seed", recipe.seed)
    if type(seed) is not int or seed < 0:
        raise SettingsError(f"{path}, seed is {json.dumps(seed)}; give a whole number of at least 0.")
    return dataclasses.replace(recipe, name=path.stem, stages=stages, seed=seed)


def with_data(recipe: Recipe, folders: tuple[Path, ...]) -> Recipe:
    """The recipe on clips that lie in these folders, in the place of those that it would make."""
    return dataclasses.replace(recipe, sources=folders, prepare=None)


def _changed(stage: Stage, settings: Any, where: str) -> Stage:
    return dataclasses.replace(stage, settings=changed(stage.settings, settings, where))


def changed(settings: Any, said: Any, where: str) -> Any:
    """A settings dataclass with what is said of it. SettingsError for an unknown name or a value of another type."""
    types = get_type_hints(type(settings))
    _only(_named(said, where), [field.name for field in dataclasses.fields(settings)], where)
    values = {}
    for name, value in said.items():
        before = getattr(settings, name)
        if dataclasses.is_dataclass(before):
            values[name] = changed(before, value, f"{where}.{name}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(value, types[name]):
            raise SettingsError(
                f"{where}.{name} is {json.dumps(said[name])}, but a value such as {json.dumps(before)} is expected; "
                "give one of that kind."
            )
        values[name] = value
    try:
        return dataclasses.replace(settings, **values)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of an annotated type: a plain one, a tuple of one, or a union of such."""
    if isinstance(wanted, UnionType):
        return any(_fits(value, each) for each in get_args(wanted))
    if get_origin(wanted) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(wanted)[0]) for each in value)
    return type(value) is wanted or (wanted is float and type(value) is int)


def _named(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise SettingsError(f"{where} is {json.dumps(said)}, but settings are expected; write them as {{name: value}}.")
    return said


def _only(said: Iterable[Any], known: Any, where: str) -> None:
    for name in said:
        if name not in known:
            raise SettingsError(f"{where} has {name!r}, which is not known there; choose from {', '.join(known)}.")
