"""How long a film takes and how much memory, measured in a process of its own that does nothing else."""

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from ..models.model_set import load_model_set
from ..pipeline import default_settings, talk
from ..processes import end_with_parent
from .plan import SuitePlan
from .report import Figures
from .studio import Studio
from .unseen import portrait_of, speech_of, unseen_clips


def measure_speed(studio: Studio, plan: SuitePlan) -> Figures:
    """Key speed: one film from loading the weights to the last decoded frame. `stages` and `seconds`: by the clock ·
    `processor_seconds`: of all cores together, which other programs do not disturb · `peak_gigabytes`: of the
    process, and `peak_gpu_gigabytes` of an NVIDIA card."""
    place = studio.models.device
    dtypes = next(studio.models.dicte.parameters()).dtype, next(studio.models.ethd.parameters()).dtype
    studio.report("speed", 0, 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as process:
        figures = process.submit(time_one_film, studio.weights, str(place), dtypes, plan.speed_frames).result()
    studio.report("speed", 1, 1)
    return {"speed": figures}


def time_one_film(weights: Path, device: str, dtypes: tuple[torch.dtype, torch.dtype], frames: int) -> Figures:
    """Makes one film of an unseen person and gives the figures of `measure_speed`. dtypes: of the small networks, and
    of those that make the pictures.
    """
    (clip,) = unseen_clips(1, frames, offset=600)
    started = last = time.perf_counter()
    worked = time.process_time()
    stages: dict[str, float] = {}

    def lap(stage: str, done: int = 0, total: int = 0) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now

    models = load_model_set(weights, device, dtypes[0], picture_dtype=dtypes[1])
    lap("loading")
    portrait, count = portrait_of(clip.identity, models.picture_size), 0
    for chunk in talk(models, speech_of(clip), portrait, default_settings(models), lap):
        count += chunk.shape[0]
    seconds = time.perf_counter() - started
    return {
        "stages": stages,
        "seconds": seconds,
        "processor_seconds": time.process_time() - worked,
        "frames": count,
        "frames_per_second": count / seconds,
        "peak_gigabytes": peak_gigabytes(),
        "peak_gpu_gigabytes": torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
    }


def peak_gigabytes() -> float | None:
    """The most memory this process has held so far; None on Windows, which has no `resource`."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9
