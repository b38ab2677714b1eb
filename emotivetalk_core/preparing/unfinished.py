"""How far a film is that takes long, noted beside the films' records, so that one that was stopped goes on from there
and comes out as if it had been left alone, to the bit. Nobody else reads it: a film counts when its record is there.

Noted where no stretch is under way. So there is no state of finder and shots to keep: rows, thumbnails, and the pieces
that wait to be judged are all. The film is decoded again up to there, which costs a part of what looking at it did.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..measuring.lip_sync import PATCH, Mouth
from ..version import __version__
from .contact_sheet import THUMBNAIL, Thumbnails
from .judging import Judge, Waiting
from .lists import ListedFilm
from .records import FILMS, Row, bytes_of, write_whole
from .settings import Filters

_GROUPS = ("waiting", "before")


@dataclass
class Unfinished:
    """Of one film: what is known after so many pictures, `watched`. latents: whether its shards hold them."""

    judge: Judge
    latents: bool
    rows: list[Row] = field(default_factory=list)
    shown: Thumbnails = field(default_factory=Thumbnails)
    watched: int = 0

    @property
    def shards(self) -> dict[str, int]:
        """The shards that belong to it, and how many bytes each has."""
        lines = [*self.judge.kept, *(line for piece in self.judge.waiting for line in piece.lines)]
        said = [json.loads(line) for line in lines]
        return {each["shard"]: each["bytes"] for each in said if "bytes" in each}

    @classmethod
    def read(cls, folder: Path, film: ListedFilm, filters: Filters, latents: bool) -> "Unfinished":
        """What was noted last; nothing, where that is of another film, version or kind, or its shards are not all
        there.
        """
        try:
            with np.load(_file(folder, film)) as noted:
                said = json.loads(noted["said"].tobytes())
                if said["of"] == _of(film, latents):
                    known = _restored(said, noted, folder, filters, latents)
                    if all((folder / name).stat().st_size == size for name, size in known.shards.items()):
                        return known
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            pass
        return cls(Judge(filters), latents)

    def write(self, folder: Path, film: ListedFilm) -> None:
        """Note it, in one move. Raises OutputError."""
        numbers = {id(row): number for number, row in enumerate(self.rows)}
        groups = {name: getattr(self.judge, name) for name in _GROUPS}
        said = {
            "of": _of(film, self.latents),
            "watched": self.watched,
            "rows": self.rows,
            "kept": self.judge.kept,
            "shown": [numbers[id(row)] for row, _ in self.shown.kept],
            "every": self.shown.every,
            "seen": self.shown.seen,
            **{name: [_said(piece, numbers) for piece in pieces] for name, pieces in groups.items()},
        }
        arrays: dict[str, Any] = {"said": np.frombuffer(json.dumps(said).encode(), np.uint8)}
        shape = (len(self.shown.kept), THUMBNAIL, THUMBNAIL, 3)
        arrays["pictures"] = np.array([picture for _, picture in self.shown.kept], np.uint8).reshape(shape)
        pieces = [piece for name in _GROUPS for piece in groups[name]]
        for name, values, empty in (
            ("patches", [piece.mouth.patches for piece in pieces], np.zeros((0, *PATCH), np.float32)),
            ("openings", [piece.mouth.opening for piece in pieces], np.zeros(0, np.float32)),
            ("loudness", [piece.loudness for piece in pieces], np.zeros(0)),
        ):
            arrays[name] = np.concatenate(values) if values else empty
        data = io.BytesIO()
        np.savez(data, **arrays)
        write_whole(_file(folder, film), data.getvalue())

    @staticmethod
    def forget(folder: Path, film: ListedFilm) -> None:
        """The film is done."""
        _file(folder, film).unlink(missing_ok=True)


def _file(folder: Path, film: ListedFilm) -> Path:
    return folder / FILMS / f"{film.key}.unfinished.npz"


def _of(film: ListedFilm, latents: bool) -> list[Any]:
    """What has to be the same for it to go on. The settings are: a folder knows but one."""
    return [bytes_of(film), latents, __version__]


def _said(piece: Waiting, numbers: Mapping[int, int]) -> list[Any]:
    return [numbers[id(piece.row)], piece.shard.name, piece.lines, len(piece.loudness)]


def _restored(
    said: Mapping[str, Any], noted: Mapping[str, np.ndarray], folder: Path, filters: Filters, latents: bool
) -> Unfinished:
    rows, groups, start = said["rows"], {}, 0
    patches, openings, loudness = noted["patches"], noted["openings"], noted["loudness"]
    for name in _GROUPS:
        groups[name] = []
        for number, shard, lines, count in said[name]:
            part = slice(start, start + count)
            mouth = Mouth(patches[part], openings[part])
            groups[name].append(Waiting(rows[number], folder / shard, lines, mouth, loudness[part]))
            start += count
    shown = [(rows[number], picture) for number, picture in zip(said["shown"], noted["pictures"])]
    judge = Judge(filters, groups["waiting"], groups["before"], said["kept"])
    return Unfinished(judge, latents, rows, Thumbnails(shown, said["every"], said["seen"]), said["watched"])
