"""`train`: make the weights. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from ..errors import SettingsError
from . import values
from .progress import StageBars


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("train", help="train the weights", description="Train the weights from drawn heads.")
    parser.add_argument("model", choices=("demo",), help="the size to train")
    parser.add_argument("--out", type=values.folder, required=True, metavar="DIR", help="the weights folder")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument("--stages", nargs="+", metavar="NAME", help="only these stages, e.g. ablation")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..device import pick_device
    from ..recipes.demo import OPTIONAL_STAGES, STAGES, train_demo
    from ..training.settings import DemoSettings

    device = pick_device(arguments.device)
    known = (*STAGES, *OPTIONAL_STAGES)
    for name in arguments.stages or ():
        if name not in known:
            raise SettingsError(f"There is no training stage {name!r}; choose from {', '.join(known)}.")
    stages = tuple(arguments.stages) if arguments.stages else None
    with StageBars() as bars:

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        train_demo(DemoSettings(), arguments.out, stages=stages, device=device, on_step=on_step)
    print(f"weights: {Path(arguments.out).resolve()}")
