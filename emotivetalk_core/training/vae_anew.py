"""The VAE anew, encoder and decoder, for rendered people beside drawn heads, with pictures of a finer size. [ours]

It learnt on drawings alone: lips of people came back lilac, teeth not at all. The backbone knows its latents, though;
so those of drawn heads are held near to where a frozen copy of it has them, and the backbone learns where they went.
"""

import contextlib
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import SettingsError
from ..face.crops import pictures
from ..models.vae import finer_vae
from ..models.vae_checkpoint import load_vae
from ..models.vae_network import TemporalVAE, VAEConfig, build_vae
from ..models.wider import wider_vae
from .decoder import CLIP, Judging, near_the_middle, picture_differences
from .faces import EYE
from .features import forget_fields
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .patch_judge import Judged, PatchJudge
from .ranges import at_least, shares
from .samples import Sample, chance, random_below
from .source import Clip, Source

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class AnewSettings:
    """stills, films: kinds of people's clips that have pictures in a `fine` size too · drawn: kinds of films whose
    pictures are fine, with latents that the backbone made of them as `filmed`, which are decoded in the place of the
    encoder's in a share `made` · twins: kinds with a drawn `twin`, whose latents stay · kept, near: weight of how far
    latents move, of drawn heads and of people · noise: added to latents, in their own spread · eyes, lips, face: how
    much more these places count than the rest, which counts 1 · whole_from: the share of the steps after which samples
    are whole pictures · judged, judged_from: as DecoderSettings' · start: the weights that it begins with, of as many
    channels of latents as the preset's or of fewer · level: how firmly channels that those lack are held at mean 0 and
    variance 1, in the diffusion's scale.
    """

    loop: LoopSettings
    stills: tuple[str, ...] = ("rendered_stills", "rendered_turned", "rendered_portraits")
    films: tuple[str, ...] = ("rendered_clips", "rendered_held")
    drawn: str = "filmed"
    made: float = 0.5
    kept: float = 0.3
    near: float = 0.0
    noise: float = 0.03
    face: float = 2.0
    eyes: float = 5.0
    lips: float = 5.0
    whole_from: float = 0.85
    judged: float = 0.01
    judged_from: float = 0.3
    start: str = "vae"
    level: float = 0.1

    def __post_init__(self) -> None:
        shares(self, "made", "whole_from", "judged_from")
        at_least(0, self, "judged", "kept", "near", "noise", "level")
        at_least(1, self, "face", "eyes", "lips")


def train_vae_anew(job: Job, settings: AnewSettings) -> None:
    """Writes vae.safetensors, which it begins with, anew, and the same as training/pictures. What the encoder before it
    said of the clips is forgotten, so that later stages ask this one.
    """
    torch.manual_seed(job.seed)
    before, config = load_vae(job.weights(settings.start), job.device), job.preset.vae
    if before.config.latent_channels > config.latent_channels:
        raise SettingsError(
            f"{job.weights(settings.start)} has latents of {before.config.latent_channels} channels, and the recipe's "
            f"preset has {config.latent_channels}; give weights of as many or of fewer, or another preset."
        )
    vae = wider_vae(finer_vae(before, config.finer), config.latent_channels)
    judge = PatchJudge()
    objective = AutoencodingAnew(vae, before, judge, settings, job.autocast)

    def films(*, held_out: bool) -> FinePictures:
        return FinePictures(job.source(), settings, vae.config, job.preset.sampling.size, held_out=held_out)

    phases = {"main": Phase(objective, decay=0.0, skips=True), "judge": Phase(Judging(judge), decay=0.0)}
    record = job.train("pictures", phases, settings.loop, films, settings)
    whole = build_vae(vae.config)
    whole.load_state_dict(whole_state(vae))
    job.save("vae", "vae", whole, vae.config, record)
    forget_fields(job, "latents", "guides")
    job.save("training/pictures", "vae", whole, vae.config, record)


class FinePictures:
    """One sample: squares [k, n, 3, C, C] around a face mostly, or whole pictures; four neighbouring frames of a film
    at odd steps (k = 1), four pictures of people at even ones (n = 1). With them where they count [k, n, 1, C, C],
    latents that the backbone made [k, n, 4, c, c] and whether these are to be decoded [k, n], whether the head is drawn
    [k, n], and a drawn head [1, 3, s, s], of which nothing but the latents is asked.
    """

    def __init__(self, source: Source, settings: AnewSettings, config: VAEConfig, size: int, *, held_out: bool) -> None:
        """size: of the pictures that the encoder sees."""
        self._source, self._settings, self._config, self._size = source, settings, config, size

        def some(kinds: tuple[str, ...], *fields: str) -> list[Clip]:
            found = [clip for kind in kinds for clip in source.clips(kind, *fields, held_out=held_out)]
            return found or source.some_clips(kinds[0], *fields, held_out=held_out)

        self._people = some(settings.stills, "fine", "eyes_mouth")
        self._films = some(settings.films, "fine", "eyes_mouth")
        self._drawn = source.clips(settings.drawn, "pictures", "filmed", held_out=held_out)
        self._twins = some(settings.stills, "twin")
        self._whole_from = int(settings.loop.steps * settings.whole_from)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        whole = step >= self._whole_from
        film = step % 2 == 1
        count = CLIP // 2 if whole else CLIP
        if not film:
            cuts = [self._cut(self._one(self._people, generator), 1, whole, generator) for _ in range(count)]
        else:
            clips = self._drawn if index % 2 and self._drawn else self._films
            cuts = [self._cut(self._one(clips, generator), count, whole, generator)]
        sample = {name: torch.stack([cut[name] for cut in cuts]) for name in cuts[0]}
        twin = self._one(self._twins, generator)
        frame = random_below(twin.frames, generator)
        sample["twin"] = pictures(self._source.read(twin, "twin", frame, frame + 1).numpy(), _CPU)
        return sample

    @staticmethod
    def _one(clips: list[Clip], generator: torch.Generator) -> Clip:
        return clips[random_below(len(clips), generator)]

    def _cut(self, clip: Clip, frames: int, whole: bool, generator: torch.Generator) -> Sample:
        drawn = "fine" not in clip.fields
        start = random_below(clip.frames - frames + 1, generator)

        def read(name: str) -> Tensor:
            return self._source.read(clip, name, start, start + frames)

        fine = self._size * self._config.finer
        pixels = read("pictures") if drawn else as_decoded(read("fine"), fine)  # [n, h, w, 3]
        scale = self._config.decoded_pixels_per_latent
        side = pixels.shape[1] // scale
        cut = side if whole else side // 2
        room = side - cut
        corner = torch.randint(room + 1, (2,), generator=generator)
        near = near_the_middle(cut, room, generator)
        y, x = (near if chance(0.8, generator) else corner).tolist()
        rows, columns = slice(y * scale, (y + cut) * scale), slice(x * scale, (x + cut) * scale)
        weight = torch.ones(frames, *pixels.shape[1:3])
        if not drawn:
            face, lips, spots = (self._config.finer * read(name) for name in ("face_box", "lip_box", "eyes_mouth"))
            counts = {name: getattr(self._settings, name) for name in ("face", "lips", "eyes")}
            weight = places_that_count(weight, (face, lips), spots, **counts)
        made = drawn and chance(self._settings.made, generator)
        latents = (
            read("filmed").float()[:, :, y : y + cut, x : x + cut]
            if made
            else torch.zeros(frames, self._config.latent_channels, cut, cut)
        )
        return {
            "target": pictures(pixels[:, rows, columns].numpy(), _CPU),
            "weight": weight[:, None, rows, columns],
            "filmed": latents,
            "made": torch.full((frames,), float(made)),
            "drawn": torch.full((frames,), float(drawn)),
            "noise": torch.randn(latents.shape, generator=generator),
        }


def as_decoded(fine: Tensor, side: int) -> Tensor:
    """Pictures uint8 [n, h, w, 3] as small as they are decoded, `side` pixels."""
    factor = fine.shape[1] // side
    if factor == 1:
        return fine
    means = F.avg_pool2d(fine.permute(0, 3, 1, 2).float(), factor).round()
    return means.permute(0, 2, 3, 1).to(fine.dtype)


def places_that_count(
    ones: Tensor, boxes: tuple[Tensor, Tensor], spots: Tensor, *, face: float, lips: float, eyes: float
) -> Tensor:
    """`ones` [n, h, w] with more where face, lips and eyes are. boxes: of face and lips [n, 4] · spots: eyes and mouth
    [n, 3, 2], all in its pixels.
    """
    rows, columns = torch.arange(ones.shape[1])[:, None], torch.arange(ones.shape[2])[None]

    def inside(x0: Tensor, y0: Tensor, x1: Tensor, y1: Tensor) -> Tensor:
        x0, y0, x1, y1 = (side[:, None, None] for side in (x0, y0, x1, y1))
        return (rows >= y0) & (rows < y1) & (columns >= x0) & (columns < x1)

    found = ones
    for box, weight in zip(boxes, (face, lips)):
        found = torch.where(inside(*box.unbind(1)), weight, found)
    apart = (spots[:, 0] - spots[:, 1]).norm(dim=1)
    for eye in (0, 1):
        x, y = spots[:, eye].unbind(1)
        wide, high = (share * apart for share in EYE)
        found = torch.where(inside(x - wide, y - high, x + wide, y + high), eyes, found)
    return found


class AutoencodingAnew(Judged):
    """What comes back of pictures, against the pictures, weighted by place, and how far the latents have moved."""

    def __init__(
        self,
        vae: TemporalVAE,
        before: TemporalVAE,
        judge: PatchJudge,
        settings: AnewSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__(judge, settings.judged, settings.judged_from * settings.loop.steps)
        self.vae = vae.requires_grad_(True)
        self._teacher = (copy.deepcopy(before).requires_grad_(False).eval(),)  # in a tuple: it learns nothing
        self._settings, self._autocast = settings, autocast

    def forward(self, batch: Mapping[str, Tensor]) -> Outcome:
        settings, scale = self._settings, self.vae.config.scaling_factor
        frames, target = batch["target"].shape[1], batch["target"].flatten(0, 1)
        made, drawn = (batch[name].flatten()[:, None, None, None] for name in ("made", "drawn"))
        count = len(target)
        with self._autocast():
            seen = F.avg_pool2d(target, self.vae.config.finer) * 2 - 1
            mode, before = self._latents(seen)
            twin, twin_before = self._latents(batch["twin"] * 2 - 1)
            noisy = mode + settings.noise / scale * batch["noise"].flatten(0, 1)
            latents = torch.where(made > 0, batch["filmed"].flatten(0, 1), noisy)
            decoded = self.vae.decode(latents, frames).float() / 2 + 0.5
        loss, figures = picture_differences(decoded, target, batch["weight"].flatten(0, 1))
        had = before.shape[1]
        moved = (scale * (mode[:, :had] - before)).float().square().mean((1, 2, 3), keepdim=True)
        twins = (scale * (twin[:, :had] - twin_before)).float().square().mean()
        kept = twins + (moved * drawn).sum() / count
        near = (moved * (1 - drawn)).sum() / count
        loss = loss + settings.kept * kept + settings.near * near
        figures |= {"kept": kept, "near": near}
        if mode.shape[1] > had:
            new = (scale * mode[:, had:]).float()
            off = (new.mean((0, 2, 3)).square() + (new.var((0, 2, 3)) - 1).square()).mean()
            loss = loss + settings.level * off
            figures["level"] = off
        return self.outcome(loss, figures, decoded, target)

    def _latents(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Modes of pictures -1…1, as the encoder has them by now and as it had them."""
        with torch.no_grad():
            before = self._teacher[0].encode(pixels).mean
        return self.vae.encode(pixels).mean, before
