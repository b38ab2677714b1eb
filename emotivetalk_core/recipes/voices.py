"""`train voices`: weights that are there, and what hears in them once more, from voices closer to people. Minutes of a
processor; what is seen stays as it came. Every number of it stands here.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ..models.presets import DEMO
from ..synthesis.phonemes import PHONEME_CLASSES
from ..training.alone import ExpressionSettings, LipSettings, train_expression_anew, train_lips_anew
from ..training.loop import LoopSettings, OnStep
from ..training.recipe import Recipe, Stage
from ..training.speech_encoder import SpeechSettings, train_speech_encoder
from ..training.starting import START, GivenSettings, take_given
from ..training.undrawn import UndrawnSettings, add_undrawn
from ..training.v_aid import VAIDSettings, train_v_aid, v_aid_step
from . import people
from .drawn_heads import DrawnSettings, prepare_kind
from .heard_voices import VoicesSettings, prepare_voices

_HEARD = ("speech_encoder", "lip_projector", "dicte")
_SEEN = tuple(name for name in people.RECIPE.begins_with if name not in _HEARD)


@dataclass(frozen=True)
class VoicesData:
    """drawn: heads that talk, and people to lend a face to those who are only heard · heard: those."""

    drawn: DrawnSettings = field(
        default_factory=lambda: DrawnSettings(still_identities=300, stills_each=1, clips=150, held_out_clips=4)
    )
    heard: VoicesSettings = field(default_factory=VoicesSettings)


def prepare(folder: Path, seed: int, settings: VoicesData, on_step: OnStep | None) -> None:
    """Speaks first, for that asks for programs which may be missing; then draws."""
    prepare_voices(folder, seed, settings.heard, on_step)
    for kind in ("stills", "clips"):
        prepare_kind(kind, folder, seed, settings.drawn, on_step)


RECIPE = Recipe(
    name="voices",
    preset=DEMO,
    prepare=prepare,
    data=VoicesData(),
    begins_with=people.RECIPE.begins_with,
    stages={
        "given": Stage(
            take_given,
            GivenSettings(_SEEN, also=("retoucher", "close_up")),
            "emotion_codebook",
            without_learning="what sees and films stays as it came",
        ),
        "speech_encoder": Stage(
            train_speech_encoder,
            SpeechSettings(
                LoopSettings(steps=1000, batch=8, learning_rate=8e-4, warmup=80, average=0.99),
                classes=len(PHONEME_CLASSES),
                recorded=0.7,
                start=f"{START}speech_encoder",
            ),
            "speech_encoder",
        ),
        "undrawn": Stage(
            add_undrawn,
            UndrawnSettings(LoopSettings(steps=1500, batch=16, learning_rate=2e-3, warmup=50)),
            "training/undrawn",
        ),
        "v_aid": Stage(
            train_v_aid,
            VAIDSettings(
                LoopSettings(steps=1600, batch=16, learning_rate=5e-4, warmup=100, average=0.995),
                recorded=1,
                start=START,
            ),
            "dicte",
            step=v_aid_step,
        ),
        "lips": Stage(
            train_lips_anew,
            LipSettings(LoopSettings(steps=1500, batch=16, learning_rate=6e-4, warmup=60, average=0.995), recorded=1),
            "training/lips",
        ),
        "expression": Stage(
            train_expression_anew,
            ExpressionSettings(
                LoopSettings(steps=1200, batch=16, learning_rate=6e-4, warmup=60, average=0.99), recorded=1
            ),
            "training/expression",
        ),
    },
)
