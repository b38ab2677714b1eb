"""`train people`: the bundled weights once more, on a card: what is seen of people, learnt from rendered ones. Minutes
of a card, where `train demo` takes hours of a processor; it begins with weights that `train demo` made, of as many
channels of latents or of fewer. Every number of it stands here.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..models.presets import DEMO
from ..synthesis.people.render import require_renderer
from ..training.close_ups import CloseUpSettings, close_up_step, train_close_up
from ..training.denoising import RegionWeights
from ..training.ethd import ETHDSettings, denoising_step, train_ethd
from ..training.films import FilmSettings, FilmShares
from ..training.loop import LoopSettings, OnStep
from ..training.polish import STILL, PolishSettings, polish_decoder
from ..training.recipe import Recipe, Stage
from ..training.retouching import retouching_step
from ..training.source import Source
from ..training.source_writer import SourceWriter
from ..training.starting import START, GivenSettings, take_given
from ..training.vae_anew import AnewSettings, train_vae_anew
from .drawn_heads import DrawnSettings, prepare_drawn_heads
from .rendered_twins import RENDERED, TwinSettings, prepare_twins
from .retouched_films import RetouchSettings, train_retouch

CHANNELS = 8
"""Of the latents, twice as many as Stable Video Diffusion's. In minutes of a processor drawn heads came through the VAE
better by a decibel, and people no better (docs/model_card.md): whether a card's minutes use them is not known yet.
"""
PRESET = replace(
    DEMO,
    vae=replace(DEMO.vae, latent_channels=CHANNELS),
    ethd=replace(DEMO.ethd, in_channels=2 * CHANNELS, out_channels=CHANNELS),
)

_KEPT = (
    "face_finder",
    "speech_encoder",
    "head_pose_reader",
    "motion_encoder",
    "lip_projector",
    "dicte",
    "speech_emotion",
    "emotion_codebook",
)


@dataclass(frozen=True)
class PeopleSettings:
    """drawn: heads that are drawn, and whom the rendered people do as · rendered: those people."""

    drawn: DrawnSettings = field(
        default_factory=lambda: DrawnSettings(
            still_identities=160,
            stills_each=4,
            clips=128,
            clip_frames=48,
            held_frames=24,
            speech_clips=0,
            held_out_clips=4,
            fine=True,
            workers=2,
        )
    )
    rendered: TwinSettings = field(
        default_factory=lambda: TwinSettings(
            stills=1500, stills_each=4, turned=0.5, clips=128, clip_frames=32, held_out_clips=4, workers=2
        )
    )


def prepare(folder: Path, seed: int, settings: PeopleSettings, on_step: OnStep | None) -> None:
    """Draws the heads, then renders the people."""
    require_renderer()
    prepare_drawn_heads(folder, seed, settings.drawn, on_step)
    writer = SourceWriter(folder, "index-twins")
    prepare_twins(writer, Source.open(folder), seed, settings.rendered, settings.drawn.picture, on_step)


RECIPE = Recipe(
    name="people",
    preset=PRESET,
    prepare=prepare,
    data=PeopleSettings(),
    begins_with={
        name: "train it by `train demo`, or name a folder of whole weights" for name in ("vae", "ethd", *_KEPT)
    },
    stages={
        "given": Stage(
            take_given,
            GivenSettings(_KEPT),
            "emotion_codebook",
            without_learning="what hears, reads and directs stays as it came",
        ),
        "pictures": Stage(
            train_vae_anew,
            AnewSettings(
                LoopSettings(steps=2400, batch=12, learning_rate=1e-3, warmup=60, average=0.997),
                stills=("rendered_stills", "rendered_turned", "rendered_portraits", "stills"),
                films=("rendered_clips", "rendered_held", "held"),
                start=f"{START}vae",
                noise=0.05,
            ),
            "training/pictures",
        ),
        "people": Stage(
            train_ethd,
            ETHDSettings(
                LoopSettings(steps=8000, batch=48, learning_rate=6e-4, warmup=200, average=0.999),
                FilmSettings(frames=8, also=(RENDERED,), shares=FilmShares(lips_from_vision=0.3)),
                start=f"{START}ethd",
                regions=RegionWeights(eyes=5.0),
            ),
            "ethd",
            step=denoising_step,
        ),
        "polish": Stage(
            polish_decoder,
            PolishSettings(
                LoopSettings(steps=600, batch=8, learning_rate=3e-4, warmup=30, average=0.99),
                FilmSettings(frames=8, also=(RENDERED,), shares=STILL),
            ),
            "training/polish",
        ),
        "retouch": Stage(
            train_retouch,
            RetouchSettings(LoopSettings(steps=7500, batch=8, learning_rate=1e-3, warmup=100, average=0.998)),
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
