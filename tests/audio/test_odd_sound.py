"""Recordings as people have them: many channels, parts of two kinds, cables the wrong way round, clicks, holes and late
beginnings. What is heard is the voice, in its place; what is lost is said.
"""

import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from emotivetalk_core.audio.files import read_recording, read_speech
from emotivetalk_core.audio.mixing import speech_from_waveform
from emotivetalk_core.types import SAMPLE_RATE

RATE = 48_000
_TIME = np.arange(RATE) / RATE
VOICE = (0.3 * np.sin(2 * np.pi * (200 * _TIME + 150 * _TIME**2))).astype(np.float32)
"""A second of a rising tone, unlike itself at any other moment."""


def encoded(
    path: Path, codec: str, samples: np.ndarray, rate: int = RATE, layout: str = "mono", drop=(), spoil=(), start=0.0
) -> Path:
    """Samples [channels, t] as a file; without the packets `drop`, with nonsense in the packets `spoil`, and with
    pictures beside the sound where it does not start at 0.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if start:
            film = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
            for index in range(5):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                picture.pts, picture.time_base = index, Fraction(1, 25)
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), format="flt", layout=layout)
        frame.sample_rate = rate
        kept = stream.codec_context.format.name if stream.codec_context.format else "fltp"
        resampler = av.AudioResampler(kept, layout, rate, frame_size=stream.codec_context.frame_size or 1024)
        packets = []
        at = round(start * rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            piece.pts, piece.time_base = at, Fraction(1, rate)
            at += piece.samples
            packets += stream.encode(piece)
        for index, packet in enumerate((*packets, *stream.encode(None))):
            if index in spoil:
                broken = av.Packet(b"\xff" * packet.size)
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.duration, broken.stream = packet.duration, packet.stream
                packet = broken
            if index not in drop:
                container.mux(packet)
    return path


def likeness(heard: torch.Tensor, voice: np.ndarray = VOICE, rate: int = RATE) -> float:
    """Correlation of speech with what was spoken, at 16 kHz."""
    spoken = speech_from_waveform(torch.from_numpy(voice), rate).samples
    count = min(len(spoken), len(heard))
    assert abs(len(spoken) - len(heard)) < 0.05 * SAMPLE_RATE
    return float(np.corrcoef(spoken[:count], heard[:count])[0, 1])


@pytest.mark.parametrize("name,codec", [("film.wav", "pcm_s16le"), ("film.flac", "flac"), ("film.opus", "libopus")])
def test_a_film_in_seven_one_is_heard(tmp_path, name, codec):
    channels = np.zeros((8, RATE), np.float32)
    channels[2] = VOICE  # the centre
    assert likeness(read_speech(encoded(tmp_path / name, codec, channels, layout="7.1")).samples) > 0.99


@pytest.mark.parametrize("channels", [9, 24, 64])
def test_any_number_of_channels_is_heard(tmp_path, channels):
    tracks = np.zeros((RATE, channels), "<i2")
    tracks[:, channels // 2] = VOICE * 32767
    with wave.open(str(tmp_path / "tracks.wav"), "wb") as file:
        file.setparams((channels, 2, RATE, 0, "NONE", ""))
        file.writeframes(tracks.tobytes())
    assert likeness(read_speech(tmp_path / "tracks.wav").samples) > 0.99


def test_parts_that_were_joined_are_heard_whole(tmp_path):
    first = encoded(tmp_path / "1.mp3", "libmp3lame", VOICE[None, ::2].copy(), 24_000)
    second = encoded(tmp_path / "2.mp3", "libmp3lame", np.stack([VOICE, VOICE]), RATE, "stereo")
    (tmp_path / "joined.mp3").write_bytes(first.read_bytes() + second.read_bytes())
    recording = read_recording(tmp_path / "joined.mp3")
    assert (recording.rate, len(recording.waveform)) == (RATE, 2)
    heard = recording.speech().samples
    assert likeness(heard[: SAMPLE_RATE + 200]) > 0.95
    assert max(likeness(heard[-SAMPLE_RATE - shift :]) for shift in range(0, 700, 4)) > 0.95


@pytest.mark.parametrize(
    "second,heard_alone", [(-VOICE, True), (-0.9 * VOICE, True), (0 * VOICE, False), (VOICE, False)]
)
def test_channels_that_cancel_each_other(second, heard_alone):
    speech = speech_from_waveform(torch.from_numpy(np.stack([VOICE, second])), RATE)
    assert likeness(speech.samples) > 0.999
    assert float(speech.samples.abs().max()) == pytest.approx(0.3, abs=0.01)
    assert ("cancel each other" in speech.note) == heard_alone


def test_a_voice_in_the_centre_comes_before_the_music_around_it():
    music = 0.25 * np.random.default_rng(0).standard_normal((6, RATE)).astype(np.float32).clip(-2, 2)
    film = np.stack([music[0], music[1], VOICE, 0 * VOICE, music[4], music[5]])
    speech = speech_from_waveform(torch.from_numpy(film), RATE)
    weights = np.array([2**-0.5, 2**-0.5, 1, 0, 0.5, 0.5])  # ITU-R BS.775: the fronts and, once more, the surrounds
    expected = speech_from_waveform(torch.from_numpy((weights @ film / weights.sum()).astype(np.float32)), RATE)
    assert torch.allclose(speech.samples, expected.samples, atol=1e-5)


def test_a_click_does_not_silence_the_voice():
    clicked = VOICE.copy()
    clicked[100] = 50.0
    speech = speech_from_waveform(torch.from_numpy(clicked), RATE)
    assert float(speech.samples[1000:].square().mean().sqrt()) == pytest.approx(0.3 / 2**0.5, rel=0.02)
    loud = speech_from_waveform(torch.from_numpy(VOICE * 8), RATE)  # no click: all of it is so loud
    assert likeness(loud.samples) > 0.999


def test_packets_that_are_lost_keep_their_time_and_are_told(tmp_path):
    assert read_recording(encoded(tmp_path / "whole.mka", "flac", VOICE[None])).notes == ()
    recording = read_recording(encoded(tmp_path / "torn.mka", "flac", VOICE[None], drop=(2, 3)))
    assert any("0.19 seconds" in note and "not in the file" in note for note in recording.notes), recording.notes
    assert likeness(recording.speech().samples[8_000:], VOICE[RATE // 2 :]) > 0.99


def test_packets_that_are_damaged_keep_their_time_and_are_told(tmp_path):
    recording = read_recording(encoded(tmp_path / "torn.mka", "flac", VOICE[None], spoil=range(2, 5)))
    assert any("damaged" in note for note in recording.notes), recording.notes
    assert likeness(recording.speech().samples[8_000:], VOICE[RATE // 2 :]) > 0.99


def test_sound_that_begins_after_the_picture_stays_behind_it(tmp_path):
    late = read_speech(encoded(tmp_path / "late.mkv", "flac", VOICE[None], start=0.4)).samples
    assert float(late[: int(0.39 * SAMPLE_RATE)].abs().max()) < 1e-6
    assert likeness(late[int(0.4 * SAMPLE_RATE) :]) > 0.99


def test_resampling_needs_no_compiler():
    program = """
import sys, torch
from emotivetalk_core.audio.mixing import speech_from_waveform
speech_from_waveform(torch.zeros(44_100), 44_100)
print(sorted({"numba", "llvmlite", "librosa"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
