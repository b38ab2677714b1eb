"""Face landmarks in the layouts that people have, reduced to what the method uses: eyes, mouth, lip box and face
box. Understood by their number of points: 3 (left eye, right eye, mouth centre), 5 (eyes, nose, mouth corners), 68
(iBUG 300-W), 468 or 478 (MediaPipe face mesh); or by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ..errors import FaceError
from .finder import Box, Point

NamedPoints = Mapping[str, Sequence[float]]
"""Must hold "left_eye" and "right_eye", and "mouth" or both "mouth_left" and "mouth_right". Left is the picture's
left."""

# Where eyes, mouth and lips stand in the tight face box, as fractions of its sides: the means of 150 drawn heads,
# which keep to the proportions that drawing books teach. The lip box holds the lips from closed to wide open, so it
# reaches further down.
EYE_HEIGHT = 0.45
EYE_APART = 0.46
MOUTH_HEIGHT = 0.79
LIP_WIDTH = 0.54
LIP_ABOVE = 0.1
LIP_BELOW = 0.19
FACE_ASPECT = 0.8

_MESH_EYES = ((33, 133), (263, 362))
_MESH_MOUTH_CORNERS = (61, 291)
_MESH_LIPS = (0, 17, 61, 291, 13, 14, 37, 267, 84, 314)


@dataclass(frozen=True)
class FaceLandmarks:
    """eyes_mouth [3, 2] (left eye, right eye, mouth centre as seen in the picture, x then y) · face_box ·
    lip_box."""

    eyes_mouth: torch.Tensor
    face_box: Box
    lip_box: Box


def read_landmarks(points: torch.Tensor | NamedPoints) -> FaceLandmarks:
    """Landmarks in pixels of the picture, as [3 | 5 | 68 | 468 | 478, 2 or more] or by name. Raises FaceError for
    anything else."""
    if not isinstance(points, torch.Tensor):
        points = _named(points)
    if points.dim() != 2 or points.shape[1] < 2 or points.shape[0] not in (3, 5, 68, 468, 478):
        raise FaceError(
            f"Landmarks of shape {list(points.shape)} were given: 3, 5, 68, 468 or 478 points of x and y in pixels are "
            "understood, or give a face box instead."
        )
    points = points[:, :2].float().cpu()
    if not torch.isfinite(points).all():
        raise FaceError("The landmarks hold values that are not numbers: give x and y in pixels, or a face box.")
    readers = {3: _three, 5: _five, 68: _sixty_eight}
    return readers.get(points.shape[0], _mesh)(points)


def standard_places(face_box: Box) -> tuple[tuple[Point, Point, Point], Box]:
    """Eyes, mouth and lip box where an upright face has them, for a face of which only the box is known."""
    left, top, right, bottom = face_box
    width, height, middle = right - left, bottom - top, (left + right) / 2
    eyes, mouth = top + EYE_HEIGHT * height, top + MOUTH_HEIGHT * height
    apart = EYE_APART * width / 2
    return ((middle - apart, eyes), (middle + apart, eyes), (middle, mouth)), lips_around((middle, mouth), face_box)


def lips_around(mouth: Point, face_box: Box) -> Box:
    """The usual lip box of a face whose mouth's centre is known."""
    (x, y), width, height = mouth, face_box[2] - face_box[0], face_box[3] - face_box[1]
    half = LIP_WIDTH * width / 2
    return (x - half, y - LIP_ABOVE * height, x + half, y + LIP_BELOW * height)


def _named(points: NamedPoints) -> torch.Tensor:
    names = ["left_eye", "right_eye"] + (["mouth"] if "mouth" in points else ["mouth_left", "mouth_right"])
    missing = [name for name in names if name not in points]
    if missing:
        raise FaceError(
            f"The landmarks name {', '.join(sorted(points)) or 'nothing'}, but not {' and '.join(missing)}: give "
            "left_eye, right_eye and mouth, or a face box instead."
        )
    rows = torch.tensor([[float(value) for value in points[name][:2]] for name in names])
    if len(rows) == 3:
        return rows
    return torch.stack([rows[0], rows[1], rows[2:].mean(0), rows[2], rows[3]])  # as five points, the nose unused


def _three(points: torch.Tensor) -> FaceLandmarks:
    return _from_eyes_mouth(points)


def _five(points: torch.Tensor) -> FaceLandmarks:
    return _from_eyes_mouth(torch.stack([points[0], points[1], points[3:].mean(0)]), mouth=points[3:])


def _sixty_eight(points: torch.Tensor) -> FaceLandmarks:
    # the mouth's centre is that of the inner lips, as in the alignment that PD-FGC was trained with
    eyes_mouth = torch.stack([points[36:42].mean(0), points[42:48].mean(0), points[60:68].mean(0)])
    return _from_eyes_mouth(eyes_mouth, mouth=points[48:68], outline=points[0:27])


def _mesh(points: torch.Tensor) -> FaceLandmarks:
    eyes = [points[list(corners)].mean(0) for corners in _MESH_EYES]
    eyes_mouth = torch.stack([*eyes, points[list(_MESH_MOUTH_CORNERS)].mean(0)])
    return _from_eyes_mouth(eyes_mouth, mouth=points[list(_MESH_LIPS)], outline=points[:468])


def _from_eyes_mouth(
    eyes_mouth: torch.Tensor, mouth: torch.Tensor | None = None, outline: torch.Tensor | None = None
) -> FaceLandmarks:
    """The boxes by the standard proportions, each widened to hold the `mouth` and `outline` points [k, 2] that are
    known."""
    # Detectors disagree about whose left is meant; the picture's own order is what everything here uses.
    if eyes_mouth[0, 0] > eyes_mouth[1, 0]:
        eyes_mouth = eyes_mouth[[1, 0, 2]]
    eyes = (eyes_mouth[0] + eyes_mouth[1]) / 2
    apart = torch.linalg.vector_norm(eyes_mouth[1] - eyes_mouth[0]).item()
    drop = torch.linalg.vector_norm(eyes_mouth[2] - eyes).item()
    if min(apart, drop) < 2.0:
        raise FaceError("The landmarks of eyes and mouth fall on one place: give them in pixels, or a face box.")
    # A turned face brings the eyes together and a raised one the mouth nearer; the larger of both readings holds the
    # face.
    height = drop / (MOUTH_HEIGHT - EYE_HEIGHT)
    width = max(apart / EYE_APART, FACE_ASPECT * height)
    middle = (eyes[0].item() + eyes_mouth[2, 0].item()) / 2
    top = eyes[1].item() - EYE_HEIGHT * height
    face_box: Box = (middle - width / 2, top, middle + width / 2, top + height)
    if outline is not None:
        low, high = outline.amin(0).tolist(), outline.amax(0).tolist()
        face_box = (low[0], min(low[1], top), high[0], high[1])
    lip_box = lips_around((eyes_mouth[2, 0].item(), eyes_mouth[2, 1].item()), face_box)
    if mouth is not None:
        low, high = mouth.amin(0).tolist(), mouth.amax(0).tolist()
        room = 0.1 * (high[0] - low[0])
        lip_box = (
            min(lip_box[0], low[0] - room),
            min(lip_box[1], low[1] - room),
            max(lip_box[2], high[0] + room),
            max(lip_box[3], high[1] + room),
        )
    return FaceLandmarks(eyes_mouth, face_box, lip_box)
