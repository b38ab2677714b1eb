"""The head's course read from pictures: by landmarks where they are known, else by the reader of drawn heads."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np
import torch

from ..errors import FaceError, InputError
from ..face.finder import FaceDetector
from ..face.head_course import head_course
from ..face.landmarks import read_landmarks
from ..face.regions import face_regions
from ..face.sequence import FacePlace, box_of, without_gaps
from ..models.head_pose_reader import HeadPoseReader
from ..types import Portrait

READ_AT_ONCE, CROP_SIZE = 16, 128


@torch.no_grad()
def read_head_course(
    reader: HeadPoseReader | None,
    portraits: Iterable[Portrait],
    places: Sequence[FacePlace] = (),
    *,
    detector: FaceDetector | None = None,
    device: torch.device | str = "cpu",
    on_step: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The head's pose in each of m pictures [m, 6], as types.HeadPose but for its zero, which is nobody's portrait.

    places: one or none for all pictures, or one for each. Landmarks for more than one are believed, and the pictures
    are not looked at; one without landmarks is taken to be as the one before. Else the reader sees them, a few at a
    time, through the square of the first face that is known or found, which does not follow the head. on_step(done) is
    told how many.

    FaceError without landmarks and reader, for landmarks of another number of pictures, and as `face_regions`;
    InputError without a picture.
    """
    marked = [place if place.landmarks is not None else FacePlace() for place in places]
    if sum(place.landmarks is not None for place in marked) > 1:
        count = sum(1 for _ in portraits)
        if len(places) != count:
            raise FaceError(
                f"Landmarks for {len(places)} pictures were given, but there are {count}: find them in these very "
                "pictures."
            )
        filled = without_gaps(marked)
        points = [read_landmarks(place.landmarks) for place in filled if place.landmarks is not None]
        boxes, eyes_mouth = np.array([p.face_box for p in points]), torch.stack([p.eyes_mouth for p in points])
        return head_course(boxes, eyes_mouth.numpy())
    if reader is None:
        raise FaceError(
            "How the head moves cannot be read without landmarks and without a reader; give the landmarks of every "
            "frame, or the weights of a head pose reader."
        )
    coming = iter(portraits)
    first = next(coming, None)
    if first is None:
        raise InputError("There is no picture to read a head's course from; at least one is needed.")
    box = next((place.face_box for place in places if place.face_box is not None), None)
    if box is None:
        box = box_of(face_regions(first, detector=detector).record)
    crops = (face_regions(portrait, box=box, size=CROP_SIZE).crop for portrait in chain([first], coming))
    found: list[np.ndarray] = []
    for batch in _batches(crops):
        found.append(reader(torch.stack(batch).to(device)).cpu().numpy())
        if on_step is not None:
            on_step(sum(map(len, found)))
    return np.concatenate(found)


def _batches(crops: Iterator[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    while batch := list(islice(crops, READ_AT_ONCE)):
        yield batch
