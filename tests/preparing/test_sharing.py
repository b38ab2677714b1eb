"""One folder of films prepared by several processes, one of them killed; and emotions out of films that say them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_prepare import write_film
from trainings import run

from emotivetalk_core.cli.main import main
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.training.source import Source
from emotivetalk_core.weight_files.checkpoint import read_metadata

FRAMES = 26
TAKES = (("M003", "happy"), ("M003", "neutral"), ("W011", "contempt"), ("W011", "neutral"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films in MEAD's tree."""
    folder = tmp_path_factory.mktemp("mead") / "MEAD"
    for number, (person, emotion) in enumerate(TAKES):
        talk = make_clip(1_003 if person == "M003" else 12, frames=FRAMES)
        pictures = np.stack([talk.render(at, 128) for at in range(FRAMES)])
        place = folder / person / "video" / "front" / emotion / f"level_{number % 2 + 1}"
        write_film(place / "001.mp4", pictures, talk.samples)
    (folder.parent / "numbers.json").write_text('{"filters": {"frames": 20, "sync": -1, "margin": -1, "own": -1}}')
    return folder


def command(tree: Path, data: Path, vae: Path, *more: str) -> list[str]:
    numbers = str(tree.parent / "numbers.json")
    return ["prepare", str(tree), "--out", str(data), "--size", "64", "--settings", numbers, "--vae", str(vae), *more]


def test_a_kill_costs_the_film_at_hand_and_several_processes_make_the_same(
    tree: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vae = tiny_weights / "vae.safetensors"
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert main(command(tree, alone, vae)) == 0
    films = sorted((alone / "films").glob("*.json"))
    run(command(tree, shared, vae), wait_for=shared / "films" / films[0].name)  # killed when the first one is done
    assert not (shared / "index.jsonl").exists()
    assert len(list((shared / "films").glob("*.json"))) < len(TAKES)
    (shared / "films" / f"{films[0].stem}.claim.0").touch()  # where the kill comes a stroke before the claim is gone
    assert main(command(tree, shared, vae, "--workers", "2")) == 0
    for name in ("index.jsonl", "pieces.csv"):
        assert (shared / name).read_text() == (alone / name).read_text()
    assert [file.name for file in shared.rglob("*.claim.*")] == []
    digests = {json.loads((data / "data.json").read_text())["digest"] for data in (alone, shared)}
    assert len(digests) == 1
    source = Source.open(shared)
    source.check()
    assert {(clip.person, clip.emotion) for clip in source.by_id.values()} == {
        (f"MEAD_{who}", how) for who, how in TAKES
    }
    clip = source.clips("clips", "pictures", held_out=None)[0]
    assert clip.field("latents").shape == (FRAMES, 4, 8, 8)

    book = tmp_path / "codebook.safetensors"
    build = ["codebook", "build", str(shared), "-o", str(book), "--weights", str(tiny_weights)]
    assert main(build) == 0
    codebook = EmotionCodebook.load(book)
    assert set(codebook.names) == {"happy", "neutral", "contempt"}
    assert torch.isfinite(codebook.latents).all()
    said = json.loads(read_metadata(book, "emotion_codebook")["record"])["data"]
    assert said["digest"] == source.digest and said["stated"][0]["consent"] == "not stated"
    assert main([*build, "--levels", "level_3"]) == 2
    assert "level_1, level_2" in capsys.readouterr().err
