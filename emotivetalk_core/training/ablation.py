"""Backbones that are built or driven differently, trained so that the evaluation can compare them (EmotiveTalk table
2, fig. 12).

All start from the same weights, see the same clips in the same order and no single pictures (which have no sound), and
run for the same number of steps, so that only what is varied differs: `edi_retrained` is the method itself under these
conditions.
"""

from dataclasses import replace

import torch

from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import ModelPreset
from ..weight_files.checkpoint import read_checkpoint
from .ethd import ETHDSettings, fit_backbone, save_backbone
from .job import Job


def variants(preset: ModelPreset) -> dict[str, ETHDConfig]:
    """By name: how each backbone is built."""
    method = preset.ethd
    raw_audio = preset.lip_projector.window * preset.lip_projector.audio_dim  # the width of a whole window A_w
    return {
        "edi_retrained": method,
        "direct_injection": replace(method, expression_injection="direct"),
        "no_edi": replace(method, expression_injection="none"),
        # The audio windows take the lip latents' place, and the expression is left to what can be heard.
        "no_decoupling": replace(method, expression_injection="none", lip_dim=raw_audio),
    }


def train_ablation(job: Job, settings: ETHDSettings) -> None:
    """Writes ablation/NAME.safetensors for every variant whose file is missing."""
    for name, config in variants(job.preset).items():
        if not job.weights(f"ablation/{name}").exists():
            torch.manual_seed(job.seed)
            network = from_renderer(job, config, settings.start)
            shares = replace(settings.films.shares, single=0.0)
            films = replace(settings.films, shares=shares, raw_audio=name == "no_decoupling")
            record = fit_backbone(job, network, f"ablation_{name}", replace(settings, films=films))
            save_backbone(job, network, f"ablation/{name}", {**record, "variant": name}, settings)


def from_renderer(job: Job, config: ETHDConfig, start: str) -> ETHD:
    """A backbone of `config` with every weight of `start`'s that fits it; the others start afresh."""
    network = ETHD(config, attention=job.attention)
    own = network.state_dict()
    renderer = read_checkpoint(job.weights(start), "ethd").tensors
    fitting = {key: value for key, value in renderer.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict({**own, **fitting})
    return network.train()
