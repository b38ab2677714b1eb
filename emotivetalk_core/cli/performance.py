"""What the command line does for speed and says about it; a library or a host keeps such choices to itself."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as glibc's malloc.h numbers them

_SPINS = "1000"  # about the time that torch needs from one short operation to the next


def wait_briefly() -> None:
    """Tells OpenMP, before torch is imported, how long threads that wait for others keep their core busy.

    Of itself GNU's spins for milliseconds. On two cores that other programs use, too, that took three times as many
    seconds of the processor, and twice as many by the clock. What the environment says already is left as it is; other
    builds of OpenMP do not ask.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = _SPINS


def keep_freed_memory() -> None:
    """Tells glibc to keep what is freed for what comes next.

    Of itself it returns every large buffer to the system and fetches the next one page by page, which takes a third of
    a film's time on a CPU. Other C libraries have no such setting, and nothing is done.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    set_option(_MMAP_THRESHOLD, 2**30)
    set_option(_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports: until its end Python looks for no garbage, and from then on not among what was read, which stays.

    Else it goes through all that torch defines again and again, a fifth of the processor time of torch's import. In a
    process that has torch already, such as a host or a test, nothing is changed.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def seconds_line(seconds: Mapping[str, float]) -> str:
    """Stages with their seconds, in one line."""
    return " · ".join(f"{stage} {value:.1f} s" for stage, value in seconds.items())


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Prints, where wanted, a table of where the time of the block went, by torch's own profiler, on stderr."""
    if not wanted:
        yield
        return
    import torch
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
    with profile(activities=activities) as profiler:
        yield
    order = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    print(profiler.key_averages().table(sort_by=order, row_limit=20, max_name_column_width=50), file=sys.stderr)
