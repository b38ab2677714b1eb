"""Trainings in processes of their own, which can be killed. They are forked from one that has imported everything, and
has computed nothing: to start Python and to read torch takes longer than the tiny recipe's steps.
"""

import gc
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

import av  # noqa: F401
import numba  # noqa: F401
import pytest
import torch
import torch._dynamo  # optimisers import it
import torch.distributed.checkpoint
import torch.distributed.fsdp  # noqa: F401
import torch.distributed.run as distributed_run
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher import api as launcher

import emotivetalk_core.cli.verbs.train  # noqa: F401
from emotivetalk_core.cli.main import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([])


def run(arguments: list[str], processes: int = 1, wait_for: Path | None = None, machines: int = 1) -> str:
    """Run the command line in so many processes to its end, or kill -9 them as soon as a file is there. Returns what
    the first said on stderr. machines: that they believe to be on.
    """
    said = heard(arguments, processes)
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


def torchrun(arguments: list[str], processes: int = 2) -> None:
    """Run the command line as `torchrun --standalone --nproc-per-node 2 -m emotivetalk_core …` does: torch reads that
    line and looks after the processes. Only these are not started anew, but forked.
    """
    said = heard(arguments, processes)

    def launch(config: launcher.LaunchConfig, entrypoint: str) -> Callable[..., Any]:
        def forked(*given: str) -> Any:
            assert (entrypoint, *given) == (sys.executable, "-u", "-m", "emotivetalk_core", *arguments)
            config.start_method = "forkserver"
            return launcher.elastic_launch(config, placed_command_line)(arguments, said)

        return forked

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # it sets handlers for these
    before = {number: signal.getsignal(number) for number in numbers}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(distributed_run, "elastic_launch", launch)
        try:
            options = ("--standalone", "--nproc-per-node", str(processes))
            distributed_run.main([*options, "-m", "emotivetalk_core", *arguments])
        except ChildFailedError as error:
            raise AssertionError([file.read_text() for file in said]) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve() -> None:
    """Start what the processes are forked from. `conftest.py` calls it before the first test."""
    resource_tracker.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing.util, "spawnv_passfds", forked)
        forkserver.ensure_running()


def forked(_: str, arguments: list[str], passed: list[int]) -> int:
    """What multiprocessing would start by `python … -c CODE`, in a copy of this process that has these files and no
    other. Returns the copy's number.
    """
    number = os.fork()
    if number:
        return number
    try:
        passed = sorted(passed)
        for below, above in zip([2, *passed], [*passed, os.sysconf("SC_OPEN_MAX")]):
            os.closerange(below + 1, above)
        sys.stdout, sys.stderr = (open(file, "w", buffering=1, closefd=False) for file in (1, 2))  # pytest had its own
        exec(arguments[-1], {})
    finally:
        os._exit(0)  # and not back into pytest


def heard(arguments: list[str], processes: int) -> list[Path]:
    """The files for what each process says on stderr."""
    return [Path(arguments[arguments.index("--out") + 1]).with_suffix(f".said-{rank}") for rank in range(processes)]


def command_line(arguments: list[str], place: dict[str, str], said: Path) -> None:
    """What a process does: the command, on one thread, with its place among the others as torchrun tells it."""
    os.environ.update(place)
    gc.freeze()  # what was imported before the fork
    torch.set_num_threads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.exit(main(arguments))


def as_program(arguments: list[str], said: Path) -> None:
    """`python -m emotivetalk_core …` from its first line to its exit status, with Ctrl-C as a shell's foreground has
    it. What it says on stderr goes into a file.
    """
    gc.freeze()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method(None, force=True)  # and as a program has it that nobody forked
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv[1:] = arguments
    runpy.run_module("emotivetalk_core", run_name="__main__", alter_sys=True)


def placed_command_line(arguments: list[str], said: list[Path]) -> None:
    """The same in a process that knows its place already, and that torch expects to return."""
    try:
        command_line(arguments, {}, said[int(os.environ["RANK"])])
    except SystemExit as end:
        if end.code:
            raise


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
