"""The emotion that is heard in speech: loading a recogniser, and what it hears as an emotion (EmotiveTalk §6.3)."""

from dataclasses import replace
from typing import Any

import comfy.model_management
from comfy_api.latest import io

from ..emotivetalk_core.models.codebook import KIND as CODEBOOK_KIND
from ..emotivetalk_core.models.codebook import EmotionCodebook
from ..emotivetalk_core.models.speech_emotion import (
    KIND,
    SpeechEmotionConfig,
    SpeechEmotionRecogniser,
    blend_emotion,
    hearing_memory,
    keyword_emotion,
)
from ..emotivetalk_core.weight_files.checkpoint import load_network
from .hosted import HostedNetwork, host_network, to_host
from .layouts import speeches_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, EmotionSocket, SpeechEmotionSocket
from .weights import WeightsNode, choices, path_of

BLEND, KEYWORD = "blend", "keyword"


class LoadSpeechEmotion(WeightsNode):
    """A WavLM classifier of emotions."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadSpeechEmotion",
            display_name="Load Speech Emotion",
            category=f"{CATEGORY}/load",
            description="Loads a network that recognises which of eight emotions a voice has: the demo's, "
            "or a converted public WavLM classifier.",
            search_aliases=["emotivetalk speech emotion", "wavlm", "emotion recognition", "ser", "voice emotion"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices(KIND),
                    tooltip="A recogniser from models/emotivetalk; any of them works with any other weights. "
                    "The bundled demo comes first. Add a public WavLM classifier with `convert --kind "
                    "wavlm-emotion`.",
                )
            ],
            outputs=[SpeechEmotionSocket.Output(display_name="recogniser")],
        )

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        offload = comfy.model_management.text_encoder_offload_device()
        network = load_network(path_of(weights), KIND, SpeechEmotionRecogniser, SpeechEmotionConfig, offload)
        return io.NodeOutput(host_network(network, whole=True))


class HearEmotion(WeightsNode):
    """AUDIO to an emotion, by way of the codebook."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkHearEmotion",
            display_name="Hear Emotion",
            category=f"{CATEGORY}/emotion",
            description="Recognises the emotion in a voice and looks it up in the codebook; connect it to "
            "Sample Expression. The voice may be the one that drives the lips, or any other.",
            search_aliases=[
                "emotivetalk hear",
                "emotion from speech",
                "emotion from audio",
                "speech emotion recognition",
                "voice mood",
                "tone of voice",
            ],
            hidden=HIDDEN,
            inputs=[
                SpeechEmotionSocket.Input("recogniser", tooltip="From Load Speech Emotion."),
                io.Audio.Input(
                    "audio",
                    tooltip="Speech of any length, sample rate and number of channels; loudness does not "
                    "matter. A batch gives one emotion for all its recordings.",
                ),
                io.Combo.Input(
                    "weights",
                    options=choices(CODEBOOK_KIND),
                    tooltip="The emotion codebook from models/emotivetalk; choose the one from the same folder "
                    "as the other weights. The bundled demo comes first.",
                ),
                io.Combo.Input(
                    "mode",
                    options=[BLEND, KEYWORD],
                    default=BLEND,
                    tooltip="blend mixes emotions that are about as likely; keyword uses only the likeliest, "
                    "as the paper does.",
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How strong it is: 0 is a neutral face, 1 the emotion as heard, 2 exaggerates it.",
                ),
            ],
            outputs=[
                EmotionSocket.Output(display_name="emotion"),
                io.String.Output(
                    display_name="probabilities",
                    tooltip="The result in one line, then all eight emotions with their probabilities.",
                ),
                io.String.Output(display_name="keyword", tooltip="The likeliest of the eight."),
            ],
        )

    @classmethod
    def execute(
        cls,
        recogniser: HostedNetwork[SpeechEmotionRecogniser],
        audio: dict[str, Any] | None,
        weights: str,
        mode: str = BLEND,
        intensity: float = 1.0,
    ) -> io.NodeOutput:
        recordings = speeches_of(audio)
        longest = max(len(speech.samples) for speech in recordings)
        network = recogniser.loaded(hearing_memory(recogniser.network.config, longest))
        heard = network.recognise_all(recordings)
        to_emotion = keyword_emotion if mode == KEYWORD else blend_emotion
        emotion = to_emotion(heard, EmotionCodebook.load(path_of(weights)), intensity)
        said = "\n".join(filter(None, (heard.description, heard.table, heard.note)))
        emotion = replace(emotion, values=to_host(emotion.values))
        return io.NodeOutput(emotion, said, heard.name, ui=ui_notes(cls, emotion.notes))
