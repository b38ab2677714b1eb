"""One film from its file to the records of its pieces."""

from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ..audio.streaming import SpeechStream
from ..errors import FaceError, InputError
from ..measuring.curves import loudness
from ..measuring.lip_sync import Mouth, mouth_patches
from ..measuring.reading import PROBE_SIDE, READ_AT_ONCE
from ..measuring.syncnet import measure_sync
from ..models.face_probe import FaceProbe
from ..training.source import Clip
from ..training.source_writer import WrittenClip, write_shard
from ..types import FRAMES_PER_SECOND, Speech
from ..video.reader import read_levels, read_video_facts
from .figures import decibels, figures_of, refusal, syncnet_refusal
from .judging import Judge, Waiting
from .lists import ListedFilm, emotion_number
from .networks import Tools
from .pieces import SAMPLES_PER_FRAME, Piece, make_piece, mouth_views
from .records import FILMS, Row, write_film
from .settings import PrepareSettings
from .unfinished import Unfinished
from .watching import Stretch, watch

KIND = "clips"
NOTED_EVERY = 3000
"""Pictures, two minutes of film, after which the next end of a stretch is where the film goes on if it is stopped."""


def prepare_film(
    film: ListedFilm, folder: Path, settings: PrepareSettings, tools: Tools, on_picture: Callable[[float], None]
) -> None:
    """Write the film's shards, thumbnails and record into the folder. A film's fault is a row of its table.

    A film that was stopped goes on from what was noted of it last. on_picture(share of the film that was watched) is
    told at every picture; what it raises ends the work. Raises OutputError where the folder cannot be written.
    """
    asked = settings.filters if tools.syncnet is None else replace(settings.filters, sync=-1.0)  # who judges the lips
    known = Unfinished.read(folder, film, asked, tools.encode is not None)
    mine = known.shards
    for left in folder.glob(f"{film.key}-*.safetensors*"):
        if left.name not in mine:  # of an attempt that was killed
            left.unlink(missing_ok=True)
    watched, expected = 0, 1.0

    def seen(index: int) -> None:
        nonlocal watched
        watched = index + 1
        on_picture(watched / expected)

    try:
        facts = read_video_facts(film.path)
        expected = max(1.0, (facts.frames or 1500) / facts.frames_per_second * FRAMES_PER_SECOND)
        speech = _speech(film)
        pictures = read_levels(film.path, rate=FRAMES_PER_SECOND)
        for index, _ in enumerate(islice(pictures, known.watched)):
            seen(index)
        more = True
        while more:
            noted = watched
            for stretch in watch(
                pictures, settings, film.cuts, tools.drawn, seen, first=noted, until=noted + NOTED_EVERY
            ):
                row, picture = _piece(film, stretch, speech, folder, settings, tools, known.judge)
                row["key"] = film.key
                known.rows.append(row)
                known.shown.add(row, picture)
            more = watched > noted + NOTED_EVERY
            if more:
                known.watched = watched
                known.write(folder, film)
        if not known.rows:
            raise InputError("no face is seen anywhere")
    except InputError as error:
        known.rows.append(_row(film, why=str(error).removeprefix(f"{film.path}: ").rstrip(".")))
    known.judge.end()
    known.shown.write(folder / FILMS / f"{film.key}.png")
    write_film(folder, film, known.rows, known.judge.kept, watched / FRAMES_PER_SECOND)
    Unfinished.forget(folder, film)


def _speech(film: ListedFilm) -> SpeechStream:
    """The film's own sound, else that of the file beside it."""
    try:
        return SpeechStream(film.path)
    except InputError:
        if film.sound is None:
            raise InputError("there is no sound") from None
        return SpeechStream(film.sound)


def _piece(
    film: ListedFilm,
    stretch: Stretch,
    speech: SpeechStream,
    folder: Path,
    settings: PrepareSettings,
    tools: Tools,
    judge: Judge,
) -> tuple[Row, np.ndarray]:
    """A stretch's row of the table, and its middle picture. Where it passes, it is written, and waits for the judge."""
    filters, middle = settings.filters, stretch.frames[len(stretch) // 2].permute(1, 2, 0).numpy()
    start, count = stretch.first / FRAMES_PER_SECOND, len(stretch)
    known = {"start": round(start, 2), "seconds": round(count / FRAMES_PER_SECOND, 2), "frames": count}
    if count < filters.frames:
        return _row(film, **known, why=f"it is short: {count} frame{'s' * (count > 1)}, below {filters.frames}"), middle
    mouths = None if tools.syncnet is None else mouth_views(stretch)
    try:
        piece = make_piece(stretch, settings.size)
    except FaceError:
        return _row(film, **known, why="eyes and mouth fall on one place"), middle
    samples = speech.take(piece.first * SAMPLES_PER_FRAME, (piece.first + piece.frames) * SAMPLES_PER_FRAME)
    figures = figures_of(piece, decibels(samples, piece.frames))
    known |= {**figures.row(), "framing": round(piece.framing, 2), "motion": round(piece.motion, 1)}
    row = _row(film, **known, why=refusal(figures, filters))
    if not row["why"] and tools.syncnet is not None and mouths is not None:
        found = measure_sync(tools.syncnet, mouths, torch.from_numpy(samples))
        row["why"] = syncnet_refusal(found, filters)
        if found is not None:
            row |= {name: round(value, 3) for name, value in asdict(found).items()}
    if not row["why"]:
        row["clip"] = f"{film.key}/{piece.first:07d}"
        clip = Clip(
            row["clip"],
            film.person,
            KIND,
            piece.frames,
            portraits=row["clip"],
            emotion=film.emotion,
            level=film.level,
        )
        shard = folder / f"{film.key}-{piece.first:07d}.safetensors"
        lines = write_shard(folder, shard.name, [WrittenClip(clip, _fields(film, piece, samples, tools))])
        mouth = Mouth(mouth_patches(piece.pictures, piece.landmarks), _openings(tools.probe, piece.pictures))
        loud = loudness(Speech(torch.from_numpy(samples)), FRAMES_PER_SECOND, piece.frames)
        judge.add(Waiting(row, shard, lines, mouth, loud))
    return row, piece.pictures[piece.frames // 2]


@torch.inference_mode()
def _openings(probe: FaceProbe, pictures: np.ndarray) -> np.ndarray:
    """How wide the mouth stands open [n], of talking crops uint8 [n, s, s, 3]."""
    found = []
    for start in range(0, len(pictures), READ_AT_ONCE):
        levels = torch.from_numpy(pictures[start : start + READ_AT_ONCE]).permute(0, 3, 1, 2)
        found.append(probe(F.interpolate(levels.float() / 255, size=PROBE_SIDE, mode="area")).opening)
    return torch.cat(found).float().numpy()


def _fields(film: ListedFilm, piece: Piece, samples: np.ndarray, tools: Tools) -> dict[str, np.ndarray]:
    fields = {**piece.fields(), "samples": samples.astype(np.float16)}
    number = emotion_number(film.emotion)
    if number is not None:
        fields["emotion"] = np.full(piece.frames, number, np.int16)
    if tools.encode is not None:
        fields |= tools.encode(piece.pictures)
    return fields


def _row(film: ListedFilm, **known: Any) -> Row:
    names = {"film": film.name, "source": film.list, "person": film.person, "group": film.group or film.person}
    labels = {"emotion": film.emotion, "level": film.level, "view": film.view}
    return {**names, **labels, "kept": False, "why": "", "clip": "", **known}
