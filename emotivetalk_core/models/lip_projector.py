"""The audio-lip projector: from a window of speech features to the frame's lip latent (EmotiveTalk §6.2, fig. 9).

It sees one frame's window at a time and knows nothing of its neighbours, of pictures or of emotions.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import nn

from ..layers.attention import Attention
from ..layers.attention_functions import AttentionFunction, scaled_dot_product
from ..layers.parts import Parts

_PROJECTED_AT_ONCE = 256  # frames whose audio windows the projector sees together
_BYTES_PER_VALUE = 24
"""What each value of the blocks' tokens takes at its peak in float32: measured, and the same at both sizes."""


@dataclass(frozen=True)
class LipProjectorConfig:
    """Shape of the projector. Four blocks are the paper's; five queries are common practice, it does not say."""

    audio_dim: int = 768
    width: int = 768
    heads: int = 12
    blocks: int = 4
    queries: int = 5
    window: int = 10
    lip_dim: int = 512


class PerceiverBlock(nn.Module):
    """Queries y [n, q, w] attend to themselves and the speech x [n, 10, w]; then a feed-forward; both residual."""

    def __init__(
        self,
        config: LipProjectorConfig,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        width = config.width
        self.norm_queries = parts.layer_norm(width)
        self.norm_speech = parts.layer_norm(width)
        self.attention = Attention(width, width, width // config.heads, parts=parts)
        self.feed_forward = nn.Sequential(
            parts.layer_norm(width),
            parts.linear(width, 4 * width),
            nn.GELU(),
            parts.linear(4 * width, width),
        )

    def forward(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        queries = self.norm_queries(y)
        y = y + self.attention(queries, torch.cat((queries, self.norm_speech(x)), dim=1))
        return y + self.feed_forward(y)


class LipProjector(nn.Module):
    """A_w -> l_a. The first block's queries are learned; each later block's are the previous block's output."""

    def __init__(
        self,
        config: LipProjectorConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device, attention)
        self.config = config
        # born on the CPU: where there are shapes alone, torch takes seconds to import what draws normal numbers
        self.positions = nn.Parameter((0.02 * torch.randn(config.window, config.audio_dim, dtype=dtype)).to(device))
        self.queries = nn.Parameter((0.02 * torch.randn(config.queries, config.width, dtype=dtype)).to(device))
        self.project_in = parts.linear(config.audio_dim, config.width)
        self.blocks = nn.ModuleList(PerceiverBlock(config, parts=parts) for _ in range(config.blocks))
        self.norm_out = parts.layer_norm(config.width)
        self.project_out = parts.linear(config.queries * config.width, config.lip_dim)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Windows [..., 10, c] -> lip latents [..., lip_dim], z-normalised as the vision latents are."""
        leading = windows.shape[:-2]
        x = windows.reshape(-1, *windows.shape[-2:])  # [n, 10, c]
        x = self.project_in(x + self.positions.to(x))  # [n, 10, w]
        y = self.queries.to(x).expand(x.shape[0], -1, -1)  # [n, q, w]
        for block in self.blocks:
            y = block(y, x)
        return self.project_out(self.norm_out(y).flatten(1)).unflatten(0, leading)


def project_lips(
    projector: LipProjector,
    audio_windows: torch.Tensor,
    strength: float = 1.0,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> torch.Tensor:
    """Audio windows A_w [n, 10, c] of a whole recording -> lip latents [n, lip_dim], some frames at a time.

    strength: 0 is the mean mouth, 1 as spoken · dtype, device: what the network is fed, and where it
    computes; by default the first parameter's dtype, and where the windows are.
    """
    dtype = dtype or next(projector.parameters()).dtype
    pieces = audio_windows.split(_PROJECTED_AT_ONCE)
    return strength * torch.cat([projector(piece.to(device, dtype)) for piece in pieces])


def projecting_memory(config: LipProjectorConfig) -> int:
    """Bytes that `project_lips` needs at once in float32 beside the weights, however many frames there are."""
    return _PROJECTED_AT_ONCE * (config.window + config.queries) * config.width * _BYTES_PER_VALUE
