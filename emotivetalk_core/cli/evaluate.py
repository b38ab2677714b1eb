"""`evaluate`: measure what the weights can do, and write a report."""

import argparse
from pathlib import Path

from .progress import StageBars


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("evaluate", help="measure the weights", description="Measure what the weights can do.")
    parser.add_argument(
        "--suite", choices=("synthetic",), default="synthetic", help="synthetic: drawn heads, never trained on"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the report, as JSON")
    parser.add_argument("--small", action="store_true", help="fewer clips: minutes instead of hours")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..evaluation import synthetic_suite
    from .talk import load_models

    models = load_models(arguments.weights, arguments.device)
    with StageBars() as bars:
        synthetic_suite.run(models, arguments.out, small=arguments.small, on_stage=bars)
    print(f"report: {arguments.out.resolve()}")
