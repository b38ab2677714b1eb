"""Stage 5: the ETHD backbone on talking clips (EmotiveTalk eq. 11), V-AID and VAE frozen."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ..models.ethd import ETHD
from .denoising import RegionWeights, conditions_of, denoising_error, latent_masks, weighted_mean
from .encoders import ETHD_BLOCKS, start_backbone
from .features import add_guides, add_heard, add_latents, add_readings, add_speech
from .films import Films, FilmSettings
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase
from .ranges import at_least


@dataclass(frozen=True)
class ETHDSettings:
    """start: weights that the backbone begins with, by a name in the folder or a path to a .safetensors, e.g. what
    `convert` makes of Stable Video Diffusion; "": new-born, with outputs at zero · first_frames: of each clip whose
    latents are computed, None for all.
    """

    loop: LoopSettings
    films: FilmSettings
    start: str = "training/renderer"
    first_frames: int | None = None
    regions: RegionWeights = field(default_factory=RegionWeights)

    def __post_init__(self) -> None:
        if self.first_frames is not None:
            at_least(1, self, "first_frames")


def train_ethd(job: Job, settings: ETHDSettings) -> None:
    """Writes ethd.safetensors."""
    torch.manual_seed(job.seed)
    network = start_backbone(job, settings.start)
    record = fit_backbone(job, network, "ethd", settings)
    save_backbone(job, network, "ethd", record)


def prepare_films(job: Job, settings: ETHDSettings) -> None:
    """What frozen networks say of the clips, where it is missing."""
    add_latents(job, ("clips",), settings.first_frames)
    add_latents(job, ("held", "portraits", "stills", "turned"))
    add_guides(job, ("clips", "turned"))
    add_readings(job, ("clips", "portraits", "stills", "turned"))
    add_speech(job, ("clips",))
    add_heard(job, ("clips",))


def fit_backbone(job: Job, network: ETHD, name: str, settings: ETHDSettings) -> dict[str, Any]:
    """Trains `network` on films and returns the record of it."""
    prepare_films(job, settings)
    objective = Denoising(network, job.preset.vae.scaling_factor, settings.regions, job.autocast)
    films = settings.films

    def make_films(*, held_out: bool) -> Films:
        return Films(job.source(), films, job.preset.sampling.size, job.seed, held_out=held_out)

    return job.train(name, {"main": Phase(objective, ETHD_BLOCKS)}, settings.loop, make_films, settings)


def save_backbone(job: Job, network: ETHD, name: str, record: Mapping[str, Any]) -> None:
    """Writes the weights in half precision, with the defaults they are sampled by."""
    job.save(name, "ethd", network, network.config, record, half=True, defaults=job.preset.sampling)


class Denoising(nn.Module):
    """Eq. 11 on a batch of films, face and lips weighted."""

    def __init__(
        self,
        network: ETHD,
        scaling: float,
        regions: RegionWeights,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.ethd = network
        self._scaling, self._regions, self._autocast = scaling, regions, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        with self._autocast():
            error = denoising_error(self.ethd, batch, conditions_of(batch), self._scaling)  # [b, n, 4, h, w]
        face, lips = latent_masks(batch["face_mask"], batch["lip_mask"], error.shape[-1])
        loss = weighted_mean(error, self._regions.of(face, lips)[:, None])
        return Outcome(loss, {"loss": loss, "plain": error.mean()})
