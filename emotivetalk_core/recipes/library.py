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
from ..models.model_set import read_preset
from ..models.presets import DEMO, FULL, ModelPreset
from ..training.recipe import Recipe, Stage
from ..training.said import changed, named, only
from ..training.starting import check_start
from . import demo, full, one_card, people, retouch, student, tiny, voices

RECIPES = {
    recipe.name: recipe
    for recipe in (
        full.RECIPE,
        one_card.ONE_CARD,
        one_card.ADAPT,
        demo.RECIPE,
        people.RECIPE,
        student.RECIPE,
        retouch.RECIPE,
        voices.RECIPE,
        tiny.RECIPE,
    )
}
PRESETS = {"full": FULL, "demo": DEMO, "tiny": tiny.TINY}
_KEYS = ("from", "preset", "seed", "data", "start", "drawn", "stages")


def find_recipe(name: str, start: Path | None = None) -> Recipe:
    """The recipe of that name, or of that JSON file. start: the folder of weights that it begins with, whatever the
    file says. Raises SettingsError, InputError and WeightsError.
    """
    if name in RECIPES:
        return with_start(RECIPES[name], start)
    if not name.endswith(".json"):
        raise SettingsError(
            f"There is no recipe {name!r}; choose one of {', '.join(RECIPES)}, or give a recipe's .json file."
        )
    return read_recipe(Path(name), start)


def read_recipe(path: Path, start: Path | None = None) -> Recipe:
    """A recipe's file. data: folders of clips, and start, a folder of weights: beside the file unless they are
    absolute; drawn: how many heads are drawn where no data is given; stages: their settings, or null to leave one out.
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
    if start is None and "start" in said:
        if not isinstance(said["start"], str):
            raise SettingsError(f"{path}, start is {json.dumps(said['start'])}; name a folder of weights as text.")
        start = path.parent / said["start"]
    recipe = with_start(RECIPES[said["from"]], start)
    stages = dict(recipe.stages)
    for name, settings in named(said.get("stages", {}), f"{path}, stages").items():
        only({name: None}, recipe.stages, f"{path}, stages")
        if settings is None:
            del stages[name]
        else:
            stages[name] = _changed(stages[name], settings, f"{path}, stages.{name}")
    if "preset" in said:
        recipe = dataclasses.replace(recipe, preset=_preset(recipe.preset, said["preset"], f"{path}, preset"))
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


def _preset(before: ModelPreset, said: Any, where: str) -> ModelPreset:
    """A preset by its name, or what is different from the recipe's own: {"ethd": {"cross_dim": 64}}."""
    if isinstance(said, str):
        only([said], tuple(PRESETS), where)
        return PRESETS[said]
    try:
        return changed(before, said, where)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error


def with_data(recipe: Recipe, folders: tuple[Path, ...]) -> Recipe:
    """The recipe on clips that lie in these folders, in the place of those that it would make."""
    return dataclasses.replace(recipe, sources=folders, prepare=None)


def with_start(recipe: Recipe, folder: Path | None) -> Recipe:
    """The recipe beginning with the weights in that folder; `adapt` takes its sizes from them."""
    if folder is not None and recipe is one_card.ADAPT:
        check_start(folder, recipe.begins_with)
        recipe = one_card.fitted(recipe, read_preset(folder))
    return recipe if folder is None else dataclasses.replace(recipe, start=folder)


def _changed(stage: Stage, settings: Any, where: str) -> Stage:
    return dataclasses.replace(stage, settings=changed(stage.settings, settings, where))
