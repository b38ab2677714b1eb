"""A small set of talking clips to look at: one video and one page of ground truth (JSON) for each."""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ..errors import OutputError
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE
from .action_units import ACTION_UNITS
from .clip import TalkingClip, make_clip
from .mouth import MOUTH_CHANNELS
from .people.person import Person
from .people.truth import LANDMARKS, anatomy, landmarks
from .render import head_geometry

_FRAMES_AT_ONCE = 25


class FrameSink(Protocol):
    """An open video that takes frames [k, 3, h, w] of 0…1."""

    def write(self, frames: torch.Tensor) -> None: ...


class OpenVideo(Protocol):
    """Opens a video file with sound; the class VideoWriter of the video package is one.

    It is passed in because synthesis and video do not know each other.
    """

    def __call__(
        self, path: Path, *, width: int, height: int, audio: torch.Tensor, audio_rate: int
    ) -> AbstractContextManager[FrameSink]: ...


def synthesize(
    out_dir: str | Path,
    *,
    clips: int = 8,
    seed: int = 1,
    size: int = 256,
    heads: str = "drawn",
    people: int | None = None,
    frames: int | None = None,
    open_video: OpenVideo,
    on_step: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write clip_00.mp4, clip_00.json, … into `out_dir`, the eight emotions in turn; returns the paths of the videos.

    size: side of the square frames in pixels. heads: one of clip.HEADS. people: so many take turns, each in a folder
    person_00, … of its own, as films of people lie; None: each clip shows another, all in one folder. frames: of each
    clip, of as many sentences as it takes; None: one or two sentences. on_step(done, total) counts clips; it may raise
    to cancel. Raises OutputError where the folder or a file in it cannot be written.
    """
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder cannot be made ({error.strerror}); choose another with --out."
        ) from error
    videos: list[Path] = []
    for index in range(clips):
        person = None if people is None else index % people
        identity = None if person is None else make_clip(seed * 1_000 + person, frames=1, heads=heads).identity
        emotion = EMOTIONS[(index if people is None else index // people) % len(EMOTIONS)]
        clip = make_clip(seed * 1_000 + index, frames=frames, emotion=emotion, identity=identity, heads=heads)
        place = folder if person is None else folder / f"person_{person:02d}"
        place.mkdir(exist_ok=True)
        videos.append(place / f"clip_{index:02d}.mp4")
        _write_video(videos[-1], clip, size, open_video)
        _write_truth(videos[-1].with_suffix(".json"), clip, size)
        if on_step is not None:
            on_step(index + 1, clips)
    return videos


def _write_video(path: Path, clip: TalkingClip, size: int, open_video: OpenVideo) -> None:
    sound = torch.from_numpy(clip.samples)[None]  # [1, t]
    with open_video(path, width=size, height=size, audio=sound, audio_rate=SAMPLE_RATE) as video:
        for first in range(0, clip.frames, _FRAMES_AT_ONCE):
            drawn = [clip.render(i, size) for i in range(first, min(first + _FRAMES_AT_ONCE, clip.frames))]
            pixels = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2)  # [k, 3, h, w]
            video.write(pixels.float() / 255)


def _write_truth(path: Path, clip: TalkingClip, size: int) -> None:
    page = {
        "seed": clip.seed,
        "text": clip.text.split("\n"),
        "language": clip.language,
        "voice": clip.voice,
        "emotion": clip.emotion,
        "intensity": round(clip.intensity, 3),
        "heads": "rendered" if isinstance(clip.identity, Person) else "drawn",
        "identity": clip.identity.seed,
        "style": clip.identity.style,
        "frames_per_second": FRAMES_PER_SECOND,
        "size": size,
        "phonemes": [[event.symbol, round(event.start, 4), round(event.end, 4)] for event in clip.phonemes],
        "mouth_channels": MOUTH_CHANNELS,
        "action_unit_names": ACTION_UNITS,
        **({"landmark_names": LANDMARKS} if isinstance(clip.identity, Person) else {}),
        "frames": [_frame_truth(clip, frame, size) for frame in range(clip.frames)],
    }
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        partial.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another folder."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _frame_truth(clip: TalkingClip, frame: int, size: int) -> dict[str, object]:
    state = clip.state(frame)
    geometry = head_geometry(clip.identity, state, size)
    truth = {
        "mouth": _rounded(state.mouth),
        "action_units": _rounded(state.action_units),
        "pose": _rounded(state.pose),
        "blink": round(state.blink, 4),
        "gaze": _rounded(state.gaze),
        "face_box": _rounded(geometry.face_box),
        "lip_box": _rounded(geometry.lip_box),
        "eyes_mouth": _rounded(geometry.eyes_mouth),
    }
    if isinstance(clip.identity, Person):
        units = anatomy(clip.identity).raised(state)
        truth["face_units"] = {name: round(amount, 4) for name, amount in units.items() if amount}
        truth["landmarks"] = _rounded(landmarks(clip.identity, state, size))
    return truth


def _rounded(values: np.ndarray) -> list[object]:
    return np.round(values.astype(float), 4).tolist()
