"""From where in one picture of a person places of another came: against the pictures themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from emotivetalk_core.face.retouch import warped
from emotivetalk_core.synthesis.action_units import emotion_action_units
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.people.correspondence import correspondences
from emotivetalk_core.synthesis.people.person import sample_person
from emotivetalk_core.synthesis.people.render import render_person
from emotivetalk_core.synthesis.people.truth import person_geometry

SIZE = 160
ANNA = replace(sample_person(27), style="render", glasses="none", centre=(0.0, 0.0), picture_scale=1.0)
REST = HeadState.rest()
HAPPY = replace(REST, action_units=emotion_action_units("happy"))


def talking(opening: float = 0.0, blink: float = 0.0, before: HeadState = REST) -> HeadState:
    return replace(before, mouth=np.array([opening, 0, 0, 0.4, 0], np.float32), blink=blink)


def pictures(*states: HeadState) -> torch.Tensor:
    return torch.from_numpy(np.stack([render_person(ANNA, state, SIZE) for state in states])).movedim(-1, 1) / 255


def inside(box: np.ndarray) -> tuple[slice, slice]:
    left, top, right, bottom = box.round().astype(int)
    return slice(top, bottom), slice(left, right)


def test_what_stays_came_from_where_it_is():
    (found,) = correspondences(ANNA, [REST], REST, SIZE)
    assert found.offset.shape == (2, SIZE // 2, SIZE // 2) and found.visible.shape == found.known.shape == (SIZE, SIZE)
    assert np.abs(found.offset).max() < 1e-5
    assert np.array_equal(found.visible, found.known) and 0.2 < (found.known == 255).mean() < 0.9


@pytest.mark.parametrize(
    ("before", "after"), [(REST, talking(0.8)), (talking(0.8), REST), (REST, HAPPY), (HAPPY, talking(1.0))]
)
def test_a_portrait_taken_from_there_is_the_truth_where_it_was_seen(before: HeadState, after: HeadState):
    """Of the lips, where the most moves: what is left is light."""
    portrait, truth = pictures(before, after)
    (found,) = correspondences(ANNA, [after], before, SIZE)
    taken = warped(portrait[None], torch.from_numpy(found.offset)[None])[0]
    lips = inside(person_geometry(ANNA, after, SIZE).lip_box)
    seen = torch.from_numpy(found.visible == 255)[lips]

    def off(picture: torch.Tensor) -> float:
        return float(((picture - truth)[(slice(None), *lips)].square() * seen).sum() / seen.sum())

    assert off(taken) < 0.5 * off(portrait)


def test_what_a_closed_mouth_hid_was_not_seen_and_an_open_one_hides_nothing_of_it():
    opened, shut = (correspondences(ANNA, [a], b, SIZE)[0] for a, b in ((talking(1.0), REST), (REST, talking(1.0))))
    lips = inside(person_geometry(ANNA, talking(1.0), SIZE).lip_box)
    unseen = [((found.visible < 20) & (found.known == 255))[lips].mean() for found in (opened, shut)]
    assert unseen[0] > 0.1 > 0.02 > unseen[1]


def test_teeth_are_told_by_their_place_on_the_arch():
    """Of a broad smile: from the middle tooth outwards, the upper row from the gum down, the lower one up to it; and of
    shut lips none.
    """
    smile = replace(HAPPY, mouth=np.array([0.5, 0.5, 0, 0.9, 0], np.float32))
    shut, found = (correspondences(ANNA, [state], REST, SIZE)[0].teeth for state in (REST, smile))
    assert found.shape == (3, SIZE, SIZE) and not shut.any()
    across, down, share = found.astype(np.float32) / 255
    whole = share > 0.99
    rows, columns = np.nonzero(whole)
    assert whole.sum() > 60
    middle = person_geometry(ANNA, smile, SIZE).eyes_mouth[2, 0]
    assert np.corrcoef(columns - middle, across[whole] - 0.5)[0, 1] > 0.95
    near = np.abs(columns - middle) < 2
    assert np.abs(across[whole][near] - 0.5).max() < 0.1
    upper = down[whole] < 0.5
    assert rows[upper & near].max() <= rows[~upper & near].min() if (~upper & near).any() else True
    assert np.corrcoef(rows[upper & near], down[whole][upper & near])[0, 1] > 0.9
    picture = pictures(smile)[0].numpy()
    gums = whole & (down < 0.05)
    assert picture[:, whole & ~gums].mean() > 1.5 * picture[:, share == 0].min()


def test_what_hair_and_glasses_cover_is_not_known():
    wearing = replace(ANNA, glasses="round")
    bare, behind = (correspondences(who, [REST], REST, SIZE)[0] for who in (ANNA, wearing))
    assert (behind.known < bare.known).sum() > 20 and not (behind.known > bare.known).any()
