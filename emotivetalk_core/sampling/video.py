"""ETHD's sampler: one noise latent for the whole video, denoised in overlapping windows (EmotiveTalk §3.4, §6.4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, Protocol, cast

import torch

from ..diffusion.noise_levels import (
    SIGMA_MAX,
    ddim_step,
    denoised,
    frame_noise,
    network_input,
    noise_grid,
    preconditioning,
)
from ..diffusion.windows import check_windows, fuse, shifted_windows, window_starts
from ..errors import InputError, NumericalError, SettingsError
from ..models.ethd import ETHD, DeepFeatures
from ..processes import ALONE, Processes
from ..types import FRAMES_PER_SECOND, MotionConditions, VideoConditions
from .guidance import guided
from .unfinished import UnfinishedFilm


class DenoiseNetwork(Protocol):
    """What the sampler asks of ETHD, or of a host's wrapper around it: the raw output F [b, n, 4, h, w].

    x [b, n, 8, h, w]: c_in·noisy beside the portrait latent · c_noise [b] · added_time [b, 3]: fps - 1, motion
    bucket, noise augmentation.
    """

    def __call__(
        self, x: torch.Tensor, c_noise: torch.Tensor, conditions: MotionConditions, added_time: torch.Tensor, /
    ) -> torch.Tensor: ...


@dataclass(frozen=True)
class VideoSamplingSettings:
    """How a video is sampled. Defaults are the paper's for 512² (§6.4); SettingsError for values that cannot work.

    grid: "karras", or "ays", made for 10 steps · fusion: "overlap" as the paper does, or "shifted", which has no
    overlap and costs fewer windows · reuse: every other step computes the outermost level of the network alone, with
    the deep features of the step before (`DeepFeatures`); a window then takes two steps before it is fused with its
    neighbours, so that no more than one batch's features are kept · lip_guidance, emotion_guidance: 1 is no guidance;
    each other value adds one forward to every window · windows_per_batch: how many windows go through the network
    together · sigma_max: the noise level that sampling starts at; small networks that were trained from nothing have
    hardly ever seen SVD's 700.
    """

    steps: int = 25
    grid: Literal["karras", "ays"] = "karras"
    window: int = 120
    overlap: int = 24
    fusion: Literal["overlap", "shifted"] = "overlap"
    reuse: bool = False
    lip_guidance: float = 1.0
    emotion_guidance: float = 1.0
    seed: int = 0
    windows_per_batch: int = 1
    sigma_max: float = SIGMA_MAX

    def __post_init__(self) -> None:
        noise_grid(self.grid, self.steps, self.sigma_max)
        check_windows(self.window, self.overlap)
        if self.fusion not in ("overlap", "shifted"):
            raise SettingsError(f'The fusion "{self.fusion}" is unknown; choose "overlap" or "shifted".')
        if self.windows_per_batch < 1:
            raise SettingsError(
                f"{self.windows_per_batch} windows per batch were asked for, but at least 1 is needed; give 1 or more."
            )


FAST_STEPS = 10
"""As many as Align Your Steps' grid is made for (Sabour et al. 2024)."""

_FAST_SHARE = 2 / 5
"""Of the steps: what ten are of the paper's 25, and two of the bundled weights' five."""

_REUSE_FROM = 4
"""Steps from which on neighbours are near enough for one's deep features to serve the other."""


def fast(settings: VideoSamplingSettings, steps: int | None = None) -> VideoSamplingSettings:
    """The same video sooner: windows without overlap, two fifths of the steps, ten at most, on AYS' grid, and from four
    on every other one with the deep features of the one before. What each costs: docs/benchmarks.md.

    steps: so many in the place of those.
    """
    chosen = steps or min(FAST_STEPS, max(1, round(_FAST_SHARE * settings.steps)))
    return replace(settings, steps=chosen, grid="ays", fusion="shifted", reuse=chosen >= _REUSE_FROM)


@dataclass(frozen=True)
class Round:
    """What is done between one fusing of the windows and the next. steps: one, or two that share their deep features,
    by number · starts: the windows' first frames.
    """

    steps: range
    starts: list[int]

    @property
    def forwards(self) -> int:
        """Of a window each, without guidance's."""
        return len(self.starts) * len(self.steps)


def rounds_of(frame_count: int, settings: VideoSamplingSettings) -> list[Round]:
    """All rounds of a video. The windows are the same in each for "overlap", and move on for "shifted"."""
    together = 2 if settings.reuse else 1
    rounds = []
    for number, first in enumerate(range(0, settings.steps, together)):
        if settings.fusion == "shifted":
            starts = shifted_windows(frame_count, settings.window, number)
        else:
            starts = window_starts(frame_count, settings.window, settings.overlap)
        rounds.append(Round(range(first, min(first + together, settings.steps)), starts))
    return rounds


@torch.no_grad()
def sample_video(
    denoise_network: DenoiseNetwork,
    conditions: VideoConditions,
    *,
    frame_count: int,
    settings: VideoSamplingSettings,
    on_step: Callable[[int, int], None] | None = None,
    on_preview: Callable[[int, torch.Tensor], None] | None = None,
    dtype: torch.dtype | None = None,
    unfinished: UnfinishedFilm | None = None,
    processes: Processes = ALONE,
) -> torch.Tensor:
    """Sample the clean video latent [n, 4, h, w], scaled, float32, on the device of `conditions.portrait_latent`.

    on_step(done, total): counts windows x steps; what it raises ends the sampling at once · on_preview(step, D):
    after each step, counted from 1, with the fused estimate of the clean latent [n, 4, h, w] · dtype: what the
    network is fed; by default that of its first parameter, which a host that keeps its weights in a storage format
    has to overrule · unfinished: where the state is kept after each step, and taken up again; this film's own ·
    processes: those that share the windows of each step, all of which make this call; the first one's state is taken
    up. What comes out is the same, bit for bit.

    The state stays float32 whatever the network computes in: at sigma = 700 half precision would round away the
    picture. InputError when the conditions are not of `frame_count` frames; NumericalError naming window and step when
    the network's answer is not finite.

    Legend: n frames · T window · x noisy latent · sigma, sigma_next noise levels · F raw output · D clean
    estimate.
    """
    n = frame_count
    for name, given in (("lip", conditions.lip), ("driving expression", conditions.driving_expression)):
        if given.shape[0] != n:
            raise InputError(
                f"The {name} latents cover {given.shape[0]} frames, but the video has {n}; "
                "make both from the same speech."
            )
    portrait = conditions.portrait_latent
    if portrait.dim() == 4 and portrait.shape[0] != n:
        raise InputError(
            f"The head's pose covers {portrait.shape[0]} frames, but the video has {n}; make it for the same speech."
        )
    device = conditions.portrait_latent.device
    rounds = rounds_of(n, settings)
    total, done = sum(each.forwards for each in rounds), 0
    denoiser = _WindowDenoiser(denoise_network, conditions, settings, dtype or _parameter_dtype(denoise_network))
    length = min(settings.window, n)

    sigmas = noise_grid(settings.grid, settings.steps, settings.sigma_max).to(device)
    shape = conditions.portrait_latent.shape[-3:]
    x = frame_noise(n, shape, settings.seed).to(device) * sigmas[0]  # [n, 4, h, w]

    first, kept = 0, unfinished.latents(x.shape) if unfinished is not None else None
    if kept is not None:
        first, x = kept[0], kept[1].to(x)
    first, x = int(processes.from_first(torch.tensor([first], device=device))), processes.from_first(x)
    if first:
        done = sum(each.forwards for each in rounds if each.steps[0] < first)
        if on_step is not None:
            on_step(done, total)

    def count(more: int, most: int) -> None:
        nonlocal done
        done = min(done + more, most)
        if on_step is not None:
            on_step(done, total)

    def through(steps: range, batch: list[int], most: int) -> torch.Tensor:
        """Of each window D [b, T, 4, h, w] at the last of the steps, and behind it the noisy latent there where that is
        another than the whole video's [b, T, 8, h, w]. most: to be counted once all batches are done.
        """
        noisy = torch.stack([x[start : start + length] for start in batch])  # [b, T, 4, h, w]
        deep = _DeepStore() if len(steps) > 1 else None
        for step in steps:
            D = denoiser(noisy, sigmas[step], batch, step, deep)
            count(len(batch) * processes.count, most)  # the others do as much meanwhile
            if step == steps[-1]:
                break
            noisy = ddim_step(noisy, D, sigmas[step], sigmas[step + 1])
        return D if len(steps) == 1 else torch.cat([D, noisy], dim=2)

    for each in rounds:
        step, together, end = each.steps[-1], settings.windows_per_batch, done + each.forwards
        if step < first:
            continue
        channels = shape[0] * min(len(each.steps), 2)
        shared = processes.share(
            [each.starts[at : at + together] for at in range(0, len(each.starts), together)],
            lambda batch, each=each, end=end: through(each.steps, batch, end),
            lambda batch, channels=channels: torch.empty(len(batch), length, channels, *shape[1:], device=device),
        )
        D, noisy = _halves(fuse(chain.from_iterable(shared), each.starts, n), x)
        if done < end:
            count(end - done, end)
        x = ddim_step(noisy, D, sigmas[step], sigmas[step + 1])
        if unfinished is not None:
            unfinished.keep_latents(step + 1, x)
        if on_preview is not None:
            on_preview(step + 1, D)
    return x


def _halves(fused: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """D and the noisy latent that it is of, which is x where no other was fused."""
    channels = x.shape[1]
    return (fused, x) if fused.shape[1] == channels else (fused[:, :channels], fused[:, channels:])


def _parameter_dtype(network: DenoiseNetwork) -> torch.dtype:
    parameters = network.parameters() if isinstance(network, torch.nn.Module) else iter(())
    return next((p.dtype for p in parameters), torch.float32)


class _DeepStore:
    """The deep features of some windows, of each of guidance's forwards its own."""

    def __init__(self) -> None:
        self._features: dict[str, DeepFeatures] = {}

    def of(self, forward: str) -> DeepFeatures:
        return self._features.setdefault(forward, DeepFeatures())


class _WindowDenoiser:
    """D of some windows of one video, guidance included."""

    def __init__(
        self,
        network: DenoiseNetwork,
        conditions: VideoConditions,
        settings: VideoSamplingSettings,
        dtype: torch.dtype,
    ) -> None:
        self.network, self.conditions, self.settings, self.dtype = network, conditions, settings, dtype
        self.frames = conditions.lip.shape[0]
        # fps - 1 and noise augmentation as SVD counts them: the portrait is given clean.
        added_time = [FRAMES_PER_SECOND - 1, conditions.motion_bucket, 0.0]
        self.added_time = torch.tensor([added_time], device=conditions.portrait_latent.device)  # [1, 3]

    def __call__(
        self,
        noisy: torch.Tensor,
        sigma: torch.Tensor,
        starts: list[int],
        step: int,
        deep: _DeepStore | None = None,
    ) -> torch.Tensor:
        """D [b, T, 4, h, w] of the b windows noisy [b, T, 4, h, w] that begin at `starts`."""
        b, length = noisy.shape[:2]
        portrait = self._portraits(starts, length)
        inputs = torch.cat([network_input(noisy, sigma), portrait.to(noisy)], dim=2).to(self.dtype)  # [b, T, 8, h, w]
        # c_noise and the micro-conditions stay float32: in half precision neighbouring noise levels would coincide.
        c_noise = preconditioning(sigma).c_noise.expand(b)
        added_time = self.added_time.expand(b, -1)
        full = self._motion(starts, length)

        def raw(motion: MotionConditions, which: str) -> torch.Tensor:
            if deep is None:
                return self.network(inputs, c_noise, motion, added_time).float()
            return cast(ETHD, self.network)(inputs, c_noise, motion, added_time, deep.of(which)).float()

        F = guided(raw, full, self.settings.lip_guidance, self.settings.emotion_guidance)
        self._check_finite(F, starts, length, step)
        return denoised(F, noisy, sigma)

    def _portraits(self, starts: list[int], length: int) -> torch.Tensor:
        """The portrait's latent beside each frame, [b, T, 4, h, w]."""
        portrait = self.conditions.portrait_latent
        if portrait.dim() == 3:
            return portrait.expand(len(starts), length, -1, -1, -1)
        return torch.stack([portrait[start : start + length] for start in starts])

    def _motion(self, starts: list[int], length: int) -> MotionConditions:
        whole, b = self.conditions, len(starts)

        def cut(values: torch.Tensor) -> torch.Tensor:  # [n, d] -> [b, T, d]
            return torch.stack([values[start : start + length] for start in starts]).to(self.dtype)

        return MotionConditions(
            lip=cut(whole.lip),
            driving_expression=cut(whole.driving_expression),
            reference_expression=whole.reference_expression.to(self.dtype).expand(b, -1),
            face_mask=whole.face_mask.to(self.dtype).expand(b, -1, -1, -1),
            lip_mask=whole.lip_mask.to(self.dtype).expand(b, -1, -1, -1),
        )

    def _check_finite(self, raw: torch.Tensor, starts: list[int], length: int, step: int) -> None:
        if torch.isfinite(raw).all():
            return
        for start, window in zip(starts, raw, strict=True):
            if not torch.isfinite(window).all():
                raise NumericalError(
                    f"The video network gave values that are not finite in the window of frames {start + 1}–"
                    f"{start + length} at step {step + 1} of {self.settings.steps}, but finite ones are needed; "
                    "run it in float32 or bfloat16, or check its weights."
                )
