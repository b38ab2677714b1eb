"""Convolutions along the frames, kernel (3, 1, 1), computed as convolutions of pictures."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class TemporalConv3d(nn.Conv3d):
    """Looks at [b, c, n, h, w] as a picture of n rows and h*w columns, which in channels-last memory it is already.

    Torch has no fast 3x1x1 convolution on CPUs, and its answers come in another memory order than the frames, so that
    whatever follows copies. Weights, names and values are nn.Conv3d's.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # weights in another order would bring torch to convert the frames: five times as long, copying these is nothing
        kernel = weight.flatten(3).contiguous(memory_format=torch.channels_last)
        rows = functional.conv2d(input.flatten(3), kernel, bias, padding=(1, 0))  # [b, c, n, h*w]
        return rows.unflatten(3, input.shape[3:])
