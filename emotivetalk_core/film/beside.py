"""What is made and what is done with it, at the same time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Semaphore
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_END = object()


def beside(items: Iterable[Item], use: Callable[[Iterator[Item]], Result]) -> Result:
    """`use(items)` in a thread of its own, while this thread makes the items; what it returns.

    They arrive in their order. One waits at most, beside the one in use and the one in the making. An error on either
    side ends both, and is raised here once the thread has ended: it may still need as long as the item in its hands
    takes. Where making them fails, `use` is given CancelledError in the place of the next item, for what it has is no
    whole.
    """
    waiting: SimpleQueue[Any] = SimpleQueue()
    room = Semaphore()
    failed = False

    def arriving() -> Iterator[Item]:
        while (item := waiting.get()) is not _END and not failed:
            room.release()
            yield item
        if failed:
            raise CancelledError

    def has_ended(used: "Future[Result]") -> None:
        room.release()

    with ThreadPoolExecutor(1, "beside") as worker:
        used = worker.submit(use, arriving())
        used.add_done_callback(has_ended)
        try:
            for item in items:
                room.acquire()
                if used.done():
                    break
                waiting.put(item)
        except BaseException:
            failed = True
            raise
        finally:
            waiting.put(_END)
        return used.result()
