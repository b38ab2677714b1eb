"""Wav2Vec2 (Baevski et al. 2020), without what only its pre-training needs: masks, dropout and layer drop.

Parameter names are those of transformers' Wav2Vec2Model, so public files load as they are. It is a network of our own
because transformers takes longer to import than a short film takes to sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import Conv1d, GroupNorm, LayerNorm, Linear, functional
from torch.nn.utils import parametrizations

from ..layers.attention_functions import scaled_dot_product


@dataclass(frozen=True)
class SpeechEncoderConfig:
    """The fields of a Wav2Vec2 model that differ between public ones. The defaults are facebook/wav2vec2-base-960h.

    normalise: zero mean and unit variance per recording before the network, as the checkpoint's feature extractor says
    (facebook's base: yes; the Chinese base: no).
    """

    conv_dim: tuple[int, ...] = (512,) * 7
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)  # 320 samples a feature: 50 Hz
    conv_bias: bool = False
    feat_extract_norm: str = "group"
    do_stable_layer_norm: bool = False
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    normalise: bool = True

    @classmethod
    def base(cls) -> "SpeechEncoderConfig":
        """facebook/wav2vec2-base and -base-960h."""
        return cls()

    @classmethod
    def large(cls) -> "SpeechEncoderConfig":
        """facebook/wav2vec2-large-lv60, -large-xlsr-53 and models built on them."""
        return cls(
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
        )


class Wav2Vec2(nn.Module):
    """Samples [b, t] to hidden states [b, t50, c] of all layers."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.feature_extractor = _FeatureExtractor(config)
        self.feature_projection = _FeatureProjection(config)
        self.encoder = _Encoder(config)
        if not self.encoder.layer_norm.weight.is_meta:  # shapes alone have no beginning, but torch would import for it
            for module in self.modules():
                _initialise(module)

    @property
    def dtype(self) -> torch.dtype:
        return self.encoder.layer_norm.weight.dtype

    def forward(self, samples: Tensor) -> list[Tensor]:
        """What enters the first layer, then what leaves each; the last one through the final layer norm."""
        features = self.feature_extractor(samples[:, None])  # [b, c, t50]
        return list(self.encoder(self.feature_projection(features.transpose(1, 2))))


class _FeatureExtractor(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(_ConvLayer(config, index) for index in range(len(config.conv_dim)))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.conv_layers:
            x = layer(x)
        return x


class _ConvLayer(nn.Module):
    """A convolution along time. By "layer" each has a layer norm, by "group" the first alone a norm of each channel."""

    def __init__(self, config: SpeechEncoderConfig, index: int) -> None:
        super().__init__()
        before, channels = (1, *config.conv_dim)[index], config.conv_dim[index]
        self.conv = Conv1d(
            before, channels, config.conv_kernel[index], config.conv_stride[index], bias=config.conv_bias
        )
        self.layer_norm = None
        if config.feat_extract_norm == "layer":
            self.layer_norm = LayerNorm(channels)
        elif index == 0:
            self.layer_norm = GroupNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)  # [b, c, t]
        if isinstance(self.layer_norm, LayerNorm):
            x = self.layer_norm(x.transpose(1, 2)).transpose(1, 2)
        elif self.layer_norm is not None:
            x = self.layer_norm(x)
        return functional.gelu(x)


class _FeatureProjection(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.layer_norm = LayerNorm(config.conv_dim[-1])
        self.projection = Linear(config.conv_dim[-1], config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.projection(self.layer_norm(x))


class _Encoder(nn.Module):
    """Positions, then transformer layers. The layer norms are first in the layers, and last of all, where
    `do_stable_layer_norm` says so; else after the layers' parts, and after the positions.
    """

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.norm_first = config.do_stable_layer_norm
        self.pos_conv_embed = _Positions(config)
        self.layer_norm = LayerNorm(config.hidden_size)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor) -> Iterator[Tensor]:
        x = x + self.pos_conv_embed(x)
        if not self.norm_first:
            x = self.layer_norm(x)
        for layer in self.layers:
            yield x
            x = layer(x)
        yield self.layer_norm(x) if self.norm_first else x


class _Positions(nn.Module):
    """Places relative to each other, by a grouped convolution with weight norm."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        kernel = config.num_conv_pos_embeddings
        # on the CPU whatever the device: of shapes alone, torch computes the norm by code that takes 4 s to import
        self.conv = Conv1d(
            config.hidden_size,
            config.hidden_size,
            kernel,
            padding=kernel // 2,
            groups=config.num_conv_pos_embedding_groups,
            device="cpu",
        )
        parametrizations.weight_norm(self.conv, name="weight", dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """[b, t, c] to the same; an even kernel gives one place too many."""
        return functional.gelu(self.conv(x.transpose(1, 2))[..., : x.shape[1]]).transpose(1, 2)


class _Layer(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.norm_first = config.do_stable_layer_norm
        self.attention = _Attention(config)
        self.layer_norm = LayerNorm(config.hidden_size)
        self.feed_forward = _FeedForward(config)
        self.final_layer_norm = LayerNorm(config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self.attention(self.layer_norm(x))
            return x + self.feed_forward(self.final_layer_norm(x))
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self.feed_forward(x))


class _Attention(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.k_proj = Linear(config.hidden_size, config.hidden_size)
        self.v_proj = Linear(config.hidden_size, config.hidden_size)
        self.q_proj = Linear(config.hidden_size, config.hidden_size)
        self.out_proj = Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(scaled_dot_product(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads))


class _FeedForward(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.intermediate_dense = Linear(config.hidden_size, config.intermediate_size)
        self.output_dense = Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.output_dense(functional.gelu(self.intermediate_dense(x)))


def _initialise(module: nn.Module) -> None:
    """How a network that is trained from the start begins: as transformers' does."""
    if isinstance(module, _FeatureProjection):
        bound = module.projection.in_features**-0.5
        nn.init.uniform_(module.projection.weight, -bound, bound)
        nn.init.uniform_(module.projection.bias, -bound, bound)
    elif isinstance(module, _Attention | _FeedForward):
        for linear in module.children():
            if isinstance(linear, Linear):
                nn.init.normal_(linear.weight, std=0.02)
                nn.init.zeros_(linear.bias)
    elif isinstance(module, _ConvLayer):
        nn.init.kaiming_normal_(module.conv.weight)
    elif isinstance(module, _Positions) and module.conv.bias is not None:
        nn.init.zeros_(module.conv.bias)
