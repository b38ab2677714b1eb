"""Hundreds of prompts in one ComfyUI, as an artist sends them in a week: films, mistakes and Cancel, on the smallest
networks. Memory must stay flat, and no file and no thread be left over.

    python tests/tools/soak.py --prompts 300

Starts a ComfyUI of its own with this pack, found as the host tests find it. Counts on Linux alone.
"""

import argparse
import contextlib
import random
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "host"), str(TESTS.parent)]

from client import HostClient, Interrupted, NodeError  # noqa: E402 - found only once the folders are on the path
from graphs import WORKFLOWS, Workflow, changed, only, read_workflow, trimmed, with_node  # noqa: E402
from installation import HOW_TO_ENABLE, find_installation  # noqa: E402
from server import HostServer  # noqa: E402
from tiny_weights import give_tiny_weights, on_tiny_weights  # noqa: E402

PACK = "EmotiveTalk"
SAMPLER, DECODER, REGIONS = f"{PACK}WindowedSampler", f"{PACK}DecodeVideo", f"{PACK}FaceRegions"
FLAT = 0.02
GREY = {"width": 256, "height": 256, "batch_size": 1, "color": 0x808080}
ENDLESS = 1000  # steps
ANSWERS_WITHIN = 60  # seconds: 41 at a load of 12


@dataclass
class Soak:
    """What was seen. memory, threads: of the server after each prompt, in bytes · left: files in the temporary folder,
    and unfinished ones elsewhere, once its caches are empty · asked: how often it was asked to empty them.
    """

    ended: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    asked: int = 0

    def more_threads(self) -> int:
        """How many more there are at the end than at the start; the server has one for a moment now and then."""
        half = len(self.threads) // 2
        return max(0, min(self.threads[half:]) - max(self.threads[:half]))

    def growth(self, warm_up: int) -> float:
        """How much more memory the last rounds took than those after the first `warm_up` prompts, as a part of it."""
        warm = self.memory[warm_up:]
        part = max(len(ROUND), len(warm) // 5 // len(ROUND) * len(ROUND))
        return statistics.median(warm[-part:]) / statistics.median(warm[:part]) - 1


class Artist:
    """Sends prompts, no two alike, to a server that has the tiny weights."""

    def __init__(self, server: HostServer) -> None:
        self.client, self.chance = HostClient(server.url, server.base), random.Random(1)
        definitions = self.client.node_definitions()

        def example(name: str, seconds: float) -> Workflow:
            workflow = trimmed(read_workflow(WORKFLOWS / f"{name}.json"), seconds, definitions)
            return on_tiny_weights(changed(workflow, f"{PACK}SampleExpression", steps=2), server.base)

        self.short, self.long = example("quick_start", 0.2), example("quick_start", 0.8)
        self.timeline, self.pasted = example("emotion_timeline", 0.4), example("paste_back", 0.2)

    def film(self) -> None:
        self._run(self.short)

    def longer_film(self) -> None:
        self._run(self.long)

    def film_of_a_timeline(self) -> None:
        self._run(self.timeline)

    def film_of_pasted_frames(self) -> None:
        self._run(self.pasted)

    def film_of_the_picture(self) -> None:
        """Pasted as it is written."""
        picture, record = [only(self.short, f"{PACK}ExampleInputs"), 0], [only(self.short, REGIONS), 3]
        self._run(changed(self.short, DECODER, picture=picture, crop_record=record))

    def picture_without_a_face(self) -> None:
        self._run(changed(with_node(self.short, "grey", "EmptyImage", **GREY), REGIONS, image=["grey", 0]))

    def crop_of_another_size(self) -> None:
        """A fault that shows only once everything is sampled."""
        other = with_node(self.short, "grey", "EmptyImage", **GREY)
        self._run(changed(other, DECODER, portrait_crop=["grey", 0]))

    def cancelled_film(self) -> None:
        """At any moment: while it is loaded, sampled or decoded."""
        prompt_id = self.client.submit(self._another(changed(self.long, SAMPLER, steps=ENDLESS)))
        time.sleep(self.chance.uniform(0.1, 1.5))
        self.client.interrupt()
        while True:
            with contextlib.suppress(
                TimeoutError
            ):  # one that came before the prompt had begun is lost; this is another
                self.client.wait(prompt_id, seconds=5)
                return

    def _run(self, workflow: Workflow) -> None:
        assert self.client.run(self._another(workflow)).films

    def _another(self, workflow: Workflow) -> Workflow:
        return changed(workflow, SAMPLER, seed=self.chance.randrange(2**32))


ROUND = (
    Artist.film,
    Artist.film_of_the_picture,
    Artist.picture_without_a_face,
    Artist.film_of_pasted_frames,
    Artist.cancelled_film,
    Artist.longer_film,
    Artist.crop_of_another_size,
    Artist.film_of_a_timeline,
    Artist.cancelled_film,
    Artist.film_of_the_picture,
)
"""Ten prompts, sent again and again."""


def soak(server: HostServer, prompts: int, report_every: int = 0) -> Soak:
    """Gives the server the tiny weights, sends the prompts, then lets it forget what it holds."""
    give_tiny_weights(server.base)
    artist, seen = Artist(server), Soak()
    for number in range(prompts):
        try:
            ROUND[number % len(ROUND)](artist)
            seen.ended["ran"] += 1
        except NodeError:
            seen.ended["refused"] += 1
        except Interrupted:
            seen.ended["cancelled"] += 1
        memory, threads = of_process(server.process_id)
        seen.memory.append(memory)
        seen.threads.append(threads)
        if report_every and (number + 1) % report_every == 0:
            print(f"{number + 1} prompts: {memory / 2**20:.0f} MB, {threads} threads, {dict(seen.ended)}", flush=True)
    seen.left, seen.asked = forgotten(server)
    return seen


def forgotten(server: HostServer) -> tuple[list[str], int]:
    """Empties the server's caches; what then lies in its temporary folder, and unfinished files in the others, and how
    often it was asked. The pictures that nodes show do not count: the host keeps them until it ends.

    ComfyUI 0.33 misses what it is asked while it collects garbage after a prompt, and looks again a thousand seconds
    later or after the next prompt (`prompt_worker` waits for a prompt without looking at its flags). So it is asked
    anew: a film that anybody still held would stay, however often.
    """
    until, asked = time.monotonic() + 180, 0  # its one thread unloads and collects first
    while (left := files_of_ours(server.base / "temp")) and time.monotonic() < until:
        body = b'{"unload_models": true, "free_memory": true}'
        request = urllib.request.Request(f"{server.url}/free", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).close()
        asked += 1
        patience = time.monotonic() + ANSWERS_WITHIN
        while files_of_ours(server.base / "temp") and time.monotonic() < patience:
            time.sleep(0.2)
    left += [path for folder in ("input", "output", "user") for path in (server.base / folder).rglob("*.part")]
    return sorted(str(path.relative_to(server.base)) for path in left), asked


def files_of_ours(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("ComfyUI_temp_")]


def of_process(number: int) -> tuple[int, int]:
    """Bytes of main memory and threads of a process, as Linux says them."""
    status = Path(f"/proc/{number}/status").read_text()
    found = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE))
    return int(found["VmRSS"]) * 1024, int(found["Threads"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--warm-up", type=int, default=50, help="prompts whose memory is not counted (50)")
    arguments = parser.parse_args()
    installation = find_installation()
    if installation is None:
        raise SystemExit(HOW_TO_ENABLE)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, HostServer(installation, Path(folder)) as server:
        seen = soak(server, arguments.prompts, report_every=10)
        print(server.log_tail(5))
    growth = seen.growth(arguments.warm_up)
    print(
        f"{arguments.prompts} prompts ({dict(seen.ended)}) in {time.monotonic() - began:.0f} s: memory {growth:+.1%}, "
        f"{seen.more_threads()} more threads, left over: {seen.left or 'nothing'}, "
        f"asked to forget {seen.asked} times"
    )
    raise SystemExit(growth > FLAT or seen.more_threads() > 0 or bool(seen.left))


if __name__ == "__main__":
    main()
