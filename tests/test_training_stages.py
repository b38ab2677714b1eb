"""The whole training order at two steps a stage: it ends in a weights folder that loads and speaks, and a second call
does nothing.
"""

import dataclasses
import json

import numpy as np
import pytest
import torch

from emotivetalk_core.direction.head_pose import motion_bucket
from emotivetalk_core.face.crops import box_masks
from emotivetalk_core.models.checkpoint import read_metadata
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import default_settings, talk
from emotivetalk_core.recipes import demo
from emotivetalk_core.training.data import prepare_set
from emotivetalk_core.training.encoders import noise_levels
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.settings import DataSettings, DemoSettings
from emotivetalk_core.training.v_aid import cut_short, pieced_together, whole_clips
from emotivetalk_core.types import CropRecord, FaceRegions, Speech

TWO = LoopSettings(steps=2, learning_rate=1e-4, average=0.9)
DATA = DataSettings(still_identities=4, stills_each=2, clips=2, references=2, held_frames=8, speech_clips=2, workers=1)
SETTINGS = DemoSettings(
    data=DATA, face_finder_steps=2, speech=TWO, vae=TWO, trunk=TWO, encoders=TWO, undrawn=TWO, v_aid=TWO,
    ethd=TWO, speech_emotion=TWO, head_pose=TWO, head_pose_batch=4,
    speech_emotion_batch=2, emotive_clips=8, speech_emotion_check=1,
    speech_batch=2, vae_batch=4, trunk_batch=4, encoders_batch=2, v_aid_batch=2, ethd_batch=1, ethd_frames=4,
    ethd_first_frames=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    stages = tuple(name for name in demo.STAGES if name != "face_finder")  # its own tests train it
    demo.train_demo(SETTINGS, folder, stages=stages, device=torch.device("cpu"))
    return folder


def test_the_trained_folder_loads_and_speaks(trained):
    models = load_model_set(trained)
    size = models.picture_size
    mask = torch.zeros(1, size, size)
    mask[:, 40:100, 30:100] = 1
    regions = FaceRegions(torch.rand(3, size, size), mask, mask * 0, CropRecord(0, 0, size, size, size))
    settings = default_settings(models)
    settings = dataclasses.replace(settings, expression_steps=1, video=dataclasses.replace(settings.video, steps=1))
    frames = torch.cat(list(talk(models, Speech(torch.zeros(640 * 3)), regions, settings)))
    assert frames.shape == (3, 3, size, size)
    assert bool(torch.isfinite(frames).all())


def test_the_trained_recogniser_hears_speech_and_its_record_says_how_well(trained):
    heard = load_model_set(trained).recogniser().hear(Speech(torch.zeros(16_000)))
    assert heard.probabilities.sum() == pytest.approx(1, abs=1e-5)
    record = json.loads(read_metadata(trained / "speech_emotion.safetensors", "speech_emotion")["record"])
    assert record["steps"] == 2 and np.array(record["unseen_heard_as"]).sum() == 8
    assert (trained / "speech_emotion.safetensors").stat().st_size < 1.5e6


def test_a_second_call_trains_nothing(trained):
    before = {file.name: file.stat().st_mtime_ns for file in trained.glob("*.safetensors")}
    stages = tuple(name for name in demo.STAGES if name != "face_finder")
    demo.train_demo(SETTINGS, trained, stages=stages, device=torch.device("cpu"))
    assert before == {file.name: file.stat().st_mtime_ns for file in trained.glob("*.safetensors")}


def test_drawing_resumes_with_the_missing_items_only(tmp_path):
    first = prepare_set("speech", tmp_path, 3, DATA)
    kept = np.array(first["samples"][0])
    first["samples"][0] = 0  # stands for an item that lies there already
    first["done"][1] = 0
    again = prepare_set("speech", tmp_path, 3, DATA)
    assert not again["samples"][0].any() and again["samples"][1].any() and kept.any()


def test_box_masks_are_binary_and_cover_the_box():
    mask = box_masks(np.array([[2.0, 1.0, 6.0, 5.0]]), 8, torch.device("cpu"))
    assert mask.shape == (1, 1, 8, 8) and mask.sum() == 16 and mask[0, 0, 1, 2] == 1 and mask[0, 0, 0, 2] == 0


def test_a_third_of_the_noise_levels_is_strong():
    levels = noise_levels(4000, torch.Generator().manual_seed(0))
    # a third lies evenly in ln sigma between 5 and 700, 0.64 of it above 30; of the rest, ln N(0.7, 1.6²), 0.046 does
    assert 0.20 < float((levels > 30).float().mean()) < 0.32


def test_the_motion_bucket_grows_with_motion_and_is_zero_at_rest():
    rest = np.tile(np.array([0, 0, 0, 0, 0, 1.0]), (24, 1))
    sway = rest.copy()
    sway[:, 0] = np.sin(np.arange(24) / 4) * 0.1
    assert motion_bucket(rest) == 0
    assert 0 < motion_bucket(sway) < motion_bucket(rest + 2 * (sway - rest)) <= 255


def numbered_clips(clips: int = 6, frames: int = 220):
    """Clips whose every value says which clip and frame it is of."""
    number = torch.arange(clips)[:, None] * 1000.0 + torch.arange(frames)  # [clips, frames]
    audio = number[..., None, None].expand(-1, -1, 10, 2)
    return whole_clips(audio, number[..., None] + 0.25, number[..., None] + 0.5, torch.zeros(clips, 3))


def test_pieces_keep_together_what_belongs_to_one_frame():
    clips = numbered_clips()
    pieced = pieced_together(clips, torch.Generator().manual_seed(1))
    heard = pieced.audio[..., 0, 0]
    assert torch.equal(pieced.lip[..., 0], heard + 0.25)
    assert torch.equal(heard % 1000, clips.audio[..., 0, 0] % 1000)  # each piece stays where it lay in time
    changed = (heard != clips.audio[..., 0, 0]).any(1)
    assert 0 < changed.sum() < len(heard)
    assert torch.equal(pieced.emotion[~changed], clips.emotion[~changed])
    last = heard[:, -1] // 1000
    settled = changed & (heard[:, -13] // 1000 == last)  # no fade in the last dozen frames
    assert torch.allclose(pieced.expression[settled, -1, 0], heard[settled, -1] + 0.5)
    assert torch.equal(pieced.emotion[settled, -1, 0] // 1000, last[settled])


def test_a_clip_that_ends_early_holds_what_it_was_told_and_counts_no_more():
    clips = numbered_clips(20)
    short = cut_short(clips, torch.Generator().manual_seed(4))
    lengths = short.counts.sum(1).int().tolist()
    assert min(lengths) < 220 and max(lengths) == 220
    for clip, length in enumerate(lengths):
        assert torch.equal(short.audio[clip, :length], clips.audio[clip, :length])
        assert bool((short.audio[clip, length:] == short.audio[clip, length - 1]).all())
