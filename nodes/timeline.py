"""Emotions blended, made stronger, and laid out over time."""

from dataclasses import replace
from typing import Any

import torch
from comfy_api.latest import io, ui

from ..emotivetalk_core.direction.source import Keyword, SourceReaders, blend, notes_of, scale
from ..emotivetalk_core.direction.timeline import Timeline as Keyframes
from ..emotivetalk_core.direction.timeline import parse_timeline
from ..emotivetalk_core.direction.words import word_times
from ..emotivetalk_core.errors import InputError, SettingsError
from ..emotivetalk_core.film.directing import resolved
from ..emotivetalk_core.models.codebook import KIND, EmotionCodebook
from ..emotivetalk_core.types import AudioFeatures, Emotion
from .hosted import to_host
from .layouts import image_of, speech_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, AudioFeaturesSocket, EmotionSocket
from .weights import WeightsNode, choices, path_of

EXAMPLE = "0 neutral\n40% worried 0.8 over 0.6\n70% 0.7 happy + 0.3 surprised"
_CODEBOOK = (
    "The emotion codebook from models/emotivetalk; choose the one from the same folder "
    "as the other weights. The bundled demo comes first."
)


def _weight(name: str, optional: bool = False) -> io.Float.Input:
    return io.Float.Input(
        f"weight_{name}",
        default=1.0,
        min=0.0,
        max=10.0,
        step=0.05,
        optional=optional,
        tooltip=f"How much emotion {name} counts relative to the others; only the proportions matter.",
    )


class BlendEmotions(io.ComfyNode):
    """The weighted mean of two to four emotions."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkBlendEmotions",
            display_name="Blend Emotions",
            category=f"{CATEGORY}/emotion",
            description="Mixes two to four emotions from any source by weight: happy and a little "
            "surprised, or a picture and a word.",
            search_aliases=["emotivetalk blend", "mix emotions", "combine emotions", "average emotions", "merge moods"],
            hidden=HIDDEN,
            inputs=[
                EmotionSocket.Input("emotion_a", tooltip="An emotion from any source."),
                EmotionSocket.Input("emotion_b", tooltip="Another emotion, made with the same model."),
                _weight("a"),
                _weight("b"),
                EmotionSocket.Input("emotion_c", optional=True, tooltip="A third emotion, if you like."),
                _weight("c", optional=True),
                EmotionSocket.Input("emotion_d", optional=True, tooltip="A fourth emotion, if you like."),
                _weight("d", optional=True),
            ],
            outputs=[EmotionSocket.Output(display_name="emotion")],
        )

    @classmethod
    def execute(
        cls,
        emotion_a: Emotion,
        emotion_b: Emotion,
        weight_a: float = 1.0,
        weight_b: float = 1.0,
        emotion_c: Emotion | None = None,
        weight_c: float = 1.0,
        emotion_d: Emotion | None = None,
        weight_d: float = 1.0,
    ) -> io.NodeOutput:
        given = ((emotion_a, weight_a), (emotion_b, weight_b), (emotion_c, weight_c), (emotion_d, weight_d))
        parts = [(emotion, weight) for emotion, weight in given if emotion is not None]
        weights = [weight for _, weight in parts]
        if not sum(weights) > 0:
            raise SettingsError("The weights of all connected emotions are 0; raise at least one of them.")
        values = blend([emotion.values for emotion, _ in parts], weights)
        names = (f"{weight / sum(weights):.2g} {emotion.name or 'emotion'}" for emotion, weight in parts)
        notes = notes_of(emotion for emotion, _ in parts)
        return io.NodeOutput(Emotion(to_host(values), " + ".join(names), notes), ui=ui_notes(cls, notes))


class ScaleEmotion(WeightsNode):
    """An emotion on its line from neutral."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkScaleEmotion",
            display_name="Emotion Intensity",
            category=f"{CATEGORY}/emotion",
            description="Makes an emotion from any source weaker or stronger: from a neutral face to the "
            "emotion as it is, and up to twice as strong.",
            search_aliases=["emotivetalk intensity", "emotion strength", "scale emotion", "exaggerate", "subtle"],
            inputs=[
                EmotionSocket.Input("emotion", tooltip="An emotion from any source, or a timeline."),
                io.Combo.Input("weights", options=choices(KIND), tooltip=f"{_CODEBOOK} It defines neutral."),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="0 is a neutral face, 1 the emotion as it is, 2 exaggerates it.",
                ),
            ],
            outputs=[EmotionSocket.Output(display_name="emotion")],
        )

    @classmethod
    def execute(cls, emotion: Emotion, weights: str, intensity: float = 1.0) -> io.NodeOutput:
        values = scale(emotion.values, intensity, EmotionCodebook.load(path_of(weights)))
        return io.NodeOutput(Emotion(to_host(values), f"{emotion.name} {intensity:g}".strip(), emotion.notes))


class Timeline(WeightsNode):
    """Keyframes of emotions, as a condition for each frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkTimeline",
            display_name="Emotion Timeline",
            category=f"{CATEGORY}/emotion",
            description="Makes the emotion change while the face speaks: one line for each change, at a "
            "time, a percentage of the speech or a spoken word. The plot shows the emotions over the "
            "speech before anything is sampled.",
            search_aliases=[
                "emotivetalk timeline",
                "keyframes",
                "emotion over time",
                "schedule",
                "animate emotion",
                "crossfade",
            ],
            hidden=HIDDEN,
            inputs=[
                io.Combo.Input("weights", options=choices(KIND), tooltip=_CODEBOOK),
                AudioFeaturesSocket.Input("audio_features", tooltip="From Encode Speech: sets the length."),
                io.String.Input(
                    "text",
                    default=EXAMPLE,
                    multiline=True,
                    tooltip="One line each: when, what and, if you like, how. When: 2.5 (seconds), 1:02, 40% "
                    'or "a word". What: happy, happy 0.7, text: slightly worried, a to d for what is connected, '
                    "or a blend 0.7 happy + 0.3 a. How: over 0.6 (seconds the change takes), linear, hold. A "
                    "sentence such as starts calm, then gets angry works as well.",
                ),
                io.String.Input(
                    "transcript",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="What is said, for times given as spoken words: plain text with the audio "
                    "connected, SRT, VTT, or the JSON of a speech-to-text node.",
                ),
                io.Audio.Input(
                    "audio", optional=True, tooltip="The speech: for the waveform in the plot, and to locate the words."
                ),
                *(
                    EmotionSocket.Input(
                        f"emotion_{name}",
                        optional=True,
                        tooltip=f"An emotion from any source, called {name} in the text.",
                    )
                    for name in "abcd"
                ),
            ],
            outputs=[
                EmotionSocket.Output(display_name="emotion", tooltip="One for each frame: for Sample Expression."),
                io.Image.Output(display_name="plot", tooltip="The emotions over the speech."),
            ],
        )

    @classmethod
    def execute(
        cls,
        weights: str,
        audio_features: AudioFeatures,
        text: str = EXAMPLE,
        transcript: str = "",
        audio: dict[str, Any] | None = None,
        emotion_a: Emotion | None = None,
        emotion_b: Emotion | None = None,
        emotion_c: Emotion | None = None,
        emotion_d: Emotion | None = None,
    ) -> io.NodeOutput:
        frames = audio_features.frames
        speech = speech_of(audio) if audio is not None else None
        if speech is not None and abs(speech.frames - frames) > 1:
            raise InputError(
                f"The audio has {speech.frames} frames, but the audio features have {frames}; connect the audio that "
                "was encoded."
            )
        connected = {"a": emotion_a, "b": emotion_b, "c": emotion_c, "d": emotion_d}
        readers = SourceReaders(
            EmotionCodebook.load(path_of(weights)),
            named={name: emotion for name, emotion in connected.items() if emotion is not None},
        )
        words = word_times(transcript, speech) if transcript and transcript.strip() else ()
        timeline = parse_timeline(text, (*readers.codebook.names, *connected))
        _check_connected(timeline, connected)
        emotion, drawn = resolved(timeline, readers, frames, words, speech=speech)
        plot: torch.Tensor = to_host(image_of(drawn()[None]))
        shown = ui.PreviewImage(plot, cls=cls).as_dict() | (ui_notes(cls, emotion.notes) or {})
        return io.NodeOutput(replace(emotion, values=to_host(emotion.values)), plot, ui=shown)


def _check_connected(timeline: Keyframes, connected: dict[str, Emotion | None]) -> None:
    """InputError where the text asks for an emotion that nothing is connected to."""
    for key in timeline.keys:
        for part in key.source.parts:
            name = part.origin.name if isinstance(part.origin, Keyword) else ""
            if name in connected and connected[name] is None:
                raise InputError(
                    f"Line {key.line} of the timeline asks for {name}, but nothing is connected to emotion_{name}; "
                    "connect an emotion there, or write another source."
                )
