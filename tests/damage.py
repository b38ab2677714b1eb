"""Damaged and odd files from seeds: samples of every kind that the program reads, and what can happen to them.

`damaged(seed, samples)` is the same for ever for the same samples, so that a fault is kept by its seed.
"""

import io
import json
import random
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image

from emotivetalk_core.direction.take import Take
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from emotivetalk_core.types import EMOTIONS, ExpressionLatents
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

Rng = random.Random

TEXTS = {
    "timeline": [
        '0 neutral\n2.5s happy 0.7 # so\n1:02.5 text: furious over 1.2 linear\n"but" 2 0.7 sad + 0.3 fear hold; 4% sad',
        "starts calm, then gets angry",
        "[00:00.00] neutral\n[00:01.50] angry 1,5 over 0,4",
        '0% happy\n"you do" image: "a # b; c.png" step\n80% speech: voice.wav 0.5',
        '{"emotion": "angry", "intensity": 0.7}',
    ],
    "transcript": [
        "1\n00:00:00,000 --> 00:00:01,500\nI was so happy,\n\n2\n00:00:01,500 --> 00:00:02,000\nbut then you left.\n",
        "WEBVTT\n\n00:00.000 --> 00:00.990\n\ni<00:00.3><c> was</c>\n\n00:00.990 --> 00:02.000\ni was\nbut<00:01.4> no",
        '{"segments": [{"start": 0, "end": 1.5, "words": [{"word": "so", "start": 0, "end": 0.4}, {"word": "it"}]}]}',
        '[{"word": "but", "start": 1.2, "end": 1.4}]',
        "I was so happy, but then you left! And all is well.",
    ],
    "keys": ["0 yaw=0\n1.5 yaw=12 pitch=-4\n1:02 roll=3 x=0.1 y=-.05 size=1.1 # there", "0.0 size=1"],
    "source": [
        "0.7 happy + 0.3 image: smile.png",
        'text: "so glad" 0.5',
        "speech: voice.wav 1.2 + portrait",
        "worried 2",
    ],
}
ODD_TEXT = [
    *("", " ", "\n", "\0", "\ufeff", "\u00a0", "\u2028", "\u202e", "\U0001f600", "\ud7ff", "e\u0301" * 40, "9" * 400),
    *(
        "-1",
        "1e309",
        "nan",
        "0x10",
        "--> ",
        "[",
        "{",
        '"',
        "\u201c",
        "<",
        "%",
        "+",
        ";",
        "#",
        "over",
        "hold",
        "1:60",
        ",",
    ),
    *("0.0000000001", "99:99:99", "00:00:00,000 --> 00:00:00,000", "null", "true", "\\u0000", '{"a":' * 50, "[" * 3000),
]


@dataclass(frozen=True)
class Case:
    """What a reader is given: a file's bytes, and the ending of its name."""

    kind: str
    data: bytes
    suffix: str


def make_samples(folder: Path) -> dict[str, list[tuple[bytes, str]]]:
    """Whole files of each kind with the endings of their names."""
    samples = {kind: [(text.encode(), ".txt") for text in texts] for kind, texts in TEXTS.items()}
    samples["sound"] = [_wav(1), _wav(8), *(_sound(*how) for how in SOUNDS)]
    samples["film"] = [_film(*how) for how in FILMS]
    samples["picture"] = [_picture(*how) for how in PICTURES]
    torch.manual_seed(0)
    config = HeadPoseReaderConfig(input_size=32, channels=(4, 4), width=4)
    reader = HeadPoseReader(config)
    files: dict[str, Callable[[Path], object]] = {
        "weights": lambda path: save_checkpoint(path, "head_pose_reader", reader, config, {"steps": 0}),
        "codebook": lambda path: EmotionCodebook(torch.randn(len(EMOTIONS), 6), EMOTIONS).save(path),
        "take": lambda path: Take(ExpressionLatents(torch.randn(20, 6))).save(path),
    }
    for kind, save in files.items():
        save(folder / f"{kind}.safetensors")
        samples[kind] = [((folder / f"{kind}.safetensors").read_bytes(), ".safetensors")]
    entry = {"bytes": 3, "sha256": "0" * 64}
    samples["manifest"] = [(json.dumps({"files": {"take.safetensors": entry}}).encode(), ".json")]
    return samples


def damaged(seed: int, samples: dict[str, list[tuple[bytes, str]]]) -> Case:
    """The case of a seed: which kind, which sample of it, and one to four things that happen to it."""
    rng = Rng(seed)
    kind = rng.choice(sorted(samples))
    data, suffix = rng.choice(samples[kind])
    text = kind in TEXTS or kind == "manifest"
    for _ in range(rng.randint(1, 4)):
        harm = rng.choice(TEXT_HARMS if text and rng.random() < 0.8 else BYTE_HARMS)
        data = harm(rng, data, [other for other, _ in samples[kind]])
    if rng.random() < 0.1:
        suffix = rng.choice([".wav", ".mp4", ".png", ".jpg", ".txt", ".mp3", ""])
    return Case(kind, data[: 1 << 20], suffix)


def _cut(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _behead(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    return data[rng.randrange(len(data) + 1) :]


def _flip(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, 1 + len(data) // 200)):
        if spoiled:
            spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _overwrite(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    at, length = rng.randrange(len(data) + 1), rng.randint(1, 1 + len(data) // 4)
    filling = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length)])
    return data[:at] + filling[: len(data) - at] + data[at + length :]


def _drop(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randint(1, 1 + len(data) // 4) :]


def _repeat(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    at, length = rng.randrange(len(data) + 1), rng.randint(1, 1 + len(data) // 4)
    return data[:at] + data[at : at + length] * rng.randint(2, 5) + data[at:]


def _number(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    """A number of a header becomes one that programmers forget."""
    value = rng.choice([0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, rng.getrandbits(32)])
    packed = struct.pack(rng.choice("<>") + "I", value)[: rng.choice([1, 2, 4])]
    at = rng.randrange(max(1, min(len(data), rng.choice([64, 512, len(data) + 1]))))
    return data[:at] + packed + data[at + len(packed) :]


def _join(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    return data + rng.choice(others)


def _nothing(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    return rng.choice([b"", data, b"\0" * 100, b"\x80\x04." * 10])


def _insert_text(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    text = data.decode("utf-8", "replace")
    at = rng.randrange(len(text) + 1)
    return (text[:at] + rng.choice(ODD_TEXT) + text[at:]).encode("utf-8", "replace")


def _shuffle_words(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    words = data.decode("utf-8", "replace").split(" ")
    rng.shuffle(words)
    return " ".join(words).encode("utf-8", "replace")


def _replace_word(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    words = data.decode("utf-8", "replace").split(" ")
    words[rng.randrange(len(words))] = rng.choice(ODD_TEXT)
    return " ".join(words).encode("utf-8", "replace")


def _recode(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-8-sig", "cp1252", "utf-32"]), "replace")


BYTE_HARMS = [_cut, _behead, _flip, _overwrite, _drop, _repeat, _number, _number, _join, _nothing]
TEXT_HARMS = [_cut, _insert_text, _insert_text, _shuffle_words, _replace_word, _recode, _join]

SOUNDS = [
    *(("libmp3lame", "mp3", ".mp3"), ("aac", "mp4", ".m4a"), ("flac", "flac", ".flac"), ("libopus", "ogg", ".opus")),
    *(("aac", "mpegts", ".ts"), ("pcm_s16le", "matroska", ".mka"), ("adpcm_ms", "wav", ".wav")),
]
FILMS = [
    *(("libx264", "mp4", ".mp4"), ("mpeg4", "avi", ".avi"), ("libvpx", "webm", ".webm"), ("mjpeg", "mov", ".mov")),
    *(("libx264", "mpegts", ".ts"), ("gif", "gif", ".gif"), ("ffv1", "matroska", ".mkv")),
]
PICTURES = [
    *(
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
    ),
    *(
        ("TIFF", "RGB"),
        ("TIFF", "F"),
        ("BMP", "RGB"),
        ("GIF", "P"),
        ("PPM", "RGB"),
        ("JPEG2000", "RGB"),
        ("AVIF", "RGB"),
    ),
]


def _voice(rate: int) -> np.ndarray:
    time = np.arange(int(0.4 * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def _wav(channels: int) -> tuple[bytes, str]:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, 2, 16_000, 0, "NONE", ""))
        out.writeframes(np.repeat((_voice(16_000) * 32767).astype("<i2")[:, None], channels, 1).tobytes())
    return file.getvalue(), ".wav"


def _sound(codec: str, container: str, suffix: str) -> tuple[bytes, str]:
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(_voice(48_000)[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        kept = stream.codec_context.format.name if stream.codec_context.format else "s16"
        resampler = av.AudioResampler(kept, "mono", 48_000, frame_size=stream.codec_context.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue(), suffix


def _film(codec: str, container: str, suffix: str) -> tuple[bytes, str]:
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream(codec, rate=25, width=64, height=48)
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        for index in range(8):
            grey = np.full((48, 64, 3), 25 * index, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue(), suffix


def _picture(kind: str, mode: str) -> tuple[bytes, str]:
    ramp = np.linspace(0, 255, 64 * 48).reshape(48, 64)
    if mode in ("F", "I;16"):
        picture = Image.fromarray((ramp / 255).astype(np.float32) if mode == "F" else (ramp * 257).astype(np.uint16))
    else:
        picture = Image.fromarray(ramp.astype(np.uint8)).convert("RGB").convert(mode)
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue(), "." + kind.lower()
