"""What a network says of a frame beside its portrait, applied: each part of the formula, and where it holds."""

from dataclasses import replace
from itertools import repeat

import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.face.detail import at_own_resolution
from emotivetalk_core.face.retouch import SMOOTH, Retouch, retouched, smooth, warped, where_changed

SIDE, PLACES = 64, 16


@pytest.fixture
def picture():
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def nothing():
    """No word on anything."""
    zeros = torch.zeros(1, 1, SIDE, SIDE)
    return Retouch(torch.zeros(1, 2, PLACES, PLACES), zeros, zeros, torch.zeros(1, 3, SIDE, SIDE))


def test_pixels_come_from_where_the_offset_says(picture):
    offset = torch.zeros(1, 2, PLACES, PLACES)
    assert torch.allclose(warped(picture, offset), picture, atol=1e-5)
    offset[:, 0], offset[:, 1] = 3 / SIDE, -2 / SIDE  # three pixels to the right, two up
    moved = warped(picture, offset)
    assert torch.allclose(moved[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-4)
    assert torch.allclose(moved[..., 10:20, -1], picture[..., 8:18, -1], atol=1e-4)  # beyond the rim, the rim


def test_a_larger_picture_moves_as_far(picture):
    """An offset is a part of the side, whatever the size."""
    large = F.interpolate(picture, scale_factor=2)  # each pixel four times
    offset = torch.zeros(1, 2, PLACES, PLACES)
    offset[:, 0] = 1 / SIDE
    assert torch.allclose(warped(large, offset)[..., :-2], large[..., 2:], atol=1e-4)


def test_light_is_what_is_smooth():
    even = torch.full((1, 3, SIDE, SIDE), 0.3)
    assert torch.allclose(smooth(even), even)
    checks = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)) % 2
    assert torch.allclose(smooth(checks[None, None].float()), torch.full((1, 1, SIDE, SIDE), 0.5))
    assert SIDE % SMOOTH == 0


def test_each_part_of_the_formula(picture, nothing):
    generator = torch.Generator().manual_seed(1)
    frame, base = (torch.rand(1, 3, SIDE, SIDE, generator=generator) for _ in range(2))
    everywhere, ones = torch.ones(1, 1, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE)

    def seen(said, changed=everywhere):
        return retouched(said, frame, picture, picture, base, changed)

    assert torch.equal(seen(nothing), base)
    portrait = replace(nothing, share=ones)
    assert torch.allclose(seen(portrait), picture, atol=1e-5)
    lit = replace(portrait, shading=ones)
    assert torch.allclose(seen(lit), picture + smooth(frame - picture), atol=1e-5)
    added = replace(nothing, added=frame)
    assert torch.allclose(seen(added), base + frame)
    half = torch.zeros(1, 1, SIDE, SIDE)
    half[..., SIDE // 2 :] = 1
    mixed = seen(replace(lit, added=frame), half)
    assert torch.equal(mixed[..., : SIDE // 2], base[..., : SIDE // 2])  # where no change is believed, nothing is done
    assert not torch.allclose(mixed[..., SIDE // 2 :], base[..., SIDE // 2 :], atol=0.1)


@pytest.mark.parametrize("scale", [1, 2, 2.7])
def test_a_small_change_in_a_large_picture_is_all_that_is_computed_and_all_of_it(picture, nothing, scale):
    """What is added is cut off nowhere, whatever the sizes."""
    large = F.interpolate(picture, scale_factor=scale, mode="bilinear")
    changed = torch.zeros(1, 1, SIDE, SIDE)
    changed[..., 20:31, 40:43] = 1
    added = torch.ones(1, 3, SIDE, SIDE)
    window = where_changed(changed, large.shape[-2:])
    seen = retouched(replace(nothing, added=added), picture, large, picture, large, changed, window)
    assert warped(large, nothing.offset, window).shape[-1] < 12 * scale
    wanted = large + F.interpolate(changed, size=large.shape[-2:], mode="bilinear")
    assert torch.allclose(seen, wanted, atol=1e-6) and not torch.equal(seen, large)
    still = torch.zeros_like(changed)
    nowhere = where_changed(still, large.shape[-2:])
    assert torch.equal(retouched(replace(nothing, added=added), picture, large, picture, large, still, nowhere), large)


def test_at_own_resolution_it_is_asked_of_what_changed_alone(picture, nothing):
    """A frame whose left half stands still: a retoucher that paints everything white paints the right one."""
    square = F.interpolate(picture, scale_factor=2, mode="bicubic").clamp(0, 1)[0]
    frame = picture[0].clone()
    frame[..., SIDE // 2 :] = 0.0
    asked = []

    def white(frames, pictures):
        asked.append((frames, pictures))
        return replace(nothing, added=torch.ones(1, 3, SIDE, SIDE))

    def seen(amount, retoucher):
        (shown,) = at_own_resolution([frame], repeat(square), picture[0], amount=amount, retoucher=retoucher)
        return shown

    plain, painted = seen(1.0, None), seen(1.0, white)
    assert torch.equal(painted[..., : SIDE - 24], square[..., : SIDE - 24])
    assert (painted[..., SIDE + 24 :] == 1).all() and plain[..., SIDE + 24 :].max() < 0.1
    ((frames, pictures),) = asked
    assert torch.equal(frames[0], frame) and pictures.shape == frames.shape
    assert (pictures - picture).abs().mean() < 0.15  # the square, at the frame's size; of another picture 0.33
    assert torch.allclose(seen(0.5, white)[..., SIDE + 24 :], torch.full((3, 2 * SIDE, SIDE - 24), 0.5), atol=0.05)
    asked.clear()
    seen(0.0, white)
    assert not asked
