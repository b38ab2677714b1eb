"""Stops `talk` at random moments with SIGKILL and SIGTERM, gives the same command again each time, and compares what
comes out with a film that was left alone: every pixel that reaches the encoder.

    python tests/tools/kill_films.py /tmp/kills --kills 50

Films are made on tiny untrained networks, one after another, until so many have been stopped. Looked at after each:
how many steps and frames were done that the state on disk does not have, whether what stands under the film's name is
whole, and what SIGTERM leaves behind.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from tiny import write_tiny_weights, write_wav  # noqa: E402 - found only once the folders are on the path

from emotivetalk_core.cli.main import main as command_line  # noqa: E402
from emotivetalk_core.pipeline import render  # noqa: E402, F401 - loaded here, it need not be loaded in every process
from emotivetalk_core.sampling.unfinished import UnfinishedFilm  # noqa: E402
from emotivetalk_core.types import FRAMES_PER_SECOND  # noqa: E402
from emotivetalk_core.video.reader import read_frames  # noqa: E402
from emotivetalk_core.video.writer import VideoWriter  # noqa: E402

SECONDS, STEPS = 4.0, 12
ASSETS = TESTS.parent / "emotivetalk_core" / "assets"
FORK = multiprocessing.get_context("fork")


class Film:
    """One command, in a process of its own; what it has done is told through memory that it shares."""

    def __init__(self, command: list[str]) -> None:
        self.step, self.frames, self.digest = FORK.Value("i", 0), FORK.Value("i", 0), FORK.Array("c", 32)
        self.process = FORK.Process(target=self._talk, args=(command,))
        self.process.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it ended by itself."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def stop(self, number: int) -> int:
        """Its exit status."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def _talk(self, command: list[str]) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        keep_latents, keep_frames, write = UnfinishedFilm.keep_latents, UnfinishedFilm.keep_frames, VideoWriter.write
        pixels = hashlib.sha256()

        def noted_latents(film: UnfinishedFilm, step: int, latents: torch.Tensor) -> None:
            self.step.value = step
            keep_latents(film, step, latents)

        def noted_frames(film: UnfinishedFilm, first: int, frames: torch.Tensor) -> torch.Tensor:
            self.frames.value = first + len(frames)
            return keep_frames(film, first, frames)

        def hashed(video: VideoWriter, frames: torch.Tensor) -> None:
            pixels.update((frames.clamp(0, 1) * 255).round().byte().numpy().tobytes())
            write(video, frames)

        UnfinishedFilm.keep_latents, UnfinishedFilm.keep_frames = noted_latents, noted_frames  # type: ignore[method-assign]
        VideoWriter.write = hashed  # type: ignore[method-assign]
        status = command_line(command)
        self.digest.raw = pixels.digest()
        sys.exit(status)


@dataclass
class Seen:
    """What all the stops led to."""

    stops: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    most_steps_lost: int = 0
    most_frames_lost: int = 0
    faults: list[str] = field(default_factory=list)


def look(seen: Seen, film: Film, number: int, status: int, out: Path, states: Path) -> None:
    """After a stop by the signal `number`."""
    name = signal.Signals(number).name
    seen.stops[name] += 1
    parts = [path.name for folder in (out.parent, states) for path in folder.rglob(f"*.{film.process.pid}.part")]
    if number == signal.SIGTERM and parts:
        seen.faults.append(f"{name}: left {parts}")
    if number == signal.SIGTERM and status not in (128 + number, -number):  # the latter before the program listens
        seen.faults.append(f"{name}: ended with status {status}")
    if out.exists():  # stopped between the film's last byte and its own end
        seen.stages["done"] += 1
        frames = sum(1 for _ in read_frames(out))
        if frames != SECONDS * FRAMES_PER_SECOND:
            seen.faults.append(f"{name}: {frames} frames stand under the film's name")
        out.unlink()
        return
    step, frames = kept(states)
    seen.stages["decoding" if step == STEPS else "sampling" if step or film.step.value else "before"] += 1
    seen.most_steps_lost = max(seen.most_steps_lost, film.step.value - step)
    seen.most_frames_lost = max(seen.most_frames_lost, film.frames.value - frames)


def kept(states: Path) -> tuple[int, int]:
    """Steps and frames of the one film whose state is there."""
    latents = list(states.glob("*/latents.safetensors"))
    if not latents:
        return 0, 0
    with safe_open(latents[0], "pt") as file:
        step = int(file.metadata()["step"])
    return step, sum(frames_in(path) for path in states.glob("*/frames_*.png"))


def frames_in(strip: Path) -> int:
    """A strip of frames as wide as they are high."""
    with Image.open(strip) as picture:
        return picture.height // picture.width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    arguments = parser.parse_args()
    weights, films = arguments.folder / "weights", arguments.folder / "films"
    for folder in (weights, films):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(arguments.folder / "cache")
    states = arguments.folder / "cache" / "emotivetalk" / "unfinished"
    write_tiny_weights(weights)
    tone = 0.5 * np.sin(np.arange(int(SECONDS * 16_000)) * 0.05)
    sound = write_wav(arguments.folder / "speech.wav", tone)
    face = ["--portrait", str(ASSETS / "portrait.png"), "--face-box", "60", "60", "196", "220"]
    common = ["talk", *face, "--audio", str(sound), "--weights", str(weights), "--crop", "--device", "cpu"]
    common += ["--steps", str(STEPS), "--quiet"]
    chance, seen, made, differing = random.Random(1), Seen(), 0, 0
    while seen.stops.total() < arguments.kills:
        out = films / f"film_{made}.mp4"
        command = [*common, "--seed", str(made), "--out", str(out)]
        began = time.monotonic()
        whole = Film([*command, "--no-resume"])
        assert whole.wait() and whole.process.exitcode == 0
        seconds = time.monotonic() - began
        out.unlink()
        while True:
            film = Film(command)
            stopped = seen.stops.total() < arguments.kills and not film.wait(chance.uniform(0, 1) * seconds)
            if not stopped:
                film.wait()
                break
            number = chance.choice((signal.SIGKILL, signal.SIGTERM))
            status = film.stop(number)
            if status == 0:  # it was just done
                break
            look(seen, film, number, status, out, states)
        made += 1
        differing += film.digest.raw != whole.digest.raw or film.process.exitcode != 0
        left = [path.name for path in films.iterdir() if path.name.startswith(".")] + [*os.listdir(states)]
        seen.faults += [f"a finished film leaves {left}"] if left else []
        print(f"{made} films, {dict(seen.stops)}, {dict(seen.stages)}, {seen.faults or 'no faults'}", flush=True)
    print(
        f"{seen.stops.total()} stops of {made} films ({dict(seen.stops)}; {dict(seen.stages)}): at most "
        f"{seen.most_steps_lost} steps and {seen.most_frames_lost} frames done and not kept; {differing} films "
        f"differ; faults: {seen.faults or 'none'}"
    )
    raise SystemExit(bool(differing or seen.faults or seen.most_steps_lost > 1))


if __name__ == "__main__":
    main()
