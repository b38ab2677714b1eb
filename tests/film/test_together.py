"""Films that several processes sample together, real ones that meet by gloo: the same to the last bit, written by the
first alone, and whole in its state where another dies.
"""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from trainings import FORKS, command_line, places

import emotivetalk_core.cli.verbs.talk  # noqa: F401
from emotivetalk_core.video.writer import VideoWriter


def filmed(arguments: list[str], place: dict[str, str], said: Path, cache: Path) -> None:
    """`talk` in a process of its own; what reaches the encoder is kept beside `said`, for what H.264 makes of it varies
    a little on a busy machine.
    """
    os.environ["XDG_CACHE_HOME"] = str(cache)
    write, frames = VideoWriter.write, []

    def record(self: VideoWriter, chunk: torch.Tensor) -> None:
        frames.append(chunk.clone())
        write(self, chunk)
        torch.save(torch.cat(frames), said.with_suffix(".frames"))

    VideoWriter.write = record
    command_line(arguments, place, said)


def start(arguments: list[str], folder: Path, processes: int) -> list:
    crew = [
        FORKS.Process(target=filmed, args=(arguments, place, folder / f"said-{rank}", folder / "cache"))
        for rank, place in enumerate(places(processes))
    ]
    for process in crew:
        process.start()
    return crew


def frames(folder: Path) -> torch.Tensor:
    """As bytes: so they are kept, where anything is."""
    return (torch.load(folder / "said-0.frames") * 255).round().byte()


@pytest.fixture
def command(portrait_file: Path, recording_file: Path, tiny_weights: Path, tmp_path: Path) -> list[str]:
    """Five windows, in two batches."""
    files = ("--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights))
    small = ("--device", "cpu", "--crop", "--quiet", "--window", "5", "--overlap", "1")
    return ["talk", *files, *small, "--out", str(tmp_path / "film.mp4")]


@pytest.mark.parametrize("more", [(), ("--fast", "--steps", "5")], ids=["as ever", "fast"])
def test_two_processes_make_the_film_of_one_and_the_first_writes_it(command, tmp_path, more):
    options = [option for option in command if option not in ("--overlap", "1")] if more else command
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        take = tmp_path / str(processes) / "take.safetensors"
        crew = start([*options, *more, "--save-take", str(take)], tmp_path / str(processes), processes)
        for process in crew:
            process.join()
        said = [(tmp_path / str(processes) / f"said-{rank}").read_text() for rank in range(processes)]
        assert [process.exitcode for process in crew] == [0] * processes, said
        assert take.is_file() and said == [""] * processes
    assert torch.equal(frames(tmp_path / "1"), frames(tmp_path / "2"))
    assert not (tmp_path / "2" / "said-1.frames").exists()
    assert list((tmp_path / "2" / "cache" / "emotivetalk" / "unfinished").iterdir()) == []


def test_a_process_that_dies_ends_the_film_in_a_sentence_and_what_is_done_is_kept(command, tmp_path):
    crew = start([*command, "--steps", "16"], tmp_path, 2)
    states = tmp_path / "cache" / "emotivetalk" / "unfinished"
    while not list(states.glob("*/latents.safetensors")) and all(process.is_alive() for process in crew):
        time.sleep(0.005)
    crew[1].kill()
    for process in crew:
        process.join()
    said = (tmp_path / "said-0").read_text()
    assert [process.exitcode for process in crew] == [2, -signal.SIGKILL], said
    assert (
        said.startswith("error: Another process that worked on this ended before all was done")
        and said.count("\n") == 1
    )
    assert list(states.glob("*/latents.safetensors")) and not (tmp_path / "film.mp4").exists()

    (again,) = start([option for option in [*command, "--steps", "16"] if option != "--quiet"], tmp_path, 1)
    again.join()
    assert again.exitcode == 0 and "goes on where it was" in (tmp_path / "said-0").read_text()
    resumed = frames(tmp_path)
    (whole,) = start([*command, "--steps", "16", "--no-resume"], tmp_path, 1)
    whole.join()
    assert torch.equal(frames(tmp_path), resumed)


def test_what_cannot_work_is_said_once(command, tmp_path):
    crew = start([*command, "--audio", str(tmp_path / "none.wav")], tmp_path, 2)
    for process in crew:
        process.join()
    assert [process.exitcode for process in crew] == [2, 2]
    assert (tmp_path / "said-0").read_text().startswith("error: ") and (tmp_path / "said-1").read_text() == ""
