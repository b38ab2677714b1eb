"""Pictures of people whose emotion is known, out of prepared films: what an emotion codebook is built from."""

from collections.abc import Sequence
from functools import partial

from ..direction.codebook_build import LabelledPicture
from ..errors import InputError
from ..face.sequence import FacePlace
from ..models.codebook import new_emotion_name
from ..types import Portrait
from .source import Clip, Source

OF_EACH_CLIP = 3


def labelled_frames(source: Source, levels: Sequence[str] = ()) -> list[LabelledPicture]:
    """A few frames, evenly apart, of each clip that says its emotion and is not held out, with where the face is.

    levels: of the emotions' strength, of which clips are taken, as their list calls them; none: all. Raises InputError
    where no clip says an emotion, or none is of these levels.
    """
    clips = [clip for clip in source.by_id.values() if clip.emotion and "pictures" in clip.fields and not clip.held_out]
    known = sorted({clip.level for clip in clips})
    if levels:
        clips = [clip for clip in clips if clip.level in levels]
    if not clips:
        found = f"; there are {', '.join(filter(None, known))}" if any(known) else ""
        raise InputError(
            f"The data has no clips with an emotion{' of this level' if levels else ''}{found}; prepare films whose "
            "folders say it, as MEAD's do."
        )
    return [
        LabelledPicture(
            new_emotion_name(clip.emotion), f"{clip.id}, frame {at}", partial(_read, source, clip, at), place
        )
        for clip in clips
        for at in _spread(clip.frames)
        for place in [_place(source, clip, at)]
    ]


def _spread(frames: int) -> list[int]:
    return sorted({frames * (2 * at + 1) // (2 * OF_EACH_CLIP) for at in range(OF_EACH_CLIP)})


def _read(source: Source, clip: Clip, at: int) -> Portrait:
    return Portrait(source.read(clip, "pictures", at, at + 1)[0].permute(2, 0, 1).float() / 255)


def _place(source: Source, clip: Clip, at: int) -> FacePlace:
    box = source.read(clip, "face_box", at, at + 1)[0].tolist() if "face_box" in clip.fields else None
    marks = source.read(clip, "landmarks", at, at + 1)[0] if "landmarks" in clip.fields else None
    return FacePlace(None if box is None else (box[0], box[1], box[2], box[3]), marks)
