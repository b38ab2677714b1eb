"""`train student`: the backbone of weights that are there, in fewer steps. Every number of it stands here."""

from dataclasses import replace

from ..models.presets import DEMO
from ..training.distillation import DistillationSettings, distillation_step, train_student
from ..training.films import FilmSettings, FilmShares
from ..training.loop import LoopSettings
from ..training.recipe import Recipe, Stage
from ..training.starting import GivenSettings, take_given
from . import people
from .rendered_twins import RENDERED

_KEPT = tuple(name for name in people.RECIPE.begins_with if name != "ethd")
_DRAWN = replace(people.PeopleSettings().drawn, fine=False)

RECIPE = Recipe(
    name="student",
    preset=DEMO,
    prepare=people.prepare,
    data=people.PeopleSettings(drawn=_DRAWN),
    begins_with=people.RECIPE.begins_with,
    stages={
        "given": Stage(
            take_given,
            GivenSettings(_KEPT, also=("retoucher", "close_up")),
            "emotion_codebook",
            without_learning="all but the backbone stays as it came",
        ),
        "student": Stage(
            train_student,
            DistillationSettings(
                LoopSettings(steps=600, batch=6, learning_rate=2e-4, warmup=30, average=0.98, validation_samples=12),
                FilmSettings(frames=8, also=(RENDERED,), shares=FilmShares(lips_from_vision=0.3)),
                first_frames=48,
                teacher_steps=3,  # as good as five (docs/benchmarks.md), and sooner
            ),
            "ethd",
            step=distillation_step,
        ),
    },
)
