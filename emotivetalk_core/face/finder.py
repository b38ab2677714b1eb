"""Where the faces of a picture are: by a face finder that is handed in, by MTCNN (mtcnn.py), which knows photographs,
and by scikit-image's bundled LBP cascade, which sees a face in some cartoons and paintings that MTCNN does not.

The finder of the drawn heads is a network (models/face_finder.py) and reaches this file as a plain function, so
that any other detector can take its place. Nothing is downloaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional as F

from . import mtcnn

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class FaceDetection:
    """One face, in pixels of the picture (pixel i spans i…i+1). box: left, top, right, bottom of the tight face,
    forehead to chin, cheek to cheek · score 0…1 · eyes_mouth: the eye on the left of the picture, the eye on its
    right, the mouth's centre · lip_box: like box; both None where the detector has none.
    """

    box: Box
    score: float
    eyes_mouth: tuple[Point, Point, Point] | None = None
    lip_box: Box | None = None


KNOWN = 0.8
"""How sure a finder without a memory of what it learnt from is of faces that weights know; models/face_finder.py."""

FaceDetector = Callable[[torch.Tensor], list[FaceDetection]]
"""Takes pixels [3, h, w] RGB 0…1, returns the faces it is sure of."""


class PictureMemory(Protocol):
    """A finder that remembers the pictures that it learnt from; models/face_finder.py."""

    def find(self, pixels: torch.Tensor) -> list[FaceDetection]: ...

    def strangeness(self, crop: torch.Tensor) -> float: ...

    def is_drawn(self, crop: torch.Tensor) -> bool: ...


SMALLEST_PART = 20
"""Faces in photographs are looked for from this part of the picture's longest side on."""

SMALLEST_SEEN = 16.0
"""But none below so many pixels: it could not speak."""

LONGEST_SIDE = SMALLEST_PART * mtcnn.O_SIDE
"""Pixels beyond which a picture shows MTCNN's last network nothing more."""

CASCADE_SIDE = 320
"""The cascade looks at the picture at this longest side: faces of a tenth of it are found, in well under a
second."""

CASCADE_SCORE = 0.5
"""The cascade says yes or no only."""


SURE = 0.8
"""A detector's score from which on its word is taken without asking the others. Of portraits of unseen people the
bundled one is sure by 0.81 to 0.95; of photographs often too, where MTCNN places eyes and mouth better.
"""

DOUBTFUL = 0.65
"""Faces with less than this share of the best score are left out: beside a plain face they are mostly none."""


def find_faces(pixels: torch.Tensor, detector: FaceDetector | None = None) -> list[FaceDetection]:
    """All faces of `pixels` [3, h, w] RGB 0…1, largest first.

    Those of `detector` where it is sure of one; else those of MTCNN, which knows photographs; else those of the LBP
    cascade; else what the detector was not sure of.
    """
    faces = detector(pixels) if detector is not None else []
    best = max((face.score for face in faces), default=0.0)
    if best < SURE:
        faces = photograph_faces(pixels) or cascade_faces(pixels) or faces
        best = max((face.score for face in faces), default=0.0)
    faces = [face for face in faces if face.score >= DOUBTFUL * best]
    return sorted(faces, key=lambda face: box_area(face.box), reverse=True)


def photographs_first(detector: FaceDetector) -> FaceDetector:
    """For weights that know photographs: what MTCNN sees, and where that is nothing what `detector` sees. A finder of
    drawn heads finds the faces of photographs, too, but their eyes and mouth less exactly.
    """
    return lambda pixels: photograph_faces(pixels) or detector(pixels)


def unfamiliar(crop: torch.Tensor, strangeness: Callable[[torch.Tensor], float]) -> str:
    """A sentence for the user where weights do not know pictures like this talking crop [3, s, s]; else empty.
    strangeness: of the finder that learnt from the same pictures, 1 where its own end (models/face_finder.py). [ours]
    """
    strange = strangeness(crop)
    if strange <= 1:
        return ""
    return (
        f"These weights were not made for pictures like this one (its strangeness is {strange:.1f}, those they were "
        "made for end at 1), so what it does not show, such as teeth or closed eyelids, is guessed."
    )


def photograph_faces(pixels: torch.Tensor) -> list[FaceDetection]:
    """Faces of photographs in `pixels` [3, h, w], with eyes and mouth, by MTCNN."""
    longest = max(pixels.shape[-2:])
    shrink = min(1.0, LONGEST_SIDE / longest)
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in pixels.shape[-2:]]
        pixels = F.interpolate(pixels[None].float().cpu(), size=size, mode="area")[0]
    found = mtcnn.find(pixels, max(SMALLEST_SEEN, longest * shrink / SMALLEST_PART))
    faces = []
    for box, score, points in zip(found.boxes / shrink, found.scores, found.points / shrink):
        left_eye, right_eye, _, *corners = points
        eyes_mouth = tuple((float(x), float(y)) for x, y in (left_eye, right_eye, np.mean(corners, 0)))
        faces.append(FaceDetection(tuple(box.tolist()), float(score), eyes_mouth))  # type: ignore[arg-type]
    return faces


def cascade_faces(pixels: torch.Tensor) -> list[FaceDetection]:
    """Frontal faces of photographs in `pixels` [3, h, w], by the LBP cascade that scikit-image brings along."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    height, width = pixels.shape[-2:]
    scale = CASCADE_SIDE / max(height, width)
    size = (max(24, round(height * scale)), max(24, round(width * scale)))
    small = F.interpolate(pixels[None].float().cpu(), size=size, mode="bilinear", antialias=True)[0]
    image = (small.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()  # [h, w, 3]
    cascade = Cascade(lbp_frontal_face_cascade_filename())
    found = cascade.detect_multi_scale(
        img=np.ascontiguousarray(image), scale_factor=1.15, step_ratio=1, min_size=(24, 24), max_size=size
    )
    across, down = width / size[1], height / size[0]
    faces = []
    for hit in found:
        left, top, side = float(hit["c"]), float(hit["r"]), float(hit["width"])
        # The cascade's square goes from above the brows to the lower lip; ours holds hairline to chin.
        box = (left + 0.03 * side, top - 0.15 * side, left + 0.97 * side, top + 1.13 * side)
        faces.append(FaceDetection((box[0] * across, box[1] * down, box[2] * across, box[3] * down), CASCADE_SCORE))
    return suppress_overlaps(faces)


def suppress_overlaps(faces: list[FaceDetection], overlap: float = 0.4) -> list[FaceDetection]:
    """Non-maximum suppression: of faces whose boxes overlap by more than `overlap` (IoU), or lie in one another, the
    surest."""
    kept: list[FaceDetection] = []
    for face in sorted(faces, key=lambda candidate: candidate.score, reverse=True):
        if all(box_overlap(face.box, other.box) <= overlap and not _inside(face.box, other.box) for other in kept):
            kept.append(face)
    return kept


def box_area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def box_intersection(first: Box, second: Box) -> float:
    """Area that two boxes share."""
    return box_area(
        (max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3]))
    )


def box_overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0…1."""
    shared = box_intersection(first, second)
    return shared / max(box_area(first) + box_area(second) - shared, 1e-9)


def _inside(first: Box, second: Box) -> bool:
    return box_intersection(first, second) > 0.8 * min(box_area(first), box_area(second))
