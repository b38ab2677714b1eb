"""Layers that begin as zero, so that the branch which they end begins as nothing."""

from torch import nn


def start_at_zero(layer: nn.Module) -> None:
    """Zeroes weight and bias in place, each where there is one: a host's layers may get theirs only when loaded."""
    for name in ("weight", "bias"):
        tensor = getattr(layer, name, None)
        if tensor is not None:
            nn.init.zeros_(tensor)
