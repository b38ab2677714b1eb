"""Glasses that are drawn over faces: where they are, and that they are the same on every picture of a sample."""

import torch

from emotivetalk_core.face.close_up import EYES_MOUTH, HIGH, WIDE
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.worn_glasses import glasses, worn


def test_lenses_lie_around_the_eyes_and_the_frame_around_the_lenses():
    for number in range(20):
        frame, lens, colour = glasses(keyed_generator(number))
        assert frame.shape == lens.shape == (1, 1, HIGH, WIDE) and colour.shape == (1, 3, 1, 1)
        assert 0 <= frame.min() and frame.max() == 1 and 0 <= colour.min() and colour.max() <= 1
        for x, y in EYES_MOUTH[:2]:
            assert lens[0, 0, int(y), int(x)] == 1 and frame[0, 0, int(y), int(x)] == 0
        assert not frame[..., 80:, :].any() and not lens[..., 80:, :].any()  # well above the mouth
        assert frame[..., 30:70, WIDE // 2].max() == 1  # the bridge
        inside = (lens == 1) & (frame == 0)
        beyond = torch.nn.functional.max_pool2d(inside.float(), 9, 1, padding=4) > 0
        assert frame[beyond & ~inside].mean() > 0.3


def test_no_two_pairs_are_alike():
    frames = torch.cat([glasses(keyed_generator(number))[0] for number in range(8)])
    assert all((each - frames[0]).abs().max() > 0.9 for each in frames[1:])


def test_all_pictures_of_a_sample_wear_the_same():
    pictures = tuple(torch.rand(1, 3, HIGH, WIDE, generator=keyed_generator(5, each)) for each in (0, 1))
    shown, frame = worn(pictures, keyed_generator(3))
    _, lens, colour = glasses(keyed_generator(3))
    whole = (frame == 1).expand(-1, 3, -1, -1)
    for before, after in zip(pictures, shown):
        assert torch.allclose(after[whole], colour.expand_as(after)[whole])
        away = ((frame == 0) & (lens == 0)).expand(-1, 3, -1, -1)
        assert torch.equal(after[away], before[away])
    behind = ((lens == 1) & (frame == 0)).expand(-1, 3, -1, -1)
    ratio = (shown[0] - shown[1])[behind] / (pictures[0] - pictures[1])[behind]
    assert 0.8 < ratio.median() <= 1
