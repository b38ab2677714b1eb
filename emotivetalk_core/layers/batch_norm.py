"""Batch norms for a host that may leave weights in main memory; its own layers for that have no statistics."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class _BatchNormWhereItsInputIs(_BatchNorm):
    """torch's; frozen, it takes weights and statistics to its input's device and dtype when it computes."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """input [b, c, ...] to its like."""
        if self.training:
            return super().forward(input)
        self._check_input_dim(input)
        assert self.running_mean is not None and self.running_var is not None
        mean, variance = self.running_mean.to(input), self.running_var.to(input)
        return F.batch_norm(input, mean, variance, self.weight.to(input), self.bias.to(input), eps=self.eps)


class BatchNorm1d(_BatchNormWhereItsInputIs, nn.BatchNorm1d):
    """torch.nn.BatchNorm1d, near its input."""


class BatchNorm2d(_BatchNormWhereItsInputIs, nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, near its input."""
