"""Processor seconds and memory of `talk` against the length of its film, or the size of its pictures: the bundled
portrait speaks the bundled recording over and over, each film in a process of its own.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/time_lengths.py [--seconds 2 5 10 20] [--sizes 192 256]
        [--results lengths.csv] [TALK'S OPTIONS ...]
    PYTHONPATH=. python tests/tools/time_lengths.py --results lengths.csv --plot lengths.png

At another size than their own the bundled networks draw nothing to look at; that takes as long as with weights that
were made for it, which is what is measured. --results adds a line for each film; --plot draws what stands there.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from emotivetalk_core.cli.demo import ASSETS
from emotivetalk_core.plot import Curve, draw_panels
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS

FIELDS = ("film, s", "size", "options", "processor s", "memory, GB")
RATE = 10.0
"""Values a second in the plot, between those that were measured straight lines."""

FAST, SLOW = (110, 168, 254), (255, 138, 101)


def longer(recording: Path, seconds: float, out: Path) -> None:
    """The recording, repeated up to that length."""
    with wave.open(str(recording)) as short, wave.open(str(out), "wb") as long:
        long.setparams(short.getparams())
        sound, wanted = short.readframes(short.getnframes()), round(seconds * short.getframerate())
        size = short.getsampwidth() * short.getnchannels()
        long.writeframes((sound * (wanted * size // len(sound) + 1))[: wanted * size])


def told_to_draw(size: int, folder: Path) -> Path:
    """The bundled weights in a folder, with pictures of size x size pixels as those that they are made for."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in BUNDLED_WEIGHTS.iterdir():
        if file.name not in ("ethd.safetensors", "manifest.json"):  # which knows the backbone as it was
            (folder / file.name).symlink_to(file)
    with safe_open(BUNDLED_WEIGHTS / "ethd.safetensors", "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata["defaults"] = json.dumps(json.loads(metadata["defaults"]) | {"size": size})
    save_file(tensors, folder / "ethd.safetensors", metadata)
    return folder


def measured(seconds: float, options: Sequence[str], folder: Path) -> tuple[float, float]:
    """Processor seconds of a film, and the most memory in GB."""
    speech = folder / "speech.wav"
    longer(ASSETS / "speech.wav", seconds, speech)
    command = [sys.executable, "-m", "emotivetalk_core", "talk", "--portrait", str(ASSETS / "portrait.png")]
    command += ["--audio", str(speech), "--out", str(folder / "film.mp4"), "--no-resume", "--quiet"]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, [*command, "--device", "cpu", *options], os.environ, file_actions=quiet)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"talk ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 2**30


def draw(results: Path, out: Path) -> None:
    """A picture of time and memory against length, of the films at the weights' own size."""
    with results.open(newline="", encoding="utf-8") as file:
        of_own = [film for film in csv.DictReader(file) if film["size"] == "own"]
    panels = []
    for field, title in ((FIELDS[3], "seconds of the processor"), (FIELDS[4], "most memory, GB")):
        curves = []
        for options, name, colour in (("--fast", "fast", FAST), ("", "slow", SLOW)):
            chosen = [film for film in of_own if film["options"] == options]
            points = sorted((float(film[FIELDS[0]]), float(film[field])) for film in chosen)
            if points:
                lengths, values = zip(*points, strict=True)
                times = (np.arange(round(lengths[-1] * RATE)) + 0.5) / RATE
                course = np.where(times < lengths[0], np.nan, np.interp(times, lengths, values))
                curves.append(Curve(course, name, colour, 2.6, RATE))
        panels.append((title, curves))
    picture = draw_panels(panels).movedim(0, -1).numpy()
    Image.fromarray((picture * 255).round().astype(np.uint8)).quantize(64).save(out, optimize=True)


def films(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[float, str, list[str]]]:
    """Seconds, size, and the options that it takes."""
    for size in arguments.sizes or ["own"]:
        weights = [] if size == "own" else ["--weights", str(told_to_draw(int(size), folder / size))]
        for seconds in arguments.seconds:
            yield seconds, size, weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 5, 10, 20])
    parser.add_argument("--sizes", nargs="+", help="pixels that the networks see; they draw twice as many")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments, more = parser.parse_known_args()
    if arguments.plot is not None:
        draw(arguments.results, arguments.plot)
        return
    print(f"{'film, s':>8}{'size':>6}{'processor s':>13}{'a second':>10}{'memory, GB':>12}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seconds, size, weights in films(arguments, Path(folder)):
            spent, memory = measured(seconds, [*weights, *more], Path(folder))
            print(f"{seconds:>8g}{size:>6}{spent:>13.1f}{spent / seconds:>10.2f}{memory:>12.2f}", flush=True)
            if arguments.results is not None:
                begun = arguments.results.is_file()
                with arguments.results.open("a", newline="", encoding="utf-8") as file:
                    lines = csv.writer(file)
                    lines.writerows([] if begun else [FIELDS])
                    lines.writerow([f"{seconds:g}", size, " ".join(more), f"{spent:.1f}", f"{memory:.2f}"])


if __name__ == "__main__":
    main()
