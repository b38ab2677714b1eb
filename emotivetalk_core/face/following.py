"""One face through a film: where it is in each picture, found again after a cut, and not where none is seen. [ours]

Knows pictures and boxes, no file and no network but the detector that it is handed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional as F

from .finder import Box, FaceDetection, FaceDetector, box_overlap, find_faces

LOOKS_PER_SECOND = 5
"""How often the face is looked for. In between, its box goes straight from one place to the next."""

STEADY_LOOKS = 3
"""A box trembles, and grows as the mouth opens, so that it is the mean of this many looks, 0.6 s."""

MISSED_LOOKS = 1
"""So many looks in a row may miss a face that is seen on either side: detectors do."""

PATIENCE = 5
"""Looks without the followed face after which any other is taken for it, the largest first: a second."""

SAME_FACE = 0.1
"""Overlap of two boxes that follow each other, above which they are one face's."""
_CUT = 0.1
"""Mean change of the picture's brightness, seen from afar, from one picture to the next: hands and turning heads change
less, of 0…1.
"""
_AFAR = 16


@dataclass(frozen=True)
class FaceCourse:
    """boxes: of the followed face in each picture, None where it is not seen · shots: the first picture of each stretch
    between two cuts.
    """

    boxes: tuple[Box | None, ...]
    shots: tuple[int, ...]

    @property
    def seen(self) -> np.ndarray:
        """Which pictures show it [n]."""
        return np.array([box is not None for box in self.boxes], bool)

    @property
    def note(self) -> str:
        """`missing_note` of these pictures."""
        return missing_note(self.seen)

    def scaled(self, factor: float) -> "FaceCourse":
        """The same in pictures so many times as large."""
        boxes = (None if box is None else tuple(factor * side for side in box) for box in self.boxes)
        return FaceCourse(tuple(boxes), self.shots)  # type: ignore[arg-type]  # four sides stay four

    def squares(self) -> "FaceCourse":
        """Boxes that stand still: in each shot the mean of all, for what should show how a head moves."""
        boxes: list[Box | None] = []
        for first, end in zip(self.shots, (*self.shots[1:], len(self.boxes))):
            known = np.array([box for box in self.boxes[first:end] if box is not None])
            mean = tuple(known.mean(0).tolist()) if len(known) else None
            boxes += [None if box is None else mean for box in self.boxes[first:end]]  # type: ignore[list-item]
        return FaceCourse(tuple(boxes), self.shots)


def missing_note(seen: np.ndarray) -> str:
    """What the user should know of pictures without a face, or nothing."""
    missing = int((~seen).sum())
    if missing == 0:
        return ""
    return f"No face is seen in {missing} of {len(seen)} frames, which are bridged from those around them."


def follow_face(
    pictures: Iterable[torch.Tensor],
    rate: float,
    detector: FaceDetector | None = None,
    on_picture: Callable[[int], None] | None = None,
) -> FaceCourse:
    """Follow the largest face of the first picture with any through pictures [3, h, w] RGB 0…1, `rate` a second.

    At a cut, and where it was not seen for a second, the face is looked for anew. on_picture(done) counts; what it
    raises ends the work. Memory does not grow with the film.
    """
    every = max(1, round(rate / LOOKS_PER_SECOND))
    shots: list[_Shot] = []
    afar: torch.Tensor | None = None
    last: Box | None = None
    missed, count = 0, 0
    for index, pixels in enumerate(pictures):
        before, afar = afar, F.interpolate(pixels[None].float().mean(1, keepdim=True), size=_AFAR, mode="area")
        cut = before is None or float((afar - before).abs().mean()) > _CUT
        if cut:
            shots.append(_Shot(index))
        if (index - shots[-1].first) % every == 0:
            box = _followed(find_faces(pixels, detector), last, anew=cut or missed >= PATIENCE)
            shots[-1].looks[index] = box
            last, missed = (last, missed + 1) if box is None else (box, 0)
        count = index + 1
        if on_picture is not None:
            on_picture(count)
    ends = [shot.first for shot in shots[1:]] + [count]
    boxes = [box for shot, end in zip(shots, ends) for box in shot.boxes(end)]
    return FaceCourse(tuple(boxes), tuple(shot.first for shot in shots))


def _followed(faces: list[FaceDetection], last: Box | None, anew: bool) -> Box | None:
    """Of the faces of a picture, largest first, the one that was followed so far; the largest where that is open."""
    if last is not None:
        nearest = max(faces, key=lambda face: box_overlap(face.box, last), default=None)
        if nearest is not None and box_overlap(nearest.box, last) > SAME_FACE:
            return nearest.box
        if not anew:
            return None
    return faces[0].box if faces else None


@dataclass
class _Shot:
    """looks: what was found, by picture; the first picture is looked at."""

    first: int
    looks: dict[int, Box | None] = field(default_factory=dict)

    def boxes(self, end: int) -> list[Box | None]:
        """The box in every picture up to `end`: steadied, and straight between two looks that both show the face."""
        boxes: list[Box | None] = [None] * (end - self.first)
        for stretch in self._stretches():
            at, found = np.array(sorted(stretch)), np.array([stretch[index] for index in sorted(stretch)])
            reach = STEADY_LOOKS // 2
            steady = np.stack([found[max(0, k - reach) : k + reach + 1].mean(0) for k in range(len(found))])
            until = at[-1] + 1 if at[-1] != max(self.looks) else end  # nothing was looked at behind the last look
            places = np.arange(at[0], until)
            sides = [np.interp(places, at, steady[:, side]).tolist() for side in range(4)]
            boxes[at[0] - self.first : until - self.first] = list(zip(*sides, strict=True))
        return boxes

    def _stretches(self) -> list[dict[int, Box]]:
        """Looks that show the face, apart where too many between them do not."""
        stretches: list[dict[int, Box]] = []
        missed = MISSED_LOOKS + 1
        for index, box in self.looks.items():
            if box is None:
                missed += 1
                continue
            if missed > MISSED_LOOKS:
                stretches.append({})
            stretches[-1][index] = box
            missed = 0
        return stretches
