"""Frames out of a video file, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import InputError

_WAY_OUT = "give a video that FFmpeg can read, such as mp4, mov, mkv or webm"


@dataclass(frozen=True)
class VideoFacts:
    """What a video's header says: size in pixels, frames per second, and the number of frames where it is known."""

    width: int
    height: int
    frames_per_second: float
    frames: int | None


def read_video_facts(path: str | Path) -> VideoFacts:
    """Read the header only. Raises InputError for a file that is missing, empty, not media, or without pictures."""
    import av

    path = _existing(path)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("video")
            if stream is None or not stream.average_rate:
                raise InputError(f"{path}: there is no moving picture in this file; {_WAY_OUT}.")
            return VideoFacts(stream.width, stream.height, float(stream.average_rate), stream.frames or None)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error


def read_frames(path: str | Path) -> Iterator[torch.Tensor]:
    """The frames of a video as [3, h, w], RGB in 0…1. `read_video_facts` gives their rate; same errors."""
    import av

    path = _existing(path)
    count = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("video")
            if stream is None:
                raise InputError(f"{path}: there is no moving picture in this file; {_WAY_OUT}.")
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                pixels = torch.from_numpy(frame.to_ndarray(format="rgb24"))  # [h, w, 3]
                count += 1
                yield pixels.permute(2, 0, 1).float() / 255
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error
    if count == 0:
        raise InputError(f"{path}: there are no frames in this file; {_WAY_OUT}.")


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such video; check the path.")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a video; {_WAY_OUT}.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; {_WAY_OUT}.")
    return path
