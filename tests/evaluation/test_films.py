"""Films against films: closed forms of distances and lip sync, and two folders from files to the table."""

import json
import shutil
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from metric_networks import weights
from scipy.linalg import sqrtm
from tiny import TINY

from emotivetalk_core.audio.files import read_speech
from emotivetalk_core.cli import main
from emotivetalk_core.errors import InputError
from emotivetalk_core.evaluation.films import tables
from emotivetalk_core.evaluation.frechet import frechet_distance, frechet_over_clips, mean_over_clips
from emotivetalk_core.measuring.syncnet import (
    CROP,
    distance_matrix,
    measure_distances,
    measure_sync,
    mel_coefficients,
    mouth_crop,
    steady_squares,
)
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.i3d import I3D, I3DConfig
from emotivetalk_core.models.inception import Inception, InceptionConfig
from emotivetalk_core.models.syncnet import SyncNet, SyncNetConfig
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import render_head
from emotivetalk_core.training.source import Clip
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.video.reader import read_frames
from emotivetalk_core.video.writer import VideoWriter
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import save_checkpoint


@pytest.mark.parametrize("many", [300, 5])
def test_frechet_distance_is_the_closed_form(many):
    """For more vectors than they have numbers, and for fewer, where covariances are singular."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(many, 8)) @ random.normal(size=(8, 8)), 2 * random.normal(size=(many + 3, 8)) + 1
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(covariances[0] @ covariances[1] + 0j))
    mean = a.mean(0) - b.mean(0)
    expected = mean @ mean + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 3) == pytest.approx(9 * 8)


def test_the_interval_is_that_of_the_clips():
    random = np.random.default_rng(1)
    values = random.normal(size=400)
    found = mean_over_clips([*values, float("nan")])
    assert found.value == pytest.approx(values.mean()) and found.clips == 400
    assert found.half == pytest.approx(1.96 * values.std() / 20, rel=0.15)
    sets = [random.normal(size=(4, 3)) for _ in range(6)]
    same = frechet_over_clips(sets, sets)
    assert abs(same.value) < 1e-9 and same.half < 1e-9
    assert np.isnan(frechet_over_clips(sets[:1], sets[:1]).half)


@pytest.mark.parametrize("shift", [0, 3, -7])
def test_a_shift_of_the_sound_is_found_to_the_frame(shift):
    """Vectors of mouths are those of the sound `shift` frames before."""
    heard = torch.randn(120, 16, generator=torch.Generator().manual_seed(0))
    found = measure_distances(distance_matrix(torch.roll(heard, shift, 0), heard))
    assert found.offset == shift and found.distance < 1.5 < found.confidence
    other = torch.randn(120, 16, generator=torch.Generator().manual_seed(1))
    assert measure_distances(distance_matrix(other, heard)).confidence < 0.5


def test_distances_are_those_between_the_vectors():
    seen, heard = torch.eye(4), 2 * torch.eye(4)
    found = distance_matrix(seen, heard, 1)
    assert found[1] == pytest.approx([5**0.5, 1, 5**0.5], abs=1e-4)
    assert found[0][0] == pytest.approx(1, abs=1e-4)  # before the film there is nothing


def test_coefficients_of_a_tone_lie_in_its_triangle():
    """A louder tone has the same coefficients but the first, the logarithm of its energy."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    quiet, loud = mel_coefficients(0.1 * tone), mel_coefficients(0.4 * tone)
    assert quiet.shape == (99, 13)
    assert (loud - quiet)[5:90, 0] == pytest.approx(2 * np.log(4), abs=0.01)
    assert np.isfinite(mel_coefficients(np.zeros(100))).all()


def test_the_crop_reaches_further_below():
    """A box of 40 x 40: 0.4 of half of it beyond either side, none above, 0.8 of half below; grey outside."""
    picture = torch.zeros(3, 100, 100)
    picture[0] = torch.arange(100)[None] / 100  # red grows to the right
    picture[1] = torch.arange(100)[:, None] / 100  # green downwards
    (square,) = steady_squares([(30.0, 40.0, 70.0, 80.0)])
    assert square.tolist() == [50, 60, 20]
    seen = mouth_crop(picture, square)
    half = 20
    assert seen[0, 112, 0] == pytest.approx(0.50 - half * (1 + CROP) / 100, abs=0.01)
    assert seen[0, 112, -1] == pytest.approx(0.50 + half * (1 + CROP) / 100, abs=0.02)
    assert seen[1, 0, 112] == pytest.approx(0.40, abs=0.01)
    assert seen[1, -1, 112] == pytest.approx(0.60 + half * (1 + 2 * CROP) / 100, abs=0.02)
    assert mouth_crop(picture, np.array([10.0, 10.0, 20.0]))[2, 0, 0] == pytest.approx(110 / 255)


def test_frames_that_show_no_face_take_their_neighbours_box():
    boxes = [(0.0, 0, 10, 10)] * 20
    boxes[7] = None
    boxes[12] = (500.0, 0, 600, 100)  # an error of the finder
    assert np.unique(steady_squares(boxes), axis=0).tolist() == [[5, 5, 5]]


@torch.no_grad()
def test_a_whole_film_is_seen_as_every_five_pictures_are():
    torch.manual_seed(0)
    network = SyncNet(SyncNetConfig(thinner=16, width=8)).eval()
    film = 255 * torch.rand(7, 3, 224, 224)
    five = torch.stack([film[first : first + 5].transpose(0, 1) for first in range(3)])
    assert torch.allclose(network.encode_film(film), network.encode_mouths(five), atol=1e-4)
    assert measure_sync(network, film.byte(), torch.zeros(640 * 5)) is None


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two true films of drawn heads of 12 frames with sound, softer ones as generated, and thin networks."""
    root, rest = tmp_path_factory.mktemp("films"), HeadState.rest()
    for person in (3, 4):
        frame = torch.from_numpy(render_head(sample_identity(person), rest, 128)).permute(2, 0, 1).float() / 255
        noise = torch.randn(1, 12 * 640, generator=torch.Generator().manual_seed(person))
        for side, picture in (("true", frame), ("generated", frame * 0.8)):
            (root / side / "sub").mkdir(parents=True, exist_ok=True)
            path = root / side / "sub" / f"film {person}.mp4"
            with VideoWriter(path, width=128, height=128, audio=0.1 * noise, audio_rate=16000) as writer:
                writer.write(picture.expand(12, -1, -1, -1))
    for name in ("broken.mp4", "sub/broken.mp4"):
        (root / "generated" / name).write_bytes(b"nothing")
        (root / "true" / name).write_bytes(b"nothing")
    for kind, network in (
        ("inception", Inception(InceptionConfig(16))),
        ("i3d", I3D(I3DConfig(16, 6))),
        ("syncnet", SyncNet(SyncNetConfig(16, 8))),
    ):
        state = weights({name: tuple(value.shape) for name, value in network.state_dict().items()})
        save_checkpoint(root / "networks" / f"{kind}.safetensors", kind, state, network.config, {})
    return root


def evaluate(root, generated, *more) -> int:
    folders = ["--generated", str(root / generated), "--true", str(root / "true")]
    return main(["evaluate", "--suite", "films", *folders, "--out", str(root / "report.json"), *more])


def test_two_folders_become_a_table(folders, capsys, monkeypatch):
    from emotivetalk_core.evaluation.films import suite

    monkeypatch.setattr("emotivetalk_core.cli.verbs.evaluate.FVD_FRAMES", (12, 128))
    monkeypatch.setattr("emotivetalk_core.evaluation.frechet.DRAWS", 3)
    assert evaluate(folders, "generated", "--networks", str(folders / "networks")) == 0
    report = json.loads((folders / "report.json").read_text(encoding="utf-8"))
    figures = report["figures"]
    assert report["meta"]["films"] == ["sub/film 3", "sub/film 4"] and "broken" in report["faults"]
    assert figures["fid"]["value"] > 1e-3 and figures["fvd_12"]["value"] > 0 and figures["fvd_12"]["clips"] == 2
    assert "fvd_128" not in figures and figures["e_fid"] is None
    assert figures["sync_d"]["value"] > 0 and figures["true_sync_c"]["value"] >= 0
    shown = capsys.readouterr().out
    assert "crop 0.4" in shown and "not E-FID" in shown and "note: broken" in shown

    def again(networks, path, *_, **__):
        raise InputError(f"{path.stem} is read again")

    monkeypatch.setattr(suite, "read_vectors", again)  # all but the broken one lies in the archive by now
    assert evaluate(folders, "generated", "--networks", str(folders / "networks")) == 0
    assert json.loads((folders / "report.json").read_text(encoding="utf-8"))["faults"] == {
        "broken": "broken is read again",
        "sub/broken": "broken is read again",
    }


def test_films_against_themselves_are_no_distance_apart(folders, monkeypatch):
    monkeypatch.setattr("emotivetalk_core.cli.verbs.evaluate.FVD_FRAMES", (12,))
    assert evaluate(folders, "true", "--networks", str(folders / "networks")) == 0
    figures = json.loads((folders / "report.json").read_text(encoding="utf-8"))["figures"]
    for name in ("fid", "fvd_12", "expression_frechet"):
        assert abs(figures[name]["value"]) < 1e-3


def test_what_is_not_there_is_left_out_and_said(folders, capsys):
    assert evaluate(folders, "generated") == 0
    assert "left out for want of weights: inception, i3d, syncnet" in capsys.readouterr().out
    (folders / "empty").mkdir(exist_ok=True)
    assert evaluate(folders, "empty") == 2
    assert "no film of the same name" in capsys.readouterr().err
    assert evaluate(folders, "generated", "--networks", str(folders / "nowhere")) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_e_fid_is_of_the_given_coefficients_alone(folders, capsys):
    from safetensors.numpy import save_file

    random = np.random.default_rng(0)
    true = {f"true/sub/film {person}": random.normal(size=(40, 5)) for person in (3, 4)}
    shifted = {name.replace("true", "generated"): value + 2 for name, value in true.items()}
    save_file(true | shifted, folders / "coefficients.safetensors")
    assert evaluate(folders, "generated", "--coefficients", str(folders / "coefficients.safetensors")) == 0
    figures = json.loads((folders / "report.json").read_text(encoding="utf-8"))["figures"]
    assert figures["e_fid"]["value"] == pytest.approx(20, rel=1e-6)
    save_file({"somebody": np.zeros((2, 2))}, folders / "other.safetensors")
    assert evaluate(folders, "generated", "--coefficients", str(folders / "other.safetensors")) == 2
    assert "somebody" in capsys.readouterr().err


@pytest.fixture(scope="module")
def thin_weights(tiny_weights, tmp_path_factory):
    """The smallest networks, with the bundled face finder. Copy it to change it."""
    folder = shutil.copytree(tiny_weights, tmp_path_factory.mktemp("thin") / "weights")
    shutil.copy(BUNDLED_WEIGHTS / "face_finder.safetensors", folder)
    return folder


def test_held_out_people_are_filmed_by_the_papers_protocol(folders, thin_weights, capsys):
    """From a data folder to the table: made, with sound and as long as the true film, and not made twice."""
    rest, frames = HeadState.rest(), 10
    states = [replace(rest, mouth=np.array([0.1 * k, *rest.mouth[1:]])) for k in range(frames)]
    pictures = np.stack([render_head(sample_identity(5), state, 128) for state in states])
    samples = np.random.default_rng(0).normal(size=frames * 640).astype(np.float16) * 0.1
    for name, held_out in (("a/1", True), ("b", False)):
        clip = Clip(name, name, "films", frames, held_out)
        written = WrittenClip(clip, {"pictures": pictures, "samples": samples})
        SourceWriter(folders / "data").add(write_shard(folders / "data", f"{name[0]}.safetensors", [written]))
    asked = ["evaluate", "--suite", "hdtf", "--data", str(folders / "data"), "--out", str(folders / "report.json")]
    asked += ["--weights", str(thin_weights)]
    assert main(asked) == 2
    assert "144 frames or more" in capsys.readouterr().err
    assert main([*asked, "--frames", "9"]) == 0
    assert "paper: EmotiveTalk, by sound" in capsys.readouterr().out
    made = folders / "report.made" / "9-sound" / "a_1.mp4"
    assert len(list(read_frames(made))) == 9 and read_speech(made).frames == 9
    said = {}
    for film in (made, made.parents[1] / "9-true" / made.name):
        with av.open(str(film)) as container:
            said[film.parent.name] = container.metadata["comment"]
    assert said["9-sound"].startswith("Generated by") and said["9-true"].endswith("not generated")
    when = made.stat().st_mtime_ns
    assert main([*asked, "--frames", "9"]) == 0 and made.stat().st_mtime_ns == when
    capsys.readouterr()
    (folders / "weights").mkdir()
    assert main([*asked, "--frames", "9", "--weights", str(folders / "weights")]) == 2
    assert "films of other weights" in capsys.readouterr().err


def test_every_row_of_ours_has_one_of_the_papers():
    assert all(row.paper("hdtf") is not None for row in tables.ROWS)
    assert [row.paper("mead") is None for row in tables.ROWS] == [row.table in (2, 3) for row in tables.ROWS]
    by_name = {row.name: row.paper("hdtf") for row in tables.ROWS}
    assert by_name["by sound and video"] == (16.09, 120.70, 8.41, 7.11, 0.34)
    assert by_name["without lip latents"][2] == 0.65 and by_name["1500 frames"][0] == 16.97


def test_the_papers_tables_row_by_row(thin_weights, tmp_path, capsys, monkeypatch):
    """By the smallest networks, of clips of eleven and nine frames: a row that cannot be is a line, never the end."""
    monkeypatch.setattr(tables, "LENGTHS", (9, 11, 50))
    rows = [row for row in tables.ROWS if row.table == 2]
    monkeypatch.setattr(tables, "ROWS", [*rows, *(tables.Row(3, f"{many} frames", many) for many in (9, 11, 50))])
    shutil.copytree(thin_weights, tmp_path / "weights")
    states = [replace(HeadState.rest(), blink=0.09 * k) for k in range(11)]
    pictures = np.stack([render_head(sample_identity(5), state, 128) for state in states])
    samples = np.random.default_rng(0).normal(size=11 * 640).astype(np.float16) * 0.1
    for name, frames in (("long", 11), ("short", 9)):
        clip = Clip(name, name, "clips", frames, held_out=True)
        fields = {"pictures": pictures[:frames], "samples": samples[: frames * 640]}
        SourceWriter(tmp_path / "data").add(
            write_shard(tmp_path / "data", f"{name}.safetensors", [WrittenClip(clip, fields)])
        )
    asked = ["evaluate", "--suite", "hdtf", "--data", str(tmp_path / "data"), "--weights", str(tmp_path / "weights")]
    asked += ["--out", str(tmp_path / "report.json"), "--frames", "9", "--tables", "2", "3", "--device", "cpu"]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["tables"]
    assert report["2"]["both latents"]["films"] == ["long", "short"]
    assert report["3"]["9 frames"]["films"] == report["3"]["11 frames"]["films"] == ["long"]  # the same at every length
    assert "50 frames or more" in report["3"]["50 frames"]["why"]
    assert "no_decoupling.safetensors is not there" in report["2"]["not decoupled"]["why"]
    assert "16.02" in shown and "note: 9-sound-no_decoupling: " in shown

    def film(key: str) -> torch.Tensor:
        return torch.stack(list(read_frames(tmp_path / "report.made" / key / "long.mp4")))

    assert not torch.equal(film("9-sound"), film("9-sound-no_lip"))
    config = replace(TINY.ethd, lip_dim=10 * TINY.lip_projector.audio_dim, expression_injection="none")
    other = tmp_path / "weights" / "ablation" / "no_decoupling.safetensors"
    other.parent.mkdir()
    save_checkpoint(other, "ethd", ETHD(config), config, {"steps": 0}, defaults=TINY.sampling)
    when = (tmp_path / "report.made" / "9-sound" / "long.mp4").stat().st_mtime_ns
    assert main([*asked[:-3], "--device", "cpu"]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["tables"]
    assert report["2"]["not decoupled"]["films"] == ["long", "short"]
    assert (tmp_path / "report.made" / "9-sound" / "long.mp4").stat().st_mtime_ns == when
