"""What the networks read of one film, all that is kept of it: on disk, so that a stop loses one film."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ...audio.files import read_speech
from ...errors import InputError, WeightsError
from ...face.finder import FaceDetector
from ...face.following import follow_face
from ...face.regions import crop_record, crop_square
from ...measuring.syncnet import SyncNetFigures, measure_sync, mouth_crop, steady_squares
from ...models.face_probe import FaceProbe
from ...models.i3d import I3D, LEAST_FRAMES, I3DConfig
from ...models.i3d import SIDE as FILM_SIDE
from ...models.inception import Inception, InceptionConfig
from ...models.syncnet import SyncNet, SyncNetConfig
from ...types import FRAMES_PER_SECOND
from ...video.reader import read_frames
from ...weight_files.checkpoint import load_network

AT_ONCE = 16
PROBE_SIDE = 128


@dataclass(frozen=True)
class MetricNetworks:
    """inception, i3d, syncnet: None where their weights are not there · probe, detector: what comes along."""

    inception: Inception | None
    i3d: I3D | None
    syncnet: SyncNet | None
    probe: FaceProbe
    detector: FaceDetector | None
    digest: str
    missing: tuple[str, ...]


def load_networks(
    folder: Path | None, probe: FaceProbe, detector: FaceDetector | None, device: torch.device | str = "cpu"
) -> MetricNetworks:
    """Those of `folder` that are there: inception, i3d and syncnet.safetensors. WeightsError for a damaged one, or
    where the folder is none.
    """
    if folder is not None and not folder.is_dir():
        raise WeightsError(
            f"{folder} is not a folder; give the one that holds inception.safetensors, i3d.safetensors and "
            "syncnet.safetensors, or some of them, as `convert` writes them."
        )
    found, missing, digest = {}, [], hashlib.sha256()
    for kind, network, config in (
        ("inception", Inception, InceptionConfig),
        ("i3d", I3D, I3DConfig),
        ("syncnet", SyncNet, SyncNetConfig),
    ):
        path = None if folder is None else folder / f"{kind}.safetensors"
        if path is None or not path.is_file():
            found[kind] = None
            missing.append(kind)
            continue
        found[kind] = load_network(path, kind, network, config, device).requires_grad_(False)
        digest.update(path.read_bytes())
    return MetricNetworks(**found, probe=probe, detector=detector, digest=digest.hexdigest(), missing=tuple(missing))


@dataclass(frozen=True, eq=False)
class FilmVectors:
    """frames: of the film · pictures [n, 2048]: Inception's · films: I3D's logits [400] of its first frames, by how
    many those are · units [n, a]: action units, as the probe reads them · confidence, distance, offset: SyncNet's. What
    could not be read is empty, or nan.
    """

    frames: int
    pictures: np.ndarray
    films: dict[int, np.ndarray]
    units: np.ndarray
    sync: SyncNetFigures | None

    def save(self, path: Path) -> None:
        """Written in one move."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        sync = [] if self.sync is None else [self.sync.confidence, self.sync.distance, self.sync.offset]
        films = {f"film_{frames}": logits for frames, logits in self.films.items()}
        whole = {"frames": np.array(self.frames), "pictures": self.pictures, "units": self.units}
        np.savez(part, **whole, sync=np.array(sync, float), **films)  # type: ignore[arg-type]
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "FilmVectors":
        with np.load(path, allow_pickle=False) as file:
            films = {int(name.removeprefix("film_")): file[name] for name in file.files if name.startswith("film_")}
            found = file["sync"].tolist()
            sync = SyncNetFigures(found[0], found[1], int(found[2])) if found else None
            return cls(int(file["frames"]), file["pictures"], films, file["units"], sync)


@torch.no_grad()
def read_vectors(
    networks: MetricNetworks,
    path: Path,
    fvd_frames: tuple[int, ...],
    *,
    sound: Path | None = None,
    most: int | None = None,
) -> FilmVectors:
    """Reads a film at 25 frames a second, its first `most` frames at most. sound: of another file, where the film has
    none of its own. InputError for a film that cannot be read.
    """
    course = follow_face(_film(path, most), FRAMES_PER_SECOND, networks.detector)
    squares = steady_squares(course.boxes) if course.seen.any() else None
    device = next(networks.probe.parameters()).device
    beginning, pictures, units, mouths = [], [], [], []
    frames = _film(path, most)
    count = 0
    while batch := list(islice(frames, AT_ONCE)):
        stack = torch.stack(batch)
        if networks.inception is not None:
            pictures.append(networks.inception(stack.to(device)).cpu().numpy())
        if networks.i3d is not None and count < max(fvd_frames):
            small = F.interpolate(stack, size=(FILM_SIDE, FILM_SIDE), mode="bilinear", align_corners=False)
            beginning.append(small)
        faces = [(frame, box) for frame, box in zip(batch, course.boxes[count:]) if box is not None]
        if faces:
            crops = [
                crop_square(frame, crop_record(box, frame.shape[2], frame.shape[1]), PROBE_SIDE) for frame, box in faces
            ]
            units.append(networks.probe(torch.stack(crops).to(device)).action_units.float().cpu().numpy())
        if networks.syncnet is not None and squares is not None:
            views = [mouth_crop(frame, square) for frame, square in zip(batch, squares[count:])]
            mouths.append((255 * torch.stack(views)).round().byte())
        count += len(batch)
    films = {}
    if networks.i3d is not None:
        first = torch.cat(beginning)
        for length in fvd_frames:
            if LEAST_FRAMES <= length <= len(first):
                clip = (2 * first[:length] - 1).transpose(0, 1)[None]  # [1, 3, n, 224, 224]
                films[length] = networks.i3d(clip.to(device))[0].cpu().numpy()
    sync = None
    if networks.syncnet is not None and mouths:
        samples = _sound(path, sound)
        sync = None if samples is None else measure_sync(networks.syncnet, torch.cat(mouths), samples)
    return FilmVectors(
        frames=count,
        pictures=np.concatenate(pictures) if pictures else np.empty((0, 0)),
        films=films,
        units=np.concatenate(units) if units else np.empty((0, 0)),
        sync=sync,
    )


def _film(path: Path, most: int | None) -> Iterator[torch.Tensor]:
    return islice(read_frames(path, rate=FRAMES_PER_SECOND), most)


def _sound(path: Path, other: Path | None) -> torch.Tensor | None:
    """The film's own, else the other file's; None where neither has any."""
    for file in (path, other):
        if file is not None:
            try:
                return read_speech(file).samples
            except InputError:
                continue
    return None
