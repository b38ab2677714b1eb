"""The emotion codebook: the expression latent of each of the paper's eight keywords (EmotiveTalk §6.3)."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import SettingsError, WeightsError
from ..types import EMOTIONS
from .checkpoint import read_checkpoint, save_checkpoint

KIND = "emotion_codebook"
ALIASES = {"fearful": "fear"}
"""The paper's own retrieval prompt says "fearful" where its list says "fear"."""


@dataclass(frozen=True)
class EmotionCodebook:
    """latents [names, expression_dim], z-normalised as the motion encoder gives them; names in lower case."""

    latents: torch.Tensor
    names: tuple[str, ...] = EMOTIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if self.latents.dim() != 2 or len(self.latents) != len(self.names) or "neutral" not in self.names:
            raise WeightsError(
                f"An emotion codebook of shape {list(self.latents.shape)} does not fit its {len(self.names)} names; "
                'it needs one latent for each, "neutral" among them.'
            )

    def lookup(self, name: str, intensity: float = 1.0) -> torch.Tensor:
        """Latent [expression_dim] of an emotion: e_cond. SettingsError for an unknown name, listing the known ones.

        intensity: 0 is the neutral face, 1 the emotion as stored, more exaggerates; on the line between the two. [ours]
        """
        key = name.strip().lower()
        key = ALIASES.get(key, key)
        if key not in self.names:
            known = ", ".join(self.names)
            raise SettingsError(f"The emotion {name!r} is not in the codebook; choose one of {known}.")
        if not math.isfinite(intensity) or intensity < 0:
            raise SettingsError(f"The intensity {intensity} cannot be shown; choose 0 (neutral) or more, usually 1.")
        neutral = self.latents[self.names.index("neutral")]
        return torch.lerp(neutral, self.latents[self.names.index(key)], intensity)

    def save(self, path: Path) -> None:
        """Write emotion_codebook.safetensors. Raises OutputError."""
        save_checkpoint(path, KIND, {"latents": self.latents}, {"names": self.names}, {})

    @classmethod
    def load(cls, path: Path) -> "EmotionCodebook":
        """Read what `save` wrote, on the CPU. Raises WeightsError."""
        checkpoint = read_checkpoint(path, KIND)
        names = checkpoint.config.get("names")
        if set(checkpoint.tensors) != {"latents"} or not isinstance(names, list):
            raise WeightsError(f"{path} is no whole emotion codebook; copy or download it again.")
        return cls(checkpoint.tensors["latents"].float(), tuple(names))
