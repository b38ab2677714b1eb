"""The crop's frames out of latents, chunk by chunk, from any frame on."""

import time
from collections.abc import Iterator
from typing import Any

import torch

from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.face.detail import DetailTransfer, doubt_around
from ..emotivetalk_core.face.head_turn import box_of_mask, turn_head
from ..emotivetalk_core.face.resizing import resized
from ..emotivetalk_core.models.vae import FRAME_ALONE, frames_at_once
from ..emotivetalk_core.types import FaceRegions, HeadPose
from ..emotivetalk_core.video.frame_rate import doubled
from .layouts import frames_of
from .vae import ClipVAE

STILL_FACE = "still_face"
"""In a LATENT: the mask [1, h, w] of a face that stays where the portrait has it, so that beyond it nothing moves."""
MOTION = "motion"
"""In a LATENT: the samples that were made, and what lips and expression of each frame were to be [n, d], see
`VideoConditions.motion`. Nodes of the host that make other samples leave it there, so it counts for its own alone.
"""
LIPS = "lips"
"""In a LATENT: the mask [1, h, w] of the lips that its motion moves."""
STILL_FRAMES = 9
"""Of the clip that stands still, whose middle shows what another VAE makes of the portrait: a frame with fewer
neighbours does not come out as those of a video do.
"""


class CropFrames:
    """The talking crop as it is to be seen: decoded, doubled where it was sampled at half the rate, and with the
    portrait's detail where its crop is given.

    samples [n, 4, h, w] · count: frames that are wanted · still_face: see STILL_FACE · transfer: what the frames are
    sent through, one after the other · seconds: that decoding them all will take, seen of the portrait; None without
    its crop. InputError where the crop is of another size than the frames.
    """

    def __init__(
        self,
        vae: Any,
        samples: torch.Tensor,
        count: int,
        *,
        half_rate: bool = False,
        portrait_crop: torch.Tensor | None = None,
        crop_record: FaceRegions | None = None,
        head_pose: HeadPose | None = None,
        detail: float = 1.0,
        still_face: torch.Tensor | None = None,
    ) -> None:
        self.vae, self.samples, self.count, self.half_rate = vae, samples, count, half_rate
        self.crop_record, self.head_pose = crop_record, head_pose
        stands = still_face is not None and head_pose is None
        self.transfer = DetailTransfer(detail, doubt=doubt_around(still_face.cpu()) if stands else None)
        self.seconds, self.unmoved = None, None
        if portrait_crop is not None:
            crop, still, a_frame = portrait_and_still(vae, samples, portrait_crop)
            self.unmoved = (crop, still)
            self.seconds = a_frame * (count / 2 if half_rate else count)
        self.height, self.width = (vae.spacial_compression_decode() * side for side in samples.shape[-2:])

    @property
    def device(self) -> torch.device:
        """Where the chunks are."""
        if self.half_rate:
            return torch.device("cpu")
        return self.vae.device if isinstance(self.vae, ClipVAE) else self.vae.output_device

    def chunks(self, first: int = 0) -> Iterator[torch.Tensor]:
        """Chunks [k, 3, h, w] from frame `first` on."""
        decoded = self._doubled(first) if self.half_rate else clip_frames(self.vae, self.samples, first)
        for chunk in decoded:
            if self.unmoved is not None:
                poses = None if self.head_pose is None else self.head_pose.values[first : first + len(chunk)]
                unmoved = (turned(picture.to(chunk), poses, self.crop_record) for picture in self.unmoved)
                chunk = self.transfer(chunk, *unmoved)
            yield chunk
            first += len(chunk)

    def _doubled(self, first: int) -> Iterator[torch.Tensor]:
        decoded = (chunk.cpu() for chunk in clip_frames(self.vae, self.samples, first // 2))
        yield from doubled(decoded, self.count - first, passed_over=first % 2)


def motions_of(latent: dict[str, Any], count: int, *, half_rate: bool = False) -> torch.Tensor | None:
    """The motion [count, d] that a LATENT was sampled from; None where it is unknown, or the samples are others now."""
    samples, motion = latent.get(MOTION, (None, None))
    if motion is None or samples is not latent["samples"]:
        return None
    if half_rate:
        after = torch.cat((motion[1:], motion[-1:]))
        motion = torch.stack((motion, (motion + after) / 2), 1).flatten(0, 1)
    return motion[:count] if len(motion) >= count else None


def clip_frames(vae: Any, samples: torch.Tensor, first: int = 0) -> Iterator[torch.Tensor]:
    """The clip's frames in chunks [k, 3, h, w], from frame `first` on. VAEs other than ours decode each chunk by
    itself, so they begin with the whole chunk that the frame is in.
    """
    if isinstance(vae, ClipVAE):
        yield from vae.frames(samples, first)
        return
    ratio = vae.spacial_compression_decode()
    length = frames_at_once(ratio * samples.shape[-2], ratio * samples.shape[-1])
    passed_over = first % length
    for piece in samples[first - passed_over :].split(length):
        yield frames_of(vae.decode(piece))[passed_over:]
        passed_over = 0


def portrait_and_still(
    vae: Any, samples: torch.Tensor, portrait_crop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The crop, and what this VAE makes of it: [1, 3, h, w] each; and the seconds that a frame of a film takes it.
    InputError where the crop has another size than what the latents were encoded from.
    """
    crop = portrait_crop[:1, :, :, :3]
    ratio = vae.spacial_compression_encode()
    given, expected = crop.shape[1:3], tuple(ratio * side for side in samples.shape[-2:])
    if tuple(given) != expected:
        raise InputError(
            f"The portrait crop is {given[1]} x {given[0]} pixels, but the latents are of a crop of {expected[1]} x "
            f"{expected[0]}; connect the crop of Face Regions that the video was made from."
        )
    held = 1 if isinstance(vae, ClipVAE) else STILL_FRAMES  # ours gives a clip's ends their neighbours by itself
    latents = vae.encode(crop).expand(held, -1, -1, -1)
    began = time.monotonic()  # loaded by now, it is not counted
    still = torch.cat(list(clip_frames(vae, latents)))
    seconds = (time.monotonic() - began) / (FRAME_ALONE if held == 1 else held)
    still = still[held // 2 : held // 2 + 1]
    return resized(frames_of(crop), still.shape[-2:]), still, seconds


def turned(picture: torch.Tensor, poses: torch.Tensor | None, crop: FaceRegions | None) -> torch.Tensor:
    """The picture [1, 3, h, w] as it is, or [k, 3, h, w] with the head in k poses, where all that takes is known."""
    if poses is None or crop is None:
        return picture
    scale = picture.shape[-1] / crop.face_mask.shape[-1]
    return turn_head(picture, (box_of_mask(crop.face_mask) * scale).to(picture)[None], poses.to(picture))
