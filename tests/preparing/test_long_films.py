"""A long film that was killed goes on from what was noted of it last, and comes out as one that was left alone."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from test_prepare import write_film
from trainings import FORKS

from emotivetalk_core.preparing import film as film_module
from emotivetalk_core.preparing.lists import find_films
from emotivetalk_core.preparing.prepare import prepare
from emotivetalk_core.preparing.records import begin
from emotivetalk_core.preparing.settings import Filters, PrepareSettings
from emotivetalk_core.preparing.watching import watch
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.video.reader import read_levels

FRAMES, NOTED_EVERY, TOGETHER = 84, 12, 18
SETTINGS = PrepareSettings(size=64, longest=8, look_every=5, filters=Filters(frames=4, sync=-1))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shot of a talk, another person, a wall, and the talk again."""
    talks = [make_clip(seed, frames=40) for seed in (1_003, 12)]
    anna, ben = (np.stack([talk.render(at, 128) for at in range(40)]) for talk in talks)
    wall = np.full((10, 128, 128, 3), 90, np.uint8)
    folder = tmp_path_factory.mktemp("films")
    samples = np.concatenate([talks[0].samples, talks[1].samples, talks[0].samples])[: FRAMES * 640]
    write_film(folder / "anna" / "long.mp4", np.concatenate([anna, ben[:20], wall, anna[:14]]), samples)
    return folder


def work(films: Path, data: Path, killed_at: int | None = None) -> list[int]:
    """Prepare them as if they were hours long, and kill this process at a picture. Returns the pictures from which on a
    face was looked for.
    """
    begun: list[int] = []

    def watched(*given, first: int, until: float):
        begun.append(first)
        return watch(*given, first=first, until=until)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film_module, "NOTED_EVERY", NOTED_EVERY)
        patch.setattr(film_module, "watch", watched)
        patch.setattr("emotivetalk_core.preparing.judging.TOGETHER", TOGETHER)
        patch.setattr("emotivetalk_core.preparing.contact_sheet._MOST_OF_A_FILM", 4)
        patch.setattr("emotivetalk_core.preparing.prepare._TELL_SECONDS", -1.0)
        told = iter(range(100_000))

        def on_progress(*_) -> None:
            if next(told) == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

        torch.set_num_threads(1)
        begin(data, SETTINGS, None, None)
        prepare(find_films([films]), data, SETTINGS, on_progress=on_progress)
    return begun


def killed(films: Path, data: Path, at: int) -> None:
    process = FORKS.Process(target=work, args=(films, data, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def files(data: Path) -> dict[str, bytes]:
    return {str(file.relative_to(data)): file.read_bytes() for file in data.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def alone(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[int], dict[str, bytes]]:
    data = tmp_path_factory.mktemp("alone")
    return work(films, data), files(data)


def test_a_killed_film_goes_on_where_it_was_and_nothing_differs(films: Path, tmp_path: Path, alone) -> None:
    begun, whole = alone
    assert len(begun) >= 4 and begun[0] == 0
    data = tmp_path / "data"
    killed(films, data, 30)
    left = {file: file.stat().st_ino for file in data.glob("*.safetensors")}
    assert left and not (data / "index.jsonl").exists() and not list((data / "films").glob("*.json"))
    killed(films, data, 75)
    went_on = work(films, data)
    assert 30 < went_on[0] and went_on == [first for first in begun if first >= went_on[0]]
    assert files(data) == whole
    kept = {file: file.stat().st_ino for file in data.glob("*.safetensors")}
    assert any(kept.get(file) == number for file, number in left.items())  # not made twice


@pytest.mark.parametrize("spoilt", ["note", "shard"])
def test_what_cannot_be_gone_on_from_is_begun_anew(films: Path, tmp_path: Path, alone, spoilt: str) -> None:
    begun, whole = alone
    killed(films, tmp_path, 60)
    (note,) = (tmp_path / "films").glob("*.unfinished.npz")
    file = note if spoilt == "note" else min(tmp_path.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-40])
    assert work(films, tmp_path) == begun
    assert files(tmp_path) == whole


def test_no_piece_is_cut_short_where_a_film_may_go_on(films: Path) -> None:
    """It is watched to a stretch's end: of a long shot to where it makes two pieces alike, else to the shot's end."""
    pictures = list(read_levels(films / "anna" / "long.mp4", rate=25))
    found = [(each.first, len(each)) for each in watch(iter(pictures[:40]), SETTINGS, until=5)]
    assert found == [(0, 6), (6, 6)]
    found = [(each.first, len(each)) for each in watch(iter(pictures[30:60]), SETTINGS, first=30, until=31)]
    assert found == [(30, 5), (35, 5)]
