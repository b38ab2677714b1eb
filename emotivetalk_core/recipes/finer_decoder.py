"""Stages `decoder` and `pictures`, and what they learn from: heads drawn at twice the size that the encoder sees, and
the latents that the backbone makes when it is to film the same. `pictures` sees the people whom the stage `twins` has
rendered as well.

By kind: *filmed* (drawn people talking, the head held still), with the latents of the VAE's encoder and beside them the
backbone's, driven by the truth; *seen* (rendered people, a few frames each), whom the backbone does not know, with the
encoder's alone. Deterministic from the seed; making them goes on where it was stopped.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.nn import functional as F

from ..face.crops import box_masks, pictures
from ..models.face_reading import read_faces
from ..models.model_set import ModelSet, load_model_set
from ..models.vae import encode_video
from ..pipeline import default_settings, portrait_conditions, read_face
from ..sampling.video import sample_video
from ..synthesis.clip import TalkingClip, make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import Head, head_geometry, render_head
from ..training.decoder import DecoderSettings, train_decoder
from ..training.job import Job
from ..training.loop import OnStep
from ..training.ranges import at_least
from ..training.source import Clip
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..training.vae_anew import AnewSettings, train_vae_anew
from ..types import CropRecord, FaceRegions
from .drawn_heads import person_of

KINDS = ("filmed", "seen")
_IN_SHARD = {"filmed": 2, "seen": 8}


@dataclass(frozen=True)
class FineFilmSettings:
    """filmed, seen: how many clips of either kind are made, each of a person of its own · filmed_frames, seen_frames:
    of each · held_out: of each kind, for validation.
    """

    filmed: int = 240
    seen: int = 240
    filmed_frames: int = 24
    seen_frames: int = 8
    held_out: int = 4

    def __post_init__(self) -> None:
        at_least(1, self, "filmed", "filmed_frames", "seen_frames")
        at_least(0, self, "seen", "held_out")


@dataclass(frozen=True)
class FinerDecoderSettings(DecoderSettings):
    """films: what is made to learn from."""

    films: FineFilmSettings = field(default_factory=FineFilmSettings)


def train_finer_decoder(job: Job, settings: FinerDecoderSettings) -> None:
    """Films drawn people with the networks that are there by now, and teaches the decoder by them."""
    _film(job, settings.films)
    train_decoder(job, settings)


@dataclass(frozen=True)
class PicturesSettings(AnewSettings):
    """made_films: drawn people whom the backbone films."""

    made_films: FineFilmSettings = field(default_factory=lambda: FineFilmSettings(filmed=96, seen=0, filmed_frames=16))


def train_pictures(job: Job, settings: PicturesSettings) -> None:
    """Films drawn people, and teaches the whole VAE by them and by the people who were rendered for the twins."""
    _film(job, settings.made_films)
    train_vae_anew(job, settings)


def _film(job: Job, films: FineFilmSettings) -> None:
    if job.engine.processes.first:
        models = load_model_set(job.folder, job.device, verify=False)
        writer = SourceWriter(job.features, "index-decoder")
        prepare_fine_films(writer, models, job.seed, films, job.preset.vae.finer, job.on_step)
    job.engine.processes.wait()


def prepare_fine_films(
    writer: SourceWriter,
    models: ModelSet,
    seed: int,
    settings: FineFilmSettings,
    finer: int,
    on_step: OnStep | None = None,
) -> None:
    """Make what is still missing in the writer's folder; both kinds in turn, those held out first. finer: how many
    times as large as the encoder's the pictures are.
    """
    there, jobs = writer.shards(), []
    for kind in KINDS:
        count = settings.filmed if kind == "filmed" else settings.seen
        numbers = [*range(count, count + settings.held_out), *range(count)] if count else []
        for first in range(0, len(numbers), _IN_SHARD[kind]):
            name = f"{kind}-{first:05d}.safetensors"
            if name not in there:
                jobs.append((first / len(numbers), kind, name, numbers[first : first + _IN_SHARD[kind]], count))
    for done, (_, kind, name, numbers, count) in enumerate(sorted(jobs), 1):
        make = _filmed if kind == "filmed" else _seen
        clips = [make(models, number, seed, settings, finer, held_out=number >= count) for number in numbers]
        writer.add(write_shard(writer.folder, name, clips))
        if on_step is not None:
            on_step("films for the decoder", done, len(jobs), {})


@torch.inference_mode()
def _filmed(
    models: ModelSet, number: int, seed: int, settings: FineFilmSettings, finer: int, *, held_out: bool
) -> WrittenClip:
    """A drawn head that talks where it stands, and as the backbone films it."""
    rng = np.random.default_rng([seed, 21, number])
    frames = settings.filmed_frames
    talk = make_clip(500_000 + seed * 1_000 + number, "test" if held_out else "train", frames=2 * frames)
    pose = random_pose(rng, 0.5)
    states = [dataclasses.replace(talk.state(frames + i), pose=pose) for i in range(frames)]
    rest = replace(HeadState.rest(), pose=pose)
    before = rest if rng.random() < 0.6 else random_state(rng, pose)[0]  # what the portrait shows
    size = models.picture_size
    truth = _drawn(talk.identity, states, finer * size)
    small = _small(truth, size)
    regions = _regions(talk.identity, before, size, finer)
    driving = read_faces(models.motion_encoder, small, count=frames, device=models.device)
    usual = default_settings(models)
    usual = replace(usual, video=replace(usual.video, seed=int(rng.integers(2**31))))
    conditions = portrait_conditions(
        models, regions, read_face(models, regions), driving.lip, driving.expression, usual
    )
    made = sample_video(models.ethd, conditions, frame_count=frames, settings=usual.video)
    return _clip("filmed", number, talk, held_out, truth, small, models, made)


@torch.inference_mode()
def _seen(
    models: ModelSet, number: int, seed: int, settings: FineFilmSettings, finer: int, *, held_out: bool
) -> WrittenClip:
    """A rendered person's neighbouring frames."""
    frames = settings.seen_frames
    talk = make_clip(
        600_000 + seed * 1_000 + number, "test" if held_out else "train", frames=2 * frames, heads="rendered"
    )
    size = models.picture_size
    truth = _drawn(talk.identity, [talk.state(frames + i) for i in range(frames)], finer * size)
    return _clip("seen", number, talk, held_out, truth, _small(truth, size), models)


def _clip(
    kind: str,
    number: int,
    talk: TalkingClip,
    held_out: bool,
    truth: np.ndarray,
    small: torch.Tensor,
    models: ModelSet,
    made: torch.Tensor | None = None,
) -> WrittenClip:
    clip = Clip(f"{kind}/{number:05d}", person_of(talk.identity), kind, len(truth), held_out)
    scale = models.vae.config.scaling_factor  # a source's latents are unscaled
    fields = {"latents": encode_video(models.vae, small.to(models.device)) / scale}
    fields |= {} if made is None else {"filmed": made / scale}
    return WrittenClip(clip, {"pictures": truth, **{name: value.half() for name, value in fields.items()}})


def _drawn(head: Head, states: Iterable[HeadState], size: int) -> np.ndarray:
    return np.stack([render_head(head, state, size) for state in states])


def _small(truth: np.ndarray, size: int) -> torch.Tensor:
    """Pictures [n, 3, s, s] as the encoder sees them."""
    return F.interpolate(pictures(truth, torch.device("cpu")), size=(size, size), mode="area")


def _regions(head: Head, state: HeadState, size: int, finer: int) -> FaceRegions:
    """The portrait, with the masks that the drawing itself knows."""
    geometry, cpu = head_geometry(head, state, size), torch.device("cpu")
    return FaceRegions(
        crop=_small(render_head(head, state, finer * size)[None], size)[0],
        face_mask=box_masks(geometry.face_box, size, cpu),
        lip_mask=box_masks(geometry.lip_box, size, cpu),
        record=CropRecord(0, 0, size, size, size),
        eyes_mouth=torch.from_numpy(geometry.eyes_mouth),
    )
