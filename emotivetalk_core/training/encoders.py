"""Stage 3b: self-driven dropout reconstruction (EmotiveTalk §6.1, fig. 8). The ETHD backbone serves as a renderer of
single images; the adapters of the lip and the expression encoder learn with it, the trunk stays frozen.
"""

import math

import numpy as np
import torch

from ..diffusion.noise_levels import (
    SIGMA_MAX,
    add_noise,
    broadcast_to,
    denoised,
    loss_weight,
    network_input,
    preconditioning,
    training_sigmas,
)
from ..face.crops import box_masks, pictures
from ..models.checkpoint import save_checkpoint
from ..models.ethd import ETHD
from ..models.motion_encoder import MotionEncoder
from ..models.presets import DEMO
from ..types import MotionConditions
from .features import still_latents
from .loop import TrainingLoop, step_optimiser
from .losses import reconstruction_region
from .stage import Stage, still_pairs
from .trunk import train_trunk

ARMS = ("lip", "expression", "both")
LIP_ONLY, EXPRESSION_ONLY = 0, 1


def train_encoders(stage: Stage) -> None:
    """Writes motion_encoder.safetensors, and the renderer as `training/renderer`, from which the ETHD stage starts."""
    settings = stage.settings
    encoder = train_trunk(stage)
    latents = still_latents(stage)  # [i, k, 4, h, w] unscaled modes
    torch.manual_seed(settings.seed)
    renderer = ETHD(DEMO.ethd, attention=stage.attention).to(stage.device)
    renderer.zero_outputs()
    with torch.no_grad():  # the portrait latent is unscaled: 1/0.18215 times as large as the noisy one beside it
        renderer.conv_in.weight[:, DEMO.vae.latent_channels :] *= DEMO.vae.scaling_factor
    adapters = [p for p in encoder.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": renderer.parameters()}, {"params": adapters, "rate_scale": 0.3}], lr=1e-3, weight_decay=0.01
    )

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        loss = reconstruction_step(stage, encoder, renderer, latents, generator)
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach()}

    modules = {"encoder": encoder, "renderer": renderer}
    loop = TrainingLoop(
        "encoders", stage.states, modules, {"main": optimiser}, settings.encoders, settings.seed, stage.on_step
    )
    record = loop.run(step)
    save_checkpoint(stage.weights("motion_encoder"), "motion_encoder", encoder, DEMO.motion_encoder, record)
    save_checkpoint(stage.states / "renderer.safetensors", "ethd", renderer, DEMO.ethd, record)


def reconstruction_step(
    stage: Stage, encoder: MotionEncoder, renderer: ETHD, latents: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """One batch of pairs (reference, driving picture) of one speaker each; every pair in one of the three arms.

    Lip only is scored inside M_lip, expression only inside (1 - M_lip)·M_face, both on the whole picture.
    """
    stills, count, device = stage.data.stills, stage.settings.encoders_batch, stage.device
    i, reference, driving = still_pairs(stills, count, generator)
    arm = torch.randint(3, (count,), generator=generator).to(device)

    scaled = (
        torch.from_numpy(latents[i, driving].astype(np.float32)).to(device) * DEMO.vae.scaling_factor
    )  # [b, 4, h, w]
    portrait = torch.from_numpy(latents[i, reference].astype(np.float32)).to(device)
    size = stage.settings.data.picture
    face_mask = box_masks(stills["face_box"][i, reference], size, device)
    lip_mask = box_masks(stills["lip_box"][i, reference], size, device)
    with stage.autocast():
        faces = pictures(stills["pixels"][i, driving], device)
        with torch.no_grad():
            own = encoder.expression(pictures(stills["pixels"][i, reference], device)).float()
        lip, expression = torch.zeros(count, encoder.config.lip_dim, device=device), own.clone()
        hears, feels = arm != EXPRESSION_ONLY, arm != LIP_ONLY  # a dropped latent need not be computed
        lip[hears] = encoder.lip(faces[hears]).float()
        expression[feels] = encoder.expression(faces[feels]).float()
        conditions = MotionConditions(lip[:, None], expression[:, None], own, face_mask, lip_mask)
        error = denoising_error(renderer, scaled[:, None], portrait, conditions, torch.zeros(count), generator)[:, 0]

    scale = size // error.shape[-1]
    lips, face = (
        torch.nn.functional.max_pool2d(mask, scale) for mask in (lip_mask, face_mask)
    )  # any touched latent counts
    weight = region_weight(face, lips)
    regions = torch.stack([reconstruction_region(kept, face, lips) for kept in ARMS])  # [3, b, 1, h, w]
    chosen = regions[arm, torch.arange(count, device=device)]
    weight = weight * chosen
    return (error * weight).sum() / (weight.sum() * error.shape[1])


def region_weight(face: torch.Tensor, lips: torch.Tensor) -> torch.Tensor:
    """The lips are a fiftieth of the picture; without weight they would be learnt last. [we]"""
    return 1 + 2 * face + 5 * lips


def noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """SVD's training noise levels, and for a third of the samples higher ones, evenly in ln sigma up to sampling's
    first, sigma = 700. [we]

    Weights born from SVD have met those in their pre-training; ours start from nothing, and it is there, where the
    picture gives no hint, that the network must read mouth and expression from the conditions.
    """
    usual = training_sigmas((count,), generator)
    low, high = math.log(5.0), math.log(SIGMA_MAX)
    strong = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
    return torch.where(torch.rand(count, generator=generator) < 1 / 3, strong, usual)


def denoising_error(
    network: ETHD,
    clean: torch.Tensor,
    portrait: torch.Tensor,
    conditions: MotionConditions,
    motion_bucket: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Squared error of the denoiser (EmotiveTalk eq. 11), weighted as v-prediction: [b, n, 4, h, w] for clean [b, n,
    4, h, w] and portrait [b, 4, h, w], or [b, n, 4, h, w] where it is turned for each frame.
    """
    count, device = clean.shape[0], clean.device
    sigma = noise_levels(count, generator).to(device)
    noise = torch.randn(clean.shape, generator=generator).to(device)
    noisy = add_noise(clean, noise, sigma)
    beside = portrait if portrait.dim() == 5 else portrait[:, None].expand_as(clean)
    x = torch.cat([network_input(noisy, sigma), beside], 2)
    added = torch.stack([torch.full((count,), 24.0), motion_bucket.cpu().float(), torch.zeros(count)], -1).to(device)
    raw = network(x, preconditioning(sigma).c_noise, conditions, added).float()
    weight = broadcast_to(loss_weight(sigma, "v"), clean)
    return (denoised(raw, noisy, sigma) - clean).square() * weight
