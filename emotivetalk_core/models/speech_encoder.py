"""The frozen speech encoder: Wav2Vec2, from 16 kHz samples to features at 50 Hz (EmotiveTalk §3.2).

Parameter names are those of transformers' Wav2Vec2Model, so public files load as they are. It knows nothing of video
frames; audio/feature_windows.py resamples its features to them.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..errors import WeightsError
from .checkpoint import check_keys, read_header

if TYPE_CHECKING:
    from transformers import Wav2Vec2Config


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


class SpeechEncoder(nn.Module):
    """Wav2Vec2 without its pre-training masks, dropout and layer drop: the same speech gives the same features."""

    def __init__(
        self,
        config: SpeechEncoderConfig,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        from transformers import Wav2Vec2Model

        self.config = config
        with torch.device(device or "cpu"):
            self.model = Wav2Vec2Model(_wav2vec2_config(config))
        if dtype is not None:
            self.model.to(dtype=dtype)  # pyright: ignore[reportCallIssue]  (transformers wraps Module.to)

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
        if not self.config.normalise:
            return samples
        centred = samples - samples.mean(dim=-1, keepdim=True)
        return centred / torch.sqrt(centred.square().mean(dim=-1, keepdim=True) + 1e-7)

    def features(self, samples: torch.Tensor, layer: int | None = None) -> torch.Tensor:
        """Samples [b, t] at 16 kHz in -1…1 -> features [b, t50, c] at 50 Hz: the last hidden state, or layer k's.

        A recording shorter than one convolution window is padded with silence to one feature.
        """
        if layer is not None and not 0 <= layer <= self.layers:
            raise ValueError(f"layer {layer} was asked for; this encoder has 0 to {self.layers}.")
        samples = self.normalise(samples.float())
        if self.feature_count(samples.shape[-1]) == 0:
            samples = nn.functional.pad(samples, (0, self._first_window() - samples.shape[-1]))
        samples = samples.to(self.model.dtype)
        if layer is None:
            return self.model(samples).last_hidden_state
        return self.model(samples, output_hidden_states=True).hidden_states[layer]

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """See `features`."""
        return self.features(samples)

    def _first_window(self) -> int:
        window = 1
        for kernel, stride in zip(reversed(self.config.conv_kernel), reversed(self.config.conv_stride), strict=True):
            window = (window - 1) * stride + kernel
        return window


def from_hugging_face(folder: Path) -> SpeechEncoder:
    """A public Wav2Vec2 model as its folder comes (config.json, model.safetensors, preprocessor_config.json), frozen.

    Heads for pre-training or recognition in the file are left out. Raises WeightsError for a missing or unfit file.
    """
    import json

    from safetensors.torch import load_file

    folder = Path(folder)
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder} holds no {name}; give the folder of a Wav2Vec2 model saved as safetensors.")
    described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if described.get("model_type") != "wav2vec2":
        raise WeightsError(f"{folder} holds a {described.get('model_type')!r} model; a wav2vec2 one is needed.")
    values: dict[str, Any] = {
        field.name: described[field.name] for field in fields(SpeechEncoderConfig) if field.name in described
    }
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    extractor = folder / "preprocessor_config.json"
    if extractor.is_file():
        values["normalise"] = bool(json.loads(extractor.read_text(encoding="utf-8")).get("do_normalize", True))
    encoder = SpeechEncoder(SpeechEncoderConfig(**values))
    weights = folder / "model.safetensors"
    read_header(weights)
    wanted = encoder.model.state_dict()
    tensors = {name: tensor for name, tensor in _base_model_tensors(load_file(weights)).items() if name in wanted}
    check_keys(weights, "speech_encoder", wanted, tensors)
    encoder.model.load_state_dict(tensors)
    return encoder.eval().requires_grad_(False)


def _base_model_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under the names that this version of transformers gives the base model's."""
    renamed = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("wav2vec2.")
        # weight norm of the positional convolution, before torch 2.0's parametrization
        name = name.replace("pos_conv_embed.conv.weight_g", "pos_conv_embed.conv.parametrizations.weight.original0")
        name = name.replace("pos_conv_embed.conv.weight_v", "pos_conv_embed.conv.parametrizations.weight.original1")
        renamed[name] = tensor
    return renamed


def _wav2vec2_config(config: SpeechEncoderConfig) -> "Wav2Vec2Config":
    from transformers import Wav2Vec2Config

    shape = asdict(config)
    del shape["normalise"]
    return Wav2Vec2Config(
        **shape,
        hidden_dropout=0.0,
        activation_dropout=0.0,
        attention_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        apply_spec_augment=False,
        mask_time_prob=0.0,
        mask_feature_prob=0.0,
    )
