"""Recipes by name, and recipes that people write: a JSON file that says what is different from one of those.

{"from": "demo", "preset": "full", "data": ["films"], "seed": 3,
 "stages": {"ethd": {"loop": {"steps": 30000, "optimiser": "adamw8bit"}, "start": "svd.safetensors"},
            "face_finder": null}}
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from ..errors import InputError, SettingsError
from ..models.presets import DEMO, FULL
from ..training.recipe import Recipe, Stage
from ..training.said import changed, named, only
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
    only(said, _KEYS, str(path))
    recipe = RECIPES[said["from"]]
    stages = dict(recipe.stages)
    for name, settings in named(said.get("stages", {}), f"{path}, stages").items():
        only({name: None}, recipe.stages, f"{path}, stages")
        if settings is None:
            del stages[name]
        else:
            stages[name] = _changed(stages[name], settings, f"{path}, stages.{name}")
    if "preset" in said:
        only([said["preset"]], tuple(PRESETS), f"{path}, preset")
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
