"""`train`: follows a recipe."""

import argparse
from pathlib import Path

from ...device import pick_device
from ...errors import OutputError, SettingsError
from ...processes import joined
from ...recipes.library import RECIPES, find_recipe, with_data
from ...training.cards import card_named
from ...training.forecast import StageForecast, assumption, forecast, verdict, words
from ...training.loop import Engine
from ...training.parallel import RECOMPUTATIONS
from ...training.recipe import Recipe, follow
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    recipe = find_recipe(arguments.recipe, arguments.start or arguments.weights)
    if arguments.data:
        recipe = with_data(recipe, tuple(arguments.data))
    recompute = arguments.recompute or recipe.recompute
    if arguments.dry_run:
        tell(recipe, recompute, arguments)
        return
    if arguments.out is None:
        raise SettingsError("The weights need a folder to be written to; give one with --out.")
    stages = tuple(arguments.stages) if arguments.stages else None
    with joined(pick_device(arguments.device)) as (processes, device), StageBars(hidden=not processes.first) as bars:
        engine = Engine(
            device,
            processes,
            sharding=arguments.sharding,
            parts=arguments.parts,
            recompute=recompute,
            compile=arguments.compile,
            precision=arguments.precision,
            save_minutes=arguments.save_minutes,
            loaders=arguments.loaders,
        )

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        try:
            follow(recipe, arguments.out, engine, stages=stages, on_step=on_step)
        except OSError as error:
            raise OutputError(
                f"{arguments.out} cannot be written ({error.strerror or error}); make room or choose another place, "
                "and give the command again: it continues where it stopped."
            ) from error
        if processes.first:
            print(f"weights: {Path(arguments.out).resolve()}")


_ALTERNATIVES = ("full", "full-24gb")
"""Recipes that are proposed where a card is too small for another one."""


def tell(recipe: Recipe, recompute: str, arguments: argparse.Namespace) -> None:
    """`--dry-run`: what the recipe will take."""
    if recompute not in RECOMPUTATIONS:
        raise SettingsError(f"Nothing can be recomputed as {recompute!r}; choose one of {', '.join(RECOMPUTATIONS)}.")
    card = card_named(arguments.card) if arguments.card else None
    asked = arguments.stages or list(recipe.stages)
    for name in asked:
        recipe.stage(name)  # one that is not known is refused before the others are counted
    counted: list[StageForecast] = []
    left: list[str] = []
    for name in asked:
        found = forecast(recipe, arguments.cards, stages=[name])
        counted += found
        if found:
            print("\n".join(words(found[0], recompute, arguments.cards, card)), flush=True)
        elif recipe.stages[name].without_learning:
            print(f"{name}: learns nothing; {recipe.stages[name].without_learning}", flush=True)
        else:
            left.append(name)
    if left:
        print(f"not counted: {', '.join(left)}")
    if card is None or not counted:
        return
    apart = [one for one in counted if one.named_only and not arguments.stages]
    together = [one for one in counted if one not in apart]
    others = ((name, forecast(RECIPES[name], 1)) for name in _ALTERNATIVES if name != recipe.name)
    if together:
        print(verdict(together, recompute, card, others))
    for one in apart:
        print(f"{one.name}: {verdict([one], recompute, card, ())}")
    print(assumption())
