"""Frames out of a video file, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_WAY_OUT = "give a video that FFmpeg can read, such as mp4, mov, mkv or webm"
_HIGHEST_RATE = 480  # frames a second: what slow motion is filmed at
_LONGEST_HOLD = 60
"""Seconds that a picture may stand still before the file's clock is disbelieved, and frames just follow each other."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video's header says: size in pixels as it was filmed, frames per second, and the number of frames where it
    is known.
    """

    width: int
    height: int
    frames_per_second: float
    frames: int | None


def read_video_facts(path: str | Path) -> VideoFacts:
    """Read the header, and all packets where it gives no likely rate. Raises InputError for a file that is missing,
    empty, not media, or without pictures.
    """
    import av

    path = _existing(path)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("video")
            if stream is None:
                raise InputError(f"{path}: there is no moving picture in this file; {_WAY_OUT}.")
            rate = float(stream.average_rate or 0)
            if not 0 < rate <= _HIGHEST_RATE:
                rate = _counted_rate(container, stream)
            return VideoFacts(stream.width, stream.height, rate, stream.frames or None)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error


def read_frames(path: str | Path) -> Iterator[torch.Tensor]:
    """The frames of a video as [3, h, w], RGB in 0…1, upright, at the even rate that `read_video_facts` gives; same
    errors.

    Phones film sideways and say so in the file, and not at an even rate: a frame that comes late is preceded by the
    one before it once more, and of two that come at once only the first is taken.
    """
    import av

    path = _existing(path)
    rate = read_video_facts(path).frames_per_second
    count, hold, begin, skipped = 0, round(_LONGEST_HOLD * rate), None, 0
    picture: torch.Tensor | None = None
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("video")
            assert stream is not None  # or its facts would have been refused
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                place = count
                if frame.time is not None:
                    begin = frame.time if begin is None else begin
                    place = round((frame.time - begin) * rate) - skipped
                if not -hold <= place - count <= hold:
                    skipped, place = skipped + place - count, count
                if place < count:
                    continue
                for _ in range(place - count):
                    assert picture is not None  # the first frame's place is 0
                    yield picture
                pixels = torch.from_numpy(frame.to_ndarray(format="rgb24"))  # [h, w, 3]
                upright = torch.rot90(pixels, round(frame.rotation / 90))  # rotation: counter-clockwise
                picture = upright.permute(2, 0, 1).float() / 255
                count = place + 1
                yield picture
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error
    if count == 0:
        raise InputError(f"{path}: there are no frames in this file; {_WAY_OUT}.")


def _counted_rate(container: "InputContainer", stream: "VideoStream") -> float:
    """Frames per second as they come: some recorders write no rate, or their clock's ticks in its place."""
    tick = stream.time_base or 0
    times = [float(packet.pts * tick) for packet in container.demux(stream) if packet.pts is not None]
    length = max(times) - min(times) if times else 0
    return (len(times) - 1) / length if length > 0 else 1.0  # a single picture has no rate


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such video; check the path.")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a video; {_WAY_OUT}.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; {_WAY_OUT}.")
    return path
