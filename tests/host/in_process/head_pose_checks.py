"""Head poses on the demo weights, inside the host's own Python: nodes say what the core says, and the MODEL gets it.

Each `check_…` raises AssertionError where they differ. Call them with the host importable, under
torch.inference_mode().
"""

import functools
from pathlib import Path
from typing import Any

import torch
from custom_nodes_EmotiveTalk.emotivetalk_core.direction.head_pose import motion_bucket, sway
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.face.portrait import read_portrait
from custom_nodes_EmotiveTalk.emotivetalk_core.models.model_set import load_model_set
from custom_nodes_EmotiveTalk.emotivetalk_core.pipeline import turned_latents
from custom_nodes_EmotiveTalk.emotivetalk_core.types import AudioFeatures, HeadPose, LipLatents
from custom_nodes_EmotiveTalk.nodes.ethd import Condition, LoadETHD
from custom_nodes_EmotiveTalk.nodes.expression import EncodeExpression, LoadFaceEncoders
from custom_nodes_EmotiveTalk.nodes.face import FaceRegions
from custom_nodes_EmotiveTalk.nodes.head_pose import HeadPoseKeys, ReadHeadPose, SwayHead
from custom_nodes_EmotiveTalk.nodes.sampler import WindowedSampler
from custom_nodes_EmotiveTalk.nodes.video import DecodeVideo
from custom_nodes_EmotiveTalk.nodes.weights import BUNDLED

ASSETS = Path(__file__).parents[3] / "emotivetalk_core" / "assets"
FRAMES = 10
HEARD = AudioFeatures(torch.zeros(FRAMES, 10, 4))
READER = "demo/head_pose_reader.safetensors"


@functools.cache
def setting() -> tuple[Any, ...]:
    """MODEL, VAE, face encoders, and the portrait's crop, masks, record and face."""
    model, vae = LoadETHD.execute("demo/ethd.safetensors", "demo/vae.safetensors").result
    encoders = LoadFaceEncoders.execute("demo/motion_encoder.safetensors", "demo/face_finder.safetensors").result[0]
    image = read_portrait(ASSETS / "portrait.png").pixels.movedim(0, -1)[None]
    crop, face_mask, lip_mask, record = FaceRegions.execute(image, face_encoders=encoders).result
    face = EncodeExpression.execute(encoders, crop, crop_record=record).result[2]
    return model, vae, encoders, crop, face_mask, lip_mask, record, face


def conditioned(pose: HeadPose | None, frames: int = FRAMES, **inputs: Any) -> tuple[Any, ...]:
    _, vae, _, crop, face_mask, lip_mask, _, face = setting()
    lips = LipLatents(torch.zeros(frames, 64))
    return Condition.execute(vae, crop, face_mask, lip_mask, face, lips, head_pose=pose, **inputs).result


def check_a_sway_is_the_cores() -> None:
    (pose,) = SwayHead.execute(HEARD, 80.0, 3).result
    assert torch.equal(pose.values, sway(FRAMES, 80.0, 3).values)


def check_the_keyframes_that_the_node_shows_are_read() -> None:
    default = {given.id: given for given in HeadPoseKeys.define_schema().inputs}["keyframes"].default
    (pose,) = HeadPoseKeys.execute(HEARD, default).result
    assert pose.values.shape == (FRAMES, 6)


def check_a_pose_of_another_length_is_refused_before_decoding() -> None:
    _, vae, _, crop, _, _, record, _ = setting()
    latent = {"samples": torch.zeros(FRAMES, 4, 32, 32)}
    try:
        DecodeVideo.execute(vae, latent, None, crop, sway(FRAMES - 1, 80.0, 3), record)
    except EmotiveTalkError as error:
        assert "covers 9 frames, but the video has 10" in str(error), str(error)
    else:
        raise AssertionError("nothing was said")


def check_the_portrait_is_turned_as_the_core_turns_it() -> None:
    *_, record, _ = setting()
    pose = sway(4, 80.0, 3)
    positive, negative, latent = conditioned(pose, 4)
    given = positive[0][1]["concat_latent_image"]
    models = load_model_set(BUNDLED / "demo")
    expected = turned_latents(models, record.crop[None], record, pose)
    assert given.shape == latent["samples"].shape
    assert torch.allclose(given, expected, atol=1e-3), float((given - expected).abs().max())
    assert torch.equal(negative[0][1]["concat_latent_image"], given)
    assert positive[0][1]["motion_bucket_id"] == float(motion_bucket(pose.values.numpy()))
    assert conditioned(sway(2, 80.0, 3), 2, motion_amount=7)[0][0][1]["motion_bucket_id"] == 7


def check_a_motion_amount_alone_lets_the_head_sway() -> None:
    """As `talk --motion` does: told the backbone alone, it would hardly move."""
    asked, swaying = conditioned(None, motion_amount=80)[0][0][1], conditioned(sway(FRAMES, 80.0, 0))[0][0][1]
    assert torch.equal(asked["concat_latent_image"], swaying["concat_latent_image"])
    assert asked["motion_bucket_id"] == swaying["motion_bucket_id"] > 10
    assert conditioned(None, motion_amount=0)[0][0][1]["concat_latent_image"].shape[0] == 1
    other, swaying = conditioned(None, motion_amount=80, sway_seed=5), conditioned(sway(FRAMES, 80.0, 5))
    assert torch.equal(other[0][0][1]["concat_latent_image"], swaying[0][0][1]["concat_latent_image"])
    assert not torch.equal(other[0][0][1]["concat_latent_image"], asked["concat_latent_image"])


def check_a_head_at_rest_is_the_portrait_itself() -> None:
    rest = HeadPose(torch.tensor([[0, 0, 0, 0, 0, 1.0]]).expand(FRAMES, -1))
    turned = conditioned(rest)[0][0][1]["concat_latent_image"]
    plain = conditioned(None)[0][0][1]["concat_latent_image"]
    assert torch.allclose(turned, plain.expand_as(turned), atol=2e-2), float((turned - plain).abs().max())


def check_the_windows_get_the_portrait_of_their_own_frames() -> None:
    pose = HeadPose(torch.tensor([[0, 0, 0, 0.06, 0, 1.0]]).repeat(12, 1))
    pose.values[:6, 3] = 0
    latents = []
    for given in (None, pose):
        positive, _, latent = conditioned(given, 12, motion_amount=0)
        sampled = WindowedSampler.execute(setting()[0], positive, latent, seed=1, steps=2).result[0]
        latents.append(sampled["samples"])
        assert ("still_face" in sampled) == (given is None)
    difference = (latents[0] - latents[1]).abs().mean((1, 2, 3))
    print("by frame:", difference)
    assert difference[9:].min() > 10 * difference[:3].max(), difference


def check_a_pose_of_another_length_is_refused() -> None:
    try:
        conditioned(sway(7, 60.0, 1))
    except EmotiveTalkError as error:
        assert "covers 7 frames, but the video has 10" in str(error)
    else:
        raise AssertionError("a pose of 7 frames drove 10")


def check_a_head_is_read_from_frames_and_not_without_a_reader_or_landmarks() -> None:
    _, _, encoders, crop, *_ = setting()
    frames = crop.repeat(5, 1, 1, 1)
    (pose,) = ReadHeadPose.execute(frames, HEARD, READER, encoders).result
    assert pose.values.shape == (FRAMES, 6)
    assert torch.allclose(pose.values, torch.tensor([0, 0, 0, 0, 0, 1.0]), atol=1e-4)  # a head that keeps still
    try:
        ReadHeadPose.execute(frames, HEARD)
    except EmotiveTalkError as error:
        assert "without landmarks" in str(error)
    else:
        raise AssertionError("a pose was read by nothing")
