"""V-AID: from what is heard to how lips and face move (EmotiveTalk §3.2)."""

from dataclasses import dataclass
from pathlib import Path

import comfy.utils
from comfy_api.latest import io

from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.models.dicte import DiCTE, DiCTEConfig
from ..emotivetalk_core.models.lip_projector import (
    LipProjector,
    LipProjectorConfig,
    project_lips,
    projecting_memory,
)
from ..emotivetalk_core.models.model_set import read_sampling_defaults
from ..emotivetalk_core.models.presets import SamplingDefaults
from ..emotivetalk_core.sampling.expression import sample_expression, sampling_memory
from ..emotivetalk_core.types import AudioFeatures, Emotion, ExpressionLatents, LipLatents, MotionLatents
from .hosted import HostedNetwork, load_hosted, to_host
from .notes import HIDDEN, ui_notes
from .sockets import (
    CATEGORY,
    AudioFeaturesSocket,
    EmotionSocket,
    ExpressionLatentsSocket,
    ExpressionSamplerSocket,
    FaceSocket,
    LipLatentsSocket,
    LipProjectorSocket,
)
from .weights import WeightsNode, choices, path_of


@dataclass(frozen=True)
class HostedExpressionSampler(HostedNetwork[DiCTE]):
    """Di-CTE, and how the weights that it came with are sampled."""

    defaults: SamplingDefaults = SamplingDefaults()


def _defaults_beside(path: Path) -> SamplingDefaults:
    """What the backbone in the same folder says, whose file holds it for the whole set; without one, the paper's."""
    backbone = path.with_name("ethd.safetensors")
    return read_sampling_defaults(backbone) if backbone.is_file() else SamplingDefaults()


class LoadVAID(WeightsNode):
    """The audio-lip projector and Di-CTE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadVAID",
            display_name="Load V-AID",
            category=f"{CATEGORY}/load",
            description="Loads the two networks that turn speech into movement: one for the lips, one for the rest of "
            "the face.",
            search_aliases=["emotivetalk v-aid", "lip sync model", "di-cte", "lip projector", "expression sampler"],
            inputs=[
                io.Combo.Input(
                    "lip_projector",
                    options=choices("lip_projector"),
                    tooltip="The lip projector from models/emotivetalk; choose the one from the same folder as "
                    "the other weights. The bundled demo comes first.",
                ),
                io.Combo.Input(
                    "expression_sampler",
                    options=choices("dicte"),
                    tooltip="The Di-CTE file from models/emotivetalk, from the same folder.",
                ),
            ],
            outputs=[
                LipProjectorSocket.Output(display_name="lip projector"),
                ExpressionSamplerSocket.Output(display_name="expression sampler"),
            ],
        )

    @classmethod
    def execute(cls, lip_projector: str, expression_sampler: str) -> io.NodeOutput:
        path = path_of(expression_sampler)
        defaults, sampler = _defaults_beside(path), load_hosted(path, "dicte", DiCTE, DiCTEConfig)
        return io.NodeOutput(
            load_hosted(path_of(lip_projector), "lip_projector", LipProjector, LipProjectorConfig),
            HostedExpressionSampler(sampler.network, sampler.patcher, sampler.whole, defaults),
        )


class ProjectLips(io.ComfyNode):
    """Audio windows to lip latents (EmotiveTalk §6.2)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkProjectLips",
            display_name="Project Lips",
            category=f"{CATEGORY}/speech",
            description="Turns speech into lip movement, frame by frame.",
            search_aliases=["emotivetalk lips", "lip sync", "mouth movement", "audio to lips"],
            inputs=[
                LipProjectorSocket.Input("lip_projector", tooltip="From Load V-AID."),
                AudioFeaturesSocket.Input("audio_features", tooltip="From Encode Speech."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How far the mouth moves: 0 is at rest, 1 as spoken, 2 exaggerates it.",
                ),
            ],
            outputs=[LipLatentsSocket.Output(display_name="lip latents")],
        )

    @classmethod
    def execute(
        cls,
        lip_projector: HostedNetwork[LipProjector],
        audio_features: AudioFeatures,
        strength: float = 1.0,
    ) -> io.NodeOutput:
        config = lip_projector.network.config
        check_audio(audio_features, config.audio_dim, "lip projector")
        network = lip_projector.loaded(projecting_memory(config))
        windows, device = audio_features.windows, lip_projector.device
        lips = project_lips(network, windows, strength, dtype=windows.dtype, device=device)
        return io.NodeOutput(LipLatents(to_host(lips)))


class SampleExpression(io.ComfyNode):
    """Expression latents for every frame of the speech, by diffusion (EmotiveTalk eq. 7)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkSampleExpression",
            display_name="Sample Expression (Di-CTE)",
            category=f"{CATEGORY}/expression",
            description="Samples how brows, eyes and cheeks move along with the speech, in the emotion "
            "that you connect. Without one, the portrait's own expression is kept.",
            search_aliases=["emotivetalk expression", "di-cte", "facial expression", "emotion to motion", "diffusion"],
            hidden=HIDDEN,
            inputs=[
                ExpressionSamplerSocket.Input("expression_sampler", tooltip="From Load V-AID."),
                AudioFeaturesSocket.Input("audio_features", tooltip="From Encode Speech."),
                FaceSocket.Input("face", tooltip="The portrait from Encode Expression: whose face it is."),
                EmotionSocket.Input(
                    "emotion",
                    optional=True,
                    tooltip="From Emotion by Name, Emotion Timeline, or Encode Expression of another picture. "
                    "Without it, the portrait's own is used.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another seed acts out the same emotion differently.",
                ),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=1000,
                    tooltip="Diffusion steps; beyond 25 little changes. 0 uses the weights' own number, which "
                    "the node then shows.",
                ),
                io.Float.Input(
                    "guidance",
                    default=-1.0,
                    min=-1.0,
                    max=10.0,
                    step=0.1,
                    tooltip="How closely the emotion is followed: 1 as learnt, in half the time; above 1 more "
                    "closely. -1 uses the weights' own value.",
                ),
            ],
            outputs=[ExpressionLatentsSocket.Output(display_name="expression latents")],
        )

    @classmethod
    def execute(
        cls,
        expression_sampler: HostedExpressionSampler,
        audio_features: AudioFeatures,
        face: MotionLatents,
        emotion: Emotion | None = None,
        seed: int = 0,
        steps: int = 0,
        guidance: float = -1.0,
    ) -> io.NodeOutput:
        config = expression_sampler.network.config
        wanted = face.expression[0] if emotion is None else emotion.values
        check_audio(audio_features, config.audio_dim, "expression sampler")
        _check_width("face's identity", face.identity.shape[-1], config.identity_dim)
        _check_width("emotion", wanted.shape[-1], config.expression_dim)
        if wanted.dim() == 2 and wanted.shape[0] != audio_features.frames:
            raise InputError(
                f"The emotion changes over {wanted.shape[0]} frames, but the speech has {audio_features.frames}; "
                "connect the same audio features to Emotion Timeline and here."
            )
        own = expression_sampler.defaults
        steps, guidance = steps or own.expression_steps, own.expression_guidance if guidance < 0 else guidance
        ui = ui_notes(cls, [f"{steps} steps, guidance {guidance:g}"])
        network = expression_sampler.loaded(sampling_memory(config, guidance, wanted.dim() == 2))
        expression = sample_expression(
            network,
            audio_features.windows,
            face.identity[0],
            wanted,
            seed=seed,
            steps=steps,
            guidance=guidance,
            on_step=comfy.utils.ProgressBar(steps).update_absolute,
            dtype=audio_features.windows.dtype,
            device=expression_sampler.device,
        )
        return io.NodeOutput(ExpressionLatents(to_host(expression)), ui=ui)


def check_audio(features: AudioFeatures, expected: int, network: str) -> None:
    """InputError where another speech encoder was used than the one that the weights were trained with."""
    given = features.windows.shape[-1]
    if given != expected:
        raise InputError(
            f"The audio features are {given} wide, but this {network} takes {expected}; in Load Speech Encoder choose "
            f"the file that belongs to its weights, or load V-AID weights that take {given}."
        )


def _check_width(what: str, given: int, expected: int) -> None:
    if given != expected:
        raise InputError(
            f"The {what} is {given} wide, but this expression sampler takes {expected}; choose face encoders and "
            "V-AID weights from the same folder."
        )
