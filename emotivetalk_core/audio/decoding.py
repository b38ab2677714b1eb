"""A sound stream as its time stamps lay it out: gaps are silent, and rate, layout and format may change at any frame.

What players do without a word is done here too, and told: Sound says how much of the file was not there to be heard.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import torch

from ..media import LONGEST_HOLD, beginning, decoded_sound
from .mixing import mix_down, resample

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_UNHEARD_GAP = 0.04
"""Seconds, one frame of video: stamps of recorders that stamp by the clock on the wall tremble by less."""


@dataclass(frozen=True)
class Sound:
    """waveform float32 [channels, t] at `rate` · layout: FFmpeg's name of where the channels stand · lead: samples of
    silence before the first, so that sound and picture keep their distance · gaps: seconds of silence within it, for
    what the file does not hold · damaged: whether some of it could not be decoded.
    """

    waveform: torch.Tensor
    rate: int
    layout: str
    lead: int
    gaps: float
    damaged: bool


@dataclass
class _Part:
    """A stretch of one kind in the making."""

    rate: int
    layout: str
    blocks: list[torch.Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """What comes next of a stream: samples float32 [channels, t] at `rate` · layout: FFmpeg's name of where the
    channels stand · changed: whether rate, layout or format differ from those before · silence: "lead" before the first
    sample that the file holds, "gap" for what it does not hold later on, "" for what is heard.
    """

    samples: torch.Tensor
    rate: int
    layout: str
    changed: bool = False
    silence: str = ""


def sound_blocks(container: "InputContainer", stream: "AudioStream") -> "Iterator[Block | None]":
    """All of a stream, laid out by its time stamps, frame by frame; None stands where some could not be decoded. Second
    0 is where the file's sound or picture begins, whichever is first.
    """
    begin = beginning(container)
    kind: tuple[int, str, str] | None = None
    to_float: _FloatConverter | None = None
    heard, broken = Fraction(0), False
    for frame in decoded_sound(container, stream):
        if frame is None:
            broken = True
            yield None
            continue
        changed = kind != _kind(frame)
        if changed:
            kind = _kind(frame)
            to_float = _FloatConverter(frame)
        assert to_float is not None
        samples, rate, layout = to_float(frame), frame.sample_rate, frame.layout.name
        if frame.time is not None:
            begin = frame.time if begin is None else begin
            gap = frame.time - begin - float(heard)
            if not -_UNHEARD_GAP <= gap <= LONGEST_HOLD:  # time jumps, as where recordings were joined
                begin += gap
            elif gap > (0 if broken else _UNHEARD_GAP):
                silent = torch.zeros(len(samples), round(gap * rate))
                yield Block(silent, rate, layout, changed, "gap" if heard else "lead")
                changed = False
                heard += Fraction(silent.shape[1], rate)
        yield Block(samples, rate, layout, changed)
        heard += Fraction(samples.shape[1], rate)
        broken = False


def decode_sound(container: "InputContainer", stream: "AudioStream") -> Sound | None:
    """All of `sound_blocks` together, or None where there are no samples. Errors of FFmpeg, for what cannot be read at
    all, pass through.
    """
    parts: list[_Part] = []
    gaps, damaged, lead = 0.0, False, 0
    for block in sound_blocks(container, stream):
        if block is None:
            damaged = True
            continue
        if block.changed:
            parts.append(_Part(block.rate, block.layout))
        parts[-1].blocks.append(block.samples)
        if block.silence == "gap":
            gaps += block.samples.shape[1] / block.rate
        elif block.silence == "lead":
            lead = block.samples.shape[1]
    return _joined(parts, lead, gaps, damaged) if parts else None


class _FloatConverter:
    """Frames of one kind to float32 [channels, t]."""

    def __init__(self, first: "AudioFrame") -> None:
        import av

        self._channels = first.layout.nb_channels
        # packed: PyAV reads past the end of eight or more planes
        self._to_float = av.AudioResampler(format="flt", layout=first.layout, rate=first.sample_rate)

    def __call__(self, frame: "AudioFrame") -> torch.Tensor:
        pieces = [torch.from_numpy(piece.to_ndarray()) for piece in self._to_float.resample(frame)]  # [1, t * c]
        return torch.cat(pieces, dim=1).reshape(-1, self._channels).T


def _kind(frame: "AudioFrame") -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _joined(parts: list[_Part], lead: int, gaps: float, damaged: bool) -> Sound:
    """The parts in one rate, the highest, and one layout: their own where they agree, else two channels."""
    waveforms = [torch.cat(part.blocks, dim=1) for part in parts]  # each [channels, t]
    rate, layout = max(part.rate for part in parts), parts[0].layout
    if any(part.layout != layout for part in parts):
        layout = "stereo"
        waveforms = [
            waveform if part.layout == layout else mix_down(waveform, part.layout)[0].expand(2, -1)
            for waveform, part in zip(waveforms, parts, strict=True)
        ]
    lead = lead * rate // parts[0].rate
    waveforms = [resample(waveform, part.rate, rate) for waveform, part in zip(waveforms, parts, strict=True)]
    return Sound(torch.cat(waveforms, dim=1), rate, layout, lead, gaps, damaged)
