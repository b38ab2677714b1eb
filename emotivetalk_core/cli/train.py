"""`train`: make the weights. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from ..errors import OutputError
from . import values
from .progress import StageBars


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "train",
        help="train the weights",
        description="Train the weights by a recipe: demo (drawn heads), tiny (a test of the trainer), or a .json file. "
        "With several processes, start it by torchrun; docs/training.md says how.",
    )
    parser.add_argument("recipe", help="demo, tiny, or a recipe's .json file")
    parser.add_argument("--out", type=values.folder, required=True, metavar="DIR", help="the weights folder")
    parser.add_argument("--data", type=Path, nargs="+", metavar="DIR", help="clips to learn from, not the recipe's own")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these stages, e.g. ablation")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument(
        "--sharding", default="none", help="of the weights over processes: none (DDP), fsdp or hsdp (none)"
    )
    parser.add_argument(
        "--parts", type=values.parts, default=1, metavar="N", help="pieces that each process computes its batch in (1)"
    )
    parser.add_argument("--recompute", action="store_true", help="compute activations twice, for less memory")
    parser.add_argument("--compile", action="store_true", help="compile the networks first, for speed")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16 (auto)")
    parser.add_argument(
        "--save-minutes", type=values.minutes, default=10.0, metavar="N", help="minutes between two checkpoints (10)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..device import pick_device
    from ..recipes.library import find_recipe, with_data
    from ..training.loop import Engine
    from ..training.processes import joined
    from ..training.recipe import follow

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
