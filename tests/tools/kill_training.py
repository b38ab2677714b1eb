"""Kills a training with SIGKILL at random moments, takes it up again each time, and compares what comes out with a run
that was left alone: every weight, bit for bit.

    python tests/tools/kill_training.py /tmp/kills --kills 20 --steps 3 --seconds 2

Every stage of the tiny recipe is trained, and a checkpoint is saved at every step. A run is left alone until it has
saved one, or else it might never come further, and then for a time drawn at random.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import sys
import time
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


def last_saved(folder: Path) -> str:
    """The last whole checkpoint: stage and step."""
    found = [(0.0, "nothing")]
    for record in folder.glob("training/checkpoints/*/step-*[0-9]/state.json"):
        with contextlib.suppress(FileNotFoundError):  # the next one has just taken its place
            found.append((record.stat().st_mtime, f"{record.parent.parent.name} {record.parent.name}"))
    return max(found)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0, help="the longest that a run is then left alone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    recipe = arguments.folder / "kills.json"
    loops = {name: {"loop": {"steps": arguments.steps}} for name in RECIPE.stages if name != "codebook"}
    recipe.write_text(json.dumps({"from": "tiny", "stages": loops}))

    whole, killed = arguments.folder / "whole", arguments.folder / "killed"
    unbroken = start(recipe, whole)
    unbroken.join()
    assert unbroken.exitcode == 0
    chance, kills = random.Random(1), 0
    half_written: set[tuple[str, int]] = set()
    while True:
        before, training = last_saved(killed), start(recipe, killed)
        while kills < arguments.kills and training.is_alive() and last_saved(killed) == before:
            time.sleep(0.02)
        training.join(None if kills == arguments.kills else chance.uniform(0.0, arguments.seconds))
        if training.exitcode is not None:
            assert training.exitcode == 0
            break
        training.kill()
        training.join()
        kills += 1
        half_written |= {(str(part), part.stat().st_ctime_ns) for part in killed.rglob("*.part")}
        print(f"kill {kills}: after {last_saved(killed)}; {len(half_written)} half-written so far", flush=True)
    differing = []
    for file in sorted(whole.rglob("*.safetensors")):
        if {"checkpoints", "data", "features", "voices"} & set(file.parts):
            continue  # how clips are put together in shards depends on what was missing
        found, expected = load_file(killed / file.relative_to(whole)), load_file(file)
        if found.keys() != expected.keys() or not all(torch.equal(found[key], expected[key]) for key in expected):
            differing.append(str(file.relative_to(whole)))
    print(f"{kills} kills, {len(half_written)} half-written; differing weights: {differing or 'none'}")


if __name__ == "__main__":
    main()
