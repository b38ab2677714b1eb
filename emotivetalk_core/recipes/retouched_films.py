"""Stage `retouch`, and what it learns from: people whose true pictures are known, as a weights folder's networks film
them.

Two kinds, `retouched_rendered` and `retouched_drawn`, each clip of a person of its own who talks and holds the head
still. First the truth is made, shard by shard, beside it the portrait and what drives the film, and of rendered people
from where in the portrait each place came; then the networks film it, which adds the fields `made`, `lip` and
`expression`. Deterministic from the seed; both go on where they were stopped.
"""

import dataclasses
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ..device import pick_picture_dtype
from ..errors import InputError, SettingsError
from ..face.crops import box_masks, pictures
from ..face.head_motion import BLINK
from ..models.face_reading import read_faces
from ..models.model_set import ModelSet, load_model_set
from ..pipeline import default_settings, encode_windows, lip_latents, portrait_conditions, read_face, render
from ..sampling.video import fast
from ..synthesis.action_units import emotion_action_units
from ..synthesis.clip import IDENTITY_SEEDS, make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.people.person import Person
from ..synthesis.people.render import require_renderer
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import Head
from ..training.job import Job
from ..training.loop import OnStep
from ..training.ranges import at_least
from ..training.retouching import RetouchingSettings, train_retoucher
from ..training.source import Clip, Source
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..types import CropRecord, FaceRegions, Speech
from .drawn_heads import person_of, pictures_of, places_of, sound_of
from .shard_pool import shards_made

KINDS = {"rendered": "retouched_rendered", "drawn": "retouched_drawn"}
_IN_SHARD = 4
_AT_REST, _SMILING, _BLINKING = 0.4, 0.3, 0.6
"""Shares of the films: those whose portrait's face is at rest, those where it smiles and shows its teeth, as people do
in photographs, and those with one blink more than a second has by itself.
"""
_FAST, _SPOKEN = 0.6, 0.25
"""Shares of those that are sampled in the fast mode, and of those whose lips are what the speech asks for, where
others' are what is seen.
"""


@dataclass(frozen=True)
class RetouchedFilmSettings:
    """rendered, drawn: how many people of either kind are filmed · frames: of each film · every: so far apart are the
    frames that are kept, with their truth · held_out: more people of each kind, for validation · workers: processes
    that draw and render, 0: this one; the networks compute in this one.
    """

    rendered: int = 600
    drawn: int = 200
    frames: int = 24
    every: int = 2
    held_out: int = 8
    workers: int = 2

    def __post_init__(self) -> None:
        at_least(1, self, "frames", "every")
        at_least(0, self, "rendered", "drawn", "held_out", "workers")
        if self.frames % self.every:
            raise SettingsError(
                f"frames is {self.frames} and every is {self.every}; give frames that are a multiple of every."
            )
        if not self.rendered + self.drawn:
            raise SettingsError("rendered and drawn are both 0; give a number of people to film.")


@dataclass(frozen=True)
class RetouchSettings(RetouchingSettings):
    """films: what is made to learn from."""

    films: RetouchedFilmSettings = field(default_factory=RetouchedFilmSettings)


def train_retouch(job: Job, settings: RetouchSettings) -> None:
    """Makes people and films them with the networks that are there by now, and teaches the retoucher by them."""
    if job.engine.processes.first:
        writer = SourceWriter(job.features, "index-retouched")
        prepare_people(writer, job.seed, settings.films, job.preset.sampling.size, job.on_step)
    job.engine.processes.wait()
    train_on_people(job, settings)


def train_on_people(job: Job, settings: RetouchingSettings) -> None:
    """Films the people of the data with the networks that are there, and teaches the retoucher by them."""
    if job.engine.processes.first:
        film_people(job, settings.kinds)
    job.engine.processes.wait()
    train_retoucher(job, settings)


def prepare_people(
    writer: SourceWriter, seed: int, settings: RetouchedFilmSettings, size: int, on_step: OnStep | None = None
) -> None:
    """Make what is still missing in the writer's folder, for networks that see crops of that size: the truth, those
    held out first, both kinds in turn. Raises SettingsError where people are wanted and the renderer is not installed.
    """
    if settings.rendered:
        require_renderer()
    there, jobs = writer.shards(), []
    for heads, kind in KINDS.items():
        count = getattr(settings, heads)
        numbers = [*range(count, count + settings.held_out), *range(count)] if count else []
        for first in range(0, len(numbers), _IN_SHARD):
            name = f"{kind}-{first:05d}.safetensors"
            if name not in there:
                work = writer.folder, name, heads, numbers[first : first + _IN_SHARD], seed, settings, size
                jobs.append((first / len(numbers), name, work))
    together = {name: work for _, name, work in sorted(jobs, key=lambda job: job[:2])}
    for done, (_, lines) in enumerate(shards_made(_make_shard, together, settings.workers), 1):
        writer.add(lines)
        if on_step is not None:
            on_step("people to retouch", done, len(jobs), {})


def _make_shard(
    folder: Path, name: str, heads: str, numbers: list[int], seed: int, settings: RetouchedFilmSettings, size: int
) -> list[str]:
    count = getattr(settings, heads)
    people = [_person(heads, number, seed, settings, size, held_out=number >= count) for number in numbers]
    return write_shard(folder, name, people)


def _person(
    heads: str, number: int, seed: int, settings: RetouchedFilmSettings, size: int, *, held_out: bool
) -> WrittenClip:
    """Who talks where they stand: frames that are kept, a portrait of the same pose, and what drives the film."""
    rng = np.random.default_rng([seed, 41, tuple(KINDS).index(heads), number])
    split, frames = "test" if held_out else "train", settings.frames
    talk = make_clip(800_000 + seed * 1_000 + number, split, frames=2 * frames, heads=heads)
    pose = random_pose(rng, 0.5)
    states = [dataclasses.replace(talk.state(frames + i), pose=pose) for i in range(frames)]
    before = _photographed(rng, pose)
    # motion is read off drawn heads best, whoever shows it
    double = talk.identity if heads == "drawn" else sample_identity(int(rng.integers(*IDENTITY_SEEDS[split])))
    if rng.random() < _BLINKING:
        states = _with_a_blink(states, int(rng.integers(frames)))
    portrait = _seen(talk.identity, [before], size)
    kept = states[:: settings.every]
    # with more people later, those held out still are nobody else
    name = f"held-{number - getattr(settings, heads):05d}" if held_out else f"{number:05d}"
    clip = Clip(f"{KINDS[heads]}/{name}", person_of(talk.identity), KINDS[heads], len(kept), held_out)
    fields = {
        **_seen(talk.identity, kept, size),
        **{f"portrait_{name}": value for name, value in portrait.items()},
        "driving": pictures_of(double, states, size, fine=True)["pictures"],
        "samples": sound_of(talk)["samples"],
    }
    if isinstance(talk.identity, Person):
        from ..synthesis.people.correspondence import correspondences

        found = correspondences(talk.identity, kept, before, 2 * size)
        fields |= {"offset": np.stack([each.offset for each in found]).astype(np.float16)}
        fields |= {name: np.stack([getattr(each, name) for each in found]) for name in ("visible", "known", "teeth")}
    return WrittenClip(clip, fields)


def _photographed(rng: np.random.Generator, pose: np.ndarray) -> HeadState:
    """What a face does in its portrait."""
    how = rng.random()
    if how < _AT_REST:
        return replace(HeadState.rest(), pose=pose)
    if how > _AT_REST + _SMILING:
        return random_state(rng, pose)[0]
    smile = emotion_action_units("happy", float(rng.uniform(0.4, 1.0)))
    mouth = np.array([rng.uniform(0.1, 0.45), rng.uniform(0.2, 1.0), 0.0, rng.uniform(0.6, 1.0), 0.0])
    return HeadState(mouth, smile, pose, blink=0.0, gaze=rng.normal(0, 0.1, 2))


def _with_a_blink(states: list[HeadState], first: int) -> list[HeadState]:
    blinking = list(states)
    for i, (state, shut) in enumerate(zip(states[first:], BLINK), first):
        blinking[i] = replace(state, blink=max(state.blink, float(shut)))
    return blinking


def _seen(head: Head, states: list[HeadState], size: int) -> dict[str, np.ndarray]:
    return {**pictures_of(head, states, size, fine=True), **places_of(head, states, size)}


def film_people(job: Job, kinds: tuple[str, ...] = tuple(KINDS.values())) -> None:
    """Add `made` to the clips that lack it: the frames as they are finished, without the portrait's own resolution."""
    source, writer = job.source(), SourceWriter(job.features, "index-retouched-made")
    shards: dict[Path, list[Clip]] = {}
    for kind in kinds:
        for clip in source.clips(kind, "fine", "driving", "portrait_fine", "samples", held_out=None):
            if "expression" not in clip.fields:
                shards.setdefault(clip.field("fine").shard, []).append(clip)
    if not shards:
        return
    picture_dtype = pick_picture_dtype(job.device) if job.lowers_precision else None
    models = load_model_set(job.folder, job.device, picture_dtype=picture_dtype, verify=False)
    in_turn = sorted(shards, key=lambda shard: (shard.stem.rsplit("-")[-1], shard))
    for done, shard in enumerate(in_turn, 1):
        films = [_filmed(models, source, clip, job.seed) for clip in shards[shard]]
        writer.add(write_shard(writer.folder, f"made-{shard.name}", films))
        if job.on_step is not None:
            job.on_step("films to retouch", done, len(shards), {})


@torch.inference_mode()
def _filmed(models: ModelSet, source: Source, clip: Clip, seed: int) -> WrittenClip:
    rng, cpu, size = np.random.default_rng([seed, 42, *clip.id.encode()]), torch.device("cpu"), models.picture_size
    driving = pictures(source.read(clip, "driving").numpy(), cpu)
    if driving.shape[-1] != size:
        raise InputError(
            f"The pictures of {clip.id} are {driving.shape[-1]} pixels wide, and these weights see {size}; give "
            f'{{"drawn": {{"picture": {size}}}}} in a recipe, and another --out.'
        )
    face, lips = (box_masks(source.read(clip, f"portrait_{name}")[0], size, cpu) for name in ("face_box", "lip_box"))
    regions = FaceRegions(
        crop=pictures(source.read(clip, "portrait_pictures").numpy(), cpu)[0],
        face_mask=face,
        lip_mask=lips,
        record=CropRecord(0, 0, size, size, size),
        eyes_mouth=source.read(clip, "portrait_eyes_mouth")[0],
    )
    shown = read_faces(models.motion_encoder, driving, count=len(driving), device=models.device)
    usual, lip = default_settings(models), shown.lip
    if rng.random() < _SPOKEN:
        heard = encode_windows(models, Speech(source.read(clip, "samples").float()))
        lip = lip_latents(models, heard, usual)[-len(driving) :].float()
    video = replace(usual.video, seed=int(rng.integers(2**31)))
    usual = replace(usual, video=fast(video) if rng.random() < _FAST else video)
    conditions = portrait_conditions(models, regions, read_face(models, regions), lip, shown.expression, usual)
    every = len(driving) // clip.frames
    frames = torch.cat(list(render(models, conditions, usual)))[::every]
    motion = {"lip": lip[::every].cpu(), "expression": shown.expression[::every].cpu()}
    return WrittenClip(clip.id, {"made": (255 * frames.float().cpu()).round().byte().movedim(1, -1), **motion})
