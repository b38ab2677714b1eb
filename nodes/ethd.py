"""The video backbone: loading it, and what it is told about the face."""

import json
from typing import Any

import comfy.model_management
import torch
from comfy_api.latest import io

from ..emotivetalk_core.direction.head_pose import motion_bucket, sway
from ..emotivetalk_core.errors import InputError, SettingsError
from ..emotivetalk_core.face.head_turn import turned_portraits
from ..emotivetalk_core.models.vae_network import VAEConfig
from ..emotivetalk_core.types import FRAMES_PER_SECOND, ExpressionLatents, HeadPose, LipLatents, MotionLatents
from ..emotivetalk_core.weight_files.checkpoint import config_from_dict, read_metadata
from .ethd_model import Conditioning, load_ethd
from .hosted import to_host
from .layouts import frames_of, image_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, ExpressionLatentsSocket, FaceSocket, HeadPoseSocket, LipLatentsSocket
from .vae import load_hosted_vae
from .weights import WeightsNode, choices, path_of
from .windows import OwnWindows, set_windows

DTYPES = {"default": None, "fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SMALL_DTYPES = {"fp8_e4m3fn": torch.float8_e4m3fn}
"""For weights that no card in most hands holds otherwise: stored so, and computed in the device's own format."""


class LoadETHD(WeightsNode):
    """The MODEL with our windows on it, and the VAE of its latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadETHD",
            display_name="Load ETHD",
            category=f"{CATEGORY}/load",
            description="Loads the video backbone as a MODEL that works with ComfyUI's own samplers and "
            "LoRA loaders, and the VAE that turns its latents into frames. Long videos are sampled in "
            "the windows these weights were made for.",
            search_aliases=["emotivetalk model", "talking head model", "video diffusion", "svd", "load emotivetalk"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices("ethd"),
                    tooltip="The ETHD file from models/emotivetalk. The bundled demo draws simple heads.",
                ),
                io.Combo.Input(
                    "vae",
                    options=choices("vae"),
                    tooltip="The VAE that these weights were trained with, from the same folder.",
                ),
                io.Combo.Input(
                    "dtype",
                    options=list(DTYPES),
                    default="default",
                    advanced=True,
                    tooltip="The weights' number format. Default lets ComfyUI choose for your device; use bf16 "
                    "or fp32 if frames come out black.",
                ),
            ],
            outputs=[io.Model.Output(display_name="MODEL"), io.Vae.Output(display_name="VAE")],
        )

    @classmethod
    def execute(cls, weights: str, vae: str, dtype: str = "default") -> io.NodeOutput:
        vae_path = path_of(vae)
        vae_config = config_from_dict(VAEConfig, json.loads(read_metadata(vae_path, "vae")["config"]), vae_path)
        model = load_ethd(path_of(weights), vae_config, DTYPES[dtype])
        set_windows(model, OwnWindows(model.model.sampling_defaults, vae_config.pixels_per_latent))
        return io.NodeOutput(model, load_hosted_vae(vae_path))


class Condition(io.ComfyNode):
    """Everything that the backbone is told about one video, as the host's CONDITIONING."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkCondition",
            display_name="Condition Talking Face",
            category=f"{CATEGORY}/video",
            description="Combines portrait, masks, lips and expression into CONDITIONING, and makes the "
            "empty LATENT of the right length. Negative is the same face with its mouth at rest and its "
            "own expression.",
            search_aliases=["emotivetalk conditioning", "talking head conditioning", "portrait to video"],
            hidden=HIDDEN,
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE from Load ETHD; it turns the portrait into a latent."),
                io.Image.Input("portrait", tooltip="The square crop from Face Regions: the face that will talk."),
                io.Mask.Input(
                    "face_mask", tooltip="Where the face is: the expression moves this area, except for the lips."
                ),
                io.Mask.Input("lip_mask", tooltip="Where the mouth is: only the speech moves this area."),
                FaceSocket.Input(
                    "face",
                    tooltip="The same portrait, from Encode Expression: the expression that the face starts from.",
                ),
                LipLatentsSocket.Input(
                    "lips", tooltip="How the mouth moves, from Project Lips; sets the length of the video."
                ),
                ExpressionLatentsSocket.Input(
                    "expression",
                    optional=True,
                    tooltip="How the rest of the face moves, from Sample Expression or from a driving video. "
                    "Without it the face keeps the portrait's own expression.",
                ),
                io.Int.Input(
                    "motion_amount",
                    default=-1,
                    min=-1,
                    max=255,
                    tooltip="How much the head moves: 0 is still, 60 an ordinary speaker, 150 a lively one. "
                    "Without a head pose, the head then sways by itself. -1 leaves it to the weights, or to the "
                    "connected head pose.",
                ),
                HeadPoseSocket.Input(
                    "head_pose",
                    optional=True,
                    tooltip="How the head is turned in each frame, from Sway Head, Head Pose Keyframes or Head "
                    "Pose from Video. Without it, the motion amount decides how the head moves.",
                ),
                io.Int.Input(
                    "sway_seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    optional=True,
                    advanced=True,
                    tooltip="Another seed gives a different sway, where the motion amount moves the head.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive"),
                io.Conditioning.Output(display_name="negative"),
                io.Latent.Output(display_name="latent"),
            ],
        )

    @classmethod
    def execute(
        cls,
        vae: Any,
        portrait: torch.Tensor,
        face_mask: torch.Tensor,
        lip_mask: torch.Tensor,
        face: MotionLatents,
        lips: LipLatents,
        expression: ExpressionLatents | None = None,
        motion_amount: int = -1,
        head_pose: HeadPose | None = None,
        sway_seed: int = 0,
    ) -> io.NodeOutput:
        check_one("portrait", portrait)
        frames = lips.values.shape[0]
        reference = to_host(face.expression[:1])  # [1, e]
        driving = reference.expand(frames, -1) if expression is None else to_host(expression.values)
        if driving.shape[0] != frames:
            raise InputError(
                f"The lip latents cover {frames} frames, but the expression latents {driving.shape[0]}; "
                "make both from the same speech."
            )
        check_masks(portrait, face_mask, lip_mask)
        if head_pose is not None:
            check_head_pose(head_pose, frames)
        latents = encode_portrait(vae, portrait)
        if head_pose is None and motion_amount > 0:
            # given to the backbone alone, the motion amount moves little
            head_pose, motion_amount = sway(frames, float(motion_amount), sway_seed), -1
        if head_pose is not None:
            latents = encode_turned(vae, portrait, face_mask, head_pose)
        positive: dict[str, Any] = {
            "concat_latent_image": to_host(latents),
            "driving_expression": driving,
            "reference_expression": reference,
            "face_mask": to_host(face_mask[:1, None]),
            "lip_mask": to_host(lip_mask[:1, None]),
            "fps": FRAMES_PER_SECOND,
            "augmentation_level": 0.0,  # the portrait is given clean
        }
        note = "motion amount: the weights' own"
        if motion_amount >= 0:
            positive["motion_bucket_id"], note = motion_amount, f"motion amount: {motion_amount}"
        elif head_pose is not None:
            positive["motion_bucket_id"] = moved = float(motion_bucket(head_pose.values.cpu().numpy()))
            note = f"motion amount: {moved:.0f}, from the head pose"
        conditioning = [[to_host(lips.values)[None], positive]]
        latent = torch.zeros(frames, *positive["concat_latent_image"].shape[1:], device=driving.device)
        notes = [f"{frames} frames, {frames / FRAMES_PER_SECOND:.2f} s; {note}"]
        return io.NodeOutput(
            conditioning,
            without_expression(without_lips(conditioning)),
            {"samples": latent},
            ui=ui_notes(cls, notes),
        )


def check_one(name: str, image: torch.Tensor) -> None:
    """InputError for more pictures [b, h, w, c] than one."""
    if image.shape[0] != 1:
        raise InputError(
            f"{image.shape[0]} pictures are connected as {name}, but one face talks in a video; connect one picture, "
            "such as the crop of Face Regions."
        )


def encode_portrait(vae: Any, portrait: torch.Tensor) -> torch.Tensor:
    """IMAGE [b, h, w, c] -> the first one's latent [1, 4, h', w'], unscaled. SettingsError where sides do not fit."""
    step = vae.downscale_ratio
    height, width = portrait.shape[1:3]
    if height % step or width % step:
        raise SettingsError(
            f"The portrait is {width} x {height} pixels, but both sides must be multiples of {step}; "
            "use the crop that Face Regions gives."
        )
    return vae.encode(portrait[:1, :, :, :3])


def check_masks(portrait: torch.Tensor, face_mask: torch.Tensor, lip_mask: torch.Tensor) -> None:
    """InputError for masks [b, h, w] of another picture, and for a face that is nowhere."""
    height, width = portrait.shape[1:3]
    for name, mask in (("face mask", face_mask), ("lip mask", lip_mask)):
        if mask.shape[-2:] != (height, width):
            raise InputError(
                f"The {name} is {mask.shape[-1]} x {mask.shape[-2]} pixels, but the portrait crop is {width} x "
                f"{height}; connect the masks that Face Regions gives with the crop."
            )
    if not face_mask[:1].any():
        raise InputError(
            "The face mask is black, so no face would move; paint the face white, or connect the mask of Face Regions."
        )


def check_head_pose(head_pose: HeadPose, frames: int) -> None:
    """InputError where it was made for another length."""
    if head_pose.values.shape[0] != frames:
        raise InputError(
            f"The head pose covers {head_pose.values.shape[0]} frames, but the video has {frames}; make it from the "
            "same speech."
        )


def encode_turned(vae: Any, portrait: torch.Tensor, face_mask: torch.Tensor, head_pose: HeadPose) -> torch.Tensor:
    """The portrait's latent with its head as it stands in each frame [n, 4, h', w'], unscaled."""
    pieces = []
    for turned in turned_portraits(frames_of(portrait[:1]), face_mask[:1], head_pose):
        pieces.append(vae.encode(image_of(turned)))
        comfy.model_management.throw_exception_if_processing_interrupted()
    return torch.cat(pieces)


def without_lips(conditioning: Conditioning) -> Conditioning:
    """The same with the mean mouth: lip latents are z-normalised, so it is zero."""
    return [[torch.zeros_like(lips), values] for lips, values in conditioning]


def without_expression(conditioning: Conditioning) -> Conditioning:
    """The same with the portrait's own expression held, for which EDI's difference vanishes (EmotiveTalk eq. 9)."""
    return [
        [lips, values | {"driving_expression": values["reference_expression"].expand_as(values["driving_expression"])}]
        for lips, values in conditioning
    ]
