"""Latents of clips that were never drawn, for V-AID. [we]

The projector and Di-CTE need many voices and sentences, and drawing a clip takes a hundred times as long as speaking
it. What the drawing would have been fed is known for every clip, though, and so a small network learns from the drawn
clips which l_v and e_v a face has, given what it does; it says them for the others. Of unseen drawn clips it explains
four fifths of how the lip latent moves and nine tenths of the expression latent; the rest is whose face it is, which
nobody can hear.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import Linear

from .data import TRUTH
from .features import cached, vision_features
from .loop import LoopSettings, TrainingLoop, step_optimiser
from .stage import Stage

WIDTH = 256
FRAMES = 1024  # in a batch


def undrawn_latents(stage: Stage) -> dict[str, np.ndarray]:
    """l_v [s, n, lip] and e_v [s, n, expression] of the clips in the speech set."""
    folder = stage.states / "features"
    names = ("lip", "expression")
    files = {name: folder / f"speech_{name}.npy" for name in names}
    if not all(file.exists() for file in files.values()):
        vision = vision_features(stage)
        network, widths = _learn(stage, {name: vision[name] for name in names})
        with torch.inference_mode():
            said = network(_truth(stage.data.speech, stage.device)).split(widths, dim=-1)
        for name, values in zip(names, said):
            cached(files[name], lambda values=values: values.cpu().numpy().astype(np.float16))
    return {name: np.load(file, mmap_mode="r") for name, file in files.items()}


def _truth(clips: dict[str, np.ndarray], device: torch.device) -> torch.Tensor:
    """What each face does [c, n, d]: articulation, action units, pose, eyes."""
    return torch.from_numpy(np.concatenate([clips[name] for name in TRUTH], -1, dtype=np.float32)).to(device)


def _learn(stage: Stage, latents: dict[str, np.ndarray]) -> tuple[nn.Module, list[int]]:
    """The network from truth to latents, and the widths of what it says."""
    torch.manual_seed(stage.settings.seed)
    truth = _truth(stage.data.clips, stage.device).flatten(0, 1)  # [c*n, d]
    wanted = np.concatenate(list(latents.values()), -1)
    target = torch.from_numpy(wanted.astype(np.float32)).to(stage.device).flatten(0, 1)
    network = _Reader(truth.mean(0), truth.std(0), target.shape[-1]).to(stage.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        k = torch.randint(len(truth), (FRAMES,), generator=generator)
        loss = (network(truth[k]) - target[k]).square().mean()
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach()}

    settings: LoopSettings = stage.settings.undrawn
    loop = TrainingLoop(
        "undrawn", stage.states, {"reader": network}, {"main": optimiser}, settings, stage.settings.seed, stage.on_step
    )
    loop.run(step)
    return network.eval(), [values.shape[-1] for values in latents.values()]


class _Reader(nn.Module):
    """What a face does [..., d] -> its latents [..., out]."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor, out: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation.clamp_min(1e-6))
        width = len(mean)
        self.layers = nn.Sequential(
            Linear(width, WIDTH), nn.GELU(), Linear(WIDTH, WIDTH), nn.GELU(), Linear(WIDTH, out)
        )

    def forward(self, truth: torch.Tensor) -> torch.Tensor:
        return self.layers((truth - self.mean) / self.deviation)
