"""Fixtures that several topics share: a weights folder with tiny untrained networks, a portrait and a recording."""

import wave
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from emotivetalk_core.models.checkpoint import save_checkpoint
from emotivetalk_core.models.dicte import DiCTE, DiCTEConfig
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.lip_projector import LipProjector, LipProjectorConfig
from emotivetalk_core.models.manifest import write_manifest
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.models.presets import ModelPreset, SamplingDefaults
from emotivetalk_core.models.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from emotivetalk_core.models.vae import VAEConfig, build_vae
from emotivetalk_core.types import EMOTIONS

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


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder as training leaves it, with tiny untrained networks and no face finder. Copy it to change it."""
    from emotivetalk_core.models.codebook import EmotionCodebook

    folder = tmp_path_factory.mktemp("tiny_weights")
    torch.manual_seed(0)
    networks = {
        "speech_encoder": (SpeechEncoder(TINY.speech_encoder), TINY.speech_encoder),
        "lip_projector": (LipProjector(TINY.lip_projector), TINY.lip_projector),
        "motion_encoder": (MotionEncoder(TINY.motion_encoder), TINY.motion_encoder),
        "dicte": (DiCTE(TINY.dicte), TINY.dicte),
        "vae": (build_vae(TINY.vae), TINY.vae),
    }
    for kind, (network, config) in networks.items():
        save_checkpoint(folder / f"{kind}.safetensors", kind, network, config, {"steps": 0})
    ethd = ETHD(TINY.ethd)
    save_checkpoint(folder / "ethd.safetensors", "ethd", ethd, TINY.ethd, {"steps": 0}, defaults=TINY.sampling)
    EmotionCodebook(torch.randn(len(EMOTIONS), TINY.ethd.expression_dim), EMOTIONS).save(
        folder / "emotion_codebook.safetensors"
    )
    write_manifest(folder)
    return folder


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A public-domain photograph of one face that scikit-image brings along: uint8 RGB [256, 256, 3]."""
    from skimage.data import astronaut

    return astronaut()[:256, 100:356]


@pytest.fixture(scope="session")
def portrait_file(photograph: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portrait") / "face.png"
    cv2.imwrite(str(path), photograph[:, :, ::-1])
    return path


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Samples [t] in -1…1 as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def recording_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.79 s of a swelling tone at 22.05 kHz: 20 frames, the last of them not filled."""
    time = np.arange(int(0.79 * 22_050)) / 22_050
    samples = 0.5 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time)
    return write_wav(tmp_path_factory.mktemp("recording") / "speech.wav", samples, 22_050)
