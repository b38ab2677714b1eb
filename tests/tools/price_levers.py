"""What each lever of the fast mode saves, and what it costs: films of unseen drawn people by every way of sampling,
from the same latents of lips and expression, read by the probe of `evaluate` and held against those of the slow way.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/price_levers.py FOLDER [--clips 6] [--frames 50]
        [--shown 24] [--only NAME ...]

Sync is read from films of speech with the portrait's own expression, emotion from one portrait that shows all eight.
What was measured stays in FOLDER, so that a stop loses one film, and more levers can be added.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity

from emotivetalk_core.device import pick_device, pick_picture_dtype
from emotivetalk_core.evaluation.metrics import best_lag_correlation, finite_mean
from emotivetalk_core.evaluation.readings import read_film
from emotivetalk_core.evaluation.studio import Scene
from emotivetalk_core.evaluation.unseen import portrait_of, speech_of, unseen_clips
from emotivetalk_core.models.face_probe import BUNDLED_PROBE, load_probe
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import VIDEO, default_settings, prepare_conditions, render
from emotivetalk_core.types import EMOTIONS
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS

SLOW = "slow"
LEVERS = {
    SLOW: {},
    "shifted windows": {"fusion": "shifted"},
    "deep features twice": {"reuse": True},
    "shifted, deep features twice": {"fusion": "shifted", "reuse": True},
    "10 steps": {"steps": 10},
    "10 steps, deep features twice": {"steps": 10, "reuse": True},
    "10 steps, both": {"steps": 10, "reuse": True, "fusion": "shifted"},
    "lip guidance 1.5": {"lip_guidance": 1.5},
    "emotion guidance 1.5": {"emotion_guidance": 1.5},
}


def scenes(clips: int, frames: int, shown: int, size: int) -> Iterator[tuple[str, Scene]]:
    """In turn, so that a run that is stopped has some of either kind."""
    spoken = unseen_clips(clips, frames)
    calm = unseen_clips(1, shown, offset=100, emotion="neutral")[0]
    face = portrait_of(calm.identity, size)
    for at in range(max(clips, len(EMOTIONS))):
        if at < clips:
            yield "sync", Scene("sync", spoken[at], portrait_of(spoken[at].identity, size))
        if at < len(EMOTIONS):
            yield "emotion", Scene("emotion", calm, face, EMOTIONS[at])


def grey(frames: torch.Tensor) -> np.ndarray:
    return (frames * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).numpy()


def likeness(frames: np.ndarray, slow: np.ndarray) -> float:
    pairs = zip(frames, slow, strict=True)
    return float(np.mean([structural_similarity(one, two, data_range=1.0) for one, two in pairs]))


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--shown", type=int, default=24, help="frames of each emotion")
    parser.add_argument("--only", nargs="+", choices=LEVERS, default=list(LEVERS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    device = pick_device("cpu")
    models = load_model_set(BUNDLED_WEIGHTS, device, picture_dtype=pick_picture_dtype(device))
    probe, usual = load_probe(BUNDLED_PROBE, device), default_settings(models)
    for kind, scene in scenes(arguments.clips, arguments.frames, arguments.shown, models.picture_size):
        files = {
            lever: arguments.folder / f"{kind}-{scene.clip.seed}-{scene.clip.frames}-{scene.emotion}-{lever}.json"
            for lever in dict.fromkeys([SLOW, *arguments.only])
        }
        missing = [lever for lever, file in files.items() if not file.exists()]
        if not missing:
            continue
        settings = scene.settings(usual)
        conditions = prepare_conditions(models, speech_of(scene.clip), scene.portrait, settings)
        slow = None
        for lever in dict.fromkeys([SLOW, *missing]):
            sampled = []

            def on_stage(stage: str, done: int, total: int, sampled: list[float] = sampled) -> None:
                if stage == VIDEO and done == total:
                    sampled.append(time.process_time())

            began = time.process_time()
            chosen = replace(settings, video=replace(settings.video, **LEVERS[lever]))
            frames = torch.cat([chunk.float() for chunk in render(models, conditions, chosen, on_stage)])
            seen = read_film(probe, [frames], scene.portrait)
            shown = grey(frames)
            slow = shown if slow is None else slow
            truth = scene.clip.mouth[:, 0]
            figures = {
                "kind": kind,
                "lever": lever,
                "frames": scene.clip.frames,
                "seconds": sampled[-1] - began,
                "sync": best_lag_correlation(seen.opening, truth) if kind == "sync" else None,
                "emotion": seen.reads_as(scene.emotion) if isinstance(scene.emotion, str) else None,
                "ssim": likeness(shown, slow),
            }
            files[lever].write_text(json.dumps(figures))
        print_table(arguments.folder)


def print_table(folder: Path) -> None:
    made = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    print(f"{'lever':<32}{'films':>6}{'s a frame':>11}{'sync':>8}{'emotion':>9}{'ssim':>8}", flush=True)
    for lever in LEVERS:
        of_it = [each for each in made if each["lever"] == lever]
        if of_it:
            seconds = sum(each["seconds"] for each in of_it) / sum(each["frames"] for each in of_it)
            sync, emotion = (
                finite_mean([each[name] for each in of_it if each[name] is not None] or [float("nan")])
                for name in ("sync", "emotion")
            )
            likenesses = np.mean([each["ssim"] for each in of_it])
            print(
                f"{lever:<32}{len(of_it):>6}{seconds:>11.4f}{sync:>8.3f}{emotion:>9.3f}{likenesses:>8.4f}", flush=True
            )


if __name__ == "__main__":
    main()
