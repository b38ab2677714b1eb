"""Where expression may act: the places of (1 - M_lip) * M_face, at one size (EmotiveTalk eq. 10)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Region:
    """What is masked is computed for the places inside the mask only: a third of a talking crop, and all that counts.

    places: [m] indices of those that lie inside the mask of any clip of the batch; None where all do, or where the
    mask's values are not known (shapes without memory, a graph that torch.compile traces) · inside: bool [b, 1, m, 1],
    for the clips' masks may differ.
    """

    places: Tensor | None
    inside: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> "Region":
        """From a mask, bool [b, 1, h, w]."""
        inside = mask.flatten(2)[..., None]  # [b, 1, l, 1]
        if mask.is_meta or torch.compiler.is_compiling():
            return cls(None, inside)
        anywhere = inside.any(0).flatten()  # [l]
        if bool(anywhere.all()):
            return cls(None, inside)
        places = anywhere.nonzero()[:, 0]
        if not len(places):  # not every attention function takes no queries; the mask keeps this one as it is
            places = torch.zeros_like(anywhere[:1], dtype=torch.long)
        return cls(places, inside[:, :, places])

    def cut(self, x: Tensor) -> Tensor:
        """x [b, n, l, dim] at the region's places: [b, n, m, dim]."""
        return x if self.places is None else x.index_select(2, self.places)

    def add(self, x: Tensor, change: Tensor) -> Tensor:
        """x [b, n, l, dim] with the change [b, n, m, dim] added inside the masks, and nowhere else."""
        changed = torch.addcmul(self.cut(x), change, self.inside.to(x.dtype))
        if self.places is None:
            return changed
        x = x.clone()
        x[:, :, self.places] = changed
        return x
