"""The reader of head poses: of drawn and rendered heads at all poses, as they stand in the talking crop."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.head_pose_reader import KIND, HeadPoseReader, HeadPoseReaderConfig
from .camera import framed, noisy, relit, softened
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase
from .samples import Sample, chance, random_below
from .source import Source

_REST = (0, 0, 0, 0, 0, 1.0)


@dataclass(frozen=True)
class HeadPoseSettings:
    """kinds: of clips, which the samples take in turn · name: of the weights file, which is its kind as well · seed:
    added to the recipe's, so that the evaluation's own reader is another network.
    """

    loop: LoopSettings
    kinds: tuple[str, ...] = ("turned", "clips")
    name: str = KIND
    seed: int = 0


def train_head_pose_reader(job: Job, settings: HeadPoseSettings) -> None:
    """Writes head_pose_reader.safetensors, or what the settings call it."""
    torch.manual_seed(job.seed + settings.seed)
    config = HeadPoseReaderConfig()
    reader = HeadPoseReader(config)

    def heads(*, held_out: bool) -> Heads:
        return Heads(job.source(), settings.kinds, held_out=held_out)

    phase = Phase(Reading(reader, job.autocast), decay=0.02)
    record = job.train(settings.name, {"main": phase}, settings.loop, heads, settings)
    job.save(settings.name, settings.name, reader, config, record, half=True)


class Heads:
    """A head, filmed otherwise, and its pose there."""

    def __init__(self, source: Source, kinds: tuple[str, ...], *, held_out: bool) -> None:
        self._source = source
        self._sets = [source.some_clips(kind, "pictures", "pose", held_out=held_out) for kind in kinds]

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clips = self._sets[index % len(self._sets)]
        clip = clips[random_below(len(clips), generator)]
        frame = random_below(clip.rows("pictures"), generator)
        faces = pictures(self._source.read(clip, "pictures", frame, frame + 1).numpy(), torch.device("cpu"))
        faces, pose = _as_filmed(faces, self._source.read(clip, "pose", frame, frame + 1), generator)
        return {"faces": faces, "pose": pose}


class Reading(nn.Module):
    """How far the poses that are read lie from the true ones, in the reader's units."""

    def __init__(self, reader: HeadPoseReader, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.reader, self._autocast = reader, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        with self._autocast():
            read = self.reader(batch["faces"])
        unit, rest = (batch["pose"].new_tensor(values) for values in (self.reader.config.unit, _REST))
        loss = F.smooth_l1_loss((read - rest) / unit, (batch["pose"] - rest) / unit)
        return Outcome(loss, {"loss": loss})


def _as_filmed(
    faces: torch.Tensor, poses: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Other crops, mirrored or not, other light, noise and softness: faces [b, 3, s, s] and their poses [b, 6].

    A crop that lies elsewhere moves the head in it, and one of another size makes it larger: the pose knows of both.
    """
    count = len(faces)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator)

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    zoom, shift = torch.exp(normal() * 0.05), normal(2) * 0.03  # of the crop's side
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, :, 2] = mirror * zoom, zoom, 2 * shift
    faces = framed(faces, matrix)
    signs = torch.ones_like(poses)
    signs[:, [0, 2, 3]] = mirror[:, None]  # yaw, roll and the shift across turn round
    poses = poses * signs
    moved = poses.clone()
    moved[:, 3] = (poses[:, 3] - shift[:, 0] * mirror) / zoom
    moved[:, 4] = (poses[:, 4] - shift[:, 1]) / zoom
    moved[:, 5] = poses[:, 5] / zoom
    faces = relit(faces, torch.exp(normal(1, 1, 1) * 0.15), normal(3, 1, 1) * 0.04)
    if chance(0.5, generator):
        faces = softened(faces)
    return noisy(faces, normal(*faces.shape[1:]) * 0.02), moved
