"""What DICE-Talk and Sonic make of speech, of an emotion and of the face's box, before their backbone is asked: small
networks that work once for a clip.

Shapes and formulas are those of the published weights; tokens are 32 of the backbone's width for each frame.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.attention_functions import scaled_dot_product
from ..layers.parts import Parts

KIND = "photograph_encoders"


@dataclass(frozen=True)
class PhotographEncodersConfig:
    """Sizes; the defaults are DICE-Talk's.

    speech_states, speech_width: of the speech encoder · half_frames: of speech that a frame hears · emotion_dim: width
    of an emotion's prior, 0 for weights that know none · emotion_bank: rows that an emotion is composed of ·
    guide_channels: of the face guide, empty for weights without one; guide_dim: of what it gives · bucket_half_frames:
    of speech that the motion is read from, 0 for weights that are told it · picture_dim: of CLIP's embedding.
    """

    speech_states: int = 5
    speech_width: int = 384
    half_frames: int = 10
    token_dim: int = 1024
    hidden_dim: int = 1024
    tokens: int = 32
    emotion_dim: int = 256
    emotion_bank: int = 64
    emotion_heads: int = 8
    guide_channels: tuple[int, ...] = (16, 32, 96, 256)
    guide_dim: int = 320
    bucket_half_frames: int = 0
    picture_dim: int = 1024

    @property
    def speech_dim(self) -> int:
        """Width of a half-frame of speech, its states one after the other."""
        return self.speech_states * self.speech_width


class TokenProjection(nn.Module):
    """A vector as context tokens: two hidden layers with ReLU, then LayerNorm of each token."""

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        tokens: int,
        token_dim: int,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.proj1 = parts.linear(dim, hidden_dim)
        self.proj2 = parts.linear(hidden_dim, hidden_dim)
        self.proj3 = parts.linear(hidden_dim, tokens * token_dim)
        self.norm = parts.layer_norm(token_dim)

    def forward(self, x: Tensor) -> Tensor:
        """[..., dim] to [..., tokens, token_dim]."""
        x = functional.relu(self.proj2(functional.relu(self.proj1(x))))
        return self.norm(self.proj3(x).unflatten(-1, (self.tokens, -1)))


class EmotionTokens(nn.Module):
    """An emotion's prior as tokens, each a mixture of what a bank of learned rows holds (DICE-Talk).

    The prior asks; the bank's keys and values are the same whatever it asks.
    """

    def __init__(
        self,
        config: PhotographEncodersConfig,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        width = config.token_dim
        sizes = (config.hidden_dim, config.tokens, width)
        self.heads = config.emotion_heads
        self.query = TokenProjection(config.emotion_dim, *sizes, parts=parts)
        self.memory = TokenProjection(width, *sizes, parts=parts)
        self.bank = parts.embedding(config.emotion_bank, width)
        self.to_q, self.to_k, self.to_v = (parts.linear(width, width) for _ in range(3))

    def forward(self, prior: Tensor) -> Tensor:
        """[n, emotion_dim] to [n, tokens, token_dim]."""
        rows = self.bank(torch.arange(self.bank.num_embeddings, device=prior.device)).to(prior.dtype)
        memory = self.memory(rows).flatten(0, 1)[None]  # [1, rows * tokens, d]
        q = self.to_q(self.query(prior)).flatten(0, 1)[None]  # [1, n * tokens, d]: one memory for all frames
        mixed = scaled_dot_product(q, self.to_k(memory), self.to_v(memory), self.heads)
        return mixed[0].unflatten(0, (prior.shape[0], -1))


class FaceGuide(nn.Module):
    """The face's box as a picture, at an eighth of its size and as wide as the backbone's first layer (DICE-Talk)."""

    def __init__(
        self,
        config: PhotographEncodersConfig,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        widths = config.guide_channels
        self.conv_in = parts.conv2d(3, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for width, wider in zip(widths, widths[1:]):
            self.blocks.append(parts.conv2d(width, width, 3, padding=1))
            self.blocks.append(parts.conv2d(width, wider, 3, stride=2, padding=1))
        self.conv_out = parts.conv2d(widths[-1], config.guide_dim, 3, padding=1)

    def forward(self, face_mask: Tensor) -> Tensor:
        """[b, 1, H, W] to [b, guide_dim, H/8, W/8]."""
        x = functional.silu(self.conv_in(face_mask.expand(-1, 3, -1, -1)))
        for block in self.blocks:
            x = functional.silu(block(x))
        return self.conv_out(x)


class MotionBuckets(nn.Module):
    """How much head and expression move, read from speech and portrait (Sonic)."""

    def __init__(
        self,
        config: PhotographEncodersConfig,
        *,
        parts: Parts,
    ) -> None:
        super().__init__()
        width = config.bucket_half_frames * config.speech_width + config.picture_dim
        self.proj1 = parts.linear(width, config.hidden_dim)
        self.proj2 = parts.linear(config.hidden_dim, config.hidden_dim)
        self.proj3 = parts.linear(config.hidden_dim, 2)

    def forward(self, speech: Tensor, picture: Tensor) -> Tensor:
        """speech [n, bucket_half_frames * speech_width], picture [1, picture_dim] to [n, 2]: motion and expression, as
        SVD counts its buckets.
        """
        x = torch.cat((speech, picture.expand(speech.shape[0], -1)), dim=-1)
        x = functional.silu(self.proj2(functional.silu(self.proj1(x))))
        return self.proj3(x) * 16 + 16


class PhotographEncoders(nn.Module):
    """The parts that one set of weights has: speech always, emotion and face guide in DICE-Talk, buckets in Sonic."""

    def __init__(
        self,
        config: PhotographEncodersConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device)
        self.config = config
        heard = config.half_frames * config.speech_dim
        self.speech_tokens = TokenProjection(heard, config.hidden_dim, config.tokens, config.token_dim, parts=parts)
        self.emotion_tokens = EmotionTokens(config, parts=parts) if config.emotion_dim else None
        self.face_guide = FaceGuide(config, parts=parts) if config.guide_channels else None
        self.motion_buckets = MotionBuckets(config, parts=parts) if config.bucket_half_frames else None
