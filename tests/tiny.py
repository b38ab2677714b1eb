"""What several topics build their tests from: the smallest networks, as files too, and a recording as a file."""

import wave
from pathlib import Path

import numpy as np
import torch

from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.dicte import DiCTE
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.lip_projector import LipProjector
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.models.presets import SamplingDefaults
from emotivetalk_core.models.speech_encoder import SpeechEncoder
from emotivetalk_core.models.vae_network import build_vae
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.types import EMOTIONS
from emotivetalk_core.weight_files.checkpoint import save_checkpoint
from emotivetalk_core.weight_files.manifest import write_manifest

__all__ = ["TINY", "write_tiny_weights", "write_wav"]


def write_tiny_weights(folder: Path, sampling: SamplingDefaults = TINY.sampling) -> None:
    """Fills a weights folder as training leaves it, with tiny untrained networks and no face finder. sampling: what the
    weights' record says of it.
    """
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
    save_checkpoint(folder / "ethd.safetensors", "ethd", ethd, TINY.ethd, {"steps": 0}, defaults=sampling)
    EmotionCodebook(torch.randn(len(EMOTIONS), TINY.ethd.expression_dim), EMOTIONS).save(
        folder / "emotion_codebook.safetensors"
    )
    write_manifest(folder)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """Samples [t] in -1…1 as 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
