"""Pictures whose lines go through a matrix of which each value sees few neighbours: a blur, an enlargement.

On one core products with the blocks along such a matrix's diagonal are several times as fast as convolutions, and two
to three times as fast as torch's own resizing and as a product with the whole of it. Threads that have to meet after
each of them lose more than that.
"""

from dataclasses import dataclass

import torch

from .window import WHOLE, Window

_BLOCK = 32
"""Values of a line that are computed together: of 16 to 128 the quickest, for lines of 128 to 508."""


@dataclass(frozen=True)
class Banded:
    """A matrix [m, n] in blocks of its rows [k, w], each with the column that it begins at."""

    blocks: tuple[tuple[int, torch.Tensor], ...]

    @classmethod
    def of(cls, matrix: torch.Tensor, *, whole: bool = False) -> "Banded":
        """whole: as one block. No row may be all zeros."""
        blocks = []
        for rows in matrix.split(len(matrix) if whole else _BLOCK):
            seen = rows.any(0).nonzero()[:, 0]
            first, end = int(seen[0]), int(seen[-1]) + 1
            blocks.append((first, rows[:, first:end].contiguous()))
        return cls(tuple(blocks))

    def part(self, lines: slice) -> "Banded":
        """Those rows of the matrix alone; one at least."""
        parts, top = [], 0
        first, end, _ = lines.indices(sum(block.shape[0] for _, block in self.blocks))
        for at, block in self.blocks:
            below = top + block.shape[0]
            if first < below and top < end:
                whole = first <= top and below <= end
                parts.append((at, block if whole else block[max(0, first - top) : end - top]))
            top = below
        return Banded(tuple(parts))

    def down(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures [..., n, w] to [..., m, w]."""
        return torch.cat([block @ pictures[..., at : at + block.shape[1], :] for at, block in self.blocks], -2)

    def across(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures [..., h, n] to [..., h, m]."""
        return torch.cat([pictures[..., at : at + block.shape[1]] @ block.T for at, block in self.blocks], -1)


def resized_part(rows: Banded, columns: Banded, pictures: torch.Tensor, window: Window) -> torch.Tensor:
    """Pictures [..., n, m] through a matrix for their rows and one for their columns, and of that the window."""
    if window == WHOLE:
        return columns.across(rows.down(pictures))
    columns = columns.part(window[1])
    first = min(at for at, _ in columns.blocks)
    seen = slice(first, max(at + block.shape[1] for at, block in columns.blocks))
    columns = Banded(tuple((at - first, block) for at, block in columns.blocks))
    return columns.across(rows.part(window[0]).down(pictures[..., seen]))


def in_blocks(pictures: torch.Tensor) -> bool:
    """Whether blocks are quicker than the whole for them, in this thread."""
    return pictures.device.type == "cpu" and torch.get_num_threads() == 1
