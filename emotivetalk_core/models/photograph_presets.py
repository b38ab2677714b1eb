"""DICE-Talk and Sonic as configs: their networks' sizes, and how they are sampled. Their authors' models, not
EmotiveTalk's; the numbers are those of their published inference settings.
"""

from dataclasses import dataclass

from ..diffusion.noise_levels import NoiseGrid
from .adapted_unet import AdaptedUNetConfig
from .photograph_encoders import PhotographEncodersConfig


@dataclass(frozen=True)
class PhotographDefaults:
    """How such weights are sampled unless the user says otherwise. Travels in the backbone's file.

    steps, grid, sigma_max: of the diffusion · window, shift: frames that are denoised together, and by how many the
    windows move on at each step; shift_restarts: after a window's length, as DICE-Talk's, or goes on, as Sonic's ·
    picture_guidance, guidance: how far the result is led by the portrait, and by speech and emotion · size: of the
    square picture in pixels · motion_bucket, expression_bucket: what the weights are told of the amount of motion; None
    where they read it from the speech · silent_tail: whether a window of silence is sampled after the speech, and
    dropped.
    """

    steps: int = 25
    grid: NoiseGrid = "karras"
    sigma_max: float = 700.0
    window: int = 25
    shift: int = 7
    shift_restarts: bool = True
    picture_guidance: float = 3.0
    guidance: float = 6.0
    size: int = 512
    motion_bucket: float | None = 8.0
    expression_bucket: float | None = 16.0
    silent_tail: bool = True


@dataclass(frozen=True)
class PhotographPreset:
    """One published model: name, backbone, encoders, sampling."""

    name: str
    unet: AdaptedUNetConfig
    encoders: PhotographEncodersConfig
    sampling: PhotographDefaults


DICE_TALK = PhotographPreset(
    "DICE-Talk", AdaptedUNetConfig(adapters=2), PhotographEncodersConfig(), PhotographDefaults()
)
SONIC = PhotographPreset(
    "Sonic",
    AdaptedUNetConfig(adapters=1),
    PhotographEncodersConfig(emotion_dim=0, guide_channels=(), bucket_half_frames=50),
    PhotographDefaults(
        shift_restarts=False,
        picture_guidance=2.0,
        guidance=7.5,
        motion_bucket=None,
        expression_bucket=None,
        silent_tail=False,
    ),
)
SAMPLED_PER_SECOND = 12.5
"""Frames that both give for a second; their authors double them by interpolation."""
