"""Faces as they might be, too: pictures that belong together change alike, and places are followed."""

import numpy as np
import torch
from torch.nn import functional as F

from emotivetalk_core.face.retouch import warped
from emotivetalk_core.training.altered_faces import (
    face_form,
    head_turn,
    moved,
    moved_offset,
    reshaped,
    reshaped_offset,
    tinted,
)
from emotivetalk_core.training.samples import keyed_generator


def test_a_head_moves_a_little_and_alike_in_all_pictures():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    spot = (-((rows - 40) ** 2 + (columns - 24) ** 2) / 18).exp().expand(1, 3, 64, 64)
    off = []
    for number in range(8):
        one, half = moved((spot, spot / 2), head_turn(keyed_generator(7, number)))
        torch.testing.assert_close(one / 2, half, atol=1e-4, rtol=0)
        place = [float((one[0, 0] * where).sum() / one[0, 0].sum()) for where in (rows, columns)]
        off.append(np.hypot(place[0] - 40, place[1] - 24))
    assert 0.1 < max(off) < 8 and len(set(off)) == 8


def test_what_came_from_somewhere_comes_from_where_that_was_moved_to():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    shown = torch.stack((rows / 64, columns / 64, (rows / 9).sin() / 3 + 0.5))[None]
    offset = 0.05 * torch.randn(1, 2, 4, 4, generator=keyed_generator(1))
    turn = head_turn(keyed_generator(2))
    there = F.interpolate(offset, size=(64, 64), mode="bilinear")
    (elsewhere,) = moved((shown,), turn)
    middle = (..., slice(16, 48), slice(16, 48))
    before, after = warped(shown, there), warped(elsewhere, moved_offset(there, turn))
    assert (before - after)[middle].abs().max() < 0.01 < (before - warped(elsewhere, there))[middle].abs().max()


def test_pictures_of_another_form_come_from_where_the_others_did():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    shown = torch.stack((rows / 64, columns / 64, (rows / 9).sin() / 3 + 0.5))[None]
    offset = F.interpolate(0.05 * torch.randn(1, 2, 4, 4, generator=keyed_generator(1)), size=(64, 64), mode="bilinear")
    form = face_form(keyed_generator(2))
    then, now = reshaped(warped(shown, offset), form), warped(reshaped(shown, form), reshaped_offset(offset, form))
    middle = (..., slice(16, 48), slice(16, 48))
    assert (then - now)[middle].abs().max() < 0.01 < (then - warped(reshaped(shown, form), offset))[middle].abs().max()


def test_a_tint_is_one_affine_map_of_the_colours_for_all_pictures():
    one, other = torch.rand(2, 1, 3, 8, 8, generator=keyed_generator(1))
    before, after, between = tinted((one, other, (one + other) / 2), keyed_generator(2))
    torch.testing.assert_close(between, (before + after) / 2)
    assert (before - one).abs().mean() > 0.02
    values = torch.cat([one.flatten(2)[0], torch.ones(1, 64)]).T
    assert (torch.linalg.lstsq(values, before.flatten(2)[0].T).residuals < 1e-6).all()
    elsewhere = tinted((one,), keyed_generator(3))[0]
    assert not torch.allclose(before, elsewhere, atol=1e-2)
