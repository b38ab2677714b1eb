"""Guidance by portrait, speech and emotion apart, as a GUIDER of the host for its own samplers."""

from typing import Any

import comfy.model_patcher
import comfy.samplers
import torch
from comfy_api.latest import io

from ..emotivetalk_core.sampling.photograph import PhotographSettings
from .ethd_model import Conditioning
from .photograph_model import check_photograph, check_photograph_conditioning
from .sockets import CATEGORY

AS_LEARNT = -1.0


class PhotographGuider(io.ComfyNode):
    """The guidance of `PhotographSettings` on the host's samplers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkPhotographGuider",
            display_name="Photograph Guider",
            category=f"{CATEGORY}/video",
            description="Sets separately how closely DICE-Talk or Sonic follow the speech, the emotion and "
            "the portrait. With equal guidance for speech and emotion, each window takes three forwards, "
            "as with Dual CFG Guider; otherwise four.",
            search_aliases=["emotivetalk guidance", "cfg", "lip guidance", "emotion guidance", "dual cfg"],
            inputs=[
                io.Model.Input("model", tooltip="From Load DICE-Talk or Sonic."),
                io.Conditioning.Input("positive", tooltip="From Condition Photograph."),
                io.Conditioning.Input("picture_only", tooltip="From Condition Photograph."),
                io.Conditioning.Input("negative", tooltip="From Condition Photograph."),
                _guidance("lip_guidance", "How closely the speech is followed: 1 as learnt, more is closer."),
                _guidance(
                    "emotion_guidance",
                    "How closely the emotion is followed: 1 as learnt, more is closer. Sonic has none.",
                ),
                _guidance("picture_guidance", "How closely the portrait is followed: 1 as learnt, more is closer."),
            ],
            outputs=[io.Guider.Output(display_name="GUIDER")],
        )

    @classmethod
    def execute(
        cls,
        model: comfy.model_patcher.ModelPatcher,
        positive: Conditioning,
        picture_only: Conditioning,
        negative: Conditioning,
        lip_guidance: float = AS_LEARNT,
        emotion_guidance: float = AS_LEARNT,
        picture_guidance: float = AS_LEARNT,
    ) -> io.NodeOutput:
        check_photograph(model)
        for conditioning in (positive, picture_only, negative):
            check_photograph_conditioning(conditioning)
        defaults = model.model.sampling_defaults
        lips = defaults.guidance if lip_guidance < 0 else lip_guidance
        emotion = defaults.guidance if emotion_guidance < 0 else emotion_guidance
        settings = PhotographSettings(
            picture_guidance=defaults.picture_guidance if picture_guidance < 0 else picture_guidance,
            lip_guidance=lips,
            emotion_guidance=emotion if model.model.diffusion_model.config.adapters > 1 else lips,
        )
        return io.NodeOutput(SharedGuider(model, settings.shares, positive, picture_only, negative))


class SharedGuider(comfy.samplers.CFGGuider):
    """Estimates summed by their shares: of nothing known, the portrait, speech beside it, and all. Those that count
    nothing are not computed.
    """

    def __init__(
        self,
        model: comfy.model_patcher.ModelPatcher,
        shares: tuple[float, ...],
        positive: Conditioning,
        picture_only: Conditioning,
        negative: Conditioning,
    ) -> None:
        super().__init__(model)
        spoken = [
            [speech, values | {"emotion_tokens": unfelt["emotion_tokens"]}]
            for (speech, values), (_, unfelt) in zip(positive, picture_only)
        ]
        conditions = {"nothing": negative, "portrait": picture_only, "speech": spoken, "all": positive}
        self.shares = {name: share for name, share in zip(conditions, shares) if share != 0}
        self.inner_set_conds({name: conditions[name] for name in self.shares})

    def predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """The host asks this for the clean latents at each step."""
        conds = [self.conds[name] for name in self.shares]
        estimates = comfy.samplers.calc_cond_batch(self.inner_model, conds, x, timestep, model_options or {})
        return sum(share * estimate for share, estimate in zip(self.shares.values(), estimates))


def _guidance(name: str, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=AS_LEARNT,
        min=AS_LEARNT,
        max=30.0,
        step=0.1,
        tooltip=f"{tooltip} -1 uses the weights' own value.",
    )
