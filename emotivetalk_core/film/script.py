"""A direction with its texts read: everything about it that can be told wrong before weights are loaded is found here,
and each text and each codebook is read once.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from ..direction.head_pose import PoseKey, parse_keys
from ..direction.source import EmotionSource, FromImage, FromPortrait, FromSpeech, Part, intensified, parse_source
from ..direction.timeline import Key, Seconds, Spoken, Timeline, parse_timeline
from ..errors import InputError, OutputError, SettingsError
from ..models.codebook import EmotionCodebook
from ..types import EMOTIONS
from .faults import OWN_CODEBOOK, loaded
from .files import as_file, check_place, same_file, text_of
from .request import SWAY, Direction, FilmRequest, path_of

FILMS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".ogv"),
)


@dataclass(frozen=True)
class Script:
    """timeline: the course of emotions, of one key where there is one source; None: the portrait's own expression ·
    codebook: the one that was given · transcript: its text · head: keyframes, the film whose head leads, or SWAY.
    """

    request: FilmRequest
    timeline: Timeline | None = None
    codebook: EmotionCodebook | None = None
    transcript: str | None = None
    head: tuple[PoseKey, ...] | Path | str | None = None

    @property
    def direction(self) -> Direction:
        return self.request.direction

    @property
    def plays(self) -> bool:
        """Whether the expression is there already, in a film or a take."""
        return self.direction.driving_video is not None or self.direction.take is not None

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read, those that sources of emotion name among them."""
        request, direction = self.request, self.direction
        parts = [part for key in self.timeline.keys for part in key.source.parts] if self.timeline is not None else []
        named = [part.origin.path for part in parts if isinstance(part.origin, (FromImage, FromSpeech))]
        given = (direction.driving_video, direction.take, direction.codebook)
        texts = (direction.timeline, direction.transcript, direction.head_pose)
        files = (request.portrait, request.audio, *given, *texts, *named)
        return [path for path in map(as_file, files) if path is not None]

    def check_codebook(self, width: int) -> None:
        """InputError where the codebook that was given is of another model than weights of this width."""
        given = self.codebook.latents.shape[1] if self.codebook is not None else width
        if given != width:
            raise InputError(
                f"{self.direction.codebook}: its emotions are {given} wide, but these weights take {width or 'none'}; "
                "give a codebook that was made with these weights."
            )

    def spare_the_inputs(self, out: Path | None = None) -> None:
        """OutputError where what is written, the film `out` among it, would overwrite what it is made from."""
        spelled = self.request.spelling
        for written in (out, path_of(self.direction.plot), path_of(self.direction.save_take)):
            if written is not None and any(same_file(given, written) for given in self.inputs):
                what = f"the video would overwrite what it is made from; choose another name with {spelled('out')}"
                if written is not out:
                    what = "this would overwrite what the video is made from; choose another name for it"
                raise OutputError(f"{written}: {what}.")


def read_script(request: FilmRequest, out: Path | None = None) -> Script:
    """SettingsError for what contradicts itself or would be heeded by nothing, InputError for a text that cannot be
    read, OutputError for a place that cannot be written, or where what is written, the film `out` among it, would
    replace what it is made from.
    """
    direction = request.direction
    _refuse_contradictions(request)
    for path, suffix in ((path_of(direction.plot), ".png"), (path_of(direction.save_take), ".safetensors")):
        if path is not None:
            check_place(path, suffix)
    codebook = None
    if direction.codebook is not None:
        codebook = loaded(EmotionCodebook.load, Path(direction.codebook), OWN_CODEBOOK)
    timeline = _timeline(direction, EMOTIONS if codebook is None else codebook.names)
    for key in timeline.keys if timeline is not None else ():
        if isinstance(key.at, Spoken) and direction.transcript is None:
            raise SettingsError(  # in the place of the library's sentence, which knows no request
                f"Line {key.line} of the timeline: {key.at} is a spoken word, but there is no transcript; give one "
                f"with {request.spelling('transcript')}, or write a time."
            )
    transcript = None if direction.transcript is None else text_of(direction.transcript, "transcript")
    script = Script(request, timeline, codebook, transcript, _head(direction))
    script.spare_the_inputs(out)
    return script


def _refuse_contradictions(request: FilmRequest) -> None:
    direction, spelled = request.direction, request.spelling
    leading = ("emotion", "timeline", "driving_video", "take")
    given = [spelled(name) for name in leading if getattr(direction, name) is not None]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} all decide what the face expresses; give only one of them.")
    played = [spelled(name) for name in ("driving_video", "take") if getattr(direction, name) is not None]
    if direction.retime is not None and not played:
        raise SettingsError(
            f"{spelled('retime')} fits a driving video or a take to the speech; add one, or leave it out."
        )
    if direction.emotion_guidance is not None and played:
        raise SettingsError(
            f"{spelled('emotion_guidance')} says how closely a new expression follows its emotion, but {played[0]} "
            "has one already; leave one of the two out."
        )
    drawn = direction.plot is not None and not played  # the plot of an emotion shows the words too
    if direction.transcript is not None and direction.timeline is None and not drawn:
        raise SettingsError(
            f"{spelled('transcript')} is for the spoken words of a timeline; add {spelled('timeline')}, or leave it "
            "out."
        )
    if direction.plot_only and direction.plot is None:
        raise SettingsError(
            f"{spelled('plot_only')} needs to know where the plot goes; name a .png file with {spelled('plot')}."
        )
    if direction.plot_only and direction.save_take is not None:
        raise SettingsError(
            f"{spelled('plot_only')} stops before there is a take to save; leave out {spelled('plot_only')} or "
            f"{spelled('save_take')}."
        )


def _timeline(direction: Direction, known: tuple[str, ...]) -> Timeline | None:
    """known: emotions by name, those of one's own among them."""
    if direction.timeline is not None:
        timeline = _read_timeline(direction.timeline, known)
    elif direction.emotion is not None:
        timeline = Timeline((Key(Seconds(0.0), parse_source(direction.emotion)),))
    elif direction.plot is not None or direction.intensity != 1:
        timeline = Timeline((Key(Seconds(0.0), EmotionSource((Part(FromPortrait()),))),))
    else:
        return None
    keys = [replace(key, source=intensified(key.source, direction.intensity)) for key in timeline.keys]
    return Timeline(tuple(keys))


def _read_timeline(given: str, known: tuple[str, ...]) -> Timeline:
    text = text_of(given, "timeline")
    try:
        return parse_timeline(text, known)
    except SettingsError as error:
        if len(given.split()) == 1 and as_file(given) is None:
            raise SettingsError(f"There is no file {given}, and it is not a timeline either: {error}") from error
        raise


def _head(direction: Direction) -> tuple[PoseKey, ...] | Path | str | None:
    given = direction.head_pose
    if given is None or given.strip().lower() == SWAY:
        return None if given is None else SWAY
    if Path(given).suffix.lower() in FILMS:
        return Path(given)
    return parse_keys(text_of(given, "head pose").replace(";", "\n"))
