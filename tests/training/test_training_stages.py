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
from emotivetalk_core.direction.head_pose import motion_bucket
from emotivetalk_core.face.crops import box_masks, pictures
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.vae import encode_mode
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.pipeline import default_settings, talk
from emotivetalk_core.recipes import demo, tiny
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.training.denoising import NoiseLaw
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.talks import Talk, cut_short, pieced_together, whole_talk
from emotivetalk_core.training.undrawn import Frames
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
    heard = load_model_set(tiny_trained).recogniser().hear(Speech(torch.zeros(16_000)))
    assert heard.probabilities.sum() == pytest.approx(1, abs=1e-5)
    record = json.loads(read_metadata(tiny_trained / "speech_emotion.safetensors", "speech_emotion")["record"])
    assert record["steps"] == 4 and np.array(record["unseen_heard_as"]).sum() == 8


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
    weights, though some of its parameters may not have learnt yet.
    """
    again = shutil.copytree(tiny_trained, tmp_path / "again")
    folders = (again, again / "training", again / "ablation")
    weights = [file for folder in folders for file in folder.glob("*.safetensors")]
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


def test_box_masks_are_binary_and_cover_the_box():
    mask = box_masks(np.array([[2.0, 1.0, 6.0, 5.0]]), 8, torch.device("cpu"))
    assert mask.shape == (1, 1, 8, 8) and mask.sum() == 16 and mask[0, 0, 1, 2] == 1 and mask[0, 0, 0, 2] == 0


def test_a_third_of_the_noise_levels_is_strong():
    levels = NoiseLaw().draw(4000, torch.Generator().manual_seed(0))
    # a third lies evenly in ln sigma between 5 and 700, 0.64 of it above 30; of the rest, ln N(0.7, 1.6²), 0.046 does
    assert 0.20 < float((levels > 30).float().mean()) < 0.32


def test_the_motion_bucket_grows_with_motion_and_is_zero_at_rest():
    rest = np.tile(np.array([0, 0, 0, 0, 0, 1.0]), (24, 1))
    sway = rest.copy()
    sway[:, 0] = np.sin(np.arange(24) / 4) * 0.1
    assert motion_bucket(rest) == 0
    assert 0 < motion_bucket(sway) < motion_bucket(rest + 2 * (sway - rest)) <= 255


def test_frames_of_one_step_are_of_many_clips(tmp_path):
    """Those of few clips teach the stand-in of undrawn clips less: its loss stayed a third higher."""
    widths = {"mouth": 5, "action_units": 2, "pose": 6, "eye": 3, "lip": 4, "expression": 2}
    clips = [
        WrittenClip(Clip(f"c{i}", f"p{i}", "clips", 20), {name: torch.full((20, d), i) for name, d in widths.items()})
        for i in range(12)
    ]
    SourceWriter(tmp_path).add(write_shard(tmp_path, "c.safetensors", clips))
    settings = dataclasses.replace(demo.RECIPE.stages["undrawn"].settings, frames=64)
    sample = Frames(Source.open(tmp_path), settings, held_out=False).draw(0, 0, torch.Generator().manual_seed(2))
    assert sample["truth"].shape == (64, 16) and sample["latents"].shape == (64, 6)
    assert torch.equal(sample["truth"][:, :6], sample["latents"].float())  # of the same frame
    assert len(sample["truth"][:, 0].unique()) > 8


def numbered(clip: int, start: int = 0, stop: int = 220, frames: int = 220) -> Talk:
    """A talk whose every value says which clip and frame it is of."""
    number = clip * 1000.0 + torch.arange(start, stop)
    return whole_talk(number[:, None, None].expand(-1, 10, 2), number[:, None] + 0.25, number[:, None] + 0.5, frames)


def test_pieces_keep_together_what_belongs_to_one_frame():
    generator = torch.Generator().manual_seed(1)
    others = iter(range(1, 40))
    talk_ = pieced_together(
        numbered(0),
        lambda frames: numbered(next(others), frames.start, frames.stop, frames.stop - frames.start),
        generator,
    )
    heard = talk_.audio[:, 0, 0]
    assert torch.equal(talk_.lip[:, 0], heard + 0.25)
    assert torch.equal(heard % 1000, torch.arange(220.0))  # each piece stays where it lay in time
    assert 1 < len(set((heard // 1000).tolist())) < 20 and torch.equal(talk_.emotion[:12], numbered(0).emotion[:12])
    last = heard[-1] // 1000
    if heard[-13] // 1000 == last:  # no fade in the last dozen frames
        assert torch.allclose(talk_.expression[-1, 0], heard[-1] + 0.5)
        assert talk_.emotion[-1, 0] // 1000 == last


def test_a_talk_that_ends_early_holds_what_it_was_told_and_counts_no_more():
    generator = torch.Generator().manual_seed(4)
    for _ in range(10):
        short = cut_short(numbered(1), generator)
        length = int(short.counts.sum())
        assert 12 <= length < 220
        assert torch.equal(short.audio[:length], numbered(1).audio[:length])
        assert bool((short.audio[length:] == short.audio[length - 1]).all())


def test_a_clip_that_is_too_short_holds_its_end_and_counts_no_more():
    short = numbered(2, 0, 30, 220)
    assert short.lip.shape == (220, 1) and short.counts.sum() == 30
    assert bool((short.lip[30:] == short.lip[29]).all())
