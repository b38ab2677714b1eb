"""The way back: generated frames of the talking crop composed into the picture that the crop was taken from.
 The frame covers the crop's inner part and fades out over a band that lies inside the crop, so that every pixel at
the crop's border and outside it is the original's, bit for bit. No colour is changed anywhere.
"""

from collections.abc import Iterable, Iterator

import torch
from torch.nn import functional as F

from ..errors import SettingsError
from ..types import CropRecord, Portrait
from .blur import blurred
from .regions import BACKDROP

FEATHER = 0.08
"""Width of the fading band, as a part of the crop's side."""

_LARGEST_BATCH = 2**24  # pixels that one composed batch holds at most, so that a huge portrait does not fill the memory


def paste_back(frames: torch.Tensor, portrait: Portrait, record: CropRecord, feather: float = FEATHER) -> torch.Tensor:
    """Frames [n, 3, s, s] of the crop, 0…1, in the original picture -> [n, 3, h, w], or [n, 4, h, w] RGBA where it
    has alpha.

    The alpha is the portrait's own. `feather` is the fading band's width as a part of the crop's side, 0…0.5. Raises
    SettingsError for another feather or a record of another picture.
    """
    return _paste(frames, portrait, record, feather_mask(record, feather).to(frames.device))


def paste_back_stream(
    chunks: Iterable[torch.Tensor], portrait: Portrait, record: CropRecord, feather: float = FEATHER
) -> Iterator[torch.Tensor]:
    """`paste_back` for chunks of frames as they come; a chunk is divided further where the picture is very large."""
    mask = feather_mask(record, feather)
    batch = max(1, _LARGEST_BATCH // (record.picture_width * record.picture_height))
    for chunk in chunks:
        for frames in chunk.split(batch):
            yield _paste(frames, portrait, record, mask.to(frames.device))


def paste_back_film(
    frames: Iterable[torch.Tensor], pictures: Iterable[Portrait], record: CropRecord, feather: float = FEATHER
) -> Iterator[torch.Tensor]:
    """`paste_back` where each frame [3, s, s] has a picture of its own, such as a film in which another face talks
    already -> [3 or 4, h, w] each. Ends with the shorter of the two. Raises SettingsError as `paste_back`, in every
    picture of another size.
    """
    mask = feather_mask(record, feather)
    for frame, picture in zip(frames, pictures):
        yield _paste(frame[None], picture, record, mask.to(frame.device))[0]


def feather_mask(record: CropRecord, feather: float = FEATHER) -> torch.Tensor:
    """How much of the frame shows, 0…1 [1, bottom-top, right-left], over the part of the crop that lies in the
    picture. Exactly 0 at the crop's border. There is no band along a side where the crop reaches the picture's own
    edge: nothing of the original lies beyond it that the frame would have to meet.
    """
    if not 0.0 <= feather <= 0.5:
        raise SettingsError(f"The feather is {feather:g}: 0 to 0.5 of the crop's side is expected, 0.08 is usual.")
    side, left, top = record.side, record.left, record.top
    band = round(feather * side)
    radius = band // 2
    mask = torch.zeros(1, 1, side, side)
    # The blur reaches `radius` pixels to each side, so a step this far from the border leaves the border itself at
    # 0.
    inset = radius + 1 if radius > 0 else 0
    low_x, low_y = (0 if left <= 0 else inset), (0 if top <= 0 else inset)
    high_x = side if left + side >= record.picture_width else side - inset
    high_y = side if top + side >= record.picture_height else side - inset
    mask[:, :, low_y:high_y, low_x:high_x] = 1.0
    if radius > 0:
        mask = blurred(mask, max(radius / 2.5, 0.3), radius)
    visible = mask[0, :, max(0, -top) : record.picture_height - top, max(0, -left) : record.picture_width - left]
    # some processors blur ones to a little less than one; where nothing has to be met, the frame shows as it is
    return torch.where(visible > 1 - 1e-6, 1.0, visible).clamp(0.0, 1.0)


def check_picture(portrait: Portrait, record: CropRecord) -> None:
    """SettingsError where the crop was not taken from a picture of this size."""
    height, width = portrait.pixels.shape[-2:]
    if (width, height) != (record.picture_width, record.picture_height):
        raise SettingsError(
            f"The crop was taken from a picture of {record.picture_width}x{record.picture_height} pixels, but is to be "
            f"pasted into one of {width}x{height}: give the picture it came from."
        )


def _paste(frames: torch.Tensor, portrait: Portrait, record: CropRecord, mask: torch.Tensor) -> torch.Tensor:
    height, width = portrait.pixels.shape[-2:]
    check_picture(portrait, record)
    left, top = max(0, record.left), max(0, record.top)
    right, bottom = min(width, record.left + record.side), min(height, record.top + record.side)
    square = frames
    if frames.shape[-1] != record.side:
        square = F.interpolate(frames, size=(record.side, record.side), mode="bicubic", antialias=True).clamp(0.0, 1.0)
    visible = square[:, :, top - record.top : bottom - record.top, left - record.left : right - record.left]

    original = portrait.pixels.to(frames)
    if portrait.alpha is not None:
        alpha = portrait.alpha.to(frames)
        # The crop was shown over the backdrop: take its share out again, or half-clear edges would turn grey.
        share = alpha[:, top:bottom, left:right]
        visible = ((visible - BACKDROP * (1.0 - share)) / share.clamp_min(1e-3)).clamp(0.0, 1.0)
        mask = mask * (share > 0)
    part = original[:, top:bottom, left:right]
    blended = torch.lerp(part, visible, mask)  # where the mask is 0, the original's bits

    channels = 3 if portrait.alpha is None else 4
    composed = original.new_empty(frames.shape[0], channels, height, width)
    composed[:, :3] = original
    composed[:, :3, top:bottom, left:right] = blended
    if portrait.alpha is not None:
        composed[:, 3:] = portrait.alpha.to(frames)
    return composed
