"""The decoder once more, on what the backbone films at that moment. [ours]

What the backbone makes lies between several pictures that it might have made, and a decoder that saw an encoder's
latents alone shows that as smears. Here the same frozen backbone films people whose true pictures are known, anew in
every step: heads that hold still, or pictures of one pose, where nothing has to be invented.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..diffusion.noise_levels import noise_grid
from ..face.crops import pictures
from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import SamplingDefaults
from ..models.vae_checkpoint import load_vae
from ..models.vae_network import TemporalVAE, build_vae
from .decoder import Judging, near_the_middle, picture_differences
from .films import Films, FilmSettings, FilmShares
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .patch_judge import Judged, PatchJudge
from .ranges import at_least, shares
from .samples import Sample, chance
from .source import Clip, Source
from .trajectory import trajectory
from .vae_anew import as_decoded, places_that_count

_CPU = torch.device("cpu")
STILL = FilmShares(held=1.0, guided=0.0, single=0.6, turned=0.0, from_vision=1.0, lips_from_vision=1.0, drop=0.0)
"""What can be filmed where the truth is known: heads that do not move, driven by what is seen of them."""


@dataclass(frozen=True)
class PolishSettings:
    """films: what is filmed; heads that move on their own have no true picture · made: the share of films whose latents
    are the backbone's, the rest is the encoder's · cut: the side of the square that is decoded, in latents · face,
    eyes, lips: how much more these count than the rest, which counts 1 · judged, judged_from: as DecoderSettings'.
    """

    loop: LoopSettings
    films: FilmSettings = field(default_factory=lambda: FilmSettings(frames=8, shares=STILL))
    made: float = 0.75
    cut: int = 16
    face: float = 2.0
    eyes: float = 5.0
    lips: float = 5.0
    judged: float = 0.01
    judged_from: float = 0.2

    def __post_init__(self) -> None:
        shares(self, "made", "judged_from")
        at_least(1, self, "cut", "face", "eyes", "lips")
        at_least(0, self, "judged")


def polish_decoder(job: Job, settings: PolishSettings) -> None:
    """Writes vae.safetensors, which must be there as ethd.safetensors must, and the same as training/polish."""
    torch.manual_seed(job.seed)
    vae = load_vae(job.weights("vae"), job.device)
    vae.requires_grad_(False).decoder.requires_grad_(True)
    backbone = job.load("ethd", "ethd", ETHD, ETHDConfig)
    judge, sampling = PatchJudge(), job.preset.sampling
    objective = Polishing(vae, backbone, judge, sampling, settings, job.autocast)

    def films(*, held_out: bool) -> FilmsWithPictures:
        return FilmsWithPictures(job.source(), settings, vae, sampling.size, job.seed, held_out=held_out)

    phases = {"main": Phase(objective, decay=0.0, skips=True), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("polish", phases, settings.loop, films, settings)
    whole = build_vae(vae.config)
    whole.load_state_dict(whole_state(vae))
    for name in ("vae", "training/polish"):
        job.save(name, "vae", whole, vae.config, record)


class FilmsWithPictures(Films):
    """Films that the backbone can learn from, and beside them squares of the true pictures [k, n, 3, C, C], where they
    count [k, n, 1, C, C], and the squares' first corners in latents [k, 2].
    """

    def __init__(
        self, source: Source, settings: PolishSettings, vae: TemporalVAE, size: int, seed: int, *, held_out: bool
    ) -> None:
        side = size // vae.config.pixels_per_latent
        super().__init__(source, settings.films, size, side, seed, held_out=held_out)
        self._polish, self._config, self._places = settings, vae.config, side
        self._stills = [clip for clip in self._stills if "fine" in clip.fields]
        self._held = [clip for clip in self._held if "fine" in clip.fields]

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        sample = super().draw(step, index, generator)
        made = chance(self._polish.made, generator)
        return {**sample, "made": torch.full((len(sample["latents"]),), float(made))}

    def beside(self, clip: Clip, start: int, stop: int, generator: torch.Generator) -> Sample:
        def read(name: str) -> Tensor:
            return self._source.read(clip, name, start, stop)

        cut, scale = min(self._polish.cut, self._places), self._config.decoded_pixels_per_latent
        corner = near_the_middle(cut, self._places - cut, generator)
        y, x = corner.tolist()
        rows, columns = slice(y * scale, (y + cut) * scale), slice(x * scale, (x + cut) * scale)
        pixels = as_decoded(read("fine"), self._places * scale)
        face, lips, spots = (self._config.finer * read(name) for name in ("face_box", "lip_box", "eyes_mouth"))
        counts = {name: getattr(self._polish, name) for name in ("face", "lips", "eyes")}
        weight = places_that_count(torch.ones(pixels.shape[:3]), (face, lips), spots, **counts)
        return {
            "target": pictures(pixels[:, rows, columns].numpy(), _CPU)[None],
            "weight": weight[None, :, None, rows, columns],
            "corner": corner[None],
        }


class Polishing(Judged):
    """What the decoder makes of the backbone's latents, against the true pictures, weighted by place."""

    def __init__(
        self,
        vae: TemporalVAE,
        backbone: ETHD,
        judge: PatchJudge,
        sampling: SamplingDefaults,
        settings: PolishSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__(judge, settings.judged, settings.judged_from * settings.loop.steps)
        self.decoder, self._config = vae.decoder, vae.config
        self._backbone = (backbone.requires_grad_(False).eval(),)  # in a tuple: it learns nothing
        self._sampling, self._autocast = sampling, autocast

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        side = batch["target"].shape[-1] // self._config.decoded_pixels_per_latent
        made = batch["made"][:, None, None, None, None]
        with self._autocast():
            filmed = film(self._backbone[0], batch, self._config.scaling_factor, self._sampling)
            latents = torch.where(made > 0, filmed, batch["latents"].float())
            corners = batch["corner"].tolist()
            cut = torch.stack([each[..., y : y + side, x : x + side] for each, (y, x) in zip(latents, corners)])
            decoded = self.decoder(cut.flatten(0, 1), cut.shape[1]).float() / 2 + 0.5
        target = batch["target"].flatten(0, 1)
        loss, figures = picture_differences(decoded, target, batch["weight"].flatten(0, 1))
        return self.outcome(loss, figures, decoded, target)


@torch.no_grad()
def film(network: ETHD, batch: Mapping[str, Tensor], scaling: float, sampling: SamplingDefaults) -> Tensor:
    """What the backbone makes of a batch's conditions and noise in one window, as these weights are sampled: unscaled
    latents [b, n, 4, h, w], float32.
    """
    sigmas = noise_grid(sampling.grid, sampling.steps, sampling.sigma_max).to(batch["noise"].device)
    return trajectory(network, batch, sigmas)[-1] / scaling
