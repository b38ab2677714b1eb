"""What networks are built of, in one object, so that blocks hand on one thing and not four."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import nn

from .attention_functions import AttentionFunction, scaled_dot_product
from .temporal_convolution import TemporalConv3d


@dataclass(frozen=True)
class Parts:
    """operations: whose layers, torch.nn or a host's set of them · dtype, device: of their weights · attention: what
    computes attention. The layers take torch.nn's own arguments.
    """

    operations: ModuleType = nn
    dtype: torch.dtype | None = None
    device: torch.device | str | None = None
    attention: AttentionFunction = scaled_dot_product

    @property
    def factory_kwargs(self) -> dict[str, Any]:
        """For tensors that are no layer's."""
        return {"dtype": self.dtype, "device": self.device}

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
        return self.operations.Linear(inputs, outputs, bias=bias, **self.factory_kwargs)

    def conv2d(self, inputs: int, outputs: int, kernel: int | tuple[int, int], **shape: Any) -> nn.Conv2d:
        return self.operations.Conv2d(inputs, outputs, kernel, **shape, **self.factory_kwargs)

    def conv3d(self, inputs: int, outputs: int, kernel: int | tuple[int, int, int], **shape: Any) -> nn.Conv3d:
        return self.operations.Conv3d(inputs, outputs, kernel, **shape, **self.factory_kwargs)

    def temporal_convolution(self, channels: int) -> nn.Conv3d:
        """[b, channels, n, h, w] to the same, kernel (3, 1, 1): torch's layer in its quick form, a host's as the host
        computes it.
        """
        convolution = TemporalConv3d if self.operations is nn else self.operations.Conv3d
        return convolution(channels, channels, (3, 1, 1), padding=(1, 0, 0), **self.factory_kwargs)

    def embedding(self, rows: int, width: int) -> nn.Embedding:
        return self.operations.Embedding(rows, width, **self.factory_kwargs)

    def layer_norm(self, width: int) -> nn.LayerNorm:
        return self.operations.LayerNorm(width, **self.factory_kwargs)

    def group_norm(self, groups: int, channels: int, *, eps: float = 1e-5) -> nn.GroupNorm:
        return self.operations.GroupNorm(groups, channels, eps=eps, **self.factory_kwargs)


PLAIN = Parts()
"""torch's own layers, as torch makes them."""
