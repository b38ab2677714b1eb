"""Pieces that pass every other filter wait here until there are enough of them to say whether their lips follow their
sound. [ours]
"""

from dataclasses import dataclass, field
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


@dataclass
class Judge:
    """Of one film. waiting: not judged yet · before: judged last · kept: lines of the index, of all pieces that passed;
    the shards of others are deleted.
    """

    filters: Filters
    waiting: list[Waiting] = field(default_factory=list)
    before: list[Waiting] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add(self, piece: Waiting) -> None:
        self.waiting.append(piece)
        if _frames(self.waiting) >= 2 * TOGETHER:
            count = next(at for at in range(len(self.waiting) + 1) if _frames(self.waiting[:at]) >= TOGETHER)
            self._judge(self.waiting[:count], [])
            self.before, self.waiting = self.waiting[:count], self.waiting[count:]

    def end(self) -> None:
        """Judge what is left, with what was judged last where it is little."""
        if self.waiting:
            self._judge(self.waiting, self.before if _frames(self.waiting) < TOGETHER else [])
            self.waiting = []

    def _judge(self, pieces: list[Waiting], beside: list[Waiting]) -> None:
        together = [*pieces, *beside]
        sync = lip_sync([each.mouth for each in together], [each.loudness for each in together], 2 * self.filters.lag)
        for piece, own in zip(pieces, sync.pieces):
            figures = {"sync": sync.correlation, "margin": sync.margin, "own": own}
            piece.row.update({name: round(value, 3) for name, value in figures.items()}, lag=sync.lag)
            piece.row["why"] = sync_refusal(sync, own, self.filters)
            if piece.row["why"]:
                piece.row["clip"] = ""
                piece.shard.unlink(missing_ok=True)
            else:
                piece.row["kept"] = True
                self.kept += piece.lines


def _frames(pieces: list[Waiting]) -> int:
    return sum(len(piece.loudness) for piece in pieces)
