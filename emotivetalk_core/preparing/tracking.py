"""The face that a shot is about, in each of its pictures. [ours]

`face/following.py` looks five times a second, at whole pictures, which is enough for a crop. Here every picture's eyes
and mouth are wanted, of hours of film: the finder looks again where the face just was, and over the whole picture only
where there is none.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ..face import mtcnn
from ..face.finder import Box, FaceDetector, box_area, box_overlap
from .lists import Crop

AROUND = 2.6
"""Sides of the part of the picture that is looked at again, in faces."""
BRIDGED = 5
"""So many pictures in a row may miss a face that is seen on either side: a blink, a blur."""
SEARCH_EVERY, RARELY = 5, 25
"""Pictures without a face from one search to the next; five more after each that was in vain, up to a second: hours of
titles and landscapes are mostly searches.
"""
PHOTOGRAPHS, DRAWN = "photographs", "drawn"
_SAME = 0.55
"""Overlap of a face with itself one picture later; less is a part of it, or another."""
_OTHER, _SURE = 1 / 3, 0.85
"""Of another face: its area in that of the followed one, and how sure O-Net is of it. At the size of a glance it takes
hands and curtains for faces with 0.76 to 0.83; of the faces of people beside another it says 0.98 and more, of drawn
ones 0.88.
"""
_GLANCE = 48.0
"""Pixels of the followed face where others are looked for: enough to see one of half its width."""
_FARTHEST = 640
"""Pixels of the longest side where a face is searched for; one of a twentieth of it is still found."""


@dataclass(frozen=True)
class Sighting:
    """box in pixels of the picture · points [5, 2]: eyes, nose and corners of the mouth as MTCNN places them, or
    [3, 2]: eyes and mouth, of the finder of drawn heads.
    """

    box: Box
    points: np.ndarray


class Tracker:
    """Pictures of one shot in turn, uint8 [3, h, w]. drawn: the finder that is asked where MTCNN sees nothing; the one
    that saw the shot's face first is kept to, for the two do not mean the same box.
    """

    def __init__(self, drawn: FaceDetector | None = None) -> None:
        self._drawn = drawn
        self.forget()

    def forget(self) -> None:
        """What comes next is another shot."""
        self._last: Sighting | None = None
        self._missed = self._waits = self._vain = 0
        self._finder = ""

    def follow(self, levels: torch.Tensor, crop: Crop | None = None) -> Sighting | None:
        """The followed face; where none is followed, or it was missed for too long, the largest. crop: where that is
        looked for.
        """
        if self._last is not None:
            seen = self._again(levels, self._last)
            if seen is not None:
                self._last, self._missed = seen, 0
                return seen
            self._missed += 1
            if self._missed <= BRIDGED:
                return None
            self._last = None
        if self._waits:
            self._waits -= 1
            return None
        self._last, self._missed = self._search(levels, crop), 0
        self._vain = 0 if self._last is not None else self._vain + 1
        self._waits = max(0, min(RARELY, SEARCH_EVERY * self._vain) - 1)
        return self._last

    def others(self, levels: torch.Tensor) -> bool:
        """Whether there is another face of at least a third of the followed one's area."""
        if self._last is None:
            return False
        box = self._last.box
        picture, (across, down) = _shrunk(levels, min(1.0, _GLANCE / (box[2] - box[0])))
        found = mtcnn.find(picture, max(mtcnn.P_SIDE, 0.45 * across * (box[2] - box[0])))
        sure = [each for each, score in zip(_sightings(found), found.scores) if score > _SURE]
        boxes = [_scaled(each, 1 / across, 1 / down).box for each in sure]
        return any(box_area(other) > _OTHER * box_area(box) and box_overlap(other, box) < 0.1 for other in boxes)

    def _again(self, levels: torch.Tensor, last: Sighting) -> Sighting | None:
        left, top, window = _window(levels, last.box)
        x0, y0, x1, y1 = last.box
        near = (x0 - left, y0 - top, x1 - left, y1 - top)
        if self._finder == DRAWN:
            seen = self._drawn_faces(window)
        else:
            seen = _sightings(mtcnn.find_again(window, near)) or _photograph_faces(window, 0.5 * (x1 - x0))
        best = max(seen, key=lambda each: box_overlap(each.box, near), default=None)
        if best is None or box_overlap(best.box, near) < _SAME:
            return None
        return _moved(best, left, top)

    def _search(self, levels: torch.Tensor, crop: Crop | None) -> Sighting | None:
        left, top, part = _part(levels, crop)
        seen = _photograph_faces(part, max(part.shape[1:]) / 20) if self._finder != DRAWN else []
        if seen:
            self._finder = PHOTOGRAPHS
        elif self._finder != PHOTOGRAPHS and self._drawn is not None:
            picture, (across, down) = _shrunk(part, min(1.0, _FARTHEST / max(part.shape[1:])))
            seen = [_scaled(each, 1 / across, 1 / down) for each in self._drawn_faces(picture)]
            self._finder = DRAWN if seen else ""
        best = max(seen, key=lambda each: box_area(each.box), default=None)
        return None if best is None else _moved(best, left, top)

    def _drawn_faces(self, picture: torch.Tensor) -> list[Sighting]:
        faces = self._drawn(picture) if self._drawn is not None else []
        return [Sighting(face.box, np.array(face.eyes_mouth)) for face in faces if face.eyes_mouth is not None]


def _photograph_faces(levels: torch.Tensor, smallest: float) -> list[Sighting]:
    """MTCNN's, of at least so many pixels, in a picture uint8, or float 0…1: shrunk where that shows it enough."""
    picture, (across, down) = _shrunk(levels, min(1.0, mtcnn.P_SIDE / smallest, _FARTHEST / max(levels.shape[1:])))
    found = _sightings(mtcnn.find(picture, mtcnn.P_SIDE))
    return [_scaled(each, 1 / across, 1 / down) for each in found]


def _sightings(found: mtcnn.FoundFaces) -> list[Sighting]:
    return [
        Sighting((box[0], box[1], box[2], box[3]), points) for box, points in zip(found.boxes.tolist(), found.points)
    ]


def _window(levels: torch.Tensor, box: Box) -> tuple[int, int, torch.Tensor]:
    """The part of a picture around a box: its left, its top, and its pixels 0…1."""
    height, width = levels.shape[1:]
    half = AROUND * max(box[2] - box[0], box[3] - box[1]) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, min(width - 1, int(x - half))), max(0, min(height - 1, int(y - half)))
    window = levels[:, top : max(top + 1, int(y + half)), left : max(left + 1, int(x + half))]
    return left, top, window.float() / 255


def _part(levels: torch.Tensor, crop: Crop | None) -> tuple[int, int, torch.Tensor]:
    if crop is None:
        return 0, 0, levels
    tall = levels.shape[1]
    left, top, right, bottom = (round(tall * side) for side in crop)
    part = levels[:, max(0, top) : bottom, max(0, left) : right]
    return (max(0, left), max(0, top), part) if min(part.shape[1:]) > 0 else (0, 0, levels)


def _shrunk(levels: torch.Tensor, factor: float) -> tuple[torch.Tensor, tuple[float, float]]:
    """The picture 0…1, so many times as large, and by how much in truth across and down."""
    height, width = levels.shape[1:]
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    pixels = levels[None].float() / 255 if levels.dtype == torch.uint8 else levels[None]
    small = F.interpolate(pixels, size=size, mode="area") if size != (height, width) else pixels
    return small[0], (size[1] / width, size[0] / height)


def _moved(seen: Sighting, left: float, top: float) -> Sighting:
    x0, y0, x1, y1 = seen.box
    return Sighting((x0 + left, y0 + top, x1 + left, y1 + top), seen.points + np.array([left, top]))


def _scaled(seen: Sighting, across: float, down: float) -> Sighting:
    x0, y0, x1, y1 = seen.box
    return Sighting((x0 * across, y0 * down, x1 * across, y1 * down), seen.points * np.array([across, down]))
