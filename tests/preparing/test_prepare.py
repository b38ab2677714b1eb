"""`prepare`: films of people become clips that `train` reads, whatever else lies in the folder."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emotivetalk_core.cli.main import main
from emotivetalk_core.synthesis.clip import TalkingClip, make_clip
from emotivetalk_core.training.source import Source
from emotivetalk_core.types import SAMPLE_RATE
from emotivetalk_core.video.writer import VideoWriter

FRAMES, SIDE = 126, 128


def write_film(path: Path, pictures: np.ndarray, samples: np.ndarray | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = {} if samples is None else {"audio": torch.from_numpy(samples)[None], "audio_rate": SAMPLE_RATE}
    with VideoWriter(path, width=pictures.shape[2], height=pictures.shape[1], **sound) as video:
        video.write(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)


def drawn(talk: TalkingClip, frames: int = FRAMES) -> np.ndarray:
    return np.stack([talk.render(at, SIDE) for at in range(frames)])


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two talks by two people, and what else people have in such folders."""
    folder = tmp_path_factory.mktemp("films")
    talks = [make_clip(seed, frames=FRAMES) for seed in (1_003, 12, 5)]
    pictures = [drawn(talk) for talk in talks[:2]]
    write_film(folder / "anna" / "first talk \N{GRINNING FACE}.mp4", pictures[0], talks[0].samples)
    write_film(folder / "ben" / "talk.mp4", pictures[1], talks[1].samples)
    write_film(folder / "ben" / "dubbed.mp4", pictures[1], talks[2].samples)
    write_film(folder / "ben" / "silent.mp4", pictures[1][:30], None)
    write_film(folder / "ben" / "short.mp4", pictures[1][:30], talks[1].samples)
    write_film(folder / "ben" / "single.mp4", pictures[1][:1], talks[1].samples[:640])
    write_film(folder / "ben" / "wall.mp4", np.full((30, SIDE, SIDE, 3), 90, np.uint8), talks[1].samples)
    (folder / "ben" / "letter.mp4").write_text("Dear Anna")
    return folder


@pytest.fixture(scope="session")
def data(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "prepared"
    before = {file: file.read_bytes() for file in films.rglob("*.mp4")}
    command = ["prepare", str(films), "--out", str(folder), "--size", "64", "--licence", "CC0", "--consent", "drawn"]
    assert main(command) == 0
    assert {file: file.read_bytes() for file in films.rglob("*") if file.is_file()} == before
    return folder


def table(data: Path) -> dict[str, dict[str, str]]:
    with open(data / "pieces.csv", encoding="utf-8", newline="") as file:
        return {row["film"].split("/", 1)[1]: row for row in csv.DictReader(file)}


def test_every_film_has_its_row_and_its_reason(data: Path) -> None:
    rows = table(data)
    assert len(rows) == 8
    kept = {name for name, row in rows.items() if row["kept"] == "True"}
    assert kept == {"anna/first talk \N{GRINNING FACE}.mp4", "ben/talk.mp4"}
    for name, reason in {
        "ben/dubbed.mp4": "lips and sound",
        "ben/silent.mp4": "no sound",
        "ben/short.mp4": "30 frames",
        "ben/single.mp4": "1 frame",
        "ben/wall.mp4": "no face",
        "ben/letter.mp4": "not a readable video",
    }.items():
        assert reason in rows[name]["why"], rows[name]


def test_what_is_kept_is_what_was_filmed(data: Path, films: Path) -> None:
    source = Source.open(data)
    source.check()
    clip = next(clip for clip in source.by_id.values() if clip.person.endswith("anna"))
    assert (clip.kind, clip.frames, clip.rows("samples")) == ("clips", FRAMES, FRAMES * 640)
    assert clip.field("pictures").shape == (FRAMES, 64, 64, 3) and source.portraits(clip) == [clip]
    face, lips = source.read(clip, "face_box"), source.read(clip, "lip_box")
    middle = (face[:, :2] + face[:, 2:]).mean(0) / 2
    torch.testing.assert_close(middle, torch.full((2,), 32.0), atol=2, rtol=0)  # the square is around the face
    side = (face[:, 2:] - face[:, :2]).mean(0).max()
    assert 64 / side == pytest.approx(1.75, abs=0.1)
    assert (lips[:, 1] > face[:, 1]).all() and (lips[:, 3] > (face[:, 1] + face[:, 3]) / 2).all()
    talk = make_clip(1_003, frames=FRAMES)
    heard = source.read(clip, "samples").float().numpy()
    assert np.corrcoef(heard, talk.samples[: len(heard)])[0, 1] > 0.95  # AAC loses little, and no time


def test_the_data_says_whose_it_is(data: Path) -> None:
    record = json.loads((data / "data.json").read_text(encoding="utf-8"))
    assert (record["licence"], record["consent"]) == ("CC0", "drawn")
    assert (record["kept"], record["people"], record["films"]) == (2, 2, 8)


def test_a_second_run_does_only_what_is_missing(data: Path, films: Path) -> None:
    before = {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in data.glob("*.safetensors")}
    index = (data / "index.jsonl").read_bytes()
    record = next((data / "films").glob("*silent*.json"))
    record.unlink()
    assert main(["prepare", str(films), "--out", str(data), "--size", "64"]) == 0
    assert record.is_file() and (data / "index.jsonl").read_bytes() == index
    assert {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in data.glob("*.safetensors")} == before
    assert main(["prepare", str(films), "--out", str(data), "--size", "128"]) == 2  # other numbers, another folder


def test_train_learns_from_it(data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "films.json"
    said = {"from": "tiny", "data": [str(data)], "stages": {"vae": {"stills": "clips"}}}
    recipe.write_text(json.dumps(said), encoding="utf-8")
    assert main(["train", str(recipe), "--out", str(tmp_path / "w"), "--stages", "vae", "--precision", "float32"]) == 0
    assert (tmp_path / "w" / "vae.safetensors").is_file()
