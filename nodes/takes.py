"""Takes: a sampled or driven expression kept as a file, found again, and edited."""

from typing import Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..emotivetalk_core.direction.take import Take, TakeRecord, is_take
from ..emotivetalk_core.direction.take_edits import cut, scale
from ..emotivetalk_core.direction.take_edits import smooth as smooth_expression
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.types import Emotion, ExpressionLatents, HeadPose, LipLatents
from .hosted import to_host
from .notes import HIDDEN, ui_notes
from .saved_files import OURS, chosen_path, fingerprint, kept_files, new_file
from .sockets import CATEGORY, EmotionSocket, ExpressionLatentsSocket, HeadPoseSocket, LipLatentsSocket

NO_SEED = -1


class SaveTake(io.ComfyNode):
    """Expression latents to a file in the host's output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkSaveTake",
            display_name="Save Take",
            category=f"{CATEGORY}/expression",
            description="Saves how a face moves as a small file, so a good take is never lost: Load Take "
            "plays it again, on any portrait. It holds only movement, no picture and no voice.",
            search_aliases=["emotivetalk take", "save expression", "keep expression", "export motion", "save latents"],
            hidden=HIDDEN,
            inputs=[
                ExpressionLatentsSocket.Input(
                    "expression", tooltip="From Sample Expression, Retime Expression, or Encode Expression of a video."
                ),
                io.String.Input(
                    "filename_prefix",
                    default=f"{OURS}/take",
                    tooltip="Subfolder of the output folder and start of the file name; a number is added. Load Take "
                    f"lists what is in output/{OURS}.",
                ),
                LipLatentsSocket.Input(
                    "lips",
                    optional=True,
                    tooltip="From Project Lips: saves the mouth movement too. It must have the same number of frames.",
                ),
                HeadPoseSocket.Input("head_pose", optional=True, tooltip="Saves the head movement too."),
                EmotionSocket.Input(
                    "emotion", optional=True, tooltip="The emotion it was sampled with; its name is noted in the file."
                ),
                io.String.Input(
                    "note", default="", multiline=True, optional=True, tooltip="A note of your own, saved in the file."
                ),
                io.Int.Input(
                    "seed",
                    default=NO_SEED,
                    min=NO_SEED,
                    max=0xFFFFFFFFFFFFFFFF,
                    optional=True,
                    control_after_generate=False,  # or the editor would give whatever is called seed a new value
                    advanced=True,
                    tooltip="The seed it was sampled with, noted in the file; -1 notes none.",
                ),
            ],
            outputs=[io.String.Output(display_name="file", tooltip="The file's name as Load Take lists it.")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        expression: ExpressionLatents,
        filename_prefix: str = f"{OURS}/take",
        lips: LipLatents | None = None,
        head_pose: HeadPose | None = None,
        emotion: Emotion | None = None,
        note: str = "",
        seed: int = NO_SEED,
    ) -> io.NodeOutput:
        record = TakeRecord(
            emotion=emotion.name if emotion is not None else "",
            seed=seed if seed != NO_SEED else None,
            note=note.strip(),
        )
        take = Take(expression, lips, head_pose, record)  # judged before the host gives away a number
        path, name = new_file(filename_prefix)
        take.save(path)
        return io.NodeOutput(name, ui=ui_notes(cls, [f"{name}: {take.describe()}"]))


class LoadTake(io.ComfyNode):
    """A take from the host's input folder, or from ours in its output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadTake",
            display_name="Load Take",
            category=f"{CATEGORY}/expression",
            description="Loads a saved take, to be played by this or another portrait. If the speech has "
            "another length, put Retime Expression after it.",
            search_aliases=["emotivetalk take", "load expression", "reuse expression", "import motion", "load latents"],
            hidden=HIDDEN,
            inputs=[
                io.Combo.Input(
                    "take",
                    options=[name for name, path in kept_files() if is_take(path)],
                    tooltip="A take from the input folder, or one that Save Take wrote to "
                    f"output/{OURS}. The bundled one comes first.",
                )
            ],
            outputs=[
                ExpressionLatentsSocket.Output(display_name="expression", tooltip="How the face moves."),
                LipLatentsSocket.Output(
                    display_name="lips",
                    tooltip="How the mouth moves, if the take has it; usually the speech drives the mouth.",
                ),
                HeadPoseSocket.Output(display_name="head pose", tooltip="How the head moves, if the take has it."),
                io.String.Output(display_name="about", tooltip="Length, emotion, seed and note, in one line."),
            ],
        )

    @classmethod
    def validate_inputs(cls, take: str | None = None) -> bool | str:
        """The list may be older than the file, so what counts is whether the host finds it."""
        try:
            if take is not None:
                chosen_path(take)
        except InputError as error:
            return str(error)  # the host shows it at this node, before anything runs
        return True

    @classmethod
    def fingerprint_inputs(cls, take: str | None = None) -> Any:
        return fingerprint(take) if take is not None else ""

    @classmethod
    def execute(cls, take: str) -> io.NodeOutput:
        kept = Take.load(chosen_path(take))
        lips: Any = ExecutionBlocker(
            f"The take {take} holds no lip latents; connect those of Project Lips, or keep the mouth with Save Take."
        )
        if kept.lips is not None:
            lips = LipLatents(to_host(kept.lips.values))
        head_pose = HeadPose(to_host(kept.head_pose.values)) if kept.head_pose is not None else None
        return io.NodeOutput(
            ExpressionLatents(to_host(kept.expression.values)),
            lips,
            head_pose,
            kept.describe(),
            ui=ui_notes(cls, [kept.describe()]),
        )


class EditTake(io.ComfyNode):
    """Expression latents cut, made stronger or weaker, and smoothed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkEditTake",
            display_name="Edit Take",
            category=f"{CATEGORY}/expression",
            description="Trims expression latents, makes them livelier or calmer, and smooths them, in "
            "this order. For the lips, use the strength in Project Lips.",
            search_aliases=["emotivetalk take", "edit expression", "expression strength", "trim", "exaggerate", "calm"],
            inputs=[
                ExpressionLatentsSocket.Input("expression", tooltip="From Load Take, Sample Expression or a video."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.05,
                    tooltip="How far the face moves from its average over the take: 0 holds it still, 1 "
                    "changes nothing, 2 doubles every movement.",
                ),
                io.Float.Input(
                    "smooth",
                    default=0.0,
                    min=0.0,
                    max=5.0,
                    step=0.04,
                    tooltip="Seconds over which each frame is averaged with its neighbours; 0 changes nothing.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=36000.0,
                    step=0.04,
                    tooltip="Where the kept part starts, in seconds.",
                ),
                io.Float.Input(
                    "end",
                    default=0.0,
                    min=0.0,
                    max=36000.0,
                    step=0.04,
                    tooltip="Where the kept part ends, in seconds; 0 keeps the take to its end.",
                ),
                EmotionSocket.Input(
                    "around",
                    optional=True,
                    tooltip="An emotion to measure strength from instead of the take's average, usually neutral.",
                ),
            ],
            outputs=[ExpressionLatentsSocket.Output(display_name="expression")],
        )

    @classmethod
    def execute(
        cls,
        expression: ExpressionLatents,
        strength: float = 1.0,
        smooth: float = 0.0,
        start: float = 0.0,
        end: float = 0.0,
        around: Emotion | None = None,
    ) -> io.NodeOutput:
        piece = cut(expression, start, end if end > 0 else None)
        stronger = scale(piece, strength, around.values if around is not None else None)
        return io.NodeOutput(ExpressionLatents(to_host(smooth_expression(stronger, smooth).values)))
