"""Eyes and mouth from close by: where they are found, what a close-up shows, and where it is seen."""

import math
from itertools import repeat

import pytest
import torch

from emotivetalk_core.face.close_up import (
    EYES_MOUTH,
    HIGH,
    SPOTS,
    WIDE,
    CloserLook,
    CloseUp,
    from_close_by,
    inside,
    is_a_face,
    over,
    place_of,
    pulled_out,
    shown,
)
from emotivetalk_core.face.detail import at_own_resolution
from emotivetalk_core.face.head_turn import turn_head
from emotivetalk_core.face.teeth import teeth_picture
from emotivetalk_core.types import HeadPose

PLACE = torch.tensor([[0.9, 0.2, 40.0], [-0.1, 0.8, 30.0]])
"""A face aslant, a little smaller than its close-up."""
SIDE = 220


def spots(place: torch.Tensor = PLACE) -> torch.Tensor:
    """Eyes and mouth of a face in that place, in the picture's pixels."""
    known = torch.tensor(EYES_MOUTH)
    return torch.cat((known, torch.ones(3, 1)), 1) @ place.mT


def ramp(high: int, wide: int, across: float = 2e-3, down: float = -1e-3) -> torch.Tensor:
    """A picture whose light grows by as much from pixel to pixel [1, 3, h, w]: interpolation nearly keeps it."""
    rows, columns = torch.arange(high)[:, None] + 0.5, torch.arange(wide) + 0.5
    return (0.4 + across * columns + down * rows).expand(1, 3, -1, -1).contiguous()


def says(offset: tuple[float, float] = (0.0, 0.0), share: float = 1.0, added: float = 0.0, count: int = 1) -> CloseUp:
    """The same everywhere, and nowhere teeth; the offset in pixels of the close-up."""
    moved = (torch.tensor(offset) / WIDE)[:, None, None].expand(count, 2, HIGH // 2, WIDE // 2)
    return without_teeth(moved, torch.full((count, 1, HIGH, WIDE), share), torch.full((count, 3, HIGH, WIDE), added))


def without_teeth(offset: torch.Tensor, share: torch.Tensor, added: torch.Tensor) -> CloseUp:
    return CloseUp(offset, share, added, torch.zeros_like(share), torch.zeros_like(offset))


def test_a_face_is_found_by_its_eyes_and_mouth():
    assert torch.allclose(place_of(spots()), PLACE, atol=1e-4)
    face = from_close_by(ramp(SIDE, SIDE), place_of(spots()))
    rows, columns = torch.arange(HIGH)[:, None] + 0.5, torch.arange(WIDE) + 0.5
    x, y = (PLACE[i, 0] * columns + PLACE[i, 1] * rows + PLACE[i, 2] for i in (0, 1))
    assert torch.allclose(face, (0.4 + 2e-3 * x - 1e-3 * y).expand(1, 3, -1, -1), atol=5e-4)
    own = torch.rand(1, 3, HIGH, WIDE, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(from_close_by(own, place_of(torch.tensor(EYES_MOUTH))), own, atol=1e-4)


def test_eyes_and_mouth_that_no_face_has_are_told():
    turned = torch.tensor([[0.0, -1.3, 90.0], [1.3, 0.0, 40.0]])
    for known in (PLACE, turned, PLACE * torch.tensor([[1.0], [1.5]])):
        assert is_a_face(place_of(spots(known)))
    mirrored, long = PLACE * torch.tensor([[-1.0], [1.0]]), PLACE * torch.tensor([[1.0], [2.5]])
    eyes_swapped, in_line = spots()[[1, 0, 2]], torch.tensor([[10.0, 10.0], [40.0, 10.0], [25.0, 10.5]])
    for other in (spots(mirrored), spots(long), eyes_swapped, in_line):
        assert not is_a_face(place_of(other))


def test_what_a_close_up_shows_came_from_there_is_there_in_part_and_has_something_added():
    face = ramp(HIGH, WIDE)
    seen = shown(says((3.0, -2.0), 0.75, 0.1), face)
    wanted = 0.75 * (face + 3 * 2e-3 + 2 * 1e-3) + 0.1
    assert torch.allclose(seen[..., 8:-8, 8:-8], wanted[..., 8:-8, 8:-8], atol=5e-4)


def test_in_the_picture_it_is_seen_as_in_its_place_near_eyes_and_mouth():
    """A shift by three pixels of the close-up is one by as many as those have in the picture, the way the face lies."""
    picture = ramp(SIDE, SIDE)
    look = CloserLook(picture, spots(), lambda faces, motion: None)
    near = look.shown(says((3.0, -2.0), 0.75, 0.1))
    seen, counts = near[:, :3], near[:, 3:]
    shift = PLACE[:, :2] @ torch.tensor([3.0, -2.0])
    wanted = 0.75 * (picture + 2e-3 * shift[0] - 1e-3 * shift[1]) + 0.1
    assert torch.allclose(seen, counts * wanted[(..., *look.window)], atol=5e-4)
    everywhere = torch.zeros(1, 1, SIDE, SIDE)
    everywhere[(..., *look.window)] = counts
    for x, y in spots().tolist():
        assert everywhere[0, 0, int(y), int(x)] == 1
    assert everywhere[0, 0, :, :20].max() == 0 and 0.1 < everywhere[(..., *look.window)].mean() < 0.5
    frames = torch.rand(1, 3, *counts.shape[-2:], generator=torch.Generator().manual_seed(0))
    mixed = over(near, frames)
    assert torch.allclose(mixed, torch.lerp(frames, wanted[(..., *look.window)], counts), atol=5e-4)


def pulled(share: float) -> torch.Tensor:
    """Offsets by which all is pulled out of a line, downwards: what is seen came from so little of its size."""
    down = torch.arange(HIGH // 2) * 2 + 1.0 - HIGH / 2
    return torch.stack((torch.zeros(HIGH // 2), (share - 1) * down / WIDE))[None, ..., None].expand(
        -1, -1, -1, WIDE // 2
    )


def test_what_is_pulled_out_of_too_little_is_known_by_its_least_size():
    for share, wanted in ((1.0, 0), (1.4, 0), (0.6, 0), (0.45, 0.5), (0.3, 1), (0.05, 1)):
        for offset in (pulled(share), pulled(share) + 0.1):
            assert torch.allclose(pulled_out(offset), torch.tensor(float(wanted)), atol=1e-3), share
    turned = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    x, y = torch.meshgrid(torch.arange(WIDE // 2) * 2.0, torch.arange(HIGH // 2) * 2.0, indexing="xy")
    here = torch.stack((x, y))
    aslant = turned @ torch.diag(torch.tensor([1.3, 0.45])) @ turned.mT
    offset = (torch.einsum("ij,jhw->ihw", aslant, here) - here)[None] / WIDE
    assert torch.allclose(pulled_out(offset), torch.tensor(0.5), atol=1e-3)


def test_hairs_of_a_line_do_not_become_stripes_where_it_is_pulled_out():
    """Of lines one pixel wide; where less is pulled, they stay."""
    stripes = (torch.arange(WIDE) % 4 < 2).float().expand(1, 3, HIGH, WIDE)
    look = CloserLook(stripes, torch.tensor(EYES_MOUTH), lambda faces, motion: None)
    for share, contrast in ((0.9, 0.5), (0.2, 0.02)):
        near = look.shown(without_teeth(pulled(share), torch.ones(1, 1, HIGH, WIDE), torch.zeros(1, 3, HIGH, WIDE)))
        whole = near[:, 3:] == 1
        seen = near[:, :1][whole]
        assert seen.std() == pytest.approx(contrast, abs=0.03) and seen.mean() == pytest.approx(0.5, abs=0.05)


def grinning(wide: float = 60.0, high: float = 20.0) -> CloseUp:
    """White all over, and around the mouth teeth, as many as there are over so many pixels of the close-up."""
    x, y = EYES_MOUTH[2]
    rows, columns = torch.arange(HIGH // 2)[:, None] * 2 + 1.0, torch.arange(WIDE // 2) * 2 + 1.0
    across, down = (columns - x) / wide + 0.5, (rows - y) / high + 0.5
    tooth = torch.stack(torch.broadcast_tensors(across, down))[None]
    inside = ((tooth > 0) & (tooth < 1)).all(1, keepdim=True).float()
    teeth = inside.repeat_interleave(2, -1).repeat_interleave(2, -2)
    white, nothing = torch.ones(1, 3, HIGH, WIDE), torch.zeros(1, 1, HIGH, WIDE)
    return CloseUp(torch.zeros(1, 2, HIGH // 2, WIDE // 2), nothing, white, teeth, tooth)


def test_teeth_are_light_as_their_picture_is():
    """One by one pixel of it, so that it can be laid over what is shown."""
    seen = shown(grinning(), torch.zeros(1, 3, HIGH, WIDE))
    left, top = (int(EYES_MOUTH[2][i] - half) for i, half in ((0, 30), (1, 5)))
    wanted = teeth_picture(1.0)
    assert wanted.shape == (1, 3, 10, 60)
    seen = shown(grinning(60.0, 10.0), torch.zeros(1, 3, HIGH, WIDE))
    inner = (..., slice(top + 1, top + 9), slice(left + 1, left + 59))
    assert torch.allclose(seen[inner], wanted[..., 1:-1, 1:-1], atol=1e-4)
    assert wanted[..., 1:-1, 1:-1].std() > 0.02 and (seen[..., : top - 1, :] == 1).all()


def test_in_a_large_picture_teeth_are_as_fine_as_that():
    """In one eight times as large as the close-up: lines between them are as dark as they are, which the close-up's own
    few pixels cannot tell.
    """
    look = CloserLook(torch.zeros(1, 3, 8 * HIGH, 8 * WIDE), 8 * torch.tensor(EYES_MOUTH), lambda faces, motion: None)
    near = look.shown(grinning())
    assert near.shape[-2:] == (8 * HIGH, 8 * WIDE)
    x, y = (int(8 * each) for each in EYES_MOUTH[2])
    line, tooth = near[0, 0, y - 8, x - 1 : x + 1].mean(), near[0, 0, y - 8, x + 20]
    fine, coarse = (teeth_picture(scale)[0, 0] for scale in (8.0, 1.0))
    assert tooth > 0.98 and line == pytest.approx(float(fine[fine.shape[0] // 2 - 4, fine.shape[1] // 2]), abs=0.03)
    assert line < coarse[4].min() - 0.02


def test_what_is_shown_stays_a_picture():
    look = CloserLook(ramp(SIDE, SIDE), spots(), lambda faces, motion: None)
    near = look.shown(says(added=5.0))
    assert torch.equal(near[:, :3], near[:, 3:].expand(-1, 3, -1, -1))


def test_ellipses_are_whole_in_the_middle_and_fade_towards_their_rim():
    for x, y, wide, high in SPOTS:
        counts = inside(((x, y, wide, high),))[0, 0]
        assert counts[int(y), int(x)] == 1 == counts[int(y - high / 2), int(x)]
        along = counts[int(y), int(x) : int(x + wide)]
        assert along[-1] < 0.02 and (along.diff() <= 0).all()
    together = torch.stack([inside((each,)) for each in SPOTS])
    assert torch.equal(inside(SPOTS), together.amax(0))


def test_a_large_picture_is_made_as_small_as_the_close_up_before_it_is_looked_at():
    """Lines one pixel wide, in a face four times as large, are grey in the close-up, and not lines elsewhere."""
    seen: list[torch.Tensor] = []

    def looking(faces: torch.Tensor, motion: torch.Tensor) -> None:
        seen.append(faces)

    picture = (torch.arange(4 * HIGH)[:, None] % 2).float().expand(1, 3, 4 * HIGH, 4 * WIDE)
    look = CloserLook(picture, 4 * torch.tensor(EYES_MOUTH), looking)
    assert look.at(torch.zeros(1, 2)) is None
    (face,) = seen
    assert face.shape == (1, 3, HIGH, WIDE)
    assert torch.allclose(face[..., 2:-2, 2:-2], torch.tensor(0.5), atol=0.02)


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def white(faces: torch.Tensor, motion: torch.Tensor) -> CloseUp:
    return says(share=0.0, added=1.0, count=len(motion))


def finished(picture: torch.Tensor, **told) -> torch.Tensor:
    """The one frame of a film that stands still."""
    told = {"close_ups": white, "motions": torch.zeros(1, 2), "eyes_mouth": spots(), **told}
    (seen,) = at_own_resolution([picture], repeat(picture), picture, **told)
    return seen


def everywhere() -> torch.Tensor:
    """How far a close-up is seen [1, s, s]."""
    look = CloserLook(torch.zeros(1, 3, SIDE, SIDE), spots(), white)
    counts = torch.zeros(1, 1, SIDE, SIDE)
    counts[(..., *look.window)] = look.shown(says())[:, 3:]
    return counts[0]


def test_at_own_resolution_close_ups_are_seen_near_eyes_and_mouth_alone(picture: torch.Tensor):
    counts = everywhere()
    assert torch.allclose(finished(picture), torch.lerp(picture, torch.ones_like(picture), counts), atol=1e-5)
    half = torch.lerp(picture, torch.ones_like(picture), 0.5 * counts)
    assert torch.allclose(finished(picture, amount=0.5), half, atol=1e-5)
    for nothing in (
        {"amount": 0.0},
        {"motions": None},
        {"eyes_mouth": None},
        {"close_ups": None},
        {"close_ups": lambda faces, motion: None},
        {"eyes_mouth": spots()[[1, 0, 2]]},
    ):
        assert torch.allclose(finished(picture, **nothing), picture, atol=1e-5), nothing


def test_at_own_resolution_they_turn_with_the_head(picture: torch.Tensor):
    """A head that leans: what is painted lies where its eyes and mouth have gone."""
    pose = torch.tensor([[0.0, 0.0, 0.2, 0.05, 0.0, 1.0]])
    box = torch.tensor([40.0, 30.0, 180.0, 200.0])
    grey = torch.full_like(picture, 0.3)
    (seen,) = at_own_resolution(
        [grey],
        repeat(grey),
        grey,
        close_ups=white,
        motions=torch.zeros(1, 2),
        eyes_mouth=spots(),
        head_pose=HeadPose(pose),
        face_box=box,
    )
    counts = turn_head(everywhere()[None], box[None], pose)[0]
    assert torch.allclose(seen, torch.lerp(grey, torch.ones_like(grey), counts), atol=1e-3)
    assert (counts - everywhere()).abs().max() > 0.5


def test_at_own_resolution_each_frame_has_its_own(picture: torch.Tensor):
    """Told apart by their motion, frame by frame, however many are looked at together."""
    count = 11

    def as_bright(faces: torch.Tensor, motion: torch.Tensor) -> CloseUp:
        return without_teeth(
            torch.zeros(len(motion), 2, HIGH // 2, WIDE // 2),
            torch.zeros(len(motion), 1, HIGH, WIDE),
            motion[:, :1, None, None].expand(-1, 3, HIGH, WIDE),
        )

    light = torch.linspace(0, 1, count)[:, None]
    seen = at_own_resolution(
        [picture] * count, repeat(picture), picture, close_ups=as_bright, motions=light, eyes_mouth=spots()
    )
    x, y = (math.floor(each) for each in spots()[2].tolist())
    assert torch.allclose(torch.stack([frame[0, y, x] for frame in seen]), light[:, 0], atol=1e-4)
