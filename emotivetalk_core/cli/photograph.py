"""`talk` with the weights of DICE-Talk or Sonic: what they can be told, and the video that they make."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, SettingsError
from .direction import emotion_of, spoken_words
from .direction_options import Direction, timeline_of
from .faults import OWN_CODEBOOK, loaded
from .progress import StageBars

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from ..direction.source import SourceReaders
    from ..models.photograph_set import PhotographSet
    from ..models.speech_emotion import HeardEmotion
    from ..photograph_pipeline import PhotographTalk
    from ..types import Emotion, FaceRegions, Speech
    from .talk import TalkJob

_PUBLISHED_EMOTIONS = "name an emotion, or take it from a text or from speech"


def make_photograph_video(job: "TalkJob") -> None:
    """As `talk.make_video`: all that can be wrong is found before the first step; then frames stream into the file."""
    from ..audio.files import read_recording
    from ..audio.mixing import mix_down
    from ..face.compose import paste_back_stream
    from ..face.portrait import read_portrait
    from ..photograph_pipeline import CROP_FACTOR, VIDEO, sampled_frames, silent_tail
    from ..sampling.photograph import plan
    from ..video.writer import LAYOUTS, VideoWriter
    from .talk import BOX_OPTION, found_face, scaled_picture

    assert job.weights is not None
    check_photograph_job(job)
    recording, portrait = read_recording(job.audio), read_portrait(job.portrait)
    models = load_photograph_models(job.weights, job.device)
    regions = found_face(job, portrait, None, job.resolution or models.defaults.size, CROP_FACTOR)
    speech = recording.speech()
    for note in filter(None, (*recording.notes, speech.note)):
        print(f"note: {job.audio}: {note}")
    if regions.note:
        print(f"note: {job.portrait}: {regions.note} ({BOX_OPTION})")
    talk = photograph_talk(job, models, speech)
    if job.direction.plot_only:
        return
    portrait, record = scaled_picture(portrait, regions.record, None if job.crop else job.size)
    width, height = (regions.crop.shape[-1],) * 2 if job.crop else (record.picture_width, record.picture_height)
    work = plan(sampled_frames(speech.frames) + silent_tail(models, talk), talk.video)
    sound = recording.waveform
    if len(sound) not in LAYOUTS:
        sound = mix_down(sound, recording.layout)[0][None]
    with (
        VideoWriter(job.out, width=width, height=height, audio=sound, audio_rate=recording.rate) as video,
        StageBars({VIDEO: f"{VIDEO}, {work}"}, hidden=job.quiet) as bars,
    ):
        bars("reading", 3, 3)
        chunks = photograph_frames(models, speech, regions, talk, bars)
        for frames in chunks if job.crop else paste_back_stream(chunks, portrait, record):
            video.write(frames)
    print(f"{video.frames} frames, {video.frames / 25:.2f} s, {width}x{height}: {job.out.resolve()}")


def check_photograph_job(job: "TalkJob") -> None:
    """SettingsError, before anything is loaded, for what these weights cannot be told."""
    from ..direction.source import FromImage, FromPortrait

    direction = job.direction
    for option, given in {
        "--driving-video": direction.driving_video,
        "--take": direction.take,
        "--save-take": direction.save_take,
        "--head-pose": direction.head_pose,
        "--overlap": job.overlap,
    }.items():
        if given is not None:
            raise SettingsError(
                f"{option} belongs to EmotiveTalk's own weights, and those of DICE-Talk and Sonic know nothing of it; "
                "leave it out."
            )
    timeline = timeline_of(direction)
    asked = direction.emotion is not None or direction.timeline is not None
    for key in timeline.keys if timeline is not None and asked else ():
        for part in key.source.parts:
            if isinstance(part.origin, (FromImage, FromPortrait)):
                raise SettingsError(
                    f"{part.origin} cannot be read with these weights, for the network that reads DICE-Talk's emotions "
                    f"from a face was never published; {_PUBLISHED_EMOTIONS}."
                )


def load_photograph_models(weights: Path, device: str) -> "PhotographSet":
    from ..device import pick_device, pick_dtype
    from ..models.photograph_set import load_photograph_set

    place = pick_device(device)
    return load_photograph_set(weights, place, pick_dtype(place))


def photograph_talk(job: "TalkJob", models: "PhotographSet", speech: "Speech") -> "PhotographTalk":
    """The weights' own settings with what the user chose in their place. What was heard is printed."""
    from ..photograph_pipeline import default_talk

    models = _with_codebook(job.direction, models)
    own = default_talk(models)
    chosen = {"steps": job.steps, "grid": job.grid, "window": job.window, "picture_guidance": job.picture_guidance}
    chosen |= {"lip_guidance": job.lip_guidance, "emotion_guidance": job.direction.guidance}
    if models.codebook is None:  # one adapter, so one guidance
        lips = job.lip_guidance or own.video.lip_guidance
        chosen |= {"lip_guidance": lips, "emotion_guidance": lips}
    video = replace(own.video, seed=job.seed, **{name: value for name, value in chosen.items() if value is not None})
    return replace(
        own,
        emotion=_emotion(job.direction, models, speech),
        lip_strength=job.lip_strength,
        emotion_strength=1.0 if job.emotion_strength is None else job.emotion_strength,
        motion=job.direction.motion,
        interpolate=not job.no_interpolation,
        video=replace(video, together=_room_for_all(models)),
    )


def photograph_frames(
    models: "PhotographSet", speech: "Speech", regions: "FaceRegions", talk: "PhotographTalk", bars: StageBars
) -> "Iterator[torch.Tensor]":
    """Chunks of the talking crop [k, 3, s, s] at 25 frames a second."""
    from ..photograph_pipeline import prepare_photograph, render_photograph

    video = prepare_photograph(models, speech, regions, talk, bars)
    yield from render_photograph(models, video, speech.frames, talk, bars)


def _with_codebook(direction: Direction, models: "PhotographSet") -> "PhotographSet":
    if direction.codebook is None:
        return models
    from ..models.codebook import EmotionCodebook

    codebook = loaded(EmotionCodebook.load, direction.codebook, OWN_CODEBOOK)
    given, wanted = codebook.latents.shape[1], models.encoders.config.emotion_dim
    if given != wanted:
        raise InputError(
            f"{direction.codebook}: its emotions are {given} wide, but these weights take {wanted or 'none'}; give one "
            "that was made from theirs."
        )
    return replace(models, codebook=codebook)


def _emotion(direction: Direction, models: "PhotographSet", speech: "Speech") -> "Emotion | None":
    timeline = timeline_of(direction)
    if direction.emotion is None and direction.timeline is None:
        return None
    if models.codebook is None or timeline is None:
        raise SettingsError(
            "An emotion was given, but these weights hold no emotion_codebook.safetensors: Sonic knows no emotions, "
            "and DICE-Talk's are converted with its weights; leave the emotion out, or take DICE-Talk's weights."
        )
    readers = _readers(models, speech)
    for name in models.codebook.made_of:
        if any(name in str(part.origin) for key in timeline.keys for part in key.source.parts):
            print(f"note: {models.codebook.stand_in_note(name)}")
    return emotion_of(direction, timeline, readers, speech, spoken_words(direction, speech))


def _readers(models: "PhotographSet", speech: "Speech") -> "SourceReaders":
    from ..audio.files import read_speech
    from ..direction.source import SourceReaders

    assert models.codebook is not None

    def hear(path: Path | None) -> "HeardEmotion":
        if models.speech_emotion is None:
            raise InputError(
                "These weights hold no speech_emotion.safetensors, so no emotion can be heard; copy the bundled demo's "
                "file into their folder, or make one with `convert --kind wavlm-emotion`."
            )
        heard = models.speech_emotion.hear(speech if path is None else read_speech(path))
        print(f"heard in {path or 'the speech'}: {', '.join(heard.table.splitlines())}")
        return heard

    return SourceReaders(models.codebook, hear=hear)


def _room_for_all(models: "PhotographSet") -> bool:
    """Whether a card has room for all forwards of a window at once, which is faster there; a CPU gains nothing."""
    import torch

    if models.device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(models.device)
    return free > 4 * _FORWARD_BYTES


_FORWARD_BYTES = 2_000_000_000
"""Of one forward of 25 frames of 512 x 512 pixels beside the weights, in half precision (`info --memory`)."""
