import pytest
import torch

from emotivetalk_core.models.fan_trunk import FanTrunk
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig

TINY = MotionEncoderConfig(
    input_size=48,
    trunk="small",
    trunk_channels=(8, 16, 16, 16, 16),
    trunk_dim=24,
    head_width=24,
    lip_dim=12,
    expression_dim=5,
    adapter_channels=8,
)


def tiny_encoder() -> MotionEncoder:
    torch.manual_seed(0)
    return MotionEncoder(TINY)


def test_each_part_alone_equals_the_whole():
    encoder = tiny_encoder().eval()
    torch.nn.init.normal_(encoder.lip_adapter.conv_out.weight)
    torch.nn.init.normal_(encoder.expression_adapter.conv_out.weight)
    faces = torch.rand(3, 3, 64, 64)
    latents = encoder(faces)
    assert [tuple(v.shape) for v in (latents.pose, latents.eye)] == [(3, 6), (3, 6)]
    torch.testing.assert_close(encoder.lip(faces), latents.lip)
    torch.testing.assert_close(encoder.expression(faces), latents.expression)
    torch.testing.assert_close(encoder.identity(faces), latents.identity)


def test_a_fresh_adapter_changes_nothing():
    encoder = tiny_encoder().eval()
    image = torch.rand(2, 3, 48, 48)
    assert torch.equal(encoder.lip_adapter(image), image)


def test_statistics_bring_latents_to_zero_mean_and_unit_std():
    encoder = tiny_encoder().eval()
    faces = torch.rand(16, 3, 48, 48)
    with torch.inference_mode():
        lip, expression = encoder.lip(faces, normalised=False), encoder.expression(faces, normalised=False)
    encoder.set_statistics(lip, expression)
    for latents in (encoder.lip(faces), encoder.expression(faces)):
        torch.testing.assert_close(latents.mean(dim=0), torch.zeros(latents.shape[1]), atol=1e-4, rtol=0)
        torch.testing.assert_close(latents.std(dim=0), torch.ones(latents.shape[1]), atol=1e-3, rtol=0)
    assert "lip_mean" in encoder.state_dict()


def test_only_the_adapters_learn_once_the_trunk_is_frozen():
    encoder = tiny_encoder()
    encoder.freeze_trunk()
    encoder.train()
    running = encoder.to_mouth[2].running_mean.clone()
    latents = encoder(torch.rand(2, 3, 48, 48))
    (latents.lip.square().sum() + latents.expression.square().sum()).backward()
    learning = {name.split(".")[0] for name, p in encoder.named_parameters() if p.grad is not None}
    assert learning == {"lip_adapter", "expression_adapter"}
    assert torch.equal(encoder.to_mouth[2].running_mean, running)


def test_the_feature_tells_where_not_only_what():
    encoder = tiny_encoder().eval()
    left, right = torch.zeros(1, 3, 48, 48), torch.zeros(1, 3, 48, 48)
    left[..., 16:32, 4:12], right[..., 16:32, 36:44] = 1, 1
    assert (encoder.identity(left) - encoder.identity(right)).norm() > 0.05 * encoder.identity(left).norm()


def test_the_full_encoder_has_the_reference_layout():
    full = MotionEncoder(MotionEncoderConfig(), device="meta")
    keys = full.state_dict()
    assert keys["trunk.fc.weight"].shape == (512, 784)
    assert keys["trunk.m0.b2_plus_1.conv1.weight"].shape == (128, 256, 3, 3)
    assert keys["emo_embed.1.weight"].shape == (30, 512)
    assert "trunk.m0.b2_plus_2.conv1.weight" not in keys and "trunk.conv3.downsample.2.weight" not in keys


def test_the_fan_trunk_runs():
    trunk = FanTrunk(64, 16).eval()
    assert trunk(torch.rand(1, 3, 64, 64)).shape == (1, 16)


def test_an_unknown_trunk_is_refused():
    with pytest.raises(ValueError, match="'resnet'"):
        MotionEncoder(MotionEncoderConfig(trunk="resnet"))
