"""The drawn heads that the demo learns from, rendered once to memory-mapped arrays and read from there by every
stage.

Five sets, all deterministic from the seed: *stills* (one identity at one head pose with many faces: pairs for
reconstruction), the same people *turned* another way, *clips* (talking heads with sound and a few portraits each), the
same *held* still, and *speech* (clips without pictures: sound, phonemes, and what the face would do). Making them can
be killed and goes on where it stopped: each item has a flag that is set once it lies whole in the arrays.
"""

import dataclasses
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..synthesis.action_units import ACTION_UNITS
from ..synthesis.clip import make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.identity import Identity, sample_identity
from ..synthesis.phonemes import phoneme_classes
from ..synthesis.random_faces import random_pose, random_state
from ..synthesis.render import head_geometry, render_head
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE
from .settings import DataSettings

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
FEATURES_PER_FRAME = 2  # Wav2Vec2 runs at 50 Hz
TRUTH = {"mouth": 5, "action_units": len(ACTION_UNITS), "pose": 6, "eye": 3}  # eye: blink, gaze x, gaze y
BOXES = {"face_box": 4, "lip_box": 4}
TURNED_EACH = 2


@dataclass(frozen=True)
class TrainingData:
    """The sets, each a name -> memory-mapped array.

    stills: pixels [i, k, s, s, 3] uint8, mouth, action_units, pose, eye, face_box, lip_box [i, k, d], emotion [i, k]
    · turned: the same people, two pictures each, every one at a pose of its own · clips: pixels [c, n, s, s, 3], the
    same truth [c, n, d], emotion [c], samples [c, n·640], phonemes [c, 2n], reference_pixels [c, r, s, s, 3] with
    reference_face_box, reference_lip_box [c, r, 4] and reference_pose [c, r, 6] · held: pixels and references · speech:
    clips that are not drawn: samples, phonemes, emotion and the truth.
    """

    stills: dict[str, np.ndarray]
    clips: dict[str, np.ndarray]
    speech: dict[str, np.ndarray]
    held: dict[str, np.ndarray]
    turned: dict[str, np.ndarray]


def _write_face(
    arrays: dict[str, np.ndarray], where: tuple[int, ...], identity: Identity, state: HeadState, size: int
) -> None:
    arrays["pixels"][where] = render_head(identity, state, size)
    arrays["mouth"][where] = state.mouth
    arrays["action_units"][where] = state.action_units
    arrays["pose"][where] = state.pose
    arrays["eye"][where] = (state.blink, *state.gaze)
    geometry = head_geometry(identity, state, size)
    arrays["face_box"][where] = geometry.face_box
    arrays["lip_box"][where] = geometry.lip_box


def _make_still(folder: Path, index: int, seed: int, settings: DataSettings) -> None:
    arrays = open_set(folder)
    rng = np.random.default_rng([seed, 1, index])
    identity = sample_identity(seed * 10_000 % 300_000 + index)
    pose = random_pose(rng)
    for k in range(settings.stills_each):
        state, emotion = random_state(rng, pose)
        _write_face(arrays, (index, k), identity, state, settings.picture)
        arrays["emotion"][index, k] = emotion


def _make_turned(folder: Path, index: int, seed: int, settings: DataSettings) -> None:
    arrays = open_set(folder)
    rng = np.random.default_rng([seed, 5, index])
    identity = sample_identity(seed * 10_000 % 300_000 + index)
    for k in range(TURNED_EACH):
        state, emotion = random_state(rng, random_pose(rng, 1.5))
        _write_face(arrays, (index, k), identity, state, settings.picture)
        arrays["emotion"][index, k] = emotion


def _make_clip(folder: Path, index: int, seed: int, settings: DataSettings) -> None:
    arrays = open_set(folder)
    rng = np.random.default_rng([seed, 2, index])
    clip = make_clip(_clip_seed(seed, index), "train", frames=settings.clip_frames)
    for i in range(settings.clip_frames):
        _write_face(arrays, (index, i), clip.identity, clip.state(i), settings.picture)
    arrays["emotion"][index] = EMOTIONS.index(clip.emotion)
    _write_sound(arrays, index, clip.samples, clip.phonemes)
    for r in range(settings.references):
        state, _ = random_state(rng, random_pose(rng, 0.5))
        _write_reference(arrays, (index, r), clip.identity, state, settings.picture)


def _make_held(folder: Path, index: int, seed: int, settings: DataSettings) -> None:
    arrays = open_set(folder)
    rng = np.random.default_rng([seed, 4, index])
    clip = make_clip(_clip_seed(seed, index), "train", frames=settings.clip_frames)
    pose = random_pose(rng, 0.5)
    for i in range(settings.held_frames):
        state = dataclasses.replace(clip.state(i), pose=pose, gaze=np.zeros(2))
        arrays["pixels"][index, i] = render_head(clip.identity, state, settings.picture)
    for r in range(settings.references):
        _write_reference(arrays, (index, r), clip.identity, random_state(rng, pose)[0], settings.picture)


def _write_reference(
    arrays: dict[str, np.ndarray], where: tuple[int, ...], identity: Identity, state: HeadState, size: int
) -> None:
    geometry = head_geometry(identity, state, size)
    arrays["reference_pixels"][where] = render_head(identity, state, size)
    arrays["reference_pose"][where] = state.pose
    arrays["reference_face_box"][where] = geometry.face_box
    arrays["reference_lip_box"][where] = geometry.lip_box


def _clip_seed(seed: int, index: int) -> int:
    return 400_000 + seed * 1_000 + index


def _make_speech(folder: Path, index: int, seed: int, settings: DataSettings) -> None:
    arrays = open_set(folder)
    clip = make_clip(700_000 + seed * 1_000 + index, "train", frames=settings.clip_frames)
    arrays["emotion"][index] = EMOTIONS.index(clip.emotion)
    _write_sound(arrays, index, clip.samples, clip.phonemes)
    truth = {"mouth": clip.mouth, "action_units": clip.action_units, "pose": clip.pose}
    truth["eye"] = np.column_stack([clip.blink, clip.gaze])
    for name, values in truth.items():
        arrays[name][index] = values


def _write_sound(arrays: dict[str, np.ndarray], index: int, samples: np.ndarray, phonemes) -> None:
    length = arrays["samples"].shape[1]
    arrays["samples"][index, : len(samples)] = samples[:length]
    arrays["phonemes"][index] = phoneme_classes(
        phonemes, arrays["phonemes"].shape[1], rate=FRAMES_PER_SECOND * FEATURES_PER_FRAME
    )


MAKERS = {
    "stills": _make_still,
    "turned": _make_turned,
    "clips": _make_clip,
    "held": _make_held,
    "speech": _make_speech,
}


def _layout(settings: DataSettings) -> dict[str, dict[str, tuple[tuple[int, ...], str]]]:
    """Name of the set -> name of the array -> (shape, type)."""
    s, n = settings.picture, settings.clip_frames
    i, k, c, r = settings.still_identities, settings.stills_each, settings.clips, settings.references
    sound = {"samples": ((n * SAMPLES_PER_FRAME,), "f2"), "phonemes": ((n * FEATURES_PER_FRAME,), "i2")}
    faces = {"pixels": ((s, s, 3), "u1"), **{key: ((d,), "f4") for key, d in {**TRUTH, **BOXES}.items()}}

    def stack(lead: tuple[int, ...], arrays: dict) -> dict:
        return {key: ((*lead, *shape), kind) for key, (shape, kind) in arrays.items()}

    references = {
        "reference_pixels": ((s, s, 3), "u1"),
        "reference_pose": ((6,), "f4"),
        "reference_face_box": ((4,), "f4"),
        "reference_lip_box": ((4,), "f4"),
    }
    return {
        "stills": {**stack((i, k), faces), "emotion": ((i, k), "i2"), "done": ((i,), "u1")},
        "turned": {
            **stack((i, TURNED_EACH), faces),
            "emotion": ((i, TURNED_EACH), "i2"),
            "done": ((i,), "u1"),
        },
        "clips": {
            **stack((c, n), faces),
            **stack((c,), sound),
            **stack((c, r), references),
            "emotion": ((c,), "i2"),
            "done": ((c,), "u1"),
        },
        "held": {
            "pixels": ((c, settings.held_frames, s, s, 3), "u1"),
            **stack((c, r), references),
            "done": ((c,), "u1"),
        },
        "speech": {
            **stack((settings.speech_clips,), sound),
            **stack((settings.speech_clips, n), {key: ((d,), "f4") for key, d in TRUTH.items()}),
            "emotion": ((settings.speech_clips,), "i2"),
            "done": ((settings.speech_clips,), "u1"),
        },
    }


def open_set(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of one set, memory-mapped for reading and writing."""
    return {file.stem: np.lib.format.open_memmap(file, mode="r+") for file in sorted(folder.glob("*.npy"))}


def _make(kind: str, folder: Path, indices: list[int], seed: int, settings: DataSettings) -> int:
    import cv2

    cv2.setNumThreads(1)
    for index in indices:
        MAKERS[kind](folder, index, seed, settings)
        open_set(folder)["done"][index] = 1
    return len(indices)


def prepare_set(
    kind: str, folder: Path, seed: int, settings: DataSettings, on_step: Callable[[int, int], None] | None = None
) -> dict[str, np.ndarray]:
    """Makes what is still missing of one set ("stills", "turned", "clips", "held" or "speech") under `folder`, with
    `settings.workers` processes.
    """
    folder = folder / kind
    folder.mkdir(parents=True, exist_ok=True)
    for name, (shape, type_) in _layout(settings)[kind].items():
        file = folder / f"{name}.npy"
        if not file.exists() or np.lib.format.open_memmap(file, mode="r").shape != shape:
            np.lib.format.open_memmap(file, mode="w+", dtype=type_, shape=shape)
    arrays = open_set(folder)
    missing = np.flatnonzero(arrays["done"] == 0).tolist()
    size = 4 if kind in ("clips", "held") else 16
    shards = [missing[i : i + size] for i in range(0, len(missing), size)]
    done, total = len(arrays["done"]) - len(missing), len(arrays["done"])
    if shards:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
            for future in as_completed([pool.submit(_make, kind, folder, shard, seed, settings) for shard in shards]):
                done += future.result()
                if on_step is not None:
                    on_step(done, total)
    return arrays


def prepare_data(
    folder: Path, seed: int, settings: DataSettings, on_step: Callable[[str, int, int], None] | None = None
) -> TrainingData:
    """All sets, made where missing."""

    def make(kind: str) -> dict[str, np.ndarray]:
        def on_item(done: int, total: int) -> None:
            if on_step is not None:
                on_step(kind, done, total)

        return prepare_set(kind, folder, seed, settings, on_item)

    return TrainingData(
        stills=make("stills"),
        turned=make("turned"),
        clips=make("clips"),
        speech=make("speech"),
        held=make("held"),
    )
