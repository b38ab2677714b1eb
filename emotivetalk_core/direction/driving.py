"""A driving video: what the face in it expresses, frame by frame, to drive another one (EmotiveTalk §3.5).

Only the expression is taken. Whose face it is, how its lips move and where its head stands stay in the video: the lips
come from the speech, and the encoder's own latents keep the three apart (§6.1). The file is read twice, once to see
where the face is and once to read it, so that memory stays flat however long it is.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from ..errors import FaceError
from ..face.finder import Box, FaceDetection, FaceDetector, box_overlap, find_faces
from ..face.regions import face_regions
from ..models.face_finder import FaceFinder
from ..models.face_reading import encoder_face, read_faces
from ..models.motion_encoder import MotionEncoder
from ..types import ExpressionLatents, Portrait
from ..video.reader import read_frames, read_video_facts
from .retime import resample

LOOKS_PER_SECOND = 5
"""How often the face is looked for. In between, its box goes straight from one place to the next."""

STEADY_LOOKS = 3
"""A box trembles, and grows as the mouth opens, so that it is the mean of this many looks, 0.6 s."""

_SAME_FACE = 0.1


def driving_expression(
    encoder: MotionEncoder,
    finder: FaceFinder | None,
    path: str | Path,
    *,
    size: int,
    seconds: float | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> ExpressionLatents:
    """The expression in every frame of a video file, values [n, expression_dim] at 25 a second whatever its own rate
    is, where the encoder computes. `retime.retime` fits it to a speech.

    finder: of drawn heads, beside the one for photographs; where several faces are seen, the largest of the first
    picture with any is followed · size: of the square around the face, in pixels, as for a portrait · seconds: read no
    more than the first so many · on_step(done, total): counts the frames of both readings; what it raises ends it.

    InputError for a file that is no video, FaceError where no face is found in it.
    """
    facts = read_video_facts(path)
    rate = facts.frames_per_second
    most = None if seconds is None else max(1, round(seconds * rate))
    known = [count for count in (facts.frames, most) if count]
    expected = min(known, default=0)
    detector = finder.find if finder is not None else None

    def looked(done: int) -> None:
        if on_step is not None and done <= expected:
            on_step(done, 2 * expected)

    looks, count = _look(islice(read_frames(path), most), max(1, round(rate / LOOKS_PER_SECOND)), detector, looked)
    if not looks:
        raise FaceError(
            f"{path}: no face was found in any of the {count} frames; give a video in which one is seen from the front."
        )
    faces = _faces(encoder, islice(read_frames(path), count), _course(looks, count), detector, size)
    latents = read_faces(
        encoder,
        faces,
        count=count,
        device=next(encoder.parameters()).device,
        on_step=None if on_step is None else lambda done, total: on_step(total + done, 2 * total),
    )
    return ExpressionLatents(resample(latents.expression.float(), rate))


def _look(
    frames: Iterator[torch.Tensor], every: int, detector: FaceDetector | None, on_frame: Callable[[int], None]
) -> tuple[dict[int, Box], int]:
    """The followed face's box in those frames, of every so many, that show it; and how many frames there are."""
    looks: dict[int, Box] = {}
    count = 0
    for index, pixels in enumerate(frames):
        if index % every == 0:
            last = looks[max(looks)] if looks else None
            box = _followed(find_faces(pixels, detector), last)
            if box is not None:
                looks[index] = box
        count = index + 1
        on_frame(count)
    return looks, count


def _followed(faces: list[FaceDetection], last: Box | None) -> Box | None:
    """Of the faces of a picture, largest first, the one that was followed so far."""
    if last is None:
        return faces[0].box if faces else None
    nearest = max(faces, key=lambda face: box_overlap(face.box, last), default=None)
    return nearest.box if nearest is not None and box_overlap(nearest.box, last) > _SAME_FACE else None


def _course(looks: dict[int, Box], count: int) -> list[Box]:
    """The box in every frame: steadied, straight between two looks, held before the first and after the last."""
    at, boxes = np.array(sorted(looks)), np.array([looks[index] for index in sorted(looks)])  # [k], [k, 4]
    reach = STEADY_LOOKS // 2
    steady = np.stack([boxes[max(0, k - reach) : k + reach + 1].mean(0) for k in range(len(boxes))])
    sides = [np.interp(np.arange(count), at, steady[:, side]).tolist() for side in range(4)]
    return list(zip(*sides, strict=True))


def _faces(
    encoder: MotionEncoder, frames: Iterator[torch.Tensor], boxes: list[Box], detector: FaceDetector | None, size: int
) -> Iterator[torch.Tensor]:
    """Each frame's face as the encoder wants it. Where it wants eyes and mouth, and they are not seen in one frame,
    those of the frame before are taken.
    """
    config, eyes_mouth = encoder.config, None
    for pixels, box in zip(frames, boxes, strict=True):
        regions = face_regions(Portrait(pixels), box=box, detector=detector if config.aligned else None, size=size)
        eyes_mouth = regions.eyes_mouth if regions.eyes_mouth is not None else eyes_mouth
        yield encoder_face(config, regions.crop, eyes_mouth)
