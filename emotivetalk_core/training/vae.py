"""Stage 2: the temporal VAE, on crops of faces: faces more often than background."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.vae import encode_mode, fold_latent_scale
from ..models.vae_network import TemporalVAE, build_vae
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .ranges import shares
from .samples import Sample, chance, random_below
from .source import Source

CLIP = 4  # neighbouring frames of one clip that are decoded together
_MEASURED = 128  # pictures that the latents' spread is measured on
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class VAESettings:
    """loop.batch counts samples of four crops: neighbours of one clip, or four stills · whole_from: the share of the
    steps after which samples are whole pictures, one still or one piece of a clip, so that group norms see what they
    will see in use.
    """

    loop: LoopSettings
    stills: str = "stills"
    films: str = "clips"
    whole_from: float = 0.85

    def __post_init__(self) -> None:
        shares(self, "whole_from")


def train_vae(job: Job, settings: VAESettings) -> None:
    """L1 on pixels and on their differences, a whisper of KL; then the latent's scale is folded into the weights."""
    preset = job.preset
    config = replace(preset.vae, finer=1)  # a finer decoder is a later stage's
    torch.manual_seed(job.seed)
    vae = build_vae(config)
    size, smaller = preset.sampling.size, preset.vae.pixels_per_latent

    def crops(*, held_out: bool) -> Crops:
        return Crops(job.source(), settings, size, preset.vae.latent_channels, smaller, held_out=held_out)

    objective = Autoencoding(vae, size, job.autocast)
    # the attention in the decoder's middle is at rest where each level has one block
    phase = Phase(objective, decay=0.0, skips=True)
    record = job.train("vae", {"main": phase}, settings.loop, crops, settings)
    whole = build_vae(config).to(job.device)
    whole.load_state_dict(whole_state(vae))
    whole.eval()
    source = job.source()
    clips = source.some_clips(settings.stills, "pictures")[: 2 * _MEASURED : 2]
    with torch.no_grad():
        modes = torch.cat(
            [encode_mode(whole, pictures(source.read(clip, "pictures", 0, 1).numpy(), job.device)) for clip in clips]
        )
        record["latent_std_before_folding"] = round(float(modes.std()), 4)
        fold_latent_scale(whole, float(modes.std()))
    job.save("vae", "vae", whole, config, record)


class Crops:
    """[1, 4, 3, c, c] of one clip at odd steps, [4 or 1, 1, 3, c, c] of stills at even ones. Crops centre on the face
    twice in three times.
    """

    def __init__(
        self, source: Source, settings: VAESettings, size: int, channels: int, smaller: int, *, held_out: bool
    ) -> None:
        self._source, self._settings, self._size = source, settings, size
        self._channels, self._smaller = channels, smaller
        self._stills = source.some_clips(settings.stills, "pictures", held_out=held_out)
        films = source.some_clips(settings.films, "pictures", held_out=held_out)
        self._films = [clip for clip in films if clip.rows("pictures") >= CLIP]
        self._whole = int(settings.loop.steps * settings.whole_from)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        whole = step >= self._whole
        crop = self._size if whole else self._size // 2
        film = step % 2 == 1
        cuts = [self._crop(film, crop, generator) for _ in range(1 if film or whole else CLIP)]
        target = torch.stack(cuts)  # [k, f, 3, c, c]
        side = crop // self._smaller
        noise = torch.randn(target.shape[0] * target.shape[1], self._channels, side, side, generator=generator)
        return {"target": target, "noise": noise}

    def _crop(self, film: bool, crop: int, generator: torch.Generator) -> torch.Tensor:
        clips, frames = (self._films, CLIP) if film else (self._stills, 1)
        clip = clips[random_below(len(clips), generator)]
        start = random_below(clip.rows("pictures") - frames + 1, generator)
        pixels = self._source.read(clip, "pictures", start, start + frames)  # [f, h, w, 3]
        room = self._size - crop
        corner = torch.randint(room + 1, (2,), generator=generator)
        near = (torch.randn(2, generator=generator) * crop / 10 + room / 2).round().long().clamp(0, room)
        y, x = (near if chance(0.67, generator) else corner).tolist()
        return pictures(pixels[:, y : y + crop, x : x + crop].numpy(), _CPU)


class Autoencoding(nn.Module):
    """What comes back of pictures, as pixels and as edges, and how far the latents are from a unit normal."""

    def __init__(self, vae: TemporalVAE, size: int, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.vae, self._size, self._autocast = vae, size, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        frames, target = batch["target"].shape[1], batch["target"].flatten(0, 1)
        # One whole clip in bfloat16 crashes oneDNN's backward pass (torch 2.13 on a CPU with AMX).
        whole_on_cpu = target.shape[-1] == self._size and target.device.type == "cpu"
        with contextlib.nullcontext() if whole_on_cpu else self._autocast():
            posterior = self.vae.encode(target * 2 - 1)
            latent = posterior.mean + posterior.std * batch["noise"]
            decoded = self.vae.decode(latent, frames).float() / 2 + 0.5
        pixel = F.l1_loss(decoded, target)
        edges = F.l1_loss(decoded.diff(dim=-1), target.diff(dim=-1)) + F.l1_loss(
            decoded.diff(dim=-2), target.diff(dim=-2)
        )
        kl = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1 - posterior.logvar.float()).mean()
        loss = pixel + edges + F.mse_loss(decoded, target) * 4 + 2e-5 * kl
        return Outcome(loss, {"loss": loss, "pixel": pixel, "edges": edges, "kl": kl})
