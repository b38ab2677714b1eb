"""A film watched once, from front to back: stretches of one shot that show one face, and where it is in each picture.

Memory holds one stretch and no more, however long the film is: of each picture the part around the face.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.nn import functional as F

from ..face.finder import FaceDetector
from ..face.regions import CROP_FACTOR
from ..types import FRAMES_PER_SECOND
from .lists import Cut
from .settings import PrepareSettings
from .shots import Cuts
from .tracking import BRIDGED, Sighting, Tracker

ROOM = 1.5
"""Sides of the part that is kept of each picture, in sides of the first picture's talking crop."""
FINEST = 1.15
"""No more pixels of it are kept than so many times what is written."""
WANDER, GROWTH = 0.3, 1.3
"""A stretch ends where the head stands so far from its first place, in sides of the crop, or has become so many times
as large or small: its square stands still, so that the head's motion stays in the pictures.
"""


@dataclass
class Stretch:
    """first: its first picture in the film, at 25 a second · frames: uint8 [3, h, w], the part of each that is kept,
    `scale` times as large as in the film · boxes [n, 4], points [n, k, 2] in pixels of these parts ·
    looks, others: how often other faces were looked for, and seen.
    """

    first: int
    scale: float
    frames: list[torch.Tensor] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    looks: int = 0
    others: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    def missed(self) -> int:
        """How many of the last pictures did not show the face."""
        return next((at for at, box in enumerate(reversed(self.boxes)) if not np.isnan(box).any()), len(self))

    def bridged(self) -> "Stretch":
        """Up to the last picture that shows the face, and straight from place to place where one between does not. It
        takes the pictures over.
        """
        until = len(self) - self.missed()
        del self.frames[until:]
        boxes, points = (_bridged(np.array(values[:until])) for values in (self.boxes, self.points))
        return replace(self, boxes=list(boxes), points=list(points))

    def split(self, at: int) -> tuple["Stretch", "Stretch"]:
        """Its first `at` pictures, and the rest, which take the pictures over; both know of all looks."""
        parts = []
        for start, part in ((0, slice(0, at)), (at, slice(at, None))):
            kept = (self.frames[part], self.boxes[part], self.points[part])
            parts.append(Stretch(self.first + start, self.scale, *kept, self.looks, self.others))
        self.frames.clear()  # they are many: who is done with a part can let them go
        return parts[0], parts[1]


@dataclass(frozen=True)
class _Place:
    """What of each picture of a stretch is kept: pixels left, top, right, bottom, and the size that they are given."""

    left: int
    top: int
    right: int
    bottom: int
    size: tuple[int, int]

    @classmethod
    def around(cls, seen: Sighting, levels: torch.Tensor, size: int) -> "_Place":
        height, width = levels.shape[1:]
        side = CROP_FACTOR * max(seen.box[2] - seen.box[0], seen.box[3] - seen.box[1])
        x, y, half = (seen.box[0] + seen.box[2]) / 2, (seen.box[1] + seen.box[3]) / 2, ROOM * side / 2
        left, top = max(0, int(x - half)), max(0, int(y - half))
        right, bottom = min(width, round(x + half)), min(height, round(y + half))
        scale = min(1.0, FINEST * size / side)
        return cls(
            left, top, right, bottom, (max(1, round(scale * (bottom - top))), max(1, round(scale * (right - left))))
        )

    def cut(self, levels: torch.Tensor) -> torch.Tensor:
        part = levels[:, self.top : self.bottom, self.left : self.right]
        if tuple(part.shape[1:]) == self.size:
            return part.clone()
        return shrunk(part[None], self.size)[0]

    def inside(self, points: np.ndarray) -> np.ndarray:
        scale = np.array([self.size[1] / (self.right - self.left), self.size[0] / (self.bottom - self.top)])
        return (points - np.array([self.left, self.top])) * scale


def shrunk(levels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Pictures uint8 [n, 3, h, w] at another size; as bytes, which torch resizes many times as fast as numbers."""
    return F.interpolate(
        levels.contiguous(memory_format=torch.channels_last), size=size, mode="bicubic", antialias=True
    )


def watch(
    pictures: Iterator[torch.Tensor],
    settings: PrepareSettings,
    cuts: tuple[Cut, ...] = (Cut(),),
    drawn: FaceDetector | None = None,
    on_picture: Callable[[int], None] | None = None,
    *,
    first: int = 0,
    until: float = math.inf,
) -> Iterator[Stretch]:
    """The stretches of pictures uint8 [3, h, w], 25 a second, in order; also those that are too short to be pieces.

    No stretch is longer than `settings.longest`, and none is short only because the one before it was long. first: the
    number of the first picture · until: from that picture on, it ends with the first stretch that does, so that no
    piece is cut short for it; whoever watches on, from the picture after the last that was told of, needs to know
    nothing of what was before.
    """
    shot, tracker = Cuts(), Tracker(drawn)
    stretch: Stretch | None = None
    place: _Place | None = None
    taken: Cut | None = None
    longest, shortest = settings.longest, settings.filters.frames
    for index, levels in enumerate(pictures, first):
        if on_picture is not None:
            on_picture(index)
        cut = _cut_at(cuts, index)
        if shot(levels) or cut is not taken:
            tracker.forget()
            yield from _ended(stretch, longest)
            stretch, taken = None, cut
        if stretch is None and index >= until:
            return
        if cut is None:
            continue
        seen = tracker.follow(levels, cut.crop)
        if stretch is not None and place is not None:
            lost = stretch.missed() >= BRIDGED if seen is None else _left(stretch, place.inside(_corners(seen)))
            if lost:
                yield from _ended(stretch, longest)
                stretch = None
                if index >= until:
                    return
        if stretch is None or place is None:
            if seen is None:
                continue
            place = _Place.around(seen, levels, settings.size)
            if min(place.right - place.left, place.bottom - place.top) < 2:
                continue
            stretch = Stretch(index, place.size[0] / (place.bottom - place.top))
        stretch.frames.append(place.cut(levels))
        if seen is None:
            stretch.boxes.append(np.full(4, np.nan))
            stretch.points.append(np.full_like(stretch.points[-1], np.nan))
            continue
        stretch.boxes.append(place.inside(_corners(seen)).flatten())
        stretch.points.append(place.inside(seen.points))
        if (len(stretch) - 1) % settings.look_every == 0:
            stretch.looks += 1
            stretch.others += tracker.others(levels)
        if len(stretch) >= longest + shortest:
            if index >= until:
                break
            whole, stretch = stretch.bridged().split(longest)
            yield whole
            stretch.looks = stretch.others = 0
    yield from _ended(stretch, longest)


def _corners(seen: Sighting) -> np.ndarray:
    return np.array(seen.box).reshape(2, 2)


def _cut_at(cuts: tuple[Cut, ...], index: int) -> Cut | None:
    second = index / FRAMES_PER_SECOND
    return next((cut for cut in cuts if cut.start <= second and (cut.end is None or second < cut.end)), None)


def _left(stretch: Stretch, corners: np.ndarray) -> bool:
    """Whether the head has left its first place."""
    first = stretch.boxes[0].reshape(2, 2)
    side, now = (first[1] - first[0]).max(), (corners[1] - corners[0]).max()
    away = np.abs(corners.mean(0) - first.mean(0)).max()
    return bool(away > WANDER * CROP_FACTOR * side or not 1 / GROWTH < now / side < GROWTH)


def _ended(stretch: Stretch | None, longest: int) -> Iterator[Stretch]:
    """A stretch, or its two halves where it is too long."""
    if stretch is None:
        return
    stretch = stretch.bridged()
    if len(stretch) <= longest:
        yield stretch
    else:
        yield from stretch.split(len(stretch) // 2)


def _bridged(values: np.ndarray) -> np.ndarray:
    """Values [n, ...] of which some are not known (nan), put in line between those that are."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat[:, 0])
    at = np.arange(len(flat))
    columns = [np.interp(at, at[known], column[known]) for column in flat.T]
    return np.stack(columns, 1).reshape(values.shape)
