"""What giving detail back gains: films of unseen people, drawn or rendered, against their true frames, at the size that
the networks see and at two and four times as many pixels along a side.

    python tests/tools/measure_detail.py [PEOPLE] [FRAMES] [WEIGHTS] [drawn | rendered]

The films are driven by the latents of true frames: a drawn person's own, and for a rendered one those of a drawn head
that does the same. The portrait is the person at rest; the head holds still, so that truth and portrait agree wherever
nothing moves.

No error of pixels says whether lids shut and mouths open as far as they should, so the share of the true change that is
seen stands beside it: 1 all of it, 0 none, for lips in each film, and for eyes in a second one with a blink.
"""

import math
import sys
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from emotivetalk_core.evaluation.unseen import FIRST_SEED, beginning, drawn, portrait_of, unseen_clips
from emotivetalk_core.face.close_up import eyes_and_mouth
from emotivetalk_core.face.detail import at_own_resolution
from emotivetalk_core.face.head_motion import BLINK
from emotivetalk_core.models.face_reading import read_faces
from emotivetalk_core.models.model_set import ModelSet, load_model_set
from emotivetalk_core.pipeline import default_settings, portrait_conditions, read_face, render
from emotivetalk_core.synthesis.clip import TalkingClip, make_clip
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.render import Head
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


def share_of_change(frames: torch.Tensor, truth: torch.Tensor, still: torch.Tensor, where: torch.Tensor) -> float:
    """How far the frames went from the picture where the truth did [n, 3, h, w], by least squares."""
    seen, true = ((each - still)[..., where] for each in (frames, truth))
    return float((seen * true).sum() / true.square().sum())


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
        "share of the lips' change": share_of_change(frames, truth, regions.crop, lips),
    }


@dataclass(frozen=True)
class Filmed:
    """frames [n, 3, f, f] and what they were told · clip: whose pictures are the truth · regions: of the portrait."""

    frames: torch.Tensor
    motion: torch.Tensor
    clip: TalkingClip
    regions: FaceRegions

    def at(self, side: int, models: ModelSet, amount: float) -> torch.Tensor:
        """In the detail of a portrait that many pixels wide."""
        if side <= self.regions.crop.shape[-1]:
            return self.frames
        squares = repeat(portrait_of(self.clip.identity, side).crop)
        sharp = at_own_resolution(
            self.frames,
            squares,
            self.regions.crop,
            amount=amount,
            retoucher=models.retoucher,
            close_ups=models.close_up,
            motions=self.motion,
            lip_mask=self.regions.lip_mask,
            eyes_mouth=eyes_and_mouth(self.regions),
        )
        return torch.stack(list(sharp))


def filmed(models: ModelSet, actor: TalkingClip, person: Head, amount: float) -> Filmed:
    """A person who does what the actor does."""
    size, count = models.picture_size, actor.frames
    read = read_faces(models.motion_encoder, drawn(actor, size), count=count, device=models.device)
    regions, usual = portrait_of(person, size), replace(default_settings(models), detail=amount)
    conditions = portrait_conditions(models, regions, read_face(models, regions), read.lip, read.expression, usual)
    frames = torch.cat(list(render(models, conditions, usual)))
    return Filmed(frames, conditions.motion, replace(actor, identity=person), regions)


def blinking(actor: TalkingClip, first: int) -> TalkingClip:
    """With one blink, and no other."""
    blink = np.zeros_like(actor.blink)
    blink[first : first + len(BLINK)] = BLINK
    return replace(actor, blink=blink)


def shut_eyes(models: ModelSet, actor: TalkingClip, person: Head) -> dict[str, float]:
    """Squared error and share of the change at the eyes, where lids are more than half shut."""
    film = filmed(models, blinking(actor, 3), person, 1.0)
    side, shut = LARGER[0] * models.picture_size, film.clip.blink > 0.5
    places, truth = portrait_of(person, side), drawn(film.clip, side)[shut]
    frames, eyes = film.at(side, models, 1.0)[shut], around_the_eyes(places)
    error = float((frames - truth).square().mean(1)[:, eyes].mean())
    return {"eyes": error, "share of the eyes' change": share_of_change(frames, truth, places.crop, eyes)}


@torch.no_grad()
def main(people: int = 4, count: int = 24, weights: Path = BUNDLED_WEIGHTS, heads: str = "drawn") -> None:
    models = load_model_set(weights)
    size, rest = models.picture_size, HeadState.rest().pose
    figures: dict[str, list[dict[str, float]]] = {}
    for index, actor in enumerate(unseen_clips(people, count)):
        actor = replace(actor, pose=np.tile(rest, (count, 1)).astype(np.float32))
        person = make_clip(FIRST_SEED + index, "test", frames=count, heads=heads).identity
        for amount in (0.0, 1.0):
            film = filmed(models, actor, person, amount)
            for side in (size, *(larger * size for larger in LARGER)):
                frames, places = film.at(side, models, amount), portrait_of(person, side)
                if frames.shape[-1] == side:
                    name = f"{side} pixels, detail {amount:g}"
                    figures.setdefault(name, []).append(compare(frames, drawn(film.clip, side), places))
        shut = shut_eyes(models, beginning(actor, min(count, 3 + len(BLINK) + 3)), person)
        figures.setdefault(f"{LARGER[0] * size} pixels, lids shut", []).append(shut)
    for name, rows in sorted(figures.items()):
        told = [
            f"{place} {np.mean([row[place] for row in rows]):.2f}"
            if place.startswith(("edges", "share"))
            else f"{place} {decibels([row[place] for row in rows]):.1f} dB"
            for place in rows[0]
        ]
        print(f"{name}:", ", ".join(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *map(Path, sys.argv[3:4]), *sys.argv[4:])
