"""Closed forms of the video diffusion's noise levels."""

import math

import pytest
import torch

from emotivetalk_core.diffusion import noise_levels
from emotivetalk_core.errors import SettingsError


def test_karras_grid_runs_from_700_to_0_002_and_ends_at_0():
    sigmas = noise_levels.karras_sigmas(25)
    assert sigmas.shape == (26,)
    assert sigmas[0].item() == pytest.approx(700, rel=1e-6)
    assert sigmas[-2].item() == pytest.approx(0.002, rel=1e-6)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_karras_grid_is_linear_in_the_seventh_root():
    roots = noise_levels.karras_sigmas(9)[:-1].double() ** (1 / 7)
    torch.testing.assert_close(roots.diff(), roots.diff()[0].expand(8), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", noise_levels.NOISE_GRIDS)
def test_a_single_step_goes_from_the_top_to_0(name: str):
    torch.testing.assert_close(noise_levels.noise_grid(name, 1), torch.tensor([700.0, 0.0]))


def test_ays_at_ten_steps_is_the_published_table():
    expected = torch.tensor([700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.0])
    torch.testing.assert_close(noise_levels.ays_sigmas(10), expected, rtol=1e-6, atol=0)


def test_ays_at_twenty_steps_puts_geometric_means_between_the_table_s_levels():
    table, sigmas = noise_levels.ays_sigmas(10), noise_levels.ays_sigmas(20)
    torch.testing.assert_close(sigmas[:-1:2], table[:-1], rtol=1e-6, atol=0)
    torch.testing.assert_close(sigmas[1:-2:2], (table[:-2] * table[1:-1]).sqrt(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", noise_levels.NOISE_GRIDS)
def test_a_lower_start_keeps_the_rest_of_the_grid(name: str):
    sigmas = noise_levels.noise_grid(name, 8, sigma_max=15.886)
    assert sigmas.shape == (9,)
    assert sigmas[0].item() == pytest.approx(15.886, rel=1e-6)
    assert (sigmas.diff() < 0).all()
    if name == "ays":
        torch.testing.assert_close(sigmas, noise_levels.ays_sigmas(10)[2:], rtol=1e-6, atol=0)
    for impossible in (0.0, 0.002, 701.0):
        with pytest.raises(SettingsError, match="at most 700"):
            noise_levels.noise_grid(name, 8, sigma_max=impossible)


def test_unknown_grids_and_step_counts_say_what_is_expected():
    with pytest.raises(SettingsError, match="karras, ays"):
        noise_levels.noise_grid("linear", 10)
    with pytest.raises(SettingsError, match="at least 1"):
        noise_levels.noise_grid("ays", 0)


def test_denoised_is_the_v_prediction_formula():
    """SVD's v at unit variance: v = a·noise - b·x0, where a² = 1 / (sigma² + 1) and b = sigma·a, gives D = x0."""
    generator = torch.Generator().manual_seed(1)
    clean, noise = torch.randn(2, 3, 5, 4, 2, 2, generator=generator)[:, :, 0].double()
    sigma = torch.tensor([0.01, 1.3, 40.0], dtype=torch.float64)
    noisy = noise_levels.add_noise(clean, noise, sigma)
    s = sigma.reshape(3, 1, 1, 1)
    v = (noise - s * clean) / (s**2 + 1).sqrt()
    torch.testing.assert_close(noise_levels.denoised(v, noisy, sigma), clean)
    torch.testing.assert_close(noise_levels.raw_target(clean, noisy, sigma), v)


def test_preconditioning_keeps_the_input_at_unit_variance_and_names_the_level():
    sigma = torch.tensor([0.5, 2.0])
    factors = noise_levels.preconditioning(sigma)
    torch.testing.assert_close(factors.c_in**2 * (1 + sigma**2), torch.ones(2))
    torch.testing.assert_close(factors.c_noise, torch.tensor([math.log(0.5) / 4, math.log(2) / 4]))


def test_ddim_step_equals_euler_s_step():
    noisy, clean = torch.tensor([3.0, -1.0]), torch.tensor([0.5, 0.25])
    slope = (noisy - clean) / 4.0
    torch.testing.assert_close(noise_levels.ddim_step(noisy, clean, 4.0, 1.5), noisy + (1.5 - 4.0) * slope)
    assert torch.equal(noise_levels.ddim_step(noisy, clean, 4.0, 0.0), clean)


def test_gaussian_data_integrates_to_the_closed_form():
    """For x0 ~ N(mu, s²) the ODE's solution is x(sigma) = mu + (x(top) - mu)·sqrt((s² + sigma²) / (s² + top²)).

    Euler's error falls as 1/steps.
    """
    mean, spread, start = 0.7, 0.5, torch.tensor(900.0, dtype=torch.float64)
    exact = mean + (start - mean) * spread / math.sqrt(spread**2 + 700.0**2)
    errors = []
    for steps in (100, 400):
        sigmas, x = noise_levels.karras_sigmas(steps).double(), start
        for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:], strict=True):
            best = (spread**2 * x + sigma**2 * mean) / (spread**2 + sigma**2)
            x = noise_levels.ddim_step(x, best, sigma, sigma_next)
        errors.append(abs((x - exact).item()))
    assert errors[1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


def test_loss_weights():
    sigma = torch.tensor([0.1, 1.0, 10.0])
    assert torch.equal(noise_levels.loss_weight(sigma, "x0"), torch.ones(3))
    torch.testing.assert_close(noise_levels.loss_weight(sigma, "v"), torch.tensor([101.0, 2.0, 1.01]))
    with pytest.raises(SettingsError, match='"v" or "x0"'):
        noise_levels.loss_weight(sigma, "eps")


def test_v_weight_makes_the_loss_the_squared_error_of_f():
    sigma = torch.tensor([0.05, 3.0])
    raw, clean, noisy = torch.randn(3, 2, 4, 3, generator=torch.Generator().manual_seed(0))
    error = (noise_levels.denoised(raw, noisy, sigma) - clean) ** 2
    weighted = error * noise_levels.broadcast_to(noise_levels.loss_weight(sigma, "v"), error)
    target = noise_levels.raw_target(clean, noisy, sigma)
    torch.testing.assert_close(weighted, (raw - target) ** 2, rtol=1e-3, atol=1e-3)


def test_training_sigmas_are_log_normal_and_follow_the_generator():
    first, again = (noise_levels.training_sigmas((40_000,), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.log().mean().item() == pytest.approx(0.7, abs=0.03)
    assert first.log().std().item() == pytest.approx(1.6, abs=0.03)


@pytest.mark.parametrize("shape", [(4, 16, 16), (4, 3, 5), (3,)])
def test_a_longer_clip_s_noise_begins_like_a_shorter_one_s(shape: tuple[int, ...]):
    longer = noise_levels.frame_noise(9, shape, seed=5)
    assert torch.equal(noise_levels.frame_noise(4, shape, seed=5), longer[:4])
    assert torch.equal(noise_levels.frame_noise(3, shape, seed=5, offset=6), longer[6:])
    assert not torch.equal(noise_levels.frame_noise(9, shape, seed=6), longer)


def test_frame_noise_is_unit_gaussian_and_frames_differ():
    noise = noise_levels.frame_noise(20, (4, 32, 32), seed=0)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    correlation = torch.corrcoef(noise.flatten(1)) - torch.eye(20)
    assert correlation.abs().max() < 0.1
