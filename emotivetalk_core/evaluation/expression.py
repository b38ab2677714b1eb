"""Di-CTE's figures (EmotiveTalk fig. 4): does the expression live over time, and do seeds give different ones?"""

from dataclasses import replace

import numpy as np
import torch

from ..models.model_set import ModelSet
from ..pipeline import emotion_condition, encode_windows, expression_latents, read_face
from ..types import VideoConditions
from .plan import SuitePlan
from .report import Figures
from .studio import AS_SHIPPED, Scene, Studio, Variant
from .unseen import beginning, drawn, portrait_of, speech_of, unseen_clips


def held_expression(models: ModelSet, scene: Scene, conditions: VideoConditions) -> VideoConditions:
    """Without Di-CTE: e_cond itself drives every frame."""
    chosen = conditions.reference_expression
    if scene.emotion is not None:
        chosen = models.codebook.lookup(scene.emotion) if isinstance(scene.emotion, str) else scene.emotion.values
    held = chosen.to(conditions.driving_expression).expand_as(conditions.driving_expression)
    return replace(conditions, driving_expression=held)


WITHOUT_DICTE = Variant("without_dicte", held_expression)


def motion(sequence: np.ndarray) -> float:
    """Mean variance over time of [n, d]."""
    return float(sequence.var(0).mean())


@torch.no_grad()
def measure_dicte(studio: Studio, plan: SuitePlan) -> Figures:
    """Key dicte. `variance` over time of the expression latents: with Di-CTE, without it (one latent held), and of
    the true drawings; `diversity`: standard deviation over seeds, mean over frames and dimensions, to be seen beside
    the latents' own unit deviation; `shown`: variance over time of the action units that the probe reads from films
    with and without."""
    models = studio.models
    clips = unseen_clips(plan.dicte_clips, plan.dicte_frames, offset=200)
    portraits = [portrait_of(clip.identity, studio.size) for clip in clips]
    sampled, held, true, spread, distance = [], [], [], [], []
    for done, (clip, portrait) in enumerate(zip(clips, portraits, strict=True)):
        studio.report("dicte", done, len(clips))
        settings = replace(studio.settings, emotion=clip.emotion)
        face, windows = read_face(models, portrait), encode_windows(models, speech_of(clip))
        condition = emotion_condition(models, face, settings)
        seeds = [replace(settings, video=replace(settings.video, seed=seed)) for seed in range(plan.seeds)]
        films = [expression_latents(models, windows, face, condition, each).cpu().numpy() for each in seeds]
        frames = drawn(clip, studio.size).to(models.device)
        truth = torch.cat([models.motion_encoder(part).expression for part in frames.split(64)]).float().cpu().numpy()
        sampled.append(np.mean([motion(film) for film in films]))
        held.append(motion(condition.expand(clip.frames, -1).cpu().numpy()))
        true.append(motion(truth))
        spread.append(np.std(films, axis=0).mean())
        distance.append(np.mean([np.abs(film.mean(0) - truth.mean(0)).mean() for film in films]))
    scenes = [
        Scene("dicte", beginning(clip, plan.emotion_frames), portrait, clip.emotion)
        for clip, portrait in zip(clips[:2], portraits, strict=False)
    ]
    shown = {
        name: float(np.mean([motion(reading.action_units) for reading in studio.film("dicte", scenes, variant)]))
        for name, variant in (("with", AS_SHIPPED), ("without", WITHOUT_DICTE))
    }
    return {
        "dicte": {
            "variance": {
                "with": float(np.mean(sampled)),
                "without": float(np.mean(held)),
                "true": float(np.mean(true)),
            },
            "diversity": float(np.mean(spread)),
            "mean_error": float(np.mean(distance)),
            "seeds": plan.seeds,
            "shown": shown,
        }
    }
