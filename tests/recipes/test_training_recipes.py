"""Recipes that people write, and everything that can be wrong with them or with the folders they meet: one sentence and
exit status 2, before the long part and with nothing lost.
"""

import contextlib
import dataclasses
import json
import math
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotivetalk_core.cli.main import main
from emotivetalk_core.models.presets import FULL
from emotivetalk_core.recipes import demo, people, tiny
from emotivetalk_core.recipes.library import PRESETS, find_recipe, read_recipe

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, said: object) -> Path:
    path = folder / "mine.json"
    path.write_text(json.dumps(said))
    return path


def test_the_reader_of_poses_learns_from_people_whom_an_earlier_stage_makes():
    stages = list(demo.RECIPE.stages)
    kinds = demo.RECIPE.stages["head_pose"].settings.kinds
    assert {"rendered_turned", "rendered_clips", "turned", "clips"} == set(kinds)
    assert stages.index("twins") < stages.index("head_pose")
    assert demo.RECIPE.stages["head_pose_probe"].settings.kinds == ("turned", "clips")  # the measure stays what it was


def test_a_recipe_says_what_is_different_from_another(tmp_path):
    recipe = find_recipe(
        str(
            write(
                tmp_path,
                {
                    "from": "tiny",
                    "preset": "full",
                    "seed": 3,
                    "data": ["films", "/other"],
                    "stages": {
                        "face_finder": None,
                        "ethd": {
                            "loop": {"steps": 30, "optimiser": "adamw8bit", "learning_rate": 1},
                            "start": "svd.safetensors",
                            "films": {"shares": {"from_vision": 0.7}},
                            "first_frames": None,
                        },
                    },
                },
            )
        )
    )
    assert (recipe.name, recipe.seed, recipe.preset, recipe.prepare) == ("mine", 3, FULL, None)
    assert recipe.sources == (tmp_path / "films", Path("/other"))
    assert list(recipe.stages) == [name for name in tiny.RECIPE.stages if name != "face_finder"]
    ethd, before = recipe.stages["ethd"].settings, tiny.RECIPE.stages["ethd"].settings
    assert (ethd.loop.steps, ethd.loop.batch, ethd.loop.optimiser) == (30, before.loop.batch, "adamw8bit")
    assert (ethd.films.shares.from_vision, ethd.films.shares.drop) == (0.7, before.films.shares.drop)
    assert ethd.start == "svd.safetensors" and ethd.first_frames is None
    assert recipe.stages["v_aid"] == tiny.RECIPE.stages["v_aid"]


def test_every_number_of_every_preset_can_be_said_again(tmp_path):
    for name, preset in PRESETS.items():
        said = {"from": "full", "preset": dataclasses.asdict(preset)}
        assert read_recipe(write(tmp_path, said)).preset == preset, name


def test_every_number_of_every_stage_can_be_said_again(tmp_path):
    for recipe in (demo.RECIPE, people.RECIPE, tiny.RECIPE):
        stages = {name: dataclasses.asdict(stage.settings) for name, stage in recipe.stages.items()}
        said = {"from": recipe.name, "drawn": dataclasses.asdict(recipe.data), "stages": stages}
        again = read_recipe(write(tmp_path, said))
        assert again.stages == recipe.stages and again.data == recipe.data


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"from": "huge"},
            'does not say what it starts from; begin it with "from": one of full, full-24gb, adapt, demo, people,',
        ),
        ([1], "does not say what it starts from"),
        ({"from": "tiny", "stepps": 3}, "has 'stepps', which is not known there; choose from from, preset"),
        (
            {"from": "tiny", "stages": {"etdh": {}}},
            "stages has 'etdh', which is not known there; choose from face",
        ),
        ({"from": "tiny", "stages": {"ethd": {"lop": {}}}}, "stages.ethd has 'lop', which is not known there"),
        ({"from": "tiny", "stages": {"ethd": {"loop": {"step": 3}}}}, "stages.ethd.loop has 'step'"),
        (
            {"from": "tiny", "stages": {"ethd": {"loop": {"steps": "3"}}}},
            'steps is "3", but a value such as 4 is expected',
        ),
        (
            {"from": "tiny", "stages": {"ethd": {"loop": {"steps": None}}}},
            "steps is null, but a value such as 4 is expected",
        ),
        (
            {"from": "tiny", "preset": {"sampling": {"grid": "straight"}}},
            'preset.sampling.grid is "straight", but a value such as',
        ),
        (
            {"from": "tiny", "stages": {"encoders": {"kinds": ["stills", 3]}}},
            'kinds is ["stills", 3], but a value such as ["stills"] is expected',
        ),
        ({"from": "tiny", "stages": {"ethd": {"loop": {"steps": 0}}}}, "ethd.loop: steps is 0; give a number above 0"),
        ({"from": "tiny", "stages": {"ethd": {"loop": {"learning_rate": math.nan}}}}, "learning_rate is nan; give a"),
        ({"from": "tiny", "stages": {"ethd": {"loop": {"optimiser": "sgd"}}}}, "There is no optimiser 'sgd'; choose"),
        ({"from": "tiny", "stages": {"ethd": {"films": {"shares": {"held": 2}}}}}, "held is 2; give a number from 0"),
        ({"from": "tiny", "stages": {"ethd": {"films": {"frames": 0}}}}, "frames is 0; give a number of at least 1"),
        ({"from": "tiny", "drawn": {"clips": -1}}, "drawn: clips is -1; give a number of at least 0"),
        ({"from": "tiny", "stages": {"ethd": 3}}, "stages.ethd is 3, but settings are expected"),
        ({"from": "tiny", "stages": [1]}, "stages is [1], but settings are expected"),
        ({"from": ["tiny"]}, "does not say what it starts from"),
        ({"from": "tiny", "seed": "seven"}, 'seed is "seven"; give a whole number of at least 0'),
        ({"from": "tiny", "data": []}, "data is [], but folders are expected; name them as text"),
        ({"from": "tiny", "data": 3}, "data is 3, but folders are expected"),
        (
            {"from": "tiny", "preset": ["full"]},
            'preset is ["full"], but settings are expected; write them as {name: value}',
        ),
        ({"from": "tiny", "preset": "large"}, "preset has 'large', which is not known there; choose from full, demo"),
    ],
)
def test_what_a_recipe_says_wrong_is_named(tmp_path, capsys, said, sentence):
    assert main(["train", str(write(tmp_path, said)), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1
    assert not (tmp_path / "out" / "training").exists()


def test_a_recipe_that_is_no_json_or_not_there_is_named(tmp_path, capsys):
    (tmp_path / "mine.json").write_text("{")
    for name, sentence in ((str(tmp_path / "mine.json"), "cannot be read as a recipe"), ("huge", "no recipe 'huge'")):
        assert main(["train", name, "--out", str(tmp_path / "out")]) == 2
        assert sentence in capsys.readouterr().err


def refused(capsys: pytest.CaptureFixture[str], out: Path, recipe: object = "tiny", *options: str) -> str:
    capsys.readouterr()
    assert main(["train", str(recipe), "--out", str(out), "--precision", "float32", *options]) == 2
    told = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("error: ") for line in told) == 1
    return told[-1]


@pytest.fixture
def begun(tiny_trained: Path, tmp_path: Path) -> Path:
    """A folder in which only the stage ethd is still to be done."""
    folder = shutil.copytree(tiny_trained, tmp_path / "begun")
    (folder / "ethd.safetensors").unlink()
    return folder


def test_options_that_cannot_work_are_named(begun, capsys):
    shutil.rmtree(begun / "training" / "checkpoints" / "ethd")
    for options, sentence in (
        (["--stages", "etdh"], "There is no training stage 'etdh'"),
        (["--precision", "int3"], "There is no precision 'int3'"),
        (["--sharding", "some"], "There is no sharding 'some'"),
        (["--parts", "3"], "A batch of 4 cannot be shared out evenly by 1 processes in 3 parts"),
        (["--parts", "0"], "The number of parts"),
        (["--loaders", "-1"], "The number of loaders"),
        (["--data", str(begun / "nothing")], "nothing; prepare the data first, or give its folder as --data"),
    ):
        assert sentence in refused(capsys, begun, "tiny", "--stages", "ethd", *options), sentence


def test_a_folder_of_another_recipe_is_refused(begun, capsys, tmp_path):
    assert 'holds a training with recipe "tiny", and it is "demo" now; give another --out' in refused(
        capsys, begun, "demo"
    )
    other = write(tmp_path, {"from": "tiny", "seed": 8})
    other = other.rename(other.with_name("tiny.json"))
    assert "holds a training with seed 7, and it is 8 now" in refused(capsys, begun, other)


def test_a_checkpoint_of_other_numbers_is_refused_and_kept(begun, capsys, tmp_path):
    recipe = write(tmp_path, {"from": "tiny", "stages": {"ethd": {"loop": {"warmup": 3}}}})
    recipe = recipe.rename(recipe.with_name("tiny.json"))
    told = refused(capsys, begun, recipe, "--stages", "ethd")
    assert "made with settings.warmup 2, and it is 3 now" in told
    assert list((begun / "training" / "checkpoints" / "ethd").iterdir())


def test_data_of_another_size_than_the_presets_is_refused(begun, capsys, tmp_path):
    recipe = write(tmp_path, {"from": "tiny", "preset": "demo", "data": str(begun / "training" / "data")})
    told = refused(capsys, tmp_path / "out", recipe)
    assert "are 64x64, but the recipe's preset is trained at 128x128" in told


def test_a_start_that_is_missing_or_of_other_widths_is_refused(begun, capsys, tmp_path):
    shutil.rmtree(begun / "training" / "checkpoints" / "ethd")
    (begun / "training" / "renderer.safetensors").rename(begun / "renderer.safetensors")
    assert "renderer.safetensors does not exist, and a stage starts from it" in refused(capsys, begun)
    demo = ROOT / "emotivetalk_core" / "weights" / "demo" / "ethd.safetensors"
    if demo.is_file():
        recipe = write(tmp_path, {"from": "tiny", "stages": {"ethd": {"start": str(demo)}}})
        told = refused(capsys, begun, recipe.rename(recipe.with_name("tiny.json")))
        assert "has block_channels (32, 64, 128, 128), but the recipe's preset has (16, 16)" in told


def test_a_damaged_or_altered_shard_is_refused(begun, capsys):
    shard = begun / "training" / "data" / "clips-00000.safetensors"
    data = shard.read_bytes()
    for harmed, sentence in (
        (data[:-1], f"has {len(data) - 1} bytes where {len(data)} were written"),
        (data[:-1] + bytes([data[-1] ^ 1]), "has been altered since it was written"),
    ):
        shard.write_bytes(harmed)
        assert sentence in refused(capsys, begun)
    shard.unlink()
    assert "lists clips-00000.safetensors, which is missing" in refused(capsys, begun)


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file can grow beyond that: as on a disk where it has no more room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(begun, capsys):
    shutil.rmtree(begun / "training" / "checkpoints" / "v_aid")
    (begun / "dicte.safetensors").unlink()
    with files_of_at_most(20_000):
        told = refused(capsys, begun, "tiny", "--stages", "v_aid")
    assert "cannot be written (File too large); make room and give the command again" in told
    assert not list((begun / "training" / "checkpoints").glob("v_aid/step-*"))
    assert main(["train", "tiny", "--out", str(begun), "--precision", "float32", "--stages", "v_aid"]) == 0
    assert (begun / "dicte.safetensors").is_file()


def test_a_disk_that_is_full_from_the_start_leaves_nothing_half_written(begun, capsys, tmp_path):
    options = ("--data", str(begun / "training" / "data"), "--stages", "trunk")
    with files_of_at_most(100):
        assert "cannot be written (File too large)" in refused(capsys, tmp_path / "out", "tiny", *options)
    assert main(["train", "tiny", "--out", str(tmp_path / "out"), *options]) == 0


def test_a_recipe_with_its_own_data_does_not_draw(begun, tmp_path):
    recipe = read_recipe(write(tmp_path, {"from": "tiny", "data": "clips"}))
    assert recipe.prepare is None
    out = tmp_path / "out"
    assert (
        main(["train", "tiny", "--out", str(out), "--data", str(begun / "training" / "data"), "--stages", "trunk"]) == 0
    )
    assert (out / "training" / "trunk.safetensors").is_file() and not (out / "training" / "data").exists()


def test_what_renders_people_is_asked_for_before_the_first_head_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert "numba is not installed" in refused(capsys, tmp_path / "weights")
    assert not list(tmp_path.rglob("*.safetensors"))
