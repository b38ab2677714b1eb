"""`measure`: one row of figures for each video."""

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from ...audio.files import read_speech
from ...device import pick_device
from ...errors import InputError, OutputError
from ...face.portrait import read_portrait
from ...face.regions import flatten_alpha
from ...measuring.film import FilmMeasures, Sync, Track, measure_film
from ...measuring.picture import draw_measures
from ...measuring.reading import read_film
from ...models.face_finder import FaceFinder, FaceFinderConfig
from ...models.face_probe import BUNDLED_PROBE, load_probe
from ...types import Speech
from ...video.reader import read_frames, read_video_facts
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ...weight_files.checkpoint import load_network
from ..progress import StageBars

COLUMNS = ("frames", "sync", "by chance", "lag", "likeness", "sharpness", "colour")
KEY = (
    "sync: correlation of mouth and loudness, at the lag where it is highest; by chance: nine in ten other sounds stay "
    "below this; lag: frames by which the mouth is late. likeness, sharpness: 1 is as {against}; colour: CIE76 "
    "distance, 2.3 is just visible. In brackets: the last third minus the first."
)


def run(arguments: argparse.Namespace) -> None:
    place = pick_device(arguments.device)
    probe = load_probe(BUNDLED_PROBE, place)
    finder = load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
    portrait = None if arguments.portrait is None else flatten_alpha(read_portrait(arguments.portrait))
    speech = None if arguments.audio is None else read_speech(arguments.audio)
    measured: dict[Path, FilmMeasures] = {}
    with StageBars() as bars:
        for path in arguments.videos:
            facts = read_video_facts(path)
            heard = speech or _own_sound(path)
            total = 2 * (facts.frames or 0)
            reading = read_film(
                partial(_frames, path),
                facts.frames_per_second,
                probe,
                speech=heard,
                portrait=portrait,
                detector=finder.find,
                on_step=lambda done, name=path.name, total=total: bars(name, done, max(total, done)),
            )
            measured[path] = measure_film(reading)
            if arguments.plots is not None:
                _write_plot(arguments.plots / f"{path.stem}.png", draw_measures(reading, measured[path], heard))
    print_table(measured)
    if arguments.out is not None:
        _write(arguments.out, json.dumps({str(path): found.plain() for path, found in measured.items()}, indent=2))
        print(f"figures: {arguments.out.resolve()}")


def print_table(measured: dict[Path, FilmMeasures]) -> None:
    """One row for each video, and what the columns mean."""
    widest = max(len(path.name) for path in measured)
    print(f"{'':<{widest}}  " + "".join(f"{name:>16}" for name in COLUMNS))
    for path, found in measured.items():
        cells = (f"{found.frames}", *_sync_cells(found.sync))
        tracks = (_said(found.likeness, 2), _said(found.sharpness, 2), _said(found.colour, 1))
        print(f"{path.name:<{widest}}  " + "".join(f"{cell:>16}" for cell in (*cells, *tracks)))
    for path, found in measured.items():
        if found.note:
            print(f"note: {path.name}: {found.note}")
    (against,) = {found.against for found in measured.values()}
    print(KEY.format(against=f"in the {against}"))


def _sync_cells(sync: Sync) -> tuple[str, str, str]:
    if sync.correlation != sync.correlation:
        return "no sound", "", ""
    return f"{sync.correlation:.2f}", "" if sync.chance != sync.chance else f"{sync.chance:.2f}", f"{sync.lag:+d}"


def _said(track: Track, digits: int) -> str:
    return f"{track.mean:.{digits}f} ({track.drift:+.{digits}f})"


def _frames(path: Path) -> Iterator[torch.Tensor]:
    return read_frames(path)


def _own_sound(path: Path) -> Speech | None:
    """The sound of a video; None where it has none that can be read, which is said."""
    try:
        return read_speech(path)
    except InputError as error:
        print(f"note: {error} Sync is not measured.")
        return None


def _write_plot(path: Path, picture: torch.Tensor) -> None:
    from PIL import Image

    image = Image.fromarray((picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise OutputError(f"{path}: the plot cannot be written ({error.strerror}); choose another place.") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: the figures cannot be written ({error.strerror}); choose another place.") from error
