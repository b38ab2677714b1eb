"""What is written can be read back: length, colours, sound; and nothing is left where writing fails."""

import struct
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from emotivetalk_core.audio.files import read_recording
from emotivetalk_core.errors import InputError, OutputError
from emotivetalk_core.video.reader import read_frames, read_video_facts
from emotivetalk_core.video.writer import VideoWriter, check_output

COLOURS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.1, 0.2, 0.9], [0.5, 0.5, 0.5], [1, 1, 1], [0, 0, 0]])


def coloured_frames(each: int = 3, height: int = 64, width: int = 96) -> torch.Tensor:
    return COLOURS.repeat_interleave(each, 0)[:, :, None, None].expand(-1, 3, height, width)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_video_keeps_its_frames_and_colours(tmp_path, suffix):
    frames = coloured_frames()
    with VideoWriter(tmp_path / f"talk.{suffix}", width=96, height=64) as video:
        video.write(frames[:7])
        video.write(frames[7:])
    read = torch.stack(list(read_frames(tmp_path / f"talk.{suffix}")))
    assert read.shape == frames.shape
    assert (read - frames).abs().max() < 0.02
    assert read_video_facts(tmp_path / f"talk.{suffix}").frames_per_second == 25


@pytest.mark.parametrize("channels,rate", [(1, 16_000), (2, 44_100), (6, 48_000), (3, 96_000)])
def test_sound_and_picture_end_together(tmp_path, channels, rate):
    time = torch.arange(int(0.71 * rate)) / rate
    audio = 0.3 * torch.sin(2 * torch.pi * 300 * time).repeat(channels, 1)
    with VideoWriter(tmp_path / "talk.mp4", width=96, height=64, audio=audio, audio_rate=rate) as video:
        video.write(coloured_frames())  # 18 frames, 0.72 s
    with av.open(str(tmp_path / "talk.mp4")) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert (picture.codec_context.colorspace, picture.codec_context.color_trc) == (1, 1)  # BT.709
        assert picture.duration * picture.time_base == pytest.approx(0.72)
        assert float(sound.duration * sound.time_base) == pytest.approx(0.71, abs=0.002)
        assert sound.channels == (channels if channels in (1, 2, 6) else 1)
        assert sound.rate == (rate if rate <= 48_000 else 48_000)


@pytest.mark.parametrize(
    ("layout", "kept"),
    [("3.0", "3.0"), ("quad(side)", "quad"), ("5.1(side)", "5.1"), ("7.1", "7.1"), (None, "7.1"), ("6.1", "mono")],
)
def test_every_channel_stays_in_its_place(tmp_path, layout, kept):
    """A tone of its own on each is found where it was; what AAC has no places for becomes one channel."""
    channels, rate = av.AudioLayout(layout or "7.1").nb_channels, 48_000
    tones = 300 + 70 * torch.arange(channels)
    audio = 0.3 * torch.sin(2 * torch.pi * tones[:, None] * torch.arange(rate) / rate)
    if ".1" in (layout or "7.1"):
        audio[3] = 0.3 * torch.sin(2 * torch.pi * 60 * torch.arange(rate) / rate)  # the subwoofer has no high tones
    sound = {"audio": audio, "audio_rate": rate, "audio_layout": layout}
    with VideoWriter(tmp_path / "talk.mp4", width=96, height=64, **sound) as video:
        video.write(coloured_frames(each=4))
    read = read_recording(tmp_path / "talk.mp4")
    assert read.layout == kept
    if kept != "mono":
        strongest = torch.fft.rfft(read.waveform[:, 4800:28_800]).abs().argmax(dim=1) * 2
        expected = tones.clone()
        if ".1" in kept:
            expected[3] = 60
        assert torch.equal(strongest, expected)


def test_odd_sizes_gain_a_row_or_a_column(tmp_path):
    with VideoWriter(tmp_path / "talk.mp4", width=61, height=47) as video:
        video.write(coloured_frames(height=47, width=61))
    facts = read_video_facts(tmp_path / "talk.mp4")
    assert (facts.width, facts.height) == (62, 48)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_phone_that_filmed_sideways_is_put_upright(tmp_path, quarters):
    """The track header's matrix says how far the picture has to be turned clockwise (ISO/IEC 14496-12, 8.3.2)."""
    frames = torch.zeros(3, 3, 64, 96)
    frames[:, 0, :, :48] = 0.9  # red on the left
    with VideoWriter(tmp_path / "talk.mp4", width=96, height=64) as video:
        video.write(frames)
    data = bytearray((tmp_path / "talk.mp4").read_bytes())
    at = data.index(b"tkhd") + 44
    one = 1 << 16
    assert struct.unpack(">9i", data[at : at + 36]) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    data[at : at + 36] = struct.pack(">9i", cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    (tmp_path / "talk.mp4").write_bytes(data)
    read = torch.stack(list(read_frames(tmp_path / "talk.mp4")))
    assert (read - torch.rot90(frames, -quarters, (2, 3))).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0, 1, 2, 6, 7, 9), (0, 1, 2, 2, 2, 2, 6, 7, 7, 9)),  # in frames: three are late, then one
        ((0, 1, 9000, 9001), (0, 1, 9000, 9001)),  # a clock that jumps by six minutes is not believed
    ],
)
def test_an_uneven_film_is_read_at_an_even_rate(tmp_path, times, expected):
    rate = 25
    with av.open(str(tmp_path / "phone.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=rate, width=64, height=64, pix_fmt="yuv420p")
        for place in times:
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * (place % 10) + 20, np.uint8), format="rgb24")
            picture.pts, picture.time_base = place, Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    grey = [round(float(frame.mean()) * 255) for frame in read_frames(tmp_path / "phone.mkv")]
    assert read_video_facts(tmp_path / "phone.mkv").frames_per_second == rate
    assert grey == pytest.approx([20 * (place % 10) + 20 for place in expected], abs=3)


def test_a_recorder_that_writes_no_rate_is_read_by_its_times(tmp_path):
    with av.open(str(tmp_path / "screen.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=25, width=64, height=64, pix_fmt="yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 10 * index, np.uint8), format="rgb24")
            picture.pts, picture.time_base = 50 * index + 7 * (index % 3), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    data = (tmp_path / "screen.webm").read_bytes()
    duration = data.index(bytes.fromhex("23e383"))  # Matroska's DefaultDuration; EC is its element for nothing
    size = data[duration + 3] & 0x7F
    empty = bytes([0xEC, 0x80 | (size + 2)]) + bytes(size + 2)
    (tmp_path / "screen.webm").write_bytes(data[:duration] + empty + data[duration + 4 + size :])
    assert read_video_facts(tmp_path / "screen.webm").frames_per_second == pytest.approx(20, rel=0.05)
    assert len(list(read_frames(tmp_path / "screen.webm"))) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_video_leaves_nothing_and_spares_the_old_one(tmp_path, fault):
    (tmp_path / "talk.mp4").write_text("an older video")
    with pytest.raises(fault), VideoWriter(tmp_path / "talk.mp4", width=96, height=64) as video:
        video.write(coloured_frames())
        raise fault
    assert [file.name for file in tmp_path.iterdir()] == ["talk.mp4"]
    assert (tmp_path / "talk.mp4").read_text() == "an older video"


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "no" / "talk.mp4", tmp_path / "file" / "talk.mp4", tmp_path, tmp_path / "talk.txt"):
        with pytest.raises(OutputError):
            check_output(place)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on file sizes that stands for a full disk is POSIX")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    program = f"""
import resource, signal, torch
from emotivetalk_core.errors import OutputError
from emotivetalk_core.video.writer import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    with VideoWriter({str(tmp_path / "talk.mp4")!r}, width=96, height=96) as video:
        video.write(torch.rand(20, 3, 96, 96))
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "talk.mp4" in done.stdout and "could not be written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def film_file(path, *, pictures_begin: int = 0, sound_begins: float | None = None, spoil: range = range(0)):
    """Ten grey pictures, each brighter, from the given frame on; beside sound from the given second on; and with
    nonsense in the packets `spoil`.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25, width=64, height=64, pix_fmt="yuvj420p")
        if sound_begins is not None:
            sound = container.add_stream("flac", rate=16_000, layout="mono")
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 9_600), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts = 16_000, round(16_000 * sound_begins)
            container.mux([*sound.encode(silence), *sound.encode(None)])
        for index in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * index + 20, np.uint8), format="rgb24")
            picture.pts, picture.time_base = pictures_begin + index, Fraction(1, 25)
            for packet in stream.encode(picture):
                if index in spoil:
                    broken = av.Packet(bytes(packet.size))
                    broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                    broken.stream, packet = packet.stream, broken
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


def greys(path, **how) -> list[int]:
    return [round(float(frame.mean()) * 255 / 20) for frame in read_frames(path, **how)]


def test_pictures_that_begin_after_the_sound_stay_behind_it(tmp_path):
    late = film_file(tmp_path / "late.mkv", pictures_begin=5, sound_begins=0.0)
    assert greys(late) == [1] * 5 + list(range(1, 11))
    assert greys(film_file(tmp_path / "late.mkv", pictures_begin=5, sound_begins=0.2)) == list(range(1, 11))


def test_damaged_pictures_keep_their_time_and_are_told(tmp_path):
    notes = []
    path = film_file(tmp_path / "torn.mkv", spoil=range(3, 5))
    assert greys(path, on_note=notes.append) == [1, 2, 3, 3, 3, 6, 7, 8, 9, 10]
    assert notes == [f"{path}: 2 frames are damaged; the frame before them is shown instead."]


def test_bad_videos_are_named_and_refused(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video" * 100)
    for name in ("missing.mp4", "empty.mp4", "text.mp4"):
        with pytest.raises(InputError, match=name):
            next(read_frames(tmp_path / name))
