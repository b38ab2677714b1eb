"""Do long films stay what short ones are (EmotiveTalk table 3)?"""

import numpy as np

from ..synthesis.clip import TalkingClip
from ..types import FRAMES_PER_SECOND
from .metrics import slope
from .plan import SuitePlan
from .protocols import identity_accuracy, line_up, silence, sync
from .readings import Readings
from .report import Figures
from .studio import Scene, Studio
from .unseen import beginning, portrait_of, unseen_clips

EMOTION = "happy"


def measure_long(studio: Studio, plan: SuitePlan) -> Figures:
    """Key long: the figures of one speech, cut at each length; `last` those of the longest film's last frames, as
    many as the shortest has; `change` of the longest against the shortest, as a share of the latter, and
    `largest_change` of its figures."""
    (clip,) = unseen_clips(1, max(plan.lengths), offset=500, emotion=EMOTION)
    portrait = portrait_of(clip.identity, studio.size)
    lineup = line_up(studio, [clip], plan.lineup)
    clips = [beginning(clip, frames) for frames in plan.lengths]
    films = studio.film("long", [Scene("long", cut, portrait, EMOTION) for cut in clips])
    rows = {cut.frames: _row(film, cut, lineup) for film, cut in zip(films, clips, strict=True)}
    shortest, longest = min(rows), max(rows)
    end = slice(longest - shortest, longest)
    final = films[plan.lengths.index(longest)].cut(end)
    kept = ("sync", "emotion_accuracy", "identity_accuracy", "identity_likeness")
    change = {name: _change(rows[longest][name], rows[shortest][name]) for name in kept}
    return {
        "long": {
            **{str(frames): row for frames, row in rows.items()},
            "last": {
                "emotion_accuracy": final.reads_as(EMOTION),
                "identity_accuracy": identity_accuracy([final], lineup),
                "identity_likeness": float(final.person @ lineup[0]),
            },
            "change": change,
            "largest_change": max(abs(value) for value in change.values()),
        }
    }


def _change(long: float, short: float) -> float:
    return (long - short) / max(abs(short), 1e-6)


def _row(film: Readings, clip: TalkingClip, lineup: np.ndarray) -> Figures:
    """identity_likeness: cosine of the film's person and the portrait's · colour_drift: change of the background per
    second, in parts of the full range."""
    return {
        "sync": sync([film], [clip]),
        "silence": silence([film], [clip]),
        "emotion_accuracy": film.reads_as(EMOTION),
        "identity_accuracy": identity_accuracy([film], lineup),
        "identity_likeness": float(film.person @ lineup[0]),
        "colour_drift": float(abs(slope(film.background)).mean() * FRAMES_PER_SECOND),
    }
