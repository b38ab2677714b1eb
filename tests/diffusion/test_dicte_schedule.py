"""Closed forms of the expression diffusion's schedule."""

import math

import pytest
import torch

from emotivetalk_core.diffusion import dicte_schedule
from emotivetalk_core.errors import SettingsError


def test_alpha_bar_follows_the_cosine():
    alpha_bars = dicte_schedule.alpha_bars()
    expected = [math.cos(((t + 1) / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in (0, 250, 499, 900)]
    expected = torch.tensor(expected) / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    torch.testing.assert_close(alpha_bars[[0, 250, 499, 900]], expected)
    assert (alpha_bars.diff() < 0).all()
    assert 0 < alpha_bars[-1] < 1e-6


def test_timesteps_fall_evenly_from_the_last():
    assert dicte_schedule.timesteps(25).tolist() == list(range(999, 0, -40))
    assert dicte_schedule.timesteps(1).tolist() == [999]
    assert dicte_schedule.timesteps(1000).tolist() == list(range(999, -1, -1))
    for steps in (0, 1001):
        with pytest.raises(SettingsError, match="1…1000"):
            dicte_schedule.timesteps(steps)


def test_add_noise_keeps_unit_variance():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 200, 30, generator=generator)
    noisy = dicte_schedule.add_noise(clean, torch.tensor([0, 500, 999]), noise)
    torch.testing.assert_close(noisy.std(dim=(1, 2)), torch.ones(3), rtol=0.03, atol=0)
    torch.testing.assert_close(noisy[0], clean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(noisy[2], noise[2], atol=1e-3, rtol=0)


def test_a_ddim_step_from_the_true_x0_lands_on_the_same_noise():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 2, 5, 30, generator=generator)
    t, t_next = torch.tensor([900, 300]), torch.tensor([500, 20])
    noisy = dicte_schedule.add_noise(clean, t, noise)
    stepped = dicte_schedule.ddim_step(noisy, clean, t, t_next)
    torch.testing.assert_close(stepped, dicte_schedule.add_noise(clean, t_next, noise), rtol=1e-4, atol=1e-4)
    assert torch.equal(dicte_schedule.ddim_step(noisy, clean, t, torch.tensor([-1, -1])), clean)
