"""The drawn heads that a recipe learns from, rendered once and written as clips of `training/source.py`'s form.

By kind, all deterministic from the seed: *stills* (one identity at one head pose with many faces: pairs for
reconstruction), the same people *turned* another way, *clips* (talking heads with sound, and a few *portraits* each),
the same *held* still, and *speech* (clips without pictures: sound, phonemes, and what the face would do). Making them
can be killed and goes on where it stopped, shard by shard.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..synthesis.clip import SAMPLES_PER_FRAME, TalkingClip, make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.identity import Identity, sample_identity
from ..synthesis.people.person import Person
from ..synthesis.phonemes import phoneme_classes
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import Head, head_geometry, render_head
from ..training.loop import OnStep
from ..training.ranges import at_least
from ..training.source import Clip
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..types import EMOTIONS, FRAMES_PER_SECOND
from .shard_pool import shards_made

FEATURES_PER_FRAME = 2  # Wav2Vec2 runs at 50 Hz
TURNED_EACH = 2
_STILLS_IN_SHARD, _CLIPS_IN_SHARD = 16, 4


@dataclass(frozen=True)
class DrawnSettings:
    """How many drawn heads are made. stills: identities × pictures, each with its own expression, mouth and the
    identity's own pose; clips: talking clips of `clip_frames` frames, each with its own identity and `references`
    portraits of it; held: the first `held_frames` frames of the same clips with the head held still · held_out_stills,
    held_out_clips: more of each, for validation · picture: size in pixels · fine: whether stills and held clips have
    pictures of twice that size too, as rendered people have · workers: processes that draw, 0: this one.
    """

    still_identities: int = 2400
    stills_each: int = 8
    clips: int = 150
    clip_frames: int = 220
    references: int = 4
    held_frames: int = 80
    speech_clips: int = 900
    held_out_stills: int = 16
    held_out_clips: int = 4
    picture: int = 128
    fine: bool = False
    workers: int = 2

    def __post_init__(self) -> None:
        at_least(1, self, "clip_frames", "stills_each", "references", "held_frames", "picture")
        counts = ("still_identities", "clips", "speech_clips", "held_out_stills", "held_out_clips")
        at_least(0, self, *counts, "workers")


def prepare_drawn_heads(folder: Path, seed: int, settings: DrawnSettings, on_step: OnStep | None) -> None:
    """Draw what is still missing in `folder`, with `settings.workers` processes."""
    for kind in MAKERS:
        prepare_kind(kind, folder, seed, settings, on_step)


def prepare_kind(kind: str, folder: Path, seed: int, settings: DrawnSettings, on_step: OnStep | None) -> None:
    """The clips of one kind: "stills", "turned", "clips" (and their portraits), "held" or "speech"."""
    writer = SourceWriter(folder)
    each = _STILLS_IN_SHARD if kind in ("stills", "turned") else _CLIPS_IN_SHARD
    wanted, held_out = _counts(settings)[kind]
    numbers = list(range(wanted + held_out))
    shards = {f"{kind}-{start:05d}.safetensors": numbers[start : start + each] for start in numbers[::each]}
    there = writer.shards()
    missing = {name: items for name, items in shards.items() if name not in there}
    if not missing:
        return
    done = len(numbers) - sum(map(len, missing.values()))
    jobs = {name: (kind, folder, name, items, seed, settings) for name, items in missing.items()}
    for name, lines in shards_made(_make_shard, jobs, settings.workers):
        writer.add(lines)
        done += len(missing[name])
        if on_step is not None:
            on_step(f"drawing {kind}", done, len(numbers), {})


def _counts(settings: DrawnSettings) -> dict[str, tuple[int, int]]:
    """By kind: how many are trained on, and how many are held out."""
    stills = (settings.still_identities, settings.held_out_stills)
    clips = (settings.clips, settings.held_out_clips)
    return {
        "stills": stills,
        "turned": stills,
        "clips": clips,
        "held": clips,
        "speech": (settings.speech_clips, settings.held_out_clips),
    }


def _make_shard(
    kind: str, folder: Path, name: str, numbers: list[int], seed: int, settings: DrawnSettings
) -> list[str]:
    wanted, _ = _counts(settings)[kind]
    written = [clip for i in numbers for clip in MAKERS[kind](i, seed, settings, held_out=i >= wanted)]
    return write_shard(folder, name, written)


def _make_stills(index: int, seed: int, settings: DrawnSettings, *, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 1, index])
    identity = _still_identity(index, seed)
    pose = random_pose(rng)
    states = [random_state(rng, pose) for _ in range(settings.stills_each)]
    clip = Clip(f"stills/{index:05d}", person_of(identity), "stills", len(states), held_out)
    return [WrittenClip(clip, faces_and_truth(identity, states, settings.picture, fine=settings.fine))]


def _make_turned(index: int, seed: int, settings: DrawnSettings, *, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 5, index])
    identity = _still_identity(index, seed)
    states = [random_state(rng, random_pose(rng, 1.5)) for _ in range(TURNED_EACH)]
    stills = f"stills/{index:05d}"
    clip = Clip(f"turned/{index:05d}", person_of(identity), "turned", len(states), held_out, portraits=stills)
    return [WrittenClip(clip, faces_and_truth(identity, states, settings.picture))]


def _make_clip(index: int, seed: int, settings: DrawnSettings, *, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 2, index])
    talk = talk_of(index, seed, settings.clip_frames)
    states = [(talk.state(i), EMOTIONS.index(talk.emotion)) for i in range(settings.clip_frames)]
    fields = {**faces_and_truth(talk.identity, states, settings.picture), **sound_of(talk)}
    portraits = [random_state(rng, random_pose(rng, 0.5)) for _ in range(settings.references)]
    person, names = person_of(talk.identity), (f"clips/{index:05d}", f"portraits/{index:05d}")
    return [
        WrittenClip(Clip(names[0], person, "clips", len(states), held_out, portraits=names[1]), fields),
        portraits_of(names[1], talk.identity, portraits, settings.picture, held_out=held_out),
    ]


def _make_held(index: int, seed: int, settings: DrawnSettings, *, held_out: bool) -> list[WrittenClip]:
    rng = np.random.default_rng([seed, 4, index])
    talk = talk_of(index, seed, settings.clip_frames)
    pose = random_pose(rng, 0.5)
    still = [dataclasses.replace(talk.state(i), pose=pose, gaze=np.zeros(2)) for i in range(settings.held_frames)]
    pixels = pictures_of(talk.identity, still, settings.picture, fine=settings.fine)
    if settings.fine:
        pixels |= places_of(talk.identity, still, settings.picture)
    portraits = [random_state(rng, pose) for _ in range(settings.references)]
    person, names = person_of(talk.identity), (f"held/{index:05d}", f"held_portraits/{index:05d}")
    clip = Clip(names[0], person, "held", len(still), held_out, portraits=names[1], performance=f"clips/{index:05d}")
    return [
        WrittenClip(clip, pixels),
        portraits_of(names[1], talk.identity, portraits, settings.picture, held_out=held_out),
    ]


def _make_speech(index: int, seed: int, settings: DrawnSettings, *, held_out: bool) -> list[WrittenClip]:
    talk = make_clip(700_000 + seed * 1_000 + index, "train", frames=settings.clip_frames)
    clip = Clip(f"speech/{index:05d}", person_of(talk.identity), "speech", settings.clip_frames, held_out)
    return [WrittenClip(clip, heard_fields(talk))]


MAKERS: dict[str, Callable[..., list[WrittenClip]]] = {
    "stills": _make_stills,
    "turned": _make_turned,
    "clips": _make_clip,
    "held": _make_held,
    "speech": _make_speech,
}


def talk_of(index: int, seed: int, frames: int) -> TalkingClip:
    """What the drawn clip of that number says and shows."""
    return make_clip(400_000 + seed * 1_000 + index, "train", frames=frames)


def _still_identity(index: int, seed: int) -> Identity:
    return sample_identity(seed * 10_000 % 300_000 + index)


def person_of(identity: Head) -> str:
    """The name that a source knows a person by."""
    return f"{'rendered' if isinstance(identity, Person) else 'drawn'}-{identity.seed}"


def portraits_of(
    name: str, identity: Head, states: list[tuple[HeadState, int]], size: int, *, held_out: bool
) -> WrittenClip:
    """Pictures that stand for a person beside its clips."""
    clip = Clip(name, person_of(identity), "portraits", len(states), held_out, portraits=name)
    return WrittenClip(clip, faces_and_truth(identity, states, size))


def faces_and_truth(
    identity: Head, states: list[tuple[HeadState, int]], size: int, *, fine: bool = False
) -> Mapping[str, np.ndarray]:
    """Pictures of one head, drawn or rendered, and the truth about them."""
    pixels = pictures_of(identity, [state for state, _ in states], size, fine=fine)
    return {**pixels, **truth_of(identity, states, size)}


def pictures_of(identity: Head, states: list[HeadState], size: int, *, fine: bool) -> dict[str, np.ndarray]:
    """Pictures of one head; fine: drawn at twice the size, and made small as a photograph is."""
    if not fine:
        return {"pictures": np.stack([render_head(identity, state, size) for state in states])}
    large = np.stack([render_head(identity, state, 2 * size) for state in states])
    small = large.reshape(len(large), size, 2, size, 2, 3).mean((2, 4), dtype=np.float32)
    return {"pictures": small.round().astype(np.uint8), "fine": large}


def truth_of(identity: Head, states: list[tuple[HeadState, int]], size: int) -> Mapping[str, np.ndarray]:
    """What pictures of that size show, number by number."""
    return {
        "mouth": _numbers([state.mouth for state, _ in states]),
        "action_units": _numbers([state.action_units for state, _ in states]),
        "pose": _numbers([state.pose for state, _ in states]),
        "eye": _numbers([(state.blink, *state.gaze) for state, _ in states]),
        **places_of(identity, [state for state, _ in states], size),
        "emotion": np.array([emotion for _, emotion in states], np.int16),
    }


def places_of(identity: Head, states: list[HeadState], size: int) -> dict[str, np.ndarray]:
    """Where face, lips, eyes and mouth are in pictures of that size."""
    places = [head_geometry(identity, state, size) for state in states]
    return {
        "face_box": _numbers([place.face_box for place in places]),
        "lip_box": _numbers([place.lip_box for place in places]),
        "eyes_mouth": _numbers([place.eyes_mouth for place in places]),
    }


def _numbers(rows: list) -> np.ndarray:
    return np.array(rows, np.float32)


def heard_fields(talk: TalkingClip) -> dict[str, np.ndarray]:
    """What is known of a clip that nobody draws: its sound, and what the face would do."""
    truth = {"mouth": talk.mouth, "action_units": talk.action_units, "pose": talk.pose}
    truth["eye"] = np.column_stack([talk.blink, talk.gaze])
    return {**{name: values.astype(np.float32) for name, values in truth.items()}, **sound_of(talk)}


def sound_of(talk: TalkingClip) -> dict[str, np.ndarray]:
    """What is heard in a clip: samples [n*640], and phoneme classes [2n]."""
    samples = np.zeros(talk.frames * SAMPLES_PER_FRAME, np.float16)
    samples[: len(talk.samples)] = talk.samples[: len(samples)]
    length = talk.frames * FEATURES_PER_FRAME
    phonemes = phoneme_classes(talk.phonemes, length, rate=FRAMES_PER_SECOND * FEATURES_PER_FRAME)
    return {"samples": samples, "phonemes": phonemes.astype(np.int16)}
