"""The ETHD backbone: parity with SVD's UNet, EDI, sizes, injected parts."""

import json
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, autocast, nn

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.layers.attention_functions import matrix_product, scaled_dot_product
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.types import MotionConditions

SVD_PARAMETERS = 1_524_623_082
NEW_PARTS = ("edi", "lip_tokens", "expression_tokens", "frame_positions")
TINY = ETHDConfig(
    block_channels=(8, 16, 16, 16),
    layers_per_block=1,
    head_dim=8,
    cross_dim=12,
    context_tokens=2,
    lip_dim=5,
    expression_dim=3,
    norm_groups=4,
    addition_embed_dim=4,
)
BATCH, FRAMES, HEIGHT, WIDTH = 2, 3, 10, 6  # not multiples of 8: odd sizes on the way down


def build(config: ETHDConfig = TINY, seed: int = 0) -> ETHD:
    """A network without a zero start, so that every path counts."""
    torch.manual_seed(seed)
    network = ETHD(config)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def inputs(seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """x, c_noise, added_time."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(BATCH, FRAMES, 8, HEIGHT, WIDTH, generator=generator)
    return x, torch.randn(BATCH, generator=generator), 20 * torch.rand(BATCH, 3, generator=generator)


def conditions(seed: int = 2, *, face: float = 1.0, lip: float = 0.0) -> MotionConditions:
    generator = torch.Generator().manual_seed(seed)
    return MotionConditions(
        lip=torch.randn(BATCH, FRAMES, 5, generator=generator),
        driving_expression=torch.randn(BATCH, FRAMES, 3, generator=generator),
        reference_expression=torch.randn(BATCH, 3, generator=generator),
        face_mask=torch.full((BATCH, 1, 80, 48), face),
        lip_mask=torch.full((BATCH, 1, 80, 48), lip),
    )


def is_new(name: str) -> bool:
    return any(part in name.split(".") for part in NEW_PARTS)


@pytest.mark.parametrize("tokens", [1, 4])
@torch.no_grad()
def test_fresh_network_equals_svd(tokens: int) -> None:
    unet_class = pytest.importorskip("diffusers").UNetSpatioTemporalConditionModel
    torch.manual_seed(0)
    widths = (32, 64, 64, 96)
    svd = unet_class(
        block_out_channels=widths,
        num_attention_heads=tuple(width // 16 for width in widths),
        cross_attention_dim=24,
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
    )
    for parameter in svd.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
    ours = ETHD(ETHDConfig(block_channels=widths, head_dim=16, cross_dim=24, addition_embed_dim=8))
    keys = ours.load_state_dict(svd.state_dict(), strict=False)
    assert not keys.unexpected_keys
    assert all(is_new(name) for name in keys.missing_keys)

    x, c_noise, added_time = inputs()
    token = torch.randn(BATCH, 1, 24)
    context = token.expand(BATCH, tokens, 24)
    per_frame = context[:, None].expand(BATCH, FRAMES, tokens, 24)
    ones, zeros = torch.ones(BATCH, 1, 20, 20), torch.zeros(BATCH, 1, 20, 20)
    expected = svd(x, c_noise, token, added_time).sample
    # The reference expression is arbitrary: EDI starts at zero.
    out = ours.forward_tokens(x, c_noise, per_frame, per_frame, torch.randn_like(context), ones, zeros, added_time)
    assert (out - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_full_size_by_part() -> None:
    network = ETHD(ETHDConfig(), device="meta")
    counts = {"svd": 0} | dict.fromkeys(NEW_PARTS, 0)
    for name, parameter in network.named_parameters():
        part = next((part for part in NEW_PARTS if part in name.split(".")), "svd")
        counts[part] += parameter.numel()
    assert counts["svd"] == SVD_PARAMETERS
    # Per site of width c: query and output c², key and value 1024 c, norm 2 c. 5 sites at 320, 5 at 640, 6 at 1280.
    assert counts["edi"] == sum(2 * c * c + 2 * 1024 * c + 2 * c for c in [320] * 5 + [640] * 5 + [1280] * 6)
    assert counts["lip_tokens"] == 513 * 4096 + 2048
    assert counts["expression_tokens"] == 31 * 4096 + 2048
    assert counts["frame_positions"] == 1024 * 1024
    assert sum(counts.values()) == pytest.approx(1.577e9, rel=0.003)


def test_every_site_has_an_injector() -> None:
    names = [name for name, _ in ETHD(ETHDConfig(), device="meta").named_modules() if name.endswith(".edi")]
    assert len(names) == 16


@torch.no_grad()
def test_equal_expressions_cancel() -> None:
    network = build()
    without = build(ETHDConfig(**{**asdict(TINY), "expression_injection": "none"}))
    without.load_state_dict({k: v for k, v in network.state_dict().items() if ".edi." not in k})
    given = conditions()
    same = MotionConditions(
        given.lip,
        given.reference_expression[:, None].expand(-1, FRAMES, -1),
        given.reference_expression,
        given.face_mask,
        given.lip_mask,
    )
    x, c_noise, added_time = inputs()
    with_edi, without_edi = (net(x, c_noise, same, added_time) for net in (network, without))
    torch.testing.assert_close(with_edi, without_edi, rtol=1e-4, atol=1e-4)
    driven = network(x, c_noise, given, added_time)
    assert (driven - with_edi).abs().max() > 1e-3


@pytest.mark.parametrize(("face", "lip"), [(0.0, 0.0), (1.0, 1.0)])
@torch.no_grad()
def test_masks_shut_expression_out(face: float, lip: float) -> None:
    network = build()
    x, c_noise, added_time = inputs()
    given = conditions(face=face, lip=lip)
    other = MotionConditions(
        given.lip, given.driving_expression + 1, -given.reference_expression, given.face_mask, given.lip_mask
    )
    outs = [network(x, c_noise, c, added_time) for c in (given, other)]
    assert torch.equal(*outs)


@torch.no_grad()
def test_masks_are_binary_at_every_size() -> None:
    face = torch.zeros(1, 1, 64, 64)
    face[..., 8:56, 8:56] = 1
    lip = torch.zeros(1, 1, 64, 64)
    lip[..., 40:48, 24:40] = 1
    regions = build().expression_regions(face, lip, 8, 8)
    assert set(regions) == {(8, 8), (4, 4), (2, 2), (1, 1)}
    full = torch.zeros(64, dtype=torch.bool)
    full[regions[8, 8].places] = regions[8, 8].inside.flatten()
    full = full.view(8, 8)
    assert full[1, 1] and not full[0].any() and not full[5, 3:5].any() and full[4, 3:5].all()


@torch.no_grad()
def test_frames_are_told_apart_by_the_expression_sequence() -> None:
    # Swapping two frames of the sequence must matter beyond those frames: keys carry positions once they are trained.
    config = ETHDConfig(**{**asdict(TINY), "expression_injection": "none"})
    network = build(config)
    x, c_noise, added_time = inputs()
    given = conditions()
    swapped = given.driving_expression[:, [1, 0, 2]]
    other = MotionConditions(given.lip, swapped, given.reference_expression, given.face_mask, given.lip_mask)
    outs = [network(x, c_noise, c, added_time)[:, 2] for c in (given, other)]
    assert not torch.allclose(*outs, atol=1e-5)
    nn.init.zeros_(network.frame_positions.weight)
    outs = [network(x, c_noise, c, added_time) for c in (given, other)]
    torch.testing.assert_close(*outs, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_attention_is_the_one_given() -> None:
    calls = []

    def counted(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        calls.append((q.shape[-1], heads))
        return scaled_dot_product(q, k, v, heads)

    network = ETHD(TINY, attention=counted)
    x, c_noise, added_time = inputs()
    out = network(x, c_noise, conditions(), added_time)
    sites = sum(name.endswith(".edi") for name, _ in network.named_modules())
    assert len(calls) == 6 * sites  # two self, two cross, two branches of EDI
    assert all(width == heads * TINY.head_dim for width, heads in calls)

    other = ETHD(TINY, attention=matrix_product)
    other.load_state_dict(network.state_dict())
    torch.testing.assert_close(other(x, c_noise, conditions(), added_time), out, rtol=1e-4, atol=1e-4)


def test_every_weight_comes_from_the_given_operations() -> None:
    class Operations:
        class Linear(nn.Linear):
            pass

        class Conv2d(nn.Conv2d):
            pass

        class Conv3d(nn.Conv3d):
            pass

        class GroupNorm(nn.GroupNorm):
            pass

        class LayerNorm(nn.LayerNorm):
            pass

    network = ETHD(TINY, operations=Operations, dtype=torch.bfloat16, device="meta")
    assert all(parameter.dtype == torch.bfloat16 and parameter.is_meta for parameter in network.parameters())
    for name, module in network.named_modules():
        if list(module.parameters(recurse=False)) and not name.endswith("time_mixer"):
            assert type(module).__qualname__.startswith("test_every_weight"), name


@pytest.mark.parametrize("injection", ["edi", "direct", "none"])
def test_gradients_reach_every_parameter(injection: str) -> None:
    network = build(ETHDConfig(**{**asdict(TINY), "expression_injection": injection}))
    x, c_noise, added_time = inputs()
    network(x, c_noise, conditions(), added_time).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_zeroed_outputs_start_training_at_zero() -> None:
    network = build()
    network.zero_outputs()
    x, c_noise, added_time = inputs()
    assert not network(x, c_noise, conditions(), added_time).any()


@torch.no_grad()
def test_bfloat16_is_close_to_float32() -> None:
    network = build()
    x, c_noise, added_time = inputs()
    given = conditions()
    expected = network(x, c_noise, given, added_time)
    with autocast("cpu", torch.bfloat16):
        mixed = network(x, c_noise, given, added_time)
    halved = MotionConditions(
        given.lip.bfloat16(),
        given.driving_expression.bfloat16(),
        given.reference_expression.bfloat16(),
        given.face_mask,
        given.lip_mask,
    )
    half = network.bfloat16()(x.bfloat16(), c_noise, halved, added_time)
    for out in (mixed, half):
        assert out.dtype == torch.bfloat16
        assert (out.float() - expected).abs().mean() < 0.03 * expected.abs().mean()


def test_config_survives_json() -> None:
    assert ETHDConfig(**json.loads(json.dumps(asdict(TINY)))) == TINY


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("head_dim", 7, "head_dim 7"), ("norm_groups", 5, "norm_groups 5"), ("expression_injection", "eid", "'eid'")],
)
def test_impossible_config_is_refused(field: str, value: int | str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        ETHDConfig(**{**asdict(TINY), field: value})


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 24), (16, 8), (5, 7), (24, 8)])
@torch.no_grad()
def test_the_backbone_takes_latents_of_any_shape(height, width):
    network = build()
    face, lip = torch.zeros(1, 1, 8 * height, 8 * width), torch.zeros(1, 1, 8 * height, 8 * width)
    face[..., : 4 * height, : 4 * width] = 1
    given = MotionConditions(torch.randn(1, 3, 5), torch.randn(1, 3, 3), torch.randn(1, 3), face, lip)
    x, added = torch.randn(1, 3, 8, height, width), torch.tensor([[24.0, 0.0, 0.0]])
    out = network(x, torch.zeros(1), given, added)
    assert out.shape == (1, 3, 4, height, width) and torch.isfinite(out).all()
