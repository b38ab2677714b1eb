"""Di-CTE: the diffusion network that expands one expression over a whole sentence (EmotiveTalk §3.2, eq. 7, §6.4).

It predicts the clean latents e(0) from noisy ones; schedule and chunking live in diffusion and sampling. The paper
gives no layout. A transformer over frames with adaptive layer norm is ours, after DiffPoseTalk and Ditto.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import nn

from ..layers.attention import Attention
from ..layers.attention_functions import AttentionFunction, scaled_dot_product
from ..layers.embeddings import EmbeddingMLP, sinusoidal_embedding
from ..layers.parts import Parts
from ..layers.zero_start import start_at_zero


@dataclass(frozen=True)
class DiCTEConfig:
    """Shape of Di-CTE. `tokens` (220) and `prefix` (20) are the paper's training length and known beginning."""

    expression_dim: int = 30
    audio_dim: int = 768
    audio_window: int = 10
    identity_dim: int = 512
    width: int = 512
    layers: int = 8
    heads: int = 8
    tokens: int = 220
    prefix: int = 20
    steps: int = 1000


class DiCTEBlock(nn.Module):
    """Self-attention over frames and a feed-forward layer, each scaled, shifted and gated by the condition [b, n or 1,
    w].

    The gates start at zero, so a fresh block is the identity (Peebles & Xie 2023, adaLN-Zero).
    """

    def __init__(
        self,
        config: DiCTEConfig,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        width = config.width
        self.modulation = parts.linear(width, 6 * width)
        self.attention = Attention(width, width, width // config.heads, parts=parts)
        self.feed_forward = nn.Sequential(
            parts.linear(width, 4 * width),
            nn.GELU(approximate="tanh"),
            parts.linear(4 * width, width),
        )
        start_at_zero(self.modulation)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = self.modulation(condition).chunk(6, dim=-1)
        x = x + gate_a * self.attention(_modulated_norm(x, scale_a, shift_a))
        return x + gate_f * self.feed_forward(_modulated_norm(x, scale_f, shift_f))


class DiCTE(nn.Module):
    """Noisy expression latents, speech, speaker and emotion -> clean latents, for up to `tokens` frames at once.

    `lids` [expression_dim] is not learnt with it but measured: how expression latents change where lids shut
    (training/lids.py). The network does not heed it; sampling/lids.py does. 0 where nobody measured it.
    """

    ADDED_LATER = ("lids",)
    lids: torch.Tensor

    def __init__(
        self,
        config: DiCTEConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        attention: AttentionFunction = scaled_dot_product,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device, attention)
        self.config = config
        width = config.width
        self.embed_frame = parts.linear(config.expression_dim + 1, width)  # + the known mask
        self.norm_audio = parts.layer_norm(config.audio_dim)
        self.embed_audio = parts.linear(config.audio_window * config.audio_dim, width)
        self.embed_step = EmbeddingMLP(width, width, width, parts=parts)
        self.norm_identity = parts.layer_norm(config.identity_dim)
        self.embed_identity = parts.linear(config.identity_dim, width)
        self.embed_emotion = parts.linear(config.expression_dim, width)
        self.no_emotion = nn.Parameter(torch.zeros(width, **parts.factory_kwargs))
        self.blocks = nn.ModuleList(DiCTEBlock(config, parts=parts) for _ in range(config.layers))
        self.modulation_out = parts.linear(width, 2 * width)
        self.project_out = parts.linear(width, config.expression_dim)
        self.register_buffer("lids", torch.zeros(config.expression_dim, **parts.factory_kwargs))
        start_at_zero(self.modulation_out)
        start_at_zero(self.project_out)

    def forward(
        self,
        noisy: torch.Tensor,
        t: torch.Tensor,
        audio_windows: torch.Tensor,
        identity: torch.Tensor,
        emotion: torch.Tensor,
        known: torch.Tensor,
        emotion_dropped: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predict e(0) [b, n, e].

        noisy [b, n, e], clean where known · t [b] step 0…999 · audio_windows [b, n, 10, c] · identity [b, d] ·
        emotion [b, e] or [b, 1, e], e_cond, or [b, n, e], one for each frame · known [b, n], 1 where `noisy` is ground
        truth or the previous chunk's end · emotion_dropped [b] bool: rows that are told no emotion (for guidance).
        """
        frames = self.embed_frame(torch.cat((noisy, known[..., None].to(noisy)), dim=-1))  # [b, n, w]
        speech = self.embed_audio(self.norm_audio(audio_windows).flatten(2))  # [b, n, w]
        index = torch.arange(noisy.shape[1], device=noisy.device)
        x = frames + speech + sinusoidal_embedding(index, self.config.width).to(frames)

        told = self.embed_emotion(emotion if emotion.dim() == 3 else emotion[:, None])  # [b, n or 1, w]
        if emotion_dropped is not None:
            told = torch.where(emotion_dropped[:, None, None], self.no_emotion.to(told), told)
        step = self.embed_step(sinusoidal_embedding(t, self.config.width).to(told))
        whole = step + self.embed_identity(self.norm_identity(identity))  # [b, w]
        condition = F.silu(whole[:, None] + told)  # [b, n or 1, w]

        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.modulation_out(condition).chunk(2, dim=-1)
        return self.project_out(_modulated_norm(x, scale, shift))


def _modulated_norm(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
