"""EmotiveTalk's figure 2 as one function: speech and a portrait in, chunks of frames out.

The sub-steps are verbs of their own, so that another source of expression, or an experiment, can take the place of one
of them: `prepare_conditions` gathers everything that a video is sampled from, `render` turns it into frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import torch

from .audio.feature_windows import encode_speech
from .direction.head_pose import motion_bucket
from .errors import SettingsError
from .face.detail import DetailTransfer, doubt_around
from .face.head_turn import box_of_mask, turn_head, turned_portraits
from .face.resizing import resized
from .models.face_reading import encoder_face
from .models.lip_projector import project_lips
from .models.model_set import ModelSet
from .models.presets import windows_at
from .models.vae import decode_chunks, encode_mode, frames_at_once
from .processes import ALONE, Processes
from .sampling.expression import sample_expression
from .sampling.unfinished import UnfinishedFilm, film_key
from .sampling.video import VideoSamplingSettings, sample_video
from .types import Emotion, ExpressionLatents, FaceRegions, HeadPose, MotionLatents, Speech, VideoConditions
from .version import __version__

AUDIO, EXPRESSION, PORTRAIT, VIDEO, DECODING = "audio features", "expression", "portrait", "video", "decoding"
"""The stages, as `on_stage` is told them."""

FRAMES_DENOISED_TOGETHER = 32
"""Short windows go through the network together, up to so many frames; alone they would not keep a processor busy."""

OnStage = Callable[[str, int, int], None]
"""on_stage(stage, done, total); what it raises ends the work at once."""


@dataclass(frozen=True)
class TalkSettings:
    """Everything that may be chosen about a video beside portrait and speech.

    emotion: one of the eight keywords, an emotion of any source, which may change in time, or None for the portrait's
    own expression · intensity: of a keyword, 0 none, 1 as in the codebook · expression: a driving sequence or a kept
    take, in the place of Di-CTE's; one for each frame · lip_strength: 0 a mouth at rest, 1 as spoken ·
    expression_steps, expression_guidance: of Di-CTE · head_pose: where the head stands in each frame; None leaves it to
    the backbone, which is told motion_bucket, the amount of head motion, 0…255 · decode_chunk: frames decoded together
    · detail: how much of the portrait's own is given back, 0…1 · video: of the backbone; its seed serves Di-CTE too.
    """

    emotion: str | Emotion | None = None
    intensity: float = 1.0
    expression: ExpressionLatents | None = None
    lip_strength: float = 1.0
    expression_steps: int = 25
    expression_guidance: float = 1.0
    head_pose: HeadPose | None = None
    motion_bucket: float = 60.0
    decode_chunk: int = 8
    detail: float = 1.0
    video: VideoSamplingSettings = field(default_factory=VideoSamplingSettings)

    def __post_init__(self) -> None:
        if self.expression_steps < 1:
            raise SettingsError(f"{self.expression_steps} expression steps were asked for; at least 1 is needed.")
        if self.decode_chunk < 1:
            raise SettingsError(f"{self.decode_chunk} frames were to be decoded together; at least 1 is needed.")
        DetailTransfer(self.detail)  # refuses what is none


def default_settings(models: ModelSet, size: int | None = None) -> TalkSettings:
    """How the weights are used unless the user says otherwise, by their own record; size: of another square, pixels."""
    defaults = models.defaults
    size = size or defaults.size
    window, overlap = windows_at(defaults, size)
    return TalkSettings(
        expression_steps=defaults.expression_steps,
        expression_guidance=defaults.expression_guidance,
        motion_bucket=defaults.motion_bucket,
        decode_chunk=frames_at_once(size, size),
        video=VideoSamplingSettings(
            steps=defaults.steps,
            grid=cast(Literal["karras", "ays"], defaults.grid),  # it refuses other names itself
            window=window,
            overlap=overlap,
            sigma_max=defaults.sigma_max,
            windows_per_batch=max(1, FRAMES_DENOISED_TOGETHER // window),
        ),
    )


def talk(
    models: ModelSet, speech: Speech, regions: FaceRegions, settings: TalkSettings, on_stage: OnStage | None = None
) -> Iterator[torch.Tensor]:
    """The talking crop, in chunks of frames [k, 3, s, s], RGB in 0…1, as they are decoded (EmotiveTalk fig. 2); s is
    the VAE's `finer` times the side of the portrait's crop.

    Raises SettingsError for an unknown emotion and NumericalError where a network fails.
    """
    conditions = prepare_conditions(models, speech, regions, settings, on_stage)
    yield from render(models, conditions, settings, on_stage)


@torch.no_grad()
def prepare_conditions(
    models: ModelSet, speech: Speech, regions: FaceRegions, settings: TalkSettings, on_stage: OnStage | None = None
) -> VideoConditions:
    """V-AID: from speech, portrait and emotion to the latents that drive the backbone."""
    face = read_face(models, regions)
    emotion = emotion_condition(models, face, settings)  # [e] or [n, e]
    audio_windows = encode_windows(models, speech, on_stage)  # [n, 10, c]
    lip = lip_latents(models, audio_windows, settings)  # [n, lip_dim]
    if settings.expression is not None:
        expression = settings.expression.values.to(lip)  # [n, e]
    else:
        expression = expression_latents(models, audio_windows, face, emotion, settings, on_stage)
    return portrait_conditions(models, regions, face, lip, expression, settings, on_stage)


def read_face(models: ModelSet, regions: FaceRegions) -> MotionLatents:
    """The portrait's own latents, each [1, d], by the motion encoder. FaceError where it needs eyes and mouth."""
    face = encoder_face(models.motion_encoder.config, regions.crop, regions.eyes_mouth)
    return models.motion_encoder(face[None].to(models.device))


def emotion_condition(models: ModelSet, face: MotionLatents, settings: TalkSettings) -> torch.Tensor:
    """e_cond [e], or [n, e] where it changes in time: the emotion given, the codebook's latent of a keyword, or the
    portrait's own expression (EmotiveTalk §3.5).
    """
    if settings.emotion is None:
        return face.expression[0]
    if isinstance(settings.emotion, Emotion):
        return settings.emotion.values.to(face.expression)
    return models.codebook.lookup(settings.emotion, settings.intensity).to(face.expression)


def encode_windows(models: ModelSet, speech: Speech, on_stage: OnStage | None = None) -> torch.Tensor:
    """The audio windows A_w [n, 10, c]."""
    return encode_speech(models.speech_encoder, speech, _report(on_stage, AUDIO))


def lip_latents(models: ModelSet, audio_windows: torch.Tensor, settings: TalkSettings) -> torch.Tensor:
    """Lip latents [n, lip_dim] of the audio-lip projector; z-normalised, so that 0 is the mean mouth."""
    return project_lips(models.lip_projector, audio_windows, settings.lip_strength)


def expression_latents(
    models: ModelSet,
    audio_windows: torch.Tensor,
    face: MotionLatents,
    emotion: torch.Tensor,
    settings: TalkSettings,
    on_stage: OnStage | None = None,
) -> torch.Tensor:
    """Driving expression latents [n, e], sampled by Di-CTE."""
    return sample_expression(
        models.dicte,
        audio_windows,
        face.identity[0],
        emotion,
        seed=settings.video.seed,
        steps=settings.expression_steps,
        guidance=settings.expression_guidance,
        on_step=_report(on_stage, EXPRESSION),
    )


def portrait_conditions(
    models: ModelSet,
    regions: FaceRegions,
    face: MotionLatents,
    lip: torch.Tensor,
    expression: torch.Tensor,
    settings: TalkSettings,
    on_stage: OnStage | None = None,
) -> VideoConditions:
    """Lip [n, lip_dim] and driving expression [n, e] joined with what the backbone knows of the portrait: two steps of
    its stage, the second of them the decoding of one frame.
    """
    crop = regions.crop[None].to(models.device)
    portrait_latent = encode_mode(models.vae, crop)  # [1, 4, h, w]
    pose, report = settings.head_pose, _report(on_stage, PORTRAIT)
    seen = portrait_latent[0] if pose is None else turned_latents(models, crop, regions, pose)
    if report is not None:
        report(1, 2)
    still = next(decode_chunks(models.vae, portrait_latent * models.vae.config.scaling_factor))
    if report is not None:
        report(2, 2)
    return VideoConditions(
        portrait_latent=seen,
        lip=lip,
        driving_expression=expression,
        reference_expression=face.expression[0],
        face_mask=regions.face_mask.to(models.device),
        lip_mask=regions.lip_mask.to(models.device),
        motion_bucket=settings.motion_bucket if pose is None else float(motion_bucket(pose.values.cpu().numpy())),
        portrait=resized(crop, still.shape[-2:])[0],
        still=still[0],
        head_pose=pose,
    )


def turned_latents(models: ModelSet, crop: torch.Tensor, regions: FaceRegions, head_pose: HeadPose) -> torch.Tensor:
    """The portrait's latent with its head as it is to stand in each frame [n, 4, h, w], unscaled; crop [1, 3, s, s]."""
    turned = turned_portraits(crop, regions.face_mask, head_pose)
    return torch.cat([encode_mode(models.vae, pictures) for pictures in turned])


@torch.no_grad()
def render(
    models: ModelSet,
    conditions: VideoConditions,
    settings: TalkSettings,
    on_stage: OnStage | None = None,
    unfinished: UnfinishedFilm | None = None,
    processes: Processes = ALONE,
) -> Iterator[torch.Tensor]:
    """The backbone in windows, then the VAE's decoder: chunks of frames [k, 3, s, s], RGB in 0…1.

    unfinished: this film's own, see `unfinished_film`; each step, and each chunk of frames rounded to 8 bits,
    are kept in it, and taken up again · processes: those that sample it together, all of which make this call; only the
    first one decodes.
    """
    frames = conditions.lip.shape[0]
    latents = sample_video(
        models.ethd,
        conditions,
        frame_count=frames,
        settings=settings.video,
        on_step=_report(on_stage, VIDEO),
        unfinished=unfinished,
        processes=processes,
    )  # [n, 4, h, w]
    if not processes.first:
        return

    stands = conditions.head_pose is None and conditions.motion_bucket == 0
    transfer = DetailTransfer(settings.detail, doubt=doubt_around(conditions.face_mask.cpu()) if stands else None)

    def frames_from(first: int) -> Iterator[torch.Tensor]:
        return _finished_frames(models, conditions, latents, settings, transfer, first)

    chunks = frames_from(0)
    if unfinished is not None:
        height = latents.shape[-2] * models.vae.config.decoded_pixels_per_latent
        chunks = unfinished.chunks(frames, height, frames_from, transfer, latents.device)
    decoded = 0
    for chunk in chunks:
        yield chunk
        decoded += chunk.shape[0]
        if on_stage is not None:
            on_stage(DECODING, decoded, frames)


def _finished_frames(
    models: ModelSet,
    conditions: VideoConditions,
    latents: torch.Tensor,
    settings: TalkSettings,
    transfer: DetailTransfer,
    first: int,
) -> Iterator[torch.Tensor]:
    """Chunks [k, 3, s, s] from frame `first` on: decoded, with the portrait's detail."""
    for chunk in decode_chunks(models.vae, latents, chunk=settings.decode_chunk, first=first):
        last = first + chunk.shape[0]
        if conditions.portrait is not None and conditions.still is not None:
            chunk = transfer(chunk, *_unmoved(conditions, conditions.portrait, conditions.still, first, last))
        yield chunk
        first = last


def unfinished_film(
    root: Path, models: ModelSet, conditions: VideoConditions, settings: TalkSettings
) -> UnfinishedFilm:
    """Where what `render` has done so far is kept, below `root`, by everything that it depends on."""
    makes = (__version__, torch.__version__, models.device, models.ethd, models.vae)
    return UnfinishedFilm(
        root, film_key(*makes, conditions, settings.video, settings.decode_chunk, float(settings.detail))
    )


def _unmoved(
    conditions: VideoConditions, portrait: torch.Tensor, still: torch.Tensor, first: int, last: int
) -> list[torch.Tensor]:
    """Portrait and decoded portrait [1, 3, s, s], or [k, 3, s, s] with their heads as in the frames first…last-1."""
    pictures = [portrait[None], still[None]]
    if conditions.head_pose is None:
        return pictures
    box = box_of_mask(conditions.face_mask)[None] * (portrait.shape[-1] / conditions.face_mask.shape[-1])
    poses = conditions.head_pose.values[first:last].to(portrait)
    return [turn_head(picture, box, poses) for picture in pictures]


def _report(on_stage: OnStage | None, stage: str) -> Callable[[int, int], None] | None:
    return None if on_stage is None else lambda done, total: on_stage(stage, done, total)
