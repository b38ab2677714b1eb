"""`train retouch`: weights that are there, and what finishes their films: a retoucher and a network of close-ups. Every
number of it stands here.
"""

from dataclasses import dataclass
from pathlib import Path

from ..models.presets import DEMO
from ..training.close_ups import CloseUpSettings, close_up_step, train_close_up
from ..training.loop import LoopSettings, OnStep
from ..training.recipe import Recipe, Stage
from ..training.retouching import RetouchingSettings, retouching_step
from ..training.source_writer import SourceWriter
from ..training.starting import GivenSettings, take_given
from . import people
from .retouched_films import RetouchedFilmSettings, prepare_people, train_on_people


@dataclass(frozen=True)
class RetouchData(RetouchedFilmSettings):
    """picture: side in pixels of the crops that the weights see; true pictures are twice as large."""

    picture: int = 128


def prepare(folder: Path, seed: int, settings: RetouchData, on_step: OnStep | None) -> None:
    """Draws and renders who is to be filmed."""
    prepare_people(SourceWriter(folder), seed, settings, settings.picture, on_step)


RECIPE = Recipe(
    name="retouch",
    preset=DEMO,
    prepare=prepare,
    data=RetouchData(),
    begins_with=people.RECIPE.begins_with,
    stages={
        "given": Stage(
            take_given,
            GivenSettings(tuple(people.RECIPE.begins_with)),
            "emotion_codebook",
            without_learning="all weights stay as they came",
        ),
        "retouch": Stage(
            train_on_people,
            RetouchingSettings(LoopSettings(steps=7500, batch=8, learning_rate=1e-3, warmup=100, average=0.998)),
            "retoucher",
            step=retouching_step,
        ),
        "close_up": Stage(
            train_close_up,
            CloseUpSettings(LoopSettings(steps=9500, batch=8, learning_rate=1e-3, warmup=100, average=0.998)),
            "close_up",
            step=close_up_step,
        ),
    },
)
