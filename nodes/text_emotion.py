"""An emotion from what somebody wrote, offline: a direction, a line of dialogue, a language model's answer."""

from dataclasses import replace

from comfy_api.latest import io

from ..emotivetalk_core.direction.text import retrieval_prompt, text_emotion, timeline_lines
from ..emotivetalk_core.models.codebook import KIND, EmotionCodebook
from .hosted import to_host
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, EmotionSocket
from .weights import WeightsNode, choices, path_of


class EmotionFromText(WeightsNode):
    """A text's emotion (EmotiveTalk §6.3, where GPT-4o finds the keyword), and the prompt that asks a model for it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkEmotionFromText",
            display_name="Emotion from Text",
            category=f"{CATEGORY}/emotion",
            description="Finds which of the eight emotions a text asks for, and how strongly: a direction, "
            "a line of dialogue, or the answer of a language-model node. Works offline, in English and "
            "German.",
            search_aliases=[
                "emotivetalk text",
                "text to emotion",
                "prompt emotion",
                "mood from text",
                "sentiment",
                "llm",
            ],
            hidden=HIDDEN,
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices(KIND),
                    tooltip="The emotion codebook from models/emotivetalk; choose the one from the same folder "
                    "as the other weights. The bundled demo comes first.",
                ),
                io.String.Input(
                    "text",
                    default="slightly worried",
                    multiline=True,
                    tooltip="What the face should express, in your own words: slightly worried; absolutely "
                    "furious; starts calm, then gets angry. You can also connect a language model's one-word "
                    "answer.",
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="Multiplies the strength found in the text: 0 is a neutral face, 1 as written. The "
                    "product is at most 2.",
                ),
            ],
            outputs=[
                EmotionSocket.Output(
                    display_name="emotion",
                    tooltip="The emotion of the whole text, or of its first part if it has several.",
                ),
                io.String.Output(display_name="keyword", tooltip="That emotion's name, one of the eight."),
                io.String.Output(
                    display_name="timeline", tooltip="Every part of the text and when it begins: for Emotion Timeline."
                ),
                io.String.Output(
                    display_name="prompt",
                    tooltip="Asks a language model the same; connect its answer to another Emotion from Text.",
                ),
            ],
        )

    @classmethod
    def execute(cls, weights: str, text: str, intensity: float = 1.0) -> io.NodeOutput:
        codebook = EmotionCodebook.load(path_of(weights))
        emotion = text_emotion(text, codebook, intensity)
        return io.NodeOutput(
            replace(emotion, values=to_host(emotion.values)),
            emotion.name,
            timeline_lines(text, intensity),
            retrieval_prompt(text),
            ui=ui_notes(cls, emotion.notes),
        )
