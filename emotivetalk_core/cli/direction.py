"""What `talk` is told about emotion and movement: sources, timelines, driving videos, takes and head poses, made into
settings before anything is sampled. Writes plots and takes, no video.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FaceError, InputError, SettingsError
from . import values
from .files import as_file, check_place, text_of, write_picture
from .progress import StageBars

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..direction.source import Source, SourceReaders
    from ..direction.timeline import Timeline
    from ..direction.words import WordTime
    from ..models.model_set import ModelSet
    from ..models.speech_emotion import HeardEmotion
    from ..pipeline import TalkSettings
    from ..types import ExpressionLatents, FaceRegions, Speech, VideoConditions

RETIME = ("trim", "loop", "ping-pong", "stretch")
SWAY, ORDINARY_SWAY = "sway", 60.0
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".m4v")


@dataclass(frozen=True)
class Direction:
    """What was asked for. None: nothing was said. timeline, transcript, head_pose: a file's name or the text itself."""

    emotion: str | None = None
    intensity: float = 1.0
    timeline: str | None = None
    transcript: str | None = None
    guidance: float | None = None
    driving_video: Path | None = None
    retime: str = RETIME[0]
    take: Path | None = None
    save_take: Path | None = None
    head_pose: str | None = None
    motion: float | None = None
    codebook: Path | None = None
    plot: Path | None = None
    plot_only: bool = False

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read."""
        given = (self.driving_video, self.take, self.codebook, self.timeline, self.transcript, self.head_pose)
        return [path for path in map(as_file, given) if path is not None]

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
    parser.add_argument(
        "--retime", choices=RETIME, default=RETIME[0], help=f"how video or take fits the speech ({RETIME[0]})"
    )
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
    """What can be told wrong before anything is loaded: options that contradict each other, and places to write to."""
    leading = {
        "--emotion": direction.emotion,
        "--timeline": direction.timeline,
        "--driving-video": direction.driving_video,
        "--take": direction.take,
    }
    given = [name for name, value in leading.items() if value is not None]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} all decide what the face expresses; leave all but one of them out.")
    if direction.plot_only and direction.plot is None:
        raise SettingsError("--plot-only needs to know where the plot goes; add --plot FILE.png.")
    for path, suffix in ((direction.plot, ".png"), (direction.save_take, ".safetensors")):
        if path is not None:
            check_place(path, suffix)


def with_codebook(direction: Direction, models: "ModelSet") -> "ModelSet":
    """The models with the chosen codebook in the place of their own. WeightsError, and InputError where it is of
    another model.
    """
    if direction.codebook is None:
        return models
    from ..models.codebook import EmotionCodebook

    codebook = EmotionCodebook.load(direction.codebook)
    given, wanted = codebook.latents.shape[1], models.dicte.config.expression_dim
    if given != wanted:
        raise InputError(
            f"{direction.codebook}: its emotions are {given} wide, but these weights take {wanted}; "
            "give a codebook that was made with these weights."
        )
    return replace(models, codebook=codebook)


def directed(
    direction: Direction,
    models: "ModelSet",
    settings: "TalkSettings",
    speech: "Speech",
    regions: "FaceRegions",
    *,
    quiet: bool = False,
) -> "TalkSettings":
    """The settings with everything that was chosen resolved, and the plot drawn. What was heard is printed."""
    settings = replace(settings, expression_guidance=_chosen(direction.guidance, settings.expression_guidance))
    words = _words(direction, speech)
    if direction.take is not None:
        settings = _with_take(direction, models, settings, speech.frames)
    elif direction.driving_video is not None:
        expression = _driven(direction, models, speech, quiet)
        settings = replace(settings, expression=_scaled(expression, direction, models))
    else:
        settings = _with_emotion(direction, models, settings, speech, regions, words)
    settings = _with_head_pose(direction, models, settings, speech.frames)
    if direction.plot is not None and settings.expression is not None:
        from ..plot import draw_course

        write_picture(draw_course(None, settings.expression, speech), direction.plot)
        print(f"plot: {direction.plot.resolve()}")
    return settings


def keep_take(direction: Direction, conditions: "VideoConditions", settings: "TalkSettings", weights: str) -> None:
    """Save what was sampled, where that was asked for. Raises OutputError."""
    if direction.save_take is None:
        return
    from ..direction.take import Take, TakeRecord
    from ..types import Emotion, ExpressionLatents, LipLatents

    emotion = settings.emotion.name if isinstance(settings.emotion, Emotion) else settings.emotion or "portrait"
    sampled = settings.expression is None
    record = TakeRecord(
        emotion=emotion if sampled else "", seed=settings.video.seed if sampled else None, weights=weights
    )
    expression, lips = ExpressionLatents(conditions.driving_expression.cpu()), LipLatents(conditions.lip.cpu())
    Take(expression, lips, settings.head_pose, record).save(direction.save_take)
    print(f"take: {direction.save_take.resolve()}")


def _with_emotion(
    direction: Direction,
    models: "ModelSet",
    settings: "TalkSettings",
    speech: "Speech",
    regions: "FaceRegions",
    words: "tuple[WordTime, ...]",
) -> "TalkSettings":
    from ..direction.source import resolve

    timeline = _timeline(direction)
    if timeline is None:
        return settings
    readers = _readers(models, speech, regions)

    def resolved(source: "Source"):
        return resolve(source, readers)

    if direction.timeline is None:
        emotion = resolved(timeline.keys[0].source)  # [e]
    else:
        emotion = timeline.course(speech.frames, resolved, words)  # [n, e]
    if direction.plot is not None:
        from ..plot import draw_timeline

        keys = [(time, str(key)) for time, key in timeline.times(speech.frames, words)]
        spoken = [(word.start, word.word) for word in words]
        write_picture(draw_timeline(timeline.strengths(speech.frames, words), keys, speech, spoken), direction.plot)
        print(f"plot: {direction.plot.resolve()}")
    return replace(settings, emotion=emotion)


def _timeline(direction: Direction) -> "Timeline | None":
    """The course that was asked for; one source is a timeline of one key. None: nothing but the portrait's own."""
    from ..direction.source import FromPortrait, Part, Source, intensified, parse_source
    from ..direction.timeline import Key, Seconds, Timeline, parse_timeline

    if direction.timeline is not None:
        timeline = parse_timeline(text_of(direction.timeline, "timeline"))
    elif direction.emotion is not None:
        timeline = Timeline((Key(Seconds(0.0), parse_source(direction.emotion)),))
    elif direction.plot is not None or direction.intensity != 1:
        timeline = Timeline((Key(Seconds(0.0), Source((Part(FromPortrait()),))),))
    else:
        return None
    keys = [replace(key, source=intensified(key.source, direction.intensity)) for key in timeline.keys]
    return Timeline(tuple(keys))


def _readers(models: "ModelSet", speech: "Speech", regions: "FaceRegions") -> "SourceReaders":
    from ..audio.files import read_speech
    from ..direction.source import SourceReaders
    from ..face.portrait import read_portrait
    from ..face.regions import face_regions
    from ..pipeline import read_face

    def expression(seen: "FaceRegions") -> "torch.Tensor":
        import torch

        with torch.no_grad():
            return read_face(models, seen).expression[0]

    def read_image(path: Path) -> "torch.Tensor":
        finder = models.face_finder.find if models.face_finder is not None else None
        try:
            return expression(face_regions(read_portrait(path), detector=finder, size=models.picture_size))
        except FaceError as error:
            raise FaceError(f"{path}: {error}") from error

    def hear(path: Path | None) -> "HeardEmotion":
        recording = speech if path is None else read_speech(path)
        heard = models.recogniser().hear(recording)
        print(f"heard in {path or 'the speech'}: {', '.join(heard.table.splitlines())}")
        if heard.note:
            print(f"note: {heard.note}")
        return heard

    return SourceReaders(models.codebook, expression(regions), read_image, hear)


def _with_take(direction: Direction, models: "ModelSet", settings: "TalkSettings", frames: int) -> "TalkSettings":
    """The take's expression, and where nothing else was asked for its head, fitted to the speech."""
    from ..direction.retime import retime
    from ..direction.take import Take
    from ..types import ExpressionLatents, HeadPose

    assert direction.take is not None
    take = Take.load(direction.take)
    given, wanted = take.expression.values.shape[1], models.dicte.config.expression_dim
    if given != wanted:
        raise InputError(
            f"{direction.take}: its expression is {given} wide, but these weights take {wanted}; give a take that was "
            "kept with these weights."
        )
    print(f"take: {take.describe()}")
    expression = ExpressionLatents(retime(take.expression.values, frames, direction.retime))
    settings = replace(settings, expression=_scaled(expression, direction, models))
    if take.head_pose is not None and direction.head_pose is None:
        settings = replace(settings, head_pose=HeadPose(retime(take.head_pose.values, frames, direction.retime)))
    return settings


def _driven(direction: Direction, models: "ModelSet", speech: "Speech", quiet: bool) -> "ExpressionLatents":
    from ..direction.driving import driving_expression
    from ..direction.retime import retime
    from ..types import ExpressionLatents

    assert direction.driving_video is not None
    with StageBars(hidden=quiet) as bars:
        expression = driving_expression(
            models.motion_encoder,
            models.face_finder,
            direction.driving_video,
            size=models.picture_size,
            seconds=speech.seconds + 1 if direction.retime == "trim" else None,
            on_step=lambda done, total: bars("driving video", done, total),
        )
    return ExpressionLatents(retime(expression.values, speech.frames, direction.retime))


def _scaled(expression: "ExpressionLatents", direction: Direction, models: "ModelSet") -> "ExpressionLatents":
    from ..direction.source import scale
    from ..types import ExpressionLatents

    if direction.intensity == 1:
        return expression
    return ExpressionLatents(scale(expression.values, direction.intensity, models.codebook))


def _with_head_pose(direction: Direction, models: "ModelSet", settings: "TalkSettings", frames: int) -> "TalkSettings":
    """The head's course: a sway of `--motion` or an ordinary one, keyframes, or that of a video."""
    from ..direction.head_pose import from_course, from_keys, parse_keys, sway

    given = direction.head_pose
    if given is None:
        if direction.motion is None or settings.head_pose is not None:
            return settings
        given = SWAY
    if given.strip().lower() == SWAY:
        amount = ORDINARY_SWAY if direction.motion is None else direction.motion
        return replace(settings, head_pose=sway(frames, amount, settings.video.seed))
    if Path(given).suffix.lower() in VIDEOS:
        return replace(settings, head_pose=from_course(_watched(Path(given), models), frames))
    return replace(settings, head_pose=from_keys(parse_keys(text_of(given, "head pose").replace(";", "\n")), frames))


def _watched(path: Path, models: "ModelSet") -> "np.ndarray":
    """How the head in a video moves [m, 6], at 25 pictures a second."""
    import torch

    from ..direction.head_reading import read_head_course
    from ..direction.retime import resample
    from ..types import Portrait
    from ..video.reader import read_frames, read_video_facts

    rate = read_video_facts(path).frames_per_second
    finder = models.face_finder.find if models.face_finder is not None else None
    try:
        course = read_head_course(models.head_pose_reader, map(Portrait, read_frames(path)), detector=finder)
    except FaceError as error:
        raise FaceError(f"{path}: {error}") from error
    return resample(torch.from_numpy(course), rate).numpy()


def _words(direction: Direction, speech: "Speech") -> "tuple[WordTime, ...]":
    if direction.transcript is None:
        return ()
    from ..direction.words import word_times

    return word_times(text_of(direction.transcript, "transcript"), speech)


def _chosen(choice: float | None, default: float) -> float:
    return default if choice is None else choice
