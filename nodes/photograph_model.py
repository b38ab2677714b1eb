"""The backbone of DICE-Talk and Sonic as a native MODEL of the host, in the way of ETHD's (ethd_model.py): a video is a
batch of frames, the conditioning's tensor is what the speech says [1, n, t * c], the rest is in its dictionary.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import comfy.conds
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.supported_models_base
import torch
from comfy.ldm.modules.attention import optimized_attention

from ..emotivetalk_core.diffusion.noise_levels import SIGMA_MIN
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.models.adapted_unet import KIND, AdaptedUNet, AdaptedUNetConfig
from ..emotivetalk_core.models.photograph_presets import SAMPLED_PER_SECOND, PhotographDefaults
from ..emotivetalk_core.models.photograph_set import read_photograph_defaults
from ..emotivetalk_core.models.vae_network import VAEConfig
from ..emotivetalk_core.sampling.estimate import window_memory
from ..emotivetalk_core.types import PhotographConditions
from ..emotivetalk_core.weight_files.checkpoint import check_keys, config_from_dict, read_checkpoint
from .ethd_model import Conditioning, PerVideo, VideoLatents, hosted_model


class HostAdaptedUNet(AdaptedUNet):
    """The core's backbone behind the host's signature; its keys are the core's, so LoRA keys map by themselves."""

    def __init__(
        self, config: AdaptedUNetConfig, dtype: torch.dtype, device: torch.device | None, operations: ModuleType
    ) -> None:
        super().__init__(config, operations=operations, dtype=dtype, device=device, attention=optimized_attention)
        self.dtype = dtype  # the host asks its networks

    def forward(  # type: ignore[override]
        self,
        xc: torch.Tensor,
        t: torch.Tensor,
        context: torch.Tensor | None = None,
        control: dict[str, Any] | None = None,
        transformer_options: dict[str, Any] | None = None,
        *,
        speech: torch.Tensor,
        buckets: torch.Tensor,
        picture: torch.Tensor,
        face_box: torch.Tensor,
        strengths: tuple[float, ...],
        emotion: torch.Tensor | None = None,
        face_guide: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """F [v*n, 4, h, w] for v videos (positive, negative, …) of n frames each.

        xc [v*n, 8, h, w] · t [v*n] c_noise · speech, emotion [v*n, t * c] · buckets [v*n, 2] · picture [v, c] ·
        face_box [v, 1, H, W] · face_guide [v, width, h, w]. context, control and transformer_options are the host's,
        and not used.
        """
        clips = (picture.shape[0], xc.shape[0] // picture.shape[0])
        said = (speech,) if emotion is None else (speech, emotion)
        conditions = PhotographConditions(
            picture=picture,
            tokens=tuple(tokens.unflatten(1, (-1, self.config.cross_dim)).unflatten(0, clips) for tokens in said),
            strengths=strengths,
            face_mask=face_box,
            face_guide=face_guide,
        )
        moved = buckets.float().unflatten(0, clips).mean(1)  # [v, 2]: of the window
        added = torch.cat((torch.full_like(moved[:, :1], SAMPLED_PER_SECOND), moved), dim=1)
        return super().forward(xc.unflatten(0, clips), t.unflatten(0, clips)[:, 0], conditions, added).flatten(0, 1)


class PhotographModel(comfy.model_base.BaseModel):
    """The host's wrapper around the backbone. sampling_defaults: how these weights are sampled unless the user says
    otherwise.
    """

    def __init__(self, model_config: "PhotographModelConfig", device: torch.device | None = None) -> None:
        kind = comfy.model_base.ModelType.V_PREDICTION_EDM
        super().__init__(model_config, kind, device=device, unet_model=HostAdaptedUNet)
        self.sampling_defaults = model_config.sampling_defaults

    def extra_conds(self, **kwargs: Any) -> dict[str, comfy.conds.CONDRegular]:
        """The network's inputs from one conditioning; InputError where it does not fit the latent or the weights."""
        noise, speech = kwargs["noise"], kwargs.get("cross_attn")
        check_photograph_conditioning([[speech, kwargs]])
        given, wanted = speech.shape[1], noise.shape[0]
        if given != wanted or kwargs["concat_latent_image"].shape[1:] != noise.shape[1:]:
            raise InputError(
                f"The conditioning is for {given} frames and another latent than this one of {wanted}; use the LATENT "
                "that Condition Photograph gives."
            )
        conds = {
            "c_concat": comfy.conds.CONDNoiseShape(kwargs["concat_latent_image"]),
            "speech": comfy.conds.CONDRegular(speech[0]),
            "buckets": comfy.conds.CONDRegular(kwargs["motion_buckets"]),
            "picture": PerVideo(kwargs["picture"]),
            "face_box": PerVideo(kwargs["face_box"]),
            "strengths": comfy.conds.CONDConstant(kwargs["strengths"]),
        }
        if kwargs.get("emotion_tokens") is not None:
            conds["emotion"] = comfy.conds.CONDRegular(kwargs["emotion_tokens"])
        if kwargs.get("face_guide") is not None:
            conds["face_guide"] = PerVideo(kwargs["face_guide"])
        return conds

    def memory_required(self, input_shape: list[int], cond_shapes: dict[str, list[list[int]]] | None = None) -> float:
        """Bytes that one forward needs beside the weights. input_shape [v*n, 4, h, w]."""
        frames, _, height, width = input_shape
        fused = comfy.model_management.xformers_enabled() or comfy.model_management.pytorch_attention_flash_attention()
        value_bytes = comfy.model_management.dtype_size(self.get_dtype_inference())
        return window_memory(self.diffusion_model.config, frames, height * width, value_bytes, fused=fused)


class PhotographModelConfig(comfy.supported_models_base.BASE):
    """What the host asks about a model: dtypes, latents, noise levels."""

    unet_extra_config: dict[str, Any] = {}
    supported_inference_dtypes = [torch.float16, torch.bfloat16, torch.float32]
    latent_format = VideoLatents

    def __init__(self, config: AdaptedUNetConfig, defaults: PhotographDefaults, vae: VAEConfig) -> None:
        super().__init__({"config": config})
        self.latent_format = VideoLatents(vae)
        self.sampling_settings = {"sigma_max": defaults.sigma_max, "sigma_min": SIGMA_MIN}
        self.sampling_defaults = defaults

    def get_model(
        self, state_dict: dict[str, torch.Tensor], prefix: str = "", device: torch.device | None = None
    ) -> PhotographModel:
        return PhotographModel(self, device)


def check_photograph(model: comfy.model_patcher.ModelPatcher) -> None:
    """InputError for another MODEL."""
    if not isinstance(model.model, PhotographModel):
        raise InputError("The MODEL is neither DICE-Talk nor Sonic; connect Load DICE-Talk or Sonic.")


def check_photograph_conditioning(conditioning: Conditioning) -> None:
    """InputError for CONDITIONING that says nothing about a photograph."""
    if any(speech is None or "motion_buckets" not in values for speech, values in conditioning):
        raise InputError(
            "The conditioning does not come from Condition Photograph, but this MODEL needs speech, portrait and the "
            "face's box; connect that node's outputs."
        )


def load_photograph(
    path: Path, vae: VAEConfig, dtype: torch.dtype | None = None, disable_dynamic: bool = False
) -> comfy.model_patcher.ModelPatcher:
    """The MODEL of a backbone's file, as `load_ethd` does it. Raises WeightsError."""
    checkpoint = read_checkpoint(path, KIND)
    config = config_from_dict(AdaptedUNetConfig, checkpoint.config, path)
    check_keys(path, KIND, AdaptedUNet(config, device="meta").state_dict(), checkpoint.tensors)
    model_config = PhotographModelConfig(config, read_photograph_defaults(path), vae)
    patcher = hosted_model(model_config, checkpoint.tensors, dtype, disable_dynamic)
    patcher.cached_patcher_init = (load_photograph, (path, vae, dtype))
    return patcher
