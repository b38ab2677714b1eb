"""Lids that flutter blink, in closed form: latents whose part along the lids' direction is a course that is known."""

import pytest
import torch
from torch import nn

from emotivetalk_core.face.head_motion import BLINK
from emotivetalk_core.models.dicte import DiCTE, DiCTEConfig
from emotivetalk_core.sampling.expression import sample_expression
from emotivetalk_core.sampling.lids import APART, FLUTTER, LONGEST, settled_lids

LIDS = torch.tensor([3.0, 0.0, 4.0])
ASIDE = torch.tensor([4.0, 1.0, -3.0])
"""Orthogonal to them."""
REST = -0.1


def latents(course: torch.Tensor) -> torch.Tensor:
    """Lids along that course [n], while all else in the face moves."""
    other = torch.randn(len(course), generator=torch.Generator().manual_seed(len(course)))
    return course[:, None] * LIDS + other[:, None] * ASIDE


def settled(course: torch.Tensor) -> torch.Tensor:
    """The lids' course [n] that comes of it; all else stays."""
    before = latents(course)
    after = settled_lids(before, LIDS)
    torch.testing.assert_close(after @ ASIDE, before @ ASIDE, atol=1e-4, rtol=0)
    return after @ LIDS / LIDS.dot(LIDS)


def blinks(course: torch.Tensor) -> list[int]:
    """Frames of whole blinks; there is nothing else in the course."""
    found = [int(frame) for frame in (course > REST + 0.99).nonzero()]
    wanted = torch.full_like(course, REST)
    for frame in found:
        for i, shut in enumerate(BLINK, frame - 2):
            if i < len(course):
                wanted[i] = REST + float(shut)
    torch.testing.assert_close(course, wanted, atol=1e-4, rtol=0)
    return found


def fluttering(frames: int, *shut: int, depth: float = 0.8) -> torch.Tensor:
    course = torch.full((frames,), REST)
    course[list(shut)] += depth
    return course


@pytest.mark.parametrize(
    ("shut", "among"),
    [
        ((40,), range(38, 43)),
        ((40, 42, 43, 46), range(40, 44)),  # where most of them lie
        ((40, 45, 52, 60, 67), range(38, 40 + FLUTTER)),  # one for all within a second and a half
    ],
)
def test_a_flutter_is_one_whole_blink(shut: tuple[int, ...], among: range):
    (frame,) = blinks(settled(fluttering(100, *shut)))
    assert frame in among


def test_blinks_keep_their_distance_and_come_where_there_were_none_for_long():
    first, second = blinks(settled(fluttering(150, 40, 40 + APART + 5)))
    assert second - first >= APART
    found = blinks(settled(fluttering(800)))
    apart = [b - a for a, b in zip([0, *found, 800], [*found, 800])]
    assert max(apart) <= LONGEST and min(apart[:-1]) >= LONGEST - APART
    assert not blinks(settled(fluttering(LONGEST - 1)))


def test_no_film_begins_with_a_blink():
    assert not blinks(settled(fluttering(60, 0, 1, 3)))


def test_what_lasts_and_what_is_slight_is_no_blink():
    lasting = torch.full((200,), REST)
    lasting[50:120] += 0.6  # an emotion that narrows the eyes
    lasting += 0.05 * torch.sin(torch.arange(200.0))
    after = settled(lasting)[:100]
    assert (after - lasting[:100]).abs().max() < 0.12


def test_what_comes_later_changes_nothing():
    """But for the second and a half that medians and flutters reach."""
    course = fluttering(300, 40, 43, 120, 180, 182, 260)
    changed = course.clone()
    changed[220:] = fluttering(80, 20, 22, 60, 70)
    assert torch.equal(settled(course)[:180], settled(changed)[:180])


def test_lids_that_nobody_measured_are_left_as_they_are():
    course = latents(fluttering(60, 40, 43))
    assert torch.equal(settled_lids(course, torch.zeros(3)), course)


def test_what_is_sampled_is_settled():
    torch.manual_seed(0)
    config = DiCTEConfig(3, 8, 10, 6, width=16, layers=1, heads=2, tokens=40, prefix=4)
    network = DiCTE(config)
    for weights in network.parameters():
        nn.init.normal_(weights, std=0.3)
    told = {"identity": torch.randn(6), "emotion": torch.randn(3), "seed": 0, "steps": 2}
    audio = torch.randn(150, 10, 8)
    plain = sample_expression(network, audio, **told)
    network.lids.copy_(LIDS)
    after = sample_expression(network, audio, **told)
    assert torch.equal(after, settled_lids(plain, LIDS)) and not torch.equal(after, plain)
