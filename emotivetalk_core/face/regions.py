"""From a portrait to the talking crop and the masks M_face and M_lip of EmotiveTalk §3.3. The canonical framing,
shared by training data and users' pictures: the face box is tight, forehead to chin and cheek to cheek; the crop is
the square around its centre whose side is 1.75 times the larger side of the box. Where the square reaches outside
the picture, the picture's edge goes on. The paper gives no framing; this one keeps hair and neck in view and the
face large.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from ..errors import FaceError
from ..types import CropRecord, FaceRegions, Portrait
from .finder import (
    Box,
    FaceDetection,
    FaceDetector,
    PictureMemory,
    box_area,
    box_intersection,
    box_overlap,
    find_faces,
    photograph_faces,
)
from .landmarks import NamedPoints, lips_around, read_landmarks, standard_places

CROP_FACTOR = 1.75
SMALLEST_FACE = 16
BACKDROP = 0.5
"""Grey that shows behind a transparent portrait while it is worked on."""

GIVE_A_BOX = "give its box as left,top,right,bottom in pixels, or a mask of the face"
"""The way out where no face is found. Who has another one puts it in this one's place."""

_SAME_FACE = 0.3
_SAME_PLACE = 0.4
"""Of the distance between the eyes: so far apart two finders may see an eye, or a mouth, of one face."""
_LOOKED_AT = 512
"""Pixels of a talking crop that show MTCNN all it needs."""


@dataclass(frozen=True)
class _Face:
    """What is known of the chosen face, in pixels of the picture."""

    box: Box
    lip_box: Box
    eyes_mouth: torch.Tensor | None
    note: str = ""


def face_regions(
    portrait: Portrait,
    *,
    box: Box | None = None,
    landmarks: torch.Tensor | NamedPoints | None = None,
    face_mask: torch.Tensor | None = None,
    lip_mask: torch.Tensor | None = None,
    detector: FaceDetector | None = None,
    size: int = 128,
    crop_factor: float = CROP_FACTOR,
) -> FaceRegions:
    """The talking crop of `portrait` at `size` pixels, its masks, and the record for pasting it back. The face is
    where `box` says (left, top, right, bottom in pixels), else the bounds of `face_mask`, else the `landmarks`
    (landmarks.py), else the largest that `find_faces` sees with `detector`. Masks are [1, h, w] or [h, w] at
    the picture's size, above 0.5 is inside; a given mask is taken as M_face or M_lip itself. Without a lip mask
    M_lip is the lip box of the landmarks or the detector, else the usual place of a mouth. crop_factor: the crop's
    side in face boxes, where other weights than ours were trained on another framing. Raises FaceError where no face is
    found or what was given does not lie in the picture.
    """
    height, width = portrait.pixels.shape[-2:]
    if face_mask is not None:
        face_mask = _checked_mask(face_mask, "face", height, width)
    if lip_mask is not None:
        lip_mask = _checked_mask(lip_mask, "lip", height, width)
    if box is None and face_mask is not None:
        box = _mask_bounds(face_mask)

    visible = flatten_alpha(portrait)
    face = _choose_face(visible, box, landmarks, detector)
    record = crop_record(face.box, width, height, crop_factor)
    scale = size / record.side
    note = face.note
    if record.side < size / 2:
        note = f"{note} The face is {face.box[2] - face.box[0]:.0f} pixels wide, so the video will be soft.".strip()

    mask = _crop_mask(face_mask, record, size) if face_mask is not None else _box_mask(face.box, record, size)
    lips = _crop_mask(lip_mask, record, size) if lip_mask is not None else _box_mask(face.lip_box, record, size)
    for name, region in (("face", mask), ("lip", lips)):
        if not region.any():
            raise FaceError(f"The {name} mask does not meet the face's crop: give a box and masks of the same face.")
    eyes_mouth = None
    if face.eyes_mouth is not None:
        eyes_mouth = (face.eyes_mouth - torch.tensor([record.left, record.top])) * scale
    device = portrait.pixels.device
    return FaceRegions(crop_square(visible, record, size), mask.to(device), lips.to(device), record, eyes_mouth, note)


def known_by(finder: PictureMemory, regions: FaceRegions, portrait: Portrait) -> FaceRegions:
    """The same with what the weights' own finder says of the picture: whether it is drawn; and where it is strange to
    it, as photographs are, eyes and mouth are where MTCNN sees them, if it sees that face. Of drawn heads MTCNN is the
    less exact.
    """
    regions, known = replace(regions, drawn=finder.is_drawn(regions.crop)), regions.eyes_mouth
    if known is None or finder.strangeness(regions.crop) <= 1:
        return regions
    size, apart = min(regions.record.side, _LOOKED_AT), float((known[0] - known[1]).norm())
    square = crop_square(flatten_alpha(portrait), regions.record, size)
    for face in photograph_faces(square):
        if face.eyes_mouth is not None:
            seen = torch.tensor(face.eyes_mouth).to(known) * (regions.crop.shape[-1] / size)
            if float((seen - known).norm(dim=1).amax()) < _SAME_PLACE * apart:
                return replace(regions, eyes_mouth=seen)
    return regions


def regions_again(finder: PictureMemory, crop: torch.Tensor) -> FaceRegions | None:
    """Of a talking crop [3, s, s] whose record is lost, with eyes and mouth in its pixels and masks of nothing; None
    where no face is found.
    """
    faces, side = find_faces(crop, finder.find), crop.shape[-1]
    if not faces or faces[0].eyes_mouth is None:
        return None
    nothing = crop.new_zeros(1, side, side)
    places = torch.tensor(faces[0].eyes_mouth)
    regions = FaceRegions(crop, nothing, nothing, CropRecord(0, 0, side, side, side), places)
    return known_by(finder, regions, Portrait(crop))


def crop_record(box: Box, picture_width: int, picture_height: int, crop_factor: float = CROP_FACTOR) -> CropRecord:
    """The canonical square around a face box, on whole pixels."""
    side = max(SMALLEST_FACE, round(crop_factor * max(box[2] - box[0], box[3] - box[1])))
    left = round((box[0] + box[2]) / 2 - side / 2)
    top = round((box[1] + box[3]) / 2 - side / 2)
    return CropRecord(left, top, side, picture_width, picture_height)


def crop_square(pixels: torch.Tensor, record: CropRecord, size: int) -> torch.Tensor:
    """The record's square of `pixels` [c, h, w] at `size`, the edge repeated outside the picture -> [c, size, size]
    0…1."""
    rows, columns = _rows_and_columns(record)
    rows = rows.clamp(0, record.picture_height - 1).to(pixels.device)
    columns = columns.clamp(0, record.picture_width - 1).to(pixels.device)
    square = pixels[:, rows][:, :, columns]  # [c, side, side]
    if record.side == size:
        return square
    resized = F.interpolate(square[None], size=(size, size), mode="bicubic", antialias=True)
    return resized[0].clamp(0.0, 1.0)


def box_mask_around(mask: torch.Tensor, growth: float) -> torch.Tensor:
    """The filled box around what is inside of a mask [1, h, w], `growth` times as wide and high around its centre."""
    left, top, right, bottom = _mask_bounds(mask)
    across, down = (right - left) * (growth - 1) / 2, (bottom - top) * (growth - 1) / 2
    height, width = mask.shape[-2:]
    rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    inside_rows = (rows >= top - down) & (rows < bottom + down)
    inside_columns = (columns >= left - across) & (columns < right + across)
    return (inside_rows[:, None] & inside_columns[None, :]).to(mask)[None]


def flatten_alpha(portrait: Portrait) -> torch.Tensor:
    """The portrait's pixels [3, h, w] with what is transparent shown over the backdrop grey."""
    if portrait.alpha is None:
        return portrait.pixels
    return portrait.pixels * portrait.alpha + BACKDROP * (1.0 - portrait.alpha)


def _choose_face(
    pixels: torch.Tensor, box: Box | None, landmarks: torch.Tensor | NamedPoints | None, detector: FaceDetector | None
) -> _Face:
    height, width = pixels.shape[-2:]
    if box is not None:
        box = _checked_box(box, width, height)
    if landmarks is not None:
        points = read_landmarks(landmarks)
        face_box = box if box is not None else _checked_box(points.face_box, width, height)
        return _Face(face_box, points.lip_box, points.eyes_mouth)
    if box is not None:
        found = _same_face(pixels, box, detector)
        return _from_detection(found, box) if found is not None else _Face(box, standard_places(box)[1], None)
    faces = find_faces(pixels, detector)
    if not faces:
        raise FaceError(f"No face was found in the picture of {width}x{height} pixels: {GIVE_A_BOX}.")
    note = ""
    if len(faces) > 1:
        note = f"{len(faces)} faces were found and the largest is used; give a face box to choose another."
    return _from_detection(faces[0], _checked_box(faces[0].box, width, height), note)


def _from_detection(face: FaceDetection, box: Box, note: str = "") -> _Face:
    if face.eyes_mouth is None:
        return _Face(box, face.lip_box or standard_places(box)[1], None, note)
    return _Face(box, face.lip_box or lips_around(face.eyes_mouth[2], box), torch.tensor(face.eyes_mouth), note)


def _same_face(pixels: torch.Tensor, box: Box, detector: FaceDetector | None) -> FaceDetection | None:
    """The detector's view of the face in a given box, for its eyes and mouth; where it sees none there, MTCNN's."""
    if detector is None:
        return None
    for look in (detector, photograph_faces):
        faces = [face for face in look(pixels) if box_overlap(face.box, box) > _SAME_FACE]
        if faces:
            return max(faces, key=lambda face: box_overlap(face.box, box))
    return None


def _checked_box(box: Box, width: int, height: int) -> Box:
    given = ",".join(f"{value:g}" for value in box)
    if len(box) != 4 or not all(math.isfinite(value) for value in box):
        raise FaceError(f"The face box {given} is not four numbers: {GIVE_A_BOX}.")
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        raise FaceError(f"The face box {given} has no area: its right and bottom must lie beyond its left and top.")
    if box_intersection(box, (0.0, 0.0, float(width), float(height))) < 0.25 * box_area(box):
        raise FaceError(f"The face box {given} lies outside the picture of {width}x{height} pixels: {GIVE_A_BOX}.")
    if max(box[2] - box[0], box[3] - box[1]) < SMALLEST_FACE:
        raise FaceError(
            f"The face box {given} is smaller than {SMALLEST_FACE} pixels: a face that small cannot be animated, "
            "give a box around a larger face."
        )
    return (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _checked_mask(mask: torch.Tensor, name: str, height: int, width: int) -> torch.Tensor:
    """A given mask as 0/1 [1, h, w]."""
    if mask.dim() == 2:
        mask = mask[None]
    if mask.shape != (1, height, width):
        raise FaceError(
            f"The {name} mask has shape {list(mask.shape)}, but the picture has {width}x{height} pixels: give one "
            "mask of the picture's own size."
        )
    mask = (mask.float() > 0.5).float()
    if not mask.any():
        raise FaceError(f"The {name} mask is empty: paint the {name} in white, or leave the mask out.")
    return mask


def _mask_bounds(mask: torch.Tensor) -> Box:
    rows = mask[0].any(1).nonzero()[:, 0]
    columns = mask[0].any(0).nonzero()[:, 0]
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def _rows_and_columns(record: CropRecord) -> tuple[torch.Tensor, torch.Tensor]:
    steps = torch.arange(record.side)
    return steps + record.top, steps + record.left


def _crop_mask(mask: torch.Tensor, record: CropRecord, size: int) -> torch.Tensor:
    """A picture's mask [1, h, w] in the crop, binary [1, size, size]; nothing is inside where there is no
    picture."""
    rows, columns = _rows_and_columns(record)
    inside = ((rows >= 0) & (rows < record.picture_height))[:, None] & (columns >= 0) & (columns < record.picture_width)
    square = crop_square(mask.cpu(), record, record.side) * inside
    return (F.interpolate(square[None], size=(size, size), mode="bilinear", antialias=True)[0] >= 0.5).float()


def _box_mask(box: Box, record: CropRecord, size: int) -> torch.Tensor:
    """1 where a pixel's centre lies in the box, [1, size, size]."""
    centres = (torch.arange(size) + 0.5) * (record.side / size)
    across = (centres + record.left >= box[0]) & (centres + record.left < box[2])
    down = (centres + record.top >= box[1]) & (centres + record.top < box[3])
    return (down[:, None] & across[None, :]).float()[None]
