"""Stage 3b: self-driven dropout reconstruction (EmotiveTalk §6.1, fig. 8). The ETHD backbone serves as a renderer of
single images; the adapters of the lip and the expression encoder learn with it, the trunk stays frozen.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from ..face.crops import pictures
from ..layers.resnet import SpatioTemporalResBlock
from ..layers.transformer import SpatioTemporalTransformer
from ..models.ethd import ETHD, ETHDConfig
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..types import MotionConditions
from .denoising import NoiseLaw, RegionWeights, denoising_error, latent_masks, masks_of, weighted_mean
from .features import add_latents
from .job import Job
from .loop import LoopSettings
from .losses import reconstruction_region
from .parallel import Outcome, Phase
from .ranges import at_least
from .samples import Sample, random_below
from .source import Clip, Source

ARMS = ("lip", "expression", "both")
LIP_ONLY, EXPRESSION_ONLY = 0, 1
ETHD_BLOCKS = (SpatioTemporalResBlock, SpatioTemporalTransformer)
"""What is recomputed and sharded as units."""


@dataclass(frozen=True)
class EncoderSettings:
    """kinds: of clips; the pairs are two frames of one · start, renderer: weights that encoder and renderer begin with,
    by a name in the folder or a path to a .safetensors; renderer "": new-born, with outputs at zero.
    """

    loop: LoopSettings
    kinds: tuple[str, ...] = ("stills",)
    start: str = "training/trunk"
    renderer: str = ""
    adapter_rate: float = 0.3
    noise: NoiseLaw = field(default_factory=NoiseLaw)
    regions: RegionWeights = field(default_factory=RegionWeights)

    def __post_init__(self) -> None:
        at_least(0, self, "adapter_rate")


def train_encoders(job: Job, settings: EncoderSettings) -> None:
    """Writes motion_encoder.safetensors, and the renderer as `training/renderer`, from which the ETHD stage starts."""
    preset = job.preset
    encoder = job.load(
        settings.start, "motion_encoder", MotionEncoder, MotionEncoderConfig, expected=preset.motion_encoder
    )
    encoder.freeze_trunk()
    add_latents(job, settings.kinds)
    torch.manual_seed(job.seed)
    renderer = start_backbone(job, settings.renderer)
    objective = Reconstruction(encoder, renderer, preset.vae.scaling_factor, settings.regions, job.autocast)
    phase = Phase(objective, ETHD_BLOCKS, rate_scales=(("encoder.", settings.adapter_rate),), skips=True)

    def pairs(*, held_out: bool) -> Pairs:
        return Pairs(job.source(), settings, preset.sampling.size, held_out=held_out)

    record = job.train("encoders", {"main": phase}, settings.loop, pairs, settings)
    job.save("training/renderer", "ethd", renderer, preset.ethd, record)
    job.save("motion_encoder", "motion_encoder", encoder, preset.motion_encoder, record)


def start_backbone(job: Job, start: str) -> ETHD:
    """A backbone of the preset's: from the weights `start`, or new-born, whose outputs are zero."""
    config, vae = job.preset.ethd, job.preset.vae
    build = functools.partial(ETHD, attention=job.attention)
    if start:
        return job.load(start, "ethd", build, ETHDConfig, expected=config).train().requires_grad_(True)
    network = build(config).to(job.device)
    network.zero_outputs()
    with torch.no_grad():  # the portrait latent is unscaled: 1/0.18215 times as large as the noisy one beside it
        network.conv_in.weight[:, vae.latent_channels :] *= vae.scaling_factor
    return network


class Pairs:
    """Reference and driving picture of one speaker each, and the arm that the pair is in."""

    def __init__(self, source: Source, settings: EncoderSettings, size: int, *, held_out: bool) -> None:
        fields = ("pictures", "latents")
        clips = [clip for kind in settings.kinds for clip in source.some_clips(kind, *fields, held_out=held_out)]
        self._clips = [clip for clip in clips if clip.rows("latents") > 1]
        self._source, self._noise, self._size = source, settings.noise, size

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clip = self._clips[random_below(len(self._clips), generator)]
        frames = clip.rows("latents")
        reference = random_below(frames, generator)
        driving = (reference + 1 + random_below(frames - 1, generator)) % frames
        face_mask, lip_mask = masks_of(self._source, clip, reference, self._size)
        latents = self._read(clip, "latents", driving).float()
        return {
            "arm": torch.tensor([random_below(len(ARMS), generator)]),
            "faces": self._picture(clip, driving),
            "own_faces": self._picture(clip, reference),
            "latents": latents[:, None],
            "portrait": self._read(clip, "latents", reference).float()[:, None],
            "face_mask": face_mask,
            "lip_mask": lip_mask,
            "motion_bucket": torch.zeros(1),
            "sigma": self._noise.draw(1, generator),
            "noise": torch.randn(1, *latents.shape, generator=generator),
        }

    def _read(self, clip: Clip, name: str, frame: int) -> torch.Tensor:
        return self._source.read(clip, name, frame, frame + 1)

    def _picture(self, clip: Clip, frame: int) -> torch.Tensor:
        return pictures(self._read(clip, "pictures", frame).numpy(), torch.device("cpu"))


class Reconstruction(nn.Module):
    """One batch of pairs; lip only is scored inside M_lip, expression only inside (1 - M_lip)·M_face, both on the whole
    picture.
    """

    def __init__(
        self,
        encoder: MotionEncoder,
        renderer: ETHD,
        scaling: float,
        regions: RegionWeights,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.encoder, self.renderer = encoder, renderer
        self._scaling, self._regions, self._autocast = scaling, regions, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        arm, encoder = batch["arm"], self.encoder
        with self._autocast():
            with torch.no_grad():
                own = encoder.expression(batch["own_faces"]).float()
            lip, expression = own.new_zeros(len(arm), encoder.config.lip_dim), own.clone()
            hears, feels = arm != EXPRESSION_ONLY, arm != LIP_ONLY  # a dropped latent need not be computed
            if hears.any():
                lip[hears] = encoder.lip(batch["faces"][hears]).float()
            if feels.any():
                expression[feels] = encoder.expression(batch["faces"][feels]).float()
            conditions = MotionConditions(lip[:, None], expression[:, None], own, batch["face_mask"], batch["lip_mask"])
            error = denoising_error(self.renderer, batch, conditions, self._scaling)[:, 0]
        face, lips = latent_masks(batch["face_mask"], batch["lip_mask"], error.shape[-1])
        regions = torch.stack([reconstruction_region(kept, face, lips) for kept in ARMS])  # [3, b, 1, h, w]
        chosen = regions[arm, torch.arange(len(arm), device=arm.device)]
        loss = weighted_mean(error, self._regions.of(face, lips) * chosen)
        return Outcome(loss, {"loss": loss})
