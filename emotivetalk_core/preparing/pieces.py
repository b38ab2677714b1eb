"""A stretch of film becomes a piece: talking crops through one square, and what is known of them, as fields of
`training/source.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..direction.head_pose import motion_bucket
from ..face.head_course import head_course
from ..face.landmarks import read_landmarks
from ..face.regions import crop_record
from ..measuring.syncnet import mouth_crop, steady_squares
from ..types import FRAMES_PER_SECOND, SAMPLE_RATE
from .watching import Stretch, shrunk

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
TIGHTEST, BESIDE = 1.3, 0.1
"""Where a film ends before the square of `talk` does, the square is smaller or beside the head, so that it holds film
and not its edge drawn out: it has at least 1.3 sides of the face's box, and keeps a tenth of one on either side of it.
HDTF's films as their cuts are handed round are cropped so narrowly that 1.4 sides is all they have.
"""
STEADY_BOX, STEADY_POINTS = 13, 3
"""Boxes tremble, and grow as the mouth opens: each is the mean of half a second. Points follow lips and turns."""
_AT_ONCE = 32


@dataclass(frozen=True)
class Piece:
    """first: its first picture in the film, at 25 a second · pictures uint8 [n, s, s, 3] · face_box, lip_box [n, 4],
    landmarks [n, k, 2] in pixels of these · pose [n, 6] as types.HeadPose, zero at the square's middle · face: side of
    the square in the film over s · framing: the same over the face's box, as a rule `face.regions.CROP_FACTOR` ·
    outside: share of the square that the film does not show, where its edge goes on · others: share of looks that saw
    another face.
    """

    first: int
    pictures: np.ndarray
    face_box: np.ndarray
    lip_box: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    face: float
    framing: float
    outside: float
    others: float

    @property
    def frames(self) -> int:
        return len(self.pictures)

    @property
    def motion(self) -> float:
        """SVD's motion bucket of the head, 0…255."""
        return float(motion_bucket(self.pose))

    def fields(self) -> dict[str, np.ndarray]:
        named = {"face_box": self.face_box, "lip_box": self.lip_box, "landmarks": self.landmarks, "pose": self.pose}
        return {"pictures": self.pictures, **{name: values.astype(np.float32) for name, values in named.items()}}


def mouth_views(stretch: Stretch) -> torch.Tensor:
    """SyncNet's, uint8 [n, 3, 224, 224], cut out of the film itself, for they may reach beyond the square."""
    squares = steady_squares([tuple(box) for box in stretch.boxes])
    views = (mouth_crop(frame.float() / 255, square) for frame, square in zip(stretch.frames, squares))
    return torch.stack([(255 * view).round().byte() for view in views])


def make_piece(stretch: Stretch, size: int) -> Piece:
    """The square is the talking crop of the stretch's mean box, as far as the film shows it, and stands still. The
    stretch's pictures are let go as they are cut. Raises FaceError where eyes and mouth fall on one place.
    """
    boxes = _steady(np.array(stretch.boxes), STEADY_BOX)
    points = _steady(np.array(stretch.points), STEADY_POINTS)
    height, width = stretch.frames[0].shape[1:]
    box = boxes.mean(0)
    face_side = max(box[2] - box[0], box[3] - box[1])
    side = crop_record(tuple(box), width, height).side
    side = min(side, max(min(height, width), math.ceil(TIGHTEST * face_side)))
    left, top = (_start(box[axis], box[axis + 2], side, length) for axis, length in ((0, width), (1, height)))
    rows = (torch.arange(side) + top).clamp(0, height - 1)
    columns = (torch.arange(side) + left).clamp(0, width - 1)
    pictures, done = np.empty((len(stretch), size, size, 3), np.uint8), 0
    while stretch.frames:
        square = torch.stack(stretch.frames[:_AT_ONCE])[:, :, rows][:, :, :, columns]
        pictures[done : done + len(square)] = shrunk(square, (size, size)).permute(0, 2, 3, 1).numpy()
        done += len(square)
        del stretch.frames[:_AT_ONCE]
    scale = size / side
    boxes = (boxes.reshape(-1, 2, 2) - np.array([left, top])) * scale
    points = (points - np.array([left, top])) * scale
    read = [read_landmarks(torch.from_numpy(each).float()) for each in points]
    lips = _steady(np.array([each.lip_box for each in read]), STEADY_BOX)
    eyes_mouth = torch.stack([each.eyes_mouth for each in read]).numpy()
    pose = head_course(boxes.reshape(-1, 4), eyes_mouth)
    pose[:, 3:5] = boxes.mean(1) / size - 0.5
    return Piece(
        first=stretch.first,
        pictures=pictures,
        face_box=boxes.reshape(-1, 4),
        lip_box=lips,
        landmarks=points,
        pose=pose,
        face=side / stretch.scale / size,
        framing=side / face_side,
        outside=1 - _shown(left, side, width) * _shown(top, side, height),
        others=stretch.others / max(1, stretch.looks),
    )


def _start(before: float, behind: float, side: int, length: int) -> int:
    """Where the square begins on one axis, on which the face reaches from `before` to `behind`: around its middle,
    moved to where the picture is, as far as the face does not reach the square's edge for it.
    """
    start = (before + behind - side) / 2
    inside = min(max(start, min(0, length - side)), max(0, length - side))
    beside = BESIDE * (behind - before)
    return round(min(max(inside, behind + beside - side), before - beside))


def _shown(start: int, side: int, length: int) -> float:
    """Share of the square's rows or columns that lie in the picture."""
    return (min(start + side, length) - max(start, 0)) / side


def _steady(values: np.ndarray, count: int) -> np.ndarray:
    """The mean of so many neighbours in time [n, ...], of fewer at the ends."""
    reach = count // 2
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, 0)])
    at = np.arange(len(values))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    return (sums[high] - sums[low]) / (high - low).reshape(-1, *[1] * (values.ndim - 1))
