"""The schedule of Di-CTE, the diffusion over expression latents (EmotiveTalk eq. 2, 7).

x_t = sqrt(alpha_bar_t)·x0 + sqrt(1 - alpha_bar_t)·noise, t in 0…999.

The paper does not name its schedule. Ours is the cosine one (Nichol & Dhariwal 2021, eq. 17, betas at most 0.999): a
latent of thirty numbers has little redundancy, and the linear schedule would leave it as pure noise over most of its
steps.
"""

import math

import torch

from ..errors import SettingsError

TRAINING_STEPS = 1000


def alpha_bars(training_steps: int = TRAINING_STEPS) -> torch.Tensor:
    """alpha_bar_t [training_steps], falling from almost 1 to almost 0; float32 on the CPU."""
    position = torch.arange(training_steps + 1, dtype=torch.float64) / training_steps
    curve = torch.cos((position + 0.008) / 1.008 * math.pi / 2) ** 2
    betas = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - betas, dim=0).float()


def timesteps(steps: int, training_steps: int = TRAINING_STEPS) -> torch.Tensor:
    """The t of each DDIM step [steps], falling and evenly spaced; the first is the last t, where all is noise."""
    if not 1 <= steps <= training_steps:
        raise SettingsError(
            f"The number of expression steps is {steps}, but it must lie in 1…{training_steps}; 25 is a good number."
        )
    position = torch.arange(steps, 0, -1, dtype=torch.float64) / steps
    return (position * training_steps).round().long() - 1


def _factors(t: torch.Tensor, like: torch.Tensor, training_steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The square roots of alpha_bar_t and of 1 - alpha_bar_t, shaped to multiply `like`; t = -1 stands for the clean
    end, where alpha_bar = 1.
    """
    with_end = torch.cat([alpha_bars(training_steps), torch.ones(1)]).to(like.device)  # index -1 is the clean end
    alpha_bar = with_end[t.to(like.device)]
    alpha_bar = alpha_bar.reshape(alpha_bar.shape + (1,) * (like.ndim - alpha_bar.ndim))
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def add_noise(
    clean: torch.Tensor, t: torch.Tensor, noise: torch.Tensor, training_steps: int = TRAINING_STEPS
) -> torch.Tensor:
    """x_t from x0 (EmotiveTalk eq. 2). clean, noise [b, …]; t [b] or [] long."""
    signal, spread = _factors(t, clean, training_steps)
    return signal * clean + spread * noise


def ddim_step(
    noisy: torch.Tensor,
    clean: torch.Tensor,
    t: torch.Tensor,
    t_next: torch.Tensor,
    training_steps: int = TRAINING_STEPS,
) -> torch.Tensor:
    """One DDIM step, eta = 0, from t to t_next, with `clean` the network's x0. `t_next` = -1 ends at x0 itself.

    noisy, clean [b, …]; t, t_next [b] or [] long.
    """
    signal, spread = _factors(t, noisy, training_steps)
    signal_next, spread_next = _factors(t_next, noisy, training_steps)
    noise = (noisy - signal * clean) / spread
    return signal_next * clean + spread_next * noise
