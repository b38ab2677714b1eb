"""What `talk` was told about emotion and movement, made into settings before anything is sampled: sources, timelines,
driving videos, takes and head poses. Writes plots and takes, no video.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FaceError, InputError
from .direction_options import RETIME, SWAY, Direction, timeline_of
from .faults import OWN_CODEBOOK, SHOW_A_FACE, face_fault, loaded
from .files import text_of, write_picture
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
    from ..types import Emotion, ExpressionLatents, FaceRegions, Speech, VideoConditions

ORDINARY_SWAY = 60.0
VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".3gp", ".ogv"),
)


def with_codebook(direction: Direction, models: "ModelSet") -> "ModelSet":
    """The models with the chosen codebook in the place of their own. WeightsError, and InputError where it is of
    another model.
    """
    if direction.codebook is None:
        return models
    from ..models.codebook import EmotionCodebook

    codebook = loaded(EmotionCodebook.load, direction.codebook, OWN_CODEBOOK)
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
    words = spoken_words(direction, speech)
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
    timeline = timeline_of(direction)
    if timeline is None:
        return settings
    emotion = emotion_of(direction, timeline, _readers(models, speech, regions), speech, words)
    return replace(settings, emotion=emotion)


def emotion_of(
    direction: Direction,
    timeline: "Timeline",
    readers: "SourceReaders",
    speech: "Speech",
    words: "tuple[WordTime, ...]",
) -> "Emotion":
    """The emotion that was asked for, for the whole speech or for each frame, and its plot drawn if that was asked."""
    from ..direction.source import resolve

    def resolved(source: "Source") -> "Emotion":
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
    return emotion


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
            raise face_fault(path, error, SHOW_A_FACE) from error

    def hear(path: Path | None) -> "HeardEmotion":
        recording = speech if path is None else read_speech(path)
        if recording.note and path is not None:
            print(f"note: {path}: {recording.note}")
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
    how = direction.retime or RETIME[0]
    take = loaded(Take.load, direction.take, "a take that was kept with --save-take")
    given, wanted = take.expression.values.shape[1], models.dicte.config.expression_dim
    if given != wanted:
        raise InputError(
            f"{direction.take}: its expression is {given} wide, but these weights take {wanted}; give a take that was "
            "kept with these weights."
        )
    print(f"take: {take.describe()}")
    expression = ExpressionLatents(retime(take.expression.values, frames, how))
    settings = replace(settings, expression=_scaled(expression, direction, models))
    if take.head_pose is not None and direction.head_pose is None:
        settings = replace(settings, head_pose=HeadPose(retime(take.head_pose.values, frames, how)))
    return settings


def _driven(direction: Direction, models: "ModelSet", speech: "Speech", quiet: bool) -> "ExpressionLatents":
    from ..direction.driving import driving_expression
    from ..direction.retime import retime
    from ..types import ExpressionLatents

    assert direction.driving_video is not None
    how, notes = direction.retime or RETIME[0], list[str]()
    with StageBars(hidden=quiet) as bars:
        expression = driving_expression(
            models.motion_encoder,
            models.face_finder,
            direction.driving_video,
            size=models.picture_size,
            seconds=None if how == "stretch" else speech.seconds + 1,
            on_step=lambda done, total: bars("driving video", done, total),
            on_note=notes.append,
        )
    for note in notes:
        print(f"note: {note}")
    return ExpressionLatents(retime(expression.values, speech.frames, how))


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
        return replace(settings, head_pose=from_course(_watched(Path(given), models, frames / 25 + 1), frames))
    return replace(settings, head_pose=from_keys(parse_keys(text_of(given, "head pose").replace(";", "\n")), frames))


def _watched(path: Path, models: "ModelSet", seconds: float) -> "np.ndarray":
    """How the head in a video moves [m, 6], at 25 pictures a second, over its first so many seconds."""
    import torch

    from ..direction.driving import watch_film
    from ..direction.head_reading import CROP_SIZE, watch_head
    from ..direction.retime import resample
    from ..types import Portrait

    film, notes = watch_film(path, models.face_finder, size=CROP_SIZE, seconds=seconds), list[str]()
    course = watch_head(models.head_pose_reader, map(Portrait, film.frames(notes.append)), film.course)
    for note in (*notes, f"{path}: {film.course.note}" if film.course.note else ""):
        if note:
            print(f"note: {note}")
    return resample(torch.from_numpy(course), film.rate).numpy()


def spoken_words(direction: Direction, speech: "Speech") -> "tuple[WordTime, ...]":
    """The words of the transcript with their times; none without one."""
    if direction.transcript is None:
        return ()
    from ..direction.words import word_times

    return word_times(text_of(direction.transcript, "transcript"), speech)


def _chosen(choice: float | None, default: float) -> float:
    return default if choice is None else choice
