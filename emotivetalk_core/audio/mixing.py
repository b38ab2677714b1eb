"""Channels to one voice, any rate to another, any scale to -1…1. Knows no file."""

import math
from functools import lru_cache

import torch
from torch.nn import functional

from ..errors import InputError
from ..types import SAMPLE_RATE, Speech

_SILENT_SHARE = 1e-4
"""Of the loudest channel's power: a channel below it holds nothing, and does not make the others quieter."""
_CANCELLED_SHARE = 0.1
"""Of the power that the channels would have together if they had nothing in common; less is left where they are each
other's negative.
"""
_CLICK = 4.0
"""A peak of so many times the loudest thousandth of the samples is a click and no loudness."""
_LOUD_SHARE = 0.999


def speech_from_waveform(waveform: torch.Tensor, rate: int, layout: str | None = None) -> Speech:
    """Mono 16 kHz speech from samples [t] or [channels, t] at any rate.

    layout: where the channels stand, by FFmpeg's name such as "5.1"; None: as is usual for their number. They are mixed
    as FFmpeg mixes this layout down, a film's voice in the centre before all; without places, each counts alike. Where
    they cancel each other the loudest is heard alone, which the speech's note says.

    Raises InputError where there are no samples, where some are not finite, or where the rate is not positive.
    """
    if waveform.dim() == 1:
        waveform = waveform[None]
    if waveform.dim() != 2:
        shape = tuple(waveform.shape)
        raise InputError(f"The sound has the shape {shape}; [channels, samples] was expected, so give one recording.")
    if waveform.numel() == 0:
        raise InputError("The sound is empty, but at least one sample is needed; give a recording of speech.")
    if rate <= 0:
        raise InputError(f"The sound has a rate of {rate} samples per second; a positive rate was expected.")
    if not torch.isfinite(waveform).all():
        raise InputError("Some samples of the sound are not finite numbers (NaN or infinity); create it again.")
    mono, note = mix_down(within_range(waveform.detach().cpu().float()), layout)
    return Speech(within_range(resample(mono, rate, SAMPLE_RATE).contiguous()), note)


def mix_down(waveform: torch.Tensor, layout: str | None = None) -> tuple[torch.Tensor, str]:
    """One channel [t] of samples [channels, t], as `speech_from_waveform`; and a sentence for the user, or none."""
    if len(waveform) == 1:
        return waveform[0], ""
    powers = waveform.double().square().mean(dim=1)  # [channels]
    loudest = int(powers.argmax())
    weights = _mix_weights(len(waveform), layout) * (powers > _SILENT_SHARE * powers[loudest])
    if weights.sum() == 0:  # nothing is heard but what no mix-down takes: a subwoofer, or silence
        return waveform[loudest], ""
    weights /= weights.sum()
    mono = (weights.float()[:, None] * waveform).sum(dim=0)
    if mono.double().square().mean() >= _CANCELLED_SHARE * (weights.square() * powers).sum():
        return mono, ""
    note = f"The channels cancel each other, as with a miswired plug; only channel {loudest + 1} is used."
    return waveform[loudest], note


def resample(samples: torch.Tensor, rate: int, new_rate: int) -> torch.Tensor:
    """Samples [t] or [channels, t] at another rate: by soxr, which is compiled already, in a length rounded up."""
    if rate == new_rate:
        return samples
    import soxr

    count = math.ceil(samples.shape[-1] * new_rate / rate)
    in_time = samples if samples.dim() == 1 else samples.T.contiguous()  # soxr: [t] or [t, channels]
    found = torch.from_numpy(soxr.resample(in_time.numpy(), rate, new_rate, quality="HQ"))
    found = found if samples.dim() == 1 else found.T
    missing = count - found.shape[-1]
    return functional.pad(found, (0, missing)) if missing > 0 else found[..., :count].contiguous()


def within_range(samples: torch.Tensor) -> torch.Tensor:
    """Scale down what exceeds -1…1: float files may, and a file written on the scale of 16-bit integers always does. A
    click far above everything else is cut instead, as the voice would sink with it.
    """
    sizes = samples.abs()
    peak = sizes.max()
    if peak <= 1:
        return samples
    loud = sizes.flatten().kthvalue(math.ceil(_LOUD_SHARE * sizes.numel())).values
    reach = peak if peak <= _CLICK * loud else loud.clamp(min=1)
    return samples.clamp(-reach, reach) / reach


@lru_cache(maxsize=64)
def _mix_weights(channels: int, layout: str | None) -> torch.Tensor:
    """How much of each channel FFmpeg takes into one [channels], float64; alike where they have no places."""
    import av
    import numpy as np

    alike = torch.full((channels,), 1 / channels, dtype=torch.float64)
    if layout is not None and layout.endswith("channels"):  # the tracks of a recorder: FFmpeg would guess places
        return alike
    try:
        frame = av.AudioFrame.from_ndarray(
            np.eye(channels, dtype="<f4").reshape(1, -1), format="flt", layout=layout or f"{channels}c"
        )
        frame.sample_rate = SAMPLE_RATE
        to_mono = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        mixed = [out.to_ndarray()[0] for out in (*to_mono.resample(frame), *to_mono.resample(None))]
        weights = torch.from_numpy(np.concatenate(mixed)).double()
    except (av.FFmpegError, ValueError):
        return alike
    return weights / weights.sum()
