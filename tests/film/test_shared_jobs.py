"""Jobs of a list, shared by processes: each is done once, and one table says what became of all."""

import csv
import multiprocessing
import os
import time
from pathlib import Path

from emotivetalk_core.claims import claimed
from emotivetalk_core.film import jobs
from emotivetalk_core.film.jobs import DONE, FAILED, THERE, WAITING, Board, FilmJob, FilmOutcome, work_through


def board_of(folder: Path, *names: str) -> Board:
    return Board(folder / "list.csv", [FilmJob(name, folder / name) for name in names])


def table(board: Board) -> list[tuple[str, str, str]]:
    with board.table.open(newline="", encoding="utf-8") as file:
        return [(row["job"], row["status"], row["message"]) for row in csv.DictReader(file)]


def told(job: FilmJob, error: Exception) -> str:
    return str(error)


def test_what_is_there_is_left_alone_and_a_fault_is_one_jobs_own(tmp_path: Path) -> None:
    board = board_of(tmp_path, "a", "b", "c")
    (tmp_path / "b").write_text("before")

    def make(job: FilmJob) -> str:
        if job.name == "a":
            raise ValueError("no face, alas")
        job.out.write_text("made")
        return "note"

    work_through(board, make, told)
    assert (tmp_path / "b").read_text() == "before"
    assert table(board) == [("a", FAILED, "no face, alas"), ("b", THERE, ""), ("c", DONE, "note")]
    seconds = [row.split(",")[2] for row in board.table.read_text().splitlines()[1:] if ",there," not in row]
    assert len(seconds) == 2

    tried = []
    work_through(board_of(tmp_path, "a", "b", "c"), lambda job: tried.append(job.name) or "", told)
    assert tried == ["a"], "one that failed is tried again by the next command, and once"
    (tmp_path / "c").unlink()
    assert board.outcome(board.jobs[2]) == FilmOutcome(WAITING), "a film that was taken away is made anew"


def test_a_job_in_other_hands_is_left_alone_and_its_failure_not_tried_again(tmp_path: Path) -> None:
    board, tried = board_of(tmp_path, "a", "b"), []

    def make(job: FilmJob) -> str:
        tried.append(job.name)
        if job.name == "a":  # meanwhile another process fails at b
            board.keep(board.jobs[1], FilmOutcome(FAILED, 1.0, "elsewhere", "another process"))
        job.out.write_text("made")
        return ""

    with claimed(board.folder, board.jobs[0].key):
        work_through(board, lambda job: tried.append(job.name) or "", told)
    assert tried == ["b"]
    tried.clear()
    (board.folder / f"{board.jobs[1].key}.json").unlink()
    work_through(board, make, told)
    assert tried == ["a"]
    assert table(board) == [("a", DONE, ""), ("b", FAILED, "elsewhere")]


def test_the_table_is_whole_although_another_process_wrote_meanwhile(tmp_path: Path, monkeypatch) -> None:
    board, replace = board_of(tmp_path, "a", "b"), jobs._replace

    def interrupted(file: Path, text: str) -> None:
        monkeypatch.setattr(jobs, "_replace", replace)
        board.jobs[1].out.write_text("made")
        board.keep(board.jobs[1], FilmOutcome(DONE, 1.0))
        replace(file, text)  # gathered before that

    monkeypatch.setattr(jobs, "_replace", interrupted)
    assert board.write_table()
    assert table(board) == [("a", WAITING, ""), ("b", DONE, "")]


def _slow_worker(folder: Path, names: tuple[str, ...], log: Path) -> None:
    def make(job: FilmJob) -> str:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {job.name}\n")
        time.sleep(0.15)
        job.out.write_text("made")
        return ""

    work_through(board_of(folder, *names), make, told)


def test_processes_share_a_list_and_what_a_killed_one_held_is_taken_over(tmp_path: Path) -> None:
    names, log = tuple(f"film{at}" for at in range(8)), tmp_path / "log"
    log.touch()
    forks = multiprocessing.get_context("fork")
    crew = [forks.Process(target=_slow_worker, args=(tmp_path, names, log)) for _ in range(3)]
    for worker in crew:
        worker.start()
    while len(log.read_text().splitlines()) < 4:
        time.sleep(0.005)
    crew[0].kill()
    for worker in crew:
        worker.join()
    begun = [line.split() for line in log.read_text().splitlines()]
    made_twice = [name for name in names if sum(job == name for _, job in begun) > 1]
    assert all(len({worker for worker, job in begun if job == name}) == 2 for name in made_twice)
    assert len(made_twice) <= 1, "only what the killed one had in its hands"
    board = board_of(tmp_path, *names)
    assert [status for _, status, _ in table(board)].count(DONE) >= len(names) - 1
    assert all(job.out.read_text() == "made" for job in board.jobs)
    assert list(board.folder.glob("*.claim.*")) == []
