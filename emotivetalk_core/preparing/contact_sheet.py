"""Thirty pieces that were kept and thirty that were not, with the reasons, as one picture to look at."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..sheet import Sheet
from .records import FILMS, Row, write_whole

THUMBNAIL, MOST, _MOST_OF_A_FILM = 136, 30, 8 * 30
_COLUMNS, _LINES, _LINE, _GAP, _HEAD = 10, 4, 13, 10, 34
_PAPER, _INK, _FAINT = (255, 255, 255), (30, 30, 30), (110, 110, 110)
_CELL = THUMBNAIL + _LINES * _LINE + _GAP


@dataclass
class Thumbnails:
    """Of one film's pieces, as small as the sheet shows them. Where they become many, every second is let go, so that a
    film of hours takes no more memory than one of minutes. kept: with their rows, one of `every` of those that were
    `seen`.
    """

    kept: list[tuple[Row, np.ndarray]] = field(default_factory=list)
    every: int = 1
    seen: int = 0

    def add(self, row: Row, picture: np.ndarray) -> None:
        """picture: uint8 [h, w, 3], of the row's piece."""
        if self.seen % self.every == 0:
            small = ImageOps.fit(Image.fromarray(np.ascontiguousarray(picture)), (THUMBNAIL, THUMBNAIL))
            self.kept.append((row, np.asarray(small)))
            if len(self.kept) > _MOST_OF_A_FILM:
                self.kept, self.every = self.kept[::2], 2 * self.every
        self.seen += 1

    def write(self, file: Path) -> None:
        """One below the other; the rows that have one are told which. Raises OutputError."""
        if not self.kept:
            return
        strip = Image.new("RGB", (THUMBNAIL, THUMBNAIL * len(self.kept)))
        for at, (row, picture) in enumerate(self.kept):
            row["picture"] = at
            strip.paste(Image.fromarray(picture), (0, at * THUMBNAIL))
        data = io.BytesIO()
        strip.save(data, "PNG")
        write_whole(file, data.getvalue())


def write_contact_sheet(file: Path, folder: Path, rows: Sequence[Row]) -> None:
    """rows: of the table; those that have a picture are shown, spread over all."""
    counts = [sum("start" in row and row["kept"] is kept for row in rows) for kept in (True, False)]
    groups = [[row for row in rows if "picture" in row and row["kept"] is kept] for kept in (True, False)]
    heights = [_HEAD + -(-min(MOST, len(group)) // _COLUMNS) * _CELL for group in groups]
    sheet = Sheet(_COLUMNS * (THUMBNAIL + _GAP) + _GAP, sum(heights), _PAPER, 2)
    top = 0
    for title, count, group, height in zip(("kept", "not kept"), counts, groups, heights):
        sheet.text(f"{title}: {count}", _GAP, top + _HEAD - 12, _INK, 16)
        for at, number in enumerate(sorted(set(np.linspace(0, len(group) - 1, min(MOST, len(group))).astype(int)))):
            down, across = divmod(at, _COLUMNS)
            left = _GAP + across * (THUMBNAIL + _GAP)
            _cell(sheet, folder, group[number], left, top + _HEAD + down * _CELL)
        top += height
    data = io.BytesIO()
    pixels = (sheet.finished() * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(data, "PNG")
    write_whole(file, data.getvalue())


def _cell(sheet: Sheet, folder: Path, row: Row, left: int, top: int) -> None:
    with Image.open(folder / FILMS / f"{row['key']}.png") as strip:
        at = row["picture"] * THUMBNAIL
        picture = np.asarray(strip.crop((0, at, THUMBNAIL, at + THUMBNAIL)).convert("RGB"))
    sheet.picture(torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255, left, top, THUMBNAIL)
    said = row["why"] or f"sync {row['sync']:.2f}, sharp {row['sharpness']:.0f}, face {row['face']:.2f}"
    lines = [f"{row['film'].rsplit('/', 1)[-1]} {row['start']:.0f} s", *textwrap.wrap(said, 24)][:_LINES]
    for number, line in enumerate(lines):
        sheet.text(line[:24], left, top + THUMBNAIL + (number + 1) * _LINE, _FAINT if number else _INK, 10)
