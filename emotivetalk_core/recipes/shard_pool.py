"""Shards of pictures, made by several processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed

from ..processes import end_with_parent


def shards_made(
    make: Callable[..., list[str]], jobs: Mapping[str, tuple], workers: int
) -> Iterator[tuple[str, list[str]]]:
    """The shards as they are done: their names, and their lines for the index, as `make` gives them for the arguments.

    jobs: by the shards' names · workers: processes, 0: this one. Each draws on one thread.
    """
    if workers == 0:
        for name, arguments in jobs.items():
            yield name, _on_one_thread(make, arguments)
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)
    try:
        pending = {pool.submit(_on_one_thread, make, arguments): name for name, arguments in jobs.items()}
        for finished in as_completed(pending):
            yield pending[finished], finished.result()
    finally:  # left to itself, a pool that is stopped makes all that it was asked for first
        pool.shutdown(cancel_futures=True)


def _on_one_thread(make: Callable[..., list[str]], arguments: tuple) -> list[str]:
    import cv2

    cv2.setNumThreads(1)
    return make(*arguments)
