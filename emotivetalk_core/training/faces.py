"""The pictures of clips as the networks take them: at a stage's size, or aligned as PD-FGC's trunk knows faces."""

import torch
from torch.nn import functional as F

from ..errors import InputError
from ..face.alignment import align_face
from ..face.crops import pictures
from ..face.landmarks import read_landmarks
from ..models.motion_encoder import MotionEncoderConfig
from .source import Clip, Source

EYE = (0.45, 0.3)
"""Half the width and height of what counts as an eye, in the distance of both."""


def latents_field(clip: Clip, side: int) -> str:
    """Which of a clip's fields holds latents of that side: `latents`, or `latents_SIDE` beside those of another."""
    own = clip.fields.get("latents")
    return "latents" if own is None or own.shape[-1] == side else f"latents_{side}"


def picture_size(clip: Clip, otherwise: int) -> int:
    """The side of a clip's pictures in pixels, which its boxes are counted in."""
    return clip.field("pictures").shape[1] if "pictures" in clip.fields else otherwise


def sized(faces: torch.Tensor, size: int) -> torch.Tensor:
    """Pictures [b, 3, s, s] at `size`, averaged where they become smaller; those that fit stay as they are."""
    if faces.shape[-1] == size:
        return faces
    return F.interpolate(faces, size=(size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def check_size(clip: Clip, size: int) -> None:
    """Raises InputError where a clip's pictures are smaller than a stage's."""
    own = picture_size(clip, size)
    if own < size:
        raise InputError(
            f"The pictures of {clip.id} are {own}x{own}, and this stage learns from {size}x{size}; prepare the films "
            f"at {size} pixels, or leave the stage out."
        )


def encoder_faces(
    source: Source,
    clip: Clip,
    start: int,
    stop: int,
    config: MotionEncoderConfig,
    device: torch.device,
    field: str = "pictures",
) -> torch.Tensor:
    """Frames start…stop as the motion encoder reads them [n, 3, s, s]: the pictures, or aligned by eyes and mouth.

    field: which pictures. Raises InputError where eyes and mouth are needed and not known.
    """
    crops = pictures(source.read(clip, field, start, stop).numpy(), device)
    if not config.aligned:
        return crops
    points = landmark_points(source, clip, start, stop)
    if points is None:
        raise InputError(
            f"The clip {clip.id} has no landmarks, which this size's encoders need to align faces; prepare the films "
            "with `prepare`."
        )
    return align_face(crops, points.to(device), config.input_size)


def landmark_points(source: Source, clip: Clip, start: int, stop: int) -> torch.Tensor | None:
    """Eyes and mouth [n, 3, 2] by the landmarks of frames start…stop; None where there are none."""
    if "landmarks" not in clip.fields:
        return None
    return torch.stack(
        [read_landmarks(each.float()).eyes_mouth for each in source.read(clip, "landmarks", start, stop)]
    )


def eyes_mouth(source: Source, clip: Clip, start: int, stop: int) -> torch.Tensor | None:
    """Eyes and mouth [n, 3, 2] in pixels, as they were drawn or else by landmarks; None where neither is known."""
    if "eyes_mouth" in clip.fields:
        return source.read(clip, "eyes_mouth", start, stop).float()
    return landmark_points(source, clip, start, stop)
