"""`evaluate`: measures weights, or trains the probes that measure them."""

import argparse
from dataclasses import replace
from pathlib import Path

from ...device import pick_device
from ...errors import SettingsError
from ...evaluation.films.making import Making, held_out_clips, make_films
from ...evaluation.films.paper import PROTOCOLS, Protocol
from ...evaluation.films.reading import load_networks
from ...evaluation.films.suite import FVD_FRAMES, measure_folders, read_coefficients
from ...evaluation.films.table import table, write_report
from ...evaluation.probes import train_probes as train
from ...evaluation.synthetic_suite import run as run_suite
from ...models.face_finder import FaceFinder, FaceFinderConfig
from ...models.face_probe import BUNDLED_PROBE, load_probe
from ...training.source import Source
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ...weight_files.checkpoint import load_network
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    probe = arguments.probe or BUNDLED_PROBE
    if arguments.train_probes is not None:
        train_probes(arguments.train_probes, probe)
        return
    if arguments.out is None:
        raise SettingsError("The report needs a place; give a file such as --out report.json.")
    if arguments.suite in PROTOCOLS:
        made_films(arguments, probe)
        return
    if arguments.suite == "films":
        if arguments.generated is None or arguments.true is None:
            raise SettingsError("Two folders are compared; give --generated DIR and --true DIR.")
        films(arguments, probe, arguments.generated, arguments.true, PROTOCOLS.get(arguments.protocol))
        return
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


def made_films(arguments: argparse.Namespace, probe: Path) -> None:
    """Films of the held-out people of a data folder, made by weights, against the true ones."""
    if arguments.data is None:
        raise SettingsError(f"{arguments.suite} is measured on held-out people; give their data as --data DIR.")
    protocol = PROTOCOLS[arguments.suite]
    if arguments.frames is not None:
        protocol = replace(protocol, frames=arguments.frames)
    source = Source.open(arguments.data)
    making = Making(
        arguments.weights or BUNDLED_WEIGHTS, protocol, driven_by=arguments.driven_by, device=arguments.device
    )
    folder = arguments.out.with_name(f"{arguments.out.stem}.made-{protocol.frames}-{arguments.driven_by}")
    with StageBars() as bars:
        faults = make_films(source, held_out_clips(source, protocol, arguments.clips), making, folder, bars)
    for name, why in faults.items():
        print(f"note: {name}: {why}")
    films(arguments, probe, folder / "generated", folder / "true", protocol)


def films(arguments: argparse.Namespace, probe: Path, generated: Path, true: Path, protocol: Protocol | None) -> None:
    """Two folders of films against each other, and the paper's rows below."""
    place = pick_device(arguments.device)
    finder = load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
    networks = load_networks(arguments.networks, load_probe(probe, place), finder.find, place)
    coefficients = None if arguments.coefficients is None else read_coefficients(arguments.coefficients)
    archive = arguments.out.with_name(f"{arguments.out.stem}.films")
    with StageBars() as bars:
        report = measure_folders(
            networks,
            generated,
            true,
            archive,
            coefficients=coefficients,
            fvd_frames=FVD_FRAMES if protocol is None else (protocol.fvd_frames,),
            most=None if protocol is None else protocol.frames,
            on_step=bars,
        )
    write_report(arguments.out, report)
    for line in table(report, None if protocol is None else protocol.name):
        print(line)
    print(f"report: {arguments.out.resolve()}")


def train_probes(data: Path, probe: Path) -> None:
    """Train the probe from the drawn heads of a demo training."""
    with StageBars() as bars:

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        train(data, probe, on_step=on_step)
    print(f"probe: {probe.resolve()}")
