"""People who are held out, filmed with the weights as they are at that moment: a sheet and a short video in the run's
folder, so that one can look at what is learnt and not at figures alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..device import pick_picture_dtype
from ..direction.head_pose import motion_bucket
from ..face.crops import pictures
from ..models.vae import decode_frames, frames_at_once
from ..models.vae_checkpoint import load_vae
from ..sampling.video import DenoiseNetwork, VideoSamplingSettings, sample_video
from ..types import FRAMES_PER_SECOND, SAMPLE_RATE, VideoConditions
from ..video.writer import VideoWriter
from .denoising import masks_of
from .faces import latents_field, sized
from .job import Job
from .ranges import at_least
from .source import Clip, Source

_CELL, _COLUMNS = 256, 6
"""Of the sheet: the longest side of a picture in pixels, and how many stand in a row."""


@dataclass(frozen=True)
class FilmingSettings:
    """times: how often in a training, 0 for never · people: how many are filmed · frames: of each film at most · steps:
    of its sampling. Together they bound the cost: times x people x steps forward passes of so many frames.
    """

    times: int = 10
    people: int = 2
    frames: int = 50
    steps: int = 10

    def __post_init__(self) -> None:
        at_least(0, self, "times")
        at_least(1, self, "people", "frames", "steps")


class Filming:
    """Films the same people, with the same noise, every time it is called. denoise: the backbone · size: of the picture
    in pixels.

    Of data that holds nobody out, people who are trained on; the file's name says so.
    """

    def __init__(self, job: Job, denoise: DenoiseNetwork, name: str, settings: FilmingSettings, size: int) -> None:
        self._job, self._denoise, self._settings, self._size = job, denoise, settings, size
        self._side = size // job.preset.vae.pixels_per_latent
        self._folder = job.work / "films" / name
        source = job.source()
        held_out = self._people(source, held_out=True)
        self._clips = held_out or self._people(source, held_out=False)
        self._who = "" if held_out else "-trained"
        self._source = source

    def _people(self, source: Source, *, held_out: bool) -> list[Clip]:
        """One clip each of the first people."""
        first: dict[str, Clip] = {}
        for clip in source.clips("clips", "pictures", "lip_heard", "expression_heard", held_out=held_out):
            if latents_field(clip, self._side) in clip.fields:
                first.setdefault(clip.person, clip)
        return list(first.values())[: self._settings.people]

    def __call__(self, step: int) -> None:
        """Writes step-….png and step-….mp4; only the first process of those that call it."""
        films = [self._film(clip) for clip in self._clips]
        if films and self._job.engine.processes.first:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f"step-{step:09d}{self._who}"
            write_sheet(place.with_suffix(".png"), films)
            write_film(place.with_suffix(".mp4"), films, self._speech(self._clips[0]))

    @torch.no_grad()
    def _film(self, clip: Clip) -> tuple[torch.Tensor, torch.Tensor]:
        """What is true and what is sampled, both [n, 3, s, s], RGB in 0…1."""
        job, source, preset = self._job, self._source, self._job.preset
        count = min(self._settings.frames, clip.rows("pictures"), clip.rows("lip_heard"))
        acted, portrait = source.performance(clip), source.portraits(clip)[0]

        def read(of: Clip, name: str, stop: int) -> torch.Tensor:
            return source.read(of, name, 0, stop).float().to(job.device)

        face, lips = masks_of(source, portrait, 0, self._size)
        bucket = 0.0
        if "pose" in clip.fields:
            bucket = float(motion_bucket(source.read(clip, "pose", 0, count).float().numpy()))
        conditions = VideoConditions(
            portrait_latent=read(portrait, latents_field(portrait, self._side), 1)[0],
            lip=read(acted, "lip_heard", count),
            driving_expression=read(acted, "expression_heard", count),
            reference_expression=read(portrait, "expression", 1)[0],
            face_mask=face[0].to(job.device),
            lip_mask=lips[0].to(job.device),
            motion_bucket=bucket,
        )
        window = min(preset.sampling.window, count)
        settings = VideoSamplingSettings(
            steps=self._settings.steps,
            grid=preset.sampling.grid,
            window=window,
            overlap=min(preset.sampling.overlap, window - 1),
            sigma_max=preset.sampling.sigma_max,
        )
        with job.autocast():
            latents = sample_video(self._denoise, conditions, frame_count=count, settings=settings, dtype=torch.float32)
        vae = load_vae(job.weights("vae"), job.device, pick_picture_dtype(job.device))
        at_once = frames_at_once(self._size, self._size)
        sampled = torch.cat([decode_frames(vae, part.to(vae.dtype)).float().cpu() for part in latents.split(at_once)])
        true = pictures(source.read(clip, "pictures", 0, count).numpy(), torch.device("cpu"))
        return sized(true, sampled.shape[-1]), sampled.clamp(0, 1)  # a decoder may be finer than what it was given

    def _speech(self, clip: Clip) -> torch.Tensor | None:
        acted = self._source.performance(clip)
        if "samples" not in acted.fields:
            return None
        count = min(self._settings.frames, clip.rows("pictures"))
        return self._source.read(acted, "samples", 0, count * SAMPLE_RATE // FRAMES_PER_SECOND).float()[None]


def write_sheet(path: Path, films: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Of every person two rows of frames, evenly spaced: what is true, and below it what was sampled."""
    rows = []
    for pair in films:
        for frames in pair:
            chosen = torch.linspace(0, len(frames) - 1, _COLUMNS).round().long()
            rows.append(torch.cat(list(sized(frames[chosen], min(_CELL, frames.shape[-1]))), -1))
    pixels = (torch.cat(rows, -2).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    part = path.with_suffix(".part")
    Image.fromarray(np.ascontiguousarray(pixels)).save(part, format="png")
    part.replace(path)


def write_film(path: Path, films: Sequence[tuple[torch.Tensor, torch.Tensor]], speech: torch.Tensor | None) -> None:
    """Everybody side by side, true above and sampled below, with the first one's speech."""
    count = min(len(frames) for pair in films for frames in pair)
    whole = torch.cat([torch.cat([frames[:count] for frames in pair], -2) for pair in films], -1)
    sound: dict[str, Any] = {} if speech is None else {"audio": speech, "audio_rate": SAMPLE_RATE}
    with VideoWriter(path, width=whole.shape[-1], height=whole.shape[-2], **sound) as video:
        video.write(whole)
