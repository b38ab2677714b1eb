"""Host layouts to the core's and back: the only place that knows IMAGE [b, h, w, c], MASK [b, h, w] and AUDIO dicts."""

from typing import Any

import torch

from ..emotivetalk_core.audio.mixing import speech_from_waveform
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.types import Portrait, Speech


def speech_of(audio: dict[str, Any] | None) -> Speech:
    """The host's AUDIO {"waveform" [b, c, t], "sample_rate"} as mono speech at 16 kHz; the first where b > 1."""
    if audio is None:
        raise InputError("No sound was given; connect a Load Audio node, or a video that has sound.")
    return speech_from_waveform(audio["waveform"][0], int(audio["sample_rate"]))


def speeches_of(audio: dict[str, Any] | None) -> list[Speech]:
    """As `speech_of`, but every recording of the batch."""
    first = speech_of(audio)
    rest = [] if audio is None else audio["waveform"][1:]
    return [first, *(speech_from_waveform(waveform, int(audio["sample_rate"])) for waveform in rest)]


def frames_of(image: torch.Tensor) -> torch.Tensor:
    """IMAGE [b, h, w, c] -> RGB frames [b, 3, h, w]; an alpha channel is left out, grey becomes RGB."""
    frames = image.movedim(-1, 1).float()
    return frames.expand(-1, 3, -1, -1) if frames.shape[1] == 1 else frames[:, :3]


def image_of(frames: torch.Tensor) -> torch.Tensor:
    """Frames [b, c, h, w] -> IMAGE [b, h, w, c]."""
    return frames.movedim(1, -1).contiguous()


def portrait_of(image: torch.Tensor, transparency: torch.Tensor | None = None) -> Portrait:
    """The first picture of an IMAGE, with its alpha where it has one: what the first MASK `transparency` [b, h, w] (or
    [h, w]) leaves, which is white where the picture is clear, else its own fourth channel.

    Load Image gives such a mask; of a picture that is opaque it is black, and of any size. InputError for another
    mask that is not of the picture's size.
    """
    pixels = frames_of(image[:1])[0]
    alpha = image[0, :, :, 3:].movedim(-1, 0).float() if image.shape[-1] == 4 else None
    if transparency is not None:
        clear = transparency if transparency.dim() == 2 else transparency[0]
        if not clear.any():
            return Portrait(pixels, alpha)
        if clear.shape != pixels.shape[1:]:
            raise InputError(
                f"The transparency is a mask of {clear.shape[1]} x {clear.shape[0]} pixels, but the picture has "
                f"{pixels.shape[2]} x {pixels.shape[1]}; connect the MASK of the Load Image that gives the picture."
            )
        alpha = 1 - clear[None].to(pixels)
    return Portrait(pixels, alpha)


def mask_of(portrait: Portrait) -> torch.Tensor:
    """What is clear of a portrait, as the host's MASK [1, h, w]: white where it is; black all over where it has no
    alpha.
    """
    return torch.zeros_like(portrait.pixels[:1]) if portrait.alpha is None else 1 - portrait.alpha
