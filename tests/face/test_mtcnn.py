"""The finder of faces in photographs against the public program that its weights come from (numbers that
tests/tools/public_mtcnn.py wrote down), and against what closed forms say.
"""

import json

import numpy as np
import pytest
import torch

from emotivetalk_core.face import mtcnn
from emotivetalk_core.face.finder import SMALLEST_PART, FaceDetection, find_faces, photograph_faces
from emotivetalk_core.models.face_reading import detector_for
from emotivetalk_core.models.motion_encoder import MotionEncoderConfig
from tests.tools.public_mtcnn import NETWORK_SIDES, REFERENCE_FILE, astronaut, network_input, pictures

REFERENCE = json.loads(REFERENCE_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NETWORK_SIDES)
def test_each_network_answers_as_the_public_one(name):
    network = {"pnet": mtcnn.propose, "rnet": mtcnn.refine, "onet": mtcnn.locate_features}[name]
    answers = [answer.numpy() for answer in network(network_input(NETWORK_SIDES[name]), mtcnn.shipped_weights())]
    shifts, *points, faces = (np.array(values) for values in REFERENCE["networks"][name])
    for ours, theirs in zip(answers, (faces[:, 1], shifts, *points), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("name", REFERENCE["faces"])
def test_the_search_finds_what_the_public_one_finds(name):
    """They count pixels from one and cut squares at whole ones, we do not: places may differ by a share of the face."""
    picture, theirs = pictures()[name], REFERENCE["faces"][name]
    found = mtcnn.find(picture, max(picture.shape) / SMALLEST_PART)
    assert len(found.boxes) == len(theirs["boxes"]) == 1
    width = found.boxes[0, 2] - found.boxes[0, 0]
    assert found.scores[0] == pytest.approx(theirs["scores"][0], abs=0.05)
    assert np.abs(found.boxes - theirs["boxes"]).max() < 0.08 * width
    assert np.abs(found.points - theirs["points"]).max() < 0.05 * width


def test_a_face_is_found_at_its_place_whatever_the_pictures_size():
    """In a picture twice as large, and beside empty space, everything is twice as large, and moved."""
    whole = astronaut()
    (face,) = photograph_faces(whole)
    doubled = whole.repeat_interleave(2, 1).repeat_interleave(2, 2)
    (larger,) = photograph_faces(torch.cat([torch.zeros(3, 1024, 600), doubled], 2))
    for ours, expected in zip(np.ravel(larger.eyes_mouth), np.ravel(face.eyes_mouth) * 2 + [600, 0] * 3, strict=True):
        assert ours == pytest.approx(expected, abs=8)
    left, right, mouth = face.eyes_mouth
    assert face.box[0] < left[0] < mouth[0] < right[0] < face.box[2]
    assert face.box[1] < left[1] < mouth[1] < face.box[3]


def test_weights_that_know_photographs_ask_for_mtcnns_eyes_first():
    """Those of drawn heads go on asking their own finder, which is also asked where MTCNN sees nothing."""
    elsewhere = FaceDetection((5.0, 5.0, 95.0, 120.0), 0.95, ((20.0, 40.0), (70.0, 40.0), (45.0, 90.0)))
    photographs, drawings = MotionEncoderConfig(aligned=True), MotionEncoderConfig(aligned=False)
    (seen,) = photograph_faces(astronaut())
    for config, expected in ((photographs, seen), (drawings, elsewhere)):
        detector = detector_for(config, lambda pixels: [elsewhere])
        assert find_faces(astronaut(), detector) == [expected]
        assert find_faces(torch.full((3, 80, 60), 0.5), detector) == [elsewhere]
    assert detector_for(drawings, None) is None, "MTCNN is asked anyway"
    alone = detector_for(photographs, None)
    assert alone is not None and find_faces(astronaut(), alone) == alone(astronaut()) == [seen]


def test_nothing_is_found_where_there_is_nothing():
    generator = torch.Generator().manual_seed(0)
    for empty in (torch.full((3, 300, 200), 0.5), torch.rand(3, 120, 160, generator=generator), torch.zeros(3, 5, 400)):
        assert photograph_faces(empty) == []
    assert find_faces(torch.full((3, 80, 60), 0.5)) == []


def test_of_overlapping_boxes_the_surest_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [22, 2, 26, 6]], float)
    scores = np.array([0.8, 0.9, 0.7, 0.6])
    assert mtcnn._suppress(boxes, scores, 0.7).tolist() == [1, 2, 3]
    assert mtcnn._suppress(boxes, scores, 0.7, inside=True).tolist() == [1, 2]
