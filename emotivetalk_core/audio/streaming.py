"""Speech out of a file of any length, a few seconds at a time: what `files.py` reads whole, in flat memory."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..media import best_sound, existing_file
from ..types import SAMPLE_RATE
from .decoding import Block, sound_blocks
from .mixing import mix_down

_WAY_OUT = "give a film or recording that FFmpeg can read"
_SECONDS = 10.0
"""Mixed at once: which channels hold a voice is asked of so much sound."""


class SpeechStream:
    """Mono speech at 16 kHz, asked for from front to back. Second 0 is where the file's sound or picture begins,
    whichever is first; what the file does not hold is silent. Samples beyond -1…1 are cut.

    Raises InputError for a file that is missing, not media, or without sound, when it is made.
    """

    def __init__(self, path: str | Path) -> None:
        import av

        self._path = existing_file(path, "recording", _WAY_OUT)
        try:
            with av.open(str(self._path)) as container:
                if best_sound(container) is None:
                    raise InputError(f"{path}: there is no sound in this file; {_WAY_OUT}.")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{path}: this is not a readable recording; {_WAY_OUT}.") from error
        self._coming = self._pieces()
        self._kept: deque[np.ndarray] = deque()
        self._first = 0  # the place of the first sample that is kept
        self._end = 0

    def take(self, start: int, stop: int) -> np.ndarray:
        """Samples start…stop, float32, silent behind the end. Nothing before `start` can be asked for again."""
        while self._end < stop and (piece := next(self._coming, None)) is not None:
            self._kept.append(piece)
            self._end += len(piece)
            self._forget(start)
        self._forget(start)
        known = np.concatenate([*self._kept, np.zeros(0, np.float32)])[start - self._first : stop - self._first]
        return np.pad(known, (0, stop - start - len(known)))

    def _forget(self, start: int) -> None:
        while self._kept and self._first + len(self._kept[0]) <= start:
            self._first += len(self._kept.popleft())

    def _pieces(self) -> Iterator[np.ndarray]:
        import av

        try:
            with av.open(str(self._path)) as container:
                stream = best_sound(container)
                assert stream is not None
                for blocks in _alike(sound_blocks(container, stream)):
                    yield from _resampled(blocks)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self._path}: this is not a readable recording; {_WAY_OUT}.") from error


def _alike(blocks: "Iterator[Block | None]") -> Iterator[Iterator[Block]]:
    """Runs of blocks of one rate and layout; each run is read to its end before the next is asked for."""
    waiting: list[Block] = []

    def run(first: Block) -> Iterator[Block]:
        yield first
        for block in blocks:
            if block is None:
                continue
            if block.changed:
                waiting.append(block)
                return
            yield block

    start = next((block for block in blocks if block is not None), None)
    while start is not None:
        yield run(start)
        start = waiting.pop() if waiting else None


def _resampled(blocks: Iterator[Block]) -> Iterator[np.ndarray]:
    import soxr

    resampler: soxr.ResampleStream | None = None
    for mono, rate in _mixed(blocks):
        if rate == SAMPLE_RATE:
            yield mono
            continue
        resampler = resampler or soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        yield resampler.resample_chunk(mono)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mixed(blocks: Iterator[Block]) -> Iterator[tuple[np.ndarray, int]]:
    """One channel of some seconds each [t], and its rate."""
    gathered: list[torch.Tensor] = []
    block: Block | None = None
    for block in blocks:
        gathered.append(torch.nan_to_num(block.samples))
        if sum(part.shape[1] for part in gathered) >= _SECONDS * block.rate:
            yield _mono(gathered, block), block.rate
            gathered = []
    if block is not None and gathered:
        yield _mono(gathered, block), block.rate


def _mono(gathered: list[torch.Tensor], block: Block) -> np.ndarray:
    mixed, _ = mix_down(torch.cat(gathered, 1), block.layout)
    return np.ascontiguousarray(mixed.clamp(-1, 1).numpy())
