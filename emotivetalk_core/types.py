"""Values that travel between the parts: frozen, host-free, with their shapes. No behaviour beyond reading them."""

import math
from dataclasses import dataclass

import torch

EMOTIONS = ("happy", "angry", "sad", "surprised", "fear", "disgusted", "worried", "neutral")
"""The eight keywords of the paper's codebook (EmotiveTalk §6.3)."""

FRAMES_PER_SECOND = 25
SAMPLE_RATE = 16_000


def frame_count(sample_count: int) -> int:
    """How many video frames cover `sample_count` samples at 16 kHz: the video is never shorter than the speech."""
    return max(1, math.ceil(sample_count * FRAMES_PER_SECOND / SAMPLE_RATE))


@dataclass(frozen=True)
class Speech:
    """Mono speech at 16 kHz. `samples` is float32 [t] in -1…1 · note: one sentence for the user, or empty."""

    samples: torch.Tensor
    note: str = ""

    @property
    def frames(self) -> int:
        return frame_count(self.samples.shape[-1])

    @property
    def seconds(self) -> float:
        return self.samples.shape[-1] / SAMPLE_RATE


@dataclass(frozen=True)
class Portrait:
    """A picture as the user gave it. `pixels` [3, h, w] RGB 0…1; `alpha` [1, h, w] 0…1 where the file had one."""

    pixels: torch.Tensor
    alpha: torch.Tensor | None = None


@dataclass(frozen=True)
class CropRecord:
    """Where a square crop was taken from, so that it can be pasted back. Pixels of the original picture; may reach
    outside it.
    """

    left: int
    top: int
    side: int
    picture_width: int
    picture_height: int


@dataclass(frozen=True)
class FaceRegions:
    """The talking crop of a portrait and the masks of EmotiveTalk §3.3.

    crop [3, s, s] RGB 0…1 · face_mask, lip_mask [1, s, s] binary · eyes_mouth [3, 2] (left eye, right eye, mouth
    centre as seen in the picture, x then y, crop pixels) where known · note: one sentence for the user, or empty ·
    drawn: whether a finder that knows drawn heads from people says that it is one.
    """

    crop: torch.Tensor
    face_mask: torch.Tensor
    lip_mask: torch.Tensor
    record: CropRecord
    eyes_mouth: torch.Tensor | None = None
    note: str = ""
    drawn: bool = False


@dataclass(frozen=True)
class MotionLatents:
    """What the motion encoder reads from faces. All [b, d]: lip 512, expression 30 (both z-normalised), pose 6, eye
    6, identity 512 at full size.
    """

    lip: torch.Tensor
    expression: torch.Tensor
    pose: torch.Tensor
    eye: torch.Tensor
    identity: torch.Tensor


@dataclass(frozen=True)
class AudioFeatures:
    """What is heard of a recording. windows [n, 10, c]: A_w of each video frame (EmotiveTalk §3.2)."""

    windows: torch.Tensor

    @property
    def frames(self) -> int:
        return self.windows.shape[0]


@dataclass(frozen=True)
class LipLatents:
    """How the lips move. values [n, lip_dim], z-normalised: 0 is the mean mouth."""

    values: torch.Tensor


@dataclass(frozen=True)
class ExpressionLatents:
    """How the rest of the face moves. values [n, expression_dim], z-normalised."""

    values: torch.Tensor


@dataclass(frozen=True)
class Emotion:
    """e_cond, what Di-CTE is asked for: values [expression_dim] for the whole speech, or [n, expression_dim], one for
    each frame, where it changes in time · name: for people · notes: what they should be told of how it came about.
    """

    values: torch.Tensor
    name: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeadPose:
    """How the head stands in each frame, from where the portrait has it. values [n, 6]: yaw (positive turns to the
    picture's right), pitch (positive looks down), roll (positive tilts clockwise) in radians, shift to the right and
    down as fractions of the crop's side, and size; (0, 0, 0, 0, 0, 1) is as in the portrait.
    """

    values: torch.Tensor


@dataclass(frozen=True)
class MotionConditions:
    """What drives one call of the ETHD backbone.

    lip [b, n, lip_dim] · driving_expression [b, n, expression_dim] · reference_expression [b, expression_dim] ·
    face_mask, lip_mask [b, 1, h, w] binary at pixel size.
    """

    lip: torch.Tensor
    driving_expression: torch.Tensor
    reference_expression: torch.Tensor
    face_mask: torch.Tensor
    lip_mask: torch.Tensor


@dataclass(frozen=True)
class PhotographConditions:
    """What drives one call of a backbone with adapters (models/adapted_unet.py).

    picture [b, c]: CLIP's embedding of the portrait · tokens: for each adapter, speech first, [b, n, t, c] · strengths:
    of each adapter, 1 as learnt · face_mask [b, 1, H, W], 1 in the face's box · face_guide [b, width, h, w]: what the
    face guide makes of the box, where the weights have one.
    """

    picture: torch.Tensor
    tokens: tuple[torch.Tensor, ...]
    strengths: tuple[float, ...]
    face_mask: torch.Tensor
    face_guide: torch.Tensor | None = None


@dataclass(frozen=True)
class VideoConditions:
    """Everything that one whole video is sampled from, for all its n frames.

    portrait_latent [4, h, w], or [n, 4, h, w] where its head is turned for each frame (VAE mode, unscaled) · lip [n,
    lip_dim] · driving_expression [n, expression_dim] ·
    reference_expression [expression_dim] · face_mask, lip_mask [1, H, W] at pixel size · motion_bucket: SVD's
    micro-condition, the amount of head motion (0…255) · portrait, still: [3, H, W], the talking crop and what the VAE
    decodes of it; where both are given, frames get the portrait's detail back · head_pose: that the portrait's latents
    were turned by, where they were.
    """

    portrait_latent: torch.Tensor
    lip: torch.Tensor
    driving_expression: torch.Tensor
    reference_expression: torch.Tensor
    face_mask: torch.Tensor
    lip_mask: torch.Tensor
    motion_bucket: float = 60.0
    portrait: torch.Tensor | None = None
    still: torch.Tensor | None = None
    head_pose: HeadPose | None = None

    @property
    def motion(self) -> torch.Tensor:
        """What lips and expression of each frame are to be, side by side [n, lip_dim + expression_dim]."""
        return torch.cat((self.lip, self.driving_expression), -1)
