"""A driving sequence made as long as the speech."""

from comfy_api.latest import io

from ..emotivetalk_core.direction.retime import PING_PONG, WAYS, resample, retime
from ..emotivetalk_core.direction.take_edits import smooth as smooth_expression
from ..emotivetalk_core.types import FRAMES_PER_SECOND, AudioFeatures, ExpressionLatents
from .hosted import to_host
from .sockets import CATEGORY, AudioFeaturesSocket, ExpressionLatentsSocket


class RetimeExpression(io.ComfyNode):
    """Expression latents of any length and rate, fitted to the frames of the speech."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkRetimeExpression",
            display_name="Retime Expression",
            category=f"{CATEGORY}/expression",
            description="Makes a driving expression exactly as long as the speech: cut, repeated, back and "
            "forth, or slowed down and sped up. Put it between Encode Expression of a video and "
            "Condition Talking Face.",
            search_aliases=[
                "emotivetalk retime",
                "driving video length",
                "loop expression",
                "ping-pong",
                "stretch expression",
                "smooth expression",
                "frame rate",
            ],
            inputs=[
                ExpressionLatentsSocket.Input(
                    "expression", tooltip="From Encode Expression of a video's frames, or from Load Take."
                ),
                AudioFeaturesSocket.Input("audio_features", tooltip="From Encode Speech: sets the length."),
                io.Combo.Input(
                    "how",
                    options=list(WAYS),
                    default=PING_PONG,
                    tooltip="If the speech is longer: trim holds the last expression, loop starts again with a "
                    "short fade, ping-pong plays backwards and forwards. If it is shorter, all three cut. "
                    "Stretch keeps beginning and end and changes the pace.",
                ),
                io.Float.Input(
                    "smooth",
                    default=0.0,
                    min=0.0,
                    max=2.0,
                    step=0.04,
                    tooltip="Seconds over which each frame is averaged with its neighbours: 0 is off, 0.2 "
                    "stops trembling, more makes the face sluggish.",
                ),
                io.Float.Input(
                    "frames_per_second",
                    default=float(FRAMES_PER_SECOND),
                    min=1.0,
                    max=240.0,
                    step=0.01,
                    tooltip="Frame rate of the frames that Encode Expression was given, so that the expression "
                    "keeps their pace. The result is at 25.",
                ),
            ],
            outputs=[ExpressionLatentsSocket.Output(display_name="expression latents")],
        )

    @classmethod
    def execute(
        cls,
        expression: ExpressionLatents,
        audio_features: AudioFeatures,
        how: str = PING_PONG,
        smooth: float = 0.0,
        frames_per_second: float = float(FRAMES_PER_SECOND),
    ) -> io.NodeOutput:
        at_our_rate = resample(expression.values, frames_per_second)
        fitted = ExpressionLatents(retime(at_our_rate, audio_features.frames, how))
        return io.NodeOutput(ExpressionLatents(to_host(smooth_expression(fitted, smooth).values)))
