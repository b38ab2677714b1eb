"""`evaluate --suite hdtf | mead --tables …`: the paper's tables, row by row, each row a set of films of its own.

A row that cannot be measured says why, and the others go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EmotiveTalkError, InputError
from ...film.film import load_models
from ...training.source import Clip, Source
from .making import Making, film_name, held_out_clips, make_films
from .paper import LENGTHS, PAPER_ROWS, Protocol
from .reading import MetricNetworks
from .suite import OnStep, measure_folders

TABLES = (1, 2, 3, 5)
LARGE = 1024


@dataclass(frozen=True)
class Row:
    """name: for people · frames: None the protocol's · driven_by, held, resolution: as `Making` has them."""

    table: int
    name: str
    frames: int | None = None
    driven_by: str = "sound"
    held: str = ""
    resolution: int | None = None

    def making(self, usual: Making) -> Making:
        protocol = usual.protocol if self.frames is None else replace(usual.protocol, frames=self.frames)
        said = {"driven_by": self.driven_by, "held": self.held, "resolution": self.resolution}
        return replace(usual, protocol=protocol, **said)

    def paper(self, protocol: str) -> tuple[float | None, ...] | None:
        """What the paper has in this row, by paper.COLUMNS."""
        return PAPER_ROWS.get((self.table, protocol, self.name))


ROWS = (
    Row(1, "by sound"),
    Row(1, "by sound and video", driven_by="video"),
    Row(2, "both latents"),
    Row(2, "without lip latents", held="no_lip"),
    Row(2, "without expression latents", held="no_expression"),
    Row(2, "not decoupled", held="no_decoupling"),
    *(Row(3, f"{frames} frames", frames) for frames in LENGTHS),
    Row(5, f"{LARGE} pixels, by sound", resolution=LARGE),
    Row(5, f"{LARGE} pixels, by sound and video", driven_by="video", resolution=LARGE),
)


def measure_tables(
    tables: Sequence[int],
    source: Source,
    networks: MetricNetworks,
    usual: Making,
    folder: Path,
    archive: Path,
    *,
    most: int | None = None,
    coefficients: Mapping[str, np.ndarray] | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """The report: `meta` as of `measure_folders`, and in `tables` the rows of each table, by name: key, the folder of
    its films · paper: the paper's figures · figures, films, faults; or why there are none.

    usual: what no row says otherwise · folder, archive: where films lie, and what was read of them · most: films of a
    row · coefficients: as `read_coefficients` gives them, the generated ones called generated/KEY/NAME.
    """
    load = lru_cache(maxsize=1)(load_models)  # most rows are of the same networks
    report: dict[str, Any] = {"meta": {}, "tables": {str(table): {} for table in tables}}
    for row in (row for row in ROWS if row.table in tables):
        making = row.making(usual)
        entry: dict[str, Any] = {"key": making.key, "paper": row.paper(usual.protocol.name)}
        report["tables"][str(row.table)][row.name] = entry
        try:
            clips = _clips(source, row, making.protocol, most)
            generated, true, faults = make_films(source, clips, making, folder, on_step, load)
            measured = measure_folders(
                networks,
                generated,
                true,
                archive,
                coefficients=None if coefficients is None else _of_row(coefficients, making),
                fvd_frames=(making.protocol.fvd_frames,),
                most=making.protocol.frames,
                only=[film_name(clip) for clip in clips],
                on_step=_labelled(on_step, making.key),
            )
        except EmotiveTalkError as error:
            entry["why"] = str(error)
            continue
        meta = measured["meta"]
        entry |= {"films": meta.pop("films"), "figures": measured["figures"], "faults": faults | measured["faults"]}
        report["meta"] = {name: value for name, value in meta.items() if name not in ("generated", "true")}
    return report


def _clips(source: Source, row: Row, protocol: Protocol, most: int | None) -> list[Clip]:
    """Table 3 is of the same people at every length that any film has: those that are as long as the longest."""
    if row.table != 3:
        return held_out_clips(source, protocol, most)
    found = held_out_clips(source, protocol)
    for frames in sorted(LENGTHS, reverse=True):
        if frames <= protocol.frames:
            break
        longer = [clip for clip in found if clip.rows("pictures") >= frames]
        if longer:
            return longer[:most]
    return found[:most]


def _of_row(coefficients: Mapping[str, np.ndarray], making: Making) -> dict[str, np.ndarray]:
    """Those of the row's films, by the names that a single pair of folders has; the true ones' first frames."""
    ours, frames = f"generated/{making.key}/", making.protocol.frames
    found = {f"generated/{name[len(ours) :]}": value for name, value in coefficients.items() if name.startswith(ours)}
    if not found:
        raise InputError(f"The coefficients have no {ours}NAME, of a film of this row.")
    return found | {name: value[:frames] for name, value in coefficients.items() if name.startswith("true/")}


def _labelled(on_step: OnStep | None, key: str) -> Callable[[str, int, int], None] | None:
    return None if on_step is None else lambda section, done, total: on_step(f"{section} {key}", done, total)
