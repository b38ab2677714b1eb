"""Recordings of any container, codec, rate and channel count, read through FFmpeg (PyAV). Knows nothing of networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import InputError
from ..types import SAMPLE_RATE, Speech

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_WAY_OUT = "give a recording that FFmpeg can read, such as wav, mp3, m4a, flac or ogg"
_CUT_OFF_SHARE = 0.9
"""A file is called cut off when less than this share of its announced length can be read."""
_CUT_OFF_SECONDS = 0.25
_LARGEST_ENCODER_PADDING = 4096
"""Samples. AAC fills its last packet with silence; FFmpeg announces the true length but decodes the filling too."""
_UNKNOWN_RIFF_SIZE = 0x7FFF0000
"""Recorders that stream leave sizes from here upwards in a wav's header, meaning "not known yet"."""


@dataclass(frozen=True)
class Recording:
    """Sound as the file holds it: `waveform` float32 [channels, t] in -1…1 at `rate` samples per second."""

    waveform: torch.Tensor
    rate: int


def read_speech(path: str | Path) -> Speech:
    """The first audio stream of a file as mono 16 kHz speech. Errors as `read_recording`."""
    recording = read_recording(path)
    return speech_from_waveform(recording.waveform, recording.rate)


def read_recording(path: str | Path) -> Recording:
    """Decode the best audio stream of a media file, unchanged in rate and channels.

    Silence is allowed, and so is a single sample. Raises InputError for a file that is missing, empty, not media, cut
    off, without an audio stream or samples, or with samples that are not finite.
    """
    import av

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such recording; check the path.")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a recording; {_WAY_OUT}.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; {_WAY_OUT}.")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("audio")
            if stream is None:
                raise InputError(f"{path}: there is no sound in this file; {_WAY_OUT}.")
            rate, blocks = _decode(container, stream)
            promised = _promised_samples(path, container.format.name, stream, rate)
    except PermissionError as error:
        raise InputError(f"{path}: this recording may not be read; change its permissions.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable recording, or it is cut off; {_WAY_OUT}.") from error
    if not blocks:
        raise InputError(f"{path}: there are no audio samples in this file; {_WAY_OUT}.")
    waveform = torch.cat(blocks, dim=1)  # [c, t]
    if not torch.isfinite(waveform).all():
        raise InputError(f"{path}: some samples are not finite numbers (NaN or infinity); export the recording again.")
    if promised is not None:
        missing = promised - waveform.shape[1]
        if missing > _CUT_OFF_SECONDS * rate and waveform.shape[1] < _CUT_OFF_SHARE * promised:
            raise InputError(
                f"{path}: the recording is cut off, {waveform.shape[1] / rate:.1f} of {promised / rate:.1f} seconds "
                "can be read; copy it again, or save what is left as a new file."
            )
        if -_LARGEST_ENCODER_PADDING <= missing < 0 and promised > 0:
            waveform = waveform[:, :promised]
    return Recording(_within_range(waveform), rate)


def speech_from_waveform(waveform: torch.Tensor, rate: int) -> Speech:
    """Mono 16 kHz speech from samples [t] or [channels, t] at any rate: the mean of the channels, resampled by soxr.

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
        raise InputError("Some samples of the sound are not finite numbers (NaN or infinity); make it again.")
    mono = waveform.detach().cpu().float().mean(dim=0)  # [t]
    if rate != SAMPLE_RATE:
        import librosa

        mono = torch.from_numpy(librosa.resample(mono.numpy(), orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq"))
    return Speech(_within_range(mono.contiguous()))


def _within_range(samples: torch.Tensor) -> torch.Tensor:
    """Scale down what exceeds -1…1: float files may, and a file written on the scale of 16-bit integers always does."""
    peak = samples.abs().max()
    return samples / peak if peak > 1 else samples


def _decode(container: "InputContainer", stream: "AudioStream") -> tuple[int, list[torch.Tensor]]:
    """All samples of a stream as float blocks [channels, t]. Damaged packets are skipped, as every player does."""
    import av

    rate = stream.codec_context.sample_rate
    to_float: av.AudioResampler | None = None
    blocks = []
    for frame in _frames(container, stream):
        if to_float is None:  # the first frame knows better than the header what the stream holds
            rate = frame.sample_rate
            to_float = av.AudioResampler(format="fltp", layout=frame.layout, rate=rate)
        blocks += [torch.from_numpy(floats.to_ndarray()) for floats in to_float.resample(frame)]
    if to_float is not None:
        blocks += [torch.from_numpy(floats.to_ndarray()) for floats in to_float.resample(None)]
    return rate, [block for block in blocks if block.shape[1] > 0]


def _frames(container: "InputContainer", stream: "AudioStream") -> "Iterator[AudioFrame]":
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # the container breaks off; what was read so far is judged by its length
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


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
    if "mp3" in names and (b"Xing" in head or b"Info" in head):  # without them the length is a guess from the bit rate
        return promised
    return None
