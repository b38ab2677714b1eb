"""A clip that goes through layers across time in pieces, and comes out as it would have as a whole.

A layer that looks at neighbouring frames keeps the last ones it was given, and answers for a frame once the next has
come. So no frame is computed twice, and how the clip is cut does not matter. Before its first frame and after its last
the clip stands still: each layer sees the frame at the end once more.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_WINDOW = 16
"""Frames whose statistics a norm across time takes together: about a clip as Stable Video Diffusion's decoder learnt
from. Over all frames that it is given at once, as it takes them itself, they would depend on how a clip is cut. [ours]
"""


class ClipStream:
    """What the layers of one network keep of one clip. Frames are [b, c, n, h, w]; any piece may have any length.

    last: set it before the clip's last piece, which must not be empty.
    """

    def __init__(self) -> None:
        self.last = False
        self._neighbours: dict[nn.Module, Tensor] = {}
        self._waiting: dict[nn.Module, Tensor] = {}
        self._statistics: dict[nn.Module, Tensor] = {}

    def convolved(self, convolution: nn.Conv3d, frames: Tensor) -> Tensor:
        """Of a 3x1x1 convolution that pads by one: all frames whose next one is known, one later than they come."""
        before = self._neighbours.get(convolution, frames[:, :, :1])
        known = torch.cat([before, frames, *([frames[:, :, -1:]] if self.last else [])], dim=2)
        self._neighbours[convolution] = known[:, :, -2:].clone()
        return convolution(known)[:, :, 1:-1]

    def delayed(self, layer: nn.Module, frames: Tensor, count: int) -> Tensor:
        """The first `count` frames that were given for the layer and not handed out yet."""
        before = self._waiting.get(layer)
        known = frames if before is None else torch.cat([before, frames], dim=2)
        self._waiting[layer] = known[:, :, count:].clone()
        return known[:, :, :count]

    def normalised(self, norm: nn.GroupNorm, frames: Tensor) -> Tensor:
        """Of a group norm, with the statistics of each frame and the NORM_WINDOW - 1 before it, as far as there are."""
        pictures = frames.transpose(1, 2).flatten(0, 1)  # [b*n, c, h, w]
        clips, count = frames.shape[0], frames.shape[2]
        alone, mean, variance = _normalised_alone(pictures, norm.num_groups, norm.eps)
        moments = torch.stack([mean, variance + mean.square()]).unflatten(1, (clips, count))  # [2, b, n, g]
        before = self._statistics.get(norm, moments[:, :, :0])
        known = torch.cat([before, moments], dim=2)
        self._statistics[norm] = known[:, :, 1 - NORM_WINDOW :]
        first = before.shape[2]
        together = torch.stack(
            [known[:, :, max(0, end - NORM_WINDOW) : end].mean(2) for end in range(first + 1, first + count + 1)], dim=2
        ).flatten(1, 2)  # [2, b*n, g]
        spread = (together[1] - together[0].square()).clamp_min(0).add(norm.eps).rsqrt()  # [b*n, g]

        def of_channels(values: Tensor) -> Tensor:
            return values.repeat_interleave(norm.num_channels // norm.num_groups, 1)  # [b*n, c]

        weight, bias = norm.weight.to(spread), norm.bias.to(spread)  # a host may keep them elsewhere
        scale = of_channels((variance + norm.eps).sqrt() * spread) * weight
        shift = of_channels((mean - together[0]) * spread) * weight + bias
        scale, shift = (values.to(alone)[:, :, None, None] for values in (scale, shift))
        return torch.addcmul(shift, alone, scale, out=alone).unflatten(0, (clips, count)).transpose(1, 2)


def _normalised_alone(pictures: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures [n, c, h, w], each group of each at mean 0 and variance 1; those that they had, float32 [n, groups]."""
    count, channels, height, width = pictures.shape
    if pictures.device.type == "cpu":  # its kernel knows them already; to ask for them costs as much as four such norms
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        if count == 1:  # a view of one picture may have strides of which the kernel reads another order
            pictures = pictures.clone(memory_format=torch.channels_last)
        ones = torch.ones(channels)
        alone, mean, spread = torch.native_group_norm(
            pictures, ones, torch.zeros_like(ones), count, channels, height * width, groups, eps
        )
        return alone, mean, spread.pow(-2) - eps
    moments = [  # one picture at a time: graphics cards have no room for a float32 copy of all
        torch.var_mean(picture.unflatten(0, (groups, -1)).float(), dim=(1, 2, 3), correction=0) for picture in pictures
    ]
    variance, mean = (torch.stack(values) for values in zip(*moments))
    return functional.group_norm(pictures, groups, eps=eps), mean, variance
