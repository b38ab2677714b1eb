"""What sound and picture share of a media file: whether it is there, when its time begins, and its frames, decoded past
whatever is damaged. Knows neither samples nor pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .errors import InputError

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

LONGEST_HOLD = 60
"""Seconds of nothing, between two frames or before the first, beyond which a file's clock is disbelieved: what was read
then just goes on.
"""


def existing_file(path: str | Path, kind: str, way_out: str) -> Path:
    """The path of a file that is there and holds something. InputError names the kind of file that was expected."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such {kind}; check the path.")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a {kind}; {way_out}.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; {way_out}.")
    return path


def best_sound(container: "InputContainer") -> "AudioStream | None":
    """The sound that a player would play, or None where there is none that FFmpeg knows to decode."""
    stream = _best(container, "audio")
    return None if stream is None or stream.codec_context is None else stream


def best_picture(container: "InputContainer") -> "VideoStream | None":
    """As `best_sound`, of moving pictures."""
    stream = _best(container, "video")
    return None if stream is None or stream.codec_context is None else stream


def _best(container: "InputContainer", kind: Literal["audio", "video"]) -> Any:
    try:
        return container.streams.best(kind)
    except IndexError:  # FFmpeg found a stream after PyAV had counted them
        return None


def beginning(container: "InputContainer") -> float | None:
    """Second 0 of a file that has both sound and moving pictures: when the first of the two begins, by its time stamps,
    so that sound and picture that are read apart stay together. None where one of them is missing, or has no times.
    """
    from av.stream import Disposition

    sound, picture = best_sound(container), best_picture(container)
    if sound is None or picture is None or picture.disposition & Disposition.attached_pic:  # the cover of a record
        return None
    starts = [start for start in (_start(sound), _start(picture)) if start is not None]
    return min(starts) if len(starts) == 2 else None


def _start(stream: "Stream") -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def decoded_sound(container: "InputContainer", stream: "AudioStream") -> "Iterator[AudioFrame | None]":
    """A stream's frames; None stands where some could not be decoded."""
    yield from _decoded(container, stream)


def decoded_pictures(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame | None]":
    """As `decoded_sound`."""
    yield from _decoded(container, stream)


def packets(container: "InputContainer", stream) -> "Iterator[Packet]":
    """A stream's packets, up to where the file ends or breaks off: who reads it knows how long it was said to be."""
    import av

    coming = container.demux(stream)
    while True:
        try:
            packet = next(coming, None)
        except IndexError:  # of a stream that begins in the middle of the file, which PyAV does not know
            coming = container.demux(stream)
            continue
        except av.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _decoded(container: "InputContainer", stream) -> Iterator:
    import av

    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            yield None
            continue
        for frame in frames:
            if frame.is_corrupt:
                yield None
            yield frame
