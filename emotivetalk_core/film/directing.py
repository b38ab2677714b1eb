"""From a script to what drives the networks: the emotion, an expression that is there already, the head's course."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ..audio.files import read_speech
from ..direction.driving import driving_expression, watch_film
from ..direction.head_pose import from_course, from_keys, sway
from ..direction.head_reading import CROP_SIZE, watch_head
from ..direction.retime import resample, retime
from ..direction.source import EmotionSource, SourceReaders, resolve, scale
from ..direction.take import Take
from ..direction.timeline import Timeline
from ..direction.words import WordTime, word_times
from ..errors import FaceError, InputError
from ..face.portrait import read_portrait
from ..face.regions import face_regions
from ..models.model_set import ModelSet
from ..models.speech_emotion import HeardEmotion, SpeechEmotionRecogniser
from ..pipeline import read_face
from ..plot import draw_timeline
from ..types import Emotion, ExpressionLatents, HeadPose, Portrait, Speech
from .faults import SHOW_A_FACE, face_fault, loaded
from .files import write_picture
from .listener import READING, Listener
from .request import RETIME, SWAY
from .script import Script

ORDINARY_SWAY = 60.0


def emotion_of(
    script: Script, timeline: Timeline, readers: SourceReaders, speech: Speech, listener: Listener
) -> Emotion:
    """The emotion [e], or [n, e] where it was asked for over time; its plot is drawn if that was asked."""
    words = () if script.transcript is None else word_times(script.transcript, speech)
    over_time = script.direction.timeline is not None
    emotion, plot = resolved(timeline, readers, speech.frames, words, speech=speech, over_time=over_time)
    if script.direction.plot is not None:
        write_plot(script, plot(), listener)
    return emotion


def resolved(
    timeline: Timeline,
    readers: SourceReaders,
    frames: int,
    words: tuple[WordTime, ...] = (),
    *,
    speech: Speech | None = None,
    over_time: bool = True,
) -> tuple[Emotion, Callable[[], torch.Tensor]]:
    """What a timeline asks for in each of so many frames [n, e], or its first key alone [e]; and what draws its course
    [3, h, w] over the speech, where that is known.
    """

    def found(source: EmotionSource) -> Emotion:
        return resolve(source, readers)

    def plot() -> torch.Tensor:
        keys = [(time, str(key)) for time, key in timeline.times(frames, words)]
        spoken = [(word.start, word.word) for word in words]
        return draw_timeline(timeline.strengths(frames, words), keys, speech, spoken)

    return timeline.course(frames, found, words) if over_time else found(timeline.keys[0].source), plot


def write_plot(script: Script, picture: torch.Tensor, listener: Listener) -> None:
    """Raises OutputError."""
    path = Path(script.direction.plot or "")
    write_picture(picture, path)
    listener.say(f"plot: {path.resolve()}")


def recordings_heard(
    recogniser: Callable[[], SpeechEmotionRecogniser], speech: Speech, listener: Listener
) -> Callable[[Path | None], HeardEmotion]:
    """What hears an emotion in a recording, or in the speech itself, and says what it heard."""

    def recognise(path: Path | None) -> HeardEmotion:
        recording = speech if path is None else read_speech(path)
        if recording.note and path is not None:
            listener.say(f"note: {path}: {recording.note}")
        heard = recogniser().recognise(recording)
        listener.say(f"heard in {path or 'the speech'}: {', '.join(heard.table.splitlines())}")
        if heard.note:
            listener.say(f"note: {heard.note}")
        return heard

    return recognise


def pictures_read(models: ModelSet) -> Callable[[Path], torch.Tensor]:
    """What reads the expression [e] of the face in a picture file. Its FaceError names the file."""

    def read(path: Path) -> torch.Tensor:
        try:
            regions = face_regions(read_portrait(path), detector=models.find_faces, size=models.picture_size)
            with torch.no_grad():
                return read_face(models, regions).expression[0]
        except FaceError as error:
            raise face_fault(path, error, SHOW_A_FACE) from error

    return read


def played_expression(
    script: Script, models: ModelSet, speech: Speech, listener: Listener
) -> tuple[ExpressionLatents | None, HeadPose | None]:
    """The expression of a driving film or a take, fitted to the speech and as strong as asked for; and the take's head
    where it was kept.
    """
    direction = script.direction
    how, pose = direction.retime or RETIME[0], None
    if direction.driving_video is not None:
        expression = _driven(script, models, speech, listener)
    elif direction.take is not None:
        take = _take(script, models)
        listener.say(f"take: {take.describe()}")
        expression = take.expression.values
        pose = None if take.head_pose is None else HeadPose(retime(take.head_pose.values, speech.frames, how))
    else:
        return None, None
    fitted = retime(expression, speech.frames, how)
    if direction.intensity != 1:
        fitted = scale(fitted, direction.intensity, models.codebook)
    return ExpressionLatents(fitted), pose


def head_pose_of(
    script: Script, models: ModelSet, frames: int, seed: int, taken: HeadPose | None, listener: Listener
) -> HeadPose | None:
    """The head's course: keyframes, another head's, a sway, or that of the take. None leaves it to the backbone."""
    if isinstance(script.head, Path):
        return from_course(_watched(script.head, models, frames / 25 + 1, listener), frames)
    if isinstance(script.head, tuple):
        return from_keys(script.head, frames)
    amount = script.direction.motion
    if script.head == SWAY:
        return sway(frames, ORDINARY_SWAY if amount is None else amount, seed)
    return sway(frames, amount, seed) if taken is None and amount is not None else taken


def _take(script: Script, models: ModelSet) -> Take:
    path = Path(script.direction.take or "")
    take = loaded(Take.load, path, f"a take that was saved with {script.request.spelling('save_take')}")
    given, wanted = take.expression.values.shape[1], models.dicte.config.expression_dim
    if given != wanted:
        raise InputError(
            f"{path}: its expression is {given} wide, but these weights take {wanted}; give a take that was saved with "
            "these weights."
        )
    return take


def _driven(script: Script, models: ModelSet, speech: Speech, listener: Listener) -> torch.Tensor:
    """[m, e] of the driving film, no more of it than is used."""
    listener(READING, 2, 3)
    expression = driving_expression(
        models.motion_encoder,
        models.face_finder,
        script.direction.driving_video or "",
        size=models.picture_size,
        seconds=None if script.direction.retime == "stretch" else speech.seconds + 1,
        on_step=lambda done, total: listener("driving video", done, total),
        on_note=lambda note: listener.say(f"note: {note}"),
    )
    return expression.values


def _watched(path: Path, models: ModelSet, seconds: float, listener: Listener) -> np.ndarray:
    """How the head in a film moves [m, 6], at 25 pictures a second, over its first so many seconds."""
    film, notes = watch_film(path, models.face_finder, size=CROP_SIZE, seconds=seconds), list[str]()
    course = watch_head(models.head_pose_reader, map(Portrait, film.frames(notes.append)), film.course)
    for note in (*notes, f"{path}: {film.course.note}" if film.course.note else ""):
        if note:
            listener.say(f"note: {note}")
    return resample(torch.from_numpy(course), film.rate).numpy()
