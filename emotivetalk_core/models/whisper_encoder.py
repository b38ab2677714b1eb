"""The speech encoder of DICE-Talk and Sonic: Whisper's (openai/whisper-tiny), of which all hidden states are used.

Parameter names are those of transformers' WhisperModel, less `encoder.`. It hears 30 s at once and gives 50 features a
second; audio/half_frames.py cuts them for video frames.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from ..weight_files.checkpoint import check_keys, save_checkpoint
from ..weight_files.hugging_face import WEIGHTS, described_config, read_description, read_public_tensors

KIND = "whisper_encoder"


@dataclass(frozen=True)
class WhisperEncoderConfig:
    """The fields of a Whisper model that its encoder depends on, under transformers' names; the defaults are tiny's."""

    d_model: int = 384
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    encoder_ffn_dim: int = 1536
    num_mel_bins: int = 80
    max_source_positions: int = 1500

    @property
    def states(self) -> int:
        """What enters the first layer, then what leaves each."""
        return self.encoder_layers + 1


class WhisperEncoder(nn.Module):
    """Whisper's encoder without its training's chance."""

    def __init__(
        self,
        config: WhisperEncoderConfig,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

        self.config = config
        with torch.device(device or "cpu"):
            self.model = Encoder(WhisperConfig(**asdict(config), encoder_layerdrop=0.0, dropout=0.0))
        if dtype is not None:
            self.model.to(dtype=dtype)  # pyright: ignore[reportCallIssue]  (transformers wraps Module.to)

    def mel(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [t] at 16 kHz, at most 30 s -> log-mel [1, bins, 3000], padded with silence, on the CPU."""
        from transformers import WhisperFeatureExtractor

        seconds = 2 * self.config.max_source_positions // 100  # 30, but for the smallest networks of tests
        extractor = WhisperFeatureExtractor(feature_size=self.config.num_mel_bins, chunk_length=seconds)
        return extractor(samples.cpu().numpy(), sampling_rate=16_000, return_tensors="pt").input_features

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Log-mel [1, bins, 3000] -> half-frames [1500, states * width] at 50 Hz, the states one after the other.

        The last of them is behind the encoder's last layer norm.
        """
        weight = self.model.conv1.weight
        states = self.model(mel.to(weight.device, weight.dtype), output_hidden_states=True).hidden_states
        return torch.cat([state[0] for state in states], dim=-1)


def whisper_conversion(source: Path) -> Callable[[Path], WhisperEncoderConfig]:
    """The folder of a public Whisper model (config.json, model.safetensors), judged now; its encoder becomes a file of
    ours, in float32, when the answer is called with the file's place. Raises WeightsError, then OutputError.
    """
    config = described_config(WhisperEncoderConfig, read_description(source, "whisper"), source)
    tensors = read_public_tensors(source / WEIGHTS)
    tensors = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    inside = "encoder."
    encoder = {
        f"model.{name.removeprefix(inside)}": tensor.float()
        for name, tensor in tensors.items()
        if name.startswith(inside)
    }
    check_keys(source / WEIGHTS, KIND, WhisperEncoder(config, device="meta").state_dict(), encoder)

    def write(out: Path) -> WhisperEncoderConfig:
        save_checkpoint(out, KIND, encoder, config, {"from": "a public Whisper's encoder"}, licence="Apache-2.0")
        return config

    return write
