"""The figures of ordinary films: sync, silence, identity and emotion; and what the probes themselves are worth."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ..face.finder import box_overlap
from ..models.vae import decode_frames, encode_video
from ..synthesis.action_units import ACTION_UNITS
from ..synthesis.clip import TalkingClip
from ..synthesis.identity import sample_identity
from ..synthesis.people.person import Person, sample_person
from ..synthesis.render import Head
from ..types import EMOTIONS, FaceRegions
from .metrics import best_lag_correlation, finite_mean, opening_ratio
from .plan import SuitePlan
from .readings import Readings, read_film
from .report import Figures
from .studio import Scene, Studio
from .unseen import drawn, portrait_of, unseen_clips

EXTRA_PEOPLE = 1_900_000
"""Seeds of the people who fill the line-up where there are fewer clips than it has places."""


def opening_of(clip: TalkingClip) -> np.ndarray:
    return clip.mouth[:, 0]


def line_up(studio: Studio, clips: Sequence[TalkingClip], places: int) -> np.ndarray:
    """What the probe reads of the portraits [places, d]: those of the clips' people first, then others, drawn or
    rendered as they are."""
    people: list[Head] = [clip.identity for clip in clips]
    sample = sample_person if isinstance(people[0], Person) else sample_identity
    people += [sample(EXTRA_PEOPLE + i) for i in range(places - len(people))]
    portraits = [portrait_of(person, studio.size) for person in people[: max(places, len(clips))]]
    return np.stack([read_film(studio.probe, [portrait.crop[None]], portrait).person for portrait in portraits])


def identity_accuracy(readings: Sequence[Readings], portraits: np.ndarray) -> float:
    """Share of films whose person is nearest to the portrait of the same place."""
    return float(np.mean([int((portraits @ reading.person).argmax()) == i for i, reading in enumerate(readings)]))


def sync(readings: Sequence[Readings], clips: Sequence[TalkingClip]) -> float:
    """Generated against true opening, best lag within ±1 frame, mean over films."""
    pairs = zip(readings, clips, strict=True)
    return finite_mean(best_lag_correlation(reading.opening, opening_of(clip)) for reading, clip in pairs)


def silence(readings: Sequence[Readings], clips: Sequence[TalkingClip]) -> float:
    """Opening in silent spans over opening in speech, mean over the films that have both."""
    pairs = zip(readings, clips, strict=True)
    return finite_mean(opening_ratio(reading.opening, opening_of(clip)) for reading, clip in pairs)


def emotion_figures(readings: Sequence[Readings], asked: Sequence[str]) -> Figures:
    """accuracy: share of frames read as asked · votes: share of films by the emotion of most frames · confusion: one
    row for each emotion asked for, shares of frames in the order of EMOTIONS."""
    pairs = list(zip(readings, asked, strict=True))
    shares = {
        name: np.mean([reading.emotion_shares for reading, wanted in pairs if wanted == name], axis=0)
        for name in dict.fromkeys(asked)
    }
    return {
        "accuracy": float(np.mean([reading.reads_as(name) for reading, name in pairs])),
        "votes": float(np.mean([reading.vote == name for reading, name in pairs])),
        "columns": EMOTIONS,
        "confusion": shares,
    }


def measure_sync(studio: Studio, plan: SuitePlan) -> Figures:
    """Keys sync, silence, identity: each clip's person speaks its speech, with the portrait's own (neutral)
    expression."""
    clips = unseen_clips(plan.clips, plan.clip_frames, heads=plan.heads)
    scenes = [Scene("sync", clip, portrait_of(clip.identity, studio.size)) for clip in clips]
    readings = studio.film("sync", scenes)
    each = [sync([reading], [clip]) for reading, clip in zip(readings, clips, strict=True)]
    others = clips[1:] + clips[:1]
    return {
        "sync": {
            "correlation": finite_mean(each),
            "shuffled": sync(readings, others),
            "worst": min(each),
            "clips": each,
        },
        "silence": {"opening_ratio": silence(readings, clips)},
        "identity": {
            "accuracy": identity_accuracy(readings, line_up(studio, clips, plan.lineup)),
            "among": max(plan.lineup, len(clips)),
        },
    }


def emotion_scenes(studio: Studio, plan: SuitePlan) -> list[list[Scene]]:
    """For each portrait one scene of each emotion, all with that portrait's one neutral speech. Its own list starts at
    seed + 100."""
    clips = unseen_clips(1 + plan.more_portraits, plan.emotion_frames, offset=100, emotion="neutral", heads=plan.heads)
    portraits: list[FaceRegions] = [portrait_of(clip.identity, studio.size) for clip in clips]
    return [
        [Scene("emotion", clip, portrait, emotion) for emotion in plan.emotions]
        for clip, portrait in zip(clips, portraits, strict=True)
    ]


def measure_emotion(studio: Studio, plan: SuitePlan) -> Figures:
    """Key emotion: one speech and one portrait made to show every emotion; `portraits` the same over several."""
    films = [studio.film("emotion", scenes) for scenes in emotion_scenes(studio, plan)]
    figures = emotion_figures(films[0], plan.emotions)
    if len(films) > 1:
        over_all = [reading for readings in films for reading in readings]
        figures["portraits"] = {"count": len(films), **emotion_figures(over_all, plan.emotions * len(films))}
    return {"emotion": figures}


def probe_figures(
    studio: Studio, clips: Sequence[TalkingClip], readings: Sequence[Readings], lineup: np.ndarray
) -> Figures:
    """What the probes make of frames whose truth is known."""
    pairs = list(zip(readings, clips, strict=True))
    opening = np.concatenate([reading.opening - opening_of(clip) for reading, clip in pairs])
    units = np.concatenate([reading.action_units - clip.action_units for reading, clip in pairs])
    emotion = emotion_figures(readings, [clip.emotion for clip in clips])
    return {
        "opening_error": float(np.abs(opening).mean()),
        "opening_correlation": sync(readings, clips),
        "silence_ratio": silence(readings, clips),
        "action_unit_error": float(np.abs(units).mean()),
        "action_unit_errors": dict(zip(ACTION_UNITS, np.abs(units).mean(0))),
        "emotion_accuracy": emotion["accuracy"],
        "emotion_votes": emotion["votes"],
        "identity_accuracy": identity_accuracy(readings, lineup),
        "clips": len(clips),
    }


def measure_probes(studio: Studio, plan: SuitePlan) -> Figures:
    """Key probes: their own accuracy on true pictures of unseen people, as they are and after the VAE: no film can be
    read better."""
    clips = unseen_clips(plan.drawn_clips, plan.drawn_frames, heads=plan.heads)
    portraits = [portrait_of(clip.identity, studio.size) for clip in clips]
    lineup = line_up(studio, clips, plan.lineup)
    real, through = [], []
    for done, (clip, portrait) in enumerate(zip(clips, portraits, strict=True)):
        studio.report("probes", done, len(clips))
        frames = drawn(clip, studio.size)
        real.append(read_film(studio.probe, frames.split(64), portrait))
        if done < plan.round_trips:
            through.append(read_film(studio.probe, _round_trip(studio, frames), portrait))
    studio.report("probes", len(clips), len(clips))
    figures: Figures = {"real": probe_figures(studio, clips, real, lineup)}
    if through:
        figures["through_vae"] = probe_figures(studio, clips[: len(through)], through, lineup)
    return {"probes": figures}


def _round_trip(studio: Studio, frames: torch.Tensor) -> Iterator[torch.Tensor]:
    vae, device = studio.models.vae, studio.models.device
    with torch.inference_mode():
        for part in frames.split(16):
            yield decode_frames(vae, encode_video(vae, part.to(device))).float().clamp(0, 1)


def measure_face_finder(studio: Studio, plan: SuitePlan) -> Figures:
    """Key face_finder: share of the line-up's portraits in which it finds one face, and how well its box fits (IoU);
    None where the weights have no finder."""
    finder = studio.models.face_finder
    if finder is None:
        return {"face_finder": None}
    clips = unseen_clips(plan.lineup, 1, heads=plan.heads)
    fits = []
    for clip in clips:
        portrait = portrait_of(clip.identity, 2 * studio.size)  # no picture it ever sees is exactly of the crop's size
        rows, columns = portrait.face_mask[0].amax(1).nonzero()[:, 0], portrait.face_mask[0].amax(0).nonzero()[:, 0]
        truth = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        found = finder.find(portrait.crop)
        fits.append(box_overlap(found[0].box, truth) if len(found) == 1 else float("nan"))
    return {"face_finder": {"found": float(np.isfinite(fits).mean()), "box_overlap": finite_mean(fits)}}
