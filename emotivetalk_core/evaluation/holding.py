"""What drives the backbone, less a part of it (EmotiveTalk table 2). Backbones that are built differently lie in
`ablation/` of the weights folder, where `training.ablation` puts them.
"""

from dataclasses import replace
from pathlib import Path

from ..models.ethd import ETHD, ETHDConfig
from ..models.model_set import ModelSet
from ..pipeline import encode_windows
from ..types import Speech, VideoConditions
from ..weight_files.checkpoint import load_network


def without_lip(conditions: VideoConditions) -> VideoConditions:
    """The mean mouth in every frame; latents are z-normalised."""
    return replace(conditions, lip=conditions.lip.new_zeros(conditions.lip.shape))


def without_expression(conditions: VideoConditions) -> VideoConditions:
    """The portrait's own expression in every frame: EDI's difference vanishes."""
    own = conditions.reference_expression.expand_as(conditions.driving_expression)
    return replace(conditions, driving_expression=own)


def raw_audio(models: ModelSet, speech: Speech, conditions: VideoConditions) -> VideoConditions:
    """The audio windows A_w themselves in the place of the lip latents, and no expression."""
    windows = encode_windows(models, speech).flatten(1)  # [n, 10·c]
    return replace(without_expression(conditions), lip=windows.to(conditions.lip))


def backbone_file(weights: Path, name: str) -> Path:
    return weights / "ablation" / f"{name}.safetensors"


def load_backbone(path: Path, models: ModelSet) -> ETHD:
    """A backbone in the place of the models' own. Raises WeightsError."""
    weight = next(models.ethd.parameters())
    return load_network(path, "ethd", ETHD, ETHDConfig, weight.device, weight.dtype).requires_grad_(False)
