"""What each lever of the fast mode saves, and what it costs: films of unseen people, drawn and rendered, by every way
of sampling, from the same latents of lips and expression and the same noise.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/price_levers.py FOLDER [--people 6] [--heads drawn rendered]
        [--frames 48] [--shown 8] [--true 24] [--student WEIGHTS] [--only NAME ...]

Three kinds of film. `sync`: of speech, with the portrait's own expression; the probe of `evaluate` reads the mouth.
`emotion`: each of the eight, on every second drawn person; the probe reads it, which it cannot in rendered ones.
`true`: driven by what is seen of true frames, as `measure_detail.py` makes them, and held against those frames: SSIM
and decibels of the face, and the edges of face and lips as a share of the truth's. Of all of them: likeness is SSIM to
the slow film; unrest the mean second difference of neighbouring frames over the slow film's, which flicker raises, and
seams between windows.

--student: a weights folder whose backbone takes the place of the bundled one in the levers that say so.
What was measured stays in FOLDER, so that a stop loses one film, and more levers can be added.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity

from emotivetalk_core.device import pick_device, pick_picture_dtype
from emotivetalk_core.evaluation.metrics import best_lag_correlation, finite_mean
from emotivetalk_core.evaluation.readings import read_film
from emotivetalk_core.evaluation.unseen import FIRST_SEED, drawn, portrait_of, speech_of, unseen_clips
from emotivetalk_core.models.face_probe import BUNDLED_PROBE, FaceProbe, load_probe
from emotivetalk_core.models.face_reading import read_faces
from emotivetalk_core.models.model_set import ModelSet, load_model_set
from emotivetalk_core.pipeline import (
    VIDEO,
    TalkSettings,
    default_settings,
    portrait_conditions,
    prepare_conditions,
    read_face,
    render,
)
from emotivetalk_core.synthesis.clip import TalkingClip, make_clip
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.types import EMOTIONS, FaceRegions, VideoConditions
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from tests.tools.measure_detail import compare, decibels

SLOW = "slow"
BOTH = {"fusion": "shifted", "reuse": True}
LEVERS = {
    SLOW: {},
    "shifted windows": {"fusion": "shifted"},
    "deep features twice": {"reuse": True},
    "shifted, deep features twice": BOTH,
    "10 steps": {"steps": 10},
    "10 steps, deep features twice": {"steps": 10, "reuse": True},
    "3 steps": {"steps": 3},
    "2 steps": {"steps": 2},
    "1 step": {"steps": 1},
    "3 steps, both": {"steps": 3, **BOTH},
    "2 steps, both": {"steps": 2, **BOTH},
    "2 steps, shifted": {"steps": 2, "fusion": "shifted"},
    "1 step, shifted": {"steps": 1, "fusion": "shifted"},
    "lip guidance 1.5": {"lip_guidance": 1.5},
    "emotion guidance 1.5": {"emotion_guidance": 1.5},
    "2 steps, lip guidance 1.5": {"steps": 2, "lip_guidance": 1.5},
    "2 steps, emotion guidance 1.5": {"steps": 2, "emotion_guidance": 1.5},
    "1 step, lip guidance 1.5": {"steps": 1, "lip_guidance": 1.5},
    "student, 2 steps": {"steps": 2},
    "student, 1 step": {"steps": 1},
    "student, 2 steps, shifted": {"steps": 2, "fusion": "shifted"},
    "student, 1 step, shifted": {"steps": 1, "fusion": "shifted"},
}
COLUMNS = ("sync", "emotion", "ssim", "face", "lips", "edges", "edges of the lips", "likeness", "unrest")


@dataclass(frozen=True, eq=False)
class Film:
    """What a film is made of. truth: the frames that it should show [n, 3, s, s], where they are known."""

    name: str
    heads: str
    clip: TalkingClip
    portrait: FaceRegions
    settings: TalkSettings
    conditions: VideoConditions
    truth: torch.Tensor | None = None


class Films:
    """Made one after another, by the same networks."""

    def __init__(self, models: ModelSet, arguments: argparse.Namespace) -> None:
        self._models, self._arguments = models, arguments
        self._size, self._usual = models.picture_size, default_settings(models)

    def __iter__(self) -> Iterator[Film]:
        """Of all kinds for each person in turn, so that a run that is stopped has some of either."""
        for at in range(self._arguments.people):
            for heads in self._arguments.heads:
                person = make_clip(FIRST_SEED + at, "test", frames=1, heads=heads).identity
                yield self._spoken(at, heads, person)
                yield self._true(at, heads, person)
                if heads == "drawn" and at % 2 == 0:
                    for emotion in EMOTIONS:
                        yield self._emotive(at, heads, person, emotion)

    def _film(self, name: str, heads: str, clip: TalkingClip, settings: TalkSettings) -> Film:
        portrait = portrait_of(clip.identity, self._size)
        conditions = prepare_conditions(self._models, speech_of(clip), portrait, settings)
        return Film(name, heads, clip, portrait, settings, conditions)

    def _spoken(self, at: int, heads: str, person: object) -> Film:
        (clip,) = unseen_clips(1, self._arguments.frames, offset=at)
        return self._film("sync", heads, replace(clip, identity=person), self._usual)

    def _emotive(self, at: int, heads: str, person: object, emotion: str) -> Film:
        (clip,) = unseen_clips(1, self._arguments.shown, offset=100 + at, emotion="neutral")
        settings = replace(self._usual, emotion=emotion)
        return self._film(f"emotion-{emotion}", heads, replace(clip, identity=person), settings)

    def _true(self, at: int, heads: str, person: object) -> Film:
        """The head holds still, so that truth and portrait agree wherever nothing moves."""
        models, count = self._models, self._arguments.true
        (actor,) = unseen_clips(1, count, offset=at)
        actor = replace(actor, pose=np.tile(HeadState.rest().pose, (count, 1)).astype(np.float32))
        read = read_faces(models.motion_encoder, drawn(actor, self._size), count=count, device=models.device)
        clip = replace(actor, identity=person)
        portrait = portrait_of(clip.identity, self._size)
        conditions = portrait_conditions(
            models, portrait, read_face(models, portrait), read.lip, read.expression, self._usual
        )
        truth = drawn(clip, self._size * models.vae.config.finer)
        return Film("true", heads, clip, portrait, self._usual, conditions, truth)


def grey(frames: torch.Tensor) -> np.ndarray:
    return (frames * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).numpy()


def likeness(frames: np.ndarray, others: np.ndarray) -> float:
    """SSIM in the mean over frames."""
    pairs = zip(frames, others, strict=True)
    return float(np.mean([structural_similarity(one, two, data_range=1.0) for one, two in pairs]))


def unrest(frames: np.ndarray) -> float:
    return float(np.abs(frames[2:] - 2 * frames[1:-1] + frames[:-2]).mean())


def box_of(mask: torch.Tensor) -> tuple[slice, slice]:
    """The rows and columns of a mask [1, s, s]."""
    rows, columns = (np.flatnonzero(mask[0].amax(axis).numpy()) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def figures_of(film: Film, frames: torch.Tensor, slow: np.ndarray, probe: FaceProbe) -> dict[str, float]:
    """All that is measured of one film."""
    shown = grey(frames)
    found = {"likeness": likeness(shown, slow), "unrest": unrest(shown) / unrest(slow)}
    if film.truth is not None:
        at_truth = portrait_of(film.clip.identity, film.truth.shape[-1])
        compared = compare(frames, film.truth, at_truth)
        found |= {name: compared[name] for name in ("face", "lips", "edges", "edges of the lips")}
        rows, columns = box_of(at_truth.face_mask)
        found["ssim"] = likeness(shown[:, rows, columns], grey(film.truth)[:, rows, columns])
        return found
    seen = read_film(probe, [frames], film.portrait)
    if film.name == "sync":
        found["sync"] = best_lag_correlation(seen.opening, film.clip.mouth[:, 0])
    else:
        found["emotion"] = seen.reads_as(film.name.removeprefix("emotion-"))
    return found


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--heads", nargs="+", choices=("drawn", "rendered"), default=["drawn", "rendered"])
    parser.add_argument("--frames", type=int, default=48, help="of each film of speech")
    parser.add_argument("--shown", type=int, default=8, help="frames of each emotion")
    parser.add_argument("--true", type=int, default=24, help="frames of each film that is held against the truth")
    parser.add_argument("--student", type=Path)
    parser.add_argument("--only", nargs="+", choices=LEVERS, default=list(LEVERS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    device = pick_device("cpu")
    picture_dtype = pick_picture_dtype(device)
    models = load_model_set(BUNDLED_WEIGHTS, device, picture_dtype=picture_dtype)
    taught = models
    if arguments.student is not None:
        taught = replace(models, ethd=load_model_set(arguments.student, device, picture_dtype=picture_dtype).ethd)
    asked = [name for name in arguments.only if arguments.student is not None or not name.startswith("student")]
    asked = list(dict.fromkeys([SLOW, *asked]))
    probe = load_probe(BUNDLED_PROBE, device)
    for film in Films(models, arguments):
        stem = f"{film.name}-{film.heads}-{film.clip.seed}-{film.clip.frames}"
        files = {lever: arguments.folder / f"{stem}-{lever}.json" for lever in asked}
        missing = [lever for lever, file in files.items() if not file.exists()]
        slow = None
        for lever in dict.fromkeys([SLOW, *missing]) if missing else ():
            sampled = []

            def on_stage(stage: str, done: int, total: int, sampled: list[float] = sampled) -> None:
                if stage == VIDEO and done == total:
                    sampled.append(time.process_time())

            began = time.process_time()
            chosen = replace(film.settings, video=replace(film.settings.video, **LEVERS[lever]))
            made = render(taught if lever.startswith("student") else models, film.conditions, chosen, on_stage)
            frames = torch.cat([chunk.float() for chunk in made])
            slow = grey(frames) if slow is None else slow
            told = {"kind": film.name, "heads": film.heads, "lever": lever, "frames": film.clip.frames}
            told |= {"seconds": sampled[-1] - began, **figures_of(film, frames, slow, probe)}
            files[lever].write_text(json.dumps(told))
    print_table(arguments.folder)


def print_table(folder: Path) -> None:
    made = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    for heads in sorted({each["heads"] for each in made}):
        names = "".join(f"{name[-9:]:>10}" for name in COLUMNS)
        print(f"{heads:<32}{'films':>6}{'s a frame':>11}{names}", flush=True)
        for lever in LEVERS:
            of_it = [each for each in made if each["lever"] == lever and each["heads"] == heads]
            if not of_it:
                continue
            seconds = sum(each["seconds"] for each in of_it) / sum(each["frames"] for each in of_it)
            words = ""
            for name in COLUMNS:
                values = [each[name] for each in of_it if name in each] or [float("nan")]
                words += f"{decibels(values) if name in ('face', 'lips') else finite_mean(values):>10.3f}"
            print(f"{lever:<32}{len(of_it):>6}{seconds:>11.4f}{words}", flush=True)


if __name__ == "__main__":
    main()
