"""What a produced video holds, read with PyAV alone, and whether a mouth moves in it."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from installation import ROOT

from emotivetalk_core.face.finder import find_faces
from emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from emotivetalk_core.weight_files.checkpoint import load_network

FINDER = ROOT / "emotivetalk_core" / "weights" / "demo" / "face_finder.safetensors"


@dataclass(frozen=True)
class Film:
    """frames uint8 [n, h, w, 3] · rate: frames per second · sound_codec and sound_seconds: of its first sound track, or
    None · comment: what the file says of itself.
    """

    frames: np.ndarray
    rate: float
    sound_codec: str | None
    sound_seconds: float | None
    comment: str


def read_film(path: Path) -> Film:
    with av.open(str(path)) as container:
        pictures = container.streams.video[0]
        sound = next(iter(container.streams.audio), None)
        streams = (pictures,) if sound is None else (pictures, sound)
        frames, samples = [], 0
        for frame in container.decode(*streams):
            if isinstance(frame, av.VideoFrame):
                frames.append(frame.to_ndarray(format="rgb24"))
            else:
                samples += frame.samples
        codec, seconds = (None, None) if sound is None else (sound.codec_context.name, samples / sound.rate)
        said = container.metadata.get("comment", "")
        return Film(np.stack(frames), float(pictures.average_rate), codec, seconds, said)


def movement(film: Film) -> tuple[float, float]:
    """The mean over pixels of the brightness's standard deviation over time, 0…255: where the lips of the first frame's
    faces are, and elsewhere.
    """
    deviation = film.frames.mean(axis=-1).std(axis=0)  # [h, w]
    lips = np.zeros(deviation.shape, dtype=bool)
    for left, top, right, bottom in lip_boxes(film.frames[0]):
        lips[top:bottom, left:right] = True
    return float(deviation[lips].mean()), float(deviation[~lips].mean())


def lip_boxes(frame: np.ndarray) -> list[tuple[int, int, int, int]]:
    """left, top, right, bottom of the lips of each face in a frame [h, w, 3]."""
    finder = load_network(FINDER, "face_finder", FaceFinder, FaceFinderConfig)
    faces = find_faces(torch.from_numpy(frame).movedim(-1, 0).float() / 255, finder.find)
    assert faces, "no face is to be found in the film's first frame"
    boxes = [tuple(max(0, round(value)) for value in face.lip_box) for face in faces if face.lip_box is not None]
    assert len(boxes) == len(faces), "a face without lips was found"
    return boxes
