"""`train full-24gb` and `train adapt`: a part of the full-size backbone, on one card of 24 GB. Every number is here.

[paper] and [ours] as in full.py. Neither was ever run at this size.
"""

from dataclasses import replace

from ..models.presets import FULL, ModelPreset
from ..training.ethd import denoising_step, train_ethd
from ..training.films import FilmSettings
from ..training.learning import Learning
from ..training.recipe import Recipe, Stage
from ..training.starting import GivenSettings, take_given
from . import full

SIZE, FRAMES = 256, 48
LEAST_FRAMES = 4
"""Of a film that `adapt` learns from, however large its pictures are."""

WHAT_IS_NEW = Learning(
    # The injectors alone will not do: SVD's cross-attentions were trained on one token, whose softmax is 1 whatever is
    # asked, so queries and keys of both have never had a gradient.
    whole=("lip_tokens.*", "expression_tokens.*", "frame_positions.*", "*.edi.*", "*.attn2.*"),
    lora=("*.attn1.*",),  # [ours] how pictures and frames look at each other changes a little
    rank=32,
    alpha=32.0,
)
"""[ours] 154 M weights whole, and 6 M of low rank, of 1.58 G."""

_LOOP = replace(
    full.ETHD,
    batch=4,  # [ours] in four pieces of one: a quarter of the paper's noise in the gradient costs a step of 3 s
    learning_rate=5e-5,  # [ours] what learns is fresh or of low rank, which bears more than a whole network
)
_FILMS = replace(
    full.FILMS,
    loop=_LOOP,
    films=FilmSettings(frames=FRAMES, shares=full.SHARES, noise=full.BORN_OF_SVD),
    learning=WHAT_IS_NEW,
)
_OF_FULL = full.RECIPE.stages["encoders"]
_ENCODERS = replace(
    _OF_FULL.settings,
    loop=replace(full.ENCODERS, learning_rate=_LOOP.learning_rate),
    adapter_rate=2.0,  # [ours] 1e-4 for the adapters, as in `full`
    learning=WHAT_IS_NEW,  # [ours] the renderer is given up afterwards; the whole of it would take 24 GB by itself
)
PRESET = replace(FULL, sampling=replace(FULL.sampling, size=SIZE, window=FRAMES, overlap=12))

ONE_CARD = replace(
    full.RECIPE,
    name="full-24gb",
    preset=PRESET,
    stages={
        "given": full.RECIPE.stages["given"],
        "encoders": replace(_OF_FULL, settings=_ENCODERS),
        "v_aid": full.RECIPE.stages["v_aid"],
        "ethd": Stage(train_ethd, _FILMS, "ethd", step=denoising_step),
        "codebook": full.RECIPE.stages["codebook"],
    },
)

_KEPT = ("vae", "speech_encoder", "motion_encoder", "lip_projector", "dicte", "emotion_codebook")
_BESIDE = ("face_finder", "head_pose_reader", "speech_emotion", "retoucher", "close_up")
"""What such weights may hold beside: who adapts them keeps it."""
_ADAPTING = replace(
    _FILMS,
    loop=replace(
        _LOOP,
        steps=2000,  # [ours] forty minutes of one face are 60 000 frames: some two times through them
        batch=2,
        warmup=100,
        learning_rate=2e-5,  # [ours] nothing is fresh here: less than half of what fresh parts bear
        average=0.995,
    ),
    filming=replace(full.FILMS.filming, people=1),
    apart="ethd_change",
)

ADAPT = Recipe(
    name="adapt",
    preset=FULL,
    begins_with={name: "train it, or name another folder of whole weights as --weights" for name in ("ethd", *_KEPT)},
    recompute="blocks",
    any_size=True,
    stages={
        "given": Stage(
            take_given,
            GivenSettings(_KEPT, also=_BESIDE),
            "emotion_codebook",
            without_learning="all but the backbone stay as they came",
        ),
        "ethd": Stage(train_ethd, _ADAPTING, "ethd", step=denoising_step),
    },
)
"""A person's own films, from weights that are there. `fitted` brings it to their sizes."""


def fitted(recipe: Recipe, preset: ModelPreset) -> Recipe:
    """`adapt` for weights of these sizes: at their own size of picture, and of films as many frames as a 24 GB card
    holds. The motion is known; what has to be learnt is a face, at the size that it will be shown in. [ours]
    """
    sampling, stage = preset.sampling, recipe.stages["ethd"]
    frames = max(LEAST_FRAMES, min(sampling.window, SIZE**2 * FRAMES // sampling.size**2))
    films = replace(stage.settings.films, frames=frames)
    stages = {**recipe.stages, "ethd": replace(stage, settings=replace(stage.settings, films=films))}
    return replace(recipe, preset=preset, stages=stages)
