"""The host's dynamic VRAM, which is its default on NVIDIA cards, on the mock of a card.

There the host leaves weights where they were read and fetches each layer's when it computes, into memory that may be
taken from it at any time. Its library for that memory (comfy-aimdo) needs NVIDIA's driver. What stands in for it here
grants every third layer's memory for ever, every third's until it is next asked for, and to the rest none, so that all
three of the host's ways of fetching a weight are gone.
"""

import itertools
import types
from typing import Any

import torch

Allocation = tuple["MockWeightMemory", int, int]
"""As the library has it: whose memory, where in it, how many bytes."""


class MockWeightMemory:
    """One network's memory for weights on the card."""

    def __init__(self, size: int, device: int) -> None:
        self._places: list[torch.Tensor] = []
        self._faults = itertools.count()
        self._device = torch.device("cuda", device)

    def prioritize(self, *_: Any) -> None:
        pass

    def alloc(self, size: int) -> Allocation:
        self._places.append(torch.empty(size, dtype=torch.uint8, device=self._device))
        return (self, len(self._places) - 1, size)

    def fault(self, place: int, size: int) -> bytes | None:
        """A signature where the memory was granted: the same as last time if what was written there is still there."""
        if place % 3 == 0:
            return b"always"
        return str(next(self._faults)).encode() if place % 3 == 1 else None

    def tensor(self, place: int, size: int) -> torch.Tensor:
        return self._places[place]

    def loaded_size(self) -> int:
        return sum(place.numel() for place in self._places)

    def free_memory(self, _: float) -> int:
        return 0


def install() -> None:
    """Turns dynamic VRAM on in the host, as its main.py does. The host's modules must be importable."""
    import comfy_aimdo.host_buffer
    import comfy_aimdo.model_vbar
    import comfy_aimdo.torch

    comfy_aimdo.host_buffer.HostBuffer = lambda *_: types.SimpleNamespace(size=0)
    vbar = comfy_aimdo.model_vbar
    vbar.ModelVBAR = MockWeightMemory
    vbar.vbar_fault = lambda allocation: allocation[0].fault(*allocation[1:])
    vbar.vbar_signature_compare = lambda one, other: one is not None and one == other
    vbar.vbar_unpin = lambda allocation: None
    vbar.vbars_analyze = lambda device=None: 0
    comfy_aimdo.torch.aimdo_to_tensor = lambda allocation, device: allocation[0].tensor(*allocation[1:])

    import comfy.cli_args
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_patcher

    comfy.cli_args.args.disable_pinned_memory = True  # needs the library's own host memory
    comfy.model_management.NUM_STREAMS = 0  # fetching ahead needs its buffers on the card
    comfy.memory_management.aimdo_enabled = True
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
