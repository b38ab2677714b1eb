"""The published networks of DICE-Talk and Sonic at work for one request: what they can be told, and their frames."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from ..direction.source import FromImage, FromPortrait, SourceReaders
from ..errors import InputError, SettingsError
from ..models.photograph_set import PhotographSet
from ..models.speech_emotion import SpeechEmotionRecogniser
from ..photograph_pipeline import (
    CROP_FACTOR,
    DECODING,
    VIDEO,
    PhotographTalk,
    default_talk,
    prepare_photograph,
    render_photograph,
    sampled_frames,
    silent_tail,
    unfinished_photograph,
)
from ..processes import ALONE, Processes
from ..sampling.photograph import plan
from ..sampling.unfinished import UnfinishedFilm
from ..sampling.video import FAST_STEPS
from ..types import CropRecord, Emotion, FaceRegions, Portrait, Speech
from .directing import emotion_of, recordings_heard
from .files import state_folder
from .forecast import Forecast, shared_cost, tell_cost
from .listener import Listener
from .performance import check_memory
from .request import FilmRequest
from .resuming import Resuming
from .script import Script

_FORWARD_BYTES = 2_000_000_000
"""Of one forward of 25 frames of 512 x 512 pixels beside the weights, in half precision (`info --memory`)."""


class PhotographPerformer:
    """See `Performer`."""

    crop_factor = CROP_FACTOR
    find_faces = picture_memory = None

    def __init__(self, script: Script, models: PhotographSet) -> None:
        self.request = script.request
        self.script = script
        script.check_codebook(models.encoders.config.emotion_dim)
        self.models = models if script.codebook is None else replace(models, codebook=script.codebook)
        self.size = self.request.resolution or models.defaults.size

    @staticmethod
    def check(script: Script) -> None:
        request, direction = script.request, script.request.direction
        own = ("driving_video", "take", "save_take", "head_pose")
        request.refuse(
            {name: getattr(direction, name) for name in own} | {"overlap": request.overlap},
            "belongs to EmotiveTalk's own weights, and those of DICE-Talk and Sonic know nothing of it; leave it out.",
        )
        asked = direction.emotion is not None or direction.timeline is not None
        for key in script.timeline.keys if script.timeline is not None and asked else ():
            for part in key.source.parts:
                if isinstance(part.origin, (FromImage, FromPortrait)):
                    raise SettingsError(
                        f"{part.origin} cannot be read with these weights, because the network that reads DICE-Talk's "
                        "emotions from a face was never published; name an emotion, or take it from a text or from "
                        "speech."
                    )

    def direct(self, speech: Speech, regions: FaceRegions, listener: Listener) -> "PhotographPerformance | None":
        models, request = self.models, self.request
        talk = photograph_talk(request, models, self._emotion(speech, listener))
        if request.direction.plot_only:
            return None
        networks = (models.encoders, models.picture_encoder, models.speech_encoder)
        window = talk.video.window * (talk.video.forwards if talk.video.together else 1)
        needed = check_memory(request, models.unet, models.vae, networks, window, self.size)
        return PhotographPerformance(request, models, talk, speech, regions, needed)

    def _emotion(self, speech: Speech, listener: Listener) -> Emotion | None:
        direction, timeline, models = self.request.direction, self.script.timeline, self.models
        if direction.emotion is None and direction.timeline is None:
            return None
        if models.codebook is None or timeline is None:
            raise SettingsError(
                "An emotion was given, but these weights hold no emotion_codebook.safetensors: Sonic knows no "
                "emotions, and DICE-Talk's are converted with its weights; leave the emotion out, or use DICE-Talk's "
                "weights."
            )
        readers = SourceReaders(models.codebook, recognise=recordings_heard(self._recogniser, speech, listener))
        emotion = emotion_of(self.script, timeline, readers, speech, listener)
        for note in emotion.notes:
            listener.say(f"note: {note}")
        return emotion

    def _recogniser(self) -> SpeechEmotionRecogniser:
        if self.models.speech_emotion is None:
            raise InputError(
                "These weights hold no speech_emotion.safetensors, so no emotion can be recognised; copy the bundled "
                "demo's file into their folder, or make one with `convert --kind wavlm-emotion`."
            )
        return self.models.speech_emotion


@dataclass
class PhotographPerformance:
    """See `Performance`. memory: bytes that it takes, weights included."""

    request: FilmRequest
    models: PhotographSet
    talk: PhotographTalk
    speech: Speech
    regions: FaceRegions
    memory: float
    _unfinished: UnfinishedFilm | None = field(default=None, init=False)

    @property
    def size(self) -> int:
        return self.regions.crop.shape[-1]

    @property
    def cost(self) -> str:
        return plan(sampled_frames(self.speech.frames) + silent_tail(self.models, self.talk), self.talk.video)

    def crops(self, listener: Listener, *, disk: float = 0.0, processes: Processes = ALONE) -> Iterator[torch.Tensor]:
        frames = self.speech.frames
        cost = shared_cost(self.cost, processes)
        listener.label(VIDEO, f"{VIDEO}, {cost}")
        tell_cost(listener, frames, cost, self.memory, disk)
        resuming = Resuming(self.request, listener, disk=disk, size=self.size, frames=frames)
        video = prepare_photograph(self.models, self.speech, self.regions, self.talk, listener)
        self._unfinished, resumed = resuming.state(
            lambda: unfinished_photograph(state_folder(), self.models, video, frames, self.talk)
        )
        report = Forecast(listener, {VIDEO: "window", DECODING: "frame"}, resumed=resumed)
        yield from render_photograph(self.models, video, frames, self.talk, report, self._unfinished, processes)

    def finished(self, crops: Iterator[torch.Tensor], portrait: Portrait, record: CropRecord) -> Iterator[torch.Tensor]:
        return crops

    def end(self) -> None:
        if self._unfinished is not None:
            self._unfinished.finish()


def photograph_talk(request: FilmRequest, models: PhotographSet, emotion: Emotion | None) -> PhotographTalk:
    """The weights' own settings with what was chosen in their place."""
    own = default_talk(models)
    if request.fast and own.video.steps > FAST_STEPS:  # their windows never overlapped
        own = replace(own, video=replace(own.video, steps=FAST_STEPS, grid="ays"))
    chosen = {name: getattr(request, name) for name in ("steps", "grid", "window", "picture_guidance", "lip_guidance")}
    chosen["emotion_guidance"] = request.direction.emotion_guidance
    if models.codebook is None:  # one adapter, so one guidance
        lips = own.video.lip_guidance if request.lip_guidance is None else request.lip_guidance
        chosen |= {"lip_guidance": lips, "emotion_guidance": lips}
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(
        own,
        emotion=emotion,
        lip_strength=request.lip_strength,
        emotion_strength=1.0 if request.emotion_strength is None else request.emotion_strength,
        motion=request.direction.motion,
        interpolate=request.interpolate,
        video=replace(own.video, seed=request.seed, together=_room_for_all(models), **given),
    )


def _room_for_all(models: PhotographSet) -> bool:
    """Whether a card has room for all forwards of a window at once, which is faster there; a CPU gains nothing."""
    if models.device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(models.device)
    return free > 4 * _FORWARD_BYTES
