"""Is what was directed what is seen? Intensity, blends, timelines, silence, and where the head stands.

One unseen person speaks in all these films. The figures are pure functions of what was asked and what was read, so that
they can be tried on readings that are known. [ours; the paper measures none of this]
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..direction.head_pose import EXAMPLE, from_keys, motion_bucket, parse_keys, sway
from ..direction.source import SourceReaders, parse_source, resolve
from ..direction.timeline import parse_timeline
from ..measuring.curves import correlation
from ..pipeline import prepare_conditions
from ..synthesis.action_units import emotion_action_units
from ..synthesis.clip import TalkingClip
from ..types import EMOTIONS, FRAMES_PER_SECOND
from .metrics import finite_mean, silent_frames
from .plan import SuitePlan
from .protocols import opening_of, silence, sync
from .readings import Readings
from .report import Figures
from .studio import Scene, Studio, finished_frames
from .unseen import beginning, portrait_of, speech_of, unseen_clips

SPEAKERS = 700
"""Offset of the seeds among which the speaker is looked for."""

TOLERANCE = 0.05
"""How far beyond its parents an action unit may be read and still count as between them: the probe's own error on true
drawings is of this size."""

APART = 0.2
"""Parents whose action units differ by less than this are not told apart well enough to lie between."""

SHARES = (0.5, 0.25)
"""Weights of the first parent."""

POSE_PARTS = ("yaw", "pitch", "roll", "x", "y", "size")

ReadHeadPose = Callable[[torch.Tensor], np.ndarray]
"""Frames [n, 3, s, s] in 0…1 -> the head's pose in each [n, 6], in the units of types.HeadPose; where its zero lies
does not matter."""


def speaker(frames: int) -> TalkingClip:
    """The first unseen clip that has sound, then silence for a third of a second or more, within `frames`; the first of
    all where that is too short for any.
    """
    least = FRAMES_PER_SECOND // 3
    for offset in range(SPEAKERS, SPEAKERS + 60):
        (clip,) = unseen_clips(1, frames, offset=offset, emotion="neutral")
        silent = silent_frames(opening_of(clip))
        speaks = np.flatnonzero(opening_of(clip) > 0)
        if len(speaks) and silent[speaks[0] :].sum() >= least:
            return clip
    return unseen_clips(1, frames, offset=SPEAKERS, emotion="neutral")[0]


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; 0 where one of them does not change."""
    from scipy.stats import rankdata

    return correlation(rankdata(a), rankdata(b))


def strength(reading: Readings, emotion: str) -> float:
    """How strongly an emotion is shown: the mean action units along the emotion's own, 0 at rest, 1 at its height. Its
    probability would say less, for it hardly grows once the emotion is plain.
    """
    units = emotion_action_units(emotion)
    return float(reading.action_units.mean(0) @ units / (units @ units))


def intensity_figures(knobs: Sequence[float], strengths: Mapping[str, Sequence[float]]) -> Figures:
    """spearman: between knob and measured strength, mean over emotions; worst and emotions: of each · strengths: what
    was measured, at the knobs.
    """
    each = {name: spearman(knobs, measured) for name, measured in strengths.items()}
    return {
        "spearman": float(np.mean(list(each.values()))),
        "worst": min(each.values()),
        "emotions": each,
        "knobs": list(knobs),
        "strengths": {name: list(measured) for name, measured in strengths.items()},
    }


@dataclass(frozen=True, eq=False)
class Mixture:
    """Mean action units [a] of two parents and of their blend, in which the first has the weight `share`."""

    first: np.ndarray
    second: np.ndarray
    blend: np.ndarray
    share: float


def blend_figures(mixtures: Sequence[Mixture]) -> Figures:
    """between: share of the action units, of those by which the parents differ by APART or more, that are read between
    them, give or take TOLERANCE · units: how many those are · place: for each weight of the first parent, where on the
    way from the second to it the blend was read, by least squares over those units; ideally the weight itself.
    """
    inside, places = [], dict[str, list[float]]()
    for mixture in mixtures:
        way = mixture.first - mixture.second
        apart = np.abs(way) >= APART
        low, high = np.minimum(mixture.first, mixture.second), np.maximum(mixture.first, mixture.second)
        inside += ((mixture.blend >= low - TOLERANCE) & (mixture.blend <= high + TOLERANCE))[apart].tolist()
        if apart.any():
            way, gone = way[apart], (mixture.blend - mixture.second)[apart]
            places.setdefault(f"{mixture.share:g}", []).append(float(gone @ way / (way @ way)))
    return {
        "between": float(np.mean(inside)) if inside else float("nan"),
        "tolerance": TOLERANCE,
        "units": len(inside),
        "place": {share: float(np.mean(found)) for share, found in places.items()},
    }


def change_frame(reading: Readings, before: str, after: str) -> int:
    """The first frame of the second emotion, 0…n: where what the probes give the second against the first crosses one
    half. Where single frames are read wrongly there are several crossings; the one is taken that leaves the least on
    the wrong side. n where the second is never seen, 0 where the first never is.
    """
    of = reading.emotion[:, [EMOTIONS.index(before), EMOTIONS.index(after)]]
    lead = of[:, 1] / np.maximum(of.sum(1), 1e-9) - 0.5  # above 0: the second
    wrong = np.concatenate([[0.0], np.cumsum(lead)]) + np.concatenate([np.cumsum(-lead[::-1])[::-1], [0.0]])
    return int(wrong.argmin())


def as_due(reading: Readings, before: str, after: str, key: float) -> float:
    """Share of frames read as the emotion that was due: the first up to five frames before the key, the second from
    five after it. A change may be found at its key though neither is plainly seen; this would say so.
    """
    read, frames = reading.emotion.argmax(1), np.arange(len(reading.emotion))
    right = np.concatenate(
        [read[frames < key - 5] == EMOTIONS.index(before), read[frames >= key + 5] == EMOTIONS.index(after)]
    )
    return float(right.mean()) if len(right) else float("nan")


def timeline_figures(keys: Sequence[float], found: Sequence[float]) -> Figures:
    """Frames that the changes were found after their keys: median and worst of their size, `lag` their signed median,
    within: share of those of at most 3 frames, each: all of them.
    """
    late = np.array(found, dtype=float) - np.array(keys, dtype=float)
    return {
        "median": float(np.median(np.abs(late))),
        "worst": float(np.abs(late).max()),
        "lag": float(np.median(late)),
        "within": float((np.abs(late) <= 3).mean()),
        "each": late.tolist(),
    }


def motion_figures(amounts: Sequence[float], poses: Sequence[np.ndarray]) -> Figures:
    """correlation: between the amounts of head motion asked for and those read from films, poses [n, 6] of each ·
    measured: these.
    """
    measured = [float(motion_bucket(pose)) for pose in poses]
    return {"correlation": correlation(np.array(amounts), np.array(measured)), "amounts": amounts, "measured": measured}


def pose_figures(wanted: np.ndarray, found: np.ndarray) -> Figures:
    """Of each part of a pose track [n, 6]: mean error and correlation over time, each track about its own mean, for the
    zero of what is read is no portrait's. Angles in degrees, the rest in HeadPose's units.
    """
    unit = np.array([180 / np.pi] * 3 + [1.0] * 3)
    wanted, found = ((course - course.mean(0)) * unit for course in (wanted, found))
    return {
        "error": dict(zip(POSE_PARTS, np.abs(found - wanted).mean(0))),
        "correlation": {
            part: correlation(wanted[:, i], found[:, i])
            for i, part in enumerate(POSE_PARTS)
            if wanted[:, i].std() > 1e-6
        },
    }


class DirectedFilms:
    """The films of one person, told what to show by the words that a user would write."""

    def __init__(self, studio: Studio, plan: SuitePlan) -> None:
        self.studio, self.plan = studio, plan
        self.clip = speaker(plan.turn_frames)
        self.portrait = portrait_of(self.clip.identity, studio.size)
        self.readers = SourceReaders(studio.models.codebook)

    def scene(self, source: str, frames: int) -> Scene:
        emotion = resolve(parse_source(source), self.readers)
        return Scene("directed", beginning(self.clip, frames), self.portrait, emotion)

    def intensity(self) -> Figures:
        films = {
            name: self.studio.film(
                f"direction: intensity of {name}",
                [self.scene(f"{name} {knob:g}", self.plan.directed_frames) for knob in self.plan.knobs],
            )
            for name in self.plan.directed
        }
        return intensity_figures(
            self.plan.knobs, {name: [strength(film, name) for film in group] for name, group in films.items()}
        )

    def blends(self) -> Figures:
        def units(source: str) -> np.ndarray:
            scene = self.scene(source, self.plan.directed_frames)
            return self.studio.film(f"direction: {source}", [scene])[0].action_units.mean(0)

        mixtures = []
        for first, second in self.plan.blends:
            for share in SHARES:
                blend = units(f"{share:g} {first} + {1 - share:g} {second}")
                mixtures.append(Mixture(units(first), units(second), blend, share))
        return blend_figures(mixtures)

    def timeline(self) -> Figures:
        """Keys at 40, 50 and 60 % of the film in turn. Beside `timeline_figures`, as_due: the mean over films."""
        frames, scenes, keys = self.plan.turn_frames, [], []
        for index, (before, after) in enumerate(self.plan.turns):
            share = (40, 50, 60)[index % 3]
            timeline = parse_timeline(f"0 {before}\n{share}% {after}")
            course = timeline.course(frames, lambda source: resolve(source, self.readers))
            scenes.append(Scene("directed", self.clip, self.portrait, course))
            keys.append(share / 100 * frames)
        films = self.studio.film("direction: timeline", scenes)
        told = list(zip(films, self.plan.turns, keys, strict=True))
        figures = timeline_figures(keys, [change_frame(film, *turn) for film, turn, _ in told])
        seen = finite_mean(as_due(film, *turn, key) for film, turn, key in told)
        return {**figures, "as_due": seen, "sync": sync(films, [self.clip] * len(films))}

    def silence(self) -> Figures:
        """opening_ratio: opening in silent spans over opening in speech, mean over emotions; worst and emotions."""
        films = self.studio.film(
            "direction: silence", [self.scene(name, self.plan.turn_frames) for name in self.plan.emotions]
        )
        each = {name: silence([film], [self.clip]) for name, film in zip(self.plan.emotions, films, strict=True)}
        known = [value for value in each.values() if np.isfinite(value)]
        return {
            "opening_ratio": finite_mean(each.values()),
            "worst": max(known, default=float("nan")),
            "emotions": each,
            "sync": sync(films, [self.clip] * len(films)),
        }

    def motion(self, read_head_pose: ReadHeadPose) -> Figures:
        """Every amount of sway by the same seed."""
        frames = self.plan.turn_frames
        poses = [sway(frames, amount, seed=0) for amount in self.plan.amounts]
        scenes = [Scene("directed", self.clip, self.portrait, head_pose=pose) for pose in poses]
        return motion_figures(self.plan.amounts, self.watched("direction: motion", scenes, read_head_pose))

    def pose(self, read_head_pose: ReadHeadPose) -> Figures:
        """The keyframes of the documentation's own example."""
        track = from_keys(parse_keys(EXAMPLE), self.plan.turn_frames)
        scene = Scene("directed", self.clip, self.portrait, head_pose=track)
        (found,) = self.watched("direction: pose", [scene], read_head_pose)
        return pose_figures(track.values.numpy(), found)

    @torch.no_grad()
    def watched(self, section: str, scenes: Sequence[Scene], read_head_pose: ReadHeadPose) -> list[np.ndarray]:
        """The head's pose [n, 6] in each scene's film, made where it does not lie beside the readings."""
        studio, courses = self.studio, []
        for done, scene in enumerate(scenes):
            studio.report(section, done, len(scenes))
            name = f"head-{scene.name}-{scene.clip.seed}-{scene.clip.frames}-{scene.direction}"
            file = studio.archive / f"{name}.npy"
            if not file.exists():
                settings = scene.settings(studio.settings)
                conditions = prepare_conditions(studio.models, speech_of(scene.clip), scene.portrait, settings)
                frames = torch.cat(list(finished_frames(studio.models, conditions, scene.portrait, settings)))
                part = studio.archive / f"{name}.part.npy"
                part.parent.mkdir(parents=True, exist_ok=True)
                np.save(part, read_head_pose(frames.float()))
                os.replace(part, file)
            courses.append(np.load(file, allow_pickle=False))
        studio.report(section, len(scenes), len(scenes))
        return courses


def measure_direction(studio: Studio, plan: SuitePlan, read_head_pose: ReadHeadPose | None = None) -> Figures:
    """Key direction: the figures of `Direction`'s methods. Without a reader of head poses those of the head are null,
    and `missing` says so."""
    films = DirectedFilms(studio, plan)
    figures: Figures = {
        "intensity": films.intensity(),
        "blends": films.blends(),
        "timeline": films.timeline(),
        "silence": films.silence(),
        "motion": None,
        "pose": None,
        "missing": {},
    }
    if read_head_pose is None:
        figures["missing"] = {name: "these weights cannot read how a head stands" for name in ("motion", "pose")}
    else:
        figures["motion"], figures["pose"] = films.motion(read_head_pose), films.pose(read_head_pose)
    return {"direction": figures}
