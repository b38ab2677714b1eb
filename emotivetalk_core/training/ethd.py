"""Stage 5: the ETHD backbone on talking clips (EmotiveTalk eq. 11), V-AID and VAE frozen. It starts from the renderer
of stage 3.
"""

import dataclasses
import functools

import numpy as np
import torch
from torch.nn import functional as F

from ..models.checkpoint import load_network, save_checkpoint
from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import DEMO
from ..types import MotionConditions
from .encoders import denoising_error, region_weight
from .features import clip_latents, reference_latents, vision_features
from .loop import TrainingLoop, step_optimiser
from .stage import Stage, box_masks
from .v_aid import audio_latents

FROM_VISION = 0.6  # share of steps that are driven by e_v, the rest by e_a (§6.4)
DROP = 0.1  # each of the two conditions, for guidance at inference [we]


def motion_bucket(pose: np.ndarray) -> np.ndarray:
    """How much a head moves, as SVD's micro-condition 0…255: pose [..., n, 6] → [...]. The spread of the pose over
    time, its six parts brought to a common size (radians; picture fractions × 5); 60 is an ordinary talking head.
    """
    spread = pose.std(-2) * np.array([1, 1, 1, 5, 5, 2])
    return np.clip(np.sqrt((spread**2).sum(-1)) * 800, 0, 255).astype(np.float32)


def train_ethd(stage: Stage) -> None:
    """Writes ethd.safetensors."""
    settings = stage.settings
    torch.manual_seed(settings.seed)
    build = functools.partial(ETHD, attention=stage.attention)
    network = (
        load_network(stage.states / "renderer.safetensors", "ethd", build, ETHDConfig, stage.device)
        .train()
        .requires_grad_(True)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)
    latents, portraits, vision, audio = (
        clip_latents(stage),
        reference_latents(stage),
        vision_features(stage),
        audio_latents(stage),
    )
    clips = stage.data.clips
    count, frames, size = settings.ethd_batch, settings.ethd_frames, settings.data.picture
    buckets = motion_bucket(
        np.stack([clips["pose"][:, s : s + frames] for s in range(0, clips["pose"].shape[1] - frames, frames)], 1)
    )

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        c = torch.randint(latents.shape[0], (count,), generator=generator).numpy()
        r = torch.randint(portraits.shape[1], (count,), generator=generator).numpy()
        starts = torch.randint(latents.shape[1] - frames + 1, (count,), generator=generator).numpy()

        def cut(values: np.ndarray) -> torch.Tensor:
            window = np.stack([values[i, s : s + frames] for i, s in zip(c, starts, strict=True)])
            return torch.from_numpy(window.astype(np.float32)).to(stage.device)

        own = torch.from_numpy(vision["reference_expression"][c, r].astype(np.float32)).to(stage.device)
        from_vision = torch.rand(count, 1, 1, generator=generator).to(stage.device) < FROM_VISION
        expression = torch.where(from_vision, cut(vision["expression"]), cut(audio["expression"]))
        lip = cut(audio["lip"])
        drop = torch.rand(2, count, 1, 1, generator=generator).to(stage.device) < DROP
        lip = torch.where(drop[0], torch.zeros_like(lip), lip)
        expression = torch.where(drop[1], own[:, None].expand_as(expression), expression)
        face = box_masks(clips["reference_face_box"][c, r], size, stage.device)
        lips = box_masks(clips["reference_lip_box"][c, r], size, stage.device)
        conditions = MotionConditions(lip, expression, own, face, lips)
        clean = cut(latents) * DEMO.vae.scaling_factor
        portrait = torch.from_numpy(portraits[c, r].astype(np.float32)).to(stage.device)
        bucket = torch.from_numpy(
            motion_bucket(np.stack([clips["pose"][i, s : s + frames] for i, s in zip(c, starts, strict=True)]))
        )
        with stage.autocast():
            error = denoising_error(network, clean, portrait, conditions, bucket, generator)  # [b, n, 4, h, w]
        scale = size // error.shape[-1]
        weight = region_weight(F.max_pool2d(face, scale), F.max_pool2d(lips, scale))[:, None]
        loss = (error * weight).mean() / weight.mean()
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach(), "plain": error.detach().mean()}

    loop = TrainingLoop(
        "ethd", stage.states, {"ethd": network}, {"main": optimiser}, settings.ethd, settings.seed, stage.on_step
    )
    record = loop.run(step)
    usual = dataclasses.replace(DEMO.sampling, motion_bucket=round(float(np.median(buckets)), 1))
    save_checkpoint(stage.weights("ethd"), "ethd", network, DEMO.ethd, record, defaults=usual)
