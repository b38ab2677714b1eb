"""Building blocks of the networks against closed forms."""

import math

import pytest
import torch

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.layers.attention import Attention, ExpressionDecouplingInjector
from emotivetalk_core.layers.attention_functions import matrix_product, scaled_dot_product
from emotivetalk_core.layers.batch_norm import BatchNorm1d, BatchNorm2d
from emotivetalk_core.layers.embeddings import ContextTokens, sinusoidal_embedding
from emotivetalk_core.layers.region import Region
from emotivetalk_core.layers.resnet import SpaceTimeMix, TemporalResBlock, as_clip, as_frames


def test_both_attention_functions_agree_in_value_and_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(3, length, 8, generator=generator, requires_grad=True) for length in (5, 7, 7))
    fused, written_out = (attention(q, k, v, 2) for attention in (scaled_dot_product, matrix_product))
    torch.testing.assert_close(fused, written_out)
    gradients = [torch.autograd.grad(out.square().sum(), (q, k, v)) for out in (fused, written_out)]
    torch.testing.assert_close(*gradients)


def test_attention_over_one_token_does_not_depend_on_the_query() -> None:
    # The reason why each latent becomes several tokens.
    attention = Attention(8, 6, 4)
    token = torch.randn(2, 1, 6)
    out = attention(torch.randn(2, 5, 8), token)
    torch.testing.assert_close(out, out[:, :1].expand_as(out))


def randomised_injector(decoupled: bool = True) -> ExpressionDecouplingInjector:
    injector = ExpressionDecouplingInjector(8, 6, 4, decoupled=decoupled)
    for parameter in injector.parameters():
        torch.nn.init.normal_(parameter)
    return injector


EVERYWHERE = Region.of(torch.ones(2, 1, 1, 5, dtype=torch.bool))


def test_equal_expressions_inject_nothing_whatever_the_weights() -> None:
    reference = torch.randn(2, 4, 6)
    x = torch.randn(2, 3, 5, 8)
    out = randomised_injector()(x, reference.repeat_interleave(3, 0), reference, EVERYWHERE)
    torch.testing.assert_close(out, x, rtol=0, atol=1e-5)


def test_injection_stays_inside_its_mask() -> None:
    x = torch.randn(2, 3, 5, 8)
    region = Region.of(torch.tensor([[1, 0, 1, 0, 0], [0, 0, 1, 1, 0]]).bool()[:, None, None])
    out = randomised_injector()(x, torch.randn(6, 4, 6), torch.randn(2, 4, 6), region)
    assert region.places is not None and region.places.tolist() == [0, 2, 3]
    for clip, inside in enumerate(([0, 2], [2, 3])):
        outside = [place for place in range(5) if place not in inside]
        assert torch.equal(out[clip, :, outside], x[clip, :, outside])
        assert (out[clip, :, inside] != x[clip, :, inside]).all()


def test_a_region_computes_what_the_whole_picture_does_under_the_mask() -> None:
    injector, mask = randomised_injector(), torch.tensor([[0, 1, 1, 0, 0], [1, 1, 0, 0, 0]]).bool()
    x, driving, reference = torch.randn(2, 3, 5, 8), torch.randn(6, 4, 6), torch.randn(2, 4, 6)
    whole = injector(x, driving, reference, EVERYWHERE)
    part = injector(x, driving, reference, Region.of(mask[:, None, None]))
    torch.testing.assert_close(part, torch.where(mask[:, None, :, None], whole, x))


def test_an_empty_region_changes_nothing() -> None:
    x = torch.randn(2, 3, 5, 8)
    nowhere = Region.of(torch.zeros(2, 1, 1, 5, dtype=torch.bool))
    assert torch.equal(randomised_injector()(x, torch.randn(6, 4, 6), torch.randn(2, 4, 6), nowhere), x)


def test_injection_starts_at_zero() -> None:
    x = torch.randn(2, 3, 5, 8)
    out = ExpressionDecouplingInjector(8, 6, 4)(x, torch.randn(6, 4, 6), torch.randn(2, 4, 6), EVERYWHERE)
    assert torch.equal(out, x)


def test_direct_injection_ignores_the_reference() -> None:
    injector = randomised_injector(decoupled=False)
    x, driving = torch.randn(2, 3, 5, 8), torch.randn(6, 4, 6)
    outs = [injector(x, driving, torch.randn(2, 4, 6), EVERYWHERE) for _ in range(2)]
    assert torch.equal(*outs)
    assert not torch.allclose(outs[0], x)


def test_attention_along_frames_is_that_of_each_place() -> None:
    attention, x = Attention(8, 8, 4), torch.randn(2, 3, 5, 8)
    expected = torch.stack([attention(x[:, :, place]) for place in range(5)], dim=2)
    torch.testing.assert_close(attention.along_frames(x), expected)


def test_sinusoidal_embedding_is_cosines_then_sines() -> None:
    out = sinusoidal_embedding(torch.tensor([0.0, 3.0]), 4)
    expected = [[1, 1, 0, 0], [math.cos(3), math.cos(0.03), math.sin(3), math.sin(0.03)]]
    torch.testing.assert_close(out, torch.tensor(expected))


def test_context_tokens_are_normalised() -> None:
    tokens = ContextTokens(5, 3, 16)(torch.randn(2, 7, 5))
    assert tokens.shape == (2, 7, 3, 16)
    torch.testing.assert_close(tokens.mean(-1), torch.zeros(2, 7, 3), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("strategy", "switch", "spatial_share"),
    [
        ("learned", False, 1 / (1 + math.exp(-0.5))),
        ("learned_with_images", True, 1 - 1 / (1 + math.exp(-0.5))),
        ("fixed", False, 0.5),
    ],
)
def test_mix_strategies(strategy: str, switch: bool, spatial_share: float) -> None:
    mix = SpaceTimeMix(0.5, strategy, switch)
    out = mix(torch.ones(2, 3), torch.zeros(2, 3))
    torch.testing.assert_close(out, torch.full((2, 3), spatial_share))
    assert len(list(mix.parameters())) == (strategy != "fixed")
    spatial, added = torch.randn(2, 2, 3)
    torch.testing.assert_close(mix.with_added(spatial, added), mix(spatial, spatial + added))


def test_unknown_mix_strategy_is_named() -> None:
    with pytest.raises(SettingsError, match="'half'"):
        SpaceTimeMix(0.5, "half")


def test_clip_view_copies_nothing_and_is_undone() -> None:
    x = torch.randn(6, 4, 3, 2).contiguous(memory_format=torch.channels_last)
    clip = as_clip(x, 3)
    assert clip.shape == (2, 4, 3, 3, 2)
    assert clip.is_contiguous(memory_format=torch.channels_last_3d)
    assert clip.data_ptr() == x.data_ptr() == as_frames(clip).data_ptr()
    assert torch.equal(as_frames(clip), x)


def test_temporal_block_keeps_places_apart() -> None:
    # The convolutions reach along the frames only; the norms, which see the whole clip, are left out here.
    block = TemporalResBlock(4, 8, groups=2, eps=1e-6)
    x = torch.randn(1, 4, 5, 3, 3, requires_grad=True)
    hidden = block.conv2(block.conv1(x))
    gradient = torch.autograd.grad(hidden[:, :, 2, 1, 1].sum(), x)[0]
    assert gradient[..., 1, 1].abs().sum() > 0
    assert gradient.abs().sum() == pytest.approx(gradient[..., 1, 1].abs().sum().item())


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [(BatchNorm1d, torch.nn.BatchNorm1d, (4, 3)), (BatchNorm2d, torch.nn.BatchNorm2d, (4, 3, 5, 5))],
)
def test_batch_norms_are_torchs_and_compute_where_their_input_is(ours, theirs, shape):
    one, other, x = ours(3), theirs(3), torch.randn(shape)
    for network in (one, other):
        torch.nn.init.constant_(network.weight, 1.5)
    torch.testing.assert_close(one(x), other(x))  # in training, with statistics that move
    torch.testing.assert_close(one.state_dict(), other.state_dict())
    torch.testing.assert_close(one.eval()(x), other.eval()(x))
    assert one(x.double()).dtype == torch.float64
    assert one(x.to("meta")).device.type == "meta"
    with pytest.raises(ValueError, match="expected"):
        one(x[..., None, None, None])
