"""`talk --jobs`: a list of films on tiny networks, refused where it cannot be right, and made by several processes."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import write_wav
from trainings import FORKS, command_line

import emotivetalk_core.film.film
from emotivetalk_core.cli.main import main
from emotivetalk_core.video.reader import read_video_facts


@pytest.fixture
def folder(tmp_path: Path, portrait_file: Path, recording_file: Path) -> Path:
    shutil.copy(portrait_file, tmp_path / "anna.png")
    shutil.copy(recording_file, tmp_path / "hello.wav")
    return tmp_path


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "list.results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def command(folder: Path, weights: Path, text: str) -> list[str]:
    (folder / "list.csv").write_text(text, encoding="utf-8-sig")
    return ["talk", "--jobs", str(folder / "list.csv"), "--weights", str(weights), "--device", "cpu", "--quiet"]


def test_a_list_is_made_with_the_options_of_each_line_and_of_the_command(folder, tiny_weights, capsys, monkeypatch):
    loads = []
    load = emotivetalk_core.film.film.load_model_set
    monkeypatch.setattr(emotivetalk_core.film.film, "load_model_set", lambda *a, **k: loads.append(a) or load(*a, **k))
    (folder / "course.txt").write_text("0 neutral; 0.3 happy")
    call = command(
        folder,
        tiny_weights,
        "portrait;audio;out;emotion;timeline;crop;face-box;steps\n"
        "anna.png;hello.wav;one.mp4;0.7 happy + 0.3 sad;;yes;;\n"
        "\n"
        "anna.png;hello.wav;two.mp4;;course.txt;;-10, 20, 60.5, 120;1\n"
        "anna.png;hello.wav;three.mp4;image: anna.png;;no;;\n",
    )
    assert main([*call, "--steps", "2", "--size", "100"]) == 0
    assert [(row["job"], row["status"], row["message"]) for row in results(folder)] == [
        ("one.mp4", "done", results(folder)[0]["message"]),
        ("two.mp4", "done", results(folder)[1]["message"]),
        ("three.mp4", "done", results(folder)[2]["message"]),
    ]
    assert len(loads) == 1
    assert [read_video_facts(folder / f"{name}.mp4").width for name in ("one", "two", "three")] == [64, 100, 100]
    assert "3 films, 3 done" in capsys.readouterr().out

    made = (folder / "two.mp4").stat().st_mtime_ns
    (folder / "one.mp4").unlink()
    (folder / "hello.wav").rename(folder / "moved.wav")  # films that are there need nothing any more
    text = (folder / "list.csv").read_text(encoding="utf-8-sig").replace("hello.wav;one", "moved.wav;one")
    assert main(command(folder, tiny_weights, text)) == 0
    assert (folder / "two.mp4").stat().st_mtime_ns == made and (folder / "one.mp4").exists()


def test_a_fault_of_one_film_is_told_and_the_others_are_made(folder, tiny_weights, capsys):
    (folder / "grey.png").write_bytes((folder / "anna.png").read_bytes()[:100])
    text = "portrait,audio,out\ngrey.png,hello.wav,grey.mp4\nanna.png,hello.wav,anna.mp4\n"
    assert main([*command(folder, tiny_weights, text), "--steps", "1"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("error: grey.mp4: ") and "grey.png" in said[0]
    assert said[1] == f"error: 1 of 2 films failed; {folder / 'list.results.csv'} says why."
    assert [row["status"] for row in results(folder)] == ["failed", "done"]
    assert results(folder)[0]["message"] == said[0].removeprefix("error: grey.mp4: ")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "this list is empty"),
        ("portrait,audio,out\n", "this list is empty"),
        ("portrait,audio\nanna.png,hello.wav\n", 'there is no column "out"'),
        ("portrait,audio,out,mood\nanna.png,hello.wav,a.mp4,glad\n", 'no column "mood"'),
        ("portrait,audio,out,weights\nanna.png,hello.wav,a.mp4,w\n", "give --weights once"),
        ("portrait,audio,out,out\nanna.png,hello.wav,a.mp4,b.mp4\n", 'two columns "out"'),
        ("portrait,audio,out,plot-only\nanna.png,hello.wav,a.mp4,yes\n", 'no column "plot-only"'),
        ("portrait,audio,out\nanna.png,hello.wav,\n", 'line 2: nothing is given under "out"'),
        ("portrait,audio,out\nanna.png,,a.mp4\n", 'line 2: nothing is given under "audio"'),
        ("portrait,audio,out\nanna.png,hello.wav,a.mp4,b\n", "line 2: it has 4 fields for 3 columns"),
        ("portrait,audio,out,crop\nanna.png,hello.wav,a.mp4,perhaps\n", 'line 2: "perhaps" is given under "crop"'),
        ("portrait,audio,out,steps\nanna.png,hello.wav,a.mp4,none\n", 'line 2: The number of steps is given as "none"'),
        ("portrait,audio,out,emotion\nanna.png,hello.wav,a.mp4,cheesy\n", "line 2: "),
        ("portrait,audio,out\nanna.png,hello.wav,a.txt\n", "line 2: "),
        (
            "portrait,audio,out\n\nanna.png,hello.wav,a.mp4\nanna.png,hello.wav,./a.mp4\n",
            "is already the film of line 3",
        ),
        ("portrait,audio,out\nbea.png,hello.wav,a.mp4\nanna.png,no.wav,b.mp4\n", "Another line cannot be used either."),
        ("portrait,audio,out,lip-guidance\nanna.png,hello.wav,a.mp4,3\n", "line 2: --lip-guidance belongs to"),
    ],
)
def test_a_bad_list_is_refused_before_the_first_film(folder, tiny_weights, capsys, text, said):
    good = "anna.png,hello.wav,good.mp4"
    lines = text.splitlines()
    if len(lines) > 1 and lines[0] == "portrait,audio,out":
        text += good + "\n"
    assert main(command(folder, tiny_weights, text)) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {folder / 'list.csv'}") and said in printed.err
    assert printed.err.count("\n") == 1
    assert list(folder.glob("*.mp4")) == [] and not (folder / "list.jobs").exists()


def test_talk_asks_for_a_portrait_and_a_recording_or_a_list(capsys, tmp_path):
    assert main(["talk", "--audio", "speech.wav"]) == 2
    assert "error: --portrait must be given, or a list of films with --jobs." in capsys.readouterr().err
    assert main(["talk", "--jobs", str(tmp_path / "none.csv")]) == 2
    assert "this list cannot be read" in capsys.readouterr().err
    assert main(["talk", "--jobs", str(tmp_path / "none.csv"), "--plot-only"]) == 2
    assert "--plot-only makes no film" in capsys.readouterr().err


def test_two_processes_make_each_film_of_a_list_once(folder, tiny_weights):
    """Films of three frames: how long they are is not what is shared."""
    write_wav(folder / "hello.wav", 0.1 * np.sin(np.arange(1_920) / 9))
    rows = [f"anna.png,hello.wav,film{at}.mp4,{at}" for at in range(3)]
    call = command(folder, tiny_weights, "\n".join(["portrait,audio,out,seed", *rows]))
    call.remove("--quiet")
    crew = [
        FORKS.Process(target=command_line, args=([*call, "--steps", "1"], {}, folder / f"said{at}")) for at in (0, 1)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
        assert process.exitcode == 0, [(folder / f"said{at}").read_text() for at in (0, 1)]
    assert [row["status"] for row in results(folder)] == ["done"] * 3
    begun = re.findall(r"film \d of 3: (film\d)", "".join((folder / f"said{at}").read_text() for at in (0, 1)))
    assert sorted(begun) == [f"film{at}" for at in range(3)]
