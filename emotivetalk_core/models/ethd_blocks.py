"""The levels of a video backbone: down, middle and up, with names as in Stable Video Diffusion (SVD)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers.adapters import AdaptedContext
from ..layers.parts import Parts
from ..layers.resnet import Downsample, SpatioTemporalResBlock, Upsample
from ..layers.transformer import SiteContext, SpatioTemporalTransformer

Context = SiteContext | AdaptedContext
"""What the sites of a level attend to; the levels themselves ask for its frames alone."""


@dataclass(frozen=True)
class BlockParts:
    """Makes the parts of a level: what is the same for the whole network, held once."""

    embedding_dim: int
    cross_dim: int
    head_dim: int
    groups: int
    expression_injection: str
    parts: Parts

    def residual(self, in_channels: int, out_channels: int, eps: float) -> SpatioTemporalResBlock:
        return SpatioTemporalResBlock(
            in_channels,
            out_channels,
            self.embedding_dim,
            groups=self.groups,
            eps=eps,
            parts=self.parts,
        )

    def site(self, channels: int) -> nn.Module:
        return SpatioTemporalTransformer(
            channels,
            self.cross_dim,
            self.head_dim,
            groups=self.groups,
            expression_injection=self.expression_injection,
            parts=self.parts,
        )

    def downsample(self, channels: int) -> Downsample:
        return Downsample(channels, parts=self.parts)

    def upsample(self, channels: int) -> Upsample:
        return Upsample(channels, parts=self.parts)


class DownBlock(nn.Module):
    """`layers` residual blocks, each with a site where the level attends; then half the size, but at the last level."""

    def __init__(
        self, parts: BlockParts, in_channels: int, out_channels: int, layers: int, *, attends: bool, last: bool
    ) -> None:
        super().__init__()
        eps = 1e-6 if attends else 1e-5  # SVD's own difference
        widths = [in_channels] + [out_channels] * (layers - 1)
        self.resnets = nn.ModuleList([parts.residual(width, out_channels, eps) for width in widths])
        self.attentions = nn.ModuleList([parts.site(out_channels) for _ in widths] if attends else [])
        self.downsamplers = nn.ModuleList([] if last else [parts.downsample(out_channels)])

    def forward(self, x: Tensor, embedding: Tensor, context: Context) -> list[Tensor]:
        """Every intermediate result, for the skips; the last one goes on."""
        results = self.at_its_size(x, embedding, context)
        for downsampler in self.downsamplers:
            results.append(downsampler(results[-1]))
        return results

    def at_its_size(self, x: Tensor, embedding: Tensor, context: Context) -> list[Tensor]:
        """The results before the size is halved."""
        results = []
        for index, resnet in enumerate(self.resnets):
            x = resnet(x, embedding, context.frames)
            if self.attentions:
                x = self.attentions[index](x, context)
            results.append(x)
        return results


class MidBlock(nn.Module):
    """A residual block, a site and a residual block at the smallest size."""

    def __init__(self, parts: BlockParts, channels: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([parts.site(channels)])
        self.resnets = nn.ModuleList([parts.residual(channels, channels, 1e-5) for _ in range(2)])

    def forward(self, x: Tensor, embedding: Tensor, context: Context) -> Tensor:
        x = self.resnets[0](x, embedding, context.frames)
        x = self.attentions[0](x, context)
        return self.resnets[1](x, embedding, context.frames)


class UpBlock(nn.Module):
    """One residual block (and site) for each skip, then the size of the next skip but at the last level.

    skip_channels: widths of the skips in the order in which they are used.
    """

    def __init__(
        self,
        parts: BlockParts,
        in_channels: int,
        out_channels: int,
        skip_channels: list[int],
        *,
        attends: bool,
        last: bool,
    ) -> None:
        super().__init__()
        before = [in_channels] + [out_channels] * (len(skip_channels) - 1)
        widths = [a + b for a, b in zip(before, skip_channels, strict=True)]
        self.resnets = nn.ModuleList([parts.residual(width, out_channels, 1e-6) for width in widths])
        self.attentions = nn.ModuleList([parts.site(out_channels) for _ in widths] if attends else [])
        self.upsamplers = nn.ModuleList([] if last else [parts.upsample(out_channels)])

    def forward(self, x: Tensor, skips: list[Tensor], embedding: Tensor, context: Context) -> Tensor:
        """Takes its skips from the end of `skips`."""
        for index, resnet in enumerate(self.resnets):
            x = resnet(torch.cat((x, skips.pop()), dim=1), embedding, context.frames)
            if self.attentions:
                x = self.attentions[index](x, context)
        for upsampler in self.upsamplers:
            x = upsampler(x, skips[-1].shape[-2:])
        return x


@dataclass(frozen=True)
class Levels:
    """All levels of a backbone, under the names that SVD gives them."""

    down_blocks: nn.ModuleList
    mid_block: MidBlock
    up_blocks: nn.ModuleList


def build_levels(parts: BlockParts, widths: Sequence[int], layers: int, attends: Sequence[bool]) -> Levels:
    """widths, attends: of each level, largest picture first · layers: residual blocks of a level on the way down."""
    last = len(widths) - 1
    down_blocks = nn.ModuleList()
    skip_channels = [widths[0]]
    for level, width in enumerate(widths):
        down_blocks.append(
            DownBlock(parts, skip_channels[-1], width, layers, attends=attends[level], last=level == last)
        )
        skip_channels += [width] * (layers + (level != last))
    mid_block = MidBlock(parts, widths[-1])
    up_blocks = nn.ModuleList()
    incoming = widths[-1]
    for level in range(last, -1, -1):
        skips = [skip_channels.pop() for _ in range(layers + 1)]
        up_blocks.append(UpBlock(parts, incoming, widths[level], skips, attends=attends[level], last=level == 0))
        incoming = widths[level]
    return Levels(down_blocks, mid_block, up_blocks)
