"""Rendered people, written to disk as clips of `training/source.py`'s form, beside or instead of drawn heads.

    python -m emotivetalk_core.recipes.rendered_people FOLDER [--stills 3000] [--clips 300] [--workers 1]

By kind, as `drawn_heads` has them and under the same names: *stills* (one person at one head pose with many faces),
the same people *turned* another way, and *clips* (talking, with sound) with a few *portraits* each; each with the
face's truth, its landmarks and its 52 face units. All are deterministic from the seed; making them can be killed and
goes on where it stopped, shard by shard. Heads turn up to thirty degrees; looks are mixed as `sample_person` mixes
them.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..synthesis.clip import make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.people.person import Person, sample_person
from ..synthesis.people.truth import face_unit_weights, landmarks
from ..synthesis.random_faces import random_state
from ..training.loop import OnStep
from ..training.source import Clip
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..types import EMOTIONS
from .drawn_heads import faces_and_truth, person_of, portraits_of, sound_of
from .shard_pool import shards_made

KINDS = ("stills", "turned", "clips")
_IN_SHARD = {"stills": 8, "turned": 24, "clips": 2}
_TURNED_EACH = 2
_POSE_SPREAD = np.array([0.21, 0.12, 0.08, 0.015, 0.012, 0.015])
_POSE_LIMIT = np.array([np.pi / 6, np.pi / 8, np.pi / 10, 0.04, 0.03, 0.04])


_ShardJob = tuple[float, str, str, list[int]]
"""How late in its kind a shard is made, the kind, its name, and the numbers of its clips."""


@dataclass(frozen=True)
class RenderedSettings:
    """How many are made: stills are people, each with `stills_each` pictures; clips have `clip_frames` frames, a person
    of their own and `references` portraits · held_out_stills, held_out_clips: more of each, for validation, of people
    of the test split · picture: size in pixels · workers: processes, 0: this one.
    """

    stills: int = 3000
    stills_each: int = 8
    clips: int = 300
    clip_frames: int = 120
    references: int = 4
    held_out_stills: int = 32
    held_out_clips: int = 8
    picture: int = 256
    workers: int = 1


def prepare_rendered_people(
    folder: Path,
    seed: int,
    settings: RenderedSettings,
    on_step: OnStep | None = None,
    *,
    kinds: Sequence[str] = KINDS,
) -> None:
    """Render what is still missing of these kinds in `folder`; kinds take turns, so that early stages can begin."""
    writer = SourceWriter(folder)
    there = writer.shards()
    jobs: list[_ShardJob] = []
    for kind in kinds:
        count = sum(_counts(kind, settings))
        # Those held out come first: whatever is measured early is measured on all of them.
        numbers = [*range(_counts(kind, settings)[0], count), *range(_counts(kind, settings)[0])]
        for first in range(0, count, _IN_SHARD[kind]):
            name = f"{kind}-{first:05d}.safetensors"
            if name not in there:
                jobs.append((first / count, kind, name, numbers[first : first + _IN_SHARD[kind]]))
    jobs.sort()
    work = {name: (kind, folder, name, numbers, seed, settings) for _, kind, name, numbers in jobs}
    for done, (_, lines) in enumerate(shards_made(_make_shard, work, settings.workers), 1):
        writer.add(lines)
        if on_step is not None:
            on_step("rendering people", done, len(jobs), {})


def _counts(kind: str, settings: RenderedSettings) -> tuple[int, int]:
    """How many are trained on, and how many are held out."""
    if kind == "clips":
        return settings.clips, settings.held_out_clips
    return settings.stills, settings.held_out_stills


def _make_shard(
    kind: str, folder: Path, name: str, numbers: list[int], seed: int, settings: RenderedSettings
) -> list[str]:
    wanted, _ = _counts(kind, settings)
    make = {"stills": _make_stills, "turned": _make_turned, "clips": _make_clip}[kind]
    return write_shard(folder, name, [clip for i in numbers for clip in make(i, seed, settings, i >= wanted)])


def _make_stills(index: int, seed: int, settings: RenderedSettings, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 11, index])
    person, pose = _still_person(index, seed, held_out), person_pose(rng)
    states = [random_state(rng, pose) for _ in range(settings.stills_each)]
    clip = Clip(f"stills/{index:05d}", person_of(person), "stills", len(states), held_out)
    return [WrittenClip(clip, _fields(person, states, settings.picture))]


def _make_turned(index: int, seed: int, settings: RenderedSettings, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 15, index])
    person = _still_person(index, seed, held_out)
    states = [random_state(rng, person_pose(rng)) for _ in range(_TURNED_EACH)]
    names = f"turned/{index:05d}", f"stills/{index:05d}"
    clip = Clip(names[0], person_of(person), "turned", len(states), held_out, portraits=names[1])
    return [WrittenClip(clip, _fields(person, states, settings.picture))]


def _make_clip(index: int, seed: int, settings: RenderedSettings, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 12, index])
    number, split = 900_000 + seed * 1_000 + index, "test" if held_out else "train"
    talk = make_clip(number, split, frames=settings.clip_frames, heads="rendered")
    states = [(talk.state(i), EMOTIONS.index(talk.emotion)) for i in range(settings.clip_frames)]
    person = talk.identity
    assert isinstance(person, Person)
    fields = {**_fields(person, states, settings.picture), **sound_of(talk)}
    portraits = [
        random_state(rng, 0.5 * (person_pose(rng) - _STRAIGHT) + _STRAIGHT) for _ in range(settings.references)
    ]
    names = f"clips/{index:05d}", f"portraits/{index:05d}"
    return [
        WrittenClip(Clip(names[0], person_of(person), "clips", len(states), held_out, portraits=names[1]), fields),
        portraits_of(names[1], person, portraits, settings.picture, held_out=held_out),
    ]


_STRAIGHT = np.array([0, 0, 0, 0, 0, 1.0])


def person_pose(rng: np.random.Generator) -> np.ndarray:
    """Mostly towards the viewer, at times up to thirty degrees away."""
    return np.clip(rng.normal(0, 1, 6) * _POSE_SPREAD, -_POSE_LIMIT, _POSE_LIMIT) + _STRAIGHT


def _still_person(index: int, seed: int, held_out: bool) -> Person:
    # The test split's people begin at a million, see clip.IDENTITY_SEEDS.
    return sample_person((1_900_000 if held_out else 300_000) + seed * 10_000 % 300_000 + index)


def _fields(person: Person, states: list[tuple[HeadState, int]], size: int) -> Mapping[str, np.ndarray]:
    truth = dict(faces_and_truth(person, states, size))
    truth["landmarks"] = np.stack([landmarks(person, state, size) for state, _ in states])
    truth["face_units"] = np.stack([face_unit_weights(person, state) for state, _ in states])
    return truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render people and write them as training data.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    for name in ("stills", "clips", "workers", "picture"):
        parser.add_argument(f"--{name}", type=int, default=getattr(RenderedSettings, name))
    given = vars(parser.parse_args())
    folder, seed = given.pop("folder"), given.pop("seed")
    prepare_rendered_people(
        folder,
        seed,
        replace(RenderedSettings(), **given),
        lambda _, done, count, figures: print(f"{done} of {count} shards", flush=True),
    )
