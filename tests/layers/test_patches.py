"""Squares of pixels as channels: torch's own operations, and how they lie in memory."""

import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.layers.patches import in_patches, out_of_patches


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("side", [2, 4])
def test_they_are_torchs_own(dtype, side):
    pictures = torch.rand(2, 3, 8, 12).to(dtype)
    patches = in_patches(pictures, side)
    assert torch.equal(patches, F.pixel_unshuffle(pictures, side))
    assert torch.equal(out_of_patches(patches, side), pictures)
    assert torch.equal(out_of_patches(patches.contiguous(), side), pictures)
    assert torch.equal(
        in_patches(pictures.flip(-1)[..., :8], side), F.pixel_unshuffle(pictures.flip(-1)[..., :8], side)
    )


def test_of_half_the_bits_they_lie_as_convolutions_want_them():
    """Four numbers of 16 bits are moved as one, and no copy follows."""
    patches = in_patches(torch.rand(2, 6, 16, 16, dtype=torch.bfloat16), 4)
    assert patches.is_contiguous(memory_format=torch.channels_last)


def test_gradients_go_through():
    for operation, shape in ((in_patches, (1, 1, 8, 8)), (out_of_patches, (1, 16, 2, 2))):
        pictures = torch.rand(shape, dtype=torch.bfloat16, requires_grad=True)
        operation(pictures, 4).sum().backward()
        assert pictures.grad is not None and (pictures.grad == 1).all()
