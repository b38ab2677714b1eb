"""Courses made longer and shorter, by closed forms; and driving videos, read from files of every speed."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TINY
from torch.nn import functional as F

from emotivetalk_core.direction import driving
from emotivetalk_core.direction.driving import driving_expression
from emotivetalk_core.direction.retime import CROSSFADE, WAYS, resample, retime
from emotivetalk_core.errors import FaceError, InputError, SettingsError
from emotivetalk_core.evaluation.unseen import drawn, portrait_of, unseen_clips
from emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.video.writer import VideoWriter
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import load_network


def ramp(count: int) -> torch.Tensor:
    """0, 1, 2 … and 0, -2, -4 …"""
    return torch.arange(count, dtype=torch.float32)[:, None] * torch.tensor([1.0, -2.0])


def first_of(values: torch.Tensor) -> list[float]:
    return values[:, 0].tolist()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("frames", [1, 7, 12])
def test_as_many_frames_come_out_as_are_asked_for_and_the_width_stays(how, frames):
    given = ramp(7).half()
    found = retime(given, frames, how)
    assert found.shape == (frames, 2) and found.dtype == torch.float16
    if frames == 7:
        assert torch.equal(found, given)
    assert torch.equal(retime(given[:1], frames, how), given[:1].expand(frames, -1))


@pytest.mark.parametrize("how", ["trim", "loop", "ping-pong"])
def test_a_shorter_speech_takes_the_beginning(how):
    assert first_of(retime(ramp(20), 5, how)) == [0, 1, 2, 3, 4]


def test_trimming_holds_the_last_value():
    assert first_of(retime(ramp(3), 6, "trim")) == [0, 1, 2, 2, 2, 2]


def test_ping_pong_goes_back_the_way_it_came_and_repeats_no_end():
    assert first_of(retime(ramp(4), 12, "ping-pong")) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]


def test_stretching_keeps_both_ends_and_is_straight_between_them():
    assert torch.allclose(retime(ramp(5), 9, "stretch")[:, 0], torch.linspace(0, 4, 9))
    assert torch.allclose(retime(ramp(9), 5, "stretch")[:, 1], torch.linspace(0, -16, 5))
    bent = torch.tensor([[0.0], [4.0], [0.0]])
    assert first_of(retime(bent, 5, "stretch")) == [0, 2, 4, 2, 0]


def test_a_loop_begins_again_over_a_fade_in_even_steps():
    count = 2 * CROSSFADE + 4
    period = count - CROSSFADE
    found = retime(ramp(count), 2 * period + CROSSFADE, "loop")[:, 0]
    assert found[:period].tolist() == list(range(period))
    share = torch.arange(1, CROSSFADE + 1) / (CROSSFADE + 1)
    beginning = torch.arange(CROSSFADE)
    assert torch.allclose(found[period : period + CROSSFADE], (1 - share) * (period + beginning) + share * beginning)
    assert found[period + CROSSFADE : 2 * period].tolist() == list(range(CROSSFADE, period))
    assert torch.equal(found[2 * period :], found[period : period + CROSSFADE])


def test_a_loop_of_what_ends_as_it_began_has_no_seam():
    period = 25
    angle = torch.arange(period + CROSSFADE, dtype=torch.float64) * 2 * torch.pi / period
    found = retime(torch.stack([angle.sin(), angle.cos()], 1), 100, "loop")
    endless = torch.arange(100, dtype=torch.float64) * 2 * torch.pi / period
    assert torch.allclose(found, torch.stack([endless.sin(), endless.cos()], 1))


def test_what_cannot_be_retimed_is_said():
    with pytest.raises(SettingsError, match="'mirror'; choose one of trim, loop, ping-pong, stretch"):
        retime(ramp(3), 3, "mirror")
    with pytest.raises(InputError, match="0 frames was to fill 3"):
        retime(ramp(0), 3, "loop")
    with pytest.raises(InputError, match="3 frames was to fill 0"):
        retime(ramp(3), 0, "loop")


@pytest.mark.parametrize("rate", [10, 24, 25, 29.97, 30, 50, 60])
def test_any_rate_becomes_25_a_second_at_the_same_moments(rate):
    seconds = 4
    middles = (torch.arange(round(seconds * rate), dtype=torch.float64) + 0.5) / rate
    found = resample(middles[:, None], rate)[:, 0]
    assert len(found) == 25 * seconds
    expected = (torch.arange(25 * seconds, dtype=torch.float64) + 0.5) / 25
    assert torch.allclose(found, expected.clamp(middles[0], middles[-1]))


def test_no_rate_is_refused():
    for rate in (0.0, -25.0, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="not a frame rate"):
            resample(ramp(3), rate)


@pytest.fixture(scope="module")
def networks():
    """The demo's motion encoder and its finder of drawn heads."""
    return (
        load_network(
            BUNDLED_WEIGHTS / "motion_encoder.safetensors", "motion_encoder", MotionEncoder, MotionEncoderConfig
        ),
        load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig),
    )


def write_video(path, frames: torch.Tensor):
    with VideoWriter(path, width=frames.shape[-1], height=frames.shape[-2]) as video:
        video.write(frames)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A drawn, unseen person who turns from neutral to happy, in the left of a wider grey picture, as a file; and the
    drawings themselves.
    """
    calm, happy = (drawn(unseen_clips(1, 20, offset=900, emotion=name)[0], 128) for name in ("neutral", "happy"))
    frames = torch.cat([calm[:15], happy[5:]])
    scene = torch.full((30, 3, 160, 240), 0.5)
    scene[:, :, 20:148, 10:138] = frames
    return write_video(tmp_path_factory.mktemp("driving") / "film.mp4", scene), frames


def test_a_driving_video_says_what_its_pixels_say(networks, film):
    encoder, finder = networks
    path, frames = film
    steps = []
    found = driving_expression(encoder, finder, path, size=128, on_step=lambda *step: steps.append(step)).values
    with torch.no_grad():
        truth = encoder.expression(frames)
    assert found.shape == truth.shape == (30, encoder.config.expression_dim)
    change = truth[20:].mean(0) - truth[:10].mean(0)
    shown = found[20:].mean(0) - found[:10].mean(0)
    assert torch.cosine_similarity(change, shown, dim=0) > 0.9
    assert (found - truth).square().mean() < 0.25 * (truth - truth.mean(0)).square().mean() + 0.1
    assert steps == sorted(steps) and steps[0] == (1, 60) and steps[-1] == (60, 60)


def test_reading_can_stop_early(networks, film):
    encoder, finder = networks
    found = driving_expression(encoder, finder, film[0], size=128, seconds=0.4).values
    assert torch.allclose(found, driving_expression(encoder, finder, film[0], size=128).values[:10], atol=0.3)
    assert len(found) == 10


def test_a_step_that_is_refused_ends_the_reading(networks, film):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driving_expression(*networks, film[0], size=128, on_step=stop)


def test_files_without_a_video_or_a_face_are_named(networks, tmp_path):
    grey = write_video(tmp_path / "grey.mp4", torch.full((4, 3, 64, 64), 0.5))
    with pytest.raises(FaceError, match="grey.mp4: no face was found in any of the 4 frames"):
        driving_expression(*networks, grey, size=128)
    (tmp_path / "notes.mp4").write_text("not a video")
    with pytest.raises(InputError, match="notes.mp4"):
        driving_expression(*networks, tmp_path / "notes.mp4", size=128)


def test_the_face_that_was_first_is_followed(networks, tmp_path):
    """Two faces: the larger one of the first frame stays the driver though the other grows larger."""
    encoder, finder = networks
    people = [clip.identity for clip in unseen_clips(2, 1, offset=910)]
    happy, angry = (portrait_of(*pair).crop[None] for pair in zip(people, (128, 128), ("happy", "angry"), strict=True))
    scene = torch.full((12, 3, 200, 360), 0.5)
    scene[:, :, 40:168, 10:138] = happy
    for index, side in enumerate(np.linspace(90, 170, 12).astype(int).tolist()):
        scene[index, :, 10 : 10 + side, 170 : 170 + side] = F.interpolate(angry, size=(side, side), mode="area")[0]
    found = driving_expression(encoder, finder, write_video(tmp_path / "two.mp4", scene), size=128).values
    with torch.no_grad():
        first, second = (encoder.expression(face)[0] for face in (happy, angry))
    assert ((found - first).norm(dim=1) < (found - second).norm(dim=1)).all()


def test_memory_does_not_grow_with_the_video(networks, film, monkeypatch):
    """However many frames there are, few are held at once."""
    held: list[weakref.ref] = []
    most = 0
    read = driving.read_frames

    def counted(path, **how):
        nonlocal most
        for frame in read(path, **how):
            held.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in held))
            yield frame

    monkeypatch.setattr(driving, "read_frames", counted)
    driving_expression(*networks, film[0], size=128)
    assert len(held) == 60 and most <= 3


def test_an_encoder_that_wants_eyes_gets_those_of_the_frame_before(film):
    """The smallest encoder that aligns faces, and the finder, which need not see the eyes in every frame."""
    torch.manual_seed(0)
    encoder = MotionEncoder(replace(TINY.motion_encoder, aligned=True)).eval()
    finder = load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
    found = driving_expression(encoder, finder, film[0], size=128).values
    assert found.shape == (30, TINY.motion_encoder.expression_dim) and torch.isfinite(found).all()
