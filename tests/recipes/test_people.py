"""`train people` at the tiny size, by the command that users give: weights of four channels of latents become weights
of eight; and the fine pictures that it learns from.
"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("espeakng_loader")

from emotivetalk_core.cli.main import main
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.pipeline import default_settings, talk
from emotivetalk_core.recipes import people
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.recipes.library import read_recipe
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.training.polish import FilmsWithPictures
from emotivetalk_core.training.source import Source
from emotivetalk_core.types import CropRecord, FaceRegions, Speech
from emotivetalk_core.weight_files.checkpoint import load_network

STEPS = 2
LOOP = {"steps": STEPS, "batch": 2, "warmup": 1, "average": 0.5, "validation_samples": 2}
WIDER = dataclasses.replace(
    TINY,
    ethd=dataclasses.replace(TINY.ethd, in_channels=16, out_channels=8),
    vae=dataclasses.replace(TINY.vae, latent_channels=8, finer=2),
    sampling=dataclasses.replace(TINY.sampling, grid=people.RECIPE.preset.sampling.grid),
)


def different(before: Any, after: Any) -> dict[str, Any]:
    """What a recipe's file says of settings that are not those of the recipe that it begins with."""
    said = {}
    for field in dataclasses.fields(before):
        mine, its = getattr(before, field.name), getattr(after, field.name)
        if mine != its:
            said[field.name] = different(mine, its) if dataclasses.is_dataclass(mine) else its
    return said


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    few = {
        "drawn": {
            "still_identities": 2,
            "stills_each": 2,
            "clips": 1,
            "clip_frames": 8,
            "references": 1,
            "held_frames": 4,
            "held_out_stills": 1,
            "held_out_clips": 1,
            "picture": 64,
            "workers": 0,
        },
        "rendered": {
            "stills": 2,
            "stills_each": 2,
            "clips": 1,
            "clip_frames": 4,
            "references": 1,
            "held_out_stills": 1,
            "held_out_clips": 1,
            "workers": 0,
        },
    }
    path = tmp_path_factory.mktemp("recipe") / "few.json"
    said = {
        "from": "people",
        "preset": different(people.RECIPE.preset, WIDER),
        "drawn": few,
        "stages": {
            "pictures": {"loop": LOOP},
            "people": {"loop": LOOP, "films": {"frames": 4}},
            "polish": {"loop": LOOP, "films": {"frames": 4}, "cut": 4},
            "retouch": {
                "loop": LOOP,
                "config": {"channels": [8, 8], "norm_groups": 4},
                "films": {"rendered": 1, "drawn": 0, "frames": 2, "held_out": 1, "workers": 0},
            },
            "close_up": {"loop": LOOP, "config": {"channels": [8, 8], "norm_groups": 4}},
        },
    }
    path.write_text(json.dumps(said))
    return path


@pytest.fixture(scope="module")
def trained(recipe: Path, tiny_trained: Path) -> Path:
    out = recipe.parent / "out"
    command = ["train", str(recipe), "--start", str(tiny_trained), "--out", str(out), "--precision", "float32"]
    assert main([*command, "--loaders", "1"]) == 0
    return out


def test_the_file_says_the_wider_preset(recipe: Path):
    assert read_recipe(recipe).preset == WIDER


def test_every_stage_of_it_is_trained_and_of_eight_channels(trained: Path, tiny_trained: Path):
    for name in ("pictures", "ethd", "polish", "retouch", "close_up"):
        (log,) = (trained / "training").glob(f"{name}.log.jsonl")
        last = json.loads(log.read_text().splitlines()[-1])
        assert last["step"] == STEPS and any(figure.startswith("validation/") for figure in last), name
    vae = load_vae(trained / "vae.safetensors")
    assert vae.config == WIDER.vae and load_vae(tiny_trained / "vae.safetensors").config == TINY.vae
    ethd = load_network(trained / "ethd.safetensors", "ethd", ETHD, ETHDConfig, "cpu")
    assert ethd.config == WIDER.ethd
    assert bool(ethd.conv_out.weight[4:].any()) and bool(vae.decoder.conv_in.weight[:, 4:].any())  # they have learnt
    before = load_vae(trained / "training" / "pictures.safetensors").state_dict()
    moved = {name.split(".")[0] for name, value in vae.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"decoder"}  # polish teaches nothing else
    source = Source.open(trained / "training" / "data", trained / "training" / "features")
    for kind in ("held", "rendered_held", "stills", "rendered_stills"):
        (clip, *_) = source.clips(kind, "latents")
        assert clip.field("latents").shape[1:] == (8, 8, 8), kind


def test_what_hears_reads_and_directs_stays_as_it_came(trained: Path, tiny_trained: Path):
    given = people.RECIPE.stages["given"].settings.names
    assert set(people.RECIPE.begins_with) == {*given, "vae", "ethd"}
    for name in given:
        assert (trained / f"{name}.safetensors").read_bytes() == (tiny_trained / f"{name}.safetensors").read_bytes()


def test_the_folder_loads_and_speaks(trained: Path):
    models = load_model_set(trained)
    size = models.picture_size
    mask = torch.zeros(1, size, size)
    mask[:, 20:50, 15:50] = 1
    regions = FaceRegions(torch.rand(3, size, size), mask, mask * 0, CropRecord(0, 0, size, size, size))
    settings = default_settings(models)
    settings = dataclasses.replace(settings, expression_steps=1, video=dataclasses.replace(settings.video, steps=2))
    frames = torch.cat(list(talk(models, Speech(torch.zeros(640 * 3)), regions, settings)))
    assert frames.shape == (3, 3, 2 * size, 2 * size) and bool(torch.isfinite(frames).all())


@pytest.mark.parametrize("name", ["vae", "ethd", "head_pose_reader", "emotion_codebook"])
def test_a_start_that_lacks_a_file_is_refused_before_anything_is_drawn(name, recipe, tiny_trained, tmp_path, capsys):
    start, out = (
        shutil.copytree(tiny_trained, tmp_path / "start", ignore=shutil.ignore_patterns("training")),
        tmp_path / "out",
    )
    (start / f"{name}.safetensors").unlink()
    capsys.readouterr()
    assert main(["train", str(recipe), "--start", str(start), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert (
        told.count("\n") == 1
        and f"{name}.safetensors does not exist, and the training starts from it; make it: " in told
    )
    assert "train it by `train demo`" in told and not out.exists()


def test_without_a_start_it_is_asked_for(tmp_path, capsys):
    assert main(["train", "people", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "give their folder as --start" in told and told.count("\n") == 1


FEW = DrawnSettings(
    still_identities=1,
    stills_each=3,
    clips=1,
    clip_frames=6,
    held_frames=4,
    held_out_stills=0,
    held_out_clips=0,
    picture=32,
    workers=0,
)


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Source]:
    """The same heads, with fine pictures and without."""
    sources = {}
    for fine in (False, True):
        folder = tmp_path_factory.mktemp("heads")
        for kind in ("stills", "clips", "held"):
            prepare_kind(kind, folder, 3, dataclasses.replace(FEW, fine=fine), None)
        sources[fine] = Source.open(folder)
    return sources


@pytest.mark.parametrize("kind", ["stills", "held"])
def test_pictures_are_the_means_of_fine_ones_twice_as_large(heads: dict[bool, Source], kind):
    (clip,), (plain,) = heads[True].clips(kind), heads[False].clips(kind)
    fine = heads[True].read(clip, "fine").numpy()
    small, drawn = heads[True].read(clip, "pictures").numpy(), heads[False].read(plain, "pictures").numpy()
    assert fine.shape == (clip.frames, 64, 64, 3) and small.shape == drawn.shape == (clip.frames, 32, 32, 3)
    means = sum(fine[:, y::2, x::2].astype(np.float64) for y in (0, 1) for x in (0, 1)) / 4
    assert np.abs(small - means).max() <= 0.5
    (other,) = heads[False].clips("held" if kind == "stills" else "stills")
    off, apart = (
        np.abs(small[:3].astype(float) - shown[:3]).mean()
        for shown in (drawn, heads[False].read(other, "pictures").numpy())
    )
    assert 0 < off < 0.5 * apart  # the very heads, though drawn anew and not in small
    assert {"face_box", "lip_box", "eyes_mouth"} <= set(clip.fields)


def test_places_are_told_in_pixels_of_the_small_pictures(heads: dict[bool, Source]):
    (clip,), (plain,) = heads[True].clips("stills"), heads[False].clips("stills")
    for name in ("face_box", "lip_box", "eyes_mouth"):
        assert torch.equal(heads[True].read(clip, name), heads[False].read(plain, name))


def test_heads_are_written_as_before_unless_fine_ones_are_asked_for(heads: dict[bool, Source]):
    assert not DrawnSettings().fine
    assert not any("fine" in clip.fields for clip in heads[False].by_id.values())
    (held,) = heads[False].clips("held")
    assert set(held.fields) == {"pictures"}
    for name, clip in heads[False].by_id.items():  # what is no matter of fineness is the same, to the bit
        other = heads[True].named(name)
        for field in set(clip.fields) - ({"pictures"} if "fine" in other.fields else set()):
            assert torch.equal(heads[False].read(clip, field), heads[True].read(other, field)), (name, field)


def test_the_decoder_is_polished_on_rendered_people_too(trained: Path):
    """And on nobody whose head moves, of whom no true picture is known."""
    whole = people.RECIPE.stages["polish"].settings
    settings = dataclasses.replace(whole, films=dataclasses.replace(whole.films, frames=4))
    films = FilmsWithPictures(
        Source.open(trained / "training" / "data", trained / "training" / "features"),
        settings,
        load_vae(trained / "vae.safetensors"),
        TINY.sampling.size,
        0,
        held_out=False,
    )
    kinds = {clip.kind for clip in (*films._stills, *films._held)}
    assert kinds == {"stills", "held", "rendered_stills", "rendered_held"}


def test_weights_of_more_channels_than_the_recipe_has_are_refused(trained: Path, recipe: Path, tmp_path, capsys):
    said = json.loads(recipe.read_text())
    said["preset"]["vae"]["latent_channels"] = 4
    said["preset"]["ethd"] |= {"in_channels": 8, "out_channels": 4}
    narrow = tmp_path / "narrow.json"
    narrow.write_text(json.dumps(said))
    data, out = trained / "training" / "data", tmp_path / "out"
    wider = ["--start", str(trained), "--data", str(data), "--out", str(out), "--stages", "given", "pictures"]
    assert main(["train", str(narrow), *wider]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "vae.safetensors has latents of 8 channels, and the recipe's preset has 4" in told
