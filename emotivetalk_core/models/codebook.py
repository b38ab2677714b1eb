"""The emotion codebook: the expression latent of each of the paper's eight keywords (EmotiveTalk §6.3), or of others.

A codebook is never changed: each edit gives a new one. Pictures and networks are not known here; a codebook is built
from them in direction/codebook_build.py.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, SettingsError, WeightsError
from ..types import EMOTIONS
from ..weight_files.checkpoint import read_checkpoint, save_checkpoint

KIND = "emotion_codebook"
NEUTRAL = "neutral"
ALIASES = {
    "fearful": "fear",
    "happiness": "happy",
    "joy": "happy",
    "anger": "angry",
    "sadness": "sad",
    "surprise": "surprised",
    "afraid": "fear",
    "scared": "fear",
    "disgust": "disgusted",
    "worry": "worried",
    "anxious": "worried",
}
"""Other words for the eight: "fearful" as in the paper's own retrieval prompt, whose list says "fear"; and what common
collections of labelled faces call them.
"""

_NAME = re.compile(r"[^\W\d][\w-]{0,39}")
_TAKEN = ("text", "image", "speech", "portrait")  # what other sources of emotion are called


def emotion_name(text: str) -> str:
    """The name that a codebook would know an emotion by: lower case, without spaces around it, no alias."""
    key = " ".join(text.lower().split())
    return ALIASES.get(key, key)


@dataclass(frozen=True)
class EmotionCodebook:
    """latents [names, expression_dim], z-normalised as the motion encoder gives them; names in lower case.

    Of DICE-Talk's emotions they are as wide as its priors, and as published · made_of: what stands in for a name that
    nobody published, e.g. "0.5 fear + 0.5 sad".
    """

    latents: torch.Tensor
    names: tuple[str, ...] = EMOTIONS
    made_of: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        fits = self.latents.dim() == 2 and len(self.latents) == len(self.names) == len(set(self.names))
        if not fits or NEUTRAL not in self.names:
            raise WeightsError(
                f"An emotion codebook of shape {list(self.latents.shape)} does not fit its {len(self.names)} names; "
                'it needs one latent for each, "neutral" among them.'
            )
        if not torch.isfinite(self.latents).all():
            raise WeightsError("An emotion codebook holds values that are not finite; build or download it again.")

    def lookup(self, name: str, intensity: float = 1.0) -> torch.Tensor:
        """Latent [expression_dim] of an emotion: e_cond. SettingsError for an unknown name, listing the known ones.

        intensity: 0 is the neutral face, 1 the emotion as stored, more exaggerates; on the line between the two. [ours]
        """
        latent = self.latents[self.position(name)]
        if not math.isfinite(intensity) or intensity < 0:
            raise SettingsError(f"The intensity {intensity} cannot be shown; choose 0 (neutral) or more, usually 1.")
        return torch.lerp(self.latents[self.names.index(NEUTRAL)], latent, intensity)

    def position(self, name: str) -> int:
        """Which latent a name means, aliases included. SettingsError for an unknown name, listing the known ones."""
        key = emotion_name(name)
        if key not in self.names:
            known = ", ".join(self.names)
            raise SettingsError(f"The emotion {name!r} is not in the codebook; choose one of {known}.")
        return self.names.index(key)

    def stand_in_notes(self, *names: str) -> tuple[str, ...]:
        """What should be said of those of the emotions that nobody published, and others stand for."""
        return tuple(
            f"{key.capitalize()} is not among the published emotions; {self.made_of[key]} stands for it."
            for key in dict.fromkeys(map(emotion_name, names))
            if key in self.made_of
        )

    def strengthened(self, name: str, amount: float) -> "EmotionCodebook":
        """The same with one emotion moved along its line from neutral: 0 onto neutral, 1 not at all, 2 twice as far.

        [ours] SettingsError for an unknown name, an impossible amount, and for neutral, from which all is measured.
        """
        if emotion_name(name) == NEUTRAL:
            raise SettingsError(
                "The strength of neutral cannot be set, because every other emotion is measured from it; set "
                "another's, or replace neutral with a picture of a calm face."
            )
        return self._with(self.position(name), self.lookup(name, amount))

    def replaced(self, name: str, latent: torch.Tensor) -> "EmotionCodebook":
        """The same with another latent [expression_dim] under a name, which may be new. InputError for a latent that
        does not fit, SettingsError for a name that cannot be one.
        """
        if latent.shape != self.latents.shape[1:] or not torch.isfinite(latent).all():
            raise InputError(
                f"The latent for {name!r} has the shape {list(latent.shape)}, but this codebook takes finite ones that "
                f"are {self.latents.shape[1]} wide; read it with the face encoders of the same weights."
            )
        key = new_emotion_name(name)
        if key in self.names:
            return self._with(self.names.index(key), latent.to(self.latents))
        return replace(self, latents=torch.cat([self.latents, latent.to(self.latents)[None]]), names=(*self.names, key))

    def renamed(self, name: str, new: str) -> "EmotionCodebook":
        """The same latents, one under another name. SettingsError for names that are unknown, taken, or neutral's."""
        position, key = self.position(name), new_emotion_name(new)
        if key in self.names:
            raise SettingsError(f"The codebook already has the emotion {key!r}; drop it first, or choose another name.")
        self._spare_neutral(position, "renamed")
        return replace(self, names=(*self.names[:position], key, *self.names[position + 1 :]))

    def without(self, name: str) -> "EmotionCodebook":
        """The same less one emotion. SettingsError for one that is unknown, and for neutral."""
        position = self.position(name)
        self._spare_neutral(position, "dropped")
        kept = [index for index in range(len(self.names)) if index != position]
        return replace(self, latents=self.latents[kept], names=tuple(self.names[index] for index in kept))

    def distances(self) -> torch.Tensor:
        """How far the emotions are from each other [names, names]: the root mean square of their difference, in
        standard deviations of the latents' channels. 0 on the diagonal.
        """
        differences = self.latents[:, None] - self.latents[None]  # [names, names, e]
        return differences.square().mean(-1).sqrt()

    def save(self, path: Path, record: Mapping[str, Any] | None = None, *, licence: str = "Apache-2.0") -> None:
        """Write emotion_codebook.safetensors. record: how it came about, JSON-able · licence: empty where only who
        made it can know. Raises OutputError.
        """
        config = {"names": self.names} | ({"made_of": dict(self.made_of)} if self.made_of else {})
        save_checkpoint(path, KIND, {"latents": self.latents}, config, record or {}, licence=licence)

    @classmethod
    def load(cls, path: Path) -> "EmotionCodebook":
        """Read what `save` wrote, on the CPU. Raises WeightsError."""
        checkpoint = read_checkpoint(path, KIND)
        names = checkpoint.config.get("names")
        if set(checkpoint.tensors) != {"latents"} or not isinstance(names, list):
            raise WeightsError(f"{path} is not a complete emotion codebook; copy or download it again.")
        made_of = {str(name): str(what) for name, what in checkpoint.config.get("made_of", {}).items()}
        return cls(checkpoint.tensors["latents"].float(), tuple(map(str, names)), made_of)

    def _with(self, position: int, latent: torch.Tensor) -> "EmotionCodebook":
        latents = self.latents.clone()
        latents[position] = latent
        return replace(self, latents=latents)

    def _spare_neutral(self, position: int, what: str) -> None:
        if self.names[position] == NEUTRAL:
            raise SettingsError(
                f"neutral cannot be {what}, because every other emotion is measured from it; replace it with a picture "
                "of a calm face instead."
            )


def merge(codebooks: Sequence[EmotionCodebook], weights: Sequence[float]) -> EmotionCodebook:
    """One codebook of all names: each latent is the weighted mean over the codebooks that have the name. [ours]

    weights: one for each, 0 or more and not all 0; only their proportions count. Raises SettingsError for others, and
    InputError where the codebooks are not of one width.
    """
    if len(weights) != len(codebooks) or len(codebooks) == 0:
        raise SettingsError(
            f"{len(codebooks)} codebooks were to be merged by {len(weights)} weights; give one weight for each."
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        given = ", ".join(f"{weight:g}" for weight in weights)
        raise SettingsError(f"The weights {given} cannot merge codebooks; give 0 or more for each, and not all 0.")
    widths = sorted({book.latents.shape[1] for book in codebooks})
    if len(widths) > 1:
        raise InputError(
            f"The codebooks' latents are {' and '.join(map(str, widths))} wide, so they are not of the same model and "
            "cannot be merged; take codebooks of the same weights."
        )
    counted = [(book, weight) for book, weight in zip(codebooks, weights) if weight > 0]
    names = tuple(dict.fromkeys(name for book, _ in counted for name in book.names))
    latents = []
    for name in names:
        holders = [(book.lookup(name), weight) for book, weight in counted if name in book.names]
        shares = torch.tensor([weight for _, weight in holders])
        latents.append((torch.stack([latent for latent, _ in holders]) * (shares / shares.sum())[:, None]).sum(0))
    return EmotionCodebook(torch.stack(latents), names)


def new_emotion_name(name: str) -> str:
    """What a codebook would call an emotion of that name. SettingsError for a name that cannot be one."""
    key = emotion_name(name)
    if not _NAME.fullmatch(key) or key in _TAKEN:
        raise SettingsError(
            f"An emotion cannot be called {name[:60]!r}; choose one word that begins with a letter, such as smug, and "
            f"is not one of {', '.join(_TAKEN)}."
        )
    return key
