"""The whole training order at two steps a stage: it ends in a weights folder that loads and speaks, and a second call
does nothing.
"""

import dataclasses

import numpy as np
import pytest
import torch

from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import default_settings, talk
from emotivetalk_core.training import demo
from emotivetalk_core.training.data import prepare_set
from emotivetalk_core.training.encoders import noise_levels
from emotivetalk_core.training.films import motion_bucket
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.settings import DataSettings, DemoSettings
from emotivetalk_core.training.stage import box_masks
from emotivetalk_core.types import CropRecord, FaceRegions, Speech

TWO = LoopSettings(steps=2, learning_rate=1e-4, average=0.9)
DATA = DataSettings(still_identities=4, stills_each=2, clips=2, references=2, held_frames=8, speech_clips=2, workers=1)
SETTINGS = DemoSettings(
    data=DATA, face_finder_steps=2, speech=TWO, vae=TWO, trunk=TWO, encoders=TWO, undrawn=TWO, v_aid=TWO,
    ethd=TWO,
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
    # a third lies evenly in ln σ between 5 and 700, 0.64 of it above 30; of the rest, ln N(0.7, 1.6²), 0.046 does
    assert 0.20 < float((levels > 30).float().mean()) < 0.32


def test_the_motion_bucket_grows_with_motion_and_is_zero_at_rest():
    rest = np.tile(np.array([0, 0, 0, 0, 0, 1.0]), (24, 1))
    sway = rest.copy()
    sway[:, 0] = np.sin(np.arange(24) / 4) * 0.1
    assert motion_bucket(rest) == 0
    assert 0 < motion_bucket(sway) < motion_bucket(rest + 2 * (sway - rest)) <= 255
