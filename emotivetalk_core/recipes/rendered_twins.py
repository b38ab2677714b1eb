"""Rendered people who do what drawn heads do, picture by picture, so that networks that know drawn heads can teach what
is to be seen of people.

By kind, named as those of drawn heads after the prefix `rendered_`, so that stages before these see none of them:
*stills* (one person at one head pose with many faces) and the same people *turned*, each picture with a `twin`, a drawn
head of the very same face and pose; and *clips* and *held*, which perform what the drawn clips of the same number do,
with *portraits*. Deterministic from the seed; making them goes on where it was stopped, shard by shard.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.people.person import Person, sample_person
from ..synthesis.people.render import require_renderer
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import render_head
from ..training.job import Job
from ..training.loop import OnStep
from ..training.ranges import at_least, shares
from ..training.source import Clip, Source
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..training.twins import TwinReadingSettings, train_twin_readings
from ..types import EMOTIONS
from .drawn_heads import faces_and_truth, person_of, pictures_of, talk_of, truth_of
from .shard_pool import shards_made

RENDERED = "rendered_"
_IN_SHARD = {"stills": 16, "clips": 2, "held": 2, "turned": 48}
_DRAWN = "clips/"
_TURNED = 1.5
"""How much further than drawn heads at rest, in `random_pose`'s measure."""


@dataclass(frozen=True)
class _Act:
    """The number of a person, or of the drawn clip that one performs, which has so many frames."""

    number: int
    held_out: bool
    frames: int = 0


@dataclass(frozen=True)
class TwinSettings:
    """stills: people, each with `stills_each` pictures · turned: the share of them who are shown turned, too · clips,
    clip_frames: talking, and as many held still; each performs the drawn clip of its number · references: portraits of
    each · held_out_stills, held_out_clips: more of each, for validation · workers: processes that render, 0: this one.
    """

    stills: int = 1000
    stills_each: int = 4
    turned: float = 1.0
    clips: int = 48
    clip_frames: int = 40
    references: int = 4
    held_out_stills: int = 24
    held_out_clips: int = 2
    workers: int = 2

    def __post_init__(self) -> None:
        at_least(1, self, "stills", "stills_each", "clip_frames", "references")
        at_least(0, self, "clips", "held_out_stills", "held_out_clips", "workers")
        shares(self, "turned")


@dataclass(frozen=True)
class PeopleReadingSettings(TwinReadingSettings):
    """people: who is rendered to learn from."""

    people: TwinSettings = field(default_factory=TwinSettings)


def train_on_twins(job: Job, settings: PeopleReadingSettings) -> None:
    """Renders people who do what the drawn heads of the training do, and teaches the motion encoder to read them."""
    if job.engine.processes.first:
        writer = SourceWriter(job.features, "index-twins")
        prepare_twins(writer, job.source(), job.seed, settings.people, job.preset.sampling.size, job.on_step)
    job.engine.processes.wait()
    train_twin_readings(job, settings)


def prepare_twins(
    writer: SourceWriter,
    drawn: Source,
    seed: int,
    settings: TwinSettings,
    size: int,
    on_step: OnStep | None = None,
) -> None:
    """Render what is still missing in the writer's folder, at that size; of every kind those held out come first, and
    all kinds grow together, so that a part of them is of use already. drawn: where the drawn clips lie. Raises
    SettingsError where the renderer is not installed.
    """
    require_renderer()
    there, jobs = writer.shards(), []
    performed = {held_out: _performed(drawn, held_out=held_out) for held_out in (True, False)}
    acted = [*performed[True][: settings.held_out_clips], *performed[False][: settings.clips]]
    more = settings.stills + settings.held_out_stills
    shown = [
        _Act(number, number >= settings.stills) for number in (*range(settings.stills, more), *range(settings.stills))
    ]
    turned = shown[: settings.held_out_stills + round(settings.turned * settings.stills)]
    for kind, acts in {"stills": shown, "clips": acted, "held": acted, "turned": turned}.items():
        for first in range(0, len(acts), _IN_SHARD[kind]):
            name = f"twins-{kind}-{first:05d}.safetensors"
            if name not in there:
                work = kind, writer.folder, name, acts[first : first + _IN_SHARD[kind]], seed, settings, size
                jobs.append((first / len(acts), name, work))
    together = {name: work for _, name, work in sorted(jobs, key=lambda job: job[:2])}
    for done, (_, lines) in enumerate(shards_made(_make_shard, together, settings.workers), 1):
        writer.add(lines)
        if on_step is not None:
            on_step("rendering people", done, len(jobs), {})


def _performed(drawn: Source, *, held_out: bool) -> list[_Act]:
    """The drawn clips that can be performed, by number."""
    clips = drawn.clips("clips", "samples", held_out=held_out)
    numbers = sorted((int(clip.id.removeprefix(_DRAWN)), clip.frames) for clip in clips if clip.id.startswith(_DRAWN))
    return [_Act(number, held_out, frames) for number, frames in numbers]


def _make_shard(
    kind: str, folder: Path, name: str, acts: list[_Act], seed: int, settings: TwinSettings, size: int
) -> list[str]:
    return write_shard(folder, name, [clip for act in acts for clip in _MAKERS[kind](act, seed, settings, size)])


def _make_stills(act: _Act, seed: int, settings: TwinSettings, size: int) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 31, act.number])
    pose = random_pose(rng)
    states = [random_state(rng, pose) for _ in range(settings.stills_each)]
    person, name = _still_person(act.number, seed), f"twin_stills/{act.number:05d}"
    clip = Clip(name, person_of(person), f"{RENDERED}stills", len(states), act.held_out)
    return [WrittenClip(clip, _with_twins(person, states, size, [seed, 32, act.number]))]


def _make_turned(act: _Act, seed: int, settings: TwinSettings, size: int) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 33, act.number])
    states = [random_state(rng, random_pose(rng, _TURNED))]
    person, stills = _still_person(act.number, seed), f"twin_stills/{act.number:05d}"
    clip = Clip(
        f"twin_turned/{act.number:05d}", person_of(person), f"{RENDERED}turned", 1, act.held_out, portraits=stills
    )
    return [WrittenClip(clip, _with_twins(person, states, size, [seed, 34, act.number]))]


def _make_clip(act: _Act, seed: int, settings: TwinSettings, size: int) -> list[WrittenClip]:
    rng, talk = np.random.default_rng([seed, 35, act.number]), talk_of(act.number, seed, act.frames)
    states = [talk.state(i) for i in range(min(settings.clip_frames, act.frames))]
    portraits = [random_state(rng, random_pose(rng, 0.5))[0] for _ in range(settings.references)]
    return _performance("clips", act, states, portraits, talk.emotion, seed, size)


def _make_held(act: _Act, seed: int, settings: TwinSettings, size: int) -> list[WrittenClip]:
    rng, talk = np.random.default_rng([seed, 36, act.number]), talk_of(act.number, seed, act.frames)
    pose = random_pose(rng, 0.5)
    states = [
        dataclasses.replace(talk.state(i), pose=pose, gaze=np.zeros(2))
        for i in range(min(settings.clip_frames, act.frames))
    ]
    portraits = [random_state(rng, pose)[0] for _ in range(settings.references)]
    return _performance("held", act, states, portraits, talk.emotion, seed, size)


_MAKERS: dict[str, Callable[..., list[WrittenClip]]] = {
    "stills": _make_stills,
    "turned": _make_turned,
    "clips": _make_clip,
    "held": _make_held,
}


def _performance(
    kind: str,
    act: _Act,
    states: list[HeadState],
    portraits: list[HeadState],
    emotion: str,
    seed: int,
    size: int,
) -> list[WrittenClip]:
    """A person who performs a drawn clip, and portraits of them."""
    index, number = act.number, 400_000 + 2 * act.number + (kind == "held")
    person = _person(number, seed, held_out=act.held_out)
    names = f"twin_{kind}/{index:05d}", f"twin_{kind}_of/{index:05d}"
    shown = EMOTIONS.index(emotion)
    made = []
    for name, what, faces in ((names[0], kind, states), (names[1], "portraits", portraits)):
        told = [(state, shown) for state in faces]
        fields = faces_and_truth(person, told, size, fine=True)
        acts = f"{_DRAWN}{index:05d}" if what == kind else ""
        clip = Clip(
            name, person_of(person), RENDERED + what, len(faces), act.held_out, portraits=names[1], performance=acts
        )
        made.append(WrittenClip(clip, fields))
    return made


def _with_twins(
    person: Person, states: list[tuple[HeadState, int]], size: int, seed: list[int]
) -> Mapping[str, np.ndarray]:
    """A person's pictures, the truth about them, and of each a drawn head that does the same."""
    rng = np.random.default_rng(seed)
    twins = [render_head(sample_identity(int(rng.integers(1_000_000))), state, size) for state, _ in states]
    pixels = pictures_of(person, [state for state, _ in states], size, fine=True)
    return {**pixels, "twin": np.stack(twins), **truth_of(person, states, size)}


def _still_person(index: int, seed: int) -> Person:
    return _person(index, seed, held_out=False)  # nothing is measured on them; unseen people are the test split's


def _person(number: int, seed: int, *, held_out: bool) -> Person:
    return sample_person((1_400_000 if held_out else 100_000) + seed * 10_000 % 100_000 + number)
