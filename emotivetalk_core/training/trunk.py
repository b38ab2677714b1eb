"""Stage 3a: the demo's stand-in for PD-FGC's pre-training. PD-FGC learnt its factors from thousands of people; here
the drawn heads know theirs, so the small trunk learns to name them: speech articulation for the lip latent, action
units and lids for the expression latent, head pose, blink and gaze. Each truth is spread over its latent by a fixed
random map, so that every dimension carries it and none is left over to carry identity.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.motion_encoder import MotionEncoder
from ..models.presets import DEMO
from .loop import TrainingLoop, step_optimiser
from .stage import Stage


class TruthMaps:
    """Fixed random maps from the generator's truth to latents of about zero mean and unit variance."""

    def __init__(self, stills: dict[str, np.ndarray], lip_dim: int, expression_dim: int, device: torch.device):
        generator = torch.Generator().manual_seed(31)
        mouth = torch.from_numpy(np.array(stills["mouth"])).flatten(0, 1)
        face = expression_truth(stills["action_units"][:], stills["eye"][:]).flatten(0, 1)
        self.mouth_mean, self.mouth_std = mouth.mean(0).to(device), mouth.std(0).add(1e-6).to(device)
        self.face_mean, self.face_std = face.mean(0).to(device), face.std(0).add(0.05).to(device)
        # cosines of random directions: a smooth embedding in which near mouths stay near
        self.directions = (torch.randn(mouth.shape[1], lip_dim, generator=generator) * 0.5).to(device)
        self.phases = (torch.rand(lip_dim, generator=generator) * 2 * math.pi).to(device)
        square = torch.linalg.qr(torch.randn(expression_dim, expression_dim, generator=generator))[0]
        self.spread = (square[: face.shape[1]] * math.sqrt(expression_dim / face.shape[1])).to(
            device
        )  # [truth, latent]

    def lip(self, mouth: torch.Tensor) -> torch.Tensor:
        """Articulation [b, 5] -> [b, lip_dim]."""
        return math.sqrt(2) * torch.cos((mouth - self.mouth_mean) / self.mouth_std @ self.directions + self.phases)

    def expression(self, face: torch.Tensor) -> torch.Tensor:
        """Action units and blink [b, a + 1] -> [b, expression_dim]."""
        return (face - self.face_mean) / self.face_std @ self.spread


def expression_truth(action_units: np.ndarray, eye: np.ndarray) -> torch.Tensor:
    """Action units [..., a] and the blink [..., 1] side by side."""
    return torch.from_numpy(np.concatenate([action_units, eye[..., :1]], -1).astype(np.float32))


def train_trunk(stage: Stage) -> MotionEncoder:
    """Returns the motion encoder with its trunk and heads trained; adapters are still at zero."""
    settings = stage.settings
    torch.manual_seed(settings.seed)
    encoder = MotionEncoder(DEMO.motion_encoder).to(stage.device)
    maps = TruthMaps(stage.data.stills, DEMO.motion_encoder.lip_dim, DEMO.motion_encoder.expression_dim, stage.device)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=0.01)
    stills = stage.data.stills
    identities, each = stills["emotion"].shape
    scale = torch.tensor([0.1, 0.1, 0.1, 0.03, 0.03, 0.03], device=stage.device)  # radians, picture fractions, scale
    rest = torch.tensor([0, 0, 0, 0, 0, 1.0], device=stage.device)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        i = torch.randint(identities, (settings.trunk_batch,), generator=generator).numpy()
        k = torch.randint(each, (settings.trunk_batch,), generator=generator).numpy()
        faces = augment(pictures(stills["pixels"][i, k], stage.device), generator)
        truth = {key: torch.from_numpy(stills[key][i, k]).to(stage.device) for key in ("mouth", "pose", "eye")}
        face = expression_truth(stills["action_units"][i, k], stills["eye"][i, k]).to(stage.device)
        with stage.autocast():
            plain = encoder.identity(faces)
            read = encoder.latents(plain, plain, plain)  # the adapters are still at zero
        lip = F.mse_loss(read.lip.float(), maps.lip(truth["mouth"]))
        expression = F.mse_loss(read.expression.float(), maps.expression(face))
        pose = F.mse_loss(read.pose.float(), (truth["pose"] - rest) / scale)
        eye = F.mse_loss(read.eye.float()[:, :3], truth["eye"])
        step_optimiser(lip + expression + 0.1 * pose + eye, optimiser)
        return {"lip": lip.detach(), "expression": expression.detach(), "pose": pose.detach(), "eye": eye.detach()}

    loop = TrainingLoop(
        "trunk", stage.states, {"encoder": encoder}, {"main": optimiser}, settings.trunk, settings.seed, stage.on_step
    )
    loop.run(step)
    encoder.eval()
    encoder.freeze_trunk()
    with torch.inference_mode():
        sample = stills["pixels"][: min(identities, 800), 0]
        parts = [pictures(part, stage.device) for part in np.array_split(sample, max(1, len(sample) // 64))]
        lip, expression = (
            torch.cat([read(part).float() for part in parts]) for read in (encoder.lip, encoder.expression)
        )
    encoder.set_statistics(lip, expression)
    return encoder


def augment(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random shift, scale, turn, colour and noise, so that the latents tell the face and not its place in the
    picture.
    """
    count = faces.shape[0]

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator).to(faces.device)

    angle, zoom, shift = normal() * 0.04, torch.exp(normal() * 0.05), normal(2) * 0.035
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    matrix = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], -1).view(count, 2, 3)
    grid = F.affine_grid(matrix, list(faces.shape), align_corners=False)
    faces = F.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    faces = (faces - 0.5) * torch.exp(normal(1, 1, 1) * 0.15) + 0.5 + normal(3, 1, 1) * 0.04
    return (faces + normal(*faces.shape[1:]) * 0.02).clamp(0, 1)
