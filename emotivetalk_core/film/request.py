"""What may be asked of a film, as plain values: nothing here opens a file or needs torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..errors import SettingsError

RETIME = ("trim", "loop", "ping-pong", "stretch")
SWAY = "sway"
LARGEST_SIDE = 1024
"""Pixels. A film of a whole photograph as the camera took it would play nowhere and take minutes to encode."""

LIMITS: dict[str, tuple[float, float]] = {
    "intensity": (0.0, 2.0),
    "emotion_guidance": (0.0, 10.0),
    "lip_guidance": (0.0, 10.0),
    "picture_guidance": (0.0, 10.0),
    "motion": (0.0, 255.0),
    "lip_strength": (0.0, 2.0),
    "emotion_strength": (0.0, 2.0),
    "detail": (0.0, 1.0),
}
"""Least and most of what is a number on a scale."""

_LEAST = {"steps": 1, "window": 1, "overlap": 0, "size": 64, "resolution": 64, "seed": 0}

_SPELLED = {
    "face_box": "face_box=(left, top, right, bottom)",
    "resume": "resume=False",
    "interpolate": "interpolate=False",
    "out": "save(path)",
}


def keyword(name: str) -> str:
    """How Python calls a field of a request."""
    return _SPELLED.get(name, name)


PathLike = str | Path


@dataclass(frozen=True)
class Direction:
    """What the face expresses and how the head moves. None: nothing is said of it; portrait and weights decide.

    emotion: a source as direction/source.py reads it, such as "happy 0.8", "text: slightly worried", "image: FILE",
    "speech" · intensity: of the emotion, 0…2 · timeline: emotions over time as direction/timeline.py reads them ·
    transcript: what is said, for a timeline's spoken words · emotion_guidance: how closely the emotion is followed,
    0…10 · driving_video: a film whose expressions drive the face · take: a kept take · retime: how film or take is
    fitted to the speech, one of RETIME · save_take: where to keep the expression · head_pose: "sway", keyframes, or a
    film whose head leads · motion: how much the head sways, 0…255 · codebook: in the place of the weights' own · plot:
    where to draw the course over the speech · plot_only: make no film.

    timeline, transcript and head_pose are a file's name or the text itself.
    """

    emotion: str | None = None
    intensity: float = 1.0
    timeline: str | None = None
    transcript: str | None = None
    emotion_guidance: float | None = None
    driving_video: PathLike | None = None
    retime: str | None = None
    take: PathLike | None = None
    save_take: PathLike | None = None
    head_pose: str | None = None
    motion: float | None = None
    codebook: PathLike | None = None
    plot: PathLike | None = None
    plot_only: bool = False

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.retime is not None and self.retime not in RETIME:
            raise SettingsError(f'retime is given as "{self.retime}"; choose one of {", ".join(RETIME)}.')


@dataclass(frozen=True)
class FilmRequest:
    """One film: a portrait, a recording, and what is chosen about it. None: as the weights' own record says.

    portrait: a picture file with a face · audio: a recording, or a film with sound · weights: their folder, None the
    bundled one · device: auto, cpu, cuda or mps · face_box: left, top, right, bottom of the face in pixels, None the
    largest found · crop: only the square around the face · size: largest side of the film in pixels · resolution: side
    of the square around the face as it is drawn · detail: how much of the portrait's own is given back, 0…1 ·
    lip_strength: how far the mouth moves, 0…2 · fast: sooner, for a price (docs/benchmarks.md) · steps, grid, window,
    overlap: of the sampler · seed: the same seed
    gives the same film · resume: keep what is unfinished on disk, and go on with it.

    With the weights of DICE-Talk or Sonic alone: emotion_strength 0…2, lip_guidance and picture_guidance 0…10, and
    interpolate: frames between those that are sampled.

    spelling: how whoever asked calls a field, for sentences that name one. Raises SettingsError for numbers off their
    scale.
    """

    portrait: PathLike
    audio: PathLike
    weights: PathLike | None = None
    device: str = "auto"
    direction: Direction = field(default_factory=Direction)
    lip_strength: float = 1.0
    emotion_strength: float | None = None
    lip_guidance: float | None = None
    picture_guidance: float | None = None
    interpolate: bool = True
    seed: int = 0
    fast: bool = False
    grid: str | None = None
    steps: int | None = None
    window: int | None = None
    overlap: int | None = None
    face_box: tuple[float, float, float, float] | None = None
    crop: bool = False
    size: int = LARGEST_SIDE
    resolution: int | None = None
    detail: float = 1.0
    resume: bool = True
    spelling: Callable[[str], str] = keyword

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.fast and self.overlap is not None:
            raise SettingsError(
                f"{self.spelling('fast')} samples in windows without overlap, but {self.spelling('overlap')} is given "
                "too; leave one of them out."
            )
        if self.resolution is not None and self.resolution % 64:
            nearest = max(1, round(self.resolution / 64)) * 64
            raise SettingsError(f"resolution is {self.resolution}; a multiple of 64 is expected, such as {nearest}.")

    def refuse(self, given: Mapping[str, object], belongs_to: str) -> None:
        """SettingsError for the first of these fields, by name, that something was given for."""
        for name, value in given.items():
            if value is not None:
                raise SettingsError(f"{self.spelling(name)} {belongs_to}")


def path_of(given: PathLike | None) -> Path | None:
    return None if given is None else Path(given)


def _check_numbers(asked: Direction | FilmRequest) -> None:
    for name in (each.name for each in fields(asked)):
        value = getattr(asked, name)
        if value is None:
            continue
        if name in LIMITS and not LIMITS[name][0] <= value <= LIMITS[name][1]:
            low, high = LIMITS[name]
            raise SettingsError(f"{name} is {value}; a number from {low:g} to {high:g} is expected.")
        if name in _LEAST and value < _LEAST[name]:
            raise SettingsError(f"{name} is {value}; a whole number of at least {_LEAST[name]} is expected.")
