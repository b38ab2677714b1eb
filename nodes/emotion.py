"""One of the eight emotions by its name."""

from comfy_api.latest import io

from ..emotivetalk_core.models.codebook import KIND, EmotionCodebook
from ..emotivetalk_core.types import EMOTIONS
from ..emotivetalk_core.types import Emotion as EmotionLatent
from .hosted import to_host
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, EmotionSocket
from .weights import WeightsNode, choices, path_of


class LoadEmotion(WeightsNode):
    """A latent of the emotion codebook (EmotiveTalk §6.3)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadEmotion",
            display_name="Emotion by Name",
            category=f"{CATEGORY}/emotion",
            description="Picks one of eight emotions by name, as strong as you like. Connect it to Sample "
            "Expression; to take the emotion from a picture, use Encode Expression instead.",
            search_aliases=["emotivetalk emotion", "mood", "happy", "sad", "angry", "expression preset", "codebook"],
            hidden=HIDDEN,
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices(KIND),
                    tooltip="The emotion codebook from models/emotivetalk; choose the one from the same folder "
                    "as the other weights. The bundled demo comes first.",
                ),
                io.Combo.Input(
                    "emotion", options=list(EMOTIONS), default=EMOTIONS[0], tooltip="What the face should express."
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How strong it is: 0 is a neutral face, 1 the emotion as learnt, 2 exaggerates it.",
                ),
            ],
            outputs=[EmotionSocket.Output(display_name="emotion")],
        )

    @classmethod
    def execute(cls, weights: str, emotion: str, intensity: float = 1.0) -> io.NodeOutput:
        codebook = EmotionCodebook.load(path_of(weights))
        latent, notes = to_host(codebook.lookup(emotion, intensity)), codebook.stand_in_notes(emotion)
        return io.NodeOutput(EmotionLatent(latent, emotion, notes), ui=ui_notes(cls, notes))
