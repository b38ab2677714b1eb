"""How lips and expression move over the speech, as a picture."""

from typing import Any

import torch
from comfy_api.latest import io, ui

from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.plot import draw_course
from ..emotivetalk_core.types import ExpressionLatents, LipLatents
from .hosted import to_host
from .layouts import image_of, speech_of
from .sockets import CATEGORY, ExpressionLatentsSocket, LipLatentsSocket


class PreviewExpression(io.ComfyNode):
    """A plot of the latents' course."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkPreviewExpression",
            display_name="Preview Expression",
            category=f"{CATEGORY}/expression",
            description="Plots how mouth and face will move, before a frame is sampled: the main movements "
            "of the lips, those of the expression with its distance from the average face, and the "
            "speech below, over time in seconds.",
            search_aliases=["emotivetalk plot", "plot latents", "lip curve", "expression curve", "waveform", "graph"],
            inputs=[
                LipLatentsSocket.Input(
                    "lips", optional=True, tooltip="From Project Lips: flat in silence, lively in speech."
                ),
                ExpressionLatentsSocket.Input(
                    "expression", optional=True, tooltip="From Sample Expression, or Encode Expression of a video."
                ),
                io.Audio.Input("audio", optional=True, tooltip="The speech they belong to, drawn below."),
            ],
            outputs=[io.Image.Output(display_name="plot")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        lips: LipLatents | None = None,
        expression: ExpressionLatents | None = None,
        audio: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        if lips is None and expression is None:
            raise InputError("Nothing was connected to preview: connect lip latents, expression latents, or both.")
        speech = speech_of(audio) if audio is not None else None
        plot: torch.Tensor = to_host(image_of(draw_course(lips, expression, speech)[None]))
        return io.NodeOutput(plot, ui=ui.PreviewImage(plot, cls=cls))
