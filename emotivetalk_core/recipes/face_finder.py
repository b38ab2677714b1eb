"""Stage 0: the finder of drawn and rendered faces, trained on scenes that are drawn while it learns, and how well it
does on unseen ones."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..face.finder import box_overlap
from ..models.face_finder import (
    CENTRE,
    HEAT,
    LIPS,
    OUTPUTS,
    POINTS,
    SIZE,
    STRIDE,
    TYPICAL_FACE,
    FaceFinder,
    FaceFinderConfig,
)
from ..synthesis.clip import IDENTITY_SEEDS
from ..synthesis.people.render import require_renderer
from ..training.job import Job
from ..training.loop import LoopSettings
from ..training.parallel import Outcome, Phase, whole_state
from ..training.processes import mean_over_processes
from ..training.ranges import at_least
from ..training.samples import Sample, of_step, random_below
from .face_scenes import HEAD_SIZE, Cutout, FaceScene, SceneFace, draw_heads, draw_scene, render_people
from .remembered_looks import portraits_at_rest, remember_looks

SCENE_SIZES = ((128, 128), (128, 128), (96, 128), (128, 96), (160, 160))
"""Height and width of the pictures that it learns from."""


@dataclass(frozen=True)
class FaceFinderTraining:
    """heads, people: drawn and rendered once before the first step and used in all scenes, each person in
    `people_each` pictures: about as many of both kinds · portraits: others of each kind that say how strange usual
    ones look · check_scenes: unseen pictures of each kind that the record's figures are measured on. The defaults take
    about seven minutes on one CPU core."""

    loop: LoopSettings = LoopSettings(steps=4000, batch=12, learning_rate=3e-3, warmup=50, average=0.995)
    heads: int = 500
    people: int = 300
    people_each: int = 2
    portraits: int = 60
    check_scenes: int = 100
    config: FaceFinderConfig = field(default_factory=FaceFinderConfig)

    def __post_init__(self) -> None:
        at_least(1, self, "heads", "people_each", "portraits", "check_scenes")
        at_least(0, self, "people")


def train_face_finder(job: Job, settings: FaceFinderTraining) -> None:
    """Needs none of the prepared data, draws its own. Writes face_finder.safetensors.

    Its record holds steps, seconds, loss curve and the figures of `check_face_finder`. Raises SettingsError where
    people are wanted and the renderer is not installed.
    """
    if settings.people:
        require_renderer()
    torch.manual_seed(job.seed)
    config = replace(settings.config, kinds=1 + bool(settings.people))
    finder = FaceFinder(config)

    @functools.cache
    def scenes(*, held_out: bool) -> Scenes:
        return Scenes(settings.heads, settings.people, job.seed, each=settings.people_each, held_out=held_out)

    phase = Phase(Finding(finder), decay=1e-2, clip=5.0)
    record = job.train("face_finder", {"main": phase}, settings.loop, scenes, settings)
    whole = FaceFinder(config, device=job.device)
    whole.load_state_dict(whole_state(finder))
    whole.eval().requires_grad_(False)
    seeds = f"with seeds below {IDENTITY_SEEDS['train'][1]}"
    record["trained_on"] = f"{settings.heads} drawn heads and {settings.people} rendered people {seeds}"
    if job.engine.processes.first:
        rng = np.random.default_rng([job.seed, 9])
        unseen = portraits_at_rest(rng, settings.portraits, settings.portraits if settings.people else 0, HEAD_SIZE)
        remember_looks(whole, scenes(held_out=False).pictures, unseen, rng)
        record["check"] = check_face_finder(whole, settings.check_scenes)
        if settings.people:
            record["check_rendered"] = check_face_finder(whole, settings.check_scenes, rendered=True)
    job.save("face_finder", "face_finder", whole, config, record, half=True)


class Scenes:
    """A scene as a picture, uint8 [1, h, w, 3], with its `scene_targets`; those of one step are of one size. pictures:
    the heads in it as they were drawn and rendered, by kind.
    """

    def __init__(self, heads: int, people: int, seed: int, *, each: int = 1, held_out: bool) -> None:
        rng = np.random.default_rng([seed, 7 if held_out else 0])
        drawn, rendered = (-(-count // 10) if held_out else count for count in (heads, people))
        kinds = [
            draw_heads(rng, rng.integers(*IDENTITY_SEEDS["train"], drawn).tolist()),
            render_people(rng, rng.integers(*IDENTITY_SEEDS["train"], rendered).tolist(), each),
        ]
        self._heads = [head for heads in kinds for head in heads]
        self._seed = seed
        self.pictures = [[head.pixels for head in heads] for heads in kinds if heads]

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        size = SCENE_SIZES[random_below(len(SCENE_SIZES), of_step(self._seed, step))]
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        scene = draw_scene(rng, self._heads, size)
        targets, weights = scene_targets(scene)
        pixels = torch.from_numpy(scene.pixels)[None]
        return {"pictures": pixels, "targets": targets[None], "weights": weights[None]}


class Finding(nn.Module):
    """The finder's losses on a batch of scenes."""

    def __init__(self, finder: FaceFinder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        # of a batch of bytes, so that the colours of a pixel lie together, as convolutions on a CPU like them
        pictures = batch["pictures"].movedim(-1, 1).float() / 255
        heat, places = finder_losses(self.finder(pictures), batch["targets"], batch["weights"])
        return Outcome(heat + places, {"loss": heat + places, "heat": heat, "places": places})


def scene_targets(scene: FaceScene) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network should answer for a scene: [15, h/4, w/4] as in FaceFinder.forward (heat as 0…1), and
        weights [2, h/4, w/4].
     The first weight counts for the heat (0 around faces that are mostly hidden), the second for the places (above 0 in
    the middle of a face). Where faces meet, the nearer one's places hold.
    """
    height, width = scene.pixels.shape[0] // STRIDE, scene.pixels.shape[1] // STRIDE
    targets, weights = torch.zeros(OUTPUTS, height, width), torch.zeros(2, height, width)
    weights[0] = 1.0
    columns = (torch.arange(width) + 0.5) * STRIDE
    rows = (torch.arange(height)[:, None] + 0.5) * STRIDE
    for face in scene.faces:
        box = torch.from_numpy(face.box)
        size, centre = box[2:] - box[:2], (box[2:] + box[:2]) / 2
        across, down = (columns - centre[0]) / size[0], (rows - centre[1]) / size[1]
        # At least one cell wide, so that the smallest face has a full peak somewhere.
        spread = (0.1 * size).clamp_min(0.55 * STRIDE) / size
        heat = torch.exp(-((across / spread[0]) ** 2 + (down / spread[1]) ** 2) / 2)  # [h, w]
        if not face.certain:
            weights[0] = torch.where(heat > 0.05, torch.zeros(()), weights[0])
            continue
        nearest = heat == heat.max()
        heat = torch.where(nearest & (heat > 0.3), torch.ones(()), heat)
        ahead = (heat > targets[HEAT]) & (heat > 0.4)
        weights[1] = torch.where(ahead, heat, weights[1])
        targets[HEAT] = torch.maximum(targets[HEAT], heat)
        targets[1:] = torch.where(ahead, _places(face, size, centre, across, down), targets[1:])
    return targets, weights


def _places(
    face: SceneFace, size: torch.Tensor, centre: torch.Tensor, across: torch.Tensor, down: torch.Tensor
) -> torch.Tensor:
    """The channels after the heat, for every cell: [14, h, w]."""
    lips = torch.from_numpy(face.lip_box)
    values = torch.cat(
        [
            (size / TYPICAL_FACE).log(),
            torch.zeros(2),
            ((torch.from_numpy(face.eyes_mouth) - centre) / size).flatten(),
            ((lips[2:] + lips[:2]) / 2 - centre) / size,
            (lips[2:] - lips[:2]) / size,
        ]
    )
    places = values[:, None, None].expand(-1, *torch.broadcast_shapes(across.shape, down.shape)).clone()
    places[CENTRE.start - 1], places[CENTRE.start] = -across, -down
    return places


def finder_losses(
    maps: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """CenterNet's penalty-reduced focal loss on the heat, and L1 on the places where faces are; each divided by the
    faces."""
    heat, wanted = maps[:, HEAT].float(), targets[:, HEAT]
    surely, sure = F.logsigmoid(heat), heat.sigmoid()
    peak = (wanted == 1.0).float() * weights[:, 0]
    faces = mean_over_processes(peak.sum()).clamp_min(1.0)
    positive = -((1 - sure) ** 2) * surely * peak
    negative = -((1 - wanted) ** 4) * sure**2 * F.logsigmoid(-heat) * (1 - peak) * weights[:, 0]
    error = (maps.float() - targets).abs() * weights[:, 1:]
    middle = mean_over_processes(weights[:, 1].sum()).clamp_min(1.0)
    places = sum(error[:, part].sum() for part in (SIZE, CENTRE, POINTS, LIPS)) / middle
    return (positive + negative).sum() / faces, torch.as_tensor(places)


def check_face_finder(finder: FaceFinder, scenes: int, seed: int = 1, *, rendered: bool = False) -> dict[str, float]:
    """Figures on heads that training never saw, drawn or rendered ones, `scenes` pictures of each kind.
     portrait_found, scene_found: share of faces that are found with an overlap (IoU) above 0.5 · portrait_overlap,
    scene_overlap: their mean IoU · point_error: mean distance of eyes and mouth from the truth, as a part of the face's
    height · lip_overlap: mean IoU of the lip boxes · false_alarms: faces believed per picture of clutter without any.
    """
    rng = np.random.default_rng([seed, 1])
    made = render_people if rendered else draw_heads
    heads = made(rng, rng.integers(*IDENTITY_SEEDS["test"], max(1, scenes // 2)).tolist())
    figures: dict[str, list[float]] = {
        name: [] for name in ("portrait_found", "portrait_overlap", "scene_found", "scene_overlap")
    }
    points: list[float] = []
    lips: list[float] = []
    for index in range(2 * scenes):
        kind = "portrait" if index < scenes else "scene"
        scene = _portrait_of(rng, heads) if kind == "portrait" else draw_scene(rng, heads, (256, 320), 1 + index % 3)
        faces = finder.find(_pixels(scene))
        for truth in scene.faces:
            if not truth.certain:
                continue
            best = max(faces, key=lambda face: box_overlap(face.box, tuple(truth.box)), default=None)  # noqa: B023
            overlap = box_overlap(best.box, tuple(truth.box)) if best is not None else 0.0
            figures[f"{kind}_found"].append(float(overlap > 0.5))
            if best is None or overlap <= 0.5 or best.eyes_mouth is None or best.lip_box is None:
                continue
            figures[f"{kind}_overlap"].append(overlap)
            away = np.linalg.norm(np.array(best.eyes_mouth) - truth.eyes_mouth, axis=1).mean()
            points.append(float(away / (truth.box[3] - truth.box[1])))
            lips.append(box_overlap(best.lip_box, tuple(truth.lip_box)))
    alarms = [float(len(finder.find(_pixels(draw_scene(rng, heads, (256, 320), 0))))) for _ in range(scenes)]
    figures |= {"point_error": points, "lip_overlap": lips, "false_alarms": alarms}
    return {name: round(float(np.mean(values)), 4) if values else 0.0 for name, values in figures.items()}


def _portrait_of(rng: np.random.Generator, heads: Sequence[Cutout]) -> FaceScene:
    """One head on its own background, as rendered."""
    head = heads[int(rng.integers(len(heads)))]
    points = head.points
    face = SceneFace(points[5:7].reshape(4), points[:3], points[3:5].reshape(4), True)
    return FaceScene(head.pixels, (face,))


def _pixels(scene: FaceScene) -> torch.Tensor:
    return torch.from_numpy(scene.pixels).permute(2, 0, 1).float() / 255
