"""Alignment, framing, masks and the way back, in closed form on small pictures."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from emotivetalk_core.errors import FaceError, SettingsError
from emotivetalk_core.face import regions as regions_module
from emotivetalk_core.face.alignment import TEMPLATE, align_face, alignment_matrix
from emotivetalk_core.face.compose import feather_mask, paste_back, paste_back_film, paste_back_stream
from emotivetalk_core.face.crops import box_masks
from emotivetalk_core.face.finder import FaceDetection, box_overlap, cascade_faces, find_faces, suppress_overlaps
from emotivetalk_core.face.landmarks import read_landmarks, standard_places
from emotivetalk_core.face.regions import crop_square, face_regions, known_by, regions_again
from emotivetalk_core.types import CropRecord, Portrait


def noise_portrait(height: int = 96, width: int = 120, alpha: bool = False) -> Portrait:
    generator = torch.Generator().manual_seed(3)
    pixels = torch.rand(3, height, width, generator=generator)
    return Portrait(pixels, torch.rand(1, height, width, generator=generator) if alpha else None)


def similar_points(scale: float, turn: float, shift: tuple[float, float]) -> torch.Tensor:
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return torch.tensor(TEMPLATE) @ rotation.T * scale + torch.tensor(shift)


@pytest.mark.parametrize(("scale", "turn"), [(1.0, 0.0), (0.3, 0.4), (2.7, -1.2), (1.4, 3.0)])
def test_alignment_takes_the_landmarks_to_the_template(scale, turn):
    points = similar_points(scale, turn, (31.0, -12.0))
    matrix = alignment_matrix(torch.stack([points, points + 5]))
    moved = torch.einsum("bij,bkj->bki", matrix[:, :, :2], torch.stack([points, points + 5])) + matrix[:, None, :, 2]
    assert (moved - torch.tensor(TEMPLATE)).abs().max() < 1e-3


def test_alignment_of_other_triangles_is_the_least_squares_similarity_with_the_mouth_in_place():
    points = torch.tensor([[40.0, 30.0], [80.0, 34.0], [63.0, 90.0]])
    # The same problem as four unknowns of a linear system, solved independently.
    rows, targets = [], []
    for (x, y), (u, v) in zip(points.tolist(), TEMPLATE, strict=True):
        rows += [[x, -y, 1.0, 0.0], [y, x, 0.0, 1.0]]
        targets += [u, v]
    a, b, _, _ = torch.linalg.lstsq(torch.tensor(rows).double(), torch.tensor(targets).double()).solution.tolist()
    matrix = alignment_matrix(points)
    assert torch.allclose(matrix[:, :2], torch.tensor([[a, -b], [b, a]]), atol=1e-3)
    assert torch.allclose(matrix[:, :2] @ points[2] + matrix[:, 2], torch.tensor(TEMPLATE[2]), atol=1e-3)


def test_alignment_warp_shows_the_spots_at_their_places_and_carries_gradients():
    points = similar_points(0.6, 0.3, (40.0, 20.0))
    rows, columns = torch.meshgrid(torch.arange(200.0), torch.arange(200.0), indexing="ij")
    spots = [torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18.0) for x, y in points.tolist()]
    image = torch.stack(spots).requires_grad_()  # one spot for each channel
    aligned = align_face(image, points)
    assert aligned.shape == (3, 224, 224)
    for channel, (x, y) in enumerate(TEMPLATE):
        weight = aligned[channel].detach()
        centre_x = (weight.sum(0) * torch.arange(224.0)).sum() / weight.sum()
        centre_y = (weight.sum(1) * torch.arange(224.0)).sum() / weight.sum()
        assert abs(centre_x - x) < 0.2 and abs(centre_y - y) < 0.2
    aligned.sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0


def test_alignment_averages_when_it_shrinks():
    board = (torch.arange(400)[:, None] + torch.arange(400)[None]) % 2
    points = similar_points(1.6, 0.0, (10.0, 10.0))
    aligned = align_face(board.float().expand(3, 400, 400), points, size=56)
    assert (aligned - 0.5).abs().max() < 0.2  # a checkerboard of pixels becomes grey instead of moiré


def test_canonical_framing_of_a_given_box():
    regions = face_regions(noise_portrait(300, 400), box=(150, 80, 230, 180), size=64)
    assert regions.record == CropRecord(left=102, top=42, side=175, picture_width=400, picture_height=300)
    assert regions.crop.shape == (3, 64, 64) and regions.face_mask.shape == regions.lip_mask.shape == (1, 64, 64)
    covered = regions.face_mask.mean().item() * 175**2
    assert covered == pytest.approx(80 * 100, rel=0.08)
    assert regions.lip_mask.sum() > 0 and bool((regions.face_mask >= regions.lip_mask).all())
    assert regions.eyes_mouth is None


def test_outside_the_picture_the_edge_goes_on():
    portrait = noise_portrait()
    regions = face_regions(portrait, box=(0, 0, 64, 64), size=112)
    record = regions.record
    assert (record.left, record.top, record.side) == (-24, -24, 112)
    assert torch.equal(regions.crop[:, 24:, 24:], portrait.pixels[:, :88, :88])
    assert torch.equal(regions.crop[:, 30, :24], portrait.pixels[:, 6, :1].expand(3, 24))


@pytest.mark.parametrize("record", [CropRecord(20, 16, 60, 120, 96), CropRecord(-10, 30, 90, 120, 96)])
def test_crop_and_paste_back_round_trip(record):
    portrait = noise_portrait()
    crop = crop_square(portrait.pixels, record, record.side)
    assert torch.allclose(paste_back(crop[None], portrait, record)[0], portrait.pixels, atol=1e-6)

    frames = torch.zeros(2, 3, 32, 32)
    composed = paste_back(frames, portrait, record)
    mask = torch.zeros(1, 96, 120)
    left, top = max(0, record.left), max(0, record.top)
    visible = feather_mask(record)
    mask[:, top : top + visible.shape[1], left : left + visible.shape[2]] = visible
    untouched = (mask == 0).expand(3, -1, -1)
    assert torch.equal(composed[1][untouched], portrait.pixels[untouched])
    assert (composed[:, :, 60, 50] == 0).all()  # the middle shows the frame


def test_the_feather_ends_inside_the_crop_and_is_smooth():
    mask = feather_mask(CropRecord(20, 16, 60, 120, 96), feather=0.15)[0]
    border = torch.cat([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert (border == 0).all() and float(mask[30, 30]) == pytest.approx(1, abs=1e-6)
    assert mask[30].diff().abs().max() < 0.35
    assert (feather_mask(CropRecord(0, 0, 96, 96, 96)) == 1).all()  # the crop is the whole picture: nothing to meet


def test_streaming_equals_pasting_at_once():
    portrait, record = noise_portrait(), CropRecord(20, 16, 60, 120, 96)
    frames = torch.rand(5, 3, 32, 32)
    streamed = torch.cat(list(paste_back_stream(iter(frames.split(2)), portrait, record)))
    assert torch.equal(streamed, paste_back(frames, portrait, record))


def test_a_second_face_goes_into_the_frames_of_the_first():
    portrait = noise_portrait()
    first, second = CropRecord(0, 16, 60, 120, 96), CropRecord(50, 30, 60, 120, 96)  # they overlap a little
    talk, answer = torch.rand(5, 3, 32, 32), torch.rand(5, 3, 32, 32)
    film = paste_back(talk, portrait, first)
    composed = torch.stack(list(paste_back_film(iter(answer), (Portrait(frame) for frame in film), second)))
    assert composed.shape == film.shape
    for index in range(5):
        alone = paste_back(answer[index : index + 1], Portrait(film[index]), second)[0]
        assert torch.equal(composed[index], alone)
    assert torch.equal(composed[:, :, :, :50], film[:, :, :, :50])  # what the first says stays
    assert (composed[1:, :, 46, 30] != composed[:-1, :, 46, 30]).all()  # and moves
    assert (composed[1:, :, 60, 80] != composed[:-1, :, 60, 80]).all()


def test_a_film_is_taken_frame_by_frame():
    """Memory does not grow with its length."""
    taken = []

    def pictures():
        for index in range(1000):
            taken.append(index)
            yield noise_portrait()

    composed = paste_back_film(iter(torch.rand(1000, 3, 8, 8)), pictures(), CropRecord(20, 16, 60, 120, 96))
    next(composed), next(composed)
    assert taken == [0, 1]


def test_alpha_is_kept_and_the_backdrop_does_not_show():
    portrait = noise_portrait(alpha=True)
    assert portrait.alpha is not None
    regions = face_regions(portrait, box=(40, 30, 74, 64), size=60)
    composed = paste_back(regions.crop[None], portrait, regions.record)[0]
    assert composed.shape == (4, 96, 120) and torch.equal(composed[3:], portrait.alpha)
    assert regions.record.side == 60
    solid = portrait.alpha[0] > 0.05
    assert (composed[:3] - portrait.pixels).abs()[:, solid].max() < 1e-3


def test_masks_given_are_the_masks_used():
    face, lips = torch.zeros(96, 120), torch.zeros(1, 96, 120)
    face[20:60, 40:80] = 1
    lips[:, 48:56, 50:70] = 1
    regions = face_regions(noise_portrait(), face_mask=face, lip_mask=lips, size=70)
    assert regions.record.side == 70
    assert regions.face_mask.sum() == 1600 and regions.lip_mask.sum() == 160
    shown = crop_square(lips, regions.record, 70)
    assert torch.equal(shown, regions.lip_mask)


def test_landmarks_place_the_box_and_the_lips():
    box = (100.0, 50.0, 180.0, 150.0)
    eyes_mouth, lips = standard_places(box)
    three = read_landmarks(torch.tensor(eyes_mouth))
    assert torch.allclose(torch.tensor(three.face_box), torch.tensor(box), atol=1.0)
    assert torch.allclose(torch.tensor(three.lip_box), torch.tensor(lips), atol=1.5)
    named = read_landmarks({"right_eye": eyes_mouth[0], "left_eye": eyes_mouth[1], "mouth": eyes_mouth[2]})
    assert torch.equal(named.eyes_mouth, three.eyes_mouth)  # whichever left is meant, the picture's order counts
    corners = [(eyes_mouth[2][0] - 14, eyes_mouth[2][1]), (eyes_mouth[2][0] + 14, eyes_mouth[2][1])]
    five = read_landmarks(torch.tensor([eyes_mouth[0], eyes_mouth[1], (140.0, 110.0), *corners]))
    assert torch.allclose(five.eyes_mouth, three.eyes_mouth)
    regions = face_regions(noise_portrait(300, 300), landmarks=torch.tensor(eyes_mouth), size=128)
    assert regions.eyes_mouth is not None
    back = regions.eyes_mouth * regions.record.side / 128 + torch.tensor([regions.record.left, regions.record.top])
    assert torch.allclose(back, torch.tensor(eyes_mouth), atol=1e-3)
    x, y = regions.eyes_mouth[2].long().tolist()
    assert regions.lip_mask[0, y, x] == 1


def test_sixty_eight_landmarks():
    points = torch.zeros(68, 2)
    turn = torch.linspace(0, math.pi, 17)
    points[:17] = torch.stack([100 - 40 * turn.cos(), 100 + 50 * turn.sin()], 1)
    points[17:27] = torch.stack([torch.linspace(70, 130, 10), torch.full((10,), 85.0)], 1)
    points[36:42], points[42:48] = torch.tensor([82.0, 95.0]), torch.tensor([118.0, 95.0])
    points[48:68] = torch.stack([torch.linspace(85, 115, 20), torch.full((20,), 128.0)], 1)
    points[60:68, 1] = 126.0  # the inner lips, whose middle is the mouth's place in PD-FGC's alignment
    marks = read_landmarks(points)
    left, top, right, bottom = marks.face_box
    assert marks.eyes_mouth[2, 1] == 126
    assert (left, right, bottom) == pytest.approx((60, 140, 150)) and top < 85
    assert marks.lip_box[0] <= 85 and marks.lip_box[2] >= 115


def two_faces(pixels: torch.Tensor) -> list[FaceDetection]:
    small = FaceDetection((5, 5, 25, 30), 0.9)
    large = FaceDetection((50, 20, 90, 70), 0.8, ((60, 40), (80, 40), (70, 60)), (60, 54, 80, 66))
    return [small, large]


def test_of_two_faces_the_largest_is_used_and_said():
    regions = face_regions(noise_portrait(), detector=two_faces, size=88)
    assert regions.note.startswith("2 faces") and "box" in regions.note
    assert regions.eyes_mouth is not None
    assert torch.allclose(regions.eyes_mouth[0], torch.tensor([60.0 - 26, 40.0 - 1]), atol=0.6)
    chosen = face_regions(noise_portrait(), box=(4, 4, 26, 31), detector=two_faces, size=88)
    assert chosen.eyes_mouth is None and "2 faces" not in chosen.note
    near = face_regions(noise_portrait(), box=(52, 22, 92, 72), detector=two_faces, size=88)
    assert near.eyes_mouth is not None  # the detector fills in what the box leaves open


def test_overlapping_detections_are_one_face():
    faces = [
        FaceDetection((0, 0, 10, 10), 0.5),
        FaceDetection((1, 1, 11, 11), 0.9),
        FaceDetection((30, 0, 40, 10), 0.4),
    ]
    kept = suppress_overlaps([*faces, FaceDetection((2, 2, 6, 6), 0.3)])
    assert [face.score for face in kept] == [0.9, 0.4]


def test_an_unsure_detector_is_checked_by_the_finder_of_photographs():
    from skimage.data import astronaut

    def unsure(pixels: torch.Tensor) -> list[FaceDetection]:
        return [FaceDetection((300, 300, 400, 420), 0.5), FaceDetection((10, 10, 40, 50), 0.2)]

    photograph = torch.from_numpy(astronaut()).permute(2, 0, 1).float() / 255
    assert find_faces(photograph, unsure)[0].box[1] < 90  # the face, not the place in the suit
    assert [face.score for face in find_faces(torch.zeros(3, 64, 64), unsure)] == [0.5]


@dataclass(frozen=True)
class Memory:
    """A finder that finds every crop so strange, and drawn or not."""

    strange: float
    drawn: bool = False
    found: tuple[FaceDetection, ...] = ()

    def find(self, pixels: torch.Tensor) -> list[FaceDetection]:
        return list(self.found)

    def strangeness(self, crop: torch.Tensor) -> float:
        return self.strange

    def is_drawn(self, crop: torch.Tensor) -> bool:
        return self.drawn


def test_eyes_and_mouth_of_a_strange_picture_are_where_mtcnn_sees_them(monkeypatch: pytest.MonkeyPatch):
    """In the crop's own pixels, and only where that is strange to who placed them, and MTCNN sees the same face."""
    portrait = Portrait(torch.rand(3, 300, 400, generator=torch.Generator().manual_seed(0)))
    places = ((150.0, 110.0), (200.0, 112.0), (176.0, 170.0))
    known = [FaceDetection((120.0, 60.0, 230.0, 200.0), 0.9, places)]
    regions = face_regions(portrait, detector=lambda pixels: known, size=128)
    scale, record = regions.record.side / 128, regions.record

    def seen_at(aside: float):
        off = torch.tensor(places) + torch.tensor([aside, -6.0]) - torch.tensor([record.left, record.top])
        return [FaceDetection((0.0, 0.0, 9.0, 9.0), 0.9, tuple(map(tuple, off.tolist())))]

    def placed(strange: float, *seen: FaceDetection) -> torch.Tensor:
        monkeypatch.setattr(regions_module, "photograph_faces", lambda square: list(seen))
        found = known_by(Memory(strange), regions, portrait)
        assert torch.equal(found.crop, regions.crop) and torch.equal(found.lip_mask, regions.lip_mask)
        return found.eyes_mouth

    elsewhere, near = seen_at(60.0), seen_at(4.0)
    wanted = regions.eyes_mouth + torch.tensor([4.0, -6.0]) / scale
    assert torch.allclose(placed(1.2, *elsewhere, *near), wanted, atol=1e-4)
    for unchanged in (placed(0.9, *near), placed(1.2, *elsewhere), placed(1.2)):
        assert torch.equal(unchanged, regions.eyes_mouth)
    unknown = replace(regions, eyes_mouth=None)
    assert known_by(Memory(1.2), unknown, portrait).eyes_mouth is None
    assert [known_by(Memory(1.2, drawn), regions, portrait).drawn for drawn in (False, True)] == [False, True]


def test_a_crop_whose_record_is_lost_is_looked_at_again():
    places = ((40.0, 50.0), (80.0, 50.0), (60.0, 90.0))
    crop = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(0))
    found = regions_again(Memory(0.9, found=(FaceDetection((20, 20, 100, 110), 0.9, places),)), crop)
    assert found is not None and torch.equal(found.crop, crop) and found.eyes_mouth.tolist() == list(map(list, places))
    assert not found.drawn and (found.record.side, found.record.left) == (128, 0)
    assert regions_again(Memory(0.9, drawn=True, found=(FaceDetection((20, 20, 100, 110), 0.9, places),)), crop).drawn
    assert regions_again(Memory(0.9, found=(FaceDetection((20, 20, 100, 110), 0.9),)), crop) is None


def test_of_a_photograph_mtcnn_places_them_by_less_than_a_tenth_of_their_distance_elsewhere():
    from skimage.data import astronaut

    portrait = Portrait(torch.from_numpy(astronaut().copy()).movedim(-1, 0) / 255)
    regions = face_regions(portrait, box=(165.0, 70.0, 285.0, 225.0), detector=lambda pixels: [], size=128)
    off = torch.tensor([[-4.0, 3.0], [2.0, -3.0], [1.0, 5.0]])
    found = known_by(Memory(1.1), replace(regions, eyes_mouth=regions.eyes_mouth + off), portrait)
    assert (found.eyes_mouth - regions.eyes_mouth).norm(dim=1).max() < 0.1 * 25


def test_a_photograph_is_found_without_a_download():
    from skimage.data import astronaut

    pixels = torch.from_numpy(astronaut()).permute(2, 0, 1).float() / 255
    faces = find_faces(pixels)
    assert len(faces) == 1
    left, top, right, bottom = faces[0].box
    assert left < 200 and right > 245 and top < 90 and bottom > 150
    assert box_overlap(faces[0].box, cascade_faces(pixels)[0].box) > 0.7
    assert cascade_faces(torch.full((3, 80, 60), 0.5)) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "No face was found"),
        ({"box": (500, 10, 600, 90)}, "outside the picture"),
        ({"box": (50, 50, 40, 90)}, "no area"),
        ({"box": (10, 10, math.nan, 90)}, "not four numbers"),
        ({"box": (10, 10, 15, 15)}, "smaller than"),
        ({"face_mask": torch.zeros(96, 120)}, "empty"),
        ({"lip_mask": torch.ones(4, 4)}, "own size"),
        ({"box": (0, 0, 30, 30), "lip_mask": torch.eye(96, 120) * (torch.arange(120) > 80)}, "does not meet"),
        ({"landmarks": torch.zeros(7, 2)}, "Landmarks of shape"),
        ({"landmarks": {"left_eye": (1, 2)}}, "but not right_eye"),
        ({"landmarks": torch.zeros(3, 2)}, "one place"),
    ],
)
def test_face_refusals(arguments, sentence):
    flat = Portrait(torch.full((3, 96, 120), 0.5))
    with pytest.raises(FaceError, match=sentence):
        face_regions(flat, **arguments)


def test_compose_refusals():
    record = CropRecord(20, 16, 60, 120, 96)
    with pytest.raises(SettingsError, match="feather"):
        feather_mask(record, 0.9)
    with pytest.raises(SettingsError, match="pasted"):
        paste_back(torch.zeros(1, 3, 8, 8), noise_portrait(50, 50), record)


def test_box_masks_are_binary_and_cover_the_box():
    mask = box_masks(np.array([[2.0, 1.0, 6.0, 5.0]]), 8, torch.device("cpu"))
    assert mask.shape == (1, 1, 8, 8) and mask.sum() == 16 and mask[0, 0, 1, 2] == 1 and mask[0, 0, 0, 2] == 0
