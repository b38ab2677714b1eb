"""Backbones that are built or driven differently, trained so that the evaluation can compare them (EmotiveTalk table
2, fig. 12).

All start from the renderer of stage 3, see the same clips in the same order and no single pictures (which have no
sound), and run for the same number of steps, so that only what is varied differs: `edi_retrained` is the method itself
under these conditions.
"""

from dataclasses import replace

import torch

from ..models.checkpoint import read_checkpoint
from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import DEMO
from .ethd import fit_backbone, save_backbone
from .films import Films
from .stage import Stage

RAW_AUDIO = DEMO.lip_projector.window * DEMO.lip_projector.audio_dim
"""Width of a whole audio window A_w."""

VARIANTS: dict[str, ETHDConfig] = {
    "edi_retrained": DEMO.ethd,
    "direct_injection": replace(DEMO.ethd, expression_injection="direct"),
    "no_edi": replace(DEMO.ethd, expression_injection="none"),
    # The audio windows take the lip latents' place, and the expression is left to what can be heard.
    "no_decoupling": replace(DEMO.ethd, expression_injection="none", lip_dim=RAW_AUDIO),
}

STEPS = 100


def train_ablation(stage: Stage) -> None:
    """Trains every variant whose file is missing; the stage "ablation" of `train demo`."""
    for name in VARIANTS:
        if not stage.weights(f"ablation/{name}").exists():
            train_variant(stage, name)


def train_variant(stage: Stage, name: str, steps: int = STEPS) -> None:
    """Writes ablation/`name`.safetensors, `name` being one of VARIANTS."""
    config = VARIANTS[name]
    torch.manual_seed(stage.settings.seed)
    network = from_renderer(stage, config)
    films = Films(stage, raw_audio=name == "no_decoupling", single=0.0)
    record = fit_backbone(stage, network, films, f"ablation_{name}", replace(stage.settings.ethd, steps=steps))
    save_backbone(stage, network, f"ablation/{name}", {**record, "variant": name})


def from_renderer(stage: Stage, config: ETHDConfig) -> ETHD:
    """A backbone of `config` with every weight of stage 3's renderer that fits it; the others start afresh."""
    network = ETHD(config, attention=stage.attention)
    own = network.state_dict()
    renderer = read_checkpoint(stage.states / "renderer.safetensors", "ethd").tensors
    fitting = {key: value for key, value in renderer.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict({**own, **fitting})
    return network.to(stage.device)
