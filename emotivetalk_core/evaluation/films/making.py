"""`evaluate --suite hdtf | mead`: films of the people that were held out of a data folder, made by weights, beside the
true ones (EmotiveTalk section 7.1).
"""

import json
import os
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from ...errors import EmotiveTalkError, InputError, SettingsError
from ...film.film import Film, load_models, make_film
from ...film.performance import EmotiveTalkPerformance
from ...film.request import Direction, FilmRequest
from ...models.model_set import ModelSet
from ...models.photograph_set import PhotographSet
from ...models.presets import draws_at
from ...training.source import Clip, Source
from ...types import FRAMES_PER_SECOND, SAMPLE_RATE
from ...video.writer import CUT, GENERATED, VideoWriter
from ..holding import backbone_file, load_backbone, raw_audio, without_expression, without_lip
from .paper import Protocol

SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
HELD = ("no_lip", "no_expression", "no_decoupling")
"""What may be kept from the backbone: see `evaluation/holding.py`."""
_AT_ONCE = 16

Loader = Callable[[Path, str, int | None], ModelSet | PhotographSet]
"""As `load_models`: a weights folder, a device, a resolution."""


@dataclass(frozen=True)
class Making:
    """Who makes the films, and how. driven_by: "sound", or "video", where the expression is that of the true film (the
    paper's A and A+V) · held: one of HELD, or "" · resolution: side of the square that the weights shall draw, None:
    their own.
    """

    weights: Path
    protocol: Protocol
    driven_by: str = "sound"
    device: str = "auto"
    seed: int = 0
    held: str = ""
    resolution: int | None = None

    @property
    def key(self) -> str:
        """The name of the folder of such films."""
        resolution = "" if self.resolution is None else str(self.resolution)
        return "-".join(filter(None, (str(self.protocol.frames), self.driven_by, self.held, resolution)))

    def load(self, load: Loader = load_models) -> ModelSet | PhotographSet:
        """Raises WeightsError, and SettingsError where these weights cannot make such films."""
        models = load(self.weights, self.device, self.resolution)
        if not isinstance(models, ModelSet):
            if self.held or self.resolution is not None:
                raise SettingsError(
                    f"{self.weights} are the weights of DICE-Talk or Sonic, which have one size and none of "
                    "EmotiveTalk's latents; leave tables 2 and 5 out."
                )
            return models
        if self.resolution is not None and not draws_at(models.defaults, self.resolution):
            raise SettingsError(f"{self.weights} draw {models.picture_size} pixels, not {self.resolution}.")
        if self.held != "no_decoupling":
            return models
        file = backbone_file(self.weights, self.held)
        if not file.is_file():
            raise SettingsError(
                f"{file} is not there; a backbone that takes the sound directly has to be trained, as `train demo "
                "--stages ablation` does for drawn heads."
            )
        return replace(models, ethd=load_backbone(file, models))


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


def claim(folder: Path, source: Source, weights: Path) -> None:
    """Note in the folder of whom its films are, and by which weights. SettingsError where it holds others."""
    files = sorted(weights.glob("*.safetensors"))
    mine = {
        "data": source.digest,
        "weights": {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in files},
    }
    note = folder / "made_of.json"
    if note.is_file():
        if json.loads(note.read_text(encoding="utf-8")) != mine:
            raise SettingsError(f"{folder} holds films of other weights or other data; give another --out.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(mine), encoding="utf-8")


def make_films(
    source: Source,
    clips: list[Clip],
    making: Making,
    folder: Path,
    on_step: Callable[[str, int, int], None] | None = None,
    load: Loader = load_models,
) -> tuple[Path, Path, dict[str, str]]:
    """A film of each clip, the portrait being its first picture, and the true one beside it, in two folders below
    `folder`, which are returned: generated, true; films that are there stay. And what went wrong, by clip. load: where
    the networks come from. Raises as `Making.load`.
    """
    generated, true = folder / making.key, folder / f"{making.protocol.frames}-true"
    wanted = [(clip, generated / f"{film_name(clip)}.mp4", true / f"{film_name(clip)}.mp4") for clip in clips]
    missing = [place for place in wanted if not (place[1].exists() and place[2].exists())]
    faults: dict[str, str] = {}
    models = making.load(load) if missing else None
    for done, (clip, made, shown) in enumerate(missing):
        if on_step is not None:
            on_step(f"making {making.key}", done, len(missing))
        try:
            _make(source, clip, making, models, folder, made, shown)
        except EmotiveTalkError as error:
            faults[made.stem] = str(error)
    if on_step is not None and missing:
        on_step(f"making {making.key}", len(missing), len(missing))
    return generated, true, faults


def film_name(clip: Clip) -> str:
    """What its films are called, without their ending."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in clip.id)


def _make(
    source: Source,
    clip: Clip,
    making: Making,
    models: ModelSet | PhotographSet | None,
    folder: Path,
    generated: Path,
    true: Path,
) -> None:
    frames, padded = making.protocol.frames, making.protocol.padded
    height, width = clip.field("pictures").shape[1:3]
    if making.resolution is not None and min(height, width) < making.resolution:
        raise InputError(f"{clip.id} has pictures of {width} x {height} pixels, not of {making.resolution}.")
    samples = source.read(clip, "samples", 0, frames * SAMPLES_PER_FRAME).float()
    if not true.exists():
        shown = (
            source.read(clip, "pictures", start, min(frames, start + _AT_ONCE)).movedim(-1, 1).float() / 255
            for start in range(0, frames, _AT_ONCE)
        )
        _write_film(true, shown, height, width, samples, CUT)
    if generated.exists():
        return
    portrait, speech = folder / "portraits" / f"{true.stem}.png", folder / "speech" / f"{frames}-{true.stem}.wav"
    _write_picture(portrait, source.read(clip, "pictures", 0, 1)[0].movedim(-1, 0))
    silence = samples.new_zeros(max(0, padded - frames) * SAMPLES_PER_FRAME)
    _write_sound(speech, torch.cat([samples, silence]))
    direction = Direction(driving_video=true) if making.driven_by == "video" else Direction()
    request = FilmRequest(
        portrait,
        speech,
        device=making.device,
        direction=direction,
        seed=making.seed,
        resume=False,
        resolution=making.resolution,
    )
    film = make_film(request, models)
    _hold(film, making.held)
    _write_film(generated, _first(film, frames), film.height, film.width, samples)


def _hold(film: Film, held: str) -> None:
    """Keep from the film's backbone what is held, one of HELD."""
    performance = film.performance
    if not held or not isinstance(performance, EmotiveTalkPerformance):
        return
    changes = {
        "no_lip": without_lip,
        "no_expression": without_expression,
        "no_decoupling": partial(raw_audio, performance.models, performance.speech),
    }
    performance.change = changes[held]


def _first(chunks: Iterable[torch.Tensor], frames: int) -> Iterator[torch.Tensor]:
    """The first frames of a film; the rest is sampled, and let go."""
    for chunk in chunks:
        if frames > 0:
            yield chunk[:frames].cpu().clamp(0, 1)
        frames -= len(chunk)


def _write_film(
    path: Path,
    chunks: Iterable[torch.Tensor],
    height: int,
    width: int,
    samples: torch.Tensor,
    comment: str = GENERATED,
) -> None:
    """Frames [k, 3, h, w], RGB 0…1, and sound [t], in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part.mp4")
    sound = {"audio": samples[None], "audio_rate": SAMPLE_RATE}
    with VideoWriter(part, width=width, height=height, **sound, comment=comment) as writer:
        for chunk in chunks:
            writer.write(chunk)
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
