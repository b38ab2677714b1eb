"""The blocks of Stable Video Diffusion's autoencoder: of pictures, and across time. Key names are its public file's."""

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from .attention_functions import scaled_dot_product
from .clip_stream import ClipStream
from .doubling import convolved_doubled
from .parts import Parts
from .resnet import SpaceTimeMix, as_clip, as_frames

EPS, TEMPORAL_EPS = 1e-6, 1e-5


class PictureResBlock(nn.Module):
    """3x3 residual block of pictures [n, c, h, w]."""

    def __init__(self, in_channels: int, out_channels: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.norm1 = parts.group_norm(groups, in_channels, eps=EPS)
        self.conv1 = parts.conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = parts.group_norm(groups, out_channels, eps=EPS)
        self.conv2 = parts.conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = None
        if in_channels != out_channels:
            self.conv_shortcut = parts.conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class ClipBranch(nn.Module):
    """What a residual block along the frames, kernel (3, 1, 1), adds to clips [b, c, n, h, w].

    Of a stream it answers later than it is given: two frames, until the last piece.
    """

    def __init__(self, channels: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.norm1 = parts.group_norm(groups, channels, eps=TEMPORAL_EPS)
        self.conv1 = parts.temporal_convolution(channels)
        self.norm2 = parts.group_norm(groups, channels, eps=TEMPORAL_EPS)
        self.conv2 = parts.temporal_convolution(channels)

    def forward(self, x: Tensor, stream: ClipStream | None) -> Tensor:
        for norm, convolution in ((self.norm1, self.conv1), (self.norm2, self.conv2)):
            if not x.shape[2]:  # the stream's beginning: no frame knows its neighbours yet
                break
            if stream is None:
                x = convolution(functional.silu(norm(x)))
            else:
                x = stream.convolved(convolution, x, norm)
        return x


class ClipResBlock(nn.Module):
    """A residual block of pictures, one along the frames on its result, and the blend of both."""

    def __init__(self, in_channels: int, out_channels: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.spatial_res_block = PictureResBlock(in_channels, out_channels, groups, parts)
        self.temporal_res_block = ClipBranch(out_channels, groups, parts)
        self.time_mixer = SpaceTimeMix(0.0, "learned", switch_spatial_to_temporal_mix=True)

    def forward(self, x: Tensor, frames: int, stream: ClipStream | None = None) -> Tensor:
        """x [b*n, c, h, w] to [b*m, out, h, w]; m = n but in a stream, which may be told less or more."""
        spatial = as_clip(self.spatial_res_block(x), frames)
        added = self.temporal_res_block(spatial, stream)
        if stream is not None:
            spatial = stream.delayed(self, spatial, added.shape[2])
        return as_frames(self.time_mixer.with_added(spatial, added))


class PictureAttention(nn.Module):
    """Self-attention of all places of a picture [n, c, h, w], one head, added to it."""

    def __init__(self, channels: int, groups: int, parts: Parts) -> None:
        super().__init__()
        self.group_norm = parts.group_norm(groups, channels, eps=EPS)
        self.to_q = parts.linear(channels, channels)
        self.to_k = parts.linear(channels, channels)
        self.to_v = parts.linear(channels, channels)
        self.to_out = nn.ModuleList([parts.linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        places = rearrange(self.group_norm(x), "n c h w -> n (h w) c")
        attended = scaled_dot_product(self.to_q(places), self.to_k(places), self.to_v(places), 1)
        return x + rearrange(self.to_out[0](attended), "n (h w) c -> n c h w", h=x.shape[2])


class HalvedPicture(nn.Module):
    """Half the size, by a 3x3 convolution of stride 2 that is padded at the right and the bottom alone."""

    def __init__(self, channels: int, parts: Parts) -> None:
        super().__init__()
        self.conv = parts.conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, (0, 1, 0, 1)))


class DoubledPicture(nn.Module):
    """Twice the size by nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int, parts: Parts) -> None:
        super().__init__()
        self.conv = parts.conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return convolved_doubled(self.conv, x)
