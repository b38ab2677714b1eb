"""Trainings in processes of their own, which can be killed. They are forked from one that has imported everything: to
start Python and to read torch takes longer than the tiny recipe's steps.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch
import torch._dynamo  # optimisers import it
import torch.distributed.checkpoint
import torch.distributed.fsdp  # noqa: F401

import emotivetalk_core.cli.verbs.train  # noqa: F401
from emotivetalk_core.cli.main import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
TESTS = Path(__file__).resolve().parent


def run(arguments: list[str], processes: int = 1, wait_for: Path | None = None, machines: int = 1) -> str:
    """Run the command line in so many processes to its end, or kill -9 them as soon as a file is there. Returns what
    the first said on stderr. machines: that they believe to be on.
    """
    said = [Path(arguments[arguments.index("--out") + 1]).with_suffix(f".said-{rank}") for rank in range(processes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS.parent), str(TESTS)]))
        forkserver.ensure_running()
    started = [
        FORKS.Process(target=command_line, args=(arguments, place, said[rank]))
        for rank, place in enumerate(places(processes, machines))
    ]
    for process in started:
        process.start()
    while wait_for is not None and any(process.is_alive() for process in started):
        if wait_for.exists():
            for process in started:
                process.kill()
            break
        time.sleep(0.002)
    expected = 0 if wait_for is None else -signal.SIGKILL
    for process in started:
        process.join()
        assert process.exitcode == expected, [file.read_text() for file in said]
    return said[0].read_text()


def command_line(arguments: list[str], place: dict[str, str], said: Path) -> None:
    """What a process does: the command, on one thread, with its place among the others as torchrun tells it."""
    os.environ.update(place)
    torch.set_num_threads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.exit(main(arguments))


def places(processes: int, machines: int = 1) -> list[dict[str, str]]:
    """What torchrun tells each of them by its environment; nothing to one alone."""
    if processes == 1:
        return [{}]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes // machines)}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{**together, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
