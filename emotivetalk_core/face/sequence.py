"""The talking crop of every picture of a sequence, steady from one to the next.

A sequence drives another face, so what moves in its crops should be the face and not the crop: the square stands still
where only one place is known, and follows a moving head smoothly where each picture has a place of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ..errors import FaceError
from ..types import FRAMES_PER_SECOND, CropRecord, FaceRegions, Portrait
from .finder import Box, FaceDetector, box_overlap, find_faces, photograph_faces
from .following import SAME_FACE, follow_face
from .landmarks import NamedPoints, read_landmarks
from .regions import CROP_FACTOR, face_regions, flatten_alpha

STEADY_PICTURES = 13
"""Half a second: a detector's box trembles, and grows as the mouth opens, so the square follows this mean of it."""


@dataclass(frozen=True)
class FacePlace:
    """Where the face of one picture is, in its pixels, as far as known: box (left, top, right, bottom) · landmarks as
    `read_landmarks` takes them.
    """

    box: Box | None = None
    landmarks: torch.Tensor | NamedPoints | None = None

    @property
    def face_box(self) -> Box | None:
        if self.box is None and self.landmarks is not None:
            return read_landmarks(self.landmarks).face_box
        return self.box


def sequence_regions(
    portraits: Sequence[Portrait],
    places: Sequence[FacePlace] = (),
    *,
    detector: FaceDetector | None = None,
    every_face: bool = False,
    size: int = 128,
) -> Iterator[FaceRegions]:
    """The regions of each picture in turn, at `size` pixels; one picture alone is treated as `face_regions` does.

    places: none (the first picture's face is looked for, and its square holds for all), one (it holds for all), or one
    for each picture; where a picture's own is not known, that of a neighbour goes on. every_face: look for eyes and
    mouth in each picture where no landmarks tell them. Raises FaceError as `face_regions`, and for another number of
    places.
    """
    if len(places) not in (0, 1, len(portraits)):
        raise FaceError(
            f"Face places for {len(places)} pictures were given, but there are {len(portraits)}: find the faces in "
            "these same pictures, or give one box for all."
        )
    if len(portraits) == 1:
        place = places[0] if places else FacePlace()
        yield face_regions(portraits[0], box=place.box, landmarks=place.landmarks, detector=detector, size=size)
        return
    places = without_gaps(places)
    if not places:
        first = face_regions(portraits[0], detector=detector, size=size)
        places, portraits = [FacePlace(box_of(first.record))], portraits[1:]
        yield first
    boxes = _steady([box for place in places if (box := place.face_box) is not None])
    for index, portrait in enumerate(portraits):
        at = index if len(places) > 1 else 0
        yield face_regions(
            portrait,
            box=boxes[at],
            landmarks=places[at].landmarks,
            detector=(detector or photograph_faces) if every_face else None,
            size=size,
        )


def crop_eyes_mouth(portrait: Portrait, place: FacePlace, detector: FaceDetector | None) -> torch.Tensor | None:
    """Eyes and mouth [3, 2] in a picture that is a talking crop already: by its landmarks, else as the detector sees
    its largest face; None where neither knows.
    """
    if place.landmarks is not None:
        return read_landmarks(place.landmarks).eyes_mouth
    faces = find_faces(flatten_alpha(portrait), detector)
    known = faces[0].eyes_mouth if faces else None
    return torch.tensor(known) if known is not None else None


def without_gaps(places: Sequence[FacePlace]) -> list[FacePlace]:
    """Where nothing is known of a picture, what is known of the one before; of the first known one at the start. Empty
    where nothing is known at all.
    """
    known = [place for place in places if place.face_box is not None]
    if not known:
        return []
    filled = [known[0]]
    for place in places:
        filled.append(place if place.face_box is not None else filled[-1])
    return filled[1:]


def seen_places(
    portraits: Sequence[Portrait], places: Sequence[FacePlace], detector: FaceDetector | None = None
) -> tuple[list[FacePlace], np.ndarray]:
    """Which pictures of a film show the face [n], and the places of these for `sequence_regions`. Where no place is
    given the face is followed, at 25 pictures a second; none are returned where one square holds for all of them.
    """
    everywhere = np.ones(len(portraits), bool)
    if not places and len(portraits) > 1:
        course = follow_face((flatten_alpha(portrait) for portrait in portraits), FRAMES_PER_SECOND, detector)
        if not course.seen.any() or course.seen.all() and len(course.shots) == 1:
            return [], everywhere
        return [FacePlace(box) for box in course.squares().boxes if box is not None], course.seen
    known = [place for place in places if place.face_box is not None]
    if not known or len(places) != len(portraits):
        return list(places), everywhere
    return known, np.array([place.face_box is not None for place in places])


def _steady(boxes: Sequence[Box]) -> list[Box]:
    """The boxes averaged in time; over what there is at the ends, and where the face is suddenly elsewhere."""
    cuts = [at for at in range(1, len(boxes)) if box_overlap(boxes[at - 1], boxes[at]) <= SAME_FACE]
    reach, steadied = STEADY_PICTURES // 2, list[Box]()
    for first, end in zip([0, *cuts], [*cuts, len(boxes)]):
        courses = torch.tensor(boxes[first:end], dtype=torch.float64).T[None]  # [1, 4, n]
        means = F.avg_pool1d(courses, STEADY_PICTURES, stride=1, padding=reach, count_include_pad=False)[0].T  # [n, 4]
        steadied += [(box[0], box[1], box[2], box[3]) for box in means.tolist()]
    return steadied


def box_of(record: CropRecord) -> Box:
    """The square box whose canonical crop is this very record."""
    half = record.side / CROP_FACTOR / 2
    across, down = record.left + record.side / 2, record.top + record.side / 2
    return (across - half, down - half, across + half, down + half)
