"""The portrait's detail given back to frames: what stands still, what moves, what turns, and how it runs in time."""

import math
from itertools import repeat

import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.face.blur import blurred
from emotivetalk_core.face.detail import (
    AROUND,
    DetailTransfer,
    at_own_resolution,
    colour_map,
    doubt_around,
    lost_colours,
    mapped,
)
from emotivetalk_core.face.head_turn import FINEST, turn_head
from emotivetalk_core.types import HeadPose

SIDE = 64


@pytest.fixture
def picture():
    """Fine noise, of which nothing is left when it is blurred."""
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def still(picture):
    return F.avg_pool2d(F.pad(picture, (2,) * 4, mode="replicate"), 5, stride=1) * 0.9


def coloured(frames, picture, still):
    """Frames with the picture's colours."""
    mapping = colour_map(still, picture)
    return mapped(frames, mapping) + lost_colours(picture, mapped(still, mapping))


def test_confused_colours_are_told_from_each_other(monkeypatch):
    """Of a map that is affine nothing is left, also of a colour that few pixels have, but for what the ridge keeps."""
    generator = torch.Generator().manual_seed(5)
    palette = torch.tensor([[0.9, 0.7, 0.6], [0.4, 0.2, 0.1], [0.8, 0.8, 0.9], [0.7, 0.3, 0.3], [0.2, 0.3, 0.6]])
    picture = palette[torch.randint(3, (SIDE, SIDE), generator=generator)]
    picture[30:32, 28:36], picture[20:22, 24:26] = palette[3], palette[4]
    picture = picture.movedim(-1, 0)[None]
    confused = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.7, 0.0], [0.2, 0.1, 0.7], [0.05, 0.0, 0.1]])
    still = mapped(picture, confused[None])
    before, after = ((each - picture).abs() for each in (still, mapped(still, colour_map(still, picture))))
    assert after.mean() < 0.5 * before.mean() and after.max() < 0.6 * before.max()
    monkeypatch.setattr("emotivetalk_core.face.detail._STEADINESS", 1e-6)
    assert (mapped(still, colour_map(still, picture)) - picture).abs().max() < 0.01
    assert torch.allclose(colour_map(picture, picture), torch.eye(4, 3)[None], atol=1e-5)


def test_a_blurred_picture_s_colours_are_its_own(picture):
    soft = F.avg_pool2d(F.pad(picture, (2,) * 4, mode="replicate"), 5, stride=1)
    large = [F.interpolate(each, scale_factor=8, mode="bicubic") for each in (soft, picture)]
    assert (colour_map(*large) - torch.eye(4, 3)).abs().max() < 0.6  # of one that is all noise


@pytest.mark.parametrize(("sigma", "radius"), [(1.3, 3), (6.0, 12), (9.0, 40)])
def test_blur_is_the_convolution_with_a_gaussian(picture, sigma, radius):
    """Over pixels that go on beyond the border, also further than the picture is wide."""
    picture = picture[..., :30, :22]
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (line[:, None] * line / line.sum() ** 2).expand(3, 1, -1, -1)
    wanted = F.conv2d(F.pad(picture, (radius,) * 4, mode="replicate"), kernel, groups=3)
    torch.testing.assert_close(blurred(picture, sigma, radius), wanted, rtol=1e-4, atol=1e-6)


def test_where_nothing_moved_the_picture_comes_out_to_the_last_bit(picture, still):
    frames = still.expand(3, -1, -1, -1)
    assert torch.equal(DetailTransfer()(frames, picture, still), picture.expand(3, -1, -1, -1))
    generator = torch.Generator().manual_seed(1)
    noisy = frames + 0.01 * torch.randn(frames.shape, generator=generator)  # a backbone is never quite still
    assert torch.equal(DetailTransfer()(noisy, picture, still), picture.expand(3, -1, -1, -1))


@pytest.mark.parametrize(
    ("difference", "shown", "let_go"),
    [(0.01, 0.0, 0.0), (0.035, 0.5, 0.0), (0.055, 1.0, 0.15625), (0.07, 1.0, 0.5), (0.2, 1.0, 1.0)],
)
def test_the_detail_is_let_go_by_as_much_as_the_frame_differs(picture, still, difference, shown, let_go):
    """The same difference everywhere, and what the two smooth steps make of it: (d - low) / (high - low), 3x² - 2x³."""
    picture, still = 0.3 + 0.2 * picture, 0.3 + 0.2 * still  # far from black and white
    seen = DetailTransfer()(still + difference, picture, still)
    kept = picture - coloured(still, picture, still)
    added = mapped(still + difference, colour_map(still, picture)) - mapped(still, colour_map(still, picture))
    assert torch.allclose(seen, picture + (shown * (1 - let_go) + let_go) * added - let_go * kept, atol=1e-4)


def test_only_the_moved_part_is_the_frames(picture, still):
    frame = still.clone()
    frame[..., 24:40, 24:40] = 0.0  # a mouth opens
    seen = DetailTransfer()(frame, picture, still)
    middle, rim = (..., slice(28, 36), slice(28, 36)), (..., slice(0, 8))
    assert torch.allclose(seen[middle], coloured(frame, picture, still)[middle].clamp(0, 1), atol=1e-5)
    assert torch.equal(seen[rim], picture[rim])


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_the_amount_leads_from_the_frame_with_its_colours_to_all_detail(picture, still, amount):
    frame = still.clone()
    frame[..., 24:40, 24:40] = 0.0
    none = coloured(frame, picture, still).clamp(0, 1)
    whole = DetailTransfer()(frame, picture, still)
    seen = DetailTransfer(amount)(frame, picture, still)
    inside = (none > 0) & (none < 1) & (whole > 0) & (whole < 1)  # elsewhere it matters what is clamped first
    assert torch.allclose(seen[inside], torch.lerp(none, whole, amount)[inside], atol=1e-5)


def test_an_amount_beyond_its_range_is_refused():
    for amount in (-0.1, 1.5, float("nan")):
        with pytest.raises(SettingsError, match="0 .* to 1"):
            DetailTransfer(amount)


def test_a_change_counts_for_less_the_further_it_is_from_a_face_that_stands_still(picture, still):
    """1 in the box and AROUND[0] of its height beyond, then e times as much for each AROUND[1]; in the corner by the
    nearest corner of the box. What moves in a far corner is the portrait's to the last bit, in the face the frame's.
    """
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 20:40, 24:40] = 1  # 20 high
    doubt = doubt_around(mask)
    assert doubt.shape == (1, 1, SIDE, SIDE) and doubt.min() == 1 and (doubt[..., 20:40, 24:40] == 1).all()
    near, further = (20 * share for share in AROUND)
    expected = [(max(0.0, 0.5 + k - near)) / further for k in range(10)]
    torch.testing.assert_close(doubt[0, 0, 30, 40:50].log(), torch.tensor(expected))
    torch.testing.assert_close(doubt[0, 0, 50, 52].log(), torch.tensor((math.hypot(10.5, 12.5) - near) / further))

    frame = still.clone()
    frame[..., 26:34, 28:36] = 0.0  # the mouth
    frame[..., 52:60, 52:60] = 0.0  # a badge
    seen = DetailTransfer(doubt=doubt)(frame, picture, still)
    assert torch.equal(seen[..., 48:, 48:], picture[..., 48:, 48:])
    plain = DetailTransfer()(frame, picture, still)
    assert not torch.equal(plain[..., 48:, 48:], picture[..., 48:, 48:])
    assert torch.equal(seen[..., 28:32, 30:34], plain[..., 28:32, 30:34])


def test_a_tiny_face_leaves_the_rest_of_a_large_picture_as_it_is(picture, still):
    """A face of four pixels in 64, whose far corners would be e^180 times as doubtful."""
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 1:5, 1:5] = 1
    frame = still.clone()
    frame[..., 52:60, 52:60] = 0.0
    large = F.interpolate(picture, scale_factor=2, mode="nearest")
    doubled = [F.interpolate(each, scale_factor=2, mode="nearest") for each in (frame, still)]
    seen = DetailTransfer(doubt=doubt_around(mask))(doubled[0], large, doubled[1])  # frames larger than the mask
    assert seen.isfinite().all() and torch.equal(seen[..., 64:, 64:], large[..., 64:, 64:])


def test_chunks_make_no_difference(picture, still):
    frames = still + 0.2 * torch.rand(7, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    whole, parts = DetailTransfer(), DetailTransfer()
    pieces = torch.cat([parts(chunk, picture, still) for chunk in frames.split(3)])
    assert torch.allclose(whole(frames, picture, still), pieces, atol=1e-6)


def test_a_change_counts_at_once_and_fades(picture, still):
    """A blink of one frame: nothing of the open eye in it, and no jump back after it."""
    blink = still.clone()
    blink[..., 24:40, 24:40] = 0.0
    frames = torch.cat([still, blink, still, still, still, still, still])
    seen = DetailTransfer()(frames, picture, still)
    spot = (slice(None), slice(None), slice(28, 36), slice(28, 36))
    away = (seen - picture)[spot].abs().mean((1, 2, 3))
    shut = coloured(blink, picture, still).clamp(0, 1)
    assert away[0] == 0 and torch.allclose(seen[spot][1], shut[spot][0], atol=1e-5)
    assert (away[2:].diff() <= 0).all() and away[2] > 0 and away[-1] == 0


def test_a_picture_of_more_pixels_keeps_them(picture, still):
    generator = torch.Generator().manual_seed(3)
    large = torch.rand(1, 3, 4 * SIDE, 4 * SIDE, generator=generator)
    assert torch.equal(DetailTransfer()(still, large, still), large)
    frame = still.clone()
    frame[..., 24:40, 24:40] = 0.0
    seen = DetailTransfer()(frame, large, still)
    assert seen.shape == large.shape and torch.equal(seen[..., :32], large[..., :32])
    assert seen[..., 120:136, 120:136].std() < 0.05 < large[..., 120:136, 120:136].std()  # the frame is smooth there


def test_every_frame_is_sharpened_by_its_own_square_and_an_upscaled_one_stays_itself(picture, still):
    squares = [torch.rand(3, 100, 100, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    crop = still[0]
    sharp = list(at_own_resolution(repeat(crop), squares, crop))
    assert len(sharp) == 2 and all(torch.equal(one, other) for one, other in zip(sharp, squares, strict=True))
    upscaled = torch.zeros(3, 2 * SIDE, 2 * SIDE)
    (seen,) = at_own_resolution([upscaled], squares, torch.ones_like(crop))
    assert seen.shape == squares[0].shape and not seen.any()


def test_detail_turns_with_the_head():
    generator = torch.Generator().manual_seed(4)
    crop = F.interpolate(torch.rand(1, 3, 16, 16, generator=generator), size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
    square = F.interpolate(crop, size=(2 * SIDE, 2 * SIDE), mode="bicubic").clamp(0, 1)
    box = torch.tensor([16.0, 16.0, 48.0, 48.0])
    pose = HeadPose(torch.tensor([[0, 0, 0, 0, 0, 1.0], [0.2, 0.1, 0, 0.03, 0, 1]]))
    frames = turn_head(crop, box[None], pose.values)
    seen = list(at_own_resolution(frames, repeat(square[0]), crop[0], head_pose=pose, face_box=box))
    wanted = turn_head(square, 2 * box[None], pose.values).clamp(0, 1)
    assert torch.allclose(torch.stack(seen), wanted, atol=1e-4)
    assert (wanted[1] - square[0]).abs().max() > 0.1


def test_a_large_picture_is_turned_as_its_small_one():
    """Above FINEST places are found on a coarser grid; a smooth picture turns out the same."""
    rows, columns = torch.meshgrid(*2 * [torch.linspace(0, 6, 2 * FINEST)], indexing="ij")
    large = torch.stack([rows.sin(), columns.sin(), (rows + columns).cos()])[None] / 2 + 0.5
    small = F.interpolate(large, size=(FINEST, FINEST), mode="bilinear", antialias=True)
    box, pose = torch.tensor([[60.0, 60.0, 190.0, 200.0]]), torch.tensor([[0.25, 0.1, 0.1, 0.02, 0.01, 1.05]])
    turned = F.interpolate(turn_head(large, 2 * box, pose), size=(FINEST, FINEST), mode="bilinear", antialias=True)
    away = (turned - turn_head(small, box, pose)).abs()
    assert away.mean() < 1e-3 and away.flatten().quantile(0.99) < 0.01  # but for the head's rim, where depth begins
