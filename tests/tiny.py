"""What several topics build their tests from: the smallest networks, and a recording as a file."""

import wave
from pathlib import Path

import numpy as np

from emotivetalk_core.models.dicte import DiCTEConfig
from emotivetalk_core.models.ethd import ETHDConfig
from emotivetalk_core.models.lip_projector import LipProjectorConfig
from emotivetalk_core.models.motion_encoder import MotionEncoderConfig
from emotivetalk_core.models.presets import ModelPreset, SamplingDefaults
from emotivetalk_core.models.speech_encoder import SpeechEncoderConfig
from emotivetalk_core.models.vae import VAEConfig

TINY = ModelPreset(
    speech_encoder=SpeechEncoderConfig(
        conv_dim=(8,) * 7,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    ),
    lip_projector=LipProjectorConfig(audio_dim=16, width=16, heads=2, blocks=1, lip_dim=8),
    motion_encoder=MotionEncoderConfig(
        aligned=False,
        input_size=32,
        trunk="small",
        trunk_channels=(8, 8),
        trunk_dim=16,
        head_width=8,
        lip_dim=8,
        expression_dim=6,
        adapter_channels=8,
    ),
    dicte=DiCTEConfig(
        expression_dim=6, audio_dim=16, identity_dim=16, width=16, layers=1, heads=2, tokens=40, prefix=5, steps=50
    ),
    ethd=ETHDConfig(
        block_channels=(16, 16),
        attends=(True, False),
        layers_per_block=1,
        head_dim=8,
        cross_dim=16,
        context_tokens=2,
        lip_dim=8,
        expression_dim=6,
        norm_groups=4,
        addition_embed_dim=8,
    ),
    vae=VAEConfig(block_channels=(32,) * 4, layers_per_block=1, norm_groups=8),
    sampling=SamplingDefaults(steps=2, grid="karras", expression_steps=2, window=8, overlap=2, size=64),
)
"""Every network of the method at the smallest size that has all its parts."""


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Samples [t] in -1…1 as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
