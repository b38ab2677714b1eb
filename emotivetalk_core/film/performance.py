"""EmotiveTalk's networks at work for one request: directed, told what they cost, and sampled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from ..device import total_memory
from ..direction.source import SourceReaders
from ..direction.take import Take, TakeRecord
from ..errors import SettingsError
from ..face.close_up import eyes_and_mouth
from ..face.detail import at_own_resolution
from ..face.finder import FaceDetector, PictureMemory, unfamiliar
from ..face.head_turn import box_of_mask
from ..face.regions import CROP_FACTOR, crop_square
from ..models.adapted_unet import AdaptedUNet
from ..models.ethd import ETHD
from ..models.model_set import ModelSet
from ..models.presets import draws_at
from ..models.vae import chunk_memory
from ..models.vae_network import TemporalVAE
from ..pipeline import (
    DECODING,
    PORTRAIT,
    VIDEO,
    TalkSettings,
    default_settings,
    prepare_conditions,
    read_face,
    render,
    unfinished_film,
)
from ..plot import draw_course
from ..processes import ALONE, Processes
from ..sampling.estimate import memory_words, plan, window_memory
from ..sampling.unfinished import UnfinishedFilm, as_kept
from ..sampling.video import fast
from ..types import CropRecord, Emotion, ExpressionLatents, FaceRegions, LipLatents, Portrait, Speech, VideoConditions
from .directing import emotion_of, head_pose_of, pictures_read, played_expression, recordings_heard, write_plot
from .files import state_folder
from .forecast import Forecast, StillWatch, shared_cost, tell_cost
from .listener import Listener
from .request import FilmRequest, path_of
from .resuming import Resuming
from .script import Script

Value = TypeVar("Value")
_OTHER_WEIGHTS = (
    "Take a portrait of the kind they know (the bundled ones: a frame of what `synthesize` draws), or other weights."
)


class Performance(Protocol):
    """Networks that are ready to be sampled for one film. size: side of the talking crop as it is shown alone, pixels ·
    cost: in words.
    """

    @property
    def size(self) -> int: ...

    @property
    def cost(self) -> str: ...

    def crops(self, listener: Listener, *, disk: float = 0.0, processes: Processes = ALONE) -> Iterator[torch.Tensor]:
        """The talking crop as it is decoded, in chunks [k, 3, s, s], RGB in 0…1. disk: bytes that the film will take
        there · processes: those that sample it together; for all but the first there are none.
        """
        ...

    def finished(self, crops: Iterator[torch.Tensor], portrait: Portrait, record: CropRecord) -> Iterator[torch.Tensor]:
        """These chunks as they are to be seen at `record` of the portrait; another thread may be asking for them."""
        ...

    def end(self) -> None:
        """The film is whole: what was kept of the unfinished one may go."""


class Performer(Protocol):
    """Loaded networks that can be directed. size: side of the crop that they want to see, in pixels · crop_factor: of
    that side and the face · find_faces: what finds a face for them, None a general finder · picture_memory: what
    says whether a picture is one that they know, None nothing does.
    """

    @property
    def size(self) -> int: ...

    @property
    def crop_factor(self) -> float: ...

    @property
    def find_faces(self) -> FaceDetector | None: ...

    @property
    def picture_memory(self) -> PictureMemory | None: ...

    def __init__(self, script: Script, models: Any) -> None: ...

    @staticmethod
    def check(script: Script) -> None:
        """SettingsError, before anything is loaded, for what these weights cannot be told."""
        ...

    def direct(self, speech: Speech, regions: FaceRegions, listener: Listener) -> Performance | None:
        """Everything of the script resolved, and the plot drawn; None where no more than that was asked for."""
        ...


class EmotiveTalkPerformer:
    """ETHD led by speech, emotion and head pose (EmotiveTalk fig. 2). SettingsError for sampling that cannot work, and
    InputError for a codebook of another model.
    """

    crop_factor = CROP_FACTOR

    def __init__(self, script: Script, models: ModelSet) -> None:
        self.request = script.request
        self.script = script
        script.check_codebook(models.dicte.config.expression_dim)
        self.models = models if script.codebook is None else replace(models, codebook=script.codebook)
        self.find_faces, self.picture_memory = models.find_faces, models.picture_memory
        self.size = drawn_size(self.request, models)
        self.settings = talk_settings(self.request, models)

    @staticmethod
    def check(script: Script) -> None:
        request = script.request
        request.refuse(
            {
                "emotion_strength": request.emotion_strength,
                "lip_guidance": request.lip_guidance,
                "picture_guidance": request.picture_guidance,
                "interpolate": None if request.interpolate else False,
            },
            f"belongs to the weights of DICE-Talk and Sonic; give their folder with {request.spelling('weights')}, or "
            "leave it out.",
        )

    def direct(self, speech: Speech, regions: FaceRegions, listener: Listener) -> "EmotiveTalkPerformance | None":
        script, models, direction = self.script, self.models, self.request.direction
        expression, taken = played_expression(script, models, speech, listener)
        emotion = None
        if script.timeline is not None and not script.plays:
            with torch.no_grad():
                own = read_face(models, regions).expression[0]
            hear = recordings_heard(models.recogniser, speech, listener)
            readers = SourceReaders(models.codebook, own, pictures_read(models), hear)
            emotion = emotion_of(script, script.timeline, readers, speech, listener)
        pose = head_pose_of(script, models, speech.frames, self.request.seed, taken, listener)
        settings = replace(self.settings, emotion=emotion, expression=expression, head_pose=pose)
        if expression is not None and direction.plot is not None:
            write_plot(script, draw_course(None, expression, speech), listener)
        if direction.plot_only:
            return None
        networks = (models.speech_encoder, models.lip_projector, models.motion_encoder, models.dicte)
        window = min(settings.video.window, speech.frames) * settings.video.windows_per_batch
        needed = check_memory(
            self.request, models.ethd, models.vae, networks, window, self.size, reuse=settings.video.reuse
        )
        return EmotiveTalkPerformance(self.request, models, settings, speech, regions, needed)


@dataclass
class EmotiveTalkPerformance:
    """See `Performance`. memory: bytes that it takes, weights included · change: of what the backbone is told, for who
    wants to know what a part of that is worth.
    """

    request: FilmRequest
    models: ModelSet
    settings: TalkSettings
    speech: Speech
    regions: FaceRegions
    memory: float
    change: Callable[[VideoConditions], VideoConditions] | None = None
    _unfinished: UnfinishedFilm | None = field(default=None, init=False)
    _motion: torch.Tensor | None = field(default=None, init=False)

    @property
    def size(self) -> int:
        return self.request.resolution or self.drawn

    @property
    def drawn(self) -> int:
        """Side of the crop as the weights draw it, in pixels."""
        return self.regions.crop.shape[-1] * self.models.vae.config.finer

    @property
    def cost(self) -> str:
        return plan(self.speech.frames, self.settings.video)

    def crops(self, listener: Listener, *, disk: float = 0.0, processes: Processes = ALONE) -> Iterator[torch.Tensor]:
        settings, regions = self.settings, self.regions
        if self.size > self.drawn:
            listener.say(
                f"note: these weights draw faces at {self.drawn} pixels only; what moves is enlarged to {self.size}."
            )
        frames = self.speech.frames
        cost = shared_cost(self.cost, processes)
        listener.label(VIDEO, f"{VIDEO}, {cost}")
        tell_cost(listener, frames, cost, self.memory, disk)
        resuming = Resuming(self.request, listener, disk=disk, size=self.drawn, frames=frames)
        watch = StillWatch(listener, PORTRAIT)
        conditions = prepare_conditions(self.models, self.speech, regions, settings, watch)
        conditions = conditions if self.change is None else self.change(conditions)
        self._motion = conditions.motion
        self._keep_take(conditions, listener)
        if self.models.picture_memory is not None:
            note = unfamiliar(regions.crop, self.models.picture_memory.strangeness)
            if note:
                listener.say(f"note: {self.request.portrait}: {note} {_OTHER_WEIGHTS}")
        self._unfinished, resumed = resuming.state(
            lambda: unfinished_film(state_folder(), self.models, conditions, settings)
        )
        if not resumed:
            watch.tell(frames)
        report = Forecast(listener, {VIDEO: "window", DECODING: "frame"}, resumed=resumed)
        yield from map(as_kept, render(self.models, conditions, settings, report, self._unfinished, processes))

    def finished(self, crops: Iterator[torch.Tensor], portrait: Portrait, record: CropRecord) -> Iterator[torch.Tensor]:
        settings, regions = self.settings, self.regions
        side = self.size if self.request.crop else record.side
        if side == self.drawn == regions.crop.shape[-1]:
            yield from crops
            return
        for frame in at_own_resolution(
            (frame for chunk in crops for frame in chunk),
            repeat(crop_square(portrait.pixels, record, side)),
            regions.crop,
            amount=settings.detail,
            head_pose=settings.head_pose,
            face_box=box_of_mask(regions.face_mask),
            retoucher=self.models.retoucher,
            motions=self._motions(),
            lip_mask=regions.lip_mask,
            close_ups=self.models.close_up,
            eyes_mouth=eyes_and_mouth(regions),
        ):
            yield frame[None]

    def _motions(self) -> Iterator[torch.Tensor]:
        """Of each frame; to be asked for once the first crop is there."""
        assert self._motion is not None
        yield from self._motion

    def end(self) -> None:
        if self._unfinished is not None:
            self._unfinished.finish()

    def _keep_take(self, conditions: VideoConditions, listener: Listener) -> None:
        """Save what was sampled, where that was asked for. Raises OutputError."""
        path, settings = path_of(self.request.direction.save_take), self.settings
        if path is None:
            return
        emotion = settings.emotion.name if isinstance(settings.emotion, Emotion) else "portrait"
        sampled = settings.expression is None
        weights = path_of(self.request.weights)
        record = TakeRecord(
            emotion=emotion if sampled else "",
            seed=settings.video.seed if sampled else None,
            weights="demo" if weights is None else weights.name,
        )
        expression, lips = ExpressionLatents(conditions.driving_expression.cpu()), LipLatents(conditions.lip.cpu())
        Take(expression, lips, settings.head_pose, record).save(path)
        listener.say(f"take: {path.resolve()}")


def talk_settings(request: FilmRequest, models: ModelSet) -> TalkSettings:
    """The weights' own settings with what was chosen in their place. Raises SettingsError."""
    own = default_settings(models, drawn_size(request, models))
    if request.fast:
        own = replace(own, video=fast(own.video, request.steps))
    overlap = request.overlap
    if overlap is None and request.window is not None:
        overlap = min(own.video.overlap, request.window // 2)  # a shorter window alone is no contradiction
    video = replace(
        own.video,
        steps=_chosen(request.steps, own.video.steps),
        grid=_chosen(request.grid, own.video.grid),
        window=_chosen(request.window, own.video.window),
        overlap=_chosen(overlap, own.video.overlap),
        seed=request.seed,
    )
    return replace(
        own,
        lip_strength=request.lip_strength,
        detail=request.detail,
        expression_guidance=_chosen(request.direction.emotion_guidance, own.expression_guidance),
        motion_bucket=_chosen(request.direction.motion, own.motion_bucket),
        video=video,
    )


def drawn_size(request: FilmRequest, models: ModelSet) -> int:
    """Side of the square that the weights draw: the one asked for where they can, else their own."""
    size = request.resolution or models.picture_size
    return size if draws_at(models.defaults, size) else models.picture_size


def check_memory(
    request: FilmRequest,
    backbone: ETHD | AdaptedUNet,
    vae: TemporalVAE,
    others: Sequence[nn.Module],
    window: int,
    size: int,
    *,
    reuse: bool = False,
) -> float:
    """Bytes that a film takes whose windows of so many frames of size x size pixels go through the backbone together,
    the weights of all networks included. reuse: its deep features are kept for a second step. SettingsError where the
    device has less in all, with a window that would fit.
    """
    weights = sum(parameter.nbytes for network in (backbone, vae, *others) for parameter in network.parameters())
    places = (size // vae.config.pixels_per_latent) ** 2
    sampling = window_memory(backbone.config, window, places, vae.dtype.itemsize, reuse=reuse)
    device = next(backbone.parameters()).device
    there = total_memory(device)
    if there is not None and weights + sampling > there:
        fitting = int(window * max(there - weights, 0) / sampling)
        smaller, elsewhere = request.spelling("window"), request.spelling("device")
        way_out = f"give {smaller} {fitting} or less" if fitting else f"take another {elsewhere}"
        raise SettingsError(
            f"A window of {window} frames of {size} x {size} pixels takes about {memory_words(weights + sampling)} of "
            f"memory with the weights, but {device} has {memory_words(there)} in all; {way_out}."
        )
    return weights + max(sampling, chunk_memory(vae.config, size, size, vae.dtype))


def _chosen(choice: Value | None, default: Value) -> Value:
    return default if choice is None else choice
