"""Emotion codebooks: loaded, looked at, looked up and saved. How they are made is in codebook_workshop.py."""

import torch
from comfy_api.latest import io, ui

from ..emotivetalk_core.direction.codebook_sheet import draw_codebook
from ..emotivetalk_core.models.codebook import KIND, EmotionCodebook
from ..emotivetalk_core.types import EMOTIONS, Emotion
from .hosted import to_host
from .layouts import image_of
from .notes import HIDDEN, ui_notes
from .saved_files import OURS, new_file
from .sockets import CATEGORY, EmotionCodebookSocket, EmotionSocket
from .weights import WeightsNode, choices, path_of


class LoadCodebook(WeightsNode):
    """An emotion codebook of the weights folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadCodebook",
            display_name="Load Emotion Codebook",
            category=f"{CATEGORY}/codebook",
            description="Loads a whole codebook, the latents of all its emotions, so you can look at it, "
            "edit it, merge it or save it under another name. For a single emotion, Emotion by Name is "
            "enough.",
            search_aliases=["emotivetalk codebook", "emotion presets", "expression presets", "eight emotions"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices(KIND),
                    tooltip="An emotion codebook from models/emotivetalk; files from Save Emotion Codebook go "
                    "there too. The bundled demo comes first.",
                )
            ],
            outputs=[EmotionCodebookSocket.Output(display_name="codebook")],
        )

    @classmethod
    def execute(cls, weights: str) -> io.NodeOutput:
        return io.NodeOutput(EmotionCodebook.load(path_of(weights)))


class CodebookEmotion(io.ComfyNode):
    """One latent of a codebook that is wired in (EmotiveTalk §6.3)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkCodebookEmotion",
            display_name="Emotion from Codebook",
            category=f"{CATEGORY}/codebook",
            description="Picks one emotion from a codebook by name, including names of your own. Connect "
            "it to Sample Expression.",
            search_aliases=["emotivetalk emotion", "codebook lookup", "custom emotion", "expression preset"],
            hidden=HIDDEN,
            inputs=[
                EmotionCodebookSocket.Input("codebook", tooltip="From Load, Build, Edit or Merge Emotion Codebook."),
                io.String.Input(
                    "emotion",
                    default=EMOTIONS[0],
                    tooltip="Its name in the codebook, such as happy, or a name of your own.",
                ),
                io.Float.Input(
                    "intensity",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How strong it is: 0 is a neutral face, 1 the emotion as stored, 2 exaggerates it.",
                ),
            ],
            outputs=[EmotionSocket.Output(display_name="emotion")],
        )

    @classmethod
    def execute(cls, codebook: EmotionCodebook, emotion: str, intensity: float = 1.0) -> io.NodeOutput:
        name = codebook.names[codebook.position(emotion)]
        emotion = Emotion(to_host(codebook.lookup(name, intensity)), name, codebook.stand_in_notes(name))
        return io.NodeOutput(emotion, ui=ui_notes(cls, emotion.notes))


class CodebookSheet(io.ComfyNode):
    """A chart of a codebook, drawn without a network."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkCodebookSheet",
            display_name="Emotion Codebook Chart",
            category=f"{CATEGORY}/codebook",
            description="Charts how far apart the emotions of a codebook are, and how each differs from "
            "neutral, channel by channel. Nothing is sampled; to see faces, run the eight_emotions "
            "workflow.",
            search_aliases=["emotivetalk codebook", "plot codebook", "emotion distances", "codebook sheet"],
            inputs=[
                EmotionCodebookSocket.Input("codebook", tooltip="From Load, Build, Edit or Merge Emotion Codebook.")
            ],
            outputs=[io.Image.Output(display_name="chart")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, codebook: EmotionCodebook) -> io.NodeOutput:
        chart: torch.Tensor = to_host(image_of(draw_codebook(codebook)[None]))
        return io.NodeOutput(chart, ui=ui.PreviewImage(chart, cls=cls))


class SaveCodebook(io.ComfyNode):
    """A codebook to a file in the host's output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkSaveCodebook",
            display_name="Save Emotion Codebook",
            category=f"{CATEGORY}/codebook",
            description="Saves your own codebook to the output folder. Move it into models/emotivetalk: "
            "Load Emotion Codebook then offers all of it, and Emotion by Name its eight.",
            search_aliases=["emotivetalk codebook", "save emotions", "export codebook"],
            hidden=HIDDEN,
            inputs=[
                EmotionCodebookSocket.Input("codebook", tooltip="From Build, Edit or Merge Emotion Codebook."),
                io.String.Input(
                    "filename_prefix",
                    default=f"{OURS}/codebook",
                    tooltip="Subfolder of the output folder and start of the file name; a number is added.",
                ),
            ],
            outputs=[io.String.Output(display_name="file", tooltip="The file's name in the output folder.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, codebook: EmotionCodebook, filename_prefix: str = f"{OURS}/codebook") -> io.NodeOutput:
        path, name = new_file(filename_prefix)
        codebook.save(path, licence="")
        return io.NodeOutput(name, ui=ui_notes(cls, [f"{name}: {', '.join(codebook.names)}."]))
