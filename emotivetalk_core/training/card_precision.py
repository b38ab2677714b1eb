"""What CUDA's autocast does to number formats, on shapes alone: torch applies its own to tensors on a card only."""

from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_LOW = {
    functional.linear,
    functional.conv1d,
    functional.conv2d,
    functional.conv3d,
    functional.scaled_dot_product_attention,
    torch.conv1d,
    torch.conv2d,
    torch.matmul,
    torch.bmm,
    torch.einsum,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
}
_FULL = {
    functional.layer_norm,
    functional.group_norm,
    functional.softmax,
    functional.cross_entropy,
    functional.mse_loss,
    torch.softmax,
    torch.Tensor.softmax,
    torch.Tensor.exp,
    torch.Tensor.log,
    torch.Tensor.sum,
    torch.Tensor.pow,
}
"""Of torch's list (its page "Automatic Mixed Precision package") what our networks call."""


class CardAutocast(TorchFunctionMode):
    """Within it products are in bfloat16 and norms in float32. Copies of parameters that learn are kept for their next
    use until `forget`, as autocast keeps them until it ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, torch.Tensor] | None = {}

    def forget(self) -> None:
        """Keep no copies any more: what is recomputed in the backward pass makes its own."""
        self._kept = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _LOW:
            args, kwargs = self._brought(args, torch.bfloat16), self._brought(kwargs or {}, torch.bfloat16)
        elif func in _FULL:
            args, kwargs = self._brought(args, torch.float32), self._brought(kwargs or {}, torch.float32)
        return func(*args, **(kwargs or {}))

    def _brought(self, given: Any, dtype: torch.dtype) -> Any:
        if isinstance(given, dict):
            return {name: self._brought(value, dtype) for name, value in given.items()}
        if isinstance(given, (tuple, list)):
            return type(given)(self._brought(value, dtype) for value in given)
        if not isinstance(given, torch.Tensor) or not given.is_floating_point() or given.dtype == dtype:
            return given
        if self._kept is None or not (isinstance(given, torch.nn.Parameter) and given.requires_grad):
            return given.to(dtype)
        if dtype != torch.bfloat16:
            return given.to(dtype)
        if id(given) not in self._kept:
            self._kept[id(given)] = given.to(dtype)
        return self._kept[id(given)]
