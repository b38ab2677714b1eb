"""Every number that decides what becomes of a film."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..training.ranges import above_zero, at_least, shares
from ..training.said import changed


@dataclass(frozen=True)
class Filters:
    """A piece is kept where each of its figures is good enough; the table holds them all. [ours]

    frames: how long it is at least; what is shorter is no piece · face: side of its square in the film, in sides of the
    written pictures: below 1 a face was enlarged · outside: share of its square that the film does not show ·
    sharpness: spread of the face's second derivative at 256 pixels, or what is written, in 256 levels; a sharp
    photograph has 15, one of 64 pixels enlarged 4 · others: share of looks that see a second face of at least a third
    of the first one's area · sound: loudness in decibels of full scale of its loudest tenth · heard: share of frames
    that are less than 30 dB below these · sync: correlation of mouth and loudness in this and the pieces around it
    (measuring/lip_sync.py); -1: neither this nor margin, lag and own are asked · margin: how far it stands above what
    the same mouths reach with the sound elsewhere, or others in as short a film · lag: by how many frames the best
    correlation may come early or late · own: the piece's own correlation.

    Where SyncNet is given, it is asked in the place of these four, of each piece: confidence, its Sync-C · offset: by
    how many frames lips and sound may lie apart. Both as LatentSync has them.
    """

    frames: int = 120
    face: float = 0.5
    outside: float = 0.1
    sharpness: float = 4.0
    others: float = 0.1
    sound: float = -45.0
    heard: float = 0.3
    sync: float = 0.2
    margin: float = 0.1
    lag: int = 3
    own: float = 0.1
    confidence: float = 3.0
    offset: int = 6

    def __post_init__(self) -> None:
        at_least(1, self, "frames")
        at_least(0, self, "face", "sharpness", "lag", "offset")
        shares(self, "outside", "others", "heard")


@dataclass(frozen=True)
class PrepareSettings:
    """size: of the pictures that are written, in pixels · longest: frames of a piece at most; V-AID sees 220 at once
    (EmotiveTalk §6.4) · held_out: share of people who are for validation · look_every: frames from one look for other
    faces to the next · views: of MEAD's cameras, which are taken.
    """

    size: int = 512
    longest: int = 250
    held_out: float = 0.1
    look_every: int = 25
    views: tuple[str, ...] = ("front",)
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        above_zero(self, "size", "look_every")
        at_least(self.filters.frames, self, "longest")
        shares(self, "held_out")


def read_settings(file: Path | None) -> PrepareSettings:
    """What a JSON file says is different from the defaults, e.g. {"longest": 200, "filters": {"sync": 0.3}}. Raises
    InputError and SettingsError.
    """
    if file is None:
        return PrepareSettings()
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as settings ({error}); give a JSON file.") from error
    return changed(PrepareSettings(), said, str(file))
