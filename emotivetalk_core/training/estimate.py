"""One denoising of e_v from a random t (EmotiveTalk eq. 7): what Di-CTE is trained on, and the e_bar_a of training."""

from collections.abc import Mapping

import torch

from ..diffusion.dicte_schedule import TRAINING_STEPS, add_noise
from ..models.dicte import DiCTE, DiCTEConfig
from .samples import Sample, chance, random_below

KNOWN_PREFIX = 0.8
"""Share of clips whose first frames are given clean (§6.4, "randomly cat … 0.8")."""
DROP_EMOTION = 0.1


def chances_of(config: DiCTEConfig, frames: int, generator: torch.Generator) -> Sample:
    """All the chance of one estimate, for one clip: t [1], noise [1, n, e], known [1, n], emotion_dropped [1]."""
    known = torch.zeros(1, frames)
    known[:, : config.prefix] = float(chance(KNOWN_PREFIX, generator))
    return {
        "t": torch.tensor([random_below(TRAINING_STEPS, generator)]),
        "noise": torch.randn(1, frames, config.expression_dim, generator=generator),
        "known": known,
        "emotion_dropped": torch.tensor([chance(DROP_EMOTION, generator)]),
    }


def estimate_expression(
    dicte: DiCTE,
    audio: torch.Tensor,
    expression: torch.Tensor,
    identity: torch.Tensor,
    emotion: torch.Tensor,
    chances: Mapping[str, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The x0 estimate [b, n, e] and the known mask [b, n], of audio [b, n, 10, c], expression [b, n, e], identity [b,
    d], emotion [b, n, e], by `chances_of` each.

    The known prefix goes in clean, as the sampler hands it over.
    """
    t, known = chances["t"], chances["known"]
    noisy = torch.where(known[..., None] > 0, expression, add_noise(expression, t, chances["noise"]))
    dropped = chances["emotion_dropped"]
    return dicte(noisy, t, audio, identity, emotion, known, emotion_dropped=dropped).float(), known
