"""`prepare` with networks of others: SyncNet judges the lips, and an autoencoder's latents are written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from metric_networks import weights
from test_prepare import write_film

from emotivetalk_core.cli.main import main
from emotivetalk_core.errors import InputError
from emotivetalk_core.face.crops import pictures
from emotivetalk_core.measuring.syncnet import SyncNetFigures
from emotivetalk_core.models.syncnet import SyncNet, SyncNetConfig
from emotivetalk_core.models.vae import encode_mode
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.preparing.figures import syncnet_refusal
from emotivetalk_core.preparing.settings import Filters
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.training.faces import latents_field, sized
from emotivetalk_core.training.source import Source, check_latents
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

FRAMES = 26
ANY = {"frames": 20, "confidence": 0, "offset": 15}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talk, and the same with another's sound."""
    folder = tmp_path_factory.mktemp("given") / "films"
    talks = [make_clip(seed, frames=FRAMES) for seed in (1_003, 5)]
    shown = np.stack([talks[0].render(at, 128) for at in range(FRAMES)])
    write_film(folder / "talk.mp4", shown, talks[0].samples)
    write_film(folder / "dubbed.mp4", shown, talks[1].samples)
    return folder


@pytest.fixture(scope="module")
def syncnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thin, and by a formula: it knows nothing of speech."""
    network = SyncNet(SyncNetConfig(16, 8))
    state = weights({name: tuple(value.shape) for name, value in network.state_dict().items()})
    file = tmp_path_factory.mktemp("networks") / "syncnet.safetensors"
    save_checkpoint(file, "syncnet", state, network.config, {})
    return file


def prepare(films: Path, data: Path, filters: dict[str, float], *more: str) -> int:
    numbers = data.with_suffix(".json")
    numbers.write_text(json.dumps({"filters": filters}))
    return main(["prepare", str(films), "-o", str(data), "--size", "64", "--settings", str(numbers), *more])


def rows(data: Path) -> list[dict[str, str]]:
    with open(data / "pieces.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_syncnet_judges_in_the_place_of_our_own_correlation(films: Path, syncnet: Path, tmp_path: Path, capsys) -> None:
    asked = ["--syncnet", str(syncnet)]
    assert prepare(films, tmp_path / "own", {"frames": 20}) == 0
    own = {Path(row["film"]).stem: row for row in rows(tmp_path / "own")}
    assert own["talk"]["kept"] == "True" and "lips and sound" in own["dubbed"]["why"]
    assert not any(row["confidence"] for row in own.values())
    assert prepare(films, tmp_path / "data", ANY, *asked) == 0
    for row in rows(tmp_path / "data"):
        assert row["kept"] == "True" and row["source"] == "folder"
        assert float(row["confidence"]) >= 0 and float(row["distance"]) > 0 and abs(int(row["offset"])) <= 15
        assert float(row["sync"]) < 1  # ours stands beside it
    record = json.loads((tmp_path / "data" / "data.json").read_text())
    assert "crop 0.4" in record["networks"]["sync"] and len(record["networks"]["syncnet"]) == 64
    assert prepare(films, tmp_path / "strict", {"frames": 20, "confidence": 99}, *asked) == 0
    assert all("SyncNet's" in row["why"] and row["confidence"] for row in rows(tmp_path / "strict"))
    assert not list((tmp_path / "strict").glob("*.safetensors"))
    capsys.readouterr()
    assert prepare(films, tmp_path / "data", ANY) == 2  # half of the films judged by another
    assert "another --syncnet than now" in capsys.readouterr().err
    assert prepare(films, tmp_path / "none", ANY, "--syncnet", str(tmp_path / "none.safetensors")) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    "confidence, offset, why",
    [(3.1, 6, ""), (2.9, 0, "do not go together"), (8.0, -7, "7 frames apart by SyncNet")],
)
def test_what_syncnet_refuses(confidence: float, offset: int, why: str) -> None:
    found = syncnet_refusal(SyncNetFigures(confidence, 7.0, offset), Filters())
    assert why in found and bool(why) is bool(found)
    assert "too short" in syncnet_refusal(None, Filters())


def test_latents_of_two_sizes_are_those_that_training_would_make(
    films: Path, tiny_weights: Path, tmp_path: Path, capsys
) -> None:
    file, asked = tiny_weights / "vae.safetensors", {"frames": 20, "sync": -1}
    vae = ["--vae", str(file)]
    assert prepare(films, tmp_path / "data", asked, *vae, "--latents", "128") == 2
    assert "--size 128" in capsys.readouterr().err
    assert prepare(films, tmp_path / "data", asked, "--latents", "64") == 2
    assert "--vae" in capsys.readouterr().err
    numbers = tmp_path / "numbers.json"
    numbers.write_text(json.dumps({"filters": asked}))
    command = ["prepare", str(films), "-o", str(tmp_path / "data"), "--settings", str(numbers), "--size", "128"]
    assert main([*command, *vae, "--latents", "64", "128"]) == 0
    source = Source.open(tmp_path / "data")
    assert json.loads((tmp_path / "data" / "data.json").read_text())["digest"] == source.digest
    network = load_vae(file, torch.device("cpu"))
    clip = source.clips("clips", "pictures", held_out=None)[0]
    for size in (64, 128):
        side = size // network.config.pixels_per_latent
        field = latents_field(clip, side)
        assert clip.field(field).shape == (FRAMES, 4, side, side)
        faces = sized(pictures(source.read(clip, "pictures", 3, 5).numpy(), torch.device("cpu")), size)
        with torch.inference_mode():
            expected = encode_mode(network, faces)
        assert torch.allclose(source.read(clip, field, 3, 5).float(), expected, atol=0.02 * float(expected.abs().max()))
    check_latents([tmp_path / "data"], file)
    other = tmp_path / "vae.safetensors"
    other.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="of another autoencoder"):
        check_latents([tmp_path / "data"], other)
