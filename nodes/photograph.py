"""Photographs that speak, by the published weights of DICE-Talk and Sonic: loading them, and what they are told."""

import json
from typing import Any

import comfy.model_patcher
import torch
from comfy_api.latest import io

from ..emotivetalk_core.audio.half_frames import half_frames_of
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.face.regions import box_mask_around
from ..emotivetalk_core.models import adapted_unet, photograph_encoders
from ..emotivetalk_core.models.photograph_encoders import PhotographEncoders, PhotographEncodersConfig
from ..emotivetalk_core.models.photograph_set import check_photograph_widths
from ..emotivetalk_core.models.vae_network import VAEConfig
from ..emotivetalk_core.photograph_pipeline import FACE_GROWTH, PhotographTalk, photograph_video
from ..emotivetalk_core.types import AudioFeatures, Emotion
from ..emotivetalk_core.weight_files.checkpoint import config_from_dict, read_metadata
from .ethd import DTYPES, SMALL_DTYPES, encode_portrait
from .hosted import HostedNetwork, load_hosted, to_host
from .photograph_model import check_photograph, load_photograph
from .sockets import CATEGORY, AudioFeaturesSocket, EmotionSocket, PhotographEncodersSocket
from .vae import load_hosted_vae
from .weights import WeightsNode, choices, path_of
from .windows import RingWindows, set_windows

ENCODING_MEMORY = 1_000_000_000
"""Bytes that the encoders take beside their weights for some minutes of speech."""


class LoadPhotograph(WeightsNode):
    """The MODEL of DICE-Talk or Sonic with its windows on it, its encoders, and the VAE of its latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadPhotograph",
            display_name="Load DICE-Talk or Sonic",
            category=f"{CATEGORY}/load",
            description="Loads the published weights of DICE-Talk or Sonic, which make a photograph speak, "
            "as a MODEL that works with ComfyUI's own samplers and LoRA loaders. They are their authors' "
            "models, not for commercial use; docs/weights.md says how to get and convert them.",
            search_aliases=["emotivetalk photograph", "dice-talk", "sonic", "talking photo", "photo to video", "svd"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices(adapted_unet.KIND),
                    tooltip="The file adapted_unet from a folder that convert wrote, in models/emotivetalk.",
                ),
                io.Combo.Input(
                    "encoders",
                    options=choices(photograph_encoders.KIND),
                    tooltip="The file photograph_encoders from the same folder.",
                ),
                io.Combo.Input("vae", options=choices("vae"), tooltip="The file vae from the same folder."),
                io.Combo.Input(
                    "dtype",
                    options=[*DTYPES, *SMALL_DTYPES],
                    default="default",
                    advanced=True,
                    tooltip="The weights' number format. Default lets ComfyUI choose for your device; use bf16 "
                    "or fp32 if frames come out black, fp8_e4m3fn if memory is short.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="MODEL"),
                PhotographEncodersSocket.Output(display_name="encoders"),
                io.Vae.Output(display_name="VAE"),
            ],
        )

    @classmethod
    def execute(cls, weights: str, encoders: str, vae: str, dtype: str = "default") -> io.NodeOutput:
        vae_path = path_of(vae)
        vae_config = config_from_dict(VAEConfig, json.loads(read_metadata(vae_path, "vae")["config"]), vae_path)
        model = load_photograph(path_of(weights), vae_config, (DTYPES | SMALL_DTYPES)[dtype])
        kind = photograph_encoders.KIND
        hosted = load_hosted(path_of(encoders), kind, PhotographEncoders, PhotographEncodersConfig)
        try:
            check_photograph_widths(model.model.diffusion_model.config, hosted.network.config)
        except ValueError as error:
            raise InputError(f"{weights} and {encoders} are not of the same model: {error}") from error
        set_windows(model, RingWindows(model.model.sampling_defaults))
        return io.NodeOutput(model, hosted, load_hosted_vae(vae_path))


class ConditionPhotograph(io.ComfyNode):
    """Everything that the backbone is told about one video, and what it is guided away from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkConditionPhotograph",
            display_name="Condition Photograph",
            category=f"{CATEGORY}/video",
            description="Combines portrait, speech and emotion into CONDITIONING for DICE-Talk or Sonic, "
            "and makes the LATENT to start from. Photograph Guider takes all three outputs; so does Dual "
            "CFG Guider, with positive as cond1 and picture only as cond2.",
            search_aliases=["emotivetalk photograph", "dice-talk conditioning", "sonic conditioning", "photo to video"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="From Load DICE-Talk or Sonic; it determines how the video is sampled."
                ),
                PhotographEncodersSocket.Input("encoders", tooltip="From Load DICE-Talk or Sonic."),
                io.Vae.Input("vae", tooltip="From Load DICE-Talk or Sonic; it turns the portrait into a latent."),
                io.Image.Input("portrait", tooltip="The square crop from Face Regions, 512 pixels, crop factor 2."),
                io.Mask.Input(
                    "face_mask", tooltip="Where the face is, from Face Regions; only its bounding box is used."
                ),
                io.ClipVisionOutput.Input(
                    "clip_vision_output",
                    tooltip="From CLIP Vision Encode of the same crop, with Stable Video Diffusion's CLIP Vision.",
                ),
                AudioFeaturesSocket.Input(
                    "audio_features",
                    tooltip="From Encode Speech with the file whisper_encoder; sets the length of the video.",
                ),
                EmotionSocket.Input(
                    "emotion",
                    optional=True,
                    tooltip="From Emotion by Name, Emotion Timeline or similar, with the codebook from the "
                    "same weights folder. Only DICE-Talk uses it; without it, no emotion is given.",
                ),
                _strength(
                    "lip_strength", "How far the speech moves the face: 0 not at all, 1 as learnt, 2 exaggerates it."
                ),
                _strength("emotion_strength", "How far the emotion moves the face: 0 not at all, 1 as learnt."),
                io.Int.Input(
                    "motion_amount",
                    default=-1,
                    min=-1,
                    max=255,
                    tooltip="How much the head moves. -1 leaves it to the weights: DICE-Talk takes 8, Sonic reads it "
                    "from the speech.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive"),
                io.Conditioning.Output(display_name="picture only"),
                io.Conditioning.Output(display_name="negative"),
                io.Latent.Output(display_name="latent"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: comfy.model_patcher.ModelPatcher,
        encoders: HostedNetwork[PhotographEncoders],
        vae: Any,
        portrait: torch.Tensor,
        face_mask: torch.Tensor,
        clip_vision_output: Any,
        audio_features: AudioFeatures,
        emotion: Emotion | None = None,
        lip_strength: float = 1.0,
        emotion_strength: float = 1.0,
        motion_amount: int = -1,
    ) -> io.NodeOutput:
        check_photograph(model)
        config, defaults = encoders.network.config, model.model.sampling_defaults
        picture = clip_vision_output["image_embeds"]
        check_photograph_inputs(config, portrait, face_mask, picture, audio_features)
        latent = encode_portrait(vae, portrait)  # [1, 4, h, w]
        network, device = encoders.loaded(ENCODING_MEMORY), encoders.device
        motion = None if motion_amount < 0 else float(motion_amount)
        video = photograph_video(
            network,
            half_frames_of(audio_features.windows).to(device, torch.float32),
            picture=picture[:1].to(device, torch.float32),
            portrait_latent=latent[0],
            scale=model.model.latent_format.scale_factor,
            face_mask=box_mask_around((face_mask[:1] > 0.5).float().cpu(), FACE_GROWTH).to(device),
            talk=PhotographTalk(emotion, lip_strength, emotion_strength, motion),
            motion_buckets=(defaults.motion_bucket, defaults.expression_bucket),
            tail=defaults.window if defaults.silent_tail else 0,
        )
        frames = video.frames
        said = [to_host(tokens.flatten(1)) for tokens in video.tokens]  # [n, t * c]
        unsaid = [to_host(tokens.flatten()).expand(frames, -1) for tokens in video.unsaid]
        values: dict[str, Any] = {
            "concat_latent_image": to_host(latent),
            "motion_buckets": to_host(video.buckets),
            "picture": to_host(video.picture[None]),
            "face_box": to_host(video.face_mask[None]),
            "strengths": video.strengths,
            "face_guide": None if video.face_guide is None else to_host(video.face_guide[None]),
            "emotion_tokens": said[1] if len(said) > 1 else None,
        }
        quiet = values | {"emotion_tokens": unsaid[1] if len(said) > 1 else None}
        unseen = quiet | {name: torch.zeros_like(values[name]) for name in ("concat_latent_image", "picture")}
        samples = to_host(latent).expand(frames, -1, -1, -1).clone()  # it begins at the portrait itself under noise
        return io.NodeOutput(
            [[said[0][None], values]], [[unsaid[0][None], quiet]], [[unsaid[0][None], unseen]], {"samples": samples}
        )


def check_photograph_inputs(
    config: PhotographEncodersConfig,
    portrait: torch.Tensor,
    face_mask: torch.Tensor,
    picture: torch.Tensor,
    audio_features: AudioFeatures,
) -> None:
    """InputError where one of them was made for other weights, or for another picture."""
    heard = audio_features.windows.shape[-1]
    if heard != config.speech_dim:
        raise InputError(
            f"The audio features are {heard} wide, but these weights take {config.speech_dim}; in Load Speech Encoder "
            "choose the file whisper_encoder of their folder."
        )
    if picture is None or picture.shape[-1] != config.picture_dim:
        found = "nothing" if picture is None else f"{picture.shape[-1]} numbers"
        raise InputError(
            f"CLIP Vision gave {found}, but these weights take {config.picture_dim}; load the CLIP Vision of Stable "
            "Video Diffusion (ViT-H)."
        )
    if face_mask.shape[-2:] != portrait.shape[1:3] or not (face_mask[:1] > 0.5).any():
        raise InputError(
            "The face mask is black or of another size than the portrait; connect the mask that Face Regions gives "
            "with the crop."
        )


def _strength(name: str, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=1.0, min=0.0, max=2.0, step=0.05, tooltip=tooltip)
