"""The host's own speech encoder against ours on the same random weights, inside the host's own Python.

Each `check_…` raises AssertionError where they disagree. They are called with the host importable and the pack loaded,
under torch.inference_mode().
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

ROOT = Path(__file__).parents[3]
PACK = "custom_nodes_EmotiveTalk"


def part(name: str) -> ModuleType:
    """A module of the pack."""
    return importlib.import_module(f"{PACK}.{name}")


class Listeners:
    """One Wav2Vec2 of random weights, at its true size, as our encoder and as the host's; and a lip projector."""

    def __init__(self, size: str) -> None:
        import comfy.audio_encoders.audio_encoders as host_encoders

        speech_encoder = part("emotivetalk_core.models.speech_encoder")
        lips = part("emotivetalk_core.models.lip_projector")
        config = getattr(speech_encoder.SpeechEncoderConfig, size)()
        torch.manual_seed(0)
        self.ours = speech_encoder.SpeechEncoder(config).eval()
        tensors = {f"wav2vec2.{name}": tensor.clone() for name, tensor in self.ours.model.state_dict().items()}
        tensors["wav2vec2.masked_spec_embed"] = torch.zeros(config.hidden_size)
        self.hosts = host_encoders.load_audio_encoder_from_sd(tensors)
        self.projector = lips.LipProjector(lips.LipProjectorConfig(audio_dim=config.hidden_size)).eval()

    def core_lips(self, speech: Any) -> torch.Tensor:
        return self.projector(part("emotivetalk_core.audio.feature_windows").encode_speech(self.ours, speech))

    def node_lips(self, speech: Any) -> torch.Tensor:
        """By the node, from the host's encoder."""
        audio = {"waveform": speech.samples[None, None], "sample_rate": 16_000}
        return self.projector(part("nodes.audio").EncodeAudio.execute(self.hosts, audio).result[0].windows)


def recording(loudness: float = 1.0, offset: float = 0.0) -> Any:
    """A second of the bundled recording, so loud, shifted by so much."""
    speech = part("emotivetalk_core.audio.files").read_speech(ROOT / "emotivetalk_core" / "assets" / "speech.wav")
    return type(speech)(loudness * speech.samples[8000:24_000] + offset)


def agree(one: torch.Tensor, other: torch.Tensor, within: float = 1e-2) -> None:
    assert one.shape == other.shape, (one.shape, other.shape)
    assert other.std(dim=0).max() > 1e-3, "the speech moves no lips"
    apart = ((one - other).abs().max() / other.abs().max()).item()
    print(f"apart by {apart:.1e}, allowed {within:.0e}")
    assert apart < within, apart


def check_lips_from_the_hosts_base_encoder_are_ours() -> None:
    """The host leaves base's speech as it comes, and facebook's base is meant to hear it at unit variance. The group
    norm after its first convolution hides that of loud speech, but not of quiet speech (0.08 apart): the node sees to
    it.
    """
    listeners = Listeners("base")
    for speech in (recording(), recording(0.1), recording(1.0, 0.05)):
        agree(listeners.node_lips(speech), listeners.core_lips(speech))
