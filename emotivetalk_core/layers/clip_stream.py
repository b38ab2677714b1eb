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

    def convolved(self, convolution: nn.Conv3d, frames: Tensor, norm: nn.GroupNorm | None = None) -> Tensor:
        """Of a 3x1x1 convolution that pads by one: all frames whose next one is known, one later than they come.

        norm: frames go through it and a SiLU first.
        """
        clips, channels, count, height, width = frames.shape
        before = self._neighbours.get(convolution)
        first = 1 if before is None else 2
        length = first + count + self.last
        known = frames.new_empty(clips, length, height, width, channels).permute(0, 4, 1, 2, 3)  # as `frames` lie
        given = known[:, :, first : first + count]
        if norm is None:
            given.copy_(frames)
        else:
            functional.silu(self._normalised(norm, frames, given), inplace=True)
        known[:, :, :first] = given[:, :, :1] if before is None else before
        if self.last:
            known[:, :, -1:] = given[:, :, -1:]
        self._neighbours[convolution] = known[:, :, -2:].clone()
        return convolution(known)[:, :, 1:-1]

    def delayed(self, layer: nn.Module, frames: Tensor, count: int) -> Tensor:
        """The first `count` frames that were given for the layer and not handed out yet."""
        before = self._waiting.get(layer)
        known = frames if before is None else torch.cat([before, frames], dim=2)
        self._waiting[layer] = known[:, :, count:].clone()
        return known[:, :, :count]

    def _normalised(self, norm: nn.GroupNorm, frames: Tensor, place: Tensor) -> Tensor:
        """Of a group norm, with the statistics of each frame and the NORM_WINDOW - 1 before it, as far as there are;
        written to `place`, of the frames' shape.
        """
        pictures = frames.transpose(1, 2).flatten(0, 1)  # [b*n, c, h, w]
        clips, _, count, _, width = frames.shape
        alone, mean, variance = _normalised_alone(pictures, norm.num_groups, norm.eps)
        moments = torch.stack([mean, variance + mean.square(), torch.ones_like(mean)])  # [3, b*n, g]
        moments = moments.unflatten(1, (clips, count)).transpose(2, 3)  # [3, b, g, n]
        nothing = moments.new_zeros(*moments.shape[:3], NORM_WINDOW - 1)
        known = torch.cat([self._statistics.get(norm, nothing), moments], dim=3)
        self._statistics[norm] = known[..., 1 - NORM_WINDOW :]
        together = functional.avg_pool1d(known.flatten(0, 1), NORM_WINDOW, stride=1)  # [3*b, g, n]
        *together, there = together.transpose(1, 2).reshape(3, clips * count, -1)  # of [b*n, g]
        together = [moment / there for moment in together]  # a clip's first frames have fewer before them
        spread = (together[1] - together[0].square()).clamp_min(0).add(norm.eps).rsqrt()  # [b*n, g]

        def of_channels(values: Tensor) -> Tensor:
            return values.repeat_interleave(norm.num_channels // norm.num_groups, 1)  # [b*n, c]

        weight, bias = norm.weight.to(spread), norm.bias.to(spread)  # a host may keep them elsewhere
        scale = of_channels((variance + norm.eps).sqrt() * spread) * weight
        shift = of_channels((mean - together[0]) * spread) * weight + bias
        # a whole row of pixels in each: along channels alone, which are few, the loop takes twice as long on a CPU
        scale, shift = (
            values.to(alone)[:, None, None, :].expand(-1, 1, width, -1).contiguous().permute(0, 3, 1, 2)
            for values in (scale, shift)
        )  # [b*n, c, 1, w]
        scale, shift, alone = (values.unflatten(0, (clips, count)).transpose(1, 2) for values in (scale, shift, alone))
        return torch.addcmul(shift, alone, scale, out=place)


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
