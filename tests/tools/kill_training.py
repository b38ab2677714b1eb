"""Kills a training with SIGKILL at random moments, takes it up again each time, and compares what comes out with a run
that was left alone: every weight, bit for bit.

    python tests/tools/kill_training.py /tmp/kills --kills 20 --steps 12 [--processes 2]

Every stage of the tiny recipe is trained, and a checkpoint is saved at every step.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from emotivetalk_core.recipes.tiny import RECIPE

ROOT = Path(__file__).resolve().parents[2]


def start(recipe: Path, out: Path, processes: int) -> subprocess.Popen:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))
    verb = ("-m", "emotivetalk_core", "train", str(recipe), "--out", str(out), "--save-minutes", "0")
    options = ("--precision", "float32", "--stages", *RECIPE.stages)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(launcher if processes > 1 else ()), *verb, *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*(each for child in children for each in family(int(child))), pid]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="the longest that a run is left alone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    recipe = arguments.folder / "kills.json"
    loops = {name: {"loop": {"steps": arguments.steps}} for name in RECIPE.stages if name != "codebook"}
    recipe.write_text(json.dumps({"from": "tiny", "stages": loops}))

    whole, killed = arguments.folder / "whole", arguments.folder / "killed"
    assert start(recipe, whole, arguments.processes).wait() == 0
    chance, kills, half_written = random.Random(1), 0, 0
    while True:
        training = start(recipe, killed, arguments.processes)
        left = time.monotonic() + chance.uniform(0.3, 1.0) * arguments.seconds
        while training.poll() is None and (kills >= arguments.kills or time.monotonic() < left):
            time.sleep(0.01)
        if training.poll() is not None:
            assert training.returncode == 0
            break
        for pid in family(training.pid):
            os.kill(pid, signal.SIGKILL)
        training.wait()
        kills += 1
        half_written += len(list(killed.rglob("*.part")))
        done = sorted(path.name for path in killed.glob("*.safetensors"))
        print(f"kill {kills}: {len(done)} weights files, {half_written} half-written files so far", flush=True)
    differing = []
    for file in sorted(whole.rglob("*.safetensors")):
        if {"checkpoints", "data", "features", "voices"} & set(file.parts):
            continue  # how clips are put together in shards depends on what was missing
        found, expected = load_file(killed / file.relative_to(whole)), load_file(file)
        if found.keys() != expected.keys() or not all(torch.equal(found[key], expected[key]) for key in expected):
            differing.append(str(file.relative_to(whole)))
    print(f"{kills} kills, {half_written} half-written files; differing weights: {differing or 'none'}")


if __name__ == "__main__":
    main()
