"""Steady crops of a sequence, and the encoder's view of them."""

import pytest
import torch

from emotivetalk_core.errors import FaceError, InputError, NumericalError
from emotivetalk_core.face.finder import FaceDetection
from emotivetalk_core.face.regions import face_regions
from emotivetalk_core.face.sequence import STEADY_PICTURES, FacePlace, crop_eyes_mouth, sequence_regions
from emotivetalk_core.models.face_reading import READ_AT_ONCE, encoder_face, read_faces, reading_memory
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.types import Portrait

BOX = (40.0, 30.0, 80.0, 80.0)
EYES_MOUTH = ((50.0, 50.0), (70.0, 50.0), (60.0, 70.0))
CONFIG = MotionEncoderConfig(
    input_size=32, aligned=False, trunk="small", trunk_channels=(8, 8), trunk_dim=8, head_width=8, adapter_channels=8
)


def pictures(count: int) -> list[Portrait]:
    random = torch.Generator().manual_seed(2)
    return [Portrait(torch.rand(3, 120, 140, generator=random)) for _ in range(count)]


def detector(pixels: torch.Tensor) -> list[FaceDetection]:
    return [FaceDetection(BOX, 0.9, EYES_MOUTH)]


def shifted(by: float) -> tuple[float, float, float, float]:
    return (BOX[0] + by, BOX[1], BOX[2] + by, BOX[3])


def test_one_picture_is_treated_as_a_portrait():
    (portrait,) = pictures(1)
    for places, known in (([], {"detector": detector}), ([FacePlace(BOX)], {"box": BOX})):
        (regions,) = sequence_regions([portrait], places, detector=known.get("detector"), size=64)
        assert torch.equal(regions.crop, face_regions(portrait, size=64, **known).crop)


def test_a_face_found_once_holds_for_all_pictures():
    calls = []

    def counting(pixels):
        calls.append(pixels)
        return detector(pixels)

    records = [regions.record for regions in sequence_regions(pictures(5), detector=counting, size=64)]
    assert len(set(records)) == 1 and len(calls) == 1


def test_every_face_gets_its_own_eyes_and_mouth():
    found = list(sequence_regions(pictures(3), detector=detector, every_face=True, size=64))
    assert all(torch.allclose(regions.eyes_mouth, found[0].eyes_mouth, atol=1e-3) for regions in found)


def test_trembling_boxes_are_steadied_and_moving_ones_followed():
    count = 60
    trembling = [FacePlace(shifted(3.0 * (-1) ** index)) for index in range(count)]
    lefts = [regions.record.left for regions in sequence_regions(pictures(count), trembling, size=32)]
    assert max(lefts) - min(lefts) <= 1
    moving = [FacePlace(shifted(0.5 * index)) for index in range(count)]
    lefts = [regions.record.left for regions in sequence_regions(pictures(count), moving, size=32)]
    middle = slice(STEADY_PICTURES, -STEADY_PICTURES)
    expected = [lefts[STEADY_PICTURES] + 0.5 * step for step in range(len(lefts[middle]))]
    assert max(abs(a - b) for a, b in zip(lefts[middle], expected)) <= 1


def test_gaps_take_the_place_of_a_neighbour():
    places = [FacePlace(), FacePlace(BOX), FacePlace(), FacePlace()]
    records = {regions.record for regions in sequence_regions(pictures(4), places, size=32)}
    assert records == {face_regions(pictures(1)[0], box=BOX, size=32).record}
    nowhere = [FacePlace()] * 4
    assert len(list(sequence_regions(pictures(4), nowhere, detector=detector, size=32))) == 4


def test_another_number_of_places_is_refused():
    with pytest.raises(FaceError, match="2 pictures were given, but there are 3"):
        list(sequence_regions(pictures(3), [FacePlace(BOX)] * 2))


def test_a_crop_knows_its_eyes_by_landmarks_or_detector():
    (portrait,) = pictures(1)
    points = torch.tensor(EYES_MOUTH)
    assert torch.equal(crop_eyes_mouth(portrait, FacePlace(landmarks=points + 1), detector), points + 1)
    assert torch.equal(crop_eyes_mouth(portrait, FacePlace(), detector), points)
    assert crop_eyes_mouth(Portrait(torch.full((3, 64, 64), 0.5)), FacePlace(), None) is None


def test_the_encoder_sees_the_crop_or_the_aligned_face():
    crop = pictures(1)[0].pixels
    assert encoder_face(CONFIG, crop, None) is crop
    aligned = MotionEncoderConfig(input_size=48)
    assert encoder_face(aligned, crop, torch.tensor(EYES_MOUTH)).shape == (3, 48, 48)
    with pytest.raises(FaceError, match="eyes and the mouth"):
        encoder_face(aligned, crop, None)


def test_faces_are_read_in_batches_with_the_same_answer():
    torch.manual_seed(0)
    encoder = MotionEncoder(CONFIG).eval()
    faces = torch.rand(READ_AT_ONCE + 3, 3, 40, 40)
    steps = []
    read = read_faces(encoder, iter(faces), count=19, device="cpu", on_step=lambda *step: steps.append(step))
    with torch.no_grad():
        whole = encoder(faces)
    assert steps == [(READ_AT_ONCE, 19), (19, 19)]
    for name in ("lip", "expression", "pose", "eye", "identity"):
        assert torch.allclose(getattr(read, name), getattr(whole, name), atol=1e-5)
    assert reading_memory(CONFIG) == READ_AT_ONCE * 32 * 32 * 336


def test_no_face_and_no_finite_answer_are_said():
    encoder = MotionEncoder(CONFIG).eval()
    with pytest.raises(InputError, match="no picture"):
        read_faces(encoder, [], count=0, device="cpu")
    with pytest.raises(NumericalError, match="picture 1 "):
        read_faces(encoder, [torch.full((3, 32, 32), torch.nan)], count=1, device="cpu")
