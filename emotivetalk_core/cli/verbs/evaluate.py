"""`evaluate`: measures weights, or trains the probes that measure them."""

import argparse
from pathlib import Path

from ...errors import SettingsError
from ...evaluation.probes import train_probes as train
from ...evaluation.synthetic_suite import run as run_suite
from ...models.face_probe import BUNDLED_PROBE
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
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
    with StageBars() as bars:

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        train(data, probe, on_step=on_step)
    print(f"probe: {probe.resolve()}")
