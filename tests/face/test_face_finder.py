"""The face finder: its reading of the maps, its training in miniature, and the shipped weights where they are there."""

from pathlib import Path

import numpy as np
import pytest
import torch

import emotivetalk_core
from emotivetalk_core.face.crops import pictures
from emotivetalk_core.face.finder import FaceDetection, box_overlap, unfamiliar
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.face.regions import face_regions
from emotivetalk_core.models.face_finder import HEAT, FaceFinder, FaceFinderConfig, read_faces
from emotivetalk_core.recipes.face_finder import (
    Finding,
    Scenes,
    check_face_finder,
    finder_losses,
    scene_targets,
)
from emotivetalk_core.recipes.face_scenes import Scene, SceneFace, draw_heads, draw_scene
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import head_geometry, render_head
from emotivetalk_core.training.samples import collate, keyed_generator
from emotivetalk_core.types import Portrait
from emotivetalk_core.weight_files.checkpoint import load_network

WEIGHTS = Path(emotivetalk_core.__file__).parent / "weights" / "demo" / "face_finder.safetensors"
TINY = FaceFinderConfig(channels=(8, 8, 8, 8), head_channels=8, norm_groups=4, scales=(64,))


def face(left: float, top: float, right: float, bottom: float, certain: bool = True) -> SceneFace:
    box = np.array([left, top, right, bottom], np.float32)
    width, height = right - left, bottom - top
    eyes_mouth = np.array([[0.3, 0.45], [0.7, 0.44], [0.5, 0.8]], np.float32) * (width, height) + (left, top)
    lips = np.array([left + 0.25 * width, top + 0.7 * height, right - 0.25 * width, bottom], np.float32)
    return SceneFace(box, eyes_mouth.astype(np.float32), lips, certain)


def test_shapes_sizes_and_places_of_the_network():
    config = FaceFinderConfig()
    finder = FaceFinder(config, device="meta")
    assert 150_000 < sum(parameter.numel() for parameter in finder.parameters()) < 300_000
    assert all(parameter.is_meta for parameter in finder.parameters())
    assert FaceFinder(TINY)(torch.rand(2, 3, 64, 96)).shape == (2, 15, 16, 24)
    assert FaceFinder(TINY, dtype=torch.float64)(torch.rand(1, 3, 32, 32).double()).dtype == torch.float64


@pytest.mark.parametrize("size", [(64, 64), (33, 200), (500, 21)])
def test_finding_takes_any_size(size):
    FaceFinder(TINY).find(torch.rand(3, *size))


def test_the_targets_read_back_are_the_faces():
    truth = (face(11, 13, 38, 50), face(70.5, 30.2, 121, 101))
    targets, weights = scene_targets(Scene(np.zeros((128, 128, 3), np.uint8), (*truth, face(0, 90, 30, 128, False))))
    assert (targets[HEAT] == 1).sum() == 2
    assert weights[0, 27, 3] == 0 and weights[1, 27, 3] == 0  # a hidden face is neither asked for nor punished
    maps = targets.clone()
    maps[HEAT] = torch.logit(targets[HEAT], eps=1e-4)
    found = sorted(read_faces(maps, 0.5, across=2.0, down=1.0), key=lambda one: one.box[0])
    assert len(found) == 2
    for one, wanted in zip(found, truth, strict=True):
        assert one.eyes_mouth is not None and one.lip_box is not None
        assert np.allclose(one.box, wanted.box * (2, 1, 2, 1), atol=1e-2)
        assert np.allclose(one.eyes_mouth, wanted.eyes_mouth * (2, 1), atol=1e-2)
        assert np.allclose(one.lip_box, wanted.lip_box * (2, 1, 2, 1), atol=1e-2)
    perfect, places = finder_losses(maps[None], targets[None], weights[None])
    assert places < 1e-5 and perfect < 0.2
    blind = maps[None].clone()
    blind[:, HEAT] = -4.0
    assert finder_losses(blind, targets[None], weights[None])[0] > 2.0


def test_scenes_are_repeatable_and_true():
    heads = draw_heads(np.random.default_rng(0), [3, 4])
    first, second = (draw_scene(np.random.default_rng(5), heads, (96, 128), 2) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels) and len(first.faces) == 2
    assert first.pixels.shape == (96, 128, 3) and first.pixels.dtype == np.uint8
    for one in first.faces:
        left, top, right, bottom = one.box
        assert all(left < x < right and top < y < bottom for x, y in one.eyes_mouth)
        assert one.eyes_mouth[0, 0] < one.eyes_mouth[1, 0]
    assert draw_scene(np.random.default_rng(6), heads, (64, 64), 0).faces == ()


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    scenes = Scenes(3, 1, held_out=False)
    batch = collate([scenes.draw(0, index, keyed_generator(0, index)) for index in range(4)])
    objective = Finding(FaceFinder(FaceFinderConfig()))
    optimiser = torch.optim.Adam(objective.parameters(), lr=3e-3)
    course = []
    for _ in range(12):
        loss = objective(batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(loss.item())
    assert course[-1] < 0.5 * course[0]


@pytest.fixture(scope="module")
def shipped() -> FaceFinder:
    return load_network(WEIGHTS, "face_finder", FaceFinder, FaceFinderConfig)


def test_shipped_weights_find_unseen_heads(shipped):
    figures = check_face_finder(shipped, scenes=12, seed=2)
    assert figures["portrait_found"] >= 0.95 and figures["portrait_overlap"] >= 0.8
    assert figures["point_error"] <= 0.05 and figures["false_alarms"] <= 0.3


def test_shipped_weights_frame_a_head_in_a_larger_picture(shipped):
    identity, state = sample_identity(1_500_003), HeadState.rest()
    picture = np.full((240, 320, 3), 180, np.uint8)
    picture[80:208, 150:278] = render_head(identity, state, 128)
    truth = head_geometry(identity, state, 128).face_box + (150, 80, 150, 80)
    pixels = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    regions = face_regions(Portrait(pixels), detector=shipped.find, size=128)
    record = regions.record
    assert record.left + record.side / 2 == pytest.approx((truth[0] + truth[2]) / 2, abs=5)
    assert record.side == pytest.approx(1.75 * (truth[3] - truth[1]), rel=0.12)
    assert regions.eyes_mouth is not None and regions.note == ""
    eyes, mouth = regions.eyes_mouth[:2].mean(0), regions.eyes_mouth[2]
    assert eyes[1] < mouth[1]
    assert regions.lip_mask[0, int(mouth[1]), int(mouth[0])] == 1


def test_shipped_weights_find_a_photograph_too(shipped, tmp_path):
    import cv2
    from skimage.data import astronaut

    cv2.imwrite(str(tmp_path / "photo.png"), astronaut()[:, :, ::-1])
    portrait = read_portrait(tmp_path / "photo.png")
    record = face_regions(portrait, detector=shipped.find).record
    assert (
        box_overlap((record.left, record.top, record.left + record.side, record.top + record.side), (128, 20, 318, 210))
        > 0.5
    )


def test_weights_do_not_know_a_face_that_their_own_finder_doubts(shipped):
    """A drawn head goes without a word, stripes and a photograph do not."""
    drawn = pictures(render_head(sample_identity(1_500_003), HeadState.rest(), 128), torch.device("cpu"))
    assert unfamiliar(drawn, shipped.find) == ""
    stripes = (torch.arange(128) % 4 < 2).float().expand(3, 128, 128)
    assert "know by 0% (those they were made for by at least 80%)" in unfamiliar(stripes, shipped.find)
    sure = [FaceDetection((0, 0, 9, 9), score) for score in (0.3, 0.79)]
    assert "by 79%" in unfamiliar(drawn, lambda pixels: sure)
