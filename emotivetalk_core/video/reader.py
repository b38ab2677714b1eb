"""Frames out of a video file, one after another."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import InputError
from ..media import LONGEST_HOLD, beginning, best_picture, decoded_pictures, existing_file, packets

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_WAY_OUT = "give a video that FFmpeg can read, such as mp4, mov, mkv or webm"
_HIGHEST_RATE = 480  # frames a second: what slow motion is filmed at
_FARTHEST_BACK = 0.5
"""Seconds by which a frame may come before the one that is due: clocks tremble. By more, another film was joined on,
whose time begins anew.
"""
_TOLD_FRAMES, _TOLD_SHARE = 3, 0.02
"""Of fewer frames that are missing at the end nothing is said: headers count what is hidden, too."""


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

    path = existing_file(path, "video", _WAY_OUT)
    try:
        with av.open(str(path)) as container:
            stream = best_picture(container)
            if stream is None:
                raise InputError(f"{path}: there is no moving picture in this file; {_WAY_OUT}.")
            rate = float(stream.average_rate or 0)
            if not 0 < rate <= _HIGHEST_RATE:
                rate = _counted_rate(container, stream)
            return VideoFacts(stream.width, stream.height, rate, stream.frames or None)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error


def read_frames(
    path: str | Path,
    *,
    rate: float | None = None,
    longest_side: int | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[torch.Tensor]:
    """The frames of a video as [3, h, w], RGB in 0…1, upright, of square pixels, at an even rate; errors as
    `read_video_facts`.

    rate: frames a second, None: the film's own · longest_side: larger pictures are made smaller as they are decoded,
    which costs a tenth of making them small afterwards · on_note: told a sentence of what was lost, at the end.
    """
    for levels in read_levels(path, rate=rate, longest_side=longest_side, on_note=on_note):
        yield levels.float() / 255


def read_levels(
    path: str | Path,
    *,
    rate: float | None = None,
    longest_side: int | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[torch.Tensor]:
    """As `read_frames`, in the file's own 256 levels: uint8 [3, h, w]. A frame that stands again is the same tensor.

    Phones film sideways and say so in the file, and not at an even rate: a frame that comes late is preceded by the
    one before it once more, and of two that come at once only the first is taken. So time stamps count; where the file
    has sound too, second 0 is where the first of the two begins.
    """
    import av

    path = existing_file(path, "video", _WAY_OUT)
    facts = read_video_facts(path)
    own, rate = rate is None, rate or facts.frames_per_second
    count, hold, skipped, damaged = 0, round(LONGEST_HOLD * rate), 0, 0
    back = max(1, round(_FARTHEST_BACK * rate))
    picture: torch.Tensor | None = None
    try:
        with av.open(str(path)) as container:
            stream = best_picture(container)
            assert stream is not None  # or its facts would have been refused
            stream.thread_type = "AUTO"
            begin, aspect = beginning(container), float(stream.sample_aspect_ratio or 1)
            for frame in decoded_pictures(container, stream):
                if frame is None:
                    damaged += 1
                    continue
                place = count
                if frame.time is not None:
                    begin = frame.time if begin is None else begin
                    place = round((frame.time - begin) * rate) - skipped
                if not -back <= place - count <= hold:
                    skipped, place = skipped + place - count, count
                if place < count:
                    continue
                before, picture = picture, _picture(frame, longest_side, aspect)
                for _ in range(place - count):
                    yield picture if before is None else before
                count = place + 1
                yield picture
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a readable video, or it is cut off; {_WAY_OUT}.") from error
    if count == 0:
        raise InputError(f"{path}: there are no frames in this file; {_WAY_OUT}.")
    lost = 0 if facts.frames is None or not own else facts.frames - count
    if on_note is not None and (damaged or lost > max(_TOLD_FRAMES, _TOLD_SHARE * count)):
        what = f"{damaged} frames are damaged" if damaged else f"{lost} of {facts.frames} frames cannot be read"
        on_note(f"{path}: {what}; the frame before them is shown instead.")


def _picture(frame: "VideoFrame", longest_side: int | None, aspect: float) -> torch.Tensor:
    """A frame as uint8 [3, h, w], RGB, upright, no larger than asked for, its pixels as high as wide.

    aspect: how wide a pixel is for its height; the side that has too few of them is given more.
    """
    width, height = (frame.width * aspect, frame.height) if aspect >= 1 else (frame.width, frame.height / aspect)
    scale = min(1.0, (longest_side or math.inf) / max(width, height))
    width, height = max(1, round(scale * width)), max(1, round(scale * height))
    how = "AREA" if scale < 1 else "BICUBIC"
    same = (width, height) == (frame.width, frame.height)
    small = frame if same else frame.reformat(width, height, "rgb24", interpolation=how)
    pixels = torch.from_numpy(small.to_ndarray(format="rgb24"))  # [h, w, 3]
    upright = torch.rot90(pixels, round(frame.rotation / 90))  # rotation: counter-clockwise
    return upright.permute(2, 0, 1)


def _counted_rate(container: "InputContainer", stream: "VideoStream") -> float:
    """Frames per second as they come: some recorders write no rate, or their clock's ticks in its place."""
    tick = stream.time_base or 0
    times = [float(packet.pts * tick) for packet in packets(container, stream) if packet.pts is not None]
    length = max(times) - min(times) if times else 0
    return (len(times) - 1) / length if length > 0 else 1.0  # a single picture has no rate
