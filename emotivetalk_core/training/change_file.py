"""What a training changed, apart from the weights that it began with: a file for ComfyUI's Load LoRA.

Established from ComfyUI's comfy/lora.py: a weight's patches are found by the model's own name for it; `lora_up`,
`lora_down` and `alpha` are a change of low rank, `diff` and `diff_b` one that is added to weight and bias as it is.
"""

from collections.abc import Mapping

import torch

from ..errors import SettingsError
from .learning import BASE, DOWN, UP, Learning

_MODEL = "diffusion_model."


def changes(
    state: Mapping[str, torch.Tensor], start: Mapping[str, torch.Tensor], learning: Learning
) -> dict[str, torch.Tensor]:
    """By the host's names, in float16: of every layer that learnt what became of it. state: of the wrapped network, in
    the end · start: of the plain one, at first. SettingsError for a parameter that the host has no name for.
    """
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if name.endswith(DOWN) and name.removesuffix(DOWN) + BASE + "weight" in state:
            layer = name.removesuffix(DOWN)
            found[f"{_MODEL}{layer}.lora_down.weight"] = value.half()
            found[f"{_MODEL}{layer}.lora_up.weight"] = state[layer + UP].half()
            found[f"{_MODEL}{layer}.alpha"] = torch.tensor(learning.alpha)
        elif name in start and not torch.equal(value.float().cpu(), start[name].float().cpu()):
            layer, _, part = name.rpartition(".")
            if part not in ("weight", "bias"):
                raise SettingsError(f"{name} learns, and a file for Load LoRA cannot hold it; leave it out of `whole`.")
            difference = value.float().cpu() - start[name].float().cpu()
            found[f"{_MODEL}{layer}.{'diff' if part == 'weight' else 'diff_b'}"] = difference.half()
    return found
