"""`train full`: the paper's stages at the paper's size, on films of people. Every number of it stands here.

[paper] stated in EmotiveTalk §6 · [ours] left open there, and chosen for the reason beside it. It was never run at this
size: what it will take is counted (`--dry-run`), what it gives is not known.
"""

from dataclasses import replace

from ..models.presets import FULL
from ..training.denoising import NoiseLaw
from ..training.encoders import EncoderSettings, encoder_step, train_encoders
from ..training.ethd import ETHDSettings, denoising_step, train_ethd
from ..training.filming import FilmingSettings
from ..training.films import FilmSettings, FilmShares
from ..training.loop import LoopSettings
from ..training.recipe import Recipe, Stage
from ..training.starting import GivenSettings, take_given
from ..training.v_aid import VAIDSettings, train_v_aid, v_aid_step
from .labelled_codebook import LabelledSettings, build_labelled_codebook

CARDS = 8  # [paper] ETHD on 8 A100, batch 1 on each

ENCODERS = LoopSettings(
    steps=20_000,  # [ours] 640 000 pairs: each person of HDTF some two thousand times
    batch=32,  # [ours] all three arms in every step of every card
    piece=4,  # [ours] four pictures at once are less than one film of the next stage
    learning_rate=1e-5,  # [ours] as ETHD's, for the renderer is the same network from the same weights
    warmup=500,  # [ours] Adam's moments are of nothing at first, and the token projections are fresh
    average=0.999,  # [ours] over the last thousand steps: smooths what batches of a few pictures jitter
    optimiser="adamw8bit",  # [ours] as ETHD's
)
V_AID = LoopSettings(
    steps=20_000,  # [ours] 45 times through HDTF's 1.54 M frames, in clips of 220
    batch=16,  # [paper] §6.4
    learning_rate=1e-4,  # [paper] §6.4, Adam
    warmup=500,  # [ours]
    average=0.999,  # [ours]
)
ETHD = LoopSettings(
    steps=30_000,  # [ours] as Hallo2 and Hallo3, the nearest of the published trainings
    batch=CARDS,  # [paper] 1 on each of 8 cards; on fewer cards in as many pieces
    piece=1,
    learning_rate=1e-5,  # [paper] §6.4
    warmup=500,  # [ours] the injectors begin at zero beside weights that are trained
    average=0.9995,  # [ours] over the last two thousand steps
    optimiser="adamw8bit",  # [paper] §6.4, Adam8bit; the W adds a decay of 1e-7 a step, which is nothing
    validation_samples=16,
)
BORN_OF_SVD = NoiseLaw(strong=0.0)
"""[ours] SVD's own law of noise: its weights have met strong noise in their own training."""

SHARES = FilmShares(
    held=0.0,  # [ours] heads that hold still, turned portraits and single pictures are for drawn heads: a film's own
    guided=0.0,  # head motion goes in as SVD's motion bucket
    single=0.0,
    from_vision=0.6,  # [paper] §6.4
    drop=0.1,  # [ours] of each condition, so that there can be guidance
)
FILMS = ETHDSettings(
    ETHD,
    FilmSettings(frames=120, shares=SHARES, noise=BORN_OF_SVD),
    start="start/ethd",
    filming=FilmingSettings(),  # [ours] 200 forward passes in all beside 30 000 steps: below a thousandth
    weighting="v",  # [ours] eq. 11 to the letter teaches next to nothing at low noise
)

_SVD = "`python -m emotivetalk_core fetch svd-xt --folder svd-xt`, then `python -m emotivetalk_core convert svd-xt "
MADE_BY = {
    "ethd": _SVD + "-o {file} --vae-out {folder}/vae.safetensors`",
    "vae": _SVD + "-o {folder}/ethd.safetensors --vae-out {file}`",
    "speech_encoder": "`python -m emotivetalk_core fetch wav2vec2-base --folder wav2vec2-base`, then "
    "`python -m emotivetalk_core convert wav2vec2-base -o {file} --kind wav2vec2`",
    "motion_encoder": "download PD-FGC's motion_model (docs/weights.md), then "
    "`python -m emotivetalk_core convert motion_model.safetensors -o {file} --kind pd-fgc`",
}
"""Weights that the training begins with, and the commands that make them."""

RECIPE = Recipe(
    name="full",
    preset=FULL,
    begins_with=MADE_BY,
    recompute="blocks",
    any_size=True,
    stages={
        "given": Stage(
            take_given,
            GivenSettings(("vae", "speech_encoder")),
            "speech_encoder",
            without_learning="VAE and Wav2Vec2 stay as they came",
        ),
        "encoders": Stage(
            train_encoders,
            EncoderSettings(
                ENCODERS,
                kinds=("clips",),
                start="start/motion_encoder",
                renderer="start/ethd",
                adapter_rate=10.0,  # [ours] 1e-4, as V-AID's: the adapters are small, and new
                noise=BORN_OF_SVD,
                measured=2048,  # [ours] PD-FGC's latents have no unit variance; more faces change the third digit
            ),
            "motion_encoder",
            step=encoder_step,
        ),
        "v_aid": Stage(train_v_aid, VAIDSettings(V_AID), "dicte", step=v_aid_step),
        "ethd": Stage(train_ethd, FILMS, "ethd", step=denoising_step),
        # [paper] the second size of §6.4; [ours] it begins with the first one's weights, and needs less of its own
        "ethd_1024": Stage(
            train_ethd,
            replace(
                FILMS,
                loop=replace(ETHD, steps=10_000),
                films=replace(FILMS.films, frames=32),
                start="ethd",
                name="ethd_1024",
                size=1024,
            ),
            "ethd_1024",
            named_only=True,  # it needs films that were prepared at 1024 pixels
            step=denoising_step,
        ),
        "codebook": Stage(
            build_labelled_codebook,
            LabelledSettings(),
            "emotion_codebook",
            without_learning="one pass of the encoders over the clips, and means of what they read",
        ),
    },
)
