"""Figure 2 as a function: shapes, stages, and what follows from the settings."""

from dataclasses import replace

import pytest
import torch

from emotivetalk_core.direction.head_pose import sway
from emotivetalk_core.errors import FaceError, SettingsError
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.face.regions import face_regions
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.pipeline import TalkSettings, emotion_condition, prepare_conditions, read_face, render, talk
from emotivetalk_core.sampling.video import VideoSamplingSettings
from emotivetalk_core.types import CropRecord, Emotion, ExpressionLatents, FaceRegions, Speech

SETTINGS = TalkSettings(expression_steps=2, video=VideoSamplingSettings(steps=2, window=8, overlap=2))


@pytest.fixture(scope="module")
def models(tiny_weights):
    return load_model_set(tiny_weights, torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def regions(portrait_file, models):
    return face_regions(read_portrait(portrait_file), box=(80.0, 60.0, 170.0, 170.0), size=models.picture_size)


@pytest.fixture(scope="module")
def speech():
    generator = torch.Generator().manual_seed(0)
    return Speech(0.1 * torch.randn(16_000, generator=generator))


def test_talk_streams_one_frame_for_every_25th_of_a_second(models, regions, speech):
    stages: list[tuple[str, int, int]] = []
    chunks = list(talk(models, speech, regions, SETTINGS, lambda *report: stages.append(report)))
    assert max(len(chunk) for chunk in chunks) <= 8 and sum(map(len, chunks)) == 25
    video = torch.cat(chunks)
    assert video.shape == (25, 3, 64, 64)
    assert 0 <= video.min() and video.max() <= 1
    names = ["audio features", "expression", "portrait", "video", "decoding"]
    assert list(dict.fromkeys(stage for stage, _, _ in stages)) == names
    assert all(done <= total for _, done, total in stages)
    assert ("video", 8, 8) in stages  # 4 windows, 2 steps
    assert stages[-1] == ("decoding", 25, 25)


def test_the_seed_decides(models, regions, speech):
    def video(seed: int) -> torch.Tensor:
        settings = replace(SETTINGS, video=replace(SETTINGS.video, seed=seed))
        return torch.cat(list(talk(models, speech, regions, settings)))

    assert torch.equal(video(1), video(1))
    assert not torch.equal(video(1), video(2))


def test_conditions_can_be_exchanged_before_rendering(models, regions, speech):
    conditions = prepare_conditions(models, speech, regions, SETTINGS)
    assert conditions.lip.shape == (25, 8)
    assert conditions.driving_expression.shape == (25, 6)
    assert conditions.reference_expression.shape == (6,)
    assert conditions.portrait_latent.shape == (4, 8, 8)
    short = replace(conditions, lip=conditions.lip[:3], driving_expression=conditions.driving_expression[:3])
    assert torch.cat(list(render(models, short, SETTINGS))).shape[0] == 3


def test_a_lip_strength_of_zero_is_the_mouth_at_rest(models, regions, speech):
    assert not prepare_conditions(models, speech, regions, replace(SETTINGS, lip_strength=0.0)).lip.any()


def test_the_emotion_comes_from_the_codebook_or_from_the_portrait(models, regions):
    with torch.no_grad():
        face = read_face(models, regions)
    assert torch.equal(emotion_condition(models, face, SETTINGS), face.expression[0])
    angry = emotion_condition(models, face, replace(SETTINGS, emotion="angry", intensity=0.5))
    assert torch.equal(angry, models.codebook.lookup("angry", 0.5))


def test_what_cannot_work_is_refused_before_any_stage(models, regions, speech):
    for change in ({"expression_steps": 0}, {"decode_chunk": 0}):
        with pytest.raises(SettingsError):
            TalkSettings(**change)
    reports: list[str] = []
    with pytest.raises(SettingsError, match="worried"):
        grumpy = replace(SETTINGS, emotion="grumpy")
        list(talk(models, speech, regions, grumpy, lambda stage, *_: reports.append(stage)))
    assert reports == []


def test_a_progress_report_can_cancel(models, regions, speech):
    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "video" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(talk(models, speech, regions, SETTINGS, cancel))


def test_weights_that_want_aligned_faces_ask_for_eyes_and_mouth(models):
    config = replace(models.motion_encoder.config, aligned=True)
    models = replace(models, motion_encoder=MotionEncoder(config).eval())
    mask = torch.ones(1, 64, 64)
    regions = FaceRegions(torch.rand(3, 64, 64), mask, mask, CropRecord(0, 0, 64, 64, 64))
    with pytest.raises(FaceError, match="eyes and the mouth"):
        read_face(models, regions)
    points = torch.tensor([[20.0, 26.0], [44.0, 26.0], [32.0, 46.0]])
    assert read_face(models, replace(regions, eyes_mouth=points)).expression.shape == (1, config.expression_dim)


def test_a_ready_emotion_a_driving_expression_and_a_head_pose_take_their_places(models, regions, speech):
    emotion = Emotion(models.codebook.lookup("sad"), "sad")
    by_name, by_value = (
        prepare_conditions(models, speech, regions, replace(SETTINGS, emotion=e)) for e in ("sad", emotion)
    )
    assert torch.equal(by_name.driving_expression, by_value.driving_expression)
    driving = ExpressionLatents(torch.randn(25, 6))
    driven = prepare_conditions(models, speech, regions, replace(SETTINGS, expression=driving))
    assert torch.equal(driven.driving_expression, driving.values)
    pose = sway(25, 90, seed=1)
    turned = prepare_conditions(models, speech, regions, replace(SETTINGS, head_pose=pose))
    assert turned.portrait_latent.shape == (25, 4, 8, 8)
    assert turned.motion_bucket == pytest.approx(90, rel=0.2)
    assert torch.cat(list(render(models, turned, SETTINGS))).shape == (25, 3, 64, 64)
