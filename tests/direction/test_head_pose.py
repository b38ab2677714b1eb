"""Head pose: the portrait turned by it, the courses that are made or read, and the backbone that follows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TINY

from emotivetalk_core.direction.head_pose import from_course, from_keys, motion_bucket, parse_keys, sway
from emotivetalk_core.direction.head_reading import read_head_course
from emotivetalk_core.errors import FaceError, InputError, SettingsError
from emotivetalk_core.face.head_course import head_course
from emotivetalk_core.face.head_turn import box_of_mask, turn_head
from emotivetalk_core.face.sequence import FacePlace
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from emotivetalk_core.sampling.video import VideoSamplingSettings, sample_video
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import head_geometry, render_head
from emotivetalk_core.types import HeadPose, Portrait, VideoConditions

STILL = torch.tensor([[0, 0, 0, 0, 0, 1.0]])


def drawn(pose: list[float], seed: int = 5) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """A drawn head at a pose [1, 3, 128, 128], its face box [4], its eyes and mouth [3, 2]."""
    state = replace(HeadState.rest(), pose=np.array(pose, np.float32))
    identity = sample_identity(seed)
    geometry = head_geometry(identity, state, 128)
    picture = torch.from_numpy(render_head(identity, state, 128)).movedim(-1, 0)[None].float() / 255
    return picture, geometry.face_box, geometry.eyes_mouth


def test_a_head_that_is_not_turned_stays_as_it_is():
    picture, box, _ = drawn([0, 0, 0, 0, 0, 1])
    assert torch.allclose(turn_head(picture, torch.from_numpy(box)[None], STILL), picture, atol=1e-4)


def test_a_shift_moves_the_face_by_whole_pixels_and_leaves_the_corners():
    picture, box, _ = drawn([0, 0, 0, 0, 0, 1])
    pose = torch.tensor([[0, 0, 0, 4 / 128, 0, 1.0]])
    turned = turn_head(picture, torch.from_numpy(box)[None], pose)
    centre = slice(50, 74)
    assert torch.allclose(turned[..., centre, 54:78], picture[..., centre, 50:74], atol=2e-3)
    assert torch.allclose(turned[..., :4, :4], picture[..., :4, :4], atol=1e-4)


@pytest.mark.parametrize(
    "pose", [[0.2, 0, 0, 0, 0, 1], [0, 0.12, 0, 0, 0, 1], [0, 0, 0.12, 0, 0, 1], [0, 0, 0, 0, 0, 1.06]]
)
def test_a_turned_portrait_is_nearer_to_the_head_drawn_so(pose):
    better = []
    for seed in (3, 5, 9):
        portrait, box, _ = drawn([0, 0, 0, 0, 0, 1], seed)
        wanted, _, _ = drawn(pose, seed)
        turned = turn_head(portrait, torch.from_numpy(box)[None], torch.tensor([pose]))
        x0, y0, x1, y1 = box.astype(int)
        face = (..., slice(y0, y1), slice(x0, x1))
        better.append(float((turned - wanted)[face].abs().mean() / (portrait - wanted)[face].abs().mean()))
    assert max(better) < 0.9


def test_the_mask_says_where_the_face_is():
    mask = torch.zeros(1, 20, 30)
    mask[:, 4:9, 10:25] = 1
    assert box_of_mask(mask).tolist() == [10, 4, 25, 9]


@pytest.mark.parametrize("amount", [0, 20, 60, 110])
def test_a_sway_moves_by_the_amount_that_was_asked_for(amount):
    pose = sway(250, amount, seed=3).values.numpy()
    assert pose.shape == (250, 6)
    assert float(motion_bucket(pose)) == pytest.approx(amount, rel=0.15, abs=0.5)
    assert np.allclose(pose.mean(0), [0, 0, 0, 0, 0, 1], atol=0.02)


def test_a_sway_is_its_seeds_and_refuses_other_amounts():
    assert torch.equal(sway(50, 60, 1).values, sway(50, 60, 1).values)
    assert not torch.equal(sway(50, 60, 1).values, sway(50, 60, 2).values)
    with pytest.raises(SettingsError, match="by 300"):
        sway(50, 300, 1)


def test_keyframes_are_met_on_time_and_held_at_the_ends():
    pose = from_keys(parse_keys("0.4 yaw=0\n1 yaw=5 x=0.01 # to the right\n\n0:02 yaw=-5"), 75).values
    assert pose.shape == (75, 6)
    assert torch.equal(pose[:11], STILL.expand(11, -1))
    assert float(pose[25, 0]) == pytest.approx(np.radians(5), rel=0.03)
    assert float(pose[25, 3]) == pytest.approx(0.01, rel=0.03)
    assert torch.equal(pose[50], pose[74])
    assert pose[:, 0].abs().max() <= np.radians(5)  # no overshoot between keys


@pytest.mark.parametrize("text", ["soon yaw=3", "1 yew=3", "1 yaw=much", "1 yaw"])
def test_an_unreadable_keyframe_is_named_by_its_line(text):
    with pytest.raises(SettingsError, match="Line 2 of the head's keyframes"):
        parse_keys(f"0 yaw=1\n{text}")


def test_keyframes_out_of_order_and_none_at_all_are_refused():
    with pytest.raises(SettingsError, match="order of time"):
        parse_keys("2 yaw=1\n1 yaw=0")
    with pytest.raises(SettingsError, match="no head pose"):
        parse_keys("# nothing")


def test_a_turn_beyond_reach_is_bent_back():
    pose = from_keys(parse_keys("0 yaw=80"), 3).values
    assert 0.3 < float(pose[0, 0]) < 0.36


def test_another_heads_course_goes_there_and_back_about_its_own_middle():
    course = np.zeros((5, 6))
    course[:, 5] = 1
    course[:, 0] = np.linspace(0.1, 0.3, 5)
    pose = from_course(course, 9, smooth=0).values[:, 0]
    assert torch.allclose(pose[:5], torch.tanh(torch.linspace(-0.1, 0.1, 5) / 0.35) * 0.35)
    assert torch.allclose(pose[5:8], pose[1:4].flip(0))
    twice = from_course(course, 9, smooth=0, strength=2).values[:, 0]
    assert float(twice[4]) == pytest.approx(0.35 * np.tanh(0.2 / 0.35))


def test_the_course_of_drawn_heads_is_told_by_where_their_parts_are():
    angles = np.linspace(-0.15, 0.15, 7)
    for part in (0, 1, 2):
        poses = [[0, 0, 0, 0, 0, 1.0] for _ in angles]
        for pose, angle in zip(poses, angles, strict=True):
            pose[part] = angle
        places = [drawn(pose)[1:] for pose in poses]
        read = head_course(np.array([box for box, _ in places]), np.array([points for _, points in places]))
        assert np.corrcoef(read[:, part], angles)[0, 1] > 0.98
        assert np.polyfit(angles, read[:, part], 1)[0] == pytest.approx(1, abs=0.06)


def test_a_picture_without_landmarks_stands_as_the_one_before():
    """A detector misses a frame now and then, and photographs cannot be read without landmarks."""
    pictures = [Portrait(drawn([yaw, 0, 0, 0, 0, 1])[0][0]) for yaw in (0, 0.1, 0.1)]
    points = [torch.tensor(drawn([yaw, 0, 0, 0, 0, 1])[2]) for yaw in (0, 0.1)]
    places = [FacePlace(landmarks=points[0]), FacePlace(landmarks=points[1]), FacePlace()]
    whole = read_head_course(None, pictures, [*places[:2], places[1]])
    assert np.array_equal(read_head_course(None, pictures, places), whole)
    with pytest.raises(FaceError, match="3 pictures were given, but there are 2"):
        read_head_course(None, pictures[:2], places)


def test_reading_needs_landmarks_or_a_reader():
    picture = Portrait(drawn([0, 0, 0, 0, 0, 1])[0][0])
    with pytest.raises(FaceError, match="without landmarks and without a reader"):
        read_head_course(None, [picture], [FacePlace(box=(30, 30, 90, 100))])
    reader = HeadPoseReader(HeadPoseReaderConfig(input_size=32, channels=(4, 4), width=4)).eval()
    read = read_head_course(reader, [picture] * 3, [FacePlace(box=(30, 30, 90, 100))])
    assert read.shape == (3, 6)


def conditions(portrait: torch.Tensor, frames: int) -> VideoConditions:
    generator = torch.Generator().manual_seed(0)
    return VideoConditions(
        portrait_latent=portrait,
        lip=torch.randn(frames, 8, generator=generator),
        driving_expression=torch.randn(frames, 6, generator=generator),
        reference_expression=torch.zeros(6),
        face_mask=torch.ones(1, 32, 32),
        lip_mask=torch.zeros(1, 32, 32),
    )


def test_each_window_sees_the_portrait_turned_for_its_own_frames():
    torch.manual_seed(0)
    network = ETHD(TINY.ethd).eval()
    settings = VideoSamplingSettings(steps=2, window=4, overlap=2)
    portrait = torch.randn(4, 8, 8)
    still = sample_video(network, conditions(portrait, 10), frame_count=10, settings=settings)
    same = sample_video(network, conditions(portrait.expand(10, -1, -1, -1), 10), frame_count=10, settings=settings)
    assert torch.allclose(still, same, atol=1e-5)
    turned = portrait.expand(10, -1, -1, -1).clone()
    turned[8:] += 1  # seen by the last two windows alone
    changed = sample_video(network, conditions(turned, 10), frame_count=10, settings=settings)
    assert torch.allclose(changed[:4], still[:4], atol=1e-5)
    assert not torch.allclose(changed[8:], still[8:], atol=1e-3)
    with pytest.raises(InputError, match="pose covers 7 frames, but the video has 10"):
        sample_video(network, conditions(turned[:7], 10), frame_count=10, settings=settings)


def test_the_pose_type_says_its_rest():
    assert torch.equal(HeadPose(STILL).values[0], torch.tensor([0, 0, 0, 0, 0, 1.0]))


def test_the_motion_bucket_grows_with_motion_and_is_zero_at_rest():
    rest = np.tile(np.array([0, 0, 0, 0, 0, 1.0]), (24, 1))
    sway = rest.copy()
    sway[:, 0] = np.sin(np.arange(24) / 4) * 0.1
    assert motion_bucket(rest) == 0
    assert 0 < motion_bucket(sway) < motion_bucket(rest + 2 * (sway - rest)) <= 255
