"""How much the synthetic suite measures. The full plan gives the figures of the model card, the small one says
within a minute whether they still hold; tests take a part of it."""

from dataclasses import dataclass, replace

from ..types import EMOTIONS

SECTIONS = ("probes", "face_finder", "sync", "emotion", "sources", "direction", "speed", "dicte", "ablation", "long")
"""In the order in which they run: what is asked for most comes early."""

OF_RENDERED_PEOPLE = ("probes", "face_finder", "sync", "emotion")
"""Those that rendered people are measured by. The others compare parts and sources of the method, or read how heads
stand, and are kept for drawn heads, which their networks know.
"""


@dataclass(frozen=True)
class SuitePlan:
    """heads: drawn or rendered, one of clip.HEADS · sections: which to run · lineup: portraits that identities are told
    apart among · clips, clip_frames: for sync, silence and identity · emotions, emotion_frames: one film each, for the
    first portrait and for `more_portraits` others · ablation_clips, ablation_frames: films of each arm ·
    edi_portraits, edi_frames: happy portraits made angry · dicte_clips, dicte_frames, seeds: for Di-CTE, without
    pictures · lengths: of the long films, in frames · drawn_clips, drawn_frames: true pictures for the probes ·
    round_trips: how many of those also go through the VAE · speed_frames: of the clip whose making is timed ·
    driver_frames: of each driving video, before it is retimed to `emotion_frames` · voices, voice_frames: recordings of
    each emotion for the recogniser · voiced: how many of those also drive a film · directed_frames: of the films for
    intensity and blends · knobs: intensities, of the `directed` emotions · blends: pairs that are mixed · turns: pairs
    of which one becomes the other · turn_frames: of those films and of those for silence · amounts: of head motion."""

    heads: str = "drawn"
    sections: tuple[str, ...] = SECTIONS
    lineup: int = 20
    clips: int = 20
    clip_frames: int = 125
    emotions: tuple[str, ...] = EMOTIONS
    emotion_frames: int = 42
    more_portraits: int = 2
    ablation_clips: int = 8
    ablation_frames: int = 60
    edi_portraits: int = 6
    edi_frames: int = 24
    dicte_clips: int = 6
    dicte_frames: int = 125
    seeds: int = 5
    lengths: tuple[int, ...] = (120, 250, 750, 1500)
    drawn_clips: int = 20
    drawn_frames: int = 125
    round_trips: int = 4
    speed_frames: int = 125
    driver_frames: int = 30
    voices: int = 10
    voice_frames: int = 75
    voiced: int = 10
    directed_frames: int = 24
    knobs: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    directed: tuple[str, ...] = EMOTIONS[:-1]
    blends: tuple[tuple[str, str], ...] = (
        ("happy", "surprised"),
        ("angry", "disgusted"),
        ("sad", "worried"),
        ("fear", "happy"),
        ("angry", "sad"),
        ("surprised", "neutral"),
    )
    turns: tuple[tuple[str, str], ...] = (
        ("happy", "angry"),
        ("neutral", "happy"),
        ("sad", "surprised"),
        ("angry", "fear"),
        ("worried", "happy"),
        ("surprised", "disgusted"),
    )
    turn_frames: int = 50
    amounts: tuple[float, ...] = (0.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0)


FULL = SuitePlan()

SMALL = SuitePlan(
    sections=("probes", "sync", "emotion"),
    clips=3,
    clip_frames=42,
    emotions=("happy", "angry", "sad", "surprised"),
    emotion_frames=8,
    more_portraits=0,
    drawn_clips=8,
    drawn_frames=20,
    round_trips=1,
)
"""Under a minute of one core: a film is one window long, or seven where a mouth is compared with a speech."""


def of_rendered_people(plan: SuitePlan) -> SuitePlan:
    """As much of the same for rendered people."""
    sections = tuple(name for name in plan.sections if name in OF_RENDERED_PEOPLE)
    return replace(plan, heads="rendered", sections=sections)
