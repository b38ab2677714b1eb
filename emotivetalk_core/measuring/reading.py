"""What is read from a finished video, frame by frame, held against a portrait. [ours]

Nothing here knows the film that was meant: a portrait and the sound are all that it is held against, so that any film
of any program can be read.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import chain, islice

import numpy as np
import torch
from torch.nn import functional as F

from ..errors import FaceError, InputError
from ..face.finder import Box, FaceDetector, find_faces
from ..face.following import follow_face
from ..face.landmarks import standard_places
from ..face.regions import crop_record, crop_square
from ..models.face_probe import FaceProbe
from ..types import CropRecord, Speech
from .curves import loudness
from .lip_sync import PATCH
from .mouth_picture import mouth_picture

PROBE_SIDE = 128
SMALLEST_SIDE, SHARPEST_SIDE = 48, 512
"""Pixels of the talking crop within which sharpness is measured: beyond, it would only take longer."""

SHRUNK = 0.7
"""Sharpness is looked at in crops of this share of the smaller of film's and portrait's: the finest detail of all hangs
on where a crop falls on its pixels, and would count most.
"""

LIPS_HIGH, LIPS_WIDE = PATCH
READ_AT_ONCE = 32
KNOWN = 0.8
"""Share of the frames with a face in which eyes and mouth have to be seen, for the mouth's picture to go by them."""

Film = Callable[[], Iterable[torch.Tensor]]
"""Gives a film's frames [3, h, w] RGB 0…1, from the first on, each time it is called."""

OnStep = Callable[[int], None]
"""on_step(frames looked at so far): every frame is looked at twice."""


@dataclass(frozen=True, eq=False)
class FilmReading:
    """Curves over a film's n frames at `rate` a second; nan where no face is seen.

    opening: of the mouth, as the probe reads it, 0…1 · lips [n, 16, 24]: their picture in grey, upright where eyes and
    mouth are seen · likeness: cosine of
    the probe's person vectors of frame and portrait · sharpness: Laplacian energy of the face over the portrait's ·
    colour: CIE76 distance of the face's mean colour from the portrait's · loudness 0…1, None without sound · against:
    what stood for the portrait · note: one sentence, or empty.
    """

    rate: float
    opening: np.ndarray
    lips: np.ndarray
    likeness: np.ndarray
    sharpness: np.ndarray
    colour: np.ndarray
    loudness: np.ndarray | None
    against: str
    note: str

    @property
    def frames(self) -> int:
        return len(self.opening)


@dataclass(frozen=True, eq=False)
class _Face:
    """What is kept of a face until the probe reads it: its talking crop for the probe, its sharpness, its mean colour
    [3] RGB, its lips [384] in grey as its box has them, and `mouth_picture` [384].
    """

    crop: torch.Tensor
    sharpness: float
    colour: np.ndarray
    lips: np.ndarray
    upright: np.ndarray

    @classmethod
    def of(cls, pixels: torch.Tensor, box: Box, side: int) -> "_Face":
        """The face in a box of a picture [3, h, w], its sharpness in a crop of `side` pixels."""
        record = crop_record(box, pixels.shape[-1], pixels.shape[-2])
        small = crop_square(pixels, record, PROBE_SIDE)
        face = _cut(crop_square(pixels, record, side), box, record)
        lips = _cut(small, standard_places(box)[1], record).mean(0)
        lips = F.interpolate(lips[None, None], size=(LIPS_HIGH, LIPS_WIDE), mode="area").flatten()
        colour, upright = face.mean((1, 2)).cpu().numpy(), mouth_picture(pixels, box).flatten()
        return cls(small, _laplacian_energy(face), colour, lips.cpu().numpy(), upright)


@dataclass(frozen=True, eq=False)
class _Read:
    """Of k faces: opening [k] · person [k, d], of unit length · sharpness [k] · colour [k, 3] CIELAB · lips, upright
    [k, 384] grey.
    """

    opening: np.ndarray
    person: np.ndarray
    sharpness: np.ndarray
    colour: np.ndarray
    lips: np.ndarray
    upright: np.ndarray


@torch.no_grad()
def read_film(
    film: Film,
    rate: float,
    probe: FaceProbe,
    *,
    speech: Speech | None = None,
    portrait: torch.Tensor | None = None,
    detector: FaceDetector | None = None,
    on_step: OnStep | None = None,
) -> FilmReading:
    """Reads a film of `rate` frames a second. portrait: pixels [3, h, w]; without it the first frame with a face stands
    for it · detector: of drawn heads; photographs are found without.

    The film is gone through twice, and one of its frames is held at a time. InputError without a frame, FaceError where
    no face is seen in film or portrait.
    """
    course = follow_face(film(), rate, detector, on_step)
    count, seen = len(course.boxes), course.seen
    if count == 0:
        raise InputError("There is no frame to measure; give a video of at least one.")
    if not seen.any():
        raise FaceError(f"No face was found in any of the {count} frames; give a video that shows one.")
    square = round(float(np.median([_square(box) for box in course.boxes if box is not None])))
    own = []
    if portrait is not None:
        found = find_faces(portrait, detector)
        if not found:
            raise FaceError("No face was found in the portrait; give the picture that the video was made from.")
        own, square = [(portrait, found[0].box)], min(square, _square(found[0].box))
    side = max(SMALLEST_SIDE, min(round(SHRUNK * square), SHARPEST_SIDE))

    def faces() -> Iterator[_Face]:
        for done, (pixels, box) in enumerate(zip(film(), course.boxes), start=1):
            if box is not None:
                yield _Face.of(pixels, box, side)
            if on_step is not None:
                on_step(count + done)

    read = _read(chain((_Face.of(*face, side) for face in own), faces()), probe)
    ours = slice(len(own), None)

    known = np.isfinite(read.upright[ours]).all(1).mean() >= KNOWN
    lips = read.upright if known else read.lips

    def over_time(values: np.ndarray) -> np.ndarray:
        curve = np.full((count, *values.shape[1:]), np.nan)
        curve[seen] = values[ours]
        return curve

    return FilmReading(
        rate=rate,
        opening=over_time(read.opening),
        lips=over_time(lips.reshape(-1, LIPS_HIGH, LIPS_WIDE)),
        likeness=over_time(read.person @ read.person[0]),
        sharpness=over_time(read.sharpness / max(float(read.sharpness[0]), 1e-12)),
        colour=over_time(np.linalg.norm(read.colour - read.colour[0], axis=1)),
        loudness=None if speech is None else loudness(speech, rate, count),
        against="portrait" if own else "first frame",
        note=f"No face is seen in {count - seen.sum()} of {count} frames; they are left out." if not seen.all() else "",
    )


def _read(faces: Iterable[_Face], probe: FaceProbe) -> _Read:
    """Of all faces, one after the other."""
    from skimage.color import rgb2lab

    device, coming = next(probe.parameters()).device, iter(faces)
    parts: list[_Read] = []
    while batch := list(islice(coming, READ_AT_ONCE)):
        answer = probe(torch.stack([face.crop for face in batch]).to(device, torch.float32))
        colours = np.stack([face.colour for face in batch])
        parts.append(
            _Read(
                opening=answer.opening.float().cpu().numpy(),
                person=answer.identity.float().cpu().numpy(),
                sharpness=np.array([face.sharpness for face in batch]),
                colour=rgb2lab(colours[None])[0],
                lips=np.stack([face.lips for face in batch]),
                upright=np.stack([face.upright for face in batch]),
            )
        )
    return _Read(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Read)))


def _square(box: Box) -> int:
    """The side of the talking crop around a box, in pixels of its picture."""
    return crop_record(box, 1, 1).side


def _cut(crop: torch.Tensor, box: Box, record: CropRecord) -> torch.Tensor:
    """What a crop [3, s, s] shows within a box of the picture, one pixel at least."""
    scale = crop.shape[-1] / record.side
    left, right = (round((x - record.left) * scale) for x in (box[0], box[2]))
    top, bottom = (round((y - record.top) * scale) for y in (box[1], box[3]))
    left, top = min(max(left, 0), crop.shape[-1] - 1), min(max(top, 0), crop.shape[-1] - 1)
    return crop[:, top : max(bottom, top + 1), left : max(right, left + 1)]


def _laplacian_energy(face: torch.Tensor) -> float:
    """Mean square of the five-point Laplacian of a face's [3, h, w] brightness."""
    grey = face.float().mean(0)
    inside = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inside
    return float(laplacian.square().mean())
