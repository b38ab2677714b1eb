"""`evaluate`: measure what the weights can do, and write a report; or train the probes that measure it."""

import argparse
from pathlib import Path

from ..errors import SettingsError
from .progress import StageBars


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("evaluate", help="measure the weights", description="Measure what the weights can do.")
    parser.add_argument(
        "--suite", choices=("synthetic",), default="synthetic", help="synthetic: drawn heads, never trained on"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the report, as JSON; stopped, it goes on from there")
    parser.add_argument(
        "--small", action="store_true", help="fewer figures and films: a minute instead of most of an hour"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--probe", type=Path, metavar="FILE", help="the network that reads the films (the bundled one)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--train-probes",
        type=Path,
        metavar="DIR",
        help="train the probe instead, from the folder training/data of `train demo`; --probe says where it goes",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..evaluation.synthetic_suite import BUNDLED_PROBE
    from ..evaluation.synthetic_suite import run as run_suite
    from ..models.bundled import BUNDLED_WEIGHTS

    probe = arguments.probe or BUNDLED_PROBE
    if arguments.train_probes is not None:
        train_probes(arguments.train_probes, probe)
        return
    if arguments.out is None:
        raise SettingsError("The report needs a place; give a file such as --out report.json.")
    with StageBars() as bars:
        report = run_suite(
            arguments.weights or BUNDLED_WEIGHTS,
            arguments.out,
            small=arguments.small,
            probe=probe,
            device=arguments.device,
            on_step=bars,
        )
    for name, target in report["targets"].items():
        print(f"{name:<30} {target['value']:<8.4g} {target['wanted']:<8} {'met' if target['met'] else 'NOT MET'}")
    print(f"report: {arguments.out.resolve()}")


def train_probes(data: Path, probe: Path) -> None:
    """Train the probe from the drawn heads of a demo training."""
    from ..evaluation.probes import train_probes as train

    with StageBars() as bars:

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        train(data, probe, on_step=on_step)
    print(f"probe: {probe.resolve()}")
