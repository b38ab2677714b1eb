"""What stages have in common that learn from a person's portrait and frames beside it: which frame is drawn, and what
a network is told of it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..models.presets import ModelPreset
from .samples import chance, random_below
from .source import Clip

UNSURE = 0.1
"""Standard deviation of what is added to half of the motions: latents that speech asks for are not quite those of any
picture.
"""
_SELDOM = 5e-4
"""Added to how likely a frame is drawn whose eyes look as the portrait's."""


class BlinkingRows:
    """Rows of clips by chance: a share of them the likelier, the further their eyes look from the portrait's, as in a
    blink. looks: how much further that is than it ever is in the clip [n], squared differences, 0…1.
    """

    def __init__(self, share: float, looks: Callable[[Clip], Tensor]) -> None:
        self._share, self._looks = share, looks
        self._likely: dict[str, Tensor] = {}

    def draw(self, clip: Clip, generator: torch.Generator) -> int:
        if not chance(self._share, generator):
            return random_below(clip.frames, generator)
        if clip.id not in self._likely:
            self._likely[clip.id] = self._looks(clip) + _SELDOM
        return int(torch.multinomial(self._likely[clip.id], 1, generator=generator))


def motion_width(preset: ModelPreset) -> int:
    """How many latents of lips and expression together the preset's motion encoder reads."""
    return preset.motion_encoder.lip_dim + preset.motion_encoder.expression_dim


def mean_where(value: Tensor, at: Tensor) -> Tensor:
    """The mean of a value where it counts; 0 where nothing does."""
    return (value * at).sum() / at.sum().clamp_min(1)
