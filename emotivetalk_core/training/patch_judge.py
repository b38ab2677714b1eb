"""A network that tells pictures from what a decoder made, patch by patch (PatchGAN, Isola et al. 2017,
arXiv:1611.07004), so that what it could not know comes out sharp, and not as the mean of all it might be.
"""

import torch
from torch import Tensor, nn
from torch.nn import Conv2d
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .parallel import Outcome


class PatchJudge(nn.Module):
    """Pictures [b, 3, h, w] in 0…1 to scores [b, 1, h/8, w/8], of patches some fifty pixels wide, high for true ones;
    spectral norms keep it smooth (Miyato et al. 2018, arXiv:1802.05957).
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 3 * width)
        self.layers = nn.ModuleList(
            spectral_norm(Conv2d(*pair, 4, stride=2, padding=1)) for pair in zip(widths, widths[1:])
        )
        self.last = spectral_norm(Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * x - 1
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.last(x)


def judging_loss(true: Tensor, made: Tensor) -> Tensor:
    """The hinge loss that a judge learns by (Lim and Ye 2017, arXiv:1705.02894)."""
    return (F.relu(1 - true).mean() + F.relu(1 + made).mean()) / 2


class Judged(nn.Module):
    """An objective whose pictures a judge has a word on, of that weight, from that step of the training on."""

    def __init__(self, judge: PatchJudge, weight: float, first_step: float) -> None:
        super().__init__()
        self._judge = (judge,)  # in a tuple: it learns in a phase of its own
        self._weight, self._first = weight, first_step
        self.register_buffer("steps", torch.zeros(()))

    def outcome(self, loss: Tensor, figures: dict[str, Tensor], made: Tensor, true: Tensor) -> Outcome:
        """Of a loss and figures, with the judge's word; made and true pictures [n, 3, h, w] are handed to the judge."""
        heard = bool(self._weight) and float(self.steps) >= self._first
        if self.training:
            self.steps += 1
        if heard:
            score = self._judge[0](made).mean()
            loss, figures = loss - self._weight * score, {**figures, "doubt": score}
        return Outcome(loss, {"loss": loss, **figures}, {"true": true, "made": made.detach()})
