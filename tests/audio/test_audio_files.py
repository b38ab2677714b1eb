"""Recordings of many kinds read alike, bad ones are refused in one sentence, and windows hold the right features."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from emotivetalk_core.audio.feature_windows import encode_speech, feature_windows
from emotivetalk_core.audio.files import read_recording, read_speech
from emotivetalk_core.audio.mixing import speech_from_waveform
from emotivetalk_core.audio.streaming import SpeechStream
from emotivetalk_core.errors import InputError
from emotivetalk_core.types import Speech

SECONDS = 1.5


def tone(rate: int, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    time = np.arange(int(rate * SECONDS)) / rate
    return np.repeat(0.4 * np.sin(2 * np.pi * hertz * time)[None], channels, axis=0).astype(np.float32)


def write_recording(path: Path, samples: np.ndarray, rate: int, codec: str, sample_format: str) -> Path:
    layout = {1: "mono", 2: "stereo"}[samples.shape[0]]
    if sample_format.startswith("s16"):
        samples = (samples * 32767).astype(np.int16)
    if not sample_format.endswith("p"):  # packed: the channels take turns
        samples = samples.T.reshape(1, -1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format=sample_format, layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


KINDS = [
    ("tone.wav", 44_100, 2, "pcm_s16le", "s16"),
    ("tone8.wav", 8_000, 1, "pcm_s16le", "s16"),
    ("float.wav", 96_000, 1, "pcm_f32le", "flt"),
    ("tone.mp3", 44_100, 2, "libmp3lame", "fltp"),
    ("tone.m4a", 48_000, 1, "aac", "fltp"),
    ("tone.flac", 22_050, 1, "flac", "s16"),
    ("tone.ogg", 48_000, 2, "libopus", "flt"),
]


@pytest.mark.parametrize("name,rate,channels,codec,sample_format", KINDS)
def test_every_kind_of_recording_becomes_the_same_speech(tmp_path, name, rate, channels, codec, sample_format):
    path = write_recording(tmp_path / name, tone(rate, channels), rate, codec, sample_format)
    speech = read_speech(path)
    assert speech.samples.dtype == torch.float32
    assert speech.seconds == pytest.approx(SECONDS, abs=0.02)
    middle = speech.samples[4_000:20_000]
    spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle))).abs()
    assert spectrum.argmax().item() == pytest.approx(440, abs=1)  # 16000 samples at 16 kHz: one bin is one hertz
    assert middle.square().mean().sqrt().item() == pytest.approx(0.4 / 2**0.5, rel=0.05)


def test_the_mean_of_the_channels_is_heard():
    waveform = torch.stack([torch.full((100,), 0.5), torch.full((100,), -0.1)])
    assert torch.allclose(speech_from_waveform(waveform, 16_000).samples, torch.full((100,), 0.2))


def test_samples_on_an_integer_scale_come_into_range():
    assert speech_from_waveform(torch.tensor([[0.0, 16_384.0, -32_768.0]]), 16_000).samples.tolist() == [0.0, 0.5, -1.0]


def test_silence_and_a_single_sample_are_speech(tmp_path):
    silent = write_recording(tmp_path / "silent.wav", tone(16_000) * 0, 16_000, "pcm_s16le", "s16")
    assert read_speech(silent).samples.abs().max() == 0
    single = write_recording(tmp_path / "single.wav", tone(44_100)[:, 1:2], 44_100, "pcm_s16le", "s16")
    assert read_speech(single).frames == 1


def test_the_video_is_never_shorter_than_the_speech():
    assert [Speech(torch.zeros(count)).frames for count in (1, 640, 641, 16_000)] == [1, 1, 2, 25]


def test_bad_recordings_are_named_and_refused(tmp_path):
    write_recording(tmp_path / "good.wav", tone(16_000), 16_000, "pcm_s16le", "s16")
    write_recording(tmp_path / "good.flac", tone(16_000), 16_000, "flac", "s16")
    whole_wav, whole_flac = (tmp_path / "good.wav").read_bytes(), (tmp_path / "good.flac").read_bytes()
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("This is not music. " * 50)
    (tmp_path / "head.wav").write_bytes(whole_wav[:30])
    (tmp_path / "half.wav").write_bytes(whole_wav[: len(whole_wav) // 2])
    (tmp_path / "half.flac").write_bytes(whole_flac[: len(whole_flac) // 2])
    with_nan = tone(16_000)
    with_nan[0, 50] = np.nan
    write_recording(tmp_path / "nan.wav", with_nan, 16_000, "pcm_f32le", "flt")
    with wave.open(str(tmp_path / "none.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    expected = {
        "missing.wav": "no such",
        "empty.wav": "empty",
        "text.mp3": "not a readable",
        "head.wav": "not a readable",
        "half.wav": "cut off",
        "half.flac": "cut off",
        "nan.wav": "finite",
        "none.wav": "no audio samples",
    }
    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            read_recording(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="folder"):
        read_recording(tmp_path)


def test_a_window_holds_the_features_of_five_frames():
    features = torch.arange(12.0)[:, None]  # 6 frames, 2 features each
    windows = feature_windows(features, 6)
    assert windows.shape == (6, 10, 1)
    assert windows[2, :, 0].tolist() == list(range(10))
    assert windows[0, :, 0].tolist() == [0, 1, 0, 1, 0, 1, 2, 3, 4, 5]
    assert windows[5, :, 0].tolist() == [6, 7, 8, 9, 10, 11, 10, 11, 10, 11]


def test_features_of_another_rate_are_resampled_linearly():
    centres = (torch.arange(25.0) + 0.5) / 25  # 25 features over one second
    windows = feature_windows(centres[:, None], 25)
    assert windows[10, 4:6, 0].tolist() == pytest.approx([(20 + 0.5) / 50, (21 + 0.5) / 50])


class SampleMeans(torch.nn.Module):
    """An encoder with Wav2Vec2's geometry whose feature is the mean of the 400 samples that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = torch.nn.Parameter(torch.full((1, 1, 400), 1 / 400))
        self.lengths: list[int] = []

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        self.lengths.append(samples.shape[-1])
        return torch.nn.functional.conv1d(samples[:, None], self.kernel, stride=320).transpose(1, 2)


@pytest.mark.parametrize("sample_count", [1, 639, 16_000, 45 * 16_000 + 77])
def test_features_stay_in_time_with_the_frames_however_long_the_speech(sample_count):
    seconds = torch.arange(sample_count) / 16_000
    encoder, progress = SampleMeans(), []
    with torch.no_grad():
        windows = encode_speech(encoder, Speech(seconds), lambda done, total: progress.append((done, total)))
    frames = Speech(seconds).frames
    assert windows.shape == (frames, 10, 1)
    assert max(encoder.lengths) <= 22 * 16_000 + 80
    assert progress[-1][0] == progress[-1][1] == len(encoder.lengths)
    if frames > 10:  # the frame's own two features see the middle of its first and of its second half
        own = windows[2:-3, 4:6, 0]
        expected = (torch.arange(2, frames - 3)[:, None] + torch.tensor([0.25, 0.75])) / 25
        assert torch.allclose(own, expected, atol=2e-3)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 6)])
def test_a_stream_of_speech_is_the_speech_that_is_read_whole(tmp_path, rate, channels):
    rng = np.random.default_rng(3)
    sound = rng.standard_normal((channels, int(11.3 * rate))).cumsum(1)
    sound = (0.3 * sound / np.abs(sound).max()).astype(np.float32)
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes((sound.T * 32767).astype("<i2").tobytes())
    whole = read_speech(path).samples.numpy()
    stream = SpeechStream(path)
    first, late = stream.take(0, 30_000), stream.take(100_000, 200_000)
    np.testing.assert_allclose(first, whole[:30_000], atol=2e-3)
    np.testing.assert_allclose(late[: len(whole) - 100_000], whole[100_000:], atol=2e-3)
    assert not late[len(whole) - 100_000 :].any()  # silent behind the end
    with pytest.raises(InputError, match="not a readable|no sound"):
        (tmp_path / "letter.mp4").write_text("Dear Anna")
        SpeechStream(tmp_path / "letter.mp4")
