"""What is heard: loading a speech encoder, ours or a public one, and the audio windows of every video frame."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.audio_encoders.audio_encoders
import comfy.model_management
import comfy.utils
import folder_paths
import torch
from comfy_api.latest import io

from ..emotivetalk_core.audio.feature_windows import encode_speech
from ..emotivetalk_core.audio.half_frames import encode_half_frames, half_frame_windows
from ..emotivetalk_core.models import whisper_encoder
from ..emotivetalk_core.models.speech_encoder import SpeechEncoder, encoding_memory, standardise
from ..emotivetalk_core.models.wav2vec2 import SpeechEncoderConfig
from ..emotivetalk_core.models.whisper_encoder import WhisperEncoder, WhisperEncoderConfig
from ..emotivetalk_core.types import SAMPLE_RATE, AudioFeatures, Speech
from ..emotivetalk_core.weight_files.checkpoint import load_network
from .hosted import HostedNetwork, adopt_operations, host_network, to_host
from .layouts import speech_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, AudioFeaturesSocket
from .weights import WeightsNode, choices, path_of

KIND = "speech_encoder"
HOST_FOLDER = "audio_encoders"


@dataclass(frozen=True)
class HostedSpeechEncoder:
    """One of our speech encoders as an AUDIO_ENCODER, so that the host's Encode node takes it too."""

    hosted: HostedNetwork[SpeechEncoder]

    def features(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [b, t] at 16 kHz to features [b, t50, c]; loads the network where it is not."""
        return self._loaded(samples).features(samples.to(self.hosted.device))

    def encode_audio(self, audio: torch.Tensor, sample_rate: int) -> dict[str, Any]:
        """Waveform [b, channels, t] to what the host's encoders answer: the last layer's features [b, t50, c], those of
        all layers, and the number of samples at 16 kHz.
        """
        speech = [speech_of({"waveform": waveform[None], "sample_rate": sample_rate}) for waveform in audio]
        samples = torch.stack([one.samples for one in speech])  # [b, t]
        layers = self._loaded(samples).hidden_states(samples.to(self.hosted.device))
        return {
            "encoded_audio": layers[-1],
            "encoded_audio_all_layers": layers,
            "audio_samples": samples.shape[-1],
        }

    def _loaded(self, samples: torch.Tensor) -> SpeechEncoder:
        return self.hosted.loaded(encoding_memory(self.hosted.network.config, samples.numel()))


@dataclass(frozen=True)
class HostedWhisper:
    """The speech encoder of DICE-Talk and Sonic."""

    hosted: HostedNetwork[WhisperEncoder]

    def windows(self, speech: Speech, on_progress: Callable[[int, int], None]) -> torch.Tensor:
        """What each frame hears [n, 10, c]."""
        network = self.hosted.loaded(WHISPER_MEMORY)
        return half_frame_windows(encode_half_frames(lambda piece: network(network.mel(piece)), speech, on_progress))


WHISPER_MEMORY = 200_000_000
"""Bytes that hearing 30 s takes in float32 beside the weights."""


class LoadAudioEncoder(WeightsNode):
    """The frozen speech encoder (EmotiveTalk §3.2)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadAudioEncoder",
            display_name="Load Speech Encoder",
            category=f"{CATEGORY}/load",
            description="Loads the network that listens to the speech: one that came with EmotiveTalk weights, or a "
            "public Wav2Vec2 file from models/audio_encoders.",
            search_aliases=["emotivetalk audio", "wav2vec2", "speech encoder", "audio encoder loader"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=encoder_files(),
                    tooltip="Choose the one from the same folder as the other weights: they work with no other "
                    "encoder. The bundled demo comes first, files from models/audio_encoders last. DICE-Talk and "
                    "Sonic need the file whisper_encoder from their folder.",
                )
            ],
            outputs=[io.AudioEncoder.Output(display_name="audio encoder")],
        )

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        if weights in choices(KIND):
            offload = comfy.model_management.text_encoder_offload_device()
            network = load_network(path_of(weights), KIND, SpeechEncoder, SpeechEncoderConfig, offload, torch.float32)
            return io.NodeOutput(HostedSpeechEncoder(host_network(adopt_operations(network))))
        if weights in choices(whisper_encoder.KIND):
            offload = comfy.model_management.text_encoder_offload_device()
            path, kind = path_of(weights), whisper_encoder.KIND
            network = load_network(path, kind, WhisperEncoder, WhisperEncoderConfig, offload, torch.float32)
            return io.NodeOutput(HostedWhisper(host_network(network, whole=True)))
        tensors = comfy.utils.load_torch_file(folder_paths.get_full_path_or_raise(HOST_FOLDER, weights), safe_load=True)
        return io.NodeOutput(comfy.audio_encoders.audio_encoders.load_audio_encoder_from_sd(tensors))


class EncodeAudio(io.ComfyNode):
    """AUDIO to the windows A_w of every video frame (EmotiveTalk §3.2)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkEncodeAudio",
            display_name="Encode Speech",
            category=f"{CATEGORY}/speech",
            description="Turns the speech into audio features, one window for each video frame at 25 per "
            "second, and counts the frames. Any sample rate, any number of channels.",
            search_aliases=["emotivetalk audio", "audio features", "speech features", "wav2vec2 encode", "frame count"],
            hidden=HIDDEN,
            inputs=[
                io.AudioEncoder.Input(
                    "audio_encoder", tooltip="From Load Speech Encoder; ComfyUI's own Wav2Vec2 encoders work too."
                ),
                io.Audio.Input("audio", tooltip="The speech, of any length, sample rate and number of channels."),
            ],
            outputs=[
                AudioFeaturesSocket.Output(display_name="audio features"),
                io.Int.Output(display_name="frame count", tooltip="Video frames at 25 per second."),
            ],
        )

    @classmethod
    def execute(cls, audio_encoder: Any, audio: dict[str, Any] | None = None) -> io.NodeOutput:
        speech = speech_of(audio)
        report = comfy.utils.ProgressBar(1).update_absolute
        if isinstance(audio_encoder, HostedWhisper):
            windows = audio_encoder.windows(speech, report)
        else:
            ours = isinstance(audio_encoder, HostedSpeechEncoder)
            features = audio_encoder.features if ours else functools.partial(host_features, audio_encoder)
            windows = encode_speech(features, speech, report)
        notes = [speech.note] if speech.note else []
        return io.NodeOutput(AudioFeatures(to_host(windows)), speech.frames, ui=ui_notes(cls, notes))


def encoder_files() -> list[str]:
    """Our files, the bundled demo first, then the public ones in the host's own folder."""
    public = [name for name in folder_paths.get_filename_list(HOST_FOLDER) if name.endswith(".safetensors")]
    return choices(KIND) + choices(whisper_encoder.KIND) + public


def host_features(audio_encoder: Any, samples: torch.Tensor) -> torch.Tensor:
    """Samples [b, t] at 16 kHz to the last layer's features [b, t50, c] of one of the host's Wav2Vec2 encoders.

    They hear it at unit variance, as facebook's were trained: the host itself sees to that for the large ones alone.
    """
    return audio_encoder.encode_audio(standardise(samples)[:, None], SAMPLE_RATE)["encoded_audio"].float()
