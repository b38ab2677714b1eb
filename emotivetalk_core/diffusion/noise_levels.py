"""Noise levels of the video diffusion: x = x0 + sigma·noise, in the sigma that EDM and SVD count in.

Sources: EmotiveTalk eq. 1-3 (forward process) and eq. 11 (the loss on x0); Karras et al. 2022, "EDM" (grid, Euler
step); Blattmann et al. 2023, "SVD" (v-prediction preconditioning, ln sigma ~ N(0.7, 1.6²)); Sabour et al. 2024, "AYS"
(the ten-step grid). EmotiveTalk writes its process with alpha_bar; dividing its x_t by sqrt(alpha_bar) gives this form
with sigma² = (1 - alpha_bar) / alpha_bar.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from ..errors import SettingsError

SIGMA_MAX = 700.0
SIGMA_MIN = 0.002

AYS_SIGMAS = (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002)
"""Align Your Steps' grid for SVD: eleven levels, ten steps between them."""

NOISE_GRIDS = ("karras", "ays")
NoiseGrid = Literal["karras", "ays"]


def _check_grid(steps: int, sigma_max: float) -> None:
    if steps < 1:
        raise SettingsError(f"The number of steps is {steps}, but sampling needs at least 1; give a larger number.")
    if not SIGMA_MIN < sigma_max <= SIGMA_MAX:
        raise SettingsError(
            f"The highest noise level is {sigma_max}, but it must lie above {SIGMA_MIN} and be at most {SIGMA_MAX:g}; "
            f"{SIGMA_MAX:g} suits weights that come from SVD."
        )


def karras_sigmas(
    steps: int, sigma_max: float = SIGMA_MAX, sigma_min: float = SIGMA_MIN, rho: float = 7.0
) -> torch.Tensor:
    """Noise levels [steps + 1], falling from `sigma_max` to `sigma_min`, then 0 (EDM eq. 5). float32 on the CPU."""
    _check_grid(steps, sigma_max)
    # In float64: the seventh power of a float32 ramp would miss both ends of the grid in the fourth digit.
    ramp = torch.arange(steps, dtype=torch.float64) / max(steps - 1, 1)
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas = (top + ramp * (bottom - top)) ** rho
    return torch.cat([sigmas, sigmas.new_zeros(1)]).float()


def ays_sigmas(steps: int, sigma_max: float = SIGMA_MAX) -> torch.Tensor:
    """Align Your Steps' noise levels [steps + 1], last 0: the table at 10 steps, else linear in ln sigma between them.

    The last entry of the published table (0.002) is where its tenth step ends; we end at 0, which D reaches anyway.
    A lower `sigma_max` spreads the steps over what the table has below it. float32 on the CPU.
    """
    _check_grid(steps, sigma_max)
    table = torch.tensor(AYS_SIGMAS, dtype=torch.float64).log()
    last = len(AYS_SIGMAS) - 1
    above = int((table >= math.log(sigma_max)).sum()) - 1  # where in the table sigma_max lies: `above` and a fraction
    first = above + (table[above] - math.log(sigma_max)).item() / (table[above] - table[above + 1]).item()
    position = torch.linspace(first, last, steps + 1, dtype=torch.float64)
    below = position.floor().long().clamp(max=last - 1)
    sigmas = torch.exp(torch.lerp(table[below], table[below + 1], position - below))
    sigmas[-1] = 0.0
    return sigmas.float()


def noise_grid(name: str, steps: int, sigma_max: float = SIGMA_MAX) -> torch.Tensor:
    """Noise levels [steps + 1] by name; SettingsError for a name that is not one of `NOISE_GRIDS`."""
    if name == "karras":
        return karras_sigmas(steps, sigma_max)
    if name == "ays":
        return ays_sigmas(steps, sigma_max)
    raise SettingsError(f'The noise grid "{name}" is unknown; choose one of {", ".join(NOISE_GRIDS)}.')


@dataclass(frozen=True)
class Preconditioning:
    """The four factors of D = c_skip·x + c_out·F(c_in·x, c_noise), each of sigma's shape."""

    c_skip: torch.Tensor
    c_out: torch.Tensor
    c_in: torch.Tensor
    c_noise: torch.Tensor


def preconditioning(sigma: torch.Tensor) -> Preconditioning:
    """SVD's factors for a network that predicts v. `sigma` > 0, any shape."""
    total = sigma**2 + 1
    return Preconditioning(
        c_skip=1 / total,
        c_out=-sigma / total.sqrt(),
        c_in=1 / total.sqrt(),
        c_noise=sigma.log() / 4,
    )


def broadcast_to(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Append dimensions of size 1 to `values` ([] or [b]) until it multiplies `like` ([b, …])."""
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim))


def network_input(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """c_in·x: the noisy latent at unit variance, as the network reads it. `sigma` is [] or [b]."""
    return noisy * broadcast_to(preconditioning(sigma).c_in, noisy)


def denoised(raw: torch.Tensor, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """D, the estimate of the clean latent, from the raw output F. `sigma` is [] or [b]; raw and noisy [b, …]."""
    factors = preconditioning(sigma)
    return broadcast_to(factors.c_skip, noisy) * noisy + broadcast_to(factors.c_out, noisy) * raw


def raw_target(clean: torch.Tensor, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The F for which D is exactly `clean`: the inverse of `denoised`."""
    factors = preconditioning(sigma)
    return (clean - broadcast_to(factors.c_skip, noisy) * noisy) / broadcast_to(factors.c_out, noisy)


def add_noise(clean: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """x = x0 + sigma·noise (EmotiveTalk eq. 2 in sigma). `sigma` is [] or [b]."""
    return clean + broadcast_to(sigma, clean) * noise


def ddim_step(
    noisy: torch.Tensor, denoised: torch.Tensor, sigma: torch.Tensor | float, sigma_next: torch.Tensor | float
) -> torch.Tensor:
    """One DDIM step with eta = 0: x becomes D + (sigma_next / sigma)·(x - D). The same as Euler's step on
    dx/dsigma = (x - D) / sigma.

    The sigmas are scalars: one step moves the whole video.
    """
    return denoised + (sigma_next / sigma) * (noisy - denoised)


def training_sigmas(
    shape: tuple[int, ...], generator: torch.Generator, mean: float = 0.7, std: float = 1.6
) -> torch.Tensor:
    """Noise levels to train at, ln sigma ~ N(mean, std²), on the generator's device."""
    return torch.exp(mean + std * torch.randn(shape, generator=generator, device=generator.device))


def loss_weight(sigma: torch.Tensor, weighting: str) -> torch.Tensor:
    """Weight of ||x0 - D||² at each sigma.

    "x0" is EmotiveTalk eq. 11 to the letter: 1. Low noise levels then teach almost nothing, for D hardly depends on
    the network there. "v" is (sigma² + 1) / sigma² = 1 / c_out², which is the plain squared error of F: our default.
    """
    if weighting == "x0":
        return torch.ones_like(sigma)
    if weighting == "v":
        return (sigma**2 + 1) / sigma**2
    raise SettingsError(f'The loss weighting "{weighting}" is unknown; choose "v" or "x0".')


def frame_noise(frames: int, shape: tuple[int, ...], seed: int, offset: int = 0) -> torch.Tensor:
    """Unit Gaussian noise [frames, *shape] for frames `offset`, `offset` + 1, …; float32 on the CPU.

    Frame i depends on (seed, i, shape) alone, so a longer clip begins like a shorter one and every device starts from
    the same noise. Frames are drawn one by one from a single stream, and those before `offset` are drawn and dropped: a
    generator for each frame would be seeded with 32 bits, and among thousands of frames two would sooner or later
    share their noise.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.empty(frames, *shape)
    for index in range(offset + frames):
        drawn = torch.randn(shape, generator=generator)
        if index >= offset:
            noise[index - offset] = drawn
    return noise
