"""A convolution of a doubled picture, computed on the small one: the same values with four ninths of the products."""

import pytest
import torch
from torch import Tensor
from torch.nn import Conv2d, functional
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.layers import doubling
from emotivetalk_core.layers.doubling import convolved_doubled


def plainly(convolution: Conv2d, x: Tensor) -> Tensor:
    return convolution(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


def layer(channels: int = 6, outputs: int = 8, *, bias: bool = True) -> Conv2d:
    torch.manual_seed(0)
    return Conv2d(channels, outputs, 3, padding=1, bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (5, 4), (8, 9)])
def test_the_values_are_the_same_to_the_rim(size, bias):
    convolution, x = layer(bias=bias), torch.randn(3, 6, *size)
    with torch.no_grad():
        doubled = convolved_doubled(convolution, x)
        assert doubled.shape == (3, 8, 2 * size[0], 2 * size[1])
        torch.testing.assert_close(doubled, plainly(convolution, x), rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_picture_does_not_depend_on_those_beside_it(dtype):
    convolution, x = layer().to(dtype), torch.randn(9, 6, 8, 8).to(dtype)
    with torch.no_grad():
        whole = convolved_doubled(convolution, x)
        assert torch.equal(torch.cat([convolved_doubled(convolution, part) for part in x.split(2)]), whole)


def test_it_takes_four_ninths_of_the_products():
    def flops(compute) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            compute(layer(), torch.randn(2, 6, 8, 8))
        return counter.get_total_flops()

    assert 9 * flops(convolved_doubled) == 4 * flops(plainly)


class HostLayer(Conv2d):
    """As a host's, which may keep its weights elsewhere and adds LoRAs on the way."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) + 1


def rounding(value: Tensor, convolution: Conv2d, x: Tensor) -> float:
    """Root mean square of what bfloat16 moves."""
    exact = plainly(convolution.float(), x.float())
    return float((value.float() - exact).square().mean().sqrt())


@pytest.mark.skipif(not doubling.bfloat16_unit(), reason="this processor does not compute in bfloat16 by itself")
def test_bfloat16_is_nearly_as_near_to_the_truth_as_plainly(monkeypatch):
    monkeypatch.setattr(doubling, "bfloat16_unit", lambda: "AVX-512 BF16")
    half, x = layer(64, 64).bfloat16(), torch.randn(4, 64, 16, 16).bfloat16()
    with torch.no_grad():
        quick, plain = convolved_doubled(half, x), plainly(half, x)
        assert not torch.equal(quick, plain)  # it was computed in another way
        assert rounding(quick, half, x) < 1.5 * rounding(plain, half, x)  # the added weights are rounded, too: 1.42


def test_what_hosts_trainings_and_half_precision_compute_stays_to_the_bit(monkeypatch):
    monkeypatch.setattr(doubling, "bfloat16_unit", lambda: "")  # a processor that does not compute in it
    convolution, x = layer(), torch.randn(2, 6, 5, 5)
    trained = convolved_doubled(convolution, x)
    assert torch.equal(trained, plainly(convolution, x))
    assert trained.requires_grad
    with torch.no_grad():
        half = layer().bfloat16()
        assert torch.equal(convolved_doubled(half, x.bfloat16()), plainly(half, x.bfloat16()))
        host = HostLayer(6, 8, 3, padding=1)
        assert torch.equal(convolved_doubled(host, x), plainly(host, x))
