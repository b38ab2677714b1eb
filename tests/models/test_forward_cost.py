"""What one forward of the backbone computes and copies, counted by torch itself: no machine's mood moves it."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.device import bfloat16_unit
from emotivetalk_core.layers.attention import Attention
from emotivetalk_core.layers.attention_functions import AttentionFunction, matrix_product, scaled_dot_product
from emotivetalk_core.layers.parts import Parts
from emotivetalk_core.layers.resnet import as_pictures_lie
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.types import MotionConditions

CONFIG = ETHDConfig(
    block_channels=(16, 32), attends=(True, False), layers_per_block=1, head_dim=8, cross_dim=16, norm_groups=4
)
FRAMES, SIDE = 6, 16


def forward(
    face: slice, attention: AttentionFunction = scaled_dot_product, dtype: torch.dtype | None = None
) -> Callable[[], torch.Tensor]:
    """A forward of one clip whose face covers these rows and columns."""
    torch.manual_seed(0)
    network = ETHD(CONFIG, attention=attention, dtype=dtype).eval().requires_grad_(False)
    as_pictures_lie(network)
    masks = torch.zeros(2, 1, 1, SIDE, SIDE)
    masks[0, ..., face, face] = 1
    conditions = MotionConditions(
        lip=torch.randn(1, FRAMES, CONFIG.lip_dim, dtype=dtype),
        driving_expression=torch.randn(1, FRAMES, CONFIG.expression_dim, dtype=dtype),
        reference_expression=torch.randn(1, CONFIG.expression_dim, dtype=dtype),
        face_mask=masks[0],
        lip_mask=masks[1],
    )
    x = torch.randn(1, FRAMES, CONFIG.in_channels, SIDE, SIDE, dtype=dtype)
    return lambda: network(x, torch.zeros(1), conditions, torch.ones(1, 3))


def flops(compute: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        compute()
    return counter.get_total_flops()


def copied(compute: Callable[[], object]) -> int:
    """Values that were written only to lie elsewhere or in another order, by what torch's profiler records: inside of
    other operations too, where a matrix product of many small ones copies the weights for each.
    """
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
        compute()
    shapes = [event.input_shapes[0] for event in profiled.events() or () if event.name == "aten::copy_"]
    return sum(math.prod(shape) for shape in shapes)


def test_expression_is_computed_inside_its_mask_only() -> None:
    """The same network at two masks: what lies between them is EDI and the sequence's attention at three quarters of
    the places, at three sites of the first level and at the middle one.
    """
    # written as matrix products, for torch does not count its fused attention on a CPU
    whole, quarter = (flops(forward(face, matrix_product)) for face in (slice(0, 16), slice(4, 12)))
    tokens, expected = CONFIG.context_tokens, 0
    for sites, width, side in ((3, CONFIG.block_channels[0], SIDE), (1, CONFIG.block_channels[1], SIDE // 2)):
        injector = 2 * width * width + 2 * (2 * tokens * width)  # query and output; scores and answers, twice
        sequence = 2 * width * width + 2 * FRAMES * tokens * width
        expected += 2 * sites * FRAMES * (side * side * 3 // 4) * (injector + sequence)
    assert whole - quarter == expected


def test_a_forward_copies_no_more_than_it_did() -> None:
    """In clips of the first level's width; most of it are biases. Whoever makes it less lowers the number. Each
    processor in the format that films are reckoned in there, for in bfloat16 those without it copy otherwise.
    """
    clip = FRAMES * SIDE * SIDE * CONFIG.block_channels[0]
    dtype, most = (torch.bfloat16, 135) if bfloat16_unit() else (torch.float32, 141)
    assert copied(forward(slice(4, 12), dtype=dtype)) <= most * clip


@pytest.mark.parametrize("batch", [1, 2])
def test_attention_along_frames_copies_no_weights(batch: int) -> None:
    """Of transposed tokens, torch copies the weights of a projection once for each place: 36 times the clip here."""
    attention = Attention(64, 64, 8, parts=Parts(dtype=torch.bfloat16)).requires_grad_(False)
    x = torch.randn(batch, FRAMES, 64, 64, dtype=torch.bfloat16)
    assert copied(lambda: attention.along_frames(x)) <= 5 * x.numel()
