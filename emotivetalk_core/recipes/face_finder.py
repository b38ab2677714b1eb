"""Stage 0: the finder of drawn faces, trained on scenes that are drawn while it learns, and how well it does on
unseen ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..face.finder import box_overlap
from ..models.checkpoint import save_checkpoint
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
from ..training.loop import LoopSettings, TrainingLoop, step_optimiser
from ..training.stage import Stage
from .face_scenes import Cutout, Scene, SceneFace, draw_heads, draw_scene

OnStep = Callable[[str, int, int, dict[str, float]], None]


@dataclass(frozen=True)
class FaceFinderTraining:
    """heads: drawn once before the first step and used in all scenes · check_scenes: unseen pictures of each kind
    that the record's figures are measured on. The defaults take about three minutes on one CPU core."""

    loop: LoopSettings = LoopSettings(steps=1200, learning_rate=3e-3, warmup=50, average=0.99)
    seed: int = 7
    batch: int = 12
    heads: int = 500
    check_scenes: int = 100


def train_face_finder(stage: Stage) -> None:
    """The stage of `train demo`: needs none of the prepared data, draws its own."""
    loop = replace(FaceFinderTraining().loop, steps=stage.settings.face_finder_steps)
    settings = FaceFinderTraining(loop=loop, seed=stage.settings.seed)
    fit_face_finder(settings, stage.weights("face_finder"), stage.on_step, device=stage.device)


def fit_face_finder(
    settings: FaceFinderTraining,
    out_path: Path,
    on_step: OnStep | None = None,
    *,
    config: FaceFinderConfig | None = None,
    device: torch.device | str = "cpu",
) -> dict:
    """Train from scratch (or on from the state beside `out_path`), write the weights there and return their record.

    The record holds steps, seconds, loss curve and the figures of `check_face_finder`. Raises WeightsError where the
    training diverges, OutputError where the weights cannot be written.
    """
    config = config or FaceFinderConfig()
    torch.manual_seed(settings.seed)
    finder = FaceFinder(config, device=device)
    optimiser = torch.optim.AdamW(finder.parameters(), lr=settings.loop.learning_rate, weight_decay=1e-2)
    rng = np.random.default_rng([settings.seed, 0])
    heads = draw_heads(rng, rng.integers(*IDENTITY_SEEDS["train"], settings.heads).tolist())

    def step(index: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        pictures, targets, weights = training_batch(heads, settings.batch, generator)
        maps = finder(pictures.to(device))
        heat, places = finder_losses(maps, targets.to(device), weights.to(device))
        step_optimiser(heat + places, optimiser, clip=5.0)
        return {"loss": (heat + places).detach(), "heat": heat.detach(), "places": places.detach()}

    folder = out_path.parent / "training"
    modules, optimisers = {"finder": finder}, {"main": optimiser}
    loop = TrainingLoop("face_finder", folder, modules, optimisers, settings.loop, settings.seed, on_step)
    record = loop.run(step)
    finder.eval()
    record["trained_on"] = f"{settings.heads} drawn heads with identity seeds below {IDENTITY_SEEDS['train'][1]}"
    record["check"] = check_face_finder(finder, settings.check_scenes)
    save_checkpoint(out_path, "face_finder", finder, config, record)
    return record


def training_batch(
    heads: Sequence[Cutout], count: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scenes of one size as pictures [b, 3, h, w] 0…1, with `scene_targets` stacked: [b, 15, h/4, w/4] and [b, 2,
    h/4, w/4]."""
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    size = ((128, 128), (128, 128), (96, 128), (128, 96), (160, 160))[rng.integers(5)]
    scenes = [draw_scene(rng, heads, size) for _ in range(count)]
    pictures = torch.from_numpy(np.stack([scene.pixels for scene in scenes])).permute(0, 3, 1, 2).float() / 255
    targets, weights = zip(*(scene_targets(scene) for scene in scenes), strict=True)
    return pictures, torch.stack(targets), torch.stack(weights)


def scene_targets(scene: Scene) -> tuple[torch.Tensor, torch.Tensor]:
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
    faces = peak.sum().clamp_min(1.0)
    positive = -((1 - sure) ** 2) * surely * peak
    negative = -((1 - wanted) ** 4) * sure**2 * F.logsigmoid(-heat) * (1 - peak) * weights[:, 0]
    error = (maps.float() - targets).abs() * weights[:, 1:]
    middle = weights[:, 1].sum().clamp_min(1.0)
    places = sum(error[:, part].sum() for part in (SIZE, CENTRE, POINTS, LIPS)) / middle
    return (positive + negative).sum() / faces, torch.as_tensor(places)


def check_face_finder(finder: FaceFinder, scenes: int, seed: int = 1) -> dict[str, float]:
    """Figures on heads that training never saw, `scenes` pictures of each kind.
     portrait_found, scene_found: share of faces that are found with an overlap (IoU) above 0.5 · portrait_overlap,
    scene_overlap: their mean IoU · point_error: mean distance of eyes and mouth from the truth, as a part of the face's
    height · lip_overlap: mean IoU of the lip boxes · false_alarms: faces believed per picture of clutter without any.
    """
    rng = np.random.default_rng([seed, 1])
    heads = draw_heads(rng, rng.integers(*IDENTITY_SEEDS["test"], max(1, scenes // 2)).tolist())
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


def _portrait_of(rng: np.random.Generator, heads: Sequence[Cutout]) -> Scene:
    """One head on its own background, as rendered."""
    head = heads[int(rng.integers(len(heads)))]
    points = head.points
    face = SceneFace(points[5:7].reshape(4), points[:3], points[3:5].reshape(4), True)
    return Scene(head.pixels, (face,))


def _pixels(scene: Scene) -> torch.Tensor:
    return torch.from_numpy(scene.pixels).permute(2, 0, 1).float() / 255
