"""Rendered people: truth against geometry, lips that shut, degrees that are degrees, every look, the same for ever."""

import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("numba")

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.synthesis.action_units import ACTION_UNITS, emotion_action_units
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.people.anatomy import turn
from emotivetalk_core.synthesis.people.camera import CAMERA, FIELD, project
from emotivetalk_core.synthesis.people.hair import STYLES
from emotivetalk_core.synthesis.people.materials import CLOTH, EYE, HAIR, SKIN, TEETH
from emotivetalk_core.synthesis.people.mesh import _catmull_clark, head_mesh
from emotivetalk_core.synthesis.people.person import HAIR_STYLES, LOOKS, sample_person
from emotivetalk_core.synthesis.people.render import render_parts, render_person
from emotivetalk_core.synthesis.people.truth import LANDMARKS, landmark_points, landmarks, lip_gap, person_geometry
from emotivetalk_core.synthesis.render import head_geometry, render_head
from emotivetalk_core.types import EMOTIONS

SIZE = 96
ANNA = replace(sample_person(27), style="render", glasses="none", centre=(0.0, 0.0), picture_scale=1.0)
REST = HeadState.rest()


def state(
    emotion: str = "neutral",
    opening: float = 0.0,
    degrees: tuple[float, float, float] = (0, 0, 0),
    blink: float = 0.0,
    gaze: tuple[float, float] = (0, 0),
) -> HeadState:
    return HeadState(
        mouth=np.array([opening, 0, 0, 0.4, 0], np.float32),
        action_units=emotion_action_units(emotion),
        pose=np.array([*np.radians(degrees), 0, 0, 1], np.float32),
        blink=blink,
        gaze=np.array(gaze, np.float32),
    )


def test_the_mesh_is_whole():
    mesh = head_mesh()
    assert len(mesh.units) == 52 and {"jawOpen", "mouthSmileLeft", "eyeBlinkRight"} <= set(mesh.units)
    assert mesh.rest.shape == (22501, 3) and mesh.smooth.shape == (22501, 5719)
    # A point of the smoothed surface is a mean of old ones, so weights sum to one, and the mesh keeps its two halves.
    assert np.allclose(np.asarray(mesh.smooth.sum(1)), 1)
    front = mesh.rest[(mesh.part == 0) & (mesh.rest[:, 2] > 0.5)]
    assert front[:, 0].max() == pytest.approx(-front[:, 0].min(), abs=0.01)


def test_catmull_clark_of_a_cube_is_the_known_one():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    faces = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    weights, quads, _ = _catmull_clark(faces, 8)
    points = weights @ corners
    assert len(points) == 8 + 6 + 12 and len(quads) == 24
    # By hand: the face points' mean 1/3, the edges' 2/3, (1/3 + 2 · 2/3 + 0) / 3 = 5/9; edge points (2 + 2 · 1/2) / 4.
    assert np.allclose(np.abs(points[:8]), 5 / 9)
    assert np.allclose(np.sort(np.abs(points[14:]), axis=1), [0, 0.75, 0.75])


def test_a_person_is_the_same_for_ever_and_no_other():
    assert sample_person(5) == sample_person(5)
    pictures = [render_person(replace(sample_person(seed), style="render"), REST, 48) for seed in (5, 6)]
    again = render_person(replace(sample_person(5), style="render", age=sample_person(5).age), REST, 48)
    assert np.array_equal(pictures[0], again)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 8


def test_people_are_of_all_kinds():
    people = [sample_person(seed) for seed in range(300)]
    assert {person.hair_style for person in people} == set(HAIR_STYLES) == {*STYLES, "bald"}
    assert {person.style for person in people} == set(LOOKS)
    assert min(person.age for person in people) < 22 and max(person.age for person in people) > 75
    assert 0.35 < np.mean([person.female > 0.5 for person in people]) < 0.65
    assert np.std([person.skin_tone for person in people]) > 0.15


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("seed", [3, 27, 31])
def test_lips_are_shut_where_the_mouth_does_not_open(emotion: str, seed: int):
    person = sample_person(seed)
    assert lip_gap(person, state(emotion, 0.0)) < 0.05  # half a centimetre is a mouth ajar; half a millimetre is not
    assert lip_gap(person, state(emotion, 1.0)) > 0.15


def test_no_teeth_are_seen_between_shut_lips_and_many_in_a_laugh():
    for emotion in EMOTIONS:
        _, parts = render_parts(ANNA, state(emotion, 0.0), 128)
        assert (parts == TEETH).sum() <= 3, emotion  # of 16384: single samples in the corners, which are dark
    _, parts = render_parts(ANNA, state("happy", 0.5), 128)
    assert (parts == TEETH).sum() > 40


def test_the_opening_is_the_distance_of_the_lips():
    gaps = [lip_gap(ANNA, state("neutral", opening)) for opening in np.linspace(0, 1, 9)]
    assert np.all(np.diff(gaps) > 0)
    assert np.corrcoef(np.linspace(0, 1, 9), gaps)[0, 1] > 0.99


@pytest.mark.parametrize("degrees", [(30, 0, 0), (-30, 0, 0), (0, 25, 0), (0, -25, 0), (0, 0, 20), (15, -10, -8)])
def test_the_pose_read_off_the_landmarks_is_the_one_asked_for(degrees: tuple[float, float, float]):
    """OpenCV finds the turn that takes the resting landmarks to where they are seen, through a camera of its own."""
    rest = landmark_points(ANNA, REST).astype(np.float64)
    seen = landmarks(ANNA, state(degrees=degrees), 512).astype(np.float64)
    # OpenCV looks along z with y down; ours has y up and z towards the camera.
    scene = (rest - [0, CAMERA[1], 0]) * [1, -1, -1]
    focal = (CAMERA[2] - 1) * 512 / FIELD
    camera = np.array([[focal, 0, 256], [0, focal, 256], [0, 0, 1]])
    found, turned, _ = cv2.solvePnP(scene, seen, camera, np.zeros(4), flags=cv2.SOLVEPNP_ITERATIVE)
    assert found
    matrix, _ = cv2.Rodrigues(turned)
    flip = np.diag([1.0, -1.0, -1.0])
    matrix = flip @ matrix @ flip
    expected = turn(*np.radians(degrees))
    apart = np.degrees(np.arccos(np.clip((np.trace(matrix.T @ expected) - 1) / 2, -1, 1)))
    assert apart < 1.5, f"asked for {degrees}, {apart:.1f} degrees off"


def test_landmarks_lie_on_what_they_name():
    picture_state = state("neutral", 0.0)
    _, parts = render_parts(ANNA, picture_state, 256)
    points = dict(zip(LANDMARKS, landmarks(ANNA, picture_state, 256), strict=True))
    for name in ("nose tip", "chin", "cheek left", "upper lip", "lower lip"):
        x, y = points[name].astype(int)
        assert parts[y, x] == SKIN, name
    eye_x, eye_y = person_geometry(ANNA, picture_state, 256).eyes_mouth[0].astype(int)
    assert parts[eye_y, eye_x] == EYE
    assert (
        points["eye outer left"][0] < points["eye inner left"][0] < points["nose tip"][0] < points["eye inner right"][0]
    )
    assert points["brow middle left"][1] < points["upper lid left"][1] < points["lower lid left"][1]


def test_parts_are_where_a_person_has_them():
    _, parts = render_parts(ANNA, REST, 128)
    left, top, right, bottom = person_geometry(ANNA, REST, 128).face_box.astype(int)
    face = parts[top:bottom, left:right]
    assert np.isin(face, (SKIN, EYE, HAIR, 6)).mean() > 0.95
    assert (parts == HAIR).sum() > 800 and (parts[-8:] == CLOTH).mean() > 0.3 and (parts[:, 0] == 0).mean() > 0.7


def test_a_blink_hides_the_eyes_and_a_gaze_moves_the_iris():
    _, open_parts = render_parts(ANNA, REST, 128)
    _, shut_parts = render_parts(ANNA, state(blink=1.0), 128)
    assert (open_parts == EYE).sum() > 60
    assert (shut_parts == EYE).sum() < 4
    right, left = (render_person(ANNA, state(gaze=(side, 0)), 256).astype(int).sum(2) for side in (1.0, -1.0))
    x, y = person_geometry(ANNA, REST, 256).eyes_mouth[0].astype(int)
    window = slice(y - 4, y + 5)
    darkest = [int(np.argmin(picture[window, x - 14 : x + 15].mean(0))) for picture in (right, left)]
    assert darkest[0] > darkest[1] + 2


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_action_unit_is_seen(unit: str):
    raised = np.array([float(name == unit) for name in ACTION_UNITS], np.float32)
    moved = render_person(ANNA, replace(REST, action_units=raised), SIZE).astype(int)
    assert np.abs(moved - render_person(ANNA, REST, SIZE)).max() > 25


@pytest.mark.parametrize("style", LOOKS)
def test_every_look_is_drawn_and_differs_from_the_render(style: str):
    picture = render_person(replace(ANNA, style=style), state("happy", 0.4), SIZE)
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8 and picture.std() > 20
    if style != "render":
        assert np.abs(picture.astype(int) - render_person(ANNA, state("happy", 0.4), SIZE)).mean() > 4


def test_the_camera_is_a_pinhole():
    point = np.array([[0.3, 7.1 + 0.4, 1.0]], np.float32)
    x, y, distance = project(point, ANNA, 315)[0]
    assert (x, y, distance) == pytest.approx((157.5 + 30, 157.5 - 40, 23), abs=1e-3)


def test_heads_and_people_share_one_door():
    assert np.array_equal(render_head(ANNA, REST, SIZE), render_person(ANNA, REST, SIZE))
    geometry = head_geometry(ANNA, REST, SIZE)
    assert geometry.mouth_opening == 0 and geometry.lip_box[3] > geometry.lip_box[1]
    assert geometry.eyes_mouth[0, 0] < geometry.eyes_mouth[2, 0] < geometry.eyes_mouth[1, 0]


def test_a_clip_of_rendered_people_says_what_the_drawn_one_says():
    pytest.importorskip("espeakng_loader")
    drawn, rendered = (make_clip(4, frames=12, heads=heads) for heads in ("drawn", "rendered"))
    assert drawn.text == rendered.text and np.array_equal(drawn.mouth, rendered.mouth)
    assert rendered.render(3, size=48).shape == (48, 48, 3)
    with pytest.raises(SettingsError, match="'painted' are not known"):
        make_clip(4, frames=3, heads="painted")


@pytest.mark.parametrize("missing", ["numba", "cv2"])
def test_what_is_missing_is_said_before_anybody_speaks(missing: str, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match=f"{missing} is not installed"):
        make_clip(4, heads="rendered")
