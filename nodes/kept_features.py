"""Deep features between two steps of one window, while the host calls the network condition by condition.

A sampling run makes one store and gives it to its own conditions: it lives as long as that run, and empties itself at
every window, so nothing can come from another window, another run or another prompt.
"""

from collections.abc import Hashable, Sequence

import torch

from ..emotivetalk_core.models.ethd import DeepFeatures

KEPT_FEATURES = "emotivetalk_kept_features"
"""Where a condition has the store."""


class KeptFeatures:
    """What came up to the network's outermost level at a window's first step, by the host's name of each condition.

    The host may compute conditions together at one step and apart at the next, or on another device.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, torch.Tensor | None] = {}
        self._first = True

    def begin_window(self) -> None:
        """What comes next is the first step of another window."""
        self._kept, self._first = {}, True

    def begin_step(self) -> None:
        """What comes next is another step of the same window."""
        self._first = False

    def of(self, conditions: Sequence[Hashable], device: torch.device) -> DeepFeatures:
        """Of these conditions together, on the device; empty where the network has to compute all."""
        kept = [self._kept.get(condition) for condition in conditions]
        there = [features for features in kept if features is not None]
        if self._first or not there or len(there) < len(kept):
            return DeepFeatures()
        there = [features.to(device) for features in there]
        return DeepFeatures(there[0] if len(there) == 1 else torch.cat(there))

    def keep(self, conditions: Sequence[Hashable], deep: DeepFeatures) -> None:
        """After the first step's forward of these conditions, in their order. Of one that comes twice nothing is kept:
        who asks twice in a step asks for something else the second time, such as a perturbed forward.
        """
        if not self._first or not conditions or deep.kept is None:
            return
        for condition, features in zip(conditions, deep.kept.chunk(len(conditions)), strict=True):
            self._kept[condition] = None if condition in self._kept else features
