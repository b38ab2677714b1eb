"""The frozen speech encoder: Wav2Vec2, from 16 kHz samples to features at 50 Hz (EmotiveTalk §3.2).

Parameter names are those of transformers' Wav2Vec2Model, so public files load as they are. It knows nothing of video
frames; audio/feature_windows.py resamples its features to them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ..errors import WeightsError
from ..weight_files.checkpoint import check_keys, save_checkpoint
from ..weight_files.hugging_face import WEIGHTS, described_config, read_description, read_public_tensors
from .wav2vec2 import SpeechEncoderConfig, Wav2Vec2


class SpeechEncoder(nn.Module):
    """Wav2Vec2 as EmotiveTalk hears through it: the same speech gives the same features."""

    def __init__(
        self,
        config: SpeechEncoderConfig,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        place = device or "cpu"
        with torch.device(place):
            self.model = Wav2Vec2(config).to(place)  # a part of it is born on the CPU
        if dtype is not None:
            self.model.to(dtype=dtype)

    @property
    def layers(self) -> int:
        """Number of transformer layers; `features` accepts 0 (what enters the first) to this."""
        return self.config.num_hidden_layers

    def feature_count(self, sample_count: int) -> int:
        """How many features `sample_count` samples give; 0 below one window (400 samples at the usual kernels)."""
        for kernel, stride in zip(self.config.conv_kernel, self.config.conv_stride, strict=True):
            sample_count = (sample_count - kernel) // stride + 1 if sample_count >= kernel else 0
        return sample_count

    def normalise(self, samples: torch.Tensor) -> torch.Tensor:
        """Zero mean and unit variance per recording [b, t], where the config asks for it; silence stays finite."""
        return standardise(samples) if self.config.normalise else samples

    def features(self, samples: torch.Tensor, layer: int | None = None) -> torch.Tensor:
        """Samples [b, t] at 16 kHz in -1…1 -> features [b, t50, c] at 50 Hz: the last hidden state, or layer k's.

        A recording shorter than one convolution window is padded with silence to one feature.
        """
        if layer is not None and not 0 <= layer <= self.layers:
            raise ValueError(f"layer {layer} was asked for; this encoder has 0 to {self.layers}.")
        return self.hidden_states(samples)[self.layers if layer is None else layer]

    def hidden_states(self, samples: torch.Tensor) -> list[torch.Tensor]:
        """As `features`, but of all layers: what enters the first, then what leaves each; the last is `features`'."""
        return self.model(self._input(samples))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """See `features`."""
        return self.features(samples)

    def _input(self, samples: torch.Tensor) -> torch.Tensor:
        samples = self.normalise(samples.float())
        if self.feature_count(samples.shape[-1]) == 0:
            shortest = first_window(self.config.conv_kernel, self.config.conv_stride)
            samples = nn.functional.pad(samples, (0, shortest - samples.shape[-1]))
        return samples.to(self.model.dtype)


def first_window(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Samples that give one feature: 400 with the usual kernels."""
    window = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        window = (window - 1) * stride + kernel
    return window


def standardise(samples: torch.Tensor) -> torch.Tensor:
    """Samples [b, t] with zero mean and unit variance each, as Hugging Face's feature extractors do it."""
    centred = samples - samples.mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(dim=-1, keepdim=True) + 1e-7)


def encoding_memory(config: SpeechEncoderConfig, sample_count: int) -> int:
    """Bytes that encoding this many samples takes in float32 beside the weights: the first convolution's output, twice.
    Measured, and the same at all sizes.
    """
    return 2 * 4 * config.conv_dim[0] * math.ceil(sample_count / config.conv_stride[0])


LEFTOVERS = ("masked_spec_embed", "lm_head.", "quantizer.", "project_hid.", "project_q.", "projector.", "classifier.")
"""How keys begin that Wav2Vec2 files hold for pre-training, recognition and classification."""


def from_hugging_face(source: Path, *, normalise: bool | None = None) -> SpeechEncoder:
    """A public Wav2Vec2 model, frozen: its folder (config.json, model.safetensors, preprocessor_config.json), or a
    safetensors file alone, whose config is read from its shapes.

    Heads for pre-training or recognition in the file are left out. normalise: overrules what the folder says; a file
    alone cannot say it, so None is True there, as for facebook's. Raises WeightsError for a missing or unfit file.
    """
    source = Path(source)
    described = read_description(source, "wav2vec2") if not source.is_file() else None
    weights = source if described is None else source / WEIGHTS
    tensors = read_public_tensors(weights, LEFTOVERS, prefix="wav2vec2.")
    if described is None:
        config = inferred_config(tensors, source)
    else:
        config = described_config(SpeechEncoderConfig, described, source)
    encoder = SpeechEncoder(config if normalise is None else replace(config, normalise=normalise))
    check_keys(weights, "speech_encoder", encoder.model.state_dict(), tensors)
    encoder.model.load_state_dict(tensors)
    return encoder.eval().requires_grad_(False)


def inferred_config(tensors: Mapping[str, torch.Tensor], path: Path) -> SpeechEncoderConfig:
    """The config that a Wav2Vec2 file's shapes tell, by the names of transformers' base model. Raises WeightsError.

    Three things have no shape. Strides: those of all public models, where the kernels are theirs too. Heads: 64 wide,
    as in base and large. The place of the layer norms: in the models whose convolutions have layer norms it is first.
    """
    convolution, usual = "feature_extractor.conv_layers.{}.conv.weight", SpeechEncoderConfig()
    names = [convolution.format(index) for index in range(len(usual.conv_kernel))]
    positions = "encoder.pos_conv_embed.conv.parametrizations.weight.original1"
    needed = (*names, positions, "encoder.layers.0.feed_forward.intermediate_dense.weight")
    if any(name not in tensors or tensors[name].dim() < 2 for name in needed):
        raise WeightsError(f"{path} is not a Wav2Vec2 model; give its folder or its safetensors file.")
    kernels = tuple(tensors[name].shape[-1] for name in names)
    hidden, group_width, position_kernel = tensors[positions].shape
    if kernels != usual.conv_kernel or convolution.format(len(kernels)) in tensors or hidden % 64:
        raise WeightsError(
            f"{path} is a Wav2Vec2 model of an unusual shape (kernels {kernels}, width {hidden}), whose config its "
            "tensors do not tell; give its whole folder, with config.json."
        )
    layer_norms = "feature_extractor.conv_layers.1.layer_norm.weight" in tensors
    return SpeechEncoderConfig(
        conv_dim=tuple(tensors[name].shape[0] for name in names),
        conv_bias="feature_extractor.conv_layers.0.conv.bias" in tensors,
        feat_extract_norm="layer" if layer_norms else "group",
        do_stable_layer_norm=layer_norms,
        hidden_size=hidden,
        num_hidden_layers=1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layers.")),
        num_attention_heads=hidden // 64,
        intermediate_size=tensors[needed[-1]].shape[0],
        num_conv_pos_embeddings=position_kernel,
        num_conv_pos_embedding_groups=hidden // group_width,
    )


def convert_speech_encoder(source: Path, out: Path, *, normalise: bool | None = None) -> SpeechEncoderConfig:
    """A public Wav2Vec2 model, as `from_hugging_face` takes it -> a speech encoder's file of ours, in float32.

    Raises WeightsError and OutputError.
    """
    encoder = from_hugging_face(source, normalise=normalise)
    record = {"from": f"a public Wav2Vec2 model, {Path(source).name}, converted"}
    save_checkpoint(out, "speech_encoder", encoder, encoder.config, record, licence="that of the public model")
    return encoder.config
