"""`train retouch` at the tiny size, by the command that users give, and the films that it learns from."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY

pytest.importorskip("numba")
pytest.importorskip("espeakng_loader")

from emotivetalk_core import FilmRequest, make_film
from emotivetalk_core.cli.main import main
from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.models.close_up import CloseUpConfig
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.retoucher import Retoucher, RetoucherConfig
from emotivetalk_core.recipes import demo, people, retouch, retouched_films
from emotivetalk_core.recipes.library import RECIPES
from emotivetalk_core.recipes.retouched_films import KINDS, RetouchedFilmSettings, film_people, prepare_people
from emotivetalk_core.synthesis.clip import IDENTITY_SEEDS
from emotivetalk_core.training.job import Job
from emotivetalk_core.training.loop import Engine
from emotivetalk_core.training.source import Source
from emotivetalk_core.training.source_writer import SourceWriter
from emotivetalk_core.weight_files.checkpoint import read_metadata

SIZE, SEED = TINY.sampling.size, 3
LATENTS = TINY.motion_encoder.lip_dim, TINY.motion_encoder.expression_dim
CONFIG = RetoucherConfig(channels=(8, 8), norm_groups=4, motion=sum(LATENTS), offsets=2)
GIVEN = ["speech_encoder", "lip_projector", "motion_encoder", "dicte", "vae", "ethd", "emotion_codebook"]
"""What a folder of untrained networks holds."""
FEW = RetouchedFilmSettings(rendered=1, drawn=5, frames=4, held_out=1, workers=0)


@pytest.fixture(scope="module")
def folder(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipe, the people to film, and the weights that film them."""
    folder = tmp_path_factory.mktemp("retouch")
    prepare_people(SourceWriter(folder / "data"), SEED, FEW, SIZE)
    shutil.copytree(tiny_weights, folder / "start")
    loop = {"steps": 2, "batch": 2, "warmup": 1, "average": 0.5, "validation_samples": 2, "learning_rate": 0.01}
    config = {"channels": [8, 8], "norm_groups": 4}
    learning = {"loop": loop, "config": config}
    stages = {"given": {"names": GIVEN}, "retouch": learning, "close_up": learning}
    said = {"from": "retouch", "preset": "tiny", "data": "data", "seed": SEED, "stages": stages}
    (folder / "few.json").write_text(json.dumps(said))
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    out = folder / "out"
    command = ["train", str(folder / "few.json"), "--start", str(folder / "start"), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "retouch", replace(retouch.RECIPE, begins_with=dict.fromkeys(GIVEN, "")))
        assert main([*command, "--precision", "float32"]) == 0
        written = (out / "retoucher.safetensors").stat().st_mtime_ns
        assert main([*command, "--precision", "float32"]) == 0  # nothing is left to do
        assert (out / "retoucher.safetensors").stat().st_mtime_ns == written
    return out


def films(trained: Path) -> Source:
    return Source.open(trained.parent / "data", trained / "training" / "features")


def test_people_are_filmed_with_their_true_pictures(trained: Path):
    source, decoded = films(trained), TINY.vae.finer * SIZE
    for heads, count in (("rendered", 1), ("drawn", 5)):
        clips = source.clips(KINDS[heads], "made", held_out=None)
        assert sorted(clip.held_out for clip in clips) == [False] * count + [True]
        assert clips[0].held_out  # they are made first
        for clip in clips:
            shapes = {name: clip.field(name).shape for name in clip.fields}
            assert shapes["made"] == (2, decoded, decoded, 3) and shapes["driving"] == (4, SIZE, SIZE, 3)
            assert shapes["fine"] == (2, 2 * SIZE, 2 * SIZE, 3) and shapes["portrait_fine"] == (1, *shapes["fine"][1:])
            assert (shapes["lip"], shapes["expression"]) == tuple((2, width) for width in LATENTS)
            assert ("offset" in shapes) == ("visible" in shapes) == ("known" in shapes) == (heads == "rendered")
            if heads == "rendered":
                assert shapes["offset"] == (2, 2, SIZE, SIZE) and shapes["visible"] == (2, 2 * SIZE, 2 * SIZE)
            assert shapes["face_box"] == shapes["lip_box"] == (2, 4) and shapes["eyes_mouth"] == (2, 3, 2)
            assert source.read(clip, "made").dtype == source.read(clip, "fine").dtype == torch.uint8
            low, high = IDENTITY_SEEDS["test" if clip.held_out else "train"]
            assert clip.person.startswith(heads) and low <= int(clip.person.removeprefix(f"{heads}-")) < high
            assert torch.equal(source.read(clip, "driving")[::2], source.read(clip, "pictures")) == (heads == "drawn")


def test_frames_are_of_the_portrait_that_lies_beside_them(trained: Path):
    """Untrained networks film nothing; but the portrait's detail is given back, so frames are of that portrait."""
    source = films(trained)
    clips = [clip for kind in KINDS.values() for clip in source.clips(kind, held_out=None)]

    def off(clip, other) -> float:
        small = source.read(clip, "made").float().mean(0)
        return float((small - source.read(other, "portrait_pictures")[0].float()).abs().mean())

    own = [off(clip, clip) for clip in clips]
    others = [min(off(clip, other) for other in clips if other is not clip) for clip in clips]
    assert all(mine < its for mine, its in zip(own, others))


def test_the_stage_writes_a_retoucher_that_loads_in_half_precision_and_says_of_what(trained: Path):
    network = load_model_set(trained).retoucher
    assert network is not None and network.config == CONFIG
    new = Retoucher(network.config)
    assert any(not torch.equal(each, other) for each, other in zip(network.flow.parameters(), new.flow.parameters()))
    metadata = read_metadata(trained / "retoucher.safetensors", "retoucher")
    record = json.loads(metadata["record"])
    assert (record["stage"], record["steps"], record["recipe"]) == ("retouch", 2, "few")
    assert record["data"]["digest"] == Source.open(trained.parent / "data").digest
    assert all(torch.equal(value, value.half().float()) for value in network.state_dict().values())
    (log,) = (trained / "training").glob("retouch.log.jsonl")
    assert "validation/of_base" in json.loads(log.read_text().splitlines()[-1])
    for name in GIVEN:
        before = (trained.parent / "start" / f"{name}.safetensors").read_bytes()
        assert (trained / f"{name}.safetensors").read_bytes() == before


def test_close_ups_are_learnt_from_the_same_people(trained: Path):
    network, told = load_model_set(trained).close_up, {"motion": sum(LATENTS), "teeth": True}
    assert network is not None and network.config == CloseUpConfig((8, 8), norm_groups=4, **told)
    record = json.loads(read_metadata(trained / "close_up.safetensors", "close_up")["record"])
    assert (record["stage"], record["steps"]) == ("close_up", 2)
    (log,) = (trained / "training").glob("close_up.log.jsonl")
    assert "validation/of_still" in json.loads(log.read_text().splitlines()[-1])


def test_it_can_go_on_from_a_retoucher_that_is_there(
    folder: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given = shutil.copytree(folder / "start", tmp_path / "start")
    shutil.copy(trained / "retoucher.safetensors", given)
    said = json.loads((folder / "few.json").read_text())
    loop = said["stages"]["retouch"]["loop"] | {"steps": 1, "learning_rate": 1e-9, "average": 0.0}
    said["stages"]["retouch"] |= {"start": "start/retoucher", "loop": loop}
    said["data"] = str(folder / "data")
    (tmp_path / "on.json").write_text(json.dumps(said))
    command = ["train", str(tmp_path / "on.json"), "--start", str(given), "--out", str(tmp_path / "out")]
    monkeypatch.setitem(RECIPES, "retouch", replace(retouch.RECIPE, begins_with=dict.fromkeys(GIVEN, "")))
    assert main([*command, "--precision", "float32"]) == 0
    before, after = (load_model_set(each).retoucher for each in (trained, tmp_path / "out"))
    for name, value in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], value, atol=1e-4, rtol=1e-3)


def test_films_are_made_with_it(trained: Path, portrait_file: Path, recording_file: Path):
    models = load_model_set(trained)
    request = FilmRequest(portrait_file, recording_file, face_box=(80.0, 40.0, 180.0, 170.0), resume=False, steps=1)
    seen = [next(iter(make_film(request, used))) for used in (models, replace(models, retoucher=None))]
    assert seen[0].shape == seen[1].shape and not torch.equal(*seen)


def film(folder: Path, out: Path, on_step: Callable[..., None] | None = None) -> None:
    film_people(Job("few", TINY, out, (folder / "data",), Engine(precision="float32"), SEED, on_step))


def test_making_and_filming_go_on_where_they_were_stopped(folder: Path, trained: Path, tmp_path: Path):
    made: list[Any] = []

    def stop(*step: object) -> None:
        made.append(step[1:3])
        if len(made) == 1:
            raise KeyboardInterrupt

    for make in (
        lambda step: prepare_people(SourceWriter(tmp_path / "data"), SEED, FEW, SIZE, step),
        lambda step: film(tmp_path, shutil.copytree(folder / "start", tmp_path / "out", dirs_exist_ok=True), step),
    ):
        made.clear()
        with pytest.raises(KeyboardInterrupt):
            make(stop)
        make(stop)
        assert made == [(1, 3), (1, 2), (2, 2)]  # none was made twice
    again = Source.open(tmp_path / "data", tmp_path / "out" / "training" / "features")
    assert again.digest == films(trained).digest
    film(tmp_path, tmp_path / "out", stop)
    assert len(made) == 3


def prepared(folder: Path, share: str, said: float, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[str], Any]]:
    """How to read of each of two people who blink or smile in that share of the films."""
    for name in (share, "_AT_REST") if share == "_SMILING" else (share,):
        monkeypatch.setattr(retouched_films, name, said if name == share else 1 - said)
    prepare_people(SourceWriter(folder), SEED, replace(FEW, rendered=0, drawn=2, frames=12, held_out=0), SIZE)
    source = Source.open(folder)
    return [partial(source.read, clip) for clip in source.clips(KINDS["drawn"])]


def difference(name: str, one: Callable[[str], Any], other: Callable[[str], Any]) -> tuple[float, float]:
    """How far two people's pictures of that name are apart, at the lips and elsewhere."""
    off = (one(name).float() - other(name).float()).abs().mean((0, 3))
    left, top, right, bottom = one(f"{name.removesuffix('pictures')}lip_box")[0].int().tolist()
    lips = float(off[top:bottom, left:right].sum())
    return lips, float(off.sum()) - lips


def test_with_more_people_later_those_held_out_stay(tmp_path: Path):
    """Though the new ones have the numbers that they had, and all lie in one folder."""
    few = replace(FEW, rendered=0, drawn=4, held_out=4)
    prepare_people(SourceWriter(tmp_path), SEED, few, SIZE)
    kept = Source.open(tmp_path).clips(KINDS["drawn"], held_out=True)
    prepare_people(SourceWriter(tmp_path), SEED, replace(few, drawn=8), SIZE)
    source = Source.open(tmp_path)
    assert source.clips(KINDS["drawn"], held_out=True) == kept and len(kept) == 4
    learnt = source.clips(KINDS["drawn"])
    assert len(learnt) == 8 and not {clip.person for clip in learnt} & {clip.person for clip in kept}


@pytest.mark.parametrize("share", ["_BLINKING", "_SMILING"])
def test_people_blink_and_smile_as_often_as_is_said(share: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One blink more is seen in the eyes of frames, a smile in the mouth of the portrait, and the rest is as it was."""
    never, always = (prepared(tmp_path / str(said), share, said, monkeypatch) for said in (0.0, 1.0))
    for one, other in zip(never, always):
        frames, portrait = (difference(name, one, other) for name in ("pictures", "portrait_pictures"))
        if share == "_BLINKING":
            assert frames[1] > 0 and portrait == (0, 0) and torch.equal(one("samples"), other("samples"))
        else:
            assert portrait[0] > 0 and frames[0] == 0


def test_pictures_of_another_size_than_the_weights_see_are_refused(folder: Path, tmp_path: Path):
    prepare_people(SourceWriter(tmp_path / "data"), SEED, replace(FEW, rendered=0, drawn=1, held_out=0), 32)
    shutil.copytree(folder / "start", tmp_path / "out")
    with pytest.raises(InputError, match="are 32 pixels wide, and these weights see 64; give"):
        film(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"frames": 25}, "frames is 25 and every is 2; give frames that are a multiple of every"),
        ({"every": 0}, "every is 0; give a number of at least 1"),
        ({"rendered": 0, "drawn": 0}, "rendered and drawn are both 0; give a number of people"),
        ({"held_out": -1}, "held_out is -1; give a number of at least 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(given: dict[str, int], sentence: str):
    with pytest.raises(SettingsError, match=sentence):
        RetouchedFilmSettings(**given)


def test_the_renderer_is_asked_for_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retouched_films, "require_renderer", lambda: (_ for _ in ()).throw(SettingsError("numba")))
    with pytest.raises(SettingsError, match="numba"):
        prepare_people(SourceWriter(tmp_path), SEED, FEW, SIZE)
    assert not list(tmp_path.iterdir())
    prepare_people(
        SourceWriter(tmp_path), SEED, replace(FEW, rendered=0, drawn=1, held_out=0), 32
    )  # drawn heads can be


def test_what_it_takes_is_said_beforehand(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "retouch", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "given: learns nothing; all weights stay as they came" in told
    assert "retouch: 1,391,128 parameters, all learn" in told
    assert "close_up: 1,348,568 parameters, all learn" in told


def test_the_recipes_that_make_whole_weights_teach_both_after_all_that_films():
    for recipe, before in ((demo.RECIPE, "people"), (people.RECIPE, "polish")):
        names = list(recipe.stages)
        assert names.index("retouch") == names.index(before) + 1
        assert names.index("close_up") == names.index("retouch") + 1
        for name in ("retouch", "close_up"):
            assert recipe.stages[name].settings.loop == retouch.RECIPE.stages[name].settings.loop
