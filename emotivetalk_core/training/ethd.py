"""Stage 5: the ETHD backbone on talking clips (EmotiveTalk eq. 11), V-AID and VAE frozen."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from ..diffusion.noise_levels import loss_weight
from ..models.ethd import ETHD
from ..models.presets import ModelPreset, windows_at
from ..weight_files.checkpoint import read_checkpoint, save_checkpoint
from .change_file import changes
from .denoising import RegionWeights, conditions_of, denoising_error, latent_masks, weighted_mean
from .encoders import ETHD_BLOCKS, INNER_BLOCKS, start_backbone
from .features import add_guides, add_heard, add_latents, add_readings, add_speech
from .filming import Filming, FilmingSettings
from .films import Films, FilmSettings
from .job import Job
from .learning import Learning, let_learn, merged
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .ranges import at_least
from .samples import Sample
from .step_cost import MetaStep, attention_on_a_card, meta


@dataclass(frozen=True)
class ETHDSettings:
    """start: weights that the backbone begins with, by a name in the folder or a path to a .safetensors, e.g. what
    `convert` makes of Stable Video Diffusion; "": untrained, with outputs at zero · first_frames: of each clip whose
    latents are computed, None for all · learning: which weights learn · name: of the file that is written · size: of
    the picture in pixels, and so of the latents; 0 for the preset's · weighting: of the error by noise level, "v" as
    SVD's, or "x0", eq. 11 to the letter · filming: of people who are held out, during the training · apart:
    name of a file that what was learnt goes to alone, for ComfyUI's Load LoRA; "": none.
    """

    loop: LoopSettings
    films: FilmSettings
    start: str = "training/renderer"
    first_frames: int | None = None
    regions: RegionWeights = field(default_factory=RegionWeights)
    learning: Learning = field(default_factory=Learning)
    name: str = "ethd"
    size: int = 0
    weighting: str = "v"
    filming: FilmingSettings = field(default_factory=lambda: FilmingSettings(times=0))
    apart: str = ""

    def __post_init__(self) -> None:
        if self.first_frames is not None:
            at_least(1, self, "first_frames")
        at_least(0, self, "size")
        loss_weight(torch.ones(1), self.weighting)  # refuses one that is unknown


def train_ethd(job: Job, settings: ETHDSettings) -> None:
    """Writes ethd.safetensors, or the file that the settings name."""
    torch.manual_seed(job.seed)
    network = start_backbone(job, settings.start)
    let_learn(network, settings.learning, half=job.lowers_precision)
    record = fit_backbone(job, network, settings.name, settings)
    if settings.apart:
        save_change(job, network, record, settings)
    save_backbone(job, network, settings.name, record, settings)


def train_ethd_anew(job: Job, settings: ETHDSettings) -> None:
    """Goes on from the backbone that is there, with what the data has come to hold, and writes it in its place; the
    same as training/NAME by the settings' name.
    """
    torch.manual_seed(job.seed)
    network = start_backbone(job, settings.start)
    record = fit_backbone(job, network, settings.name, settings)
    for name in (settings.start, f"training/{settings.name}"):
        save_backbone(job, network, name, record, settings)


def prepare_films(job: Job, settings: ETHDSettings) -> None:
    """What frozen networks say of the clips, where it is missing."""
    kinds = settings.films.kinds
    add_latents(job, kinds("clips"), settings.first_frames, settings.size)
    add_latents(job, kinds("held", "portraits", "stills", "turned"), size=settings.size)
    if settings.films.shares.guided or settings.films.shares.single:
        add_guides(job, kinds("clips", "turned"))
    add_readings(job, kinds("clips", "portraits", "stills", "turned"))
    add_speech(job, ("clips",))
    add_heard(job, ("clips",))


def fit_backbone(job: Job, network: ETHD, name: str, settings: ETHDSettings) -> dict[str, Any]:
    """Trains `network` on films and returns the record of it."""
    return fit(job, Denoising(network, job.preset.vae.scaling_factor, settings, job.autocast), name, settings)


def fit(job: Job, objective: "Denoising", name: str, settings: ETHDSettings) -> dict[str, Any]:
    """Trains the objective's network on films and returns the record of it."""
    prepare_films(job, settings)
    films, size = settings.films, settings.size or job.preset.sampling.size

    def make_films(*, held_out: bool) -> Films:
        side = size // job.preset.vae.pixels_per_latent
        return Films(job.source(), films, size, side, job.seed, held_out=held_out)

    watch = Filming(job, objective.denoise, name, settings.filming, size) if settings.filming.times else None
    phases = {"main": denoising_phase(objective)}
    times = settings.filming.times
    return job.train(name, phases, settings.loop, make_films, settings, watch=watch, watch_times=times)


def denoising_phase(objective: "Denoising") -> Phase:
    return Phase(objective, ETHD_BLOCKS, INNER_BLOCKS)


def denoising_step(preset: ModelPreset, settings: ETHDSettings) -> MetaStep:
    """A step of films on shapes alone."""
    size, frames = settings.size or preset.sampling.size, settings.films.frames
    side, config = size // preset.vae.pixels_per_latent, preset.ethd

    def phase() -> Phase:
        network = ETHD(config, device="meta", attention=attention_on_a_card)
        let_learn(network, settings.learning, half=True)
        return denoising_phase(Denoising(network, preset.vae.scaling_factor, settings, contextlib.nullcontext))

    def batch(count: int) -> Sample:
        latents = (count, frames, preset.vae.latent_channels, side, side)
        return {
            "latents": meta(*latents),
            "portrait": meta(count, 1, *latents[2:]),
            "lip": meta(count, frames, config.lip_dim),
            "expression": meta(count, frames, config.expression_dim),
            "own": meta(count, config.expression_dim),
            "face_mask": meta(count, 1, size, size),
            "lip_mask": meta(count, 1, size, size),
            "eye_mask": meta(count, 1, size, size),
            "motion_bucket": meta(count),
            "sigma": meta(count),
            "noise": meta(*latents),
        }

    return MetaStep(phase, batch, settings.loop)


def save_change(job: Job, network: ETHD, record: Mapping[str, Any], settings: ETHDSettings) -> None:
    """Writes what the training changed, apart from what it began with."""
    state = whole_state(network)
    if job.engine.processes.first:
        start = read_checkpoint(job.weights(settings.start), "ethd").tensors
        found = changes(state, start, settings.learning)
        full_record = {**record, **job.provenance, "change_of": str(job.weights(settings.start).name)}
        licence = job.licensed(job.licence(settings.start, "ethd"))
        save_checkpoint(job.weights(settings.apart), "ethd_change", found, {}, full_record, licence=licence)
    job.engine.processes.wait()


def save_backbone(
    job: Job, network: ETHD, name: str, record: Mapping[str, Any], settings: ETHDSettings, steps: int = 0
) -> None:
    """Writes the weights in half precision, changes of low rank merged, with the defaults they are sampled by.

    steps: of the sampling, 0 for the preset's.
    """
    size = settings.size or job.preset.sampling.size
    window, overlap = windows_at(job.preset.sampling, size)
    steps = steps or job.preset.sampling.steps
    defaults = replace(job.preset.sampling, steps=steps, size=size, window=window, overlap=overlap)
    merge = None if settings.learning.everything else functools.partial(merged, learning=settings.learning)
    licence = job.licence(settings.start, "ethd")
    job.save(name, "ethd", network, network.config, record, half=True, defaults=defaults, after=merge, licence=licence)


class Denoising(nn.Module):
    """Eq. 11 on a batch of films, face and lips weighted."""

    def __init__(
        self,
        network: ETHD,
        scaling: float,
        settings: ETHDSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.ethd = network
        self._scaling, self._autocast = scaling, autocast
        self._regions, self._weighting = settings.regions, settings.weighting

    def denoise(self, *given: Any) -> torch.Tensor:
        """The backbone's own answer, as ETHD.forward gives it: through this module, which sharding wraps as a whole."""
        return self({}, given)  # type: ignore[return-value]

    def forward(self, batch: Mapping[str, torch.Tensor], given: tuple[Any, ...] = ()) -> Outcome | torch.Tensor:
        """given: what the backbone alone is to answer."""
        if given:
            return self.ethd(*given)
        error = self.error(batch)
        masks = (batch[f"{place}_mask"] for place in ("face", "lip", "eye"))
        loss = weighted_mean(error, self._regions.of(*latent_masks(error.shape[-1], *masks))[:, None])
        return Outcome(loss, {"loss": loss, "plain": error.mean()})

    def error(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Squared and weighted by noise level: [b, n, 4, h, w]."""
        with self._autocast():
            return denoising_error(self.ethd, batch, conditions_of(batch), self._scaling, self._weighting)
