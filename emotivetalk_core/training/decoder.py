"""The last stage: the VAE's decoder anew, for pictures as the backbone makes them, at a finer size. [ours]

The encoder, and with it the latents that all other networks know, stay as they are. What the backbone makes is not what
an encoder would give: its eyes and mouths lie between several that it might have drawn, and a decoder that only ever
saw an encoder's latents shows them as smears. This one learns from both.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.vae import finer_vae
from ..models.vae_checkpoint import load_vae
from ..models.vae_network import TemporalVAE, VAEConfig, build_vae
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .patch_judge import Judged, PatchJudge, judging_loss
from .ranges import at_least, shares
from .samples import Sample, chance, random_below
from .source import Source

CLIP = 4  # neighbouring frames of one clip that are decoded together
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class DecoderSettings:
    """kinds: of clips with `pictures` and `latents`, and with `filmed` where the backbone has made them · made: the
    share of the latents that are the backbone's, where a clip has them · whole_from: the share of the steps after which
    samples are whole pictures · judged, judged_from: weight of the judge's word, and the share of the steps after which
    it counts.
    """

    loop: LoopSettings
    kinds: tuple[str, ...] = ("filmed", "seen")
    made: float = 0.75
    whole_from: float = 0.85
    judged: float = 0.01
    judged_from: float = 0.2

    def __post_init__(self) -> None:
        shares(self, "made", "whole_from", "judged_from")
        at_least(0, self, "judged")


def train_decoder(job: Job, settings: DecoderSettings) -> None:
    """Writes vae.safetensors with a decoder of the preset's fineness, and the same as training/decoder."""
    torch.manual_seed(job.seed)
    vae = finer_vae(load_vae(job.weights("vae"), job.device), job.preset.vae.finer)
    vae.requires_grad_(False).decoder.requires_grad_(True)
    judge = PatchJudge()
    objective = Decoding(vae, judge, settings, job.autocast)

    def films(*, held_out: bool) -> DecoderFilms:
        return DecoderFilms(job.source(), settings, vae.config, held_out=held_out)

    phases = {"main": Phase(objective, decay=0.0, skips=True), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("decoder", phases, settings.loop, films, settings)
    whole = build_vae(vae.config)
    whole.load_state_dict(whole_state(vae))
    for name in ("vae", "training/decoder"):
        job.save(name, "vae", whole, vae.config, record)


class DecoderFilms:
    """One sample: latents [1, n, 4, c, c] of neighbouring frames and their pictures [1, n, 3, C, C], a square around
    the face mostly, or the whole, of half as many frames."""

    def __init__(self, source: Source, settings: DecoderSettings, config: VAEConfig, *, held_out: bool) -> None:
        self._source, self._settings, self._scale = source, settings, config.decoded_pixels_per_latent
        self._kinds = [
            clips for kind in settings.kinds if (clips := source.clips(kind, "pictures", "latents", held_out=held_out))
        ] or [source.some_clips(settings.kinds[0], "pictures", "latents", held_out=held_out)]
        self._whole_from = int(settings.loop.steps * settings.whole_from)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        whole = step >= self._whole_from
        frames = CLIP // 2 if whole else CLIP
        clips = self._kinds[index % len(self._kinds)]
        clip = clips[random_below(len(clips), generator)]
        made = "filmed" in clip.fields and chance(self._settings.made, generator)
        start = random_below(clip.frames - frames + 1, generator)
        latents = self._source.read(clip, "filmed" if made else "latents", start, start + frames).float()
        pixels = self._source.read(clip, "pictures", start, start + frames)  # [n, h, w, 3]
        side = latents.shape[-1]
        cut = side if whole else side // 2
        room = side - cut
        corner = torch.randint(room + 1, (2,), generator=generator)
        near = near_the_middle(cut, room, generator)
        y, x = (near if chance(0.8, generator) else corner).tolist()
        scale, end = self._scale, cut * self._scale
        target = pictures(pixels[:, y * scale : y * scale + end, x * scale : x * scale + end].numpy(), _CPU)
        return {"latents": latents[None, :, :, y : y + cut, x : x + cut], "target": target[None]}


def near_the_middle(cut: int, room: int, generator: torch.Generator) -> Tensor:
    """The first corner [2], y and x, of a square of side `cut` that could be moved by `room`: about a face mostly."""
    return (torch.randn(2, generator=generator) * cut / 8 + room / 2).round().long().clamp(0, room)


class Decoding(Judged):
    """What a decoder makes of latents against the true pictures: L1 on pixels and on their differences, at two sizes,
    and what a judge says of it.
    """

    def __init__(
        self,
        vae: TemporalVAE,
        judge: PatchJudge,
        settings: DecoderSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__(judge, settings.judged, settings.judged_from * settings.loop.steps)
        self.decoder, self._autocast = vae.decoder, autocast

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        latents, target = batch["latents"], batch["target"].flatten(0, 1)
        with self._autocast():
            decoded = self.decoder(latents.flatten(0, 1), latents.shape[1]).float() / 2 + 0.5
        loss, figures = picture_differences(decoded, target)
        return self.outcome(loss, figures, decoded, target)


class Judging(nn.Module):
    """A judge that learns to tell true pictures from made ones."""

    def __init__(self, judge: PatchJudge) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        loss = judging_loss(self.judge(batch["true"]), self.judge(batch["made"]))
        return Outcome(loss, {"judge": loss})


def picture_differences(
    decoded: Tensor, target: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 of pictures [n, 3, h, w], of their means over 4 x 4 pixels, and of their differences, in sum and one by one;
    weight: where they count, [n, 1, h, w], all alike without.
    """
    weight = torch.ones_like(target[:, :1]) if weight is None else weight

    def mean(error: Tensor, at: Tensor) -> Tensor:
        return (error * at).sum() / (at.sum() * error.shape[1])

    off = decoded - target
    pixel = mean(off.abs(), weight)
    coarse = mean(F.avg_pool2d(off, 4).abs(), F.avg_pool2d(weight, 4))
    edges = mean(off.diff(dim=-1).abs(), weight[..., 1:]) + mean(off.diff(dim=-2).abs(), weight[..., 1:, :])
    return pixel + coarse + edges, {"pixel": pixel, "edges": edges}
