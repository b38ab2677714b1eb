"""`evaluate --suite hdtf | mead`: films of the people that were held out of a data folder, made by weights, beside the
true ones (EmotiveTalk section 7.1).
"""

import os
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import EmotiveTalkError, InputError
from ...film.film import load_models, make_film
from ...film.request import Direction, FilmRequest
from ...models.model_set import ModelSet
from ...models.photograph_set import PhotographSet
from ...training.source import Clip, Source
from ...types import FRAMES_PER_SECOND, SAMPLE_RATE
from ...video.writer import VideoWriter
from .paper import Protocol

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND


@dataclass(frozen=True)
class Making:
    """Who makes the films, and how. driven_by: "sound", or "video", where the expression is that of the true film (the
    paper's A and A+V).
    """

    weights: Path
    protocol: Protocol
    driven_by: str = "sound"
    device: str = "auto"
    seed: int = 0


def held_out_clips(source: Source, protocol: Protocol, most: int | None = None) -> list[Clip]:
    """Those with pictures and sound that are as long as the protocol's films, in the index's order, whatever their
    kind. Raises InputError where there are none.
    """
    clips = [
        clip
        for clip in source.by_id.values()
        if clip.held_out and {"pictures", "samples"} <= set(clip.fields) and clip.rows("pictures") >= protocol.frames
    ]
    if not clips:
        raise InputError(
            f"The data has no held-out clip with pictures and sound of {protocol.frames} frames or more, which "
            f"{protocol.name} is measured on; prepare longer films, or more people."
        )
    return clips[:most]


def make_films(
    source: Source,
    clips: list[Clip],
    making: Making,
    folder: Path,
    on_step: Callable[[str, int, int], None] | None = None,
) -> dict[str, str]:
    """`folder`/true and `folder`/generated with a film of each clip, the portrait being its first picture; films that
    are there stay. Returns what went wrong, by clip.
    """
    faults, models = {}, load_models(making.weights, making.device)
    for done, clip in enumerate(clips):
        if on_step is not None:
            on_step("making", done, len(clips))
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in clip.id)
        try:
            _make(source, clip, making, models, folder, name)
        except EmotiveTalkError as error:
            faults[name] = str(error)
    if on_step is not None:
        on_step("making", len(clips), len(clips))
    return faults


def _make(
    source: Source, clip: Clip, making: Making, models: ModelSet | PhotographSet, folder: Path, name: str
) -> None:
    frames, padded = making.protocol.frames, making.protocol.padded
    true, generated = folder / "true" / f"{name}.mp4", folder / "generated" / f"{name}.mp4"
    pictures = source.read(clip, "pictures", 0, frames).movedim(-1, 1)  # [n, 3, s, s]
    samples = source.read(clip, "samples", 0, frames * SAMPLES_PER_FRAME).float()
    if not true.exists():
        _write_film(true, pictures, samples)
    if generated.exists():
        return
    portrait, speech = folder / "portraits" / f"{name}.png", folder / "speech" / f"{name}.wav"
    _write_picture(portrait, pictures[0])
    silence = samples.new_zeros(max(0, padded - frames) * SAMPLES_PER_FRAME)
    _write_sound(speech, torch.cat([samples, silence]))
    direction = Direction(driving_video=true) if making.driven_by == "video" else Direction()
    request = FilmRequest(portrait, speech, device=making.device, direction=direction, seed=making.seed, resume=False)
    made = torch.cat([chunk.cpu() for chunk in make_film(request, models)])[:frames]
    _write_film(generated, (255 * made.clamp(0, 1)).round().byte(), samples)


def _write_film(path: Path, pictures: torch.Tensor, samples: torch.Tensor) -> None:
    """Pictures [n, 3, h, w] of bytes and sound [t], in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part.mp4")
    height, width = pictures.shape[-2:]
    with VideoWriter(part, width=width, height=height, audio=samples[None], audio_rate=SAMPLE_RATE) as writer:
        for chunk in pictures.split(16):
            writer.write(chunk.float() / 255)
    os.replace(part, path)


def _write_picture(path: Path, pixels: torch.Tensor) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.movedim(0, -1).numpy()).save(path)


def _write_sound(path: Path, samples: torch.Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((32767 * samples.clamp(-1, 1)).round().short().numpy().tobytes())
