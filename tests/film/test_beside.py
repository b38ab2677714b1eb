"""Making and using at the same time: in order, few at once, and ended together by an error of either."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from emotivetalk_core.film.beside import beside

PATIENCE = 60.0


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("beside")]


def test_one_is_used_while_the_next_is_made():
    """Either side waits for the other within its own work, which in turn they could not."""
    taken, made = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        assert taken.wait(PATIENCE)  # item 0 is in use
        made.set()
        yield 1

    def use(given: Iterator[int]) -> list[int]:
        seen = []
        for item in given:
            seen.append(item)
            taken.set()
            assert made.wait(PATIENCE)  # item 1 is there before item 0 is done with
        return seen

    assert beside(items(), use) == [0, 1]
    assert threads() == []


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_all_come_in_order_and_no_more_are_made_than_have_room(count):
    finished, ahead = [], []

    def items() -> Iterator[int]:
        for item in range(count):
            ahead.append(item - len(finished))
            yield item

    def use(given: Iterator[int]) -> None:
        for item in given:
            time.sleep(0.002)
            finished.append(item)

    beside(items(), use)
    assert finished == list(range(count))
    # beside the one in the making, one waits and one is in use
    assert all(waiting <= 2 for waiting in ahead)
    assert count < 3 or max(ahead) > 0


@pytest.mark.parametrize("fails_at", [0, 1, 5])
def test_what_fails_in_use_ends_the_making(fails_at):
    made = []

    def items() -> Iterator[int]:
        for item in range(1000):
            made.append(item)
            yield item

    def use(given: Iterator[int]) -> None:
        for item in given:
            if item == fails_at:
                raise OSError("full")

    with pytest.raises(OSError, match="full"):
        beside(items(), use)
    assert fails_at < len(made) <= fails_at + 3
    assert threads() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_what_fails_in_the_making_ends_the_use(count, error):
    used, ended = [], []

    def items() -> Iterator[int]:
        yield from range(count)
        raise error

    def use(given: Iterator[int]) -> None:
        try:
            for item in given:
                time.sleep(0.01)
                used.append(item)
        except CancelledError:
            ended.append("cancelled")
            raise
        ended.append("as if it were whole")

    with pytest.raises(error):
        beside(items(), use)
    assert ended == ["cancelled"]
    assert used == list(range(len(used)))
    assert threads() == []


def test_who_has_enough_ends_the_making():
    assert beside(iter(range(1000)), lambda given: next(given)) == 0
