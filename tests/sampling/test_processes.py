"""Processes that meet by gloo: what they tell each other, and work that they share."""

import os
from pathlib import Path

import pytest
import torch
from test_photograph_sampling import SETTINGS, network, video
from trainings import FORKS, places

from emotivetalk_core.errors import ProcessError
from emotivetalk_core.processes import ALONE, are_many, joined, own_card
from emotivetalk_core.sampling.photograph import sample_photograph

CPU = torch.device("cpu")


def tell(place: dict[str, str], out: Path) -> None:
    os.environ.update(place)
    with joined(CPU) as (processes, device):
        told = {
            "begun": processes.begun(not processes.first, device),
            "first": processes.from_first(torch.full((2,), float(processes.rank))),
            "shared": list(
                processes.share(
                    [5, 6, 7], lambda item: torch.tensor([item, processes.rank]), lambda item: torch.zeros(2).long()
                )
            ),
            "nothing": list(processes.share([], torch.tensor, torch.tensor)),
        }
        counts: list[tuple[int, int]] = []
        told["video"] = sample_photograph(
            network, video(), SETTINGS, lambda *done: counts.append(done), processes=processes
        )
        told["counts"] = counts
    torch.save(told, out)


def leave(place: dict[str, str], out: Path) -> None:
    """The second is gone before its turn."""
    os.environ.update(place)
    with joined(CPU) as (processes, _):
        if not processes.first:
            os._exit(1)
        with pytest.raises(ProcessError, match="give the same command again"):
            list(processes.share([1, 2], lambda item: torch.ones(1), lambda item: torch.ones(1)))
    out.touch()


def run(task, folder: Path) -> list:
    crew = [FORKS.Process(target=task, args=(place, folder / str(rank))) for rank, place in enumerate(places(2))]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    return [process.exitcode for process in crew]


def test_each_does_its_part_and_all_know_all_of_it(tmp_path):
    assert run(tell, tmp_path) == [0, 0]
    told = [torch.load(tmp_path / str(rank), weights_only=False) for rank in range(2)]
    alone: list[tuple[int, int]] = []
    expected = sample_photograph(network, video(), SETTINGS, lambda *done: alone.append(done))
    for each in told:
        assert each["begun"] == [False, True] and each["first"].tolist() == [0, 0] and each["nothing"] == []
        assert [pair.tolist() for pair in each["shared"]] == [[5, 0], [6, 1], [7, 0]]
        assert torch.equal(each["video"], expected)
        assert each["counts"][-1] == alone[-1] and len(each["counts"]) < len(alone)


def test_one_that_is_gone_is_missed(tmp_path):
    assert run(leave, tmp_path) == [0, 1]
    assert (tmp_path / "0").exists()


def test_one_alone_meets_nobody(monkeypatch):
    assert list(ALONE.share([1, 2], torch.tensor, torch.tensor)) == [1, 2]
    assert ALONE.begun(False, CPU) == [False] and not are_many() and own_card(CPU) == CPU
    monkeypatch.setenv("WORLD_SIZE", "2")  # some images set it for programs of their own
    assert not are_many()
