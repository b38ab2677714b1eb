"""Processor seconds and memory of `talk` against the length of its film: the bundled portrait speaks the bundled
recording over and over, each length in a process of its own.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/time_lengths.py [--seconds 2 5 10 20] [TALK'S OPTIONS ...]
"""

import argparse
import os
import sys
import tempfile
import wave
from pathlib import Path

from emotivetalk_core.cli.demo import ASSETS


def longer(recording: Path, seconds: float, out: Path) -> None:
    """The recording, repeated up to that length."""
    with wave.open(str(recording)) as short, wave.open(str(out), "wb") as long:
        long.setparams(short.getparams())
        sound, wanted = short.readframes(short.getnframes()), round(seconds * short.getframerate())
        size = short.getsampwidth() * short.getnchannels()
        long.writeframes((sound * (wanted * size // len(sound) + 1))[: wanted * size])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 5, 10, 20])
    arguments, more = parser.parse_known_args()
    print(f"{'film, s':>8}{'processor s':>13}{'a second':>10}{'memory, GB':>12}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.seconds:
            speech, out = Path(folder, "speech.wav"), Path(folder, "film.mp4")
            longer(ASSETS / "speech.wav", seconds, speech)
            command = [sys.executable, "-m", "emotivetalk_core", "talk", "--portrait", str(ASSETS / "portrait.png")]
            command += ["--audio", str(speech), "--out", str(out), "--no-resume", "--quiet", "--device", "cpu", *more]
            quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
            process = os.posix_spawn(sys.executable, command, os.environ, file_actions=quiet)
            _, status, used = os.wait4(process, 0)
            if status:
                raise SystemExit(f"talk ended with {os.waitstatus_to_exitcode(status)}")
            spent = used.ru_utime + used.ru_stime
            print(
                f"{seconds:>8g}{spent:>13.1f}{spent / seconds:>10.2f}{used.ru_maxrss * 1024 / 2**30:>12.2f}", flush=True
            )


if __name__ == "__main__":
    main()
