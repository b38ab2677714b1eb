"""What is known of each film that was prepared, kept in a file each; and what is made of all of them: the index that
`train` reads, the table of all pieces, and the data's own record.

A film counts from the moment its record is there, which is written in one move. The index is made anew of all records
by every process that ends, so that it always lists whole films.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..errors import OutputError, SettingsError
from ..training.loop import first_difference
from ..training.said import changed
from ..training.source import RECORD, digest_of
from ..types import FRAMES_PER_SECOND
from ..version import __version__
from .lists import ListedFilm
from .networks import NOTHING, OPTIONS, Given
from .settings import PrepareSettings

INDEX, TABLE, SHEET = "index.jsonl", "pieces.csv", "pieces.png"
FILMS = "films"
COLUMNS = (
    "film", "source", "person", "held_out", "start", "seconds", "kept", "why", "frames", "face", "framing", "outside",
    "sharpness", "others", "sound", "heard", "sync", "margin", "lag", "own", "confidence", "distance", "offset",
    "motion", "emotion", "level", "view", "clip",
)  # fmt: skip
NOT_STATED = "not stated"

Row = dict[str, Any]


def begin(
    folder: Path, settings: PrepareSettings, licence: str | None, consent: str | None, given: Given = NOTHING
) -> None:
    """Note in the folder how it is filled, and what the user says of the data. SettingsError where it was begun by
    other settings, but for the share of people who are held out, or by other networks; what is said anew takes the
    place of what was said. Raises WeightsError, too.
    """
    try:
        (folder / FILMS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    before, networks = read_record(folder), given.record(settings.size)
    mine = json.loads(json.dumps(asdict(settings)))
    if before:
        known = changed(PrepareSettings(), before["settings"], str(folder / RECORD))  # new ones have defaults
        known = replace(known, held_out=settings.held_out)  # the index is made anew
        change = first_difference(json.loads(json.dumps(asdict(known))), mine)
        if change is not None:
            raise SettingsError(f"{folder} was prepared with {change}; give another --out, or the same settings.")
        others = before.get("networks", networks)
        if other := next((name for name in OPTIONS if others[name] != networks[name]), None):
            raise SettingsError(
                f"{folder} was prepared with another --{other} than now, or with none; give the same, or another --out."
            )
    said = {
        "licence": licence or before.get("licence", NOT_STATED),
        "consent": consent or before.get("consent", NOT_STATED),
    }
    how = {"settings": mine, "networks": networks, "made_by": f"emotivetalk {__version__}"}
    write_whole(folder / RECORD, json.dumps({**before, **said, **how}))


def read_record(folder: Path) -> dict[str, Any]:
    """The data's own record: licence and consent as the user stated them, settings, counts, digest; {} where there is
    none.
    """
    file = folder / RECORD
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read ({error}); delete it, and prepare the films again.") from error


def seconds_of(folder: Path, film: ListedFilm) -> float | None:
    """How long the film is, where there is a record of it as it is now; else None."""
    known = _read(folder / FILMS / f"{film.key}.json")
    return known["seconds"] if known is not None and known["bytes"] == bytes_of(film) else None


def bytes_of(film: ListedFilm) -> int:
    """How large the film is; -1 where it has gone since it was listed, which its row will say."""
    try:
        return film.path.stat().st_size
    except OSError:
        return -1


def write_film(folder: Path, film: ListedFilm, rows: Sequence[Row], lines: Sequence[str], seconds: float) -> None:
    """Put down that the film is done: its rows of the table, its lines of the index, and how long it is."""
    known = {"film": film.name, "bytes": bytes_of(film), "seconds": round(seconds, 2)}
    write_whole(folder / FILMS / f"{film.key}.json", json.dumps({**known, "rows": list(rows), "index": list(lines)}))


def gather(folder: Path, settings: PrepareSettings) -> list[Row]:
    """Make index, table and record anew, and return the table's rows. Where another process ends a film meanwhile, both
    make them, and the last one knows all.
    """
    while True:
        files = sorted((folder / FILMS).glob("*.json"))
        rows = _write_all(folder, files, settings)
        if sorted((folder / FILMS).glob("*.json")) == files:
            return rows


def _write_all(folder: Path, files: Sequence[Path], settings: PrepareSettings) -> list[Row]:
    films = [known for file in files if (known := _read(file)) is not None]
    rows = [row for film in films for row in film["rows"]]
    out = people_held_out({row["group"] for row in rows if row["kept"]}, settings.held_out)
    lines = []
    for film in films:
        groups = {row["clip"]: row["group"] for row in film["rows"] if row["kept"]}
        for line in map(json.loads, film["index"]):
            if "clip" in line:
                line["held_out"] = groups[line["clip"]] in out
            lines.append(json.dumps(line, ensure_ascii=False))
    for row in rows:
        row["held_out"] = row["group"] in out
    write_whole(folder / INDEX, "".join(f"{line}\n" for line in lines))
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(folder / TABLE, text.getvalue())
    kept = [row for row in rows if row["kept"]]
    counts = {
        "films": len(films),
        "hours": round(sum(film["seconds"] for film in films) / 3600, 4),
        "pieces": len(rows),
        "kept": len(kept),
        "kept_hours": round(sum(row["frames"] for row in kept) / FRAMES_PER_SECOND / 3600, 4),
        "people": len({row["person"] for row in kept}),
        "held_out_people": len({row["person"] for row in kept if row["held_out"]}),
        "digest": digest_of(known["sha256"] for known in map(json.loads, lines) if "sha256" in known),
    }
    write_whole(folder / RECORD, json.dumps({**read_record(folder), **counts}, indent=1, ensure_ascii=False))
    return rows


def people_held_out(groups: Iterable[str], share: float) -> set[str]:
    """Those whose name's hash says so: the same whoever else is there, so that nobody changes sides when films are
    added. Where that would be everyone, nobody.
    """
    names = set(groups)
    out = {name for name in names if _place(name) < share}
    return out if out != names else set()


def _place(name: str) -> float:
    """A name's place, 0…1."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def write_whole(file: Path, text: str | bytes) -> None:
    """Write a file in one move. Raises OutputError."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode() if isinstance(text, str) else text)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _cannot_write(file, error) from error


def _read(file: Path) -> Mapping[str, Any] | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or another program's
        return None


def _cannot_write(place: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{place} cannot be written ({error.strerror or error}); make room or choose another place, and give the "
        "command again: it continues where it stopped."
    )
