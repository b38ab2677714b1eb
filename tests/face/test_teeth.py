"""The picture of teeth: what is light in it and what is dark, at every size."""

import pytest
import torch

from emotivetalk_core.face.teeth import ACROSS, teeth_picture


def test_enamel_is_white_at_the_edge_dark_between_teeth_and_red_at_the_gum():
    fine = teeth_picture(100.0)[0]
    tooth = fine.shape[-1] // ACROSS
    assert fine.shape[-2] == 2 * tooth
    middle, between = fine[:, :, tooth // 2], fine[:, :, 0]
    edge = slice(tooth - 3, tooth + 3)
    assert middle[:, edge].min() > 0.99 and between[:, edge].max() < 0.85
    for rim in (middle[:, 0], middle[:, -1]):
        assert rim[0] > 1.4 * rim[1] and rim[0] < 0.8


def test_both_rows_are_one_another_in_a_mirror_and_all_teeth_alike():
    picture = teeth_picture(4.0)
    for flipped in (picture.flip(-1), picture.flip(-2), picture.roll(picture.shape[-1] // ACROSS, -1)):
        assert torch.allclose(picture, flipped, atol=1e-6)


@pytest.mark.parametrize("scale", [0.2, 1.0, 2.0])
def test_in_a_smaller_picture_it_is_as_light(scale):
    small, fine = teeth_picture(scale), teeth_picture(100.0)
    assert small.shape[-1] == ACROSS * max(5, round(5 * scale))
    assert torch.allclose(small.mean((-2, -1)), fine.mean((-2, -1)), atol=0.01)
    assert small.std() < fine.std()
