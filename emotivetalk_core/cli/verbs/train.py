"""`train`: follows a recipe."""

import argparse
from pathlib import Path

from ...device import pick_device
from ...errors import OutputError
from ...recipes.library import find_recipe, with_data
from ...training.loop import Engine
from ...training.processes import joined
from ...training.recipe import follow
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    recipe = find_recipe(arguments.recipe)
    if arguments.data:
        recipe = with_data(recipe, tuple(arguments.data))
    stages = tuple(arguments.stages) if arguments.stages else None
    with joined(pick_device(arguments.device)) as (processes, device), StageBars(hidden=not processes.first) as bars:
        engine = Engine(
            device,
            processes,
            sharding=arguments.sharding,
            parts=arguments.parts,
            recompute=arguments.recompute,
            compile=arguments.compile,
            precision=arguments.precision,
            save_minutes=arguments.save_minutes,
        )

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        try:
            follow(recipe, arguments.out, engine, stages=stages, on_step=on_step)
        except OSError as error:
            raise OutputError(
                f"{arguments.out} cannot be written ({error.strerror or error}); make room or choose another place, "
                "and give the command again: it goes on where it stopped."
            ) from error
        if processes.first:
            print(f"weights: {Path(arguments.out).resolve()}")
