"""`evaluate`: measures weights, or trains the probes that measure them."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...device import pick_device
from ...errors import SettingsError
from ...evaluation.films.making import Making, claim, film_name, held_out_clips, make_films
from ...evaluation.films.paper import PROTOCOLS, Protocol
from ...evaluation.films.reading import MetricNetworks, load_networks
from ...evaluation.films.suite import FVD_FRAMES, measure_folders, read_coefficients
from ...evaluation.films.table import table, tables, write_report
from ...evaluation.films.tables import measure_tables
from ...evaluation.probes import train_probes as train
from ...evaluation.synthetic_suite import JUDGES
from ...evaluation.synthetic_suite import run as run_suite
from ...models.face_finder import FaceFinder, FaceFinderConfig
from ...models.face_probe import BUNDLED_PROBE, load_probe
from ...training.source import Source
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ...weight_files.checkpoint import load_network
from ..progress import StageBars


def run(arguments: argparse.Namespace) -> None:
    if arguments.train_probes is not None:
        train_probes(arguments.train_probes, arguments.probe or JUDGES[arguments.heads], arguments.heads)
        return
    if arguments.out is None:
        raise SettingsError("The report needs a file to be written to; give one, such as --out report.json.")
    if arguments.suite != "synthetic" and arguments.heads != "drawn":
        raise SettingsError(
            f"--heads is for the synthetic suite; leave it out, or choose that suite instead of {arguments.suite}."
        )
    probe = arguments.probe or BUNDLED_PROBE
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
            heads=arguments.heads,
            small=arguments.small,
            probe=arguments.probe,
            device=arguments.device,
            on_step=bars,
        )
    for name, target in report["targets"].items():
        print(f"{name:<30} {target['value']:<8.4g} {target['wanted']:<8} {'met' if target['met'] else 'NOT MET'}")
    print(f"heads: {arguments.heads}")
    print(f"report: {arguments.out.resolve()}")


def made_films(arguments: argparse.Namespace, probe: Path) -> None:
    """Films of the held-out people of a data folder, made by weights, against the true ones."""
    if arguments.data is None:
        raise SettingsError(f"{arguments.suite} is measured on held-out people; give their data with --data DIR.")
    protocol = PROTOCOLS[arguments.suite]
    if arguments.frames is not None:
        protocol = replace(protocol, frames=arguments.frames)
    source = Source.open(arguments.data)
    weights = arguments.weights or BUNDLED_WEIGHTS
    making = Making(weights, protocol, driven_by=arguments.driven_by, device=arguments.device)
    folder = arguments.out.with_name(f"{arguments.out.stem}.made")
    if not arguments.tables:
        clips = held_out_clips(source, protocol, arguments.clips)
        claim(folder, source, weights)
        with StageBars() as bars:
            generated, true, faults = make_films(source, clips, making, folder, bars)
        for name, why in faults.items():
            print(f"note: {name}: {why}")
        films(arguments, probe, generated, true, protocol, [film_name(clip) for clip in clips])
        return
    claim(folder, source, weights)
    networks = metric_networks(arguments, probe)
    with StageBars() as bars:
        report = measure_tables(
            arguments.tables,
            source,
            networks,
            making,
            folder,
            archive_of(arguments.out),
            most=arguments.clips,
            coefficients=coefficients_of(arguments),
            on_step=bars,
        )
    print_report(arguments.out, report, tables(report, protocol.name))


def films(
    arguments: argparse.Namespace,
    probe: Path,
    generated: Path,
    true: Path,
    protocol: Protocol | None,
    only: Sequence[str] | None = None,
) -> None:
    """Two folders of films against each other, and the paper's rows below. only: films of these names."""
    networks = metric_networks(arguments, probe)
    coefficients = coefficients_of(arguments)
    with StageBars() as bars:
        report = measure_folders(
            networks,
            generated,
            true,
            archive_of(arguments.out),
            coefficients=coefficients,
            fvd_frames=FVD_FRAMES if protocol is None else (protocol.fvd_frames,),
            most=None if protocol is None else protocol.frames,
            only=only,
            on_step=bars,
        )
    print_report(arguments.out, report, table(report, None if protocol is None else protocol.name))


def metric_networks(arguments: argparse.Namespace, probe: Path) -> MetricNetworks:
    place = pick_device(arguments.device)
    finder = load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
    return load_networks(arguments.networks, load_probe(probe, place), finder.find, place)


def coefficients_of(arguments: argparse.Namespace) -> dict[str, np.ndarray] | None:
    return None if arguments.coefficients is None else read_coefficients(arguments.coefficients)


def archive_of(report: Path) -> Path:
    """Where what was read of each film is kept."""
    return report.with_name(f"{report.stem}.films")


def print_report(place: Path, report: Mapping[str, Any], lines: Sequence[str]) -> None:
    write_report(place, report)
    for line in lines:
        print(line)
    print(f"report: {place.resolve()}")


def train_probes(data: Path, probe: Path, heads: str) -> None:
    """Train the probe from the drawn heads of a demo training, and for rendered people from such beside them."""
    with StageBars() as bars:

        def on_step(stage: str, done: int, total: int, figures: dict[str, float]) -> None:
            bars(stage, done, total, ", ".join(f"{name} {value:.3g}" for name, value in figures.items()))

        train(data, probe, heads=heads, on_step=on_step)
    print(f"probe: {probe.resolve()}")
