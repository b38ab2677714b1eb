"""What each latent does, and what each part of the method is worth (EmotiveTalk fig. 3, table 2, fig. 12).

Leaving a latent out needs no other weights. The variants whose backbone is built differently are trained by
`training.ablation` and lie in `ablation/` of the weights folder; where they are missing, their figures are null and
`missing` says so.
"""

from collections.abc import Sequence

import numpy as np

from ..models.model_set import ModelSet
from ..synthesis.clip import TalkingClip
from ..types import EMOTIONS, VideoConditions
from .holding import backbone_file, load_backbone, raw_audio, without_expression, without_lip
from .metrics import finite_mean, frechet_distance, total_variation
from .plan import SuitePlan
from .protocols import emotion_figures, silence, sync
from .readings import HEAT_REGIONS, Readings, read_film
from .report import Figures, digest_of, digests
from .studio import AS_SHIPPED, Scene, Studio, Variant, unchanged
from .unseen import drawn, portrait_of, speech_of, unseen_clips

NO_LIP = Variant("no_lip", lambda _, __, conditions: without_lip(conditions))
NO_EXPRESSION = Variant("no_expression", lambda _, __, conditions: without_expression(conditions))


def _raw_audio(models: ModelSet, scene: Scene, conditions: VideoConditions) -> VideoConditions:
    return raw_audio(models, speech_of(scene.clip), conditions)


def trained_variant(studio: Studio, name: str, missing: dict[str, str]) -> Variant | None:
    """A variant with its own backbone; None where its weights are missing, with the reason noted in `missing`."""
    path = backbone_file(studio.weights, name)
    if not path.is_file():
        missing[name] = f"{path.parent.name}/{path.name} is not there; `train demo --stages ablation` makes it"
        return None
    backbone = load_backbone(path, studio.models)
    version = digest_of(digests([path]))  # films of other weights of the same name are not these
    return Variant(f"{name}-{version}", _raw_audio if name == "no_decoupling" else unchanged, backbone)


def scenes_of(studio: Studio, plan: SuitePlan) -> list[Scene]:
    """Each scene is another person, voice and emotion; the speech carries the emotion in its prosody, as raw audio has
    no other way."""
    scenes = []
    for i in range(plan.ablation_clips):
        emotion = EMOTIONS[i % len(EMOTIONS)]
        (clip,) = unseen_clips(1, plan.ablation_frames, offset=300 + i, emotion=emotion)
        scenes.append(Scene("ablation", clip, portrait_of(clip.identity, studio.size), emotion))
    return scenes


def table_row(films: Sequence[Readings], scenes: Sequence[Scene], truth: Sequence[Readings]) -> Figures:
    """One row of table 2. expression_distance stands for E-FID: the Fréchet distance of the action units read from
    films and from true drawings of the same clips."""
    clips: list[TalkingClip] = [scene.clip for scene in scenes]
    emotion = emotion_figures(films, [clip.emotion for clip in clips])
    units = [np.concatenate([reading.action_units for reading in group]) for group in (films, truth)]
    return {
        "sync": sync(films, clips),
        "silence": silence(films, clips),
        "emotion_accuracy": emotion["accuracy"],
        "expression_distance": frechet_distance(*units),
    }


def movement(films: Sequence[Readings], still: Sequence[Readings]) -> Figures:
    """How far the films leave their portraits. emotion_change: total variation between the emotions read from film
    and portrait · opening_spread: standard deviation of the opening over time · heat: mean difference of pixels by
    region (fig. 3)."""
    pairs = list(zip(films, still, strict=True))
    return {
        "emotion_change": finite_mean(total_variation(a.emotion.mean(0), b.emotion.mean(0)) for a, b in pairs),
        "opening_spread": finite_mean(float(film.opening.std()) for film in films),
        "heat": dict(zip(HEAT_REGIONS, np.mean([film.heat.mean(0) for film in films], axis=0))),
    }


def measure_ablation(studio: Studio, plan: SuitePlan) -> Figures:
    """Keys ablation and decoupling. Lip only is the film without expression, expression only the film without lip."""
    scenes = scenes_of(studio, plan)
    truth = [read_film(studio.probe, drawn(scene.clip, studio.size).split(64), scene.portrait) for scene in scenes]
    still = [read_film(studio.probe, [scene.portrait.crop[None]], scene.portrait) for scene in scenes]
    films = {variant.name: studio.film("ablation", scenes, variant) for variant in (AS_SHIPPED, NO_EXPRESSION, NO_LIP)}
    rows: Figures = {name: table_row(readings, scenes, truth) for name, readings in films.items()}
    missing: dict[str, str] = {}
    variant = trained_variant(studio, "no_decoupling", missing)
    rows["no_decoupling"] = table_row(studio.film("ablation", scenes, variant), scenes, truth) if variant else None

    decoupling = {}
    for key, name in (("both", "full"), ("lip_only", "no_expression"), ("expression_only", "no_lip")):
        moved, row = movement(films[name], still), rows[name]
        decoupling[key] = {"sync": row["sync"], "emotion_accuracy": row["emotion_accuracy"], **moved}
    rows.update(injection_rows(studio, plan, missing))
    return {"ablation": {**rows, "missing": missing}, "decoupling": decoupling}


def injection_rows(studio: Studio, plan: SuitePlan, missing: dict[str, str]) -> Figures:
    """Happy portraits made angry (fig. 12): `edi` by the shipped weights; `edi_retrained`, `direct_injection` and
    `no_edi` by backbones trained alike and equally long. angry: share of frames read so · happy: mean probability
    left."""
    clips = unseen_clips(plan.edi_portraits, plan.edi_frames, offset=400, emotion="neutral")
    scenes = [Scene("edi", clip, portrait_of(clip.identity, studio.size, "happy"), "angry") for clip in clips]

    def row(variant: Variant) -> Figures:
        films = studio.film("ablation (EDI)", scenes, variant)
        happy = [float(film.emotion[:, EMOTIONS.index("happy")].mean()) for film in films]
        return {"angry": finite_mean(film.reads_as("angry") for film in films), "happy": finite_mean(happy)}

    trained = {name: trained_variant(studio, name, missing) for name in ("edi_retrained", "direct_injection", "no_edi")}
    return {"edi": row(AS_SHIPPED), **{name: row(variant) if variant else None for name, variant in trained.items()}}
