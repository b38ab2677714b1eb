"""Batch norms over the batch of all processes, as one process would compute them. torch's own SyncBatchNorm does that
on cards alone, so nothing of it could be tested without one.
"""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .processes import from_all


def share_batch_norms(module: nn.Module) -> None:
    """Puts a SharedBatchNorm in the place of every batch norm below `module`; parameters and statistics stay."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SharedBatchNorm.of(child))
        else:
            share_batch_norms(child)


class SharedBatchNorm(_BatchNorm):
    """A batch norm whose mean and variance are of all processes' parts of the batch, which are equally large."""

    @classmethod
    def of(cls, norm: _BatchNorm) -> "SharedBatchNorm":
        """With another's parameters and statistics, which stay that one's, too."""
        shared = cls(norm.num_features, norm.eps, norm.momentum, device="meta")
        shared.weight, shared.bias, shared.training = norm.weight, norm.bias, norm.training
        for name, statistic in norm.named_buffers():
            setattr(shared, name, statistic)
        return shared

    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """input [b, c, ...] to its like."""
        if not self.training:
            return super().forward(input)
        others = [0, *range(2, input.dim())]
        like = [1, -1, *[1] * (input.dim() - 2)]
        own = input.float()
        means = from_all(own.mean(others)[None])  # [processes, c]
        mean = means.mean(0)
        centred = own - mean.view(like)
        variance = from_all(centred.square().mean(others)[None]).mean(0)
        self._follow(mean.detach(), variance.detach(), len(means) * input.numel() // input.shape[1])
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(like) + self.bias.view(like)).to(input.dtype)

    def _follow(self, mean: torch.Tensor, variance: torch.Tensor, values: int) -> None:
        """The running statistics, as torch keeps them: of the variance the unbiased estimate."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        self.running_var.lerp_((variance * values / (values - 1)).to(self.running_var), self.momentum)
