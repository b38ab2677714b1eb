"""Small networks that read a drawn face from its pixels: mouth opening, action units, emotion, and who it is.

They learn from rendered heads alone, never from generated frames, and share nothing with the networks they judge.
Their own errors on renders of unseen heads are measured and reported beside every figure they give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..device import autocast
from ..face.crops import pictures
from ..models.checkpoint import load_network, save_checkpoint
from ..models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from ..synthesis.action_units import ACTION_UNITS
from ..training.data import open_set, prepare_set
from ..training.loop import LoopSettings, TrainingLoop, step_optimiser
from ..training.settings import DemoSettings
from ..training.trunk import augment
from ..types import EMOTIONS


@dataclass(frozen=True)
class FaceProbeConfig:
    """channels: width of each halving convolution · embedding: width of the identity vector."""

    channels: tuple[int, ...] = (24, 48, 96, 128, 128)
    embedding: int = 64
    action_units: int = len(ACTION_UNITS)
    emotions: int = len(EMOTIONS)


@dataclass(frozen=True)
class FaceReading:
    """opening [b] 0…1 · action_units [b, a] 0…1 · emotion [b, 8] logits · identity [b, d] of unit length."""

    opening: torch.Tensor
    action_units: torch.Tensor
    emotion: torch.Tensor
    identity: torch.Tensor


class FaceProbe(nn.Module):
    """Two plain convolutional trunks: one for what the face does, one for whose it is."""

    def __init__(self, config: FaceProbeConfig, *, operations=nn, dtype: torch.dtype | None = None, device=None):
        super().__init__()
        self.config = config
        place = {"dtype": dtype, "device": device}

        def trunk() -> nn.Sequential:
            layers: list[nn.Module] = []
            width = 3
            for channels in config.channels:
                layers += [operations.Conv2d(width, channels, 3, stride=2, padding=1, **place)]
                layers += [operations.GroupNorm(8, channels, **place), nn.SiLU()]
                layers += [operations.Conv2d(channels, channels, 3, padding=1, **place), nn.SiLU()]
                width = channels
            return nn.Sequential(*layers, nn.Flatten())

        features = config.channels[-1] * 16  # 128 px after five halvings: 4 × 4
        self.face, self.person = trunk(), trunk()
        self.opening = operations.Linear(features, 1, **place)
        self.action_units = operations.Linear(features, config.action_units, **place)
        self.emotion = operations.Linear(features, config.emotions, **place)
        self.identity = operations.Linear(features, config.embedding, **place)

    def forward(self, frames: torch.Tensor) -> FaceReading:
        """Talking crops [b, 3, s, s] in 0…1, resized to 128."""
        if frames.shape[-1] != 128:
            frames = F.interpolate(frames, size=(128, 128), mode="bilinear", antialias=True)
        x = frames * 2 - 1
        face = self.face(x)
        return FaceReading(
            opening=self.opening(face)[:, 0],
            action_units=self.action_units(face),
            emotion=self.emotion(face),
            identity=F.normalize(self.identity(self.person(x)), dim=-1),
        )


def read_frames(probe: FaceProbe, frames: torch.Tensor, batch: int = 64) -> FaceReading:
    """Reads [n, 3, s, s] in batches."""
    with torch.inference_mode():
        parts = [probe(part) for part in frames.split(batch)]
    fields = ("opening", "action_units", "emotion", "identity")
    return FaceReading(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


def train_probe(
    stills: dict[str, np.ndarray],
    out: Path,
    states: Path,
    *,
    settings: LoopSettings | None = None,
    batch: int = 32,
    seed: int = 5,
    on_step: Callable[[str, int, int, dict[str, float]], None] | None = None,
) -> None:
    """Trains on the stills of the training heads and writes `out`. Identities: each batch holds pairs of one person
    with two faces, told apart from all other pairs (InfoNCE). Blur and noise are part of the lesson, for generated
    frames are softer than drawn ones.
    """
    settings = settings or LoopSettings(steps=700, learning_rate=1e-3, warmup=50, average=0.99)
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    probe = FaceProbe(FaceProbeConfig()).to(device)
    optimiser = torch.optim.AdamW(probe.parameters(), lr=1e-3, weight_decay=0.02)
    people, each = stills["emotion"].shape
    batch = min(batch, people)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        who = torch.randperm(people, generator=generator)[:batch].numpy()
        first = torch.randint(each, (batch,), generator=generator).numpy()
        second = (first + torch.randint(1, each, (batch,), generator=generator).numpy()) % each
        i, k = np.concatenate([who, who]), np.concatenate([first, second])
        faces = soften(augment(pictures(stills["pixels"][i, k], device), generator), generator)
        with autocast(device):
            read = probe(faces)
        opening = F.mse_loss(read.opening.float(), torch.from_numpy(stills["mouth"][i, k, 0]).to(device))
        units = F.mse_loss(read.action_units.float(), torch.from_numpy(stills["action_units"][i, k]).to(device))
        emotion = F.cross_entropy(
            read.emotion.float(),
            torch.from_numpy(stills["emotion"][i, k].astype(np.int64)).to(device),
            label_smoothing=0.05,
        )
        identity = read.identity.float()
        similarity = identity[:batch] @ identity[batch:].T / 0.07
        target = torch.arange(batch, device=device)
        person = (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2
        step_optimiser(20 * opening + 10 * units + emotion + person, optimiser)
        return {
            "opening": opening.detach(),
            "units": units.detach(),
            "emotion": emotion.detach(),
            "identity": person.detach(),
        }

    record = TrainingLoop("probe", states, {"probe": probe}, {"main": optimiser}, settings, seed, on_step).run(step)
    save_checkpoint(out, "face_probe", probe, probe.config, record)


def train_probes(
    data: Path,
    out: Path,
    *,
    settings: LoopSettings | None = None,
    on_step: Callable[[str, int, int, dict[str, float]], None] | None = None,
) -> None:
    """Trains the probe on the stills in `data`, the folder `training/data` of a demo training, and writes it to `out`.

    Stills that are not there yet are drawn first. Training can be stopped and goes on from `data/probe`.
    """
    stills = open_set(data / "stills")
    if not stills or not stills["done"].all():
        plan = DemoSettings()

        def drawing(done: int, total: int) -> None:
            if on_step is not None:
                on_step("drawing stills", done, total, {})

        stills = prepare_set("stills", data, plan.seed, plan.data, drawing)
    train_probe(stills, out, data / "probe", settings=settings, on_step=on_step)


def soften(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Half of the pictures lose detail: shrunk to 64…112 pixels and enlarged again."""
    size = int(torch.randint(64, 113, (1,), generator=generator))
    soft = F.interpolate(F.interpolate(faces, size=(size, size), mode="area"), size=faces.shape[-2:], mode="bilinear")
    chosen = torch.rand(faces.shape[0], 1, 1, 1, generator=generator).to(faces.device) < 0.5
    return torch.where(chosen, soft, faces)


def load_probe(path: Path, device: torch.device | str = "cpu") -> FaceProbe:
    """The probe as shipped, in eval mode."""
    return load_network(path, "face_probe", FaceProbe, FaceProbeConfig, device).eval().requires_grad_(False)


def load_head_probe(path: Path) -> Callable[[torch.Tensor], np.ndarray]:
    """What reads how heads stand: frames [n, 3, s, s] in 0…1 -> [n, 6] as types.HeadPose, from no portrait's zero.

    A network of the generator's own kind, but another one: its weights come from another seed and drive nothing.
    """
    network = load_network(path, path.stem, HeadPoseReader, HeadPoseReaderConfig)

    @torch.no_grad()
    def read(frames: torch.Tensor) -> np.ndarray:
        return torch.cat([network(part) for part in frames.split(64)]).numpy()

    return read
