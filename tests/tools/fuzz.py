"""Read damaged and odd files, thousands of them: `fuzz.py FIRST END [SEED…]`, the cases of the seeds from FIRST up to
END, and of others. Each must be read, or refused in one sentence: no other error, no crash, no hang over 20 s, no 4 GB.

A worker reads and says which seed it is at; the parent watches it, starts another one where it dies, and lists what was
wrong, a line for each seed, with status 1.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
LONGEST, MOST_MEMORY = 20.0, 4 * 2**30
STARTING = 240.0
"""Seconds that a worker may take before its first case: it imports torch and makes the samples."""


def read(kind: str, path: Path, text: str) -> None:
    """Give a case to what reads its kind, as the program would."""
    import torch

    from emotivetalk_core.audio.files import read_recording
    from emotivetalk_core.direction.head_pose import from_keys, parse_keys
    from emotivetalk_core.direction.source import parse_source
    from emotivetalk_core.direction.take import Take
    from emotivetalk_core.direction.timeline import parse_timeline
    from emotivetalk_core.direction.words import word_times
    from emotivetalk_core.face.portrait import read_portrait
    from emotivetalk_core.film.files import text_of
    from emotivetalk_core.models.codebook import EmotionCodebook
    from emotivetalk_core.models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
    from emotivetalk_core.types import Speech
    from emotivetalk_core.video.reader import read_frames
    from emotivetalk_core.weight_files.checkpoint import load_network
    from emotivetalk_core.weight_files.manifest import verify_manifest

    if kind == "sound":
        speech = read_recording(path).speech()
        assert torch.isfinite(speech.samples).all() and speech.samples.abs().max() <= 1
    elif kind == "film":
        for frame in islice(read_frames(path, longest_side=512, on_note=lambda note: None), 100):
            assert frame.shape[0] == 3
    elif kind == "picture":
        assert torch.isfinite(read_portrait(path).pixels).all()
    elif kind == "weights":
        load_network(path, "head_pose_reader", HeadPoseReader, HeadPoseReaderConfig)
    elif kind == "codebook":
        EmotionCodebook.load(path)
    elif kind == "take":
        Take.load(path)
    elif kind == "manifest":
        path.rename(path.parent / "manifest.json")
        verify_manifest(path.parent)
    elif kind == "timeline":
        parse_timeline(text_of(str(path), "timeline")).shares(50)
    elif kind == "transcript":
        word_times(text_of(str(path), "transcript"), Speech(torch.rand(32_000) - 0.5))
    elif kind == "keys":
        assert torch.isfinite(from_keys(parse_keys(text_of(str(path), "head pose")), 50).values).all()
    else:
        parse_source(text)


def work() -> None:
    """Read seeds from stdin, a line each, and answer "seed" when it begins, then "seed<tab>fault", empty where fine."""
    sys.path.insert(0, str(TESTS))
    import damage

    from emotivetalk_core.errors import EmotiveTalkError

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what FFmpeg and libtiff say of such files
    with tempfile.TemporaryDirectory() as folder:
        samples = damage.make_samples(Path(folder))
        print("ready", flush=True)
        for line in sys.stdin:
            seed, fault = int(line), ""
            print(seed, flush=True)
            case = damage.damaged(seed, samples)
            with tempfile.TemporaryDirectory() as place:
                path = Path(place) / f"case{case.suffix}"
                path.write_bytes(case.data)
                try:
                    read(case.kind, path, case.data.decode("utf-8", "replace"))
                except EmotiveTalkError as error:
                    said = str(error)
                    if "\n" in said or not said.endswith((".", '"')) or len(said) > 800:
                        fault = f"{case.kind}: no sentence: {said!r}"
                except Exception as error:  # noqa: BLE001  any other error is what is looked for
                    fault = f"{case.kind}: {type(error).__name__}: {error}"
            if not fault and _memory() > MOST_MEMORY:
                fault = f"{case.kind}: {_memory() / 2**30:.1f} GB of memory"
            print(f"{seed}\t{' '.join(fault.split())}", flush=True)


def _memory() -> int:
    """The most bytes that this process held so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Worker:
    """One process that reads, and a thread that listens to it."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), environment.get("PYTHONPATH", "")])
        command = [sys.executable, str(Path(__file__).resolve()), "--work"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        if self.answer(STARTING) != "ready":
            raise SystemExit("The worker did not start.")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.put(line.rstrip("\n"))
        self.said.put("")

    def answer(self, seconds: float) -> str | None:
        """The next line, empty where the worker has died, None where it takes too long."""
        try:
            return self.said.get(timeout=seconds)
        except queue.Empty:
            return None

    def read(self, seed: int) -> str:
        """What was wrong with a seed's case, or nothing."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        began = self.answer(LONGEST)
        answer = self.answer(LONGEST) if began else began
        if answer is None:
            return f"took over {LONGEST:.0f} s"
        return answer.partition("\t")[2] if answer else f"died with status {self.process.wait()}"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def fuzz(seeds: list[int]) -> dict[int, str]:
    """What was wrong, by seed."""
    worker, faults = Worker(), {}
    try:
        for seed in seeds:
            fault = worker.read(seed)
            if fault:
                faults[seed] = fault
                if worker.process.poll() is not None or "took over" in fault or "GB of memory" in fault:
                    worker.stop()
                    worker = Worker()
    finally:
        worker.stop()
    return faults


def main() -> None:
    if sys.argv[1:] == ["--work"]:
        work()
        return
    first, end, *more = map(int, sys.argv[1:])
    began = time.monotonic()
    faults = fuzz([*range(first, end), *more])
    for seed, fault in faults.items():
        print(f"{seed}\t{fault}")
    print(f"{end - first + len(more)} cases, {len(faults)} faults, {time.monotonic() - began:.0f} s")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
