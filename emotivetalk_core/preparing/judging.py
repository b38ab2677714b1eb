"""Pieces that pass every other filter wait here until there are enough of them to say whether their lips follow their
sound. [ours]
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..measuring.lip_sync import Mouth, lip_sync
from .figures import sync_refusal
from .records import Row
from .settings import Filters

TOGETHER = 3000
"""Frames that are judged together, two minutes; fewer at a film's end, or of a short film."""


@dataclass(frozen=True)
class Waiting:
    """A piece that is written already: its row, its shard and that shard's lines of the index; mouth and loudness [n]
    as `lip_sync` takes them.
    """

    row: Row
    shard: Path
    lines: list[str]
    mouth: Mouth
    loudness: np.ndarray


class Judge:
    """Of one film. kept: lines of the index, of all pieces that passed; the shards of others are deleted."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._waiting: list[Waiting] = []
        self._before: list[Waiting] = []
        self.kept: list[str] = []

    def add(self, piece: Waiting) -> None:
        self._waiting.append(piece)
        if _frames(self._waiting) >= 2 * TOGETHER:
            count = next(at for at in range(len(self._waiting) + 1) if _frames(self._waiting[:at]) >= TOGETHER)
            self._judge(self._waiting[:count], [])
            self._before, self._waiting = self._waiting[:count], self._waiting[count:]

    def end(self) -> None:
        """Judge what is left, with what was judged last where it is little."""
        if self._waiting:
            self._judge(self._waiting, self._before if _frames(self._waiting) < TOGETHER else [])
            self._waiting = []

    def _judge(self, pieces: list[Waiting], beside: list[Waiting]) -> None:
        together = [*pieces, *beside]
        sync = lip_sync([each.mouth for each in together], [each.loudness for each in together], 2 * self._filters.lag)
        for piece, own in zip(pieces, sync.pieces):
            figures = {"sync": sync.correlation, "margin": sync.margin, "own": own}
            piece.row.update({name: round(value, 3) for name, value in figures.items()}, lag=sync.lag)
            piece.row["why"] = sync_refusal(sync, own, self._filters)
            if piece.row["why"]:
                piece.row["clip"] = ""
                piece.shard.unlink(missing_ok=True)
            else:
                piece.row["kept"] = True
                self.kept += piece.lines


def _frames(pieces: list[Waiting]) -> int:
    return sum(len(piece.loudness) for piece in pieces)
