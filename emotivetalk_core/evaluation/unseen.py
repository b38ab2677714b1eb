"""People, sentences and voices that training never saw, drawn or rendered from fixed seeds, and the portraits that
films of them begin from."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from ..face.crops import box_masks, pictures
from ..synthesis.action_units import emotion_action_units
from ..synthesis.clip import SAMPLES_PER_FRAME, TalkingClip, make_clip
from ..synthesis.head_state import HeadState
from ..synthesis.identity import Identity
from ..synthesis.render import Head, head_geometry, render_head
from ..types import CropRecord, FaceRegions, Speech

FIRST_SEED = 1_000_000
"""Of the clips; training draws its clips from lower seeds, and by `split="test"` from other people, sentences and
voices."""

CPU = torch.device("cpu")


def unseen_clips(
    count: int, frames: int, *, offset: int = 0, emotion: str | None = None, heads: str = "drawn"
) -> list[TalkingClip]:
    """`count` clips of as many people, from the seeds FIRST_SEED + offset upwards; heads: one of clip.HEADS, who all
    say and do the same.
    """
    clips = [_clip(FIRST_SEED + offset + i, frames, emotion, heads) for i in range(count)]
    assert len({clip.identity.seed for clip in clips}) == count, "two seeds drew the same person; choose another offset"
    return clips


@lru_cache(maxsize=64)
def _clip(seed: int, frames: int, emotion: str | None, heads: str) -> TalkingClip:
    """Its voice takes a second to speak, and many figures are of the same clips."""
    return make_clip(seed, "test", frames=frames, emotion=emotion, heads=heads)


def beginning(clip: TalkingClip, frames: int) -> TalkingClip:
    """The first frames of a clip; its phonemes and text are left whole."""
    tracks = ("mouth", "action_units", "pose", "blink", "gaze")
    cut = {name: getattr(clip, name)[:frames] for name in tracks}
    return replace(clip, samples=clip.samples[: frames * SAMPLES_PER_FRAME], **cut)


def speech_of(clip: TalkingClip) -> Speech:
    return Speech(torch.from_numpy(clip.samples.astype(np.float32)))


def portrait_of(identity: Head, size: int, emotion: str = "neutral") -> FaceRegions:
    """The person at rest with closed mouth, with the masks that the drawing itself knows: what is measured here are
    the films, and not how well faces are found."""
    rest = HeadState.rest()
    state = replace(rest, action_units=emotion_action_units(emotion))
    geometry = head_geometry(identity, state, size)
    return FaceRegions(
        crop=pictures(render_head(identity, state, size), CPU),
        face_mask=box_masks(geometry.face_box, size, CPU),
        lip_mask=box_masks(geometry.lip_box, size, CPU),
        record=CropRecord(0, 0, size, size, size),
        eyes_mouth=torch.from_numpy(geometry.eyes_mouth),
        drawn=isinstance(identity, Identity),
    )


def drawn(clip: TalkingClip, size: int) -> torch.Tensor:
    """The clip's own frames [n, 3, s, s] in 0…1: the truth."""
    return pictures(np.stack([clip.render(i, size) for i in range(clip.frames)]), CPU)
