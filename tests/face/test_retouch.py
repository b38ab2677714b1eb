"""What a network says of a frame beside its portrait, applied: each part of the formula, and where it holds."""

from dataclasses import replace
from itertools import repeat

import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.face.detail import DetailTransfer, at_own_resolution
from emotivetalk_core.face.resizing import enlarged, resized
from emotivetalk_core.face.retouch import SMOOTH, Retouch, retouched, smooth, warped
from emotivetalk_core.face.window import is_empty, where_changed

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

    light = smooth(frame - picture).mean(1, keepdim=True)
    own = base - (smooth(frame - picture) - light)
    assert torch.allclose(seen(nothing), own, atol=1e-5)
    portrait = replace(nothing, share=ones)
    assert torch.allclose(seen(portrait), picture, atol=1e-5)
    lit = replace(portrait, shading=ones)
    assert torch.allclose(seen(lit), picture + light, atol=1e-5)
    added = replace(nothing, added=frame)
    assert torch.allclose(seen(added), own + frame, atol=1e-5)
    half = torch.zeros(1, 1, SIDE, SIDE)
    half[..., SIDE // 2 :] = 1
    mixed = seen(replace(lit, added=frame), half)
    assert torch.equal(mixed[..., : SIDE // 2], base[..., : SIDE // 2])  # where no change is believed, nothing is done
    assert not torch.allclose(mixed[..., SIDE // 2 :], base[..., SIDE // 2 :], atol=0.1)


@pytest.fixture(params=[1, 2])
def threads(request):
    """On one core parts of pictures are enlarged in another way."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("scale", [0.6, 1, 2, 2.7])
def test_nothing_changes_beyond_the_window_and_little_of_it_stands_still(scale, threads):
    """Wherever the change is, and whether it is spread by straight lines or by curves, made larger or smaller."""
    size = torch.Size((round(scale * SIDE), round(scale * 50)))
    for rows, columns in (((20, 31), (40, 43)), ((0, 1), (0, 50)), ((63, 64), (49, 50))):
        changed = torch.zeros(1, 1, SIDE, 50)
        changed[..., slice(*rows), slice(*columns)] = 1
        window = where_changed(changed, size)
        for spread in (resized, enlarged):
            whole = spread(changed, size)
            torch.testing.assert_close(spread(changed, size, window), whole[(..., *window)])
            whole[(..., *window)] = 0
            assert not whole.any()
        for lines, (first, end) in zip(window, (rows, columns), strict=True):
            assert lines.stop - lines.start <= scale * (end - first) + 4 * max(scale, 1) + 3
    assert is_empty(where_changed(torch.zeros(1, 1, SIDE, SIDE), size))


def test_hues_are_the_portraits_and_light_is_the_frames(picture, nothing):
    """A frame that turned lilac and darker: of that, darker is what is seen."""
    lilac = picture + torch.tensor([0.05, -0.25, 0.05])[:, None, None]
    everywhere = torch.ones(1, 1, SIDE, SIDE)
    seen = retouched(nothing, lilac, picture, picture, lilac, everywhere)
    torch.testing.assert_close(seen, picture - 0.05, atol=1e-5, rtol=0)
    nowhere = retouched(nothing, lilac, picture, picture, lilac, 0 * everywhere)
    assert torch.equal(nowhere, lilac)


@pytest.mark.parametrize("scale", [1, 2, 2.7])
def test_a_small_change_in_a_large_picture_is_all_that_is_computed_and_all_of_it(picture, scale, threads):
    """In its window the same comes out as of the whole, light and all, and beyond it the whole is what it was."""
    generator = torch.Generator().manual_seed(1)
    large, base = (F.interpolate(each, scale_factor=scale, mode="bilinear") for each in (picture, picture.flip(-1)))
    said = Retouch(*(torch.rand(1, c, s, s, generator=generator) for c, s in ((2, PLACES), (1, 64), (1, 64), (3, 64))))
    said = replace(said, offset=said.offset / 20)
    for rows, columns in ((slice(20, 31), slice(40, 43)), (slice(0, 9), slice(55, 64))):
        changed = torch.zeros(1, 1, SIDE, SIDE)
        changed[..., rows, columns] = torch.rand(rows.stop - rows.start, columns.stop - columns.start) + 0.1
        window = where_changed(changed, large.shape[-2:])
        whole = retouched(said, picture.flip(-1), large, picture, base, changed)
        part = retouched(said, picture.flip(-1), large, picture, base[(..., *window)], changed, window)
        torch.testing.assert_close(part, whole[(..., *window)], rtol=0, atol=1e-5)
        assert not torch.equal(part, base[(..., *window)])
        whole[(..., *window)] = base[(..., *window)]
        assert torch.equal(whole, base)


def test_at_own_resolution_some_frames_are_looked_at_together(picture):
    """As many as it is quickest with, of one square; and each comes out as it does by itself."""
    generator = torch.Generator().manual_seed(1)
    squares = [torch.rand(3, 2 * SIDE, 2 * SIDE, generator=generator) for _ in range(2)]
    squares = [squares[0]] * 11 + [squares[1]] * 9
    frames = picture + 0.2 * torch.rand(20, 1, 1, 1, generator=generator) * (torch.arange(SIDE) > 40)
    asked = []

    def retoucher(frames, pictures, motion=None):
        asked.append(len(frames))
        count = len(frames)
        light = frames - pictures
        return Retouch(0.05 * light[:, :2, ::4, ::4], light[:, :1].abs(), torch.ones(count, 1, SIDE, SIDE), 0.1 * light)

    together = torch.stack(list(at_own_resolution(frames, squares, picture[0], retoucher=retoucher)))
    assert asked == [8, 3, 8, 1]
    transfer = DetailTransfer(colours=False)
    still, wanted = picture, []
    for frame, square in zip(frames, squares, strict=True):
        base = transfer(frame[None], square[None], still)
        small = resized(square[None], frame.shape[-2:])
        said = retoucher(frame[None], small)
        wanted.append(retouched(said, frame[None], square[None], small, base, transfer.believed).clamp(0, 1))
    torch.testing.assert_close(together, torch.cat(wanted), rtol=0, atol=1e-5)
    asked.clear()
    large = F.interpolate(frames, scale_factor=8)

    def nothing_to_say(frames, pictures, motion):
        asked.append(len(frames))
        fields = (torch.zeros(len(frames), channels, *frames.shape[-2:]) for channels in (2, 1, 1, 3))
        return Retouch(*fields)

    for _ in at_own_resolution(large, squares, picture[0], retoucher=nothing_to_say):
        pass
    assert max(asked) == 2 and sum(asked) == 20  # memory does not grow with their size


def test_at_own_resolution_it_is_asked_of_what_changed_alone(picture, nothing):
    """A frame whose left half stands still: a retoucher that paints everything white paints the right one."""
    square = F.interpolate(picture, scale_factor=2, mode="bicubic").clamp(0, 1)[0]
    frame = picture[0].clone()
    frame[..., SIDE // 2 :] = 0.0
    asked, told = [], []

    def white(frames, pictures, motion):
        asked.append((frames, pictures))
        told.append(motion)
        return replace(nothing, added=torch.ones(1, 3, SIDE, SIDE))

    def seen(amount, retoucher):
        (shown,) = at_own_resolution([frame], repeat(square), picture[0], amount=amount, retoucher=retoucher)
        return shown

    plain, painted = seen(1.0, None), seen(1.0, white)
    assert torch.equal(painted[..., : SIDE - 24], square[..., : SIDE - 24])
    assert (painted[..., SIDE + 24 :] > 0.9).all() and plain[..., SIDE + 24 :].max() < 0.1
    ((frames, pictures),) = asked
    assert torch.equal(frames[0], frame) and pictures.shape == frames.shape
    assert (pictures - picture).abs().mean() < 0.15  # the square, at the frame's size; of another picture 0.33
    assert torch.allclose(seen(0.5, white)[..., SIDE + 24 :], torch.full((3, 2 * SIDE, SIDE - 24), 0.5), atol=0.05)
    assert told == [None, None]
    asked.clear()
    seen(0.0, white)
    assert not asked


def test_of_lips_that_stand_still_it_is_asked_too_where_it_is_told_the_motion(picture, nothing):
    """A retoucher that paints everything white paints the mask, and a rim around it, of a frame that is the picture."""
    lips = torch.zeros(1, SIDE // 2, SIDE // 2)
    lips[:, 16:24, 8:20] = 1

    def white(frames, pictures, motion):
        return replace(nothing, added=torch.ones(1, 3, SIDE, SIDE))

    def seen(**told):
        (shown,) = at_own_resolution([picture[0]], repeat(picture[0]), picture[0], retoucher=white, **told)
        return shown

    motion = torch.zeros(1, 4)
    for nobody_says in ({}, {"motions": motion}, {"lip_mask": lips}):
        assert torch.equal(seen(**nobody_says), picture[0])
    painted = seen(motions=motion, lip_mask=lips)
    assert (painted[:, 35:45, 19:37] > 0.99).all()
    beside = torch.ones(SIDE, SIDE, dtype=torch.bool)
    beside[28:52, 12:44] = False
    assert torch.equal(painted[:, beside], picture[0][:, beside])


def test_of_each_frame_it_is_told_the_motion(picture):
    told = []

    def heeding(frames, pictures, motion):
        told.extend(motion.tolist())
        return Retouch(*(torch.zeros(len(frames), channels, SIDE, SIDE) for channels in (2, 1, 1, 3)))

    count = 11
    frames = [picture[0] if number % 2 else 1 - picture[0] for number in range(count)]
    motions = torch.arange(2.0 * count).reshape(count, 2)
    shown = at_own_resolution(frames, repeat(picture[0]), picture[0], retoucher=heeding, motions=motions)
    assert len(list(shown)) == count and told == motions.tolist()
