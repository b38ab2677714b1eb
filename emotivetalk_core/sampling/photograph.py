"""The sampler of DICE-Talk and Sonic: one noise latent over a ring of frames, denoised in windows that move on at every
step, with guidance by portrait, speech and emotion.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from ..diffusion.noise_levels import (
    SIGMA_MAX,
    NoiseGrid,
    ddim_step,
    denoised,
    frame_noise,
    network_input,
    noise_grid,
    preconditioning,
)
from ..diffusion.windows import check_windows, fuse_wrapped, wrapped_windows
from ..errors import NumericalError, SettingsError
from ..models.photograph_presets import SAMPLED_PER_SECOND
from ..processes import ALONE, Processes
from ..types import PhotographConditions
from .unfinished import UnfinishedFilm


class PhotographNetwork(Protocol):
    """What the sampler asks of the backbone: the raw output F [b, n, 4, h, w]. See `AdaptedUNet.forward`."""

    def __call__(
        self, x: torch.Tensor, c_noise: torch.Tensor, conditions: PhotographConditions, added_time: torch.Tensor, /
    ) -> torch.Tensor: ...


@dataclass(frozen=True)
class PhotographVideo:
    """Everything that one whole video is sampled from, for all its n frames, a silent tail among them.

    portrait_latent [4, h, w], VAE mode, unscaled; scale: what makes it one of the diffusion's · picture [c]: CLIP's
    embedding · tokens: of each adapter, speech first, [n, t, c]; unsaid: of each [t, c], where nothing is said and
    nothing felt · strengths: of the adapters · face_mask [1, H, W], face_guide [width, h, w]: as the network takes
    them · buckets [n, 2]: motion and expression.
    """

    portrait_latent: torch.Tensor
    scale: float
    picture: torch.Tensor
    tokens: tuple[torch.Tensor, ...]
    unsaid: tuple[torch.Tensor, ...]
    strengths: tuple[float, ...]
    face_mask: torch.Tensor
    buckets: torch.Tensor
    face_guide: torch.Tensor | None = None

    @property
    def frames(self) -> int:
        return self.tokens[0].shape[0]


@dataclass(frozen=True)
class PhotographSettings:
    """How such a video is sampled; SettingsError for values that cannot work.

    picture_guidance, lip_guidance, emotion_guidance: how far the result is led by the portrait, by the speech beside
    it, and by the emotion beside both; 1 adds no guidance. The authors have one value for both of the latter, which
    takes three forwards; apart they take four · together: all forwards of a window as one batch, which takes as many
    times the memory and is faster on a card.
    """

    steps: int = 25
    grid: NoiseGrid = "karras"
    sigma_max: float = SIGMA_MAX
    window: int = 25
    shift: int = 7
    shift_restarts: bool = True
    picture_guidance: float = 3.0
    lip_guidance: float = 6.0
    emotion_guidance: float = 6.0
    seed: int = 0
    together: bool = False

    def __post_init__(self) -> None:
        noise_grid(self.grid, self.steps, self.sigma_max)
        check_windows(self.window, 0)
        if self.shift < 0:
            raise SettingsError(f"The windows are to move on by {self.shift} frames a step; give 0 or more.")

    def windows(self, frames: int, step: int) -> list[list[int]]:
        """Frames of each window at a step, from 0."""
        offset = step * self.shift
        return wrapped_windows(frames, self.window, offset % self.window if self.shift_restarts else offset)

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """How much each estimate counts, of sum 1: of nothing known, of the portrait, of the speech beside it, and of
        all. Those that count nothing are not computed.

        D = D_0 + w_p (D_p - D_0) + w_l (D_l - D_p) + w_e (D_e - D_l)
        """
        picture, lips, emotion = self.picture_guidance, self.lip_guidance, self.emotion_guidance
        return 1 - picture, picture - lips, lips - emotion, emotion

    @property
    def forwards(self) -> int:
        """Of each window at each step."""
        return sum(share != 0 for share in self.shares)


@torch.no_grad()
def sample_photograph(
    network: PhotographNetwork,
    video: PhotographVideo,
    settings: PhotographSettings,
    on_step: Callable[[int, int], None] | None = None,
    *,
    dtype: torch.dtype | None = None,
    unfinished: UnfinishedFilm | None = None,
    processes: Processes = ALONE,
) -> torch.Tensor:
    """The clean video latent [n, 4, h, w], scaled, float32, on the device of `video.portrait_latent`.

    on_step(done, total): counts windows x steps; what it raises ends the sampling at once · dtype: what the network is
    fed; by default that of its first parameter · unfinished: where the state is kept after each step, and taken up
    again; this film's own · processes: those that share the windows of each step, all of which make this call.
    NumericalError naming window and step when its answer is not finite.

    It begins at the portrait itself under noise, not at noise alone.
    """
    n, portrait = video.frames, video.portrait_latent
    sigmas = noise_grid(settings.grid, settings.steps, settings.sigma_max).to(portrait.device)
    noise = frame_noise(n, tuple(portrait.shape), settings.seed).to(portrait.device)
    x = video.scale * portrait.float() + noise * sigmas[0]  # [n, 4, h, w]
    plan = [settings.windows(n, step) for step in range(settings.steps)]
    total, done = sum(len(windows) for windows in plan), 0
    denoiser = _Denoiser(network, video, settings, dtype or _parameter_dtype(network))

    first, kept = 0, unfinished.latents(x.shape) if unfinished is not None else None
    if kept is not None:
        first, x = kept[0], kept[1].to(x)
    first, x = int(processes.from_first(torch.tensor([first], device=x.device))), processes.from_first(x)
    if first:
        done = sum(len(windows) for windows in plan[:first])
        if on_step is not None:
            on_step(done, total)

    def count(more: int, most: int) -> None:
        nonlocal done
        done = min(done + more, most)
        if on_step is not None:
            on_step(done, total)

    def through(step: int, frames: list[int], most: int) -> torch.Tensor:
        """D of a window [T, 4, h, w]. most: to be counted once all are done."""
        D = denoiser(x, sigmas[step], frames, step)
        count(processes.count, most)  # the others do as much meanwhile
        return D

    for step in range(first, settings.steps):
        end = done + len(plan[step])
        shared = processes.share(
            plan[step],
            lambda frames, step=step, end=end: through(step, frames, end),
            lambda frames: portrait.new_empty(len(frames), *portrait.shape, dtype=torch.float32),
        )
        D = fuse_wrapped(shared, plan[step], n)
        if done < end:
            count(end - done, end)
        x = ddim_step(x, D, sigmas[step], sigmas[step + 1])
        if unfinished is not None:
            unfinished.keep_latents(step + 1, x)
    return x


def plan(frames: int, settings: PhotographSettings) -> str:
    """The cost in words, e.g. "6 windows × 25 steps × 3 forwards"."""
    windows = len(settings.windows(frames, 0))
    return (
        f"{windows} window{'s' if windows != 1 else ''} × {settings.steps} step{'s' if settings.steps != 1 else ''} × "
        f"{settings.forwards} forward{'s' if settings.forwards != 1 else ''}"
    )


def _parameter_dtype(network: PhotographNetwork) -> torch.dtype:
    parameters = network.parameters() if isinstance(network, torch.nn.Module) else iter(())
    return next((p.dtype for p in parameters), torch.float32)


class _Denoiser:
    """D of one window, guidance included."""

    def __init__(
        self, network: PhotographNetwork, video: PhotographVideo, settings: PhotographSettings, dtype: torch.dtype
    ) -> None:
        self.network, self.video, self.settings, self.dtype = network, video, settings, dtype

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, frames: list[int], step: int) -> torch.Tensor:
        """x [n, 4, h, w] of the whole video; frames: of the window -> D [T, 4, h, w], float32."""
        places = torch.tensor(frames, device=x.device)
        noisy = x[places]
        rows = [row for row, share in enumerate(self.settings.shares) if share != 0]
        batches = [rows] if self.settings.together else [[row] for row in rows]
        raw = torch.cat([self._forward(noisy, sigma, places, batch) for batch in batches])  # [rows, T, 4, h, w]
        if not torch.isfinite(raw).all():
            raise NumericalError(
                f"The video network gave values that are not finite in the window of frames {frames[0] + 1}–"
                f"{frames[-1] + 1} at step {step + 1} of {self.settings.steps}, but finite ones are needed; run it in "
                "float32 or bfloat16, or check its weights."
            )
        shares = torch.tensor([self.settings.shares[row] for row in rows], device=x.device)
        guided = (raw.float() * shares.view(-1, 1, 1, 1, 1)).sum(0)  # D is linear in F and the shares are of sum 1
        return denoised(guided, noisy, sigma)

    def _forward(self, noisy: torch.Tensor, sigma: torch.Tensor, places: torch.Tensor, rows: list[int]) -> torch.Tensor:
        """F [rows, T, 4, h, w]. rows: 0 nothing, 1 the portrait, 2 speech beside it, 3 all."""
        video, b, length = self.video, len(rows), places.shape[0]
        seen = torch.tensor([float(row > 0) for row in rows], device=noisy.device)
        portraits = (seen.view(-1, 1, 1, 1, 1) * video.portrait_latent).expand(b, length, -1, -1, -1)
        x = torch.cat((network_input(noisy, sigma).expand(b, -1, -1, -1, -1), portraits), dim=2).to(self.dtype)
        tokens = []
        for adapter, (said, unsaid) in enumerate(zip(video.tokens, video.unsaid, strict=True)):
            told, untold = said[places], unsaid.expand(length, -1, -1)
            tokens.append(torch.stack([told if row >= adapter + 2 else untold for row in rows]))
        guide = video.face_guide
        conditions = PhotographConditions(
            picture=(seen[:, None] * video.picture).to(self.dtype),
            tokens=tuple(tensor.to(self.dtype) for tensor in tokens),
            strengths=video.strengths,
            face_mask=video.face_mask.to(self.dtype).expand(b, -1, -1, -1),
            face_guide=None if guide is None else guide.to(self.dtype).expand(b, -1, -1, -1),
        )
        buckets = video.buckets[places].mean(0)
        added = torch.cat((buckets.new_tensor([SAMPLED_PER_SECOND]), buckets)).expand(b, -1)
        c_noise = preconditioning(sigma).c_noise.expand(b)
        return self.network(x, c_noise, conditions, added)
