"""CLUB: an upper bound of the mutual information of two latents (EmotiveTalk eq. 8; Cheng et al. 2020).

It keeps lip and expression latents apart in training; it knows nothing of what either means.
"""

import math

import torch
from torch import nn
from torch.nn import Linear


class CLUBSample(nn.Module):
    """The sampled form: q(y|x) is a Gaussian whose mean and log-variance two small networks read from x.

    Alternate: one main step on `forward` with this network frozen, then a few steps on `learning_loss` with the
    latents detached. The bound holds only as far as q fits.
    """

    def __init__(self, x_dim: int, y_dim: int, hidden: int) -> None:
        super().__init__()
        self.mean = nn.Sequential(Linear(x_dim, hidden), nn.ReLU(), Linear(hidden, y_dim))
        # tanh keeps the variance within 1/e…e, without which the bound explodes on a sharp q
        self.logvar = nn.Sequential(Linear(x_dim, hidden), nn.ReLU(), Linear(hidden, y_dim), nn.Tanh())

    def forward(self, x: torch.Tensor, y: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Upper bound of I(x; y) in nats, from pairs x [..., x_dim], y [..., y_dim].

        others: for each pair a y [..., y_dim] of a pair drawn at random.
        """
        x, y, others = (values.flatten(0, -2) for values in (x, y, others))  # [n, d]
        mean, logvar = self.mean(x), self.logvar(x)
        gain = (others - mean).square() - (y - mean).square()  # the log-likelihoods' other terms cancel
        return 0.5 * (gain / logvar.exp()).sum(dim=-1).mean()

    def learning_loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean of -ln q(y|x) in nats."""
        x, y = x.flatten(0, -2), y.flatten(0, -2)
        mean, logvar = self.mean(x), self.logvar(x)
        nats = 0.5 * ((y - mean).square() / logvar.exp() + logvar + math.log(2 * math.pi))
        return nats.sum(dim=-1).mean()
