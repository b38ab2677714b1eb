"""A driving video: what the face in it expresses, frame by frame, to drive another one (EmotiveTalk §3.5).

Only the expression is taken. Whose face it is, how its lips move and where its head stands stay in the video: the lips
come from the speech, and the encoder's own latents keep the three apart (§6.1). The file is read twice, once to see
where the face is and once to read it, so that memory stays flat however long it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from ..errors import FaceError
from ..face.finder import FaceDetector, photograph_faces
from ..face.following import FaceCourse, follow_face
from ..face.regions import CROP_FACTOR, face_regions
from ..models.face_finder import FaceFinder
from ..models.face_reading import encoder_face, read_faces
from ..models.motion_encoder import MotionEncoder
from ..types import FRAMES_PER_SECOND, ExpressionLatents, Portrait
from ..video.reader import read_frames, read_video_facts
from .retime import bridge, resample

LARGEST_SIDE = 1280
"""Pixels. A larger film is made this small as it is decoded, or as small as its face allows."""

LOOK_SIDE = 640
"""Faces are looked for in pictures of a large film that are no larger: finders look at no more than half of it."""


@dataclass(frozen=True)
class WatchedFilm:
    """A film in which a face was followed. course: in pixels of the pictures that `frames` gives · rate: of them, a
    second, which is no higher than needed · longest_side: of the film as it is read, None: its own.
    """

    path: Path
    rate: float
    course: FaceCourse
    longest_side: int | None

    def frames(self, on_note: Callable[[str], None] | None = None) -> Iterator[torch.Tensor]:
        """The pictures once more [3, h, w]."""
        frames = read_frames(self.path, rate=self.rate, longest_side=self.longest_side, on_note=on_note)
        return islice(frames, len(self.course.boxes))


def watch_film(
    path: str | Path,
    finder: FaceFinder | None,
    *,
    size: int,
    seconds: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> WatchedFilm:
    """Follow the face in a video file, as `find_faces` sees it with the drawn heads' finder.

    size: at which its crop will be looked at, in pixels: a large film is not made smaller than that takes · seconds:
    read no more than the first so many · on_step(done, total): counts the frames; what it raises ends it.

    InputError for a file that is no video, FaceError where no face is found in it.
    """
    path, facts = Path(path), read_video_facts(path)
    rate = facts.frames_per_second / max(1, int(facts.frames_per_second // FRAMES_PER_SECOND))
    most = None if seconds is None else max(1, round(seconds * rate))
    whole = None if facts.frames is None else max(1, round(facts.frames * rate / facts.frames_per_second))
    expected = min((count for count in (whole, most) if count), default=0)

    def looked(done: int) -> None:
        if on_step is not None and done <= expected:
            on_step(done, expected)

    longest = max(facts.width, facts.height)
    look_side = LOOK_SIDE if longest > LARGEST_SIDE else None
    frames = islice(read_frames(path, rate=rate, longest_side=look_side), most)
    course = follow_face(frames, rate, finder.find if finder is not None else None, looked)
    if not course.seen.any():
        raise FaceError(
            f"{path}: no face was found in any of the {len(course.boxes)} frames; give a video that shows a face "
            "from the front."
        )
    if look_side is None:
        return WatchedFilm(path, rate, course, None)
    smallest = min(min(box[2] - box[0], box[3] - box[1]) for box in course.boxes if box is not None)
    needed = round(2 * size / (smallest / look_side) / CROP_FACTOR)
    side = min(longest, max(LARGEST_SIDE, needed))
    return WatchedFilm(path, rate, course.scaled(side / look_side), side)


def driving_expression(
    encoder: MotionEncoder,
    finder: FaceFinder | None,
    path: str | Path,
    *,
    size: int,
    seconds: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> ExpressionLatents:
    """The expression in every frame of a video file, values [n, expression_dim] at 25 a second whatever its own rate
    is, where the encoder computes. `retime.retime` fits it to a speech. Frames in which no face is seen are bridged.

    finder: of drawn heads, beside the one for photographs; where several faces are seen, the largest of the first
    picture with any is followed · size: of the square around the face, in pixels, as for a portrait · seconds: read no
    more than the first so many · on_step(done, total): counts the frames of both readings; what it raises ends it ·
    on_note: told in a sentence how many frames lacked a face, and what of the file is damaged.

    InputError for a file that is no video, FaceError where no face is found in it.
    """

    def step(reading: int) -> Callable[[int, int], None] | None:
        told = on_step
        return None if told is None else lambda done, total: told(reading * total + done, 2 * total)

    film = watch_film(path, finder, size=size, seconds=seconds, on_step=step(0))
    detector = finder.find if finder is not None else photograph_faces
    latents = read_faces(
        encoder,
        _faces(encoder, film.frames(on_note), film.course, detector, size),
        count=int(film.course.seen.sum()),
        device=next(encoder.parameters()).device,
        on_step=step(1),
    )
    if on_note is not None and film.course.note:
        on_note(f"{path}: {film.course.note}")
    return ExpressionLatents(resample(bridge(latents.expression.float(), film.course.seen), film.rate))


def _faces(
    encoder: MotionEncoder, frames: Iterator[torch.Tensor], course: FaceCourse, detector: FaceDetector, size: int
) -> Iterator[torch.Tensor]:
    """The face as the encoder wants it, of each frame that shows it. Where it wants eyes and mouth, and they are not
    seen in one frame, those of the frame before are taken.
    """
    config, eyes_mouth = encoder.config, None
    for pixels, box in zip(frames, course.boxes):
        if box is None:
            continue
        regions = face_regions(Portrait(pixels), box=box, detector=detector if config.aligned else None, size=size)
        eyes_mouth = regions.eyes_mouth if regions.eyes_mouth is not None else eyes_mouth
        yield encoder_face(config, regions.crop, eyes_mouth)
