"""Kills a training with SIGKILL at random moments, takes it up again each time, and compares what comes out with a run
that was left alone: every weight, bit for bit.

    python tests/tools/kill_training.py /tmp/kills --kills 20 --steps 6

Every stage of the tiny recipe is trained, and a checkpoint is saved at every step.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from emotivetalk_core.cli.main import main as command_line
from emotivetalk_core.recipes.tiny import RECIPE


def start(recipe: Path, out: Path) -> multiprocessing.Process:
    """A process of its own, forked so that it need not import everything again."""
    options = ["--save-minutes", "0", "--precision", "float32", "--stages", *RECIPE.stages]
    process = multiprocessing.get_context("fork").Process(
        target=train, args=(["train", str(recipe), "--out", str(out), *options],)
    )
    process.start()
    return process


def train(arguments: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(command_line(arguments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20.0, help="the longest that a run is left alone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    recipe = arguments.folder / "kills.json"
    loops = {name: {"loop": {"steps": arguments.steps}} for name in RECIPE.stages if name != "codebook"}
    recipe.write_text(json.dumps({"from": "tiny", "stages": loops}))

    whole, killed = arguments.folder / "whole", arguments.folder / "killed"
    unbroken = start(recipe, whole)
    unbroken.join()
    assert unbroken.exitcode == 0
    chance, kills, half_written = random.Random(1), 0, 0
    while True:
        training = start(recipe, killed)
        training.join(None if kills == arguments.kills else chance.uniform(0.05, 1.0) * arguments.seconds)
        if training.exitcode is not None:
            assert training.exitcode == 0
            break
        training.kill()
        training.join()
        kills += 1
        half_written += len(list(killed.rglob("*.part")))
        saved = max(killed.glob("training/checkpoints/*/step-*"), key=lambda path: path.stat().st_mtime, default=None)
        last = f"{saved.parent.name} {saved.name}" if saved is not None else "none"
        print(f"kill {kills}: last checkpoint {last}, {half_written} half-written files so far", flush=True)
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
