"""A photograph, speech and an emotion in, frames out, by the published weights of DICE-Talk and Sonic.

The sibling of pipeline.py for other networks, with the same sub-steps: `prepare_photograph` gathers everything that a
video is sampled from, `render_photograph` turns it into frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .audio.half_frames import encode_half_frames, half_frame_windows
from .errors import InputError, SettingsError
from .face.regions import box_mask_around
from .models.photograph_encoders import PhotographEncoders
from .models.photograph_set import PhotographSet
from .models.vae import decode_chunks, encode_mode, frames_at_once
from .processes import ALONE, Processes
from .sampling.photograph import PhotographSettings, PhotographVideo, sample_photograph
from .sampling.unfinished import FollowsNothing, UnfinishedFilm, film_key
from .types import Emotion, FaceRegions, Speech
from .version import __version__
from .video.frame_rate import doubled

AUDIO, VIDEO, DECODING = "audio features", "video", "decoding"
"""The stages, as `on_stage` is told them."""

CROP_FACTOR = 2.0
"""Side of the talking crop in face boxes: what these weights' authors cut out is about that."""

FACE_GROWTH = 1.1
"""Their mask of the face is its box, this much larger."""

OnStage = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PhotographTalk:
    """Everything that may be chosen about a video beside portrait and speech.

    emotion: a prior [d], or [n, d] where it changes, n at 25 frames a second; None: nothing is said of any ·
    lip_strength, emotion_strength: what the adapters' answers are multiplied by, 1 as learnt · motion: how much the
    head moves, as SVD counts it; None leaves it to the weights · interpolate: whether the frames between those that are
    sampled are made from how things moved, or repeated.
    """

    emotion: Emotion | None = None
    lip_strength: float = 1.0
    emotion_strength: float = 1.0
    motion: float | None = None
    interpolate: bool = True
    video: PhotographSettings = field(default_factory=PhotographSettings)


def default_talk(models: PhotographSet) -> PhotographTalk:
    """How the weights are used unless the user says otherwise, by their own record."""
    defaults = models.defaults
    return PhotographTalk(
        video=PhotographSettings(
            steps=defaults.steps,
            grid=defaults.grid,
            sigma_max=defaults.sigma_max,
            window=defaults.window,
            shift=defaults.shift,
            shift_restarts=defaults.shift_restarts,
            picture_guidance=defaults.picture_guidance,
            lip_guidance=defaults.guidance,
            emotion_guidance=defaults.guidance,
        )
    )


def silent_tail(models: PhotographSet, talk: PhotographTalk) -> int:
    """Silent frames that are sampled after the speech, and dropped: a window of them, or none, as the weights say."""
    return talk.video.window if models.defaults.silent_tail else 0


def sampled_frames(frames: int) -> int:
    """How many frames at 12.5 a second are sampled for `frames` at 25: with those between them they are enough."""
    return frames // 2 + 1


@torch.no_grad()
def prepare_photograph(
    models: PhotographSet,
    speech: Speech,
    regions: FaceRegions,
    talk: PhotographTalk,
    on_stage: OnStage | None = None,
) -> PhotographVideo:
    """From speech, portrait and emotion to all that drives the backbone. InputError where the emotion does not fit."""
    report = None if on_stage is None else lambda done, total: on_stage(AUDIO, done, total)
    encoder = models.speech_encoder
    half_frames = encode_half_frames(lambda samples: encoder(encoder.mel(samples)), speech, report)
    picture = models.picture_encoder(regions.crop)  # [1, c]
    crop = regions.crop[None].to(models.device)
    return photograph_video(
        models.encoders,
        half_frames.to(models.device, models.dtype),
        picture=picture,
        portrait_latent=encode_mode(models.vae, crop)[0],
        scale=float(models.vae.config.scaling_factor),
        face_mask=box_mask_around(regions.face_mask, FACE_GROWTH).to(models.device, models.dtype),
        talk=talk,
        motion_buckets=(models.defaults.motion_bucket, models.defaults.expression_bucket),
        tail=silent_tail(models, talk),
    )


def photograph_video(
    encoders: PhotographEncoders,
    half_frames: torch.Tensor,
    *,
    picture: torch.Tensor,
    portrait_latent: torch.Tensor,
    scale: float,
    face_mask: torch.Tensor,
    talk: PhotographTalk,
    motion_buckets: tuple[float | None, float | None],
    tail: int,
) -> PhotographVideo:
    """What the encoders make of it all. half_frames [2n, c] for n frames at 25 a second · picture [1, c] ·
    portrait_latent [4, h, w] · face_mask [1, H, W] · motion_buckets: the weights' own · tail: silent frames after it.
    """
    config, frames = encoders.config, half_frames.shape[0] // 2
    sampled = sampled_frames(frames)
    windows = half_frame_windows(half_frames, heard=config.half_frames, frames=frames + 1)[::2]  # [sampled, 10, c]
    unheard = torch.zeros_like(windows[:1])
    said = [encoders.speech_tokens(torch.cat((windows, unheard)).flatten(1))]  # the last row: nothing heard
    if encoders.emotion_tokens is not None:
        said.append(_emotion_tokens(encoders, talk.emotion, frames, sampled, like=half_frames))
    elif talk.emotion is not None:
        raise InputError(
            "These weights know no emotions, but one was given; use DICE-Talk's, or leave the emotion out."
        )
    tokens = tuple(torch.cat((rows[:-1], rows[-1:].expand(tail, -1, -1))) for rows in said)
    buckets = _buckets(encoders, half_frames, picture, frames, motion_buckets, talk.motion)
    buckets = torch.cat((buckets, buckets[-1:].expand(tail, -1)))
    guide = None if encoders.face_guide is None else encoders.face_guide(face_mask[None])[0]
    return PhotographVideo(
        portrait_latent=portrait_latent,
        scale=scale,
        picture=picture[0],
        tokens=tokens,
        unsaid=tuple(rows[-1] for rows in said),
        strengths=(talk.lip_strength, talk.emotion_strength)[: len(said)],
        face_mask=face_mask,
        buckets=buckets.float(),
        face_guide=guide,
    )


@torch.no_grad()
def render_photograph(
    models: PhotographSet,
    video: PhotographVideo,
    frames: int,
    talk: PhotographTalk,
    on_stage: OnStage | None = None,
    unfinished: UnfinishedFilm | None = None,
    processes: Processes = ALONE,
) -> Iterator[torch.Tensor]:
    """The backbone in windows, the VAE's decoder, the frames between: chunks [k, 3, s, s], RGB in 0…1, `frames` in all
    at 25 a second.

    unfinished: this film's own, see `unfinished_photograph`; each step, and each chunk of frames rounded to 8 bits, are
    kept in it, and taken up again · processes: those that sample it together, all of which make this call; only the
    first one decodes.
    """
    report = None if on_stage is None else lambda done, total: on_stage(VIDEO, done, total)
    latents = sample_photograph(models.unet, video, talk.video, report, unfinished=unfinished, processes=processes)
    if not processes.first:
        return
    latents = latents[: sampled_frames(frames)]
    side = latents.shape[-1] * models.vae.config.pixels_per_latent
    together = frames_at_once(side, side)

    def frames_from(first: int) -> Iterator[torch.Tensor]:
        decoded = decode_chunks(models.vae, latents, chunk=together, first=first // 2)
        here = (chunk.cpu() for chunk in decoded)
        return doubled(here, frames - first, interpolate=talk.interpolate, passed_over=first % 2)

    chunks = frames_from(0)
    if unfinished is not None:
        chunks = unfinished.chunks(frames, side, frames_from, FollowsNothing(), torch.device("cpu"))
    done = 0
    for chunk in chunks:
        yield chunk
        done += chunk.shape[0]
        if on_stage is not None:
            on_stage(DECODING, done, frames)


def unfinished_photograph(
    root: Path, models: PhotographSet, video: PhotographVideo, frames: int, talk: PhotographTalk
) -> UnfinishedFilm:
    """Where what `render_photograph` has done so far is kept, below `root`, by everything that it depends on."""
    makes = (__version__, torch.__version__, models.device, models.unet, models.vae)
    return UnfinishedFilm(root, film_key(*makes, video, frames, talk.video, talk.interpolate))


def _emotion_tokens(
    encoders: PhotographEncoders, emotion: Emotion | None, frames: int, sampled: int, *, like: torch.Tensor
) -> torch.Tensor:
    """[sampled + 1, t, c]: of each frame, and last where nothing is felt."""
    assert encoders.emotion_tokens is not None
    width = encoders.config.emotion_dim
    unfelt = like.new_zeros(1, width)
    if emotion is None:
        return encoders.emotion_tokens(unfelt).expand(sampled + 1, -1, -1)
    values = emotion.values.to(like)
    if values.shape[-1] != width:
        raise InputError(
            f"The emotion is {values.shape[-1]} wide, but these weights take {width}; choose it from the codebook that "
            "was converted with them."
        )
    if values.dim() == 1:
        felt, none = encoders.emotion_tokens(torch.stack((values, unfelt[0])))[:, None]
        return torch.cat((felt.expand(sampled, -1, -1), none))
    if values.shape[0] != frames:
        raise InputError(
            f"The emotion changes over {values.shape[0]} frames, but the speech has {frames}; make it from the same "
            "speech."
        )
    places = (2 * torch.arange(sampled)).clamp(max=frames - 1)
    return encoders.emotion_tokens(torch.cat((values[places], unfelt)))


def _buckets(
    encoders: PhotographEncoders,
    half_frames: torch.Tensor,
    picture: torch.Tensor,
    frames: int,
    own: tuple[float | None, float | None],
    motion: float | None,
) -> torch.Tensor:
    """Motion and expression [sampled, 2]: the weights' own numbers, or what they read in the speech."""
    config = encoders.config
    if encoders.motion_buckets is not None:
        last = half_frames[:, -config.speech_width :]
        heard = config.bucket_half_frames
        windows = half_frame_windows(last, heard // 2 - 1, heard, frames + 1)[::2]  # [sampled, 50, width]
        buckets = encoders.motion_buckets(windows.flatten(1), picture)
    else:
        if own[0] is None or own[1] is None:
            raise SettingsError("These weights neither say how much a head moves nor read it; convert them again.")
        buckets = half_frames.new_tensor([own]).expand(sampled_frames(frames), -1)
    if motion is not None:
        buckets = torch.stack((torch.full_like(buckets[:, 0], motion), buckets[:, 1]), dim=1)
    return buckets
