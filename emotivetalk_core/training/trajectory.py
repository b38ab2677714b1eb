"""The way from a batch's noise to clean latents: what sampling does in one window, for trainings that learn from it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..diffusion.noise_levels import ddim_step, denoised, network_input, preconditioning
from ..models.ethd import ETHD
from ..sampling.guidance import guided
from ..types import FRAMES_PER_SECOND, MotionConditions
from .denoising import conditions_of


def answer(
    network: ETHD,
    batch: Mapping[str, Tensor],
    noisy: Tensor,
    sigma: Tensor,
    lip_guidance: float = 1.0,
    emotion_guidance: float = 1.0,
) -> Tensor:
    """D [b, n, 4, h, w], float32, of noisy latents of that shape at the noise level `sigma` [], as the sampler computes
    it, guidance included.

    batch: portrait [b, 1 or n, 4, h, w], motion_bucket [b] and what `conditions_of` takes.
    """
    bucket, full = batch["motion_bucket"], conditions_of(batch)
    portrait = batch["portrait"].expand_as(noisy)
    added = torch.stack([torch.full_like(bucket, FRAMES_PER_SECOND - 1.0), bucket, torch.zeros_like(bucket)], -1)
    given = torch.cat([network_input(noisy, sigma), portrait], 2)
    c_noise = preconditioning(sigma).c_noise.expand(len(noisy))

    def raw(conditions: MotionConditions, _: str) -> Tensor:
        return network(given, c_noise, conditions, added).float()

    return denoised(guided(raw, full, lip_guidance, emotion_guidance), noisy, sigma)


@torch.no_grad()
def trajectory(
    network: ETHD,
    batch: Mapping[str, Tensor],
    sigmas: Tensor,
    lip_guidance: float = 1.0,
    emotion_guidance: float = 1.0,
) -> list[Tensor]:
    """The noisy latents at every one of the noise levels [k + 1], from the batch's noise at the first to what is clean
    at the last: k + 1 times [b, n, 4, h, w], scaled, float32.
    """
    way = [batch["noise"] * sigmas[0]]
    for sigma, after in zip(sigmas, sigmas[1:]):
        clean = answer(network, batch, way[-1], sigma, lip_guidance, emotion_guidance)
        way.append(ddim_step(way[-1], clean, sigma, after))
    return way
