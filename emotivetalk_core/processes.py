"""The processes that work together: how they meet, and what they tell each other. One alone is the same, unmet.

`torchrun` starts them and says by environment variables who they are; torch's own package does the rest.
"""

import contextlib
import datetime
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist

from .errors import ProcessError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Processes:
    """rank: which one this is · count: how many there are · each_machine: how many of them share this machine."""

    rank: int = 0
    count: int = 1
    each_machine: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            dist.barrier()

    def agree(self, decision: bool, device: torch.device) -> bool:
        """What the first one decided."""
        if self.count == 1:
            return decision
        told = torch.tensor([decision], dtype=torch.int32, device=device)
        dist.broadcast(told, 0)
        return bool(told.item())

    def begun(self, well: bool, device: torch.device) -> list[bool]:
        """Whether each began well; all must say so. Raises ProcessError."""
        if self.count == 1:
            return [well]
        told = [torch.zeros(1, dtype=torch.int32, device=device) for _ in range(self.count)]
        with _gone():
            dist.all_gather(told, torch.tensor([well], dtype=torch.int32, device=device))
        return [bool(each.item()) for each in told]

    def from_first(self, tensor: torch.Tensor) -> torch.Tensor:
        """The first one's, bit for bit; the others give one of the same shape and kind. Raises ProcessError."""
        if self.count > 1:
            tensor = tensor.contiguous()
            with _gone():
                dist.broadcast(tensor, 0)
        return tensor

    def share(
        self,
        items: Sequence[Item],
        compute: Callable[[Item], torch.Tensor],
        empty: Callable[[Item], torch.Tensor],
    ) -> Iterator[torch.Tensor]:
        """compute(item) of all items in their order: each is computed by one process and told to the others, bit for
        bit. empty: a tensor of the shape and kind that `compute` gives. Raises ProcessError.
        """
        if self.count == 1:
            yield from map(compute, items)
            return
        own = {at: compute(items[at]) for at in range(self.rank, len(items), self.count)}
        for at, item in enumerate(items):
            told = own.pop(at).contiguous() if at in own else empty(item)
            with _gone():
                dist.broadcast(told, at % self.count)
            yield told


ALONE = Processes()


def are_many() -> bool:
    """Whether torchrun, or what speaks like it, started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and {"RANK", "MASTER_ADDR"} <= os.environ.keys()


def own_card(device: torch.device) -> torch.device:
    """This process' among its machine's cards; any other device as it is."""
    if device.type == "cuda" and are_many():
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Meets the others that torchrun started, and says which device is this one's. Parts from them at the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(), device
        return
    device = own_card(device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # one process may prepare data for hours while the others wait; torchrun ends all where one fails
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=datetime.timedelta(hours=24))
    try:
        yield Processes(dist.get_rank(), count, int(os.environ.get("LOCAL_WORLD_SIZE", count))), device
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """ProcessError where another process is not there any more."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessError(
            "Another process that worked on this ended before all was done; what is done so far is kept, so give the "
            "same command again."
        ) from error


def end_with_parent() -> None:
    """Called by a process that another one of ours started: it ends when that one is gone, however that went. A killed
    program cannot tell its workers, and they would work on, or wait for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
