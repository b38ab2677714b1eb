"""What giving detail back gains: films of unseen people, drawn or rendered, against their true frames, at the size that
the networks see and at two and four times as many pixels along a side.

    python tests/tools/measure_detail.py [PEOPLE] [FRAMES] [WEIGHTS] [drawn | rendered]

The films are driven by the latents of true frames: a drawn person's own, and for a rendered one those of a drawn head
that does the same. The portrait is the person at rest; the head holds still, so that truth and portrait agree wherever
nothing moves.
"""

import math
import sys
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from emotivetalk_core.evaluation.unseen import FIRST_SEED, drawn, portrait_of, unseen_clips
from emotivetalk_core.face.detail import at_own_resolution
from emotivetalk_core.models.face_reading import read_faces
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import default_settings, portrait_conditions, read_face, render
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.types import FaceRegions
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS

LARGER = (2, 4)
STILL = 1 / 255
"""Where the truth is never further from the portrait than this, nothing moves."""


def decibels(errors: list[float]) -> float:
    return -10 * math.log10(max(float(np.mean(errors)), 1e-12))


def edges(frames: torch.Tensor) -> torch.Tensor:
    """The Laplacian's energy [n, h, w]."""
    kernel = torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]]).expand(3, 1, 3, 3)
    return F.conv2d(frames, kernel, padding=1, groups=3).square().mean(1)


def around_the_eyes(regions: FaceRegions) -> torch.Tensor:
    """Where the eyes are [h, w], lids and brows' lower edges with them."""
    left, right = regions.eyes_mouth[:2]
    apart = float((left - right).norm())
    rows, columns = (torch.arange(side) for side in regions.crop.shape[-2:])
    near = [
        ((columns - x).abs() < 0.45 * apart)[None] & ((rows - y).abs() < 0.3 * apart)[:, None]
        for x, y in (left.tolist(), right.tolist())
    ]
    return near[0] | near[1]


def compare(frames: torch.Tensor, truth: torch.Tensor, regions: FaceRegions) -> dict[str, float]:
    """Squared errors by place, and how much of the truth's edges the face has."""
    error = (frames - truth).square().mean(1)  # [n, h, w]
    inside, lips = regions.face_mask[0] > 0, regions.lip_mask[0] > 0
    eyes = around_the_eyes(regions)
    moved = F.max_pool2d((truth - regions.crop).abs().amax((0, 1))[None, None], 9, 1, padding=4)[0, 0] > STILL
    return {
        "crop": float(error.mean()),
        "face": float(error[:, inside].mean()),
        "eyes": float(error[:, eyes].mean()),
        "lips": float(error[:, lips].mean()),
        "outside, where nothing moves": float(error[:, ~inside & ~moved].mean()),
        "edges": float(edges(frames)[:, inside].sum() / edges(truth)[:, inside].sum()),
        "edges of the eyes": float(edges(frames)[:, eyes].sum() / edges(truth)[:, eyes].sum()),
        "edges of the lips": float(edges(frames)[:, lips].sum() / edges(truth)[:, lips].sum()),
    }


@torch.no_grad()
def main(people: int = 4, count: int = 24, weights: Path = BUNDLED_WEIGHTS, heads: str = "drawn") -> None:
    models = load_model_set(weights)
    size, rest = models.picture_size, HeadState.rest().pose
    figures: dict[str, list[dict[str, float]]] = {}
    for index, actor in enumerate(unseen_clips(people, count)):
        actor = replace(actor, pose=np.tile(rest, (count, 1)).astype(np.float32))
        read = read_faces(models.motion_encoder, drawn(actor, size), count=count, device=models.device)
        person = make_clip(FIRST_SEED + index, "test", frames=count, heads=heads).identity
        clip = replace(actor, identity=person)
        regions = portrait_of(person, size)
        usual = default_settings(models)
        conditions = portrait_conditions(models, regions, read_face(models, regions), read.lip, read.expression, usual)
        for amount in (0.0, 1.0):
            frames = torch.cat(list(render(models, conditions, replace(usual, detail=amount))))
            for side in (size, *(larger * size for larger in LARGER)):
                places, seen = portrait_of(clip.identity, side), frames
                if side > size:
                    told = {"amount": amount, "retoucher": models.retoucher, "motions": conditions.motion}
                    seen = torch.stack(list(at_own_resolution(frames, repeat(places.crop), regions.crop, **told)))
                if seen.shape[-1] == side:
                    name = f"{side} pixels, detail {amount:g}"
                    figures.setdefault(name, []).append(compare(seen, drawn(clip, side), places))
    for name, rows in sorted(figures.items()):
        told = [
            f"{place} {np.mean([row[place] for row in rows]):.2f}"
            if place.startswith("edges")
            else f"{place} {decibels([row[place] for row in rows]):.1f} dB"
            for place in rows[0]
        ]
        print(f"{name}:", ", ".join(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *map(Path, sys.argv[3:4]), *sys.argv[4:])
