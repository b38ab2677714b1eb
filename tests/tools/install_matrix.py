"""Install the pack in clean environments and let it run: `install_matrix.py [--opencv] PYTHON…`, a table row each.

PYTHON: interpreters to try, such as python3.10 python3.14; each is tried with the newest versions of what
requirements.txt lists and with the oldest that it allows, or with one of the two (behind them, --ends oldest).
--opencv instead tries the orders in which OpenCV's builds come and go: the pack first or last, and each build taken
away again.
Environments are made in a temporary folder and deleted. Needs a package index and gigabytes of disk; nothing of it is
part of the tests.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST = {
    "torch": {(3, 13): "2.5", (3, 14): "2.9"},
    "numpy": {(3, 10): "1.26", (3, 11): "1.26", (3, 12): "1.26"},  # torch before 2.3 knows no other
}
"""Where requirements.txt names no lower bound, or one that no wheel for this Python has: what came before is no longer
offered for it. Others without a bound are taken at their newest.
"""
TRY = """
from emotivetalk_core.synthesis import raster
try:
    import cv2
    print("OpenCV", cv2.__version__, end="")
except (ImportError, AttributeError):
    print("no OpenCV", end="")
"""


def run(*command: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)


def oldest(python: tuple[int, int]) -> list[str]:
    """Constraints that hold everything at its lower bound."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    bounds = dict(found.groups() for line in lines if (found := re.match(r"([\w-]+)>=([\w.]+)", line)))
    for name, versions in OLDEST.items():
        bounds.update({name: versions[python]} if python in versions else {})
    return [f"{name}=={version}.*" for name, version in bounds.items()]


class Environment:
    """A clean one, with a copy of the pack beside it."""

    def __init__(self, interpreter: str, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        made = run(interpreter, "-m", "venv", folder)
        if made.returncode:
            raise SystemExit(f"{interpreter}: no environment can be made: {made.stderr}")
        self.folder = folder
        self.python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        version = run(self.python, "-c", "import sys; print(*sys.version_info[:2])").stdout.split()
        self.version = (int(version[0]), int(version[1]))

    def pip(self, *arguments: object) -> str:
        """Empty, or the last thing that pip said as it failed."""
        done = run(self.python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check")
        return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

    def demo(self) -> str:
        """Which OpenCV there is, and whether the demo ran."""
        began = time.monotonic()
        command = [self.python, "-m", "emotivetalk_core", "talk", "--quiet", "--steps", "2", "--emotion", "happy"]
        for option, file in (("--portrait", "portrait.png"), ("--audio", "second_speech.wav")):
            command += [option, ROOT / "emotivetalk_core" / "assets" / file]
        done = run(*command, "--out", self.folder / "talk.mp4", "--plot", self.folder / "plot.png")
        seen = run(self.python, "-c", TRY).stdout
        what = f"runs, {time.monotonic() - began:.0f} s" if done.returncode == 0 else done.stderr.strip()[-300:]
        return f"{what} ({seen})"

    def versions(self) -> str:
        listed = dict(
            line.split("==") for line in run(self.python, "-m", "pip", "freeze").stdout.split() if "==" in line
        )
        names = ("torch", "transformers", "numpy", "av", "soxr")
        return ", ".join(f"{name} {listed.get(name, '-')}" for name in names)


def try_versions(interpreter: str, folder: Path, ends: list[str]) -> None:
    for which in ends:
        place = Environment(interpreter, folder / "environment")
        held = folder / "constraints.txt"
        held.write_text("\n".join(oldest(place.version) if which == "oldest" else []))
        fault = place.pip("install", "--requirement", ROOT / "requirements.txt", "--constraint", held)
        row = [".".join(map(str, place.version)), which, place.versions(), fault or place.demo()]
        print("| " + " | ".join(row) + " |", flush=True)


def try_opencv(interpreter: str, folder: Path) -> None:
    pack, other, headless = ("--requirement", ROOT / "requirements.txt"), "opencv-python", "opencv-python-headless"
    orders: tuple[tuple[tuple[object, ...], ...], ...] = (
        (("install", *pack), ("install", headless), ("uninstall", "--yes", headless)),
        (("install", headless), ("install", *pack), ("install", other), ("uninstall", "--yes", other)),
    )
    for order in orders:
        place, ready = Environment(interpreter, folder / "environment"), False
        for step in order:
            fault, ready = place.pip(*step), ready or pack[0] in step
            said = " ".join(str(word) for word in step).replace(f"{ROOT}/", "")
            print(f"| pip {said} | {fault or (place.demo() if ready else 'done')} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--opencv", action="store_true")
    parser.add_argument("--ends", nargs="+", choices=("newest", "oldest"), default=["newest", "oldest"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for interpreter in chosen.pythons:
            if chosen.opencv:
                try_opencv(interpreter, Path(folder))
            else:
                try_versions(interpreter, Path(folder), chosen.ends)


if __name__ == "__main__":
    main()
