"""`prepare`: films of people become clips that `train` reads, whatever else lies in the folder."""

import csv
import json
import shutil
import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from emotivetalk_core.cli.main import main
from emotivetalk_core.preparing.lists import ListedFilm
from emotivetalk_core.preparing.prepare import prepare
from emotivetalk_core.preparing.records import begin, people_held_out
from emotivetalk_core.preparing.settings import PrepareSettings
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


def write_odd(
    path: Path, pictures: np.ndarray, samples: np.ndarray, *, pix_fmt: str = "yuv420p", times: list[int] | None = None
) -> None:
    """With other colours than usual, or at odd times, in milliseconds."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "12"})
        video.height, video.width = pictures.shape[1:3]
        video.pix_fmt, video.codec_context.time_base = pix_fmt, Fraction(1, 1000)
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for at, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = 40 * at if times is None else times[at], Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, len(samples), 1024):
            piece = np.ascontiguousarray(samples[None, start : start + 1024], np.float32)
            heard = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            heard.pts, heard.sample_rate, heard.time_base = start, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
            container.mux(sound.encode(heard))
        container.mux(sound.encode())


def write_sideways(path: Path, pictures: np.ndarray, samples: np.ndarray) -> None:
    """As a phone does: pictures lie on their side, and the header says how far to turn them (ISO/IEC 14496-12)."""
    write_film(path, np.ascontiguousarray(np.rot90(pictures, axes=(1, 2))), samples)
    data, one = bytearray(path.read_bytes()), 1 << 16
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


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
    across, down = (face[:, :2] + face[:, 2:]).mean(0) / 2
    assert across == pytest.approx(32, abs=2)  # the square is around the face
    assert down == pytest.approx(32, abs=3)  # which is drawn off the middle, and the square stays in the film
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


def test_more_people_are_held_out_of_films_that_are_prepared(data: Path, films: Path, capsys) -> None:
    def held_out(share: float) -> dict[str, bool]:
        numbers = data.with_suffix(".json")
        numbers.write_text(json.dumps({"held_out": share}))
        assert main(["prepare", str(films), "--out", str(data), "--size", "64", "--settings", str(numbers)]) == 0
        return {clip.person.rsplit("/")[-1]: clip.held_out for clip in Source.open(data).by_id.values()}

    people = {clip.person for clip in Source.open(data).by_id.values()}
    one = next(share for share in np.linspace(0, 1, 1001) if len(people_held_out(people, share)) == 1)
    assert held_out(0.0) == {"anna": False, "ben": False}
    assert "Nobody is held out" in capsys.readouterr().out
    assert sorted(held_out(float(one)).values()) == [False, True]
    assert held_out(0.0) == {"anna": False, "ben": False}  # as other tests expect it


def test_train_learns_from_it(data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "films.json"
    said = {"from": "tiny", "data": [str(data)], "stages": {"vae": {"stills": "clips"}}}
    recipe.write_text(json.dumps(said), encoding="utf-8")
    assert main(["train", str(recipe), "--out", str(tmp_path / "w"), "--stages", "vae", "--precision", "float32"]) == 0
    assert (tmp_path / "w" / "vae.safetensors").is_file()


def test_odd_films_are_prepared_or_have_their_row(tmp_path: Path) -> None:
    """Whatever a phone, a recorder or a name makes of a film; what cannot be used says why, and ends nothing."""
    talk, folder = make_clip(1_003, frames=26), tmp_path / "odd"
    pictures = drawn(talk, 26)
    person = folder / "anna b"
    write_film(person / "plain.mp4", pictures, talk.samples)
    write_odd(person / "ten bit.mkv", pictures, talk.samples, pix_fmt="yuv420p10le")
    uneven = [40 * at + 7 * (at % 3) for at in range(26)]
    write_odd(person / "uneven \N{CLAPPER BOARD}.mp4", pictures, talk.samples, times=uneven)
    write_sideways(person / "sideways.mp4", pictures, talk.samples)
    shutil.copy(person / "plain.mp4", person / "really an mp4.avi")
    write_film(person / "tiny.mp4", np.zeros((13, 2, 2, 3), np.uint8), talk.samples)
    write_film(person / "strip.mp4", np.zeros((13, 4, 400, 3), np.uint8), talk.samples)
    with wave.open(str(person / "sound alone.mov"), "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        sound.writeframes((talk.samples * 32767).astype("<i2").tobytes())
    (person / "empty.mp4").touch()
    for name, shown in (("a.ts", pictures), ("b.ts", pictures[:, 8:120, 8:120])):
        write_odd(tmp_path / name, shown, talk.samples)
    (person / "shrinks.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    numbers = tmp_path / "numbers.json"
    numbers.write_text('{"filters": {"frames": 20, "sync": -1, "margin": -1, "own": -1, "lag": 99}}')
    command = ["prepare", str(folder), "--out", str(tmp_path / "data"), "--size", "64", "--settings", str(numbers)]
    assert main(command) == 0
    with open(tmp_path / "data" / "pieces.csv", encoding="utf-8", newline="") as file:
        rows = [(Path(row["film"]).name, row) for row in csv.DictReader(file)]
    kept = [name for name, row in rows if row["kept"] == "True"]
    whole = ["plain.mp4", "ten bit.mkv", "uneven \N{CLAPPER BOARD}.mp4", "sideways.mp4", "really an mp4.avi"]
    assert sorted(kept) == sorted([*whole, "shrinks.ts", "shrinks.ts"])
    why = {name: row["why"] for name, row in rows if row["kept"] != "True"}
    assert set(why) == {"tiny.mp4", "strip.mp4", "sound alone.mov", "empty.mp4"} and all(why.values())
    assert (
        "no face" in why["tiny.mp4"] and "no moving picture" in why["sound alone.mov"] and "empty" in why["empty.mp4"]
    )
    source = Source.open(tmp_path / "data")
    faces = {row["clip"]: source.read(source.named(row["clip"]), "face_box") for name, row in rows if name in whole}
    first = next(iter(faces.values()))
    assert all(torch.allclose(box[:24], first[:24], atol=3) for box in faces.values())  # upright, in time, in one place


def test_a_film_that_vanishes_has_its_row(tmp_path: Path) -> None:
    gone = ListedFilm(tmp_path / "gone.mp4", "films/gone.mp4", "anna")
    begin(tmp_path / "data", PrepareSettings(), None, None)
    (row,) = prepare([gone], tmp_path / "data", PrepareSettings())
    assert row["why"].startswith("there is no such video") and not row["kept"]
