"""The face finder: its reading of the maps, its training in miniature, and the shipped weights where they are there."""

import dataclasses
import json
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
from emotivetalk_core.models.presets import DEMO
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.recipes.face_finder import (
    FaceFinderTraining,
    Finding,
    Scenes,
    check_face_finder,
    finder_losses,
    scene_targets,
    train_face_finder,
)
from emotivetalk_core.recipes.face_scenes import HEAD_SIZE, FaceScene, SceneFace, draw_heads, draw_scene, render_people
from emotivetalk_core.recipes.remembered_looks import remember_looks
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import head_geometry, render_head
from emotivetalk_core.training.job import Job
from emotivetalk_core.training.loop import Engine, LoopSettings
from emotivetalk_core.training.samples import collate, keyed_generator
from emotivetalk_core.types import Portrait
from emotivetalk_core.weight_files.checkpoint import load_network, read_metadata

ASSETS = Path(emotivetalk_core.__file__).parent / "assets"
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
    targets, weights = scene_targets(
        FaceScene(np.zeros((128, 128, 3), np.uint8), (*truth, face(0, 90, 30, 128, False)))
    )
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
    scenes = Scenes(3, 0, 1, held_out=False)
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


def test_weights_do_not_know_a_picture_that_their_own_finder_finds_strange(shipped, tmp_path):
    """A drawn head and a rendered person go without a word, stripes and a photograph do not."""
    import cv2
    from skimage.data import astronaut

    drawn = pictures(render_head(sample_identity(1_500_003), HeadState.rest(), 128), torch.device("cpu"))
    assert unfamiliar(drawn, shipped.strangeness) == ""
    person = face_regions(read_portrait(ASSETS / "person.jpg"), detector=shipped.find).crop
    assert unfamiliar(person, shipped.strangeness) == ""
    stripes = (torch.arange(128) % 4 < 2).float().expand(3, 128, 128)
    assert "those they were made for end at 1" in unfamiliar(stripes, shipped.strangeness)
    cv2.imwrite(str(tmp_path / "photo.png"), astronaut()[:, :, ::-1])
    photograph = face_regions(read_portrait(tmp_path / "photo.png"), detector=shipped.find).crop
    assert shipped.strangeness(photograph) > 1
    assert [shipped.is_drawn(crop) for crop in (drawn, person, photograph)] == [True, False, False]
    assert "(its strangeness is 1.3," in unfamiliar(drawn, lambda crop: 1.26)


def test_a_finder_without_a_memory_calls_strange_what_it_doubts(monkeypatch):
    finder, crop = FaceFinder(TINY), torch.rand(3, 64, 64)
    for sure, strange in ((0.4, 2.0), (0.8, 1.0)):
        monkeypatch.setattr(finder, "find", lambda pixels, sure=sure: [FaceDetection((0, 0, 9, 9), sure)])
        assert finder.strangeness(crop) == pytest.approx(strange)
        assert finder.is_drawn(crop) == (strange <= 1)
    monkeypatch.setattr(finder, "find", lambda pixels: [])
    assert unfamiliar(crop, finder.strangeness)


def test_a_kind_that_is_remembered_is_not_strange_any_more():
    torch.manual_seed(0)
    rng = np.random.default_rng(3)
    across = []
    for _ in range(24):
        wave = 128 + 60 * np.sin(np.arange(64) / rng.uniform(1, 3) + rng.uniform(0, 6))
        across.append(np.repeat(np.broadcast_to(wave[:, None], (64, 64))[..., None], 3, 2).astype(np.uint8))
    down = [np.ascontiguousarray(crop.swapaxes(0, 1)) for crop in across]
    one = FaceFinder(dataclasses.replace(TINY, kinds=1)).eval().requires_grad_(False)
    both = FaceFinder(dataclasses.replace(TINY, kinds=2)).eval().requires_grad_(False)
    both.load_state_dict(one.state_dict() | {name: getattr(both, name) for name in ("usual", "precision")})
    remember_looks(one, [across[:16]], across[16:], rng)
    remember_looks(both, [across[:16], down[:16]], across[16:] + down[16:], rng)
    unseen = [torch.from_numpy(crop).permute(2, 0, 1) / 255 for crop in across[16:] + down[16:]]
    alone, together = ([finder.strangeness(crop) for crop in unseen] for finder in (one, both))
    assert np.mean(np.array(together) <= 1) > 0.6
    first = [both.is_drawn(crop) for crop in unseen]  # the kind that is drawn heads elsewhere
    assert np.mean(first[:8]) > 0.8 > 0.2 > np.mean(first[8:])
    assert np.mean(np.array(alone[:8]) <= 1) > 0.6 and min(alone[8:]) > max(alone[:8])


def test_rendered_people_are_cut_out_with_their_places():
    pytest.importorskip("numba")
    first, second = render_people(np.random.default_rng(1), [11], each=2)
    assert not np.array_equal(first.pixels, second.pixels)
    for cutout in (first, second):
        assert cutout.pixels.shape == (HEAD_SIZE, HEAD_SIZE, 3) and cutout.cover.shape == (HEAD_SIZE, HEAD_SIZE)
        left, top, right, bottom = cutout.points[5:7].reshape(4)
        assert all(left < x < right and top < y < bottom for x, y in cutout.points[:3])
        x, y = cutout.points[2].astype(int)
        assert cutout.cover[y, x] > 0.9 and cutout.cover[2, 2] < 0.1


def test_the_finder_learns_from_both_kinds_and_remembers_both(tmp_path):
    pytest.importorskip("numba")
    prepare_kind("stills", tmp_path, 7, DrawnSettings(still_identities=1, held_out_stills=0, workers=0), None)
    settings = FaceFinderTraining(
        loop=LoopSettings(steps=1, batch=2, warmup=0, validation_samples=2),
        heads=2,
        people=1,
        portraits=1,
        check_scenes=1,
        config=TINY,
    )
    train_face_finder(Job("tiny", DEMO, tmp_path / "out", (tmp_path,), Engine(), 7), settings)
    path = tmp_path / "out" / "face_finder.safetensors"
    finder = load_network(path, "face_finder", FaceFinder, FaceFinderConfig)
    assert finder.config.kinds == 2 and finder.precision.isfinite().all()
    assert not torch.equal(finder.usual[0], finder.usual[1]) and finder.usual.any(1).all()
    record = json.loads(read_metadata(path, "face_finder")["record"])
    assert set(record["check"]) == set(record["check_rendered"])
