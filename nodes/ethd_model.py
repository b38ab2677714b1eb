"""ETHD as a native MODEL of the host: its own samplers, LoRA loaders, merges and context windows work on it.

To the host a video is a batch of frames, as with Stable Video Diffusion (SVD), whose conditioning names this file keeps
where they exist. Lip latents are the conditioning's tensor [1, n, lip_dim], so that the host's nodes can blend or zero
them; everything else about the face is in its dictionary.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.supported_models_base
import comfy.utils
import torch
from comfy.ldm.modules.attention import optimized_attention

from ..emotivetalk_core.diffusion.noise_levels import SIGMA_MIN
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.models.ethd import ETHD, DeepFeatures, ETHDConfig
from ..emotivetalk_core.models.model_set import read_sampling_defaults
from ..emotivetalk_core.models.presets import SamplingDefaults
from ..emotivetalk_core.models.vae_network import VAEConfig
from ..emotivetalk_core.sampling.estimate import window_memory
from ..emotivetalk_core.types import FRAMES_PER_SECOND, MotionConditions
from ..emotivetalk_core.weight_files.checkpoint import check_keys, config_from_dict, read_checkpoint
from .kept_features import KEPT_FEATURES, KeptFeatures

PREVIEW_RGB = {
    8: (comfy.latent_formats.SD15().latent_rgb_factors, None),
    4: (
        [[0.113, -0.057, -0.178], [0.296, 0.263, 0.214], [0.032, -0.057, -0.118], [-0.137, 0.003, 0.101]],
        [0.324, 0.130, 0.007],
    ),
}
"""Scaled latent to rough RGB in -1…1, factors and offset, by the picture's pixels per latent. 8 are SVD's latents, so
the host's own factors for them. 4 are the bundled demo's, fitted by least squares between its latents of 32 drawn heads
and their pixels averaged to that size, of whose variance they explain 0.93.
"""

Conditioning = list[list[Any]]
"""The host's: [tensor, {name: value}] for each part."""


class VideoLatents(comfy.latent_formats.LatentFormat):
    """Latents of the temporal VAE: four channels, SVD's one scale, a size by the VAE that goes with the weights."""

    def __init__(self, vae: VAEConfig | None = None) -> None:
        vae = vae or VAEConfig()
        self.scale_factor = vae.scaling_factor
        self.latent_channels = vae.latent_channels
        self.spacial_downscale_ratio = vae.pixels_per_latent
        self.latent_rgb_factors, self.latent_rgb_factors_bias = PREVIEW_RGB.get(vae.pixels_per_latent, (None, None))


class HostETHD(ETHD):
    """The core's backbone behind the host's signature; its keys are the core's, so LoRA keys map by themselves."""

    def __init__(
        self, config: ETHDConfig, dtype: torch.dtype, device: torch.device | None, operations: ModuleType
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
        lip: torch.Tensor,
        driving_expression: torch.Tensor,
        reference_expression: torch.Tensor,
        face_mask: torch.Tensor,
        lip_mask: torch.Tensor,
        added_time: tuple[float, float, float],
        deep: DeepFeatures | None = None,
    ) -> torch.Tensor:
        """F [v*n, 4, h, w] for v videos (positive, negative, …) of n frames each.

        xc [v*n, 8, h, w] · t [v*n] c_noise · lip, driving_expression [v*n, d] · reference_expression [v, e] ·
        face_mask, lip_mask [v, 1, H, W] · deep: of the same videos at the step before, as ETHD takes them. context,
        control and transformer_options are the host's, and not used.
        """
        # n is what arrives: the host's windows may add a frame of their own and leave every count as it was
        clips = (reference_expression.shape[0], xc.shape[0] // reference_expression.shape[0])
        conditions = MotionConditions(
            lip=lip.unflatten(0, clips),
            driving_expression=driving_expression.unflatten(0, clips),
            reference_expression=reference_expression,
            face_mask=face_mask,
            lip_mask=lip_mask,
        )
        times = torch.tensor([added_time], device=xc.device).expand(clips[0], -1)
        c_noise = t.unflatten(0, clips)[:, 0]
        return super().forward(xc.unflatten(0, clips), c_noise, conditions, times, deep).flatten(0, 1)


class PerVideo(comfy.conds.CONDRegular):
    """A condition that a whole video shares: one row a video, not one a frame, and none for the windows to cut."""

    def process_cond(self, batch_size: int, **kwargs: Any) -> "PerVideo":
        return self._copy_with(self.cond)


def check_conditioning(conditioning: Conditioning) -> None:
    """InputError for CONDITIONING that says nothing about a face."""
    if any(lips is None or "driving_expression" not in values for lips, values in conditioning):
        raise InputError(
            "The conditioning does not come from Condition Talking Face, but this MODEL needs lips, expression and "
            "masks; connect that node's outputs."
        )


class ETHDModel(comfy.model_base.BaseModel):
    """The host's wrapper around the backbone: SVD's preconditioning, and the conditions of EmotiveTalk §3.3.

    sampling_defaults: how these weights are sampled unless the user says otherwise.
    """

    def __init__(self, model_config: "ETHDModelConfig", device: torch.device | None = None) -> None:
        super().__init__(model_config, comfy.model_base.ModelType.V_PREDICTION_EDM, device=device, unet_model=HostETHD)
        self.sampling_defaults = model_config.sampling_defaults

    def extra_conds(self, **kwargs: Any) -> dict[str, comfy.conds.CONDRegular]:
        """The network's inputs from one conditioning; InputError where it does not fit the latent or the weights."""
        noise, lip = kwargs["noise"], kwargs.get("cross_attn")
        check_conditioning([[lip, kwargs]])
        lip, driving, portrait = lip[0], kwargs["driving_expression"], kwargs["concat_latent_image"]
        for name, values, wanted in (
            ("lip", lip, self.diffusion_model.config.lip_dim),
            ("expression", driving, self.diffusion_model.config.expression_dim),
        ):
            if values.shape[0] != noise.shape[0]:
                raise InputError(
                    f"The {name} latents cover {values.shape[0]} frames, but the LATENT has {noise.shape[0]}; "
                    "use the LATENT that Condition Talking Face gives."
                )
            if values.shape[1] != wanted:
                raise InputError(
                    f"The {name} latents are {values.shape[1]} wide, but these ETHD weights take {wanted}; "
                    "load V-AID, face encoders and ETHD of one model."
                )
        if portrait.shape[1:] != noise.shape[1:]:
            raise InputError(
                f"The portrait's latent is {portrait.shape[-1]} x {portrait.shape[-2]}, but the LATENT is "
                f"{noise.shape[-1]} x {noise.shape[-2]}; use the LATENT that Condition Talking Face gives."
            )
        if portrait.shape[0] not in (1, noise.shape[0]):
            raise InputError(
                f"The head pose covers {portrait.shape[0]} frames, but the LATENT has {noise.shape[0]}; use the LATENT "
                "that Condition Talking Face gives."
            )
        motion = kwargs.get("motion_bucket_id", self.sampling_defaults.motion_bucket)
        frames_per_second = kwargs.get("fps", FRAMES_PER_SECOND)
        # plain numbers, which the host passes on as they are: tensors it would round to the network's precision
        added_time = (frames_per_second - 1.0, float(motion), float(kwargs.get("augmentation_level", 0.0)))
        return {
            "c_concat": comfy.conds.CONDNoiseShape(portrait),
            "lip": comfy.conds.CONDRegular(lip),
            "driving_expression": comfy.conds.CONDRegular(driving),
            "reference_expression": PerVideo(kwargs["reference_expression"]),
            "face_mask": PerVideo(kwargs["face_mask"]),
            "lip_mask": PerVideo(kwargs["lip_mask"]),
            "added_time": comfy.conds.CONDConstant(added_time),
        } | ({KEPT_FEATURES: comfy.conds.CONDConstant(kwargs[KEPT_FEATURES])} if KEPT_FEATURES in kwargs else {})

    def extra_conds_shapes(self, **kwargs: Any) -> dict[str, list[int]]:
        """What memory is counted by beside the latent: whether deep features are kept, in the place of a shape."""
        return {KEPT_FEATURES: [1]} if KEPT_FEATURES in kwargs else {}

    def _apply_model(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        c_concat: torch.Tensor | None = None,
        c_crossattn: torch.Tensor | None = None,
        control: dict[str, Any] | None = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """D of what the host computes together, with the deep features that a sampler of ours has its conditions keep.
        They are taken and kept here, around the network, which others may have compiled.
        """
        options = transformer_options or {}
        store: KeptFeatures | None = kwargs.pop(KEPT_FEATURES, None)
        if store is None:
            return super()._apply_model(x, t, c_concat, c_crossattn, control, options, **kwargs)
        conditions = options.get("uuids", ())  # one of each video, which another's wrapper may have taken apart
        if len(conditions) != kwargs["reference_expression"].shape[0]:
            conditions = ()
        deep = store.of(conditions, x.device)
        D = super()._apply_model(x, t, c_concat, c_crossattn, control, options, deep=deep, **kwargs)
        store.keep(conditions, deep)
        return D

    def memory_required(self, input_shape: list[int], cond_shapes: dict[str, Any] | None = None) -> float:
        """Bytes that one forward needs beside the weights. input_shape [v*n, 4, h, w].

        The latent is float32 whatever the network computes in.
        """
        frames, _, height, width = input_shape
        fused = comfy.model_management.xformers_enabled() or comfy.model_management.pytorch_attention_flash_attention()
        value_bytes = comfy.model_management.dtype_size(self.get_dtype_inference())
        reuse = KEPT_FEATURES in (cond_shapes or {})
        config = self.diffusion_model.config
        return window_memory(config, frames, height * width, value_bytes, fused=fused, reuse=reuse)


class ETHDModelConfig(comfy.supported_models_base.BASE):
    """What the host asks about a model: dtypes, latents, noise levels."""

    unet_extra_config: dict[str, Any] = {}
    supported_inference_dtypes = [torch.float16, torch.bfloat16, torch.float32]
    latent_format = VideoLatents

    def __init__(self, config: ETHDConfig, defaults: SamplingDefaults, vae: VAEConfig) -> None:
        super().__init__({"config": config})
        self.latent_format = VideoLatents(vae)
        self.sampling_settings = {"sigma_max": defaults.sigma_max, "sigma_min": SIGMA_MIN}
        self.sampling_defaults = defaults

    def get_model(
        self, state_dict: dict[str, torch.Tensor], prefix: str = "", device: torch.device | None = None
    ) -> ETHDModel:
        return ETHDModel(self, device)


def load_ethd(
    path: Path, vae: VAEConfig, dtype: torch.dtype | None = None, disable_dynamic: bool = False
) -> comfy.model_patcher.ModelPatcher:
    """The MODEL of an ETHD file. vae: of the VAE it is used with · dtype: of the weights; None leaves it to the host ·
    disable_dynamic: as the host asks when it needs a copy it can compile. Raises WeightsError.
    """
    checkpoint = read_checkpoint(path, "ethd")
    config = config_from_dict(ETHDConfig, checkpoint.config, path)
    check_keys(path, "ethd", ETHD(config, device="meta").state_dict(), checkpoint.tensors)
    model_config = ETHDModelConfig(config, read_sampling_defaults(path), vae)
    patcher = hosted_model(model_config, checkpoint.tensors, dtype, disable_dynamic)
    patcher.cached_patcher_init = (load_ethd, (path, vae, dtype))
    return patcher


def hosted_model(
    model_config: comfy.supported_models_base.BASE,
    tensors: dict[str, torch.Tensor],
    dtype: torch.dtype | None,
    disable_dynamic: bool,
) -> comfy.model_patcher.ModelPatcher:
    """The MODEL of a config and its network's tensors, on the device where the host keeps what does not work."""
    load_device = comfy.model_management.get_torch_device()
    supported = model_config.supported_inference_dtypes
    if dtype is None:
        dtype = comfy.model_management.unet_dtype(
            model_params=comfy.utils.calculate_parameters(tensors),
            supported_dtypes=supported,
            weight_dtype=comfy.utils.weight_dtype(tensors),
        )
    cast = comfy.model_management.unet_manual_cast(dtype, load_device, supported)
    model_config.set_inference_dtype(dtype, cast, device=load_device)

    offload_device = comfy.model_management.unet_offload_device()
    model = model_config.get_model(tensors).to(offload_device)
    patcher_class = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = patcher_class(model, load_device=load_device, offload_device=offload_device)
    cast_tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    model.diffusion_model.load_state_dict(cast_tensors, strict=True, assign=patcher.is_dynamic())
    return patcher
