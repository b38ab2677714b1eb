"""`train tiny`: every stage of `train demo` at the smallest size that has all its parts, in a minute or two. What comes
out cannot talk; it shows that the trainer works, on this machine and on so many processes.
"""

from dataclasses import replace
from typing import Any

from ..models.close_up import CloseUpConfig
from ..models.dicte import DiCTEConfig
from ..models.ethd import ETHDConfig
from ..models.face_finder import FaceFinderConfig
from ..models.lip_projector import LipProjectorConfig
from ..models.motion_encoder import MotionEncoderConfig
from ..models.presets import DEMO_SPEECH_EMOTION, ModelPreset, SamplingDefaults
from ..models.retoucher import RetoucherConfig
from ..models.vae_network import VAEConfig
from ..models.wav2vec2 import SpeechEncoderConfig
from ..training.recipe import Stage
from . import demo
from .drawn_heads import DrawnSettings
from .finer_decoder import FineFilmSettings
from .rendered_twins import TwinSettings
from .retouched_films import RetouchedFilmSettings

TINY = ModelPreset(
    speech_encoder=SpeechEncoderConfig(
        conv_dim=(8,) * 7,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    ),
    lip_projector=LipProjectorConfig(audio_dim=16, width=16, heads=2, blocks=1, lip_dim=8),
    motion_encoder=MotionEncoderConfig(
        aligned=False,
        input_size=32,
        trunk="small",
        trunk_channels=(8, 8),
        trunk_dim=16,
        head_width=8,
        lip_dim=8,
        expression_dim=6,
        adapter_channels=8,
    ),
    dicte=DiCTEConfig(
        expression_dim=6, audio_dim=16, identity_dim=16, width=16, layers=1, heads=2, tokens=40, prefix=5, steps=50
    ),
    ethd=ETHDConfig(
        block_channels=(16, 16),
        attends=(True, False),
        layers_per_block=1,
        head_dim=8,
        cross_dim=16,
        context_tokens=2,
        lip_dim=8,
        expression_dim=6,
        norm_groups=4,
        addition_embed_dim=8,
    ),
    vae=VAEConfig(block_channels=(16,) * 4, layers_per_block=1, norm_groups=8),
    sampling=SamplingDefaults(steps=2, grid="karras", expression_steps=2, window=8, overlap=2, size=64),
)
"""Every network of the method at the smallest size that has all its parts."""

_STEPS, _BATCH = 4, 4
_FEW = TwinSettings(
    stills=1,
    stills_each=3,
    clips=1,
    clip_frames=4,
    references=1,
    held_out_stills=1,
    held_out_clips=1,
    workers=0,
)
_VARIANT_STEPS = 1  # of each of the ablation's four backbones
_SMALLER: dict[str, dict[str, Any]] = {
    "face_finder": {
        "heads": 4,
        "people": 1,
        "portraits": 1,
        "check_scenes": 1,
        "config": FaceFinderConfig(channels=(8,) * 5, head_channels=8, norm_groups=4, scales=(128,)),
    },
    "speech_encoder": {"seconds": 0.5},
    "v_aid": {"lip_frames": 12, "club_width": 16},
    "ethd": {"films": replace(demo.RECIPE.stages["ethd"].settings.films, frames=4), "first_frames": 8},
    "ablation": {"films": replace(demo.RECIPE.stages["ethd"].settings.films, frames=4), "first_frames": 8},
    "codebook": {"faces": 2},
    "decoder": {"films": FineFilmSettings(filmed=2, seen=0, filmed_frames=8, held_out=1)},
    "twins": {"people": _FEW},
    "pictures": {"made_films": FineFilmSettings(filmed=2, seen=0, filmed_frames=8, held_out=1)},
    "people": {"films": replace(demo.RECIPE.stages["people"].settings.films, frames=4), "first_frames": 8},
    "retouch": {
        "films": RetouchedFilmSettings(rendered=1, drawn=1, frames=4, held_out=1, workers=0),
        "config": RetoucherConfig(channels=(8, 8), norm_groups=4),
    },
    "close_up": {"config": CloseUpConfig(channels=(8, 8), norm_groups=4, motion_width=8)},
    "speech_emotion": {
        "recordings": 8,
        "held_out": 4,
        "check": 1,
        "config": replace(DEMO_SPEECH_EMOTION, conv_dim=(64, 16, 16, 16), hidden_size=16, intermediate_size=16),
    },
}
"""What each stage does less of, beside its steps."""


def _small(name: str, stage: Stage) -> Stage:
    settings = replace(stage.settings, **_SMALLER.get(name, {}))
    if hasattr(settings, "loop"):
        steps = _VARIANT_STEPS if name == "ablation" else _STEPS
        loop = replace(settings.loop, steps=steps, batch=_BATCH, warmup=2, average=0.9, validation_samples=_BATCH)
        settings = replace(settings, loop=loop)
    return replace(stage, settings=settings)


RECIPE = replace(
    demo.RECIPE,
    name="tiny",
    preset=TINY,
    data=DrawnSettings(
        still_identities=4,
        stills_each=2,
        clips=3,
        clip_frames=40,
        references=2,
        held_frames=8,
        speech_clips=3,
        held_out_stills=2,
        held_out_clips=1,
        picture=64,
        workers=0,
    ),
    stages={name: _small(name, stage) for name, stage in demo.RECIPE.stages.items()},
)
