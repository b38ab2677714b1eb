"""Films that are not prepared yet, claimed one after another, by one process or several."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ..face.crops import pictures
from ..models.face_finder import FaceFinder, FaceFinderConfig
from ..models.vae import encode_mode
from ..models.vae_checkpoint import load_vae
from ..weight_files.bundled import BUNDLED_WEIGHTS
from ..weight_files.checkpoint import load_network
from . import records
from .claims import claimed
from .contact_sheet import write_contact_sheet
from .film import Encode, Tools, prepare_film
from .lists import Film
from .records import Row
from .settings import PrepareSettings

_ENCODED_AT_ONCE = 8
_POLL_SECONDS = 1.0

OnFilm = Callable[[str, float], None]
"""Told which film is at work, and how many seconds of it are watched."""


def prepare(
    films: Sequence[Film],
    folder: Path,
    settings: PrepareSettings,
    *,
    workers: int = 1,
    vae: Path | None = None,
    on_progress: Callable[[float, int, float], None] | None = None,
) -> list[Row]:
    """Make clips of those films that the folder has none of yet, and return all rows of its table.

    workers: processes of this call; more calls, on other machines too, share the work · vae: weights of an autoencoder,
    which then writes the latents · on_progress(share of all bytes, films done, seconds of film done); it may raise to
    cancel. `records.begin` comes first. Raises OutputError, WeightsError.
    """
    sizes = {film.key: film.path.stat().st_size for film in films}
    total = max(1, sum(sizes.values()))

    def report(at_work: str = "", share: float = 0.0) -> None:
        if on_progress is not None:
            done = [film for film in films if records.is_done(folder, film)]
            count, seconds = records.films_done(folder, done)
            size = sum(sizes[film.key] for film in done) + share * sizes.get(at_work, 0)
            on_progress(size / total, count, seconds)

    report()
    if workers == 1:
        _work(films, folder, settings, vae, report)
    else:
        _work_together(films, folder, settings, vae, workers, report)
    report()
    rows = records.gather(folder, settings)
    write_contact_sheet(folder / records.SHEET, folder, rows)
    return rows


def _work(
    films: Sequence[Film], folder: Path, settings: PrepareSettings, vae: Path | None, report: Callable[..., None] | None
) -> None:
    tools: Tools | None = None
    for film in films:
        if records.is_done(folder, film):
            continue
        with claimed(folder / records.FILMS, film.key) as claim:
            if claim is None or records.is_done(folder, film):
                continue
            tools = tools or _tools(vae)
            prepare_film(film, folder, settings, tools, lambda second, touch=claim.touch: touch())
        if report is not None:
            report()


def _work_alone(films: Sequence[Film], folder: Path, settings: PrepareSettings, vae: Path | None) -> None:
    torch.set_num_threads(1)
    try:
        _work(films, folder, settings, vae, None)
    except KeyboardInterrupt:
        pass


def _work_together(
    films: Sequence[Film],
    folder: Path,
    settings: PrepareSettings,
    vae: Path | None,
    workers: int,
    report: Callable[[], None],
) -> None:
    context = multiprocessing.get_context("spawn")
    crew = [context.Process(target=_work_alone, args=(films, folder, settings, vae)) for _ in range(workers)]
    try:
        for worker in crew:
            worker.start()
        while any(worker.is_alive() for worker in crew):
            time.sleep(_POLL_SECONDS)
            report()
    finally:
        for worker in crew:
            if worker.is_alive():
                worker.terminate()
        for worker in crew:
            worker.join()


def _tools(vae: Path | None) -> Tools:
    finder = load_network(
        BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig, "cpu"
    )
    return Tools(finder.find, None if vae is None else _encoder(vae))


def _encoder(weights: Path) -> Encode:
    from ..device import autocast, pick_device

    device = pick_device()
    network = load_vae(weights, device)

    @torch.inference_mode()
    def encode(levels: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(levels), _ENCODED_AT_ONCE):
            with autocast(device):
                parts.append(
                    encode_mode(network, pictures(levels[start : start + _ENCODED_AT_ONCE], device)).half().cpu()
                )
        return torch.cat(parts).numpy()

    return encode
