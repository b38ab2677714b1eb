"""The denoiser's error that renderer and backbone are trained on (EmotiveTalk eq. 11), and where it counts for more."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

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
from ..face.crops import box_masks
from ..models.ethd import ETHD
from ..types import MotionConditions
from .faces import EYE, eyes_mouth, picture_size
from .processes import mean_over_processes
from .ranges import above_zero, at_least, shares
from .source import Clip, Source


@dataclass(frozen=True)
class NoiseLaw:
    """ln sigma ~ N(mean, deviation²), SVD's; for a share `strong` of the samples evenly between `strong_from` and
    sampling's first, sigma = 700. [ours]

    Weights born from SVD have met strong noise in their pre-training; ours start from nothing, and it is there, where
    the picture gives no hint, that the network must read mouth and expression from the conditions.
    """

    mean: float = 0.7
    deviation: float = 1.6
    strong: float = 1 / 3
    strong_from: float = 5.0

    def __post_init__(self) -> None:
        above_zero(self, "deviation", "strong_from")
        shares(self, "strong")

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Noise levels [count]."""
        usual = training_sigmas((count,), generator, self.mean, self.deviation)
        low, high = math.log(self.strong_from), math.log(SIGMA_MAX)
        strong = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
        return torch.where(torch.rand(count, generator=generator) < self.strong, strong, usual)


@dataclass(frozen=True)
class RegionWeights:
    """How much more the face, the lips and the eyes count than the rest, which counts 1. The lips are a fiftieth of the
    picture; without weight they would be learnt last. [ours]
    """

    face: float = 2.0
    lips: float = 5.0
    eyes: float = 0.0

    def __post_init__(self) -> None:
        at_least(0, self, "face", "lips", "eyes")

    def of(self, face: torch.Tensor, lips: torch.Tensor, eyes: torch.Tensor | None = None) -> torch.Tensor:
        weight = 1 + self.face * face + self.lips * lips
        return weight if eyes is None else weight + self.eyes * eyes


def latent_masks(size: int, *masks: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Masks [b, 1, s, s] at the latents' size: any latent that is touched counts."""
    return tuple(F.max_pool2d(mask, mask.shape[-1] // size) for mask in masks)


def weighted_mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The mean of errors [b, …] with weights [b, …, 1 or c, h, w], over the batch of all processes together."""
    return (error * weight).mean() / mean_over_processes(weight.mean())


def masks_of(source: Source, clip: Clip, frame: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """M_face and M_lip [1, 1, s, s] of one frame, from its masks or its boxes."""
    if "face_mask" in clip.fields:
        read = (source.read(clip, f"{part}_mask", frame, frame + 1)[:, None].float() for part in ("face", "lip"))
        pair = (F.interpolate(mask, size=(size, size), mode="nearest-exact") for mask in read)
    else:
        scale = size / picture_size(clip, size)
        boxes = (source.read(clip, f"{part}_box", frame, frame + 1) * scale for part in ("face", "lip"))
        pair = (box_masks(box, size, torch.device("cpu")) for box in boxes)
    face, lips = pair
    return face, lips


def eyes_of(source: Source, clip: Clip, frame: int, size: int) -> torch.Tensor:
    """Where one frame has its eyes, as a mask [1, 1, s, s]; empty where the data does not know."""
    points = eyes_mouth(source, clip, frame, frame + 1)
    if points is None:
        return torch.zeros(1, 1, size, size)
    eyes = points[0, :2] * (size / picture_size(clip, size))
    reach = (eyes[0] - eyes[1]).norm() * torch.tensor(EYE)
    masks = [box_masks(torch.cat([eye - reach, eye + reach])[None], size, torch.device("cpu")) for eye in eyes]
    return torch.maximum(*masks)


def conditions_of(batch: Mapping[str, torch.Tensor]) -> MotionConditions:
    """The conditions in a batch: lip [b, n, l], expression [b, n, e], own [b, e], face_mask, lip_mask [b, 1, s, s]."""
    return MotionConditions(
        lip=batch["lip"],
        driving_expression=batch["expression"],
        reference_expression=batch["own"],
        face_mask=batch["face_mask"],
        lip_mask=batch["lip_mask"],
    )


def denoising_error(
    network: ETHD,
    batch: Mapping[str, torch.Tensor],
    conditions: MotionConditions,
    scaling: float,
    weighting: str = "v",
) -> torch.Tensor:
    """Squared error of the denoiser (EmotiveTalk eq. 11), by `loss_weight` as v-prediction: [b, n, 4, h, w].

    batch: latents [b, n, 4, h, w], unscaled; portrait [b, 1 or n, 4, h, w], one or turned for each frame, unscaled as
    SVD takes it; sigma [b], noise [b, n, 4, h, w], motion_bucket [b]. scaling: what brings latents to unit variance.
    """
    clean, sigma = batch["latents"].float() * scaling, batch["sigma"]
    noisy = add_noise(clean, batch["noise"], sigma)
    x = torch.cat([network_input(noisy, sigma), batch["portrait"].expand_as(clean)], 2)
    added = torch.stack([torch.full_like(sigma, 24.0), batch["motion_bucket"], torch.zeros_like(sigma)], -1)
    raw = network(x, preconditioning(sigma).c_noise, conditions, added).float()
    return (denoised(raw, noisy, sigma) - clean).square() * broadcast_to(loss_weight(sigma, weighting), clean)
