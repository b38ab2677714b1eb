import math

import torch

from emotivetalk_core.models.club import CLUBSample


def correlated(correlation: float, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    x, noise = torch.randn(2, count, 2, generator=generator)
    return x, correlation * x + math.sqrt(1 - correlation**2) * noise


def shuffled(y: torch.Tensor) -> torch.Tensor:
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(1))]


def fitted(x: torch.Tensor, y: torch.Tensor) -> CLUBSample:
    torch.manual_seed(0)
    club = CLUBSample(2, 2, 32)
    optimiser = torch.optim.Adam(club.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        club.learning_loss(x, y).backward()
        optimiser.step()
    return club.eval()


def test_it_bounds_the_information_of_correlated_gaussians_and_finds_none_in_independent_ones():
    x, y = correlated(0.6, 1024)
    exact = -math.log(1 - 0.6**2)  # two pairs of channels, half of -ln(1 - r²) nats each
    bound = fitted(x, y)(x, y, shuffled(y)).item()
    assert 0.95 * exact < bound < 3 * exact
    x, y = correlated(0.0, 1024)
    assert abs(fitted(x, y)(x, y, shuffled(y)).item()) < 0.15


def test_the_learning_loss_is_the_negative_log_likelihood():
    club, (x, y) = CLUBSample(2, 2, 8), correlated(0.5, 6)
    density = torch.distributions.Normal(club.mean(x), (0.5 * club.logvar(x)).exp())
    torch.testing.assert_close(club.learning_loss(x, y), -density.log_prob(y).sum(-1).mean())
    # frames of several clips count as that many pairs
    torch.testing.assert_close(club.learning_loss(x.view(2, 3, 2), y.view(2, 3, 2)), club.learning_loss(x, y))


def test_the_bound_is_the_mean_difference_of_log_likelihoods():
    club, (x, y) = CLUBSample(2, 2, 8), correlated(0.5, 6)
    others = shuffled(y)
    density = torch.distributions.Normal(club.mean(x), (0.5 * club.logvar(x)).exp())
    expected = (density.log_prob(y) - density.log_prob(others)).sum(-1).mean()
    torch.testing.assert_close(club(x, y, others), expected)
