"""How long what is left of a film will take, measured from what was done."""

import time

from ..models.vae import FRAME_ALONE
from ..processes import Processes
from ..sampling.estimate import forecast_words, memory_words, time_words
from .listener import Listener


def shared_cost(cost: str, processes: Processes) -> str:
    """The cost of sampling in words, and among how many it is shared."""
    return cost if processes.count == 1 else f"{cost}, shared by {processes.count} processes"


def tell_cost(listener: Listener, frames: int, cost: str, memory: float, disk: float) -> None:
    """What a film will take, before anything of it is made. cost: of sampling, in words · memory, disk: bytes."""
    room = f", {memory_words(disk)} of disk space" if disk else ""
    listener.tell(f"{frames} frames, {cost}; about {memory_words(memory)} of memory{room}")


class StillWatch:
    """Passes reports on to a listener, and sees how long the last step of one stage takes: one frame decoded alone."""

    def __init__(self, listener: Listener, stage: str) -> None:
        self._listener, self._stage = listener, stage
        self._before, self._seconds = time.monotonic(), 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == self._stage and done == total:
            self._seconds = now - self._before
        self._before = now
        self._listener(stage, done, total)

    def tell(self, frames: int) -> None:
        """How long so many frames of a film will take, before anything of it is sampled; nothing if none was seen."""
        if self._seconds:
            seconds = time_words(self._seconds / FRAME_ALONE * frames)
            self._listener.tell(f"About {seconds} to decode the {frames} frames, once they are sampled.")


class Forecast:
    """Says to a listener, after the first report of some stages, how long all that is left of each will take.

    counted: these stages, one after the other, and what they count, such as "window"; the first begins now · resumed:
    the first report is of what was done before. Where that is all of its stage, a part of the next may be done, too,
    and nothing is said of it.
    """

    def __init__(self, listener: Listener, counted: dict[str, str], *, resumed: bool = False) -> None:
        self._listener, self._counted, self._resumed = listener, counted, resumed
        self._untold = set(counted)
        self._began, self._before = time.monotonic(), 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now, left = time.monotonic(), total - done
        if self._resumed:
            self._resumed, self._began, self._before = False, now, done
            if not left:
                self._untold.clear()
        elif stage in self._untold:
            self._untold.remove(stage)
            if left:
                seconds = (now - self._began) / (done - self._before) * left
                words = forecast_words(seconds, left, self._counted[stage])
                self._listener.tell(f"{words.capitalize()}.")
        if not left:
            self._began, self._before = now, 0
        self._listener(stage, done, total)
