"""Every stage at the tiny size through the command that users give: it ends in a weights folder that loads and speaks,
and a second call does nothing.
"""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from emotivetalk_core.cli.main import main
from emotivetalk_core.face.crops import pictures
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.vae import encode_mode
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.pipeline import default_settings, talk
from emotivetalk_core.recipes import demo, tiny
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.training.source import Source
from emotivetalk_core.types import CropRecord, FaceRegions, Speech
from emotivetalk_core.weight_files.checkpoint import read_metadata

ALL_STAGES = tuple(tiny.RECIPE.stages)


def test_every_stage_of_the_demo_is_trained_at_the_tiny_size():
    assert tuple(demo.RECIPE.stages) == ALL_STAGES
    for name, stage in demo.RECIPE.stages.items():
        assert stage.train is tiny.RECIPE.stages[name].train


def test_the_trained_folder_loads_and_speaks(tiny_trained):
    models = load_model_set(tiny_trained)
    size = models.picture_size
    mask = torch.zeros(1, size, size)
    mask[:, 20:50, 15:50] = 1
    regions = FaceRegions(torch.rand(3, size, size), mask, mask * 0, CropRecord(0, 0, size, size, size))
    settings = default_settings(models)
    settings = dataclasses.replace(settings, expression_steps=1, video=dataclasses.replace(settings.video, steps=1))
    frames = torch.cat(list(talk(models, Speech(torch.zeros(640 * 3)), regions, settings)))
    assert frames.shape == (3, 3, size, size)
    assert bool(torch.isfinite(frames).all())


def test_the_trained_recogniser_hears_speech_and_its_record_says_how_well(tiny_trained):
    heard = load_model_set(tiny_trained).recogniser().recognise(Speech(torch.zeros(16_000)))
    assert heard.probabilities.sum() == pytest.approx(1, abs=1e-5)
    record = json.loads(read_metadata(tiny_trained / "speech_emotion.safetensors", "speech_emotion")["record"])
    assert record["steps"] == 4 and np.array(record["unseen_heard_as"]).sum() == 8


def test_what_shut_lids_change_is_measured_and_kept_with_what_samples_expressions(tiny_trained):
    lids = load_file(tiny_trained / "dicte.safetensors")["lids"]
    assert lids.isfinite().all() and lids.norm() > 0.1


def test_every_stage_says_in_its_log_what_held_out_clips_gave(tiny_trained):
    logs = sorted((tiny_trained / "training").glob("*.log.jsonl"))
    assert len(logs) >= len(ALL_STAGES) - 1  # the codebook is counted, not trained
    for log in logs:
        last = json.loads(log.read_text().splitlines()[-1])
        steps = 1 if log.name.startswith("ablation") else 4
        assert last["step"] == steps and any(name.startswith("validation/") for name in last), log.name


def test_a_second_call_trains_nothing(tiny_trained, tmp_path):
    again = shutil.copytree(tiny_trained, tmp_path / "again")
    before = {file.name: file.stat().st_mtime_ns for file in again.glob("*.safetensors")}
    assert before and main(["train", "tiny", "--out", str(again), "--stages", *ALL_STAGES]) == 0
    assert before == {file.name: file.stat().st_mtime_ns for file in again.glob("*.safetensors")}


def test_latents_are_those_of_the_vae_that_was_taught_last(tiny_trained):
    """The stage `people` asks the VAE of `pictures`, where `ethd` had asked the one before."""
    source = Source.open(tiny_trained / "training" / "data", tiny_trained / "training" / "features")
    cpu = torch.device("cpu")
    for kind in ("portraits", "rendered_portraits"):
        clip = source.some_clips(kind, "latents")[0]
        shown = pictures(source.read(clip, "pictures", 0, 1).numpy(), cpu)
        said = {
            name: encode_mode(load_vae(tiny_trained / f"{name}.safetensors", cpu), shown).detach()
            for name in ("vae", "training/decoder")
        }
        found = source.read(clip, "latents", 0, 1).float()
        off = {name: float((found - latents).norm()) for name, latents in said.items()}
        assert off["vae"] < 0.1 * off["training/decoder"], kind


def test_every_stage_takes_up_its_last_checkpoint(tiny_trained, tmp_path):
    """A stage whose weights files are gone goes on from its last checkpoint, which is that of its last step: the same
    weights, though some of its parameters may not have learnt yet. Of the ablation's four backbones one.
    """
    again = shutil.copytree(tiny_trained, tmp_path / "again")
    weights = [file for folder in (again, again / "training") for file in folder.glob("*.safetensors")]
    weights.append(again / f"{tiny.RECIPE.stages['ablation'].writes}.safetensors")
    for file in weights:
        file.unlink()
    logs = {log.name: log.read_text() for log in (again / "training").glob("*.log.jsonl")}
    assert main(["train", "tiny", "--out", str(again), "--precision", "float32", "--stages", *ALL_STAGES]) == 0
    for file in weights:
        expected = load_file(tiny_trained / file.relative_to(again))
        torch.testing.assert_close(load_file(file), expected, rtol=1e-4, atol=1e-5)
    assert logs == {log.name: log.read_text() for log in (again / "training").glob("*.log.jsonl")}  # not a step more


def test_drawing_resumes_with_the_missing_shards_only(tmp_path):
    drawn = DrawnSettings(speech_clips=6, held_out_clips=1, clip_frames=10, workers=0)
    prepare_kind("speech", tmp_path, 3, drawn, None)
    index = tmp_path / "index.jsonl"
    shards = [json.loads(line) for line in index.read_text().splitlines() if "sha256" in line]
    assert len(shards) == 2
    second = tmp_path / shards[1]["shard"]
    kept = [line for line in index.read_text().splitlines() if second.name not in line]
    index.write_text("".join(line + "\n" for line in kept))
    first_time = (tmp_path / shards[0]["shard"]).stat().st_mtime_ns
    prepare_kind("speech", tmp_path, 3, drawn, None)
    assert (tmp_path / shards[0]["shard"]).stat().st_mtime_ns == first_time
    again = [json.loads(line) for line in index.read_text().splitlines() if "sha256" in line]
    assert [line["shard"] for line in again] == [line["shard"] for line in shards] and again[0] == shards[0]
    assert [clip.held_out for clip in Source.open(tmp_path).clips("speech", held_out=None)] == [False] * 6 + [True]
