"""Random numbers belong to samples: each has a generator of its own, keyed by (seed, the sample's number).

So a batch is the same however many processes share it, and a resumed run meets the samples that it would have met.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import EmotiveTalkError

Sample = dict[str, torch.Tensor]
"""Named tensors, rows first: a sample has a row or several, and a batch those of all its samples."""


class Samples(Protocol):
    """What a stage learns from, one sample at a time."""

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        """Sample `index`, by all the chance that its step will need: every random number comes from `generator` (CPU).

        What the samples of one step have in common (a size, a kind) comes from `step`, by `of_step`.
        """
        ...


def keyed_generator(seed: int, *key: int) -> torch.Generator:
    """A CPU generator of its own for each key."""
    # its length is part of a key, because NumPy fills short ones up with zeros
    state = np.random.SeedSequence([len(key), seed % 2**63, *key]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def of_step(seed: int, step: int) -> torch.Generator:
    """The generator of what a whole step has in common; no sample has its key."""
    return keyed_generator(seed, step, 0)


def random_below(limit: int, generator: torch.Generator) -> int:
    """A whole number 0 … limit - 1."""
    return int(torch.randint(limit, (1,), generator=generator))


def chance(share: float, generator: torch.Generator) -> bool:
    """True in a share of the cases."""
    return bool(torch.rand(1, generator=generator) < share)


def collate(samples: Sequence[Sample]) -> Sample:
    """One batch of all rows."""
    return {name: torch.cat([sample[name] for sample in samples]) for name in samples[0]}


class Batches(Dataset):
    """The parts of each step's batch that one process computes, drawn while the step before is computed.

    batch: samples of a step over all processes · rank, processes: whose share it is · parts: in how many pieces.
    """

    def __init__(self, samples: Samples, seed: int, batch: int, rank: int, processes: int, parts: int) -> None:
        self._samples, self._seed, self._batch = samples, seed, batch
        each = batch // (processes * parts)
        # every part is spread over all processes, so that what one part sees is the same whoever computes it
        self._places = [range((p * processes + rank) * each, (p * processes + rank + 1) * each) for p in range(parts)]

    def of(self, step: int) -> list[Sample]:
        """The parts of one step."""
        return [collate([self._draw(step, step * self._batch + at) for at in places]) for places in self._places]

    def __getitem__(self, step: int) -> list[Sample] | EmotiveTalkError:
        """As a loader hands it over: what is wrong with the data is said here, not with the loader's own traceback."""
        try:
            return self.of(step)
        except EmotiveTalkError as error:
            return error

    def ahead(self, first: int, last: int, loaders: int = 0, *, pinned: bool = False) -> Iterator[list[Sample]]:
        """Those of the steps from `first` on, before `last`. loaders: processes that draw them, each a step of its own,
        where one thread would keep a card waiting; 0: a thread of this one · pinned: in memory that a card reads while
        it computes.
        """
        if not loaders:
            return _one_ahead(self.of, range(first, last))
        drawn = DataLoader(
            self,
            batch_size=None,
            sampler=range(first, last),
            num_workers=loaders,
            pin_memory=pinned,
            worker_init_fn=_alone,
        )
        return _sound(drawn)

    def _draw(self, step: int, index: int) -> Sample:
        return self._samples.draw(step, index, keyed_generator(self._seed, step, index, 1))


def _sound(drawn: Iterable[list[Sample] | EmotiveTalkError]) -> Iterator[list[Sample]]:
    for batch in drawn:
        if isinstance(batch, EmotiveTalkError):
            raise batch
        yield batch


def _alone(worker: int) -> None:
    torch.set_num_threads(1)


def _one_ahead(make: Callable[[int], list[Sample]], steps: range) -> Iterator[list[Sample]]:
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(make, steps[0]) if steps else None
        for following in [*steps[1:], None]:
            if waiting is None:
                return
            made = waiting.result()
            waiting = thread.submit(make, following) if following is not None else None
            yield made


def to_device(sample: Mapping[str, torch.Tensor], device: torch.device) -> Sample:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in sample.items()}
