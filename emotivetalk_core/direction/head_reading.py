"""The head's course read from pictures: by landmarks where they are known, else by the reader of drawn heads."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from ..errors import FaceError, InputError
from ..face.finder import FaceDetector
from ..face.following import FaceCourse, follow_face
from ..face.head_course import head_course
from ..face.landmarks import read_landmarks
from ..face.regions import GIVE_A_BOX, face_regions, flatten_alpha
from ..face.sequence import FacePlace, without_gaps
from ..models.head_pose_reader import HeadPoseReader
from ..types import FRAMES_PER_SECOND, Portrait
from .retime import bridge

READ_AT_ONCE, CROP_SIZE = 16, 128


def read_head_course(
    reader: HeadPoseReader | None,
    portraits: Sequence[Portrait],
    places: Sequence[FacePlace] = (),
    *,
    detector: FaceDetector | None = None,
    device: torch.device | str = "cpu",
    on_step: Callable[[int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> np.ndarray:
    """The head's pose in each of m pictures, 25 a second, [m, 6], as types.HeadPose but for its zero, which is nobody's
    portrait.

    places: one or none for all pictures, or one for each. Landmarks for more than one are believed, and the pictures
    are not looked at; one without landmarks is taken to be as the one before. Else the reader sees them, through a
    square that does not follow the head: around the first place that is known, or, where none is, as `watch_head`.
    on_step(done) is told how many · on_note: told in a sentence of pictures without a face.

    FaceError without landmarks and reader, for landmarks of another number of pictures, and where no face is found;
    InputError without a picture.
    """
    marked = [place if place.landmarks is not None else FacePlace() for place in places]
    if sum(place.landmarks is not None for place in marked) > 1:
        if len(places) != len(portraits):
            raise FaceError(
                f"Landmarks for {len(places)} pictures were given, but there are {len(portraits)}: find them in these "
                "same pictures."
            )
        filled = without_gaps(marked)
        points = [read_landmarks(place.landmarks) for place in filled if place.landmarks is not None]
        boxes, eyes_mouth = np.array([p.face_box for p in points]), torch.stack([p.eyes_mouth for p in points])
        return head_course(boxes, eyes_mouth.numpy())
    box = next((place.face_box for place in places if place.face_box is not None), None)
    if box is not None:
        course = FaceCourse((box,) * len(portraits), (0,))
    else:
        course = follow_face((flatten_alpha(portrait) for portrait in portraits), FRAMES_PER_SECOND, detector)
    if on_note is not None and course.note and course.seen.any():
        on_note(course.note)
    return watch_head(reader, portraits, course, device=device, on_step=on_step)


@torch.no_grad()
def watch_head(
    reader: HeadPoseReader | None,
    portraits: Iterable[Portrait],
    course: FaceCourse,
    *,
    device: torch.device | str = "cpu",
    on_step: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The head's pose in each of m pictures [m, 6], as `read_head_course`, whose face was followed: read a few at a
    time, through one square in each shot, and bridged where no face is seen. Errors as there.
    """
    if reader is None:
        raise FaceError(
            "How the head moves cannot be read without landmarks and without a reader; give the landmarks of every "
            "frame, or the weights of a head pose reader."
        )
    if not course.boxes:
        raise InputError("There is no picture to read the head's movement from; at least one is needed.")
    if not course.seen.any():
        raise FaceError(f"No face was found in any of the {len(course.boxes)} pictures; {GIVE_A_BOX}.")
    seen = zip(portraits, course.squares().boxes)
    crops = (face_regions(portrait, box=box, size=CROP_SIZE).crop for portrait, box in seen if box is not None)
    found: list[torch.Tensor] = []
    for batch in _batches(crops):
        found.append(reader(torch.stack(batch).to(device)).cpu())
        if on_step is not None:
            on_step(sum(map(len, found)))
    return bridge(torch.cat(found), course.seen).numpy()


def _batches(crops: Iterator[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    while batch := list(islice(crops, READ_AT_ONCE)):
        yield batch
