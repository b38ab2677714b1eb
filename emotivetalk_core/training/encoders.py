"""Stage 3b: self-driven dropout reconstruction (EmotiveTalk §6.1, fig. 8). The ETHD backbone serves as a renderer of
single images; the adapters of the lip and the expression encoder learn with it, the trunk stays frozen.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from ..diffusion.noise_levels import loss_weight
from ..layers.resnet import SpatioTemporalResBlock
from ..layers.transformer import SpatialBlock, SpatioTemporalTransformer, TemporalBlock
from ..models.ethd import ETHD, ETHDConfig
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..models.presets import ModelPreset
from ..models.wider import wider_backbone
from ..types import MotionConditions
from .denoising import NoiseLaw, RegionWeights, denoising_error, latent_masks, masks_of, weighted_mean
from .faces import encoder_faces, latents_field
from .features import add_latents
from .job import Job
from .learning import Learning, let_learn, merged
from .loop import LoopSettings
from .losses import reconstruction_region
from .parallel import Outcome, Phase, whole_state
from .ranges import at_least
from .samples import Sample, random_below
from .source import Clip, Source
from .step_cost import MetaStep, attention_on_a_card, meta

ARMS = ("lip", "expression", "both")
LIP_ONLY, EXPRESSION_ONLY = 0, 1
ETHD_BLOCKS = (SpatioTemporalResBlock, SpatioTemporalTransformer)
"""What is recomputed and sharded as units."""
INNER_BLOCKS = (SpatialBlock, TemporalBlock)
"""What of them can be recomputed by itself."""


@dataclass(frozen=True)
class EncoderSettings:
    """kinds: of clips; the pairs are two frames of one · start, renderer: weights that encoder and renderer begin with,
    by a name in the folder or a path to a .safetensors; renderer "": untrained, with outputs at zero · adapter_rate: of
    the learning rate, for the adapters · size: of the picture in pixels, 0 for the preset's · measured: faces that the
    latents' statistics are taken of, before the training and after it, 0 where `start` has them · weighting: as
    ETHDSettings' · learning: which of the renderer's weights learn.
    """

    loop: LoopSettings
    kinds: tuple[str, ...] = ("stills",)
    start: str = "training/trunk"
    renderer: str = ""
    adapter_rate: float = 0.3
    noise: NoiseLaw = field(default_factory=NoiseLaw)
    regions: RegionWeights = field(default_factory=RegionWeights)
    size: int = 0
    measured: int = 0
    weighting: str = "v"
    learning: Learning = field(default_factory=Learning)

    def __post_init__(self) -> None:
        at_least(0, self, "adapter_rate", "size", "measured")
        loss_weight(torch.ones(1), self.weighting)  # refuses one that is unknown


def train_encoders(job: Job, settings: EncoderSettings) -> None:
    """Writes motion_encoder.safetensors, and the renderer as `training/renderer`, from which the ETHD stage starts."""
    preset = job.preset
    encoder = job.load(
        settings.start, "motion_encoder", MotionEncoder, MotionEncoderConfig, expected=preset.motion_encoder
    )
    encoder.freeze_trunk()
    add_latents(job, settings.kinds, size=settings.size)
    if settings.measured:
        measure(job, encoder, settings.kinds, settings.measured)
    torch.manual_seed(job.seed)
    renderer = start_backbone(job, settings.renderer)
    let_learn(renderer, settings.learning, half=job.lowers_precision)
    objective = Reconstruction(encoder, renderer, preset.vae.scaling_factor, settings, job.autocast)

    def pairs(*, held_out: bool) -> Pairs:
        return Pairs(job.source(), settings, preset, held_out=held_out)

    record = job.train("encoders", {"main": _phase(objective, settings)}, settings.loop, pairs, settings)
    licence = job.licence(settings.renderer, "ethd")
    merge = None if settings.learning.everything else functools.partial(merged, learning=settings.learning)
    job.save("training/renderer", "ethd", renderer, preset.ethd, record, after=merge, licence=licence)
    whole = MotionEncoder(preset.motion_encoder).to(job.device)
    whole.load_state_dict(whole_state(encoder))
    if settings.measured:  # what later stages read; the renderer knew the latents as they were before the adapters
        measure(job, whole.eval(), settings.kinds, settings.measured)
    licence = job.licence(settings.start, "motion_encoder")
    job.save("motion_encoder", "motion_encoder", whole, preset.motion_encoder, record, licence=licence)


def measure(job: Job, encoder: MotionEncoder, kinds: tuple[str, ...], faces: int) -> None:
    """Takes the statistics of the latents from so many faces, spread over the clips; the same ones in every process."""
    source = job.source()
    clips = [clip for kind in kinds for clip in source.some_clips(kind, "pictures")]
    each = max(1, faces // len(clips))
    lip, expression = [], []
    with torch.inference_mode():
        for clip in clips[:faces]:
            frames = torch.linspace(0, clip.rows("pictures") - 1, each).long().unique().tolist()
            read = [encoder_faces(source, clip, frame, frame + 1, encoder.config, job.device) for frame in frames]
            lip.append(encoder.lip(torch.cat(read), normalised=False).float())
            expression.append(encoder.expression(torch.cat(read), normalised=False).float())
    encoder.set_statistics(torch.cat(lip), torch.cat(expression))


def _phase(objective: "Reconstruction", settings: EncoderSettings) -> Phase:
    rates = (("encoder.", settings.adapter_rate),)
    return Phase(objective, ETHD_BLOCKS, INNER_BLOCKS, rate_scales=rates, skips=True)


def encoder_step(preset: ModelPreset, settings: EncoderSettings) -> MetaStep:
    """A step of pairs on shapes alone, every one of the arm that keeps both latents, which computes most."""
    size = settings.size or preset.sampling.size
    side, read = size // preset.vae.pixels_per_latent, preset.motion_encoder.input_size

    def phase() -> Phase:
        encoder = MotionEncoder(preset.motion_encoder, device="meta")
        encoder.freeze_trunk()
        renderer = ETHD(preset.ethd, device="meta", attention=attention_on_a_card)
        let_learn(renderer, settings.learning, half=True)
        scaling = preset.vae.scaling_factor
        return _phase(Reconstruction(encoder, renderer, scaling, settings, contextlib.nullcontext), settings)

    def batch(count: int) -> Sample:
        latents = meta(count, 1, preset.vae.latent_channels, side, side)
        return {
            "arm": meta(count, dtype=torch.long),
            "faces": meta(count, 3, read, read),
            "own_faces": meta(count, 3, read, read),
            "latents": latents,
            "portrait": latents,
            "face_mask": meta(count, 1, size, size),
            "lip_mask": meta(count, 1, size, size),
            "motion_bucket": meta(count),
            "sigma": meta(count),
            "noise": latents,
        }

    return MetaStep(phase, batch, settings.loop)


def start_backbone(job: Job, start: str) -> ETHD:
    """A backbone of the preset's: from the weights `start`, which may know fewer channels of latents, or untrained,
    with outputs at zero.
    """
    config, vae = job.preset.ethd, job.preset.vae
    build = functools.partial(ETHD, attention=job.attention)
    if start:

        def grown(network: ETHD) -> ETHD:
            fewer = network.config.out_channels < config.out_channels
            return wider_backbone(network, config.out_channels, job.attention) if fewer else network

        network = job.load(start, "ethd", build, ETHDConfig, expected=config, grown=grown)
        return network.train().requires_grad_(True)
    network = build(config).to(job.device)
    network.zero_outputs()
    with torch.no_grad():  # the portrait latent is unscaled: 1/0.18215 times as large as the noisy one beside it
        network.conv_in.weight[:, vae.latent_channels :] *= vae.scaling_factor
    return network


class Pairs:
    """Reference and driving picture of one speaker each, and the arm that the pair is in."""

    def __init__(self, source: Source, settings: EncoderSettings, preset: ModelPreset, *, held_out: bool) -> None:
        self._size = settings.size or preset.sampling.size
        self._side, self._encoder = self._size // preset.vae.pixels_per_latent, preset.motion_encoder
        fields = ("pictures", "latents")
        clips = [clip for kind in settings.kinds for clip in source.some_clips(kind, *fields, held_out=held_out)]
        self._clips = [clip for clip in clips if clip.rows(latents_field(clip, self._side)) > 1]
        self._source, self._noise = source, settings.noise

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clip = self._clips[random_below(len(self._clips), generator)]
        name = latents_field(clip, self._side)
        frames = clip.rows(name)
        reference = random_below(frames, generator)
        driving = (reference + 1 + random_below(frames - 1, generator)) % frames
        face_mask, lip_mask = masks_of(self._source, clip, reference, self._size)
        latents = self._read(clip, name, driving).float()
        return {
            "arm": torch.tensor([random_below(len(ARMS), generator)]),
            "faces": self._picture(clip, driving),
            "own_faces": self._picture(clip, reference),
            "latents": latents[:, None],
            "portrait": self._read(clip, name, reference).float()[:, None],
            "face_mask": face_mask,
            "lip_mask": lip_mask,
            "motion_bucket": torch.zeros(1),
            "sigma": self._noise.draw(1, generator),
            "noise": torch.randn(1, *latents.shape, generator=generator),
        }

    def _read(self, clip: Clip, name: str, frame: int) -> torch.Tensor:
        return self._source.read(clip, name, frame, frame + 1)

    def _picture(self, clip: Clip, frame: int) -> torch.Tensor:
        return encoder_faces(self._source, clip, frame, frame + 1, self._encoder, torch.device("cpu"))


class Reconstruction(nn.Module):
    """One batch of pairs; lip only is scored inside M_lip, expression only inside (1 - M_lip)·M_face, both on the whole
    picture.
    """

    def __init__(
        self,
        encoder: MotionEncoder,
        renderer: ETHD,
        scaling: float,
        settings: EncoderSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.encoder, self.renderer = encoder, renderer
        self._scaling, self._autocast = scaling, autocast
        self._regions, self._weighting = settings.regions, settings.weighting

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        arm, encoder = batch["arm"], self.encoder
        with self._autocast():
            with torch.no_grad():
                own = encoder.expression(batch["own_faces"]).float()
            lip, expression = self._driving(arm, batch["faces"], own)
            conditions = MotionConditions(lip[:, None], expression[:, None], own, batch["face_mask"], batch["lip_mask"])
            error = denoising_error(self.renderer, batch, conditions, self._scaling, self._weighting)[:, 0]
        face, lips = latent_masks(error.shape[-1], batch["face_mask"], batch["lip_mask"])
        regions = torch.stack([reconstruction_region(kept, face, lips) for kept in ARMS])  # [3, b, 1, h, w]
        chosen = regions[arm, torch.arange(len(arm), device=arm.device)]
        loss = weighted_mean(error, self._regions.of(face, lips) * chosen)
        return Outcome(loss, {"loss": loss})

    def _driving(self, arm: torch.Tensor, faces: torch.Tensor, own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Lip and expression latents of the faces by their arms; a dropped latent need not be computed."""
        encoder = self.encoder
        if arm.is_meta:
            return encoder.lip(faces).float(), encoder.expression(faces).float()
        lip, expression = own.new_zeros(len(arm), encoder.config.lip_dim), own.clone()
        hears, feels = arm != EXPRESSION_ONLY, arm != LIP_ONLY
        if hears.any():
            lip[hears] = encoder.lip(faces[hears]).float()
        if feels.any():
            expression[feels] = encoder.expression(faces[feels]).float()
        return lip, expression
