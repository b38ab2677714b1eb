"""What `talk` can be told about emotion and movement, and what of that cannot work: known before anything is loaded."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingsError
from . import values
from .faults import OWN_CODEBOOK, loaded
from .files import as_file, check_place, text_of

if TYPE_CHECKING:
    from ..direction.timeline import Timeline

RETIME = ("trim", "loop", "ping-pong", "stretch")
SWAY = "sway"


@dataclass(frozen=True)
class Direction:
    """What was asked for. None: nothing was said. timeline, transcript, head_pose: a file's name or the text itself."""

    emotion: str | None = None
    intensity: float = 1.0
    timeline: str | None = None
    transcript: str | None = None
    guidance: float | None = None
    driving_video: Path | None = None
    retime: str | None = None
    take: Path | None = None
    save_take: Path | None = None
    head_pose: str | None = None
    motion: float | None = None
    codebook: Path | None = None
    plot: Path | None = None
    plot_only: bool = False

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read, those that sources of emotion name among them. Raises what `timeline_of` does."""
        from ..direction.source import FromImage, FromSpeech

        timeline = timeline_of(self)
        parts = [part for key in timeline.keys for part in key.source.parts] if timeline is not None else []
        named = [part.origin.path for part in parts if isinstance(part.origin, (FromImage, FromSpeech))]
        given = (self.driving_video, self.take, self.codebook, self.timeline, self.transcript, self.head_pose)
        return [path for path in map(as_file, (*given, *named)) if path is not None]

    @property
    def outputs(self) -> list[Path]:
        """Every file that is written, beside the video."""
        return [path for path in (self.plot, self.save_take) if path is not None]


def add_direction_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--emotion",
        metavar="SOURCE",
        help='happy, angry, sad, surprised, fear, disgusted, worried or neutral; or "text: slightly worried", '
        '"image: FILE", "speech", "speech: FILE", "portrait", or a blend such as "0.7 happy + 0.3 surprised"; without '
        "it the portrait's own",
    )
    parser.add_argument("--intensity", type=values.intensity, default=1.0, help="of the emotion: 0 to 2 (1)")
    parser.add_argument(
        "--timeline",
        metavar="FILE|TEXT",
        help='emotions over time, a line each or between semicolons: "0 neutral; 2.5 happy 0.7 over 0.4; 80%% sad", '
        'or a sentence: "starts calm, then gets angry"',
    )
    parser.add_argument(
        "--transcript",
        metavar="FILE|TEXT",
        help="what is said, as text, SRT, VTT or JSON, for a timeline's spoken words",
    )
    parser.add_argument(
        "--emotion-guidance", type=values.guidance, help="how closely the emotion is followed: 0 to 10 (*)"
    )
    parser.add_argument("--driving-video", type=Path, metavar="FILE", help="a video whose expressions drive the face")
    parser.add_argument("--retime", choices=RETIME, help=f"how video or take fits the speech ({RETIME[0]})")
    parser.add_argument("--take", type=Path, metavar="FILE", help="a kept take, in the place of a new one")
    parser.add_argument("--save-take", type=Path, metavar="FILE", help="keep the expression as a .safetensors file")
    parser.add_argument("--motion", type=values.motion, help="how much the head sways: 0 to 255 (*)")
    parser.add_argument(
        "--head-pose",
        metavar=f"{SWAY}|FILE|TEXT",
        help=f'where the head stands: "{SWAY}", keyframes such as "0 yaw=0; 1.5 yaw=12", or a video whose head leads',
    )
    parser.add_argument("--codebook", type=Path, metavar="FILE", help="another codebook than the weights' own")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the course over the speech first, as a .png")
    parser.add_argument("--plot-only", action="store_true", help="stop after the plot")


def direction_of(arguments: argparse.Namespace) -> Direction:
    return Direction(
        emotion=arguments.emotion,
        intensity=arguments.intensity,
        timeline=arguments.timeline,
        transcript=arguments.transcript,
        guidance=arguments.emotion_guidance,
        driving_video=arguments.driving_video,
        retime=arguments.retime,
        take=arguments.take,
        save_take=arguments.save_take,
        head_pose=arguments.head_pose,
        motion=arguments.motion,
        codebook=arguments.codebook,
        plot=arguments.plot,
        plot_only=arguments.plot_only,
    )


def check_direction(direction: Direction) -> None:
    """What can be told wrong before anything is loaded: options that contradict each other or that nothing heeds, a
    timeline that cannot be read, and places to write to.
    """
    leading = {
        "--emotion": direction.emotion,
        "--timeline": direction.timeline,
        "--driving-video": direction.driving_video,
        "--take": direction.take,
    }
    given = [name for name, value in leading.items() if value is not None]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} all decide what the face expresses; leave all but one of them out.")
    _refuse_the_unheeded(direction)
    if direction.plot_only and direction.plot is None:
        raise SettingsError("--plot-only needs to know where the plot goes; add --plot FILE.png.")
    if direction.plot_only and direction.save_take is not None:
        raise SettingsError("--plot-only stops before there is a take to save; leave out --plot-only or --save-take.")
    for path, suffix in ((direction.plot, ".png"), (direction.save_take, ".safetensors")):
        if path is not None:
            check_place(path, suffix)
    _refuse_unknown_words(direction)


def timeline_of(direction: Direction) -> "Timeline | None":
    """The course that was asked for; one source is a timeline of one key. None: nothing but the portrait's own.
    SettingsError and InputError where it cannot be read.
    """
    from ..direction.source import FromPortrait, Part, Source, intensified, parse_source
    from ..direction.timeline import Key, Seconds, Timeline

    if direction.timeline is not None:
        timeline = _read_timeline(direction.timeline, direction.codebook)
    elif direction.emotion is not None:
        timeline = Timeline((Key(Seconds(0.0), parse_source(direction.emotion)),))
    elif direction.plot is not None or direction.intensity != 1:
        timeline = Timeline((Key(Seconds(0.0), Source((Part(FromPortrait()),))),))
    else:
        return None
    keys = [replace(key, source=intensified(key.source, direction.intensity)) for key in timeline.keys]
    return Timeline(tuple(keys))


def _read_timeline(given: str, codebook: Path | None) -> "Timeline":
    """Emotions of one's own are known by the codebook that was given."""
    from ..direction.timeline import parse_timeline
    from ..models.codebook import EmotionCodebook
    from ..types import EMOTIONS

    text = text_of(given, "timeline")
    known = EMOTIONS if codebook is None else loaded(EmotionCodebook.load, codebook, OWN_CODEBOOK).names
    try:
        return parse_timeline(text, known)
    except SettingsError as error:
        if len(given.split()) == 1 and as_file(given) is None:
            raise SettingsError(f"There is no file {given}, and as a text it is no timeline: {error}") from error
        raise


def _refuse_the_unheeded(direction: Direction) -> None:
    playing = "--driving-video" if direction.driving_video is not None else "--take"
    played = direction.driving_video is not None or direction.take is not None
    if direction.retime is not None and not played:
        raise SettingsError("--retime fits a driving video or a take to the speech; add one, or leave it out.")
    if direction.guidance is not None and played:
        raise SettingsError(
            f"--emotion-guidance says how closely a new expression follows its emotion, but {playing} brings one that "
            "is there already; leave one of the two out."
        )
    drawn = direction.plot is not None and not played  # the plot of an emotion shows the words too
    if direction.transcript is not None and direction.timeline is None and not drawn:
        raise SettingsError("--transcript is for the spoken words of a timeline; add --timeline, or leave it out.")


def _refuse_unknown_words(direction: Direction) -> None:
    """Before anything is loaded, in the place of the library's sentence, which knows no options."""
    from ..direction.timeline import Spoken

    timeline = timeline_of(direction)
    for key in timeline.keys if timeline is not None else ():
        if isinstance(key.at, Spoken) and direction.transcript is None:
            raise SettingsError(
                f"Line {key.line} of the timeline: {key.at} is a spoken word, but nothing says what is spoken; give it "
                "with --transcript, or write a time."
            )
