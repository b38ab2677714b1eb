"""Frames and sound into a video file: H.264 and AAC, written chunk by chunk and put in place only when it is whole."""

import contextlib
import glob
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from ..errors import OutputError
from ..types import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""AAC knows higher rates too, but many players do not."""
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_LAYOUTS = {
    **{name: name for name in ("2.1", "3.0", "3.0(back)", "4.0", "quad", "5.0", "5.1", "7.1")},
    **{f"{name}(side)": name for name in ("quad", "5.0", "5.1")},
}
"""Those of more than two channels that come out of an AAC file as they went in; those with the rear ones at the sides
lose their places in it, so they are called by their neighbours' names.
"""
_BT709 = 1
"""Primaries, transfer and matrix of HD video, each numbered 1 in the standard; untagged, players guess by size."""
_STUDIO_RANGE = 1


def kept_layout(channels: int, layout: str | None = None) -> str | None:
    """FFmpeg's name of the layout in which a film keeps so many channels, None where they become one. layout: where
    they stand, by FFmpeg's name; None: as is usual for their number.
    """
    return _USUAL_LAYOUTS.get(channels) if layout is None or channels <= 2 else _LAYOUTS.get(layout)


def check_output(path: str | Path) -> None:
    """Raise OutputError unless a video can be written at `path`: a known suffix, in a folder that takes new files."""
    path = Path(path)
    if path.suffix.lower() not in CONTAINERS:
        raise OutputError(f"{path}: the name of the video must end with one of {', '.join(CONTAINERS)}.")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder; add the name of the video, such as talk.mp4.")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; create it or choose another.")
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(b"?")
            file.flush()
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path}: the folder {path.parent} cannot be written ({reason}); choose another.") from error


def _runs(process: int) -> bool:
    """Whether there is such a process. Where asking would end it, as on Windows, the answer is no."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class VideoWriter:
    """A video at 25 frames per second in the making; use it in a `with` statement.

    width, height: of the frames, in pixels; odd sizes gain one repeated row or column, as H.264's chroma needs even
    ones. audio: float [channels, t] in -1…1 at audio_rate, or None for a silent film · audio_layout: where its channels
    stand, as for `kept_layout`. Rate and channels are kept where AAC has them, or become one channel, their mean, and
    the sound reaches the file beside the frames that it belongs to.
    Nothing stands at `path` before the `with` block ends well; a failure or an interruption leaves nothing behind.
    Raises OutputError where the disk is full or the place cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        width: int,
        height: int,
        audio: torch.Tensor | None = None,
        audio_rate: int | None = None,
        audio_layout: str | None = None,
    ) -> None:
        if (audio is None) != (audio_rate is None):
            raise ValueError("audio and audio_rate belong together.")
        check_output(path)
        self.path = Path(path)
        self.frames = 0
        self._partial = self.path.with_name(f".{self.path.stem}.{os.getpid()}.part")
        self._size = (height, width)
        self._audio = audio
        self._audio_rate, self._audio_layout = audio_rate or 0, audio_layout
        self._audio_sent = 0

    def __enter__(self) -> "VideoWriter":
        import av

        self._sweep()
        try:
            self._container = av.open(
                str(self._partial), "w", format=CONTAINERS[self.path.suffix.lower()], options=self._container_options()
            )
            self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": "18"})
            self._video.height, self._video.width = (side + side % 2 for side in self._size)
            self._video.pix_fmt = "yuv420p"
            self._video.codec_context.time_base = Fraction(1, FRAMES_PER_SECOND)
            self._video.codec_context.color_primaries = _BT709
            self._video.codec_context.color_trc = _BT709
            self._video.codec_context.colorspace = _BT709
            self._video.codec_context.color_range = _STUDIO_RANGE
            self._sound = None if self._audio is None else self._add_sound(self._audio)
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as error:
            self._discard()
            raise self._fault(error) from error
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, frames: torch.Tensor) -> None:
        """Append frames [k, 3, h, w], RGB in 0…1."""
        import av
        from av.video.reformatter import ColorRange, Colorspace

        if tuple(frames.shape[1:]) != (3, *self._size):
            raise ValueError(f"frames of shape {tuple(frames.shape)} were given to a video of {self._size}.")
        pixels = (frames.detach().float().clamp(0, 1) * 255).round().to("cpu", torch.uint8)  # [k, 3, h, w]
        height, width = self._size
        if height % 2:
            pixels = torch.cat([pixels, pixels[:, :, -1:]], dim=2)
        if width % 2:
            pixels = torch.cat([pixels, pixels[:, :, :, -1:]], dim=3)
        try:
            for image in pixels.permute(0, 2, 3, 1).contiguous().numpy():  # [h, w, 3]
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame = frame.reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                frame.pts, frame.time_base = self.frames, Fraction(1, FRAMES_PER_SECOND)
                frame.color_primaries, frame.color_trc = _BT709, _BT709
                self.frames += 1
                self._container.mux(self._video.encode(frame))
            self._write_sound(until=self.frames / FRAMES_PER_SECOND)
        except (av.FFmpegError, OSError) as error:
            raise self._fault(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        if kind is not None:
            self._discard()
            return
        try:
            self._write_sound(until=None)
            self._container.mux(self._video.encode(None))
            if self._sound is not None:
                self._container.mux(self._sound.encode(None))
            self._container.close()
            with self._partial.open("rb+") as file:  # a full disk may show only here
                os.fsync(file.fileno())
            os.replace(self._partial, self.path)
        except (av.FFmpegError, OSError) as fault:
            self._discard()
            raise self._fault(fault) from fault
        except BaseException:
            self._discard()
            raise

    def _sweep(self) -> None:
        """Removes what killed programs left of this very video; nobody can take it up again."""
        for part in self.path.parent.glob(f".{glob.escape(self.path.stem)}.*.part"):
            number = part.name.removesuffix(".part").rpartition(".")[2]
            if number.isdigit() and int(number) != os.getpid() and not _runs(int(number)):
                with contextlib.suppress(OSError):  # Windows refuses where it is open
                    part.unlink()

    def _container_options(self) -> dict[str, str]:
        # the index in front, so that browsers start before the whole file has arrived
        return {} if self.path.suffix.lower() == ".mkv" else {"movflags": "+faststart"}

    def _add_sound(self, audio: torch.Tensor) -> "AudioStream":
        import av

        layout = kept_layout(audio.shape[0], self._audio_layout)
        if layout is None:
            audio, layout = audio.mean(dim=0, keepdim=True), "mono"
        self._audio_layout = layout
        rate = self._audio_rate if self._audio_rate in _AAC_RATES else 48_000
        self._audio = audio.detach().cpu().float().clamp(-1, 1).contiguous()
        # the encoder's bit rate is for all channels together; 96 kb/s each is beyond telling from the original
        stream = self._container.add_stream("aac", rate=rate, layout=layout, bit_rate=96_000 * audio.shape[0])
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        return stream

    def _write_sound(self, until: float | None) -> None:
        """Send the sound up to a time in seconds, or all that is left."""
        import av

        if self._sound is None or self._audio is None or self._audio_layout is None:
            return
        total = self._audio.shape[1]
        stop = total if until is None else min(total, round(until * self._audio_rate))
        if stop > self._audio_sent:
            block = self._audio[:, self._audio_sent : stop].T.reshape(1, -1).contiguous().numpy()
            # channels side by side: of planes, one for each channel, PyAV takes no more than seven
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=self._audio_layout)
            frame.sample_rate, frame.time_base = self._audio_rate, Fraction(1, self._audio_rate)
            frame.pts = self._audio_sent
            self._audio_sent = stop
            for resampled in self._resampler.resample(frame):
                self._container.mux(self._sound.encode(resampled))
        if until is None:
            for resampled in self._resampler.resample(None):
                self._container.mux(self._sound.encode(resampled))

    def _discard(self) -> None:
        """Close and remove the unfinished file; what closing has to say no longer matters."""
        container = getattr(self, "_container", None)
        if container is not None:
            try:
                container.close()
            except Exception:  # noqa: S110  the fault that brought us here is the one to report
                pass
        self._partial.unlink(missing_ok=True)

    def _fault(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or str(error)
        way_out = "free some space or choose another folder"
        return OutputError(f"{self.path}: the video could not be written ({reason}); {way_out}.")
