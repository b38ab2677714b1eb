"""The figures of a piece, and which filters they pass."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ..measuring.lip_sync import LipSync
from ..measuring.syncnet import SyncNetFigures
from .pieces import SAMPLES_PER_FRAME, Piece
from .settings import Filters

_SHARP_AT = 256
_LOOKED_AT = 12
_QUIETER = 30.0
_FLOOR = 50.0


@dataclass(frozen=True)
class Figures:
    """As `settings.Filters` names them."""

    frames: int
    face: float
    outside: float
    sharpness: float
    others: float
    sound: float
    heard: float

    def row(self) -> dict[str, float | int]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def figures_of(piece: Piece, loud: np.ndarray) -> Figures:
    """loud [n]: `decibels` of the piece."""
    sound = float(np.quantile(loud, 0.9))
    heard = float((loud > sound - _QUIETER).mean())
    return Figures(piece.frames, piece.face, piece.outside, sharpness(piece), piece.others, sound, heard)


def decibels(samples: np.ndarray, frames: int) -> np.ndarray:
    """Loudness of each frame [n] in decibels of full scale, the loudest less 50 at least."""
    sound = np.pad(samples.astype(np.float64), (0, max(0, frames * SAMPLES_PER_FRAME - len(samples))))
    sound = sound[: frames * SAMPLES_PER_FRAME]
    power = np.diff(sound, prepend=0.0).reshape(frames, -1)  # high tones count more, as they do for hearing
    found = 10 * np.log10((power**2).mean(1) + 1e-12)
    return np.maximum(found, found.max() - _FLOOR)


def refusal(figures: Figures, filters: Filters) -> str:
    """The first filter that the figures do not pass, in words; "" where all are passed."""
    if figures.face < filters.face:
        return f"the face is small: {figures.face:.2f} of what is written, below {filters.face:g}"
    if figures.outside > filters.outside:
        return f"the film ends beside the face: {figures.outside:.0%} of the square, above {filters.outside:.0%}"
    if figures.sharpness < filters.sharpness:
        return f"the face is not sharp: {figures.sharpness:.1f}, below {filters.sharpness:g}"
    if figures.others > filters.others:
        return f"other faces are seen: in {figures.others:.0%} of looks, above {filters.others:.0%}"
    if figures.sound < filters.sound:
        return f"the sound is silent: {figures.sound:.0f} dB, below {filters.sound:g}"
    if figures.heard < filters.heard:
        return f"hardly anything is said: in {figures.heard:.0%} of frames, below {filters.heard:.0%}"
    return ""


def sync_refusal(sync: LipSync, own: float, filters: Filters) -> str:
    """As `refusal`, of what lips and sound have in common. own: the piece's own correlation. A `sync` of -1 asks
    nothing of them.
    """
    if filters.sync <= -1:
        return ""
    if sync.correlation < filters.sync:
        return f"lips and sound do not go together: {sync.correlation:.2f}, below {filters.sync:g}"
    if sync.margin < filters.margin:
        return f"lips and sound go together no better than by chance: by {sync.margin:.2f}, below {filters.margin:g}"
    if abs(sync.lag) > filters.lag:
        return f"lips and sound lie {abs(sync.lag)} frames apart, above {filters.lag}"
    if own < filters.own:
        return f"lips and sound go together elsewhere in the film, but not here: {own:.2f}, below {filters.own:g}"
    return ""


def syncnet_refusal(found: SyncNetFigures | None, filters: Filters) -> str:
    """As `sync_refusal`, by SyncNet of the piece alone; None: of less than six frames."""
    if found is None:
        return "it is too short for SyncNet, which sees five frames at once"
    if found.confidence < filters.confidence:
        return f"lips and sound do not go together: SyncNet's {found.confidence:.1f}, below {filters.confidence:g}"
    if abs(found.offset) > filters.offset:
        return f"lips and sound lie {abs(found.offset)} frames apart by SyncNet, above {filters.offset}"
    return ""


def sharpness(piece: Piece) -> float:
    """Spread of the second derivative over the face, in 256 levels, at 256 pixels or what is written if that is less;
    the median of a dozen pictures.
    """
    values = []
    for at in np.linspace(0, piece.frames - 1, min(_LOOKED_AT, piece.frames)).astype(int):
        picture = torch.from_numpy(piece.pictures[at]).float().mean(-1)[None, None]
        size = min(_SHARP_AT, picture.shape[-1])
        grey = F.interpolate(picture, size=size, mode="area")
        scale = size / picture.shape[-1]
        left, top, right, bottom = (int(min(max(side * scale, 0), size)) for side in piece.face_box[at])
        face = grey[0, 0, top:bottom, left:right]
        if min(face.shape) < 3:
            return 0.0
        second = 4 * face[1:-1, 1:-1] - face[:-2, 1:-1] - face[2:, 1:-1] - face[1:-1, :-2] - face[1:-1, 2:]
        values.append(float(second.std()))
    return float(np.median(values))
