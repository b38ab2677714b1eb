"""Times a step of training of every stage of `train demo` beside an earlier commit: docs/benchmarks.md is made with it.

    git worktree add /tmp/before 57fdf66
    OMP_NUM_THREADS=1 python tests/tools/compare_training_step.py /tmp/before --steps 10 --rounds 2

V-AID of 57fdf66 needs --clips 6: it divides action units by how far they move in the drawn clips, and two do not show
those of the sentence that is only heard, which is a worried one.

Either checkout trains each stage by its own code, in fresh processes in turn, from its own bundled weights, on a few
heads that it drew by its own recipe; only the numbers of steps and of heads are small. What is timed are whole steps,
reading included, in seconds of the processor, from one call of the last optimiser to the next. Beside the ratio of the
medians it prints where the time of a step goes now, and which of torch's operations take most of it.
"""

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

WARM = 2  # steps that are not counted
UNITS: dict[str, tuple[str, ...]] = {
    "face_finder": ("face_finder",),
    "speech_encoder": ("speech_encoder",),
    "vae": ("vae",),
    "head_pose": ("head_pose",),
    "encoders": ("trunk", "encoders"),
    "v_aid": ("undrawn", "v_aid"),
    "ethd": ("ethd",),
    "speech_emotion": ("speech_emotion",),
}
"""What is trained in one process: a stage with the one before it whose weights are not bundled, which early commits
train as a part of it."""
WRITES = {
    "head_pose": "head_pose_reader",
    "encoders": "motion_encoder",
    "v_aid": "dicte",
}
FEW: dict[str, Any] = {
    "still_identities": 48,
    "stills_each": 4,
    "references": 2,
    "speech_clips": 1,
    "held_out_stills": 2,
    "held_out_clips": 1,
    "workers": 0,
}
LESS: dict[str, dict[str, Any]] = {
    "face_finder": {"heads": 16, "people": 0, "check_scenes": 1},
    "head_pose": {"kinds": ("turned", "clips")},
    "speech_emotion": {"recordings": 48, "held_out": 4, "check": 1},
}


class Stopwatch:
    """Listens to every optimiser of torch's and to every backward pass of this process."""

    def __init__(self) -> None:
        import torch
        from torch.optim import optimizer

        loops = importlib.import_module("emotivetalk_core.training.loop")
        self.ends: dict[str, list[tuple[float, float]]] = defaultdict(list)  # of the process, and of this thread
        self.spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._loop = ""
        self._began = 0.0
        optimizer.register_optimizer_step_pre_hook(self._before)
        optimizer.register_optimizer_step_post_hook(self._after)
        backward, run = torch.Tensor.backward, loops.TrainingLoop.run

        def timed_backward(*given: Any, **more: Any) -> None:
            began = time.thread_time()
            backward(*given, **more)
            self.spent[self._loop]["backward"] += time.thread_time() - began

        def named_run(loop: Any, *given: Any, **more: Any) -> Any:
            self._loop = loop.name
            return run(loop, *given, **more)

        torch.Tensor.backward = timed_backward  # pyright: ignore[reportAttributeAccessIssue]
        loops.TrainingLoop.run = named_run

    def _before(self, *_: Any) -> None:
        self._began = time.thread_time()

    def _after(self, *_: Any) -> None:
        now = time.thread_time()
        self.spent[self._loop]["optimiser"] += now - self._began
        self.ends[self._loop].append((time.process_time(), now))

    def results(self, steps: int) -> dict[str, Any]:
        """By loop: seconds of each step that counts, and shares of all."""
        found = {}
        for name, ends in self.ends.items():
            each = len(ends) // steps  # optimisers' calls of a step
            whole = [ends[end] for end in range(each - 1, len(ends), each)]
            seconds = [after[0] - before[0] for before, after in zip(whole[WARM:], whole[WARM + 1 :])]
            process, thread = (whole[-1][clock] - whole[0][clock] for clock in (0, 1))
            shares = {key: value * (len(whole) - 1) / len(whole) / process for key, value in self.spent[name].items()}
            shares["other threads"] = (process - thread) / process
            shares["forward and the rest"] = 1 - sum(shares.values())
            found[name] = {"seconds": seconds, "shares": shares}
        return found


def package() -> Path:
    """Of the checkout that this process imports. An editable install would answer for modules that it has not."""
    return Path(str(importlib.import_module("emotivetalk_core").__file__)).parent


def trimmed(settings: Any, steps: int) -> Any:
    """Every loop that settings hold, with so many steps; validation, which early commits have not, is left out."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value) and {"steps", "learning_rate"} <= {
            f.name for f in dataclasses.fields(value)
        }:
            fewer = {"steps": steps} | ({"validation_samples": 0} if hasattr(value, "validation_samples") else {})
            changes[field.name] = dataclasses.replace(value, **fewer)
    return dataclasses.replace(settings, **changes)


def few(settings: Any, clips: int) -> Any:
    known = {field.name for field in dataclasses.fields(settings)}
    wanted = {**FEW, "clips": clips}
    return dataclasses.replace(settings, **{name: value for name, value in wanted.items() if name in known})


def train(unit: str, out: Path, steps: int, clips: int) -> None:
    """One unit by the code of the checkout that this process imports; nothing but the data where it is empty."""
    import torch

    if (package() / "recipes").is_dir():
        recipe = importlib.import_module("emotivetalk_core.recipes.demo").RECIPE
        following = importlib.import_module("emotivetalk_core.training.recipe")
        engine = importlib.import_module("emotivetalk_core.training.loop").Engine()
        stages = {
            name: dataclasses.replace(
                stage, settings=trimmed(dataclasses.replace(stage.settings, **LESS.get(name, {})), steps)
            )
            for name, stage in recipe.stages.items()
            if hasattr(stage.settings, "loop")
        }
        recipe = dataclasses.replace(recipe, stages=stages, data=few(recipe.data, clips))
        following.follow(recipe, out, engine, stages=UNITS.get(unit, ()))
        return
    demo = importlib.import_module("emotivetalk_core.training.demo")
    settings = importlib.import_module("emotivetalk_core.training.settings").DemoSettings()
    fewer = {
        "data": few(settings.data, clips),
        "face_finder_steps": steps,
        "emotive_clips": 48,
        "speech_emotion_check": 1,
    }
    # its pool wants a worker
    fewer["data"] = dataclasses.replace(fewer["data"], workers=1)
    finder = importlib.import_module("emotivetalk_core.training.face_finder")
    finder.FaceFinderTraining.__init__.__defaults__ = tuple(
        {500: 16, 100: 1}.get(value, value) if isinstance(value, int) else value
        for value in finder.FaceFinderTraining.__init__.__defaults__
    )
    stages = (unit,) if unit else ()
    demo.train_demo(
        dataclasses.replace(trimmed(settings, steps), **fewer), out, stages=stages, device=torch.device("cpu")
    )


def operations() -> dict[str, dict[str, float]]:
    """Listens to every loop of this process: by its name, the operations that take most of what its thread computes."""
    from torch.profiler import ProfilerActivity, profile

    loops = importlib.import_module("emotivetalk_core.training.loop")
    run, found = loops.TrainingLoop.run, {}

    def profiled_run(loop: Any, *given: Any, **more: Any) -> Any:
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            record = run(loop, *given, **more)
        events = sorted(profiled.key_averages(), key=lambda event: -event.self_cpu_time_total)
        total = sum(event.self_cpu_time_total for event in events)
        most = {event.key.removeprefix("aten::"): event.self_cpu_time_total / total for event in events[:6]}
        found[loop.name] = {name: round(share, 2) for name, share in most.items()}
        return record

    loops.TrainingLoop.run = profiled_run
    return found


def measured(unit: str, base: Path, steps: int, clips: int, profiling: bool) -> dict[str, Any]:
    """In a folder of its own, with the checkout's bundled weights and the data of `base`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for file in (package() / "weights" / "demo").glob("*.safetensors"):
            if file.stem != WRITES.get(unit, unit):
                shutil.copy(file, out)
        (out / "training").mkdir()
        (out / "training" / "data").symlink_to(base / "training" / "data")
        # the backbone begins with it, and it is not bundled
        shutil.copy(package() / "weights" / "demo" / "ethd.safetensors", out / "training" / "renderer.safetensors")
        if profiling:
            found = operations()
            train(unit, out, steps, clips)
            return found
        watch = Stopwatch()
        train(unit, out, steps, clips)
        return watch.results(steps)


def child(checkout: Path, *asked: str) -> Any:
    """This script in a fresh process that imports the checkout's package."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, __file__, str(checkout), *asked]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"fault": (done.stderr.strip().splitlines() or ["nothing was said"])[-1]}
    return json.loads(lines[-1])


def compare(given: argparse.Namespace) -> None:
    """Prints the table. Heads that a run before has left in the folder of `--heads` are not drawn again."""
    before, now = given.before.resolve(), Path(__file__).resolve().parents[2]
    numbers = ("--steps", str(given.steps), "--clips", str(given.clips))
    with tempfile.TemporaryDirectory() if given.heads is None else contextlib.nullcontext(given.heads) as folder:
        bases = {checkout: Path(folder).resolve() / name for checkout, name in ((before, "before"), (now, "now"))}
        for checkout, base in bases.items():
            made = child(checkout, "--unit", "", "--base", str(base), *numbers)
            if "fault" in made:
                sys.exit(f"{checkout}: {made['fault']}")
        print("| loop | before | now | ratio | backward, optimiser, other threads, the rest |\n|---|---|---|---|---|")
        for unit in given.stages:
            asked = ("--unit", unit, *numbers)
            seconds: dict[Path, dict[str, list[float]]] = {checkout: defaultdict(list) for checkout in bases}
            shares: dict[str, dict[str, float]] = {}
            for _ in range(given.rounds):
                for checkout, base in bases.items():
                    found = child(checkout, *asked, "--base", str(base))
                    if "fault" in found:
                        print(f"| {unit} | {checkout}: {found['fault']} | | | |", flush=True)
                        continue
                    for loop, result in found.items():
                        seconds[checkout][loop] += result["seconds"]
                        shares[loop] = result["shares"]
            for loop, values in seconds[now].items():
                old = seconds[before].get(loop)
                new = statistics.median(values)
                first = f"{statistics.median(old):.3f}" if old else "none of this name"
                ratio = f"{new / statistics.median(old):.2f}" if old else ""
                parts = ("backward", "optimiser", "other threads", "forward and the rest")
                told = ", ".join(f"{shares[loop].get(part, 0):.0%}" for part in parts)
                print(f"| {loop} | {first} | {new:.3f} | {ratio} | {told} |", flush=True)
            if not given.times_alone:
                most = child(now, *asked, "--base", str(bases[now]), "--operations")
                print(f"<!-- {unit}, most of its thread's time: {most} -->", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="a checkout of the earlier commit")
    parser.add_argument("--stages", nargs="+", choices=UNITS, default=list(UNITS))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clips", type=int, default=2, help="talking clips that each of them draws")
    parser.add_argument("--heads", type=Path, help="where to leave what was drawn, for runs with as many clips")
    parser.add_argument("--times-alone", action="store_true", help="do not ask which operations take most")
    parser.add_argument("--unit", help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--operations", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.unit is None:
        compare(given)
    elif not given.unit:
        given.base.mkdir(parents=True, exist_ok=True)
        train("", given.base, given.steps, given.clips)
        print(json.dumps({}))
    else:
        print(json.dumps(measured(given.unit, given.base, given.steps, given.clips, given.operations)))


if __name__ == "__main__":
    main()
