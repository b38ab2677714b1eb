"""Recordings of any container, codec, rate and channel count, read through FFmpeg (PyAV). Knows nothing of networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import InputError
from ..media import best_sound, existing_file
from ..types import Speech
from .decoding import decode_sound
from .mixing import speech_from_waveform, within_range

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

_WAY_OUT = "give a recording that FFmpeg can read, such as wav, mp3, m4a, flac or ogg"
_CUT_OFF_SHARE = 0.9
"""A file is called cut off when less than this share of its announced length can be read."""
_CUT_OFF_SECONDS = 0.25
_TOLD_SECONDS = 0.1
"""Of less that is missing nothing is said: coders end a file on a whole packet."""
_LARGEST_ENCODER_PADDING = 4096
"""Samples. AAC fills its last packet with silence; FFmpeg announces the true length but decodes the filling too."""
_UNKNOWN_RIFF_SIZE = 0x7FFF0000
"""Recorders that stream leave sizes from here upwards in a wav's header, meaning "not known yet"."""


@dataclass(frozen=True)
class Recording:
    """Sound as the file holds it: `waveform` float32 [channels, t] in -1…1 at `rate` samples per second · layout: where
    its channels stand, by FFmpeg's name, or None · notes: sentences for the user, of what was lost.
    """

    waveform: torch.Tensor
    rate: int
    layout: str | None = None
    notes: tuple[str, ...] = ()

    def speech(self) -> Speech:
        """Mono at 16 kHz, as `mixing.speech_from_waveform`."""
        return speech_from_waveform(self.waveform, self.rate, self.layout)


def read_speech(path: str | Path) -> Speech:
    """The best audio stream of a file as mono 16 kHz speech. Errors as `read_recording`."""
    return read_recording(path).speech()


def read_recording(path: str | Path) -> Recording:
    """Decode the best audio stream of a media file, unchanged in rate and channels.

    Time stamps count: sound that the file does not hold, or that is damaged, is silent, and where the file has moving
    pictures too, the first sample belongs to the first of the two. Of parts that were joined without being encoded
    again, the highest rate is kept, and two channels unless they agree. Silence is allowed, and so is a single sample.
    Raises InputError for a file that is missing, empty, not media, cut off, without an audio stream or samples, or with
    samples that are not finite.
    """
    import av

    path = existing_file(path, "recording", _WAY_OUT)
    try:
        with av.open(str(path)) as container:
            stream = best_sound(container)
            if stream is None:
                raise InputError(f"{path}: there is no sound in this file; {_WAY_OUT}.")
            sound = decode_sound(container, stream)
            if sound is None:
                raise InputError(f"{path}: there are no audio samples in this file; {_WAY_OUT}.")
            promised = _promised_samples(path, container.format.name, stream, sound.rate)
    except PermissionError as error:
        raise InputError(f"{path}: this recording may not be read; change its permissions.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable recording, or it is cut off; {_WAY_OUT}.") from error
    waveform, rate = sound.waveform, sound.rate
    if not torch.isfinite(waveform).all():
        raise InputError(f"{path}: some samples are not finite numbers (NaN or infinity); export the recording again.")
    notes = []
    if sound.gaps >= _TOLD_SECONDS:
        why = "are damaged" if sound.damaged else "are not in the file"
        notes.append(f"{sound.gaps:.2f} seconds in the middle of the recording {why}, and is silent here.")
    if promised is not None:
        promised += sound.lead
        missing = promised - waveform.shape[1]
        if missing > _CUT_OFF_SECONDS * rate and waveform.shape[1] < _CUT_OFF_SHARE * promised:
            raise InputError(
                f"{path}: the recording is cut off, {waveform.shape[1] / rate:.1f} of {promised / rate:.1f} seconds "
                "can be read; copy it again, or save what is left as a new file."
            )
        if missing > _TOLD_SECONDS * rate:
            notes.append(f"The last {missing / rate:.2f} seconds of the recording cannot be read, and are left out.")
        if -_LARGEST_ENCODER_PADDING <= missing < 0 and promised > 0:
            waveform = waveform[:, :promised]
    return Recording(within_range(waveform), rate, sound.layout, tuple(notes))


def _promised_samples(path: Path, container_format: str, stream: "AudioStream", rate: int) -> int | None:
    """The number of samples that the header announces, or None where a header does not say or is known to guess."""
    names = set(container_format.split(","))
    if stream.duration is None or stream.time_base is None:
        return None
    promised = round(stream.duration * stream.time_base * rate)
    if names & {"flac", "mp4", "mov", "m4a"}:
        return promised
    with path.open("rb") as file:
        head = file.read(1 << 18)
    if "wav" in names:  # FFmpeg corrects the length by the file's size, so ask the header itself
        announced, present = int.from_bytes(head[4:8], "little"), path.stat().st_size
        is_short = head[:4] == b"RIFF" and present < announced < _UNKNOWN_RIFF_SIZE
        return round(promised * announced / present) if is_short else promised
    if "mp3" in names:
        whole = _xing_samples(head, rate)
        return promised if whole is not None and promised <= whole else None  # else FFmpeg guesses from the bit rate
    return None


def _xing_samples(head: bytes, rate: int) -> int | None:
    """The number of samples that an mp3's own header counts, encoder's padding included; files that were joined hold
    more of them.
    """
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or len(head) < at + 12 or not head[at + 7] & 1:
        return None
    return int.from_bytes(head[at + 8 : at + 12], "big") * (1152 if rate >= 32_000 else 576)
