"""Core networks under the host's memory management: the host loads, offloads and casts them, and is told what they
need.

This is the only file that wraps a network in the host's patcher, except for the native MODEL (ethd_model.py) and the
VAE (vae.py), which the host wraps in classes of its own.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import torch
from torch import nn
from torch.nn.utils import parametrize

from ..emotivetalk_core.weight_files.checkpoint import load_network

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class HostedNetwork(Generic[Network]):
    """A network, and the patcher through which the host moves it. whole: never in part, see `host_network`."""

    network: Network
    patcher: comfy.model_patcher.ModelPatcher
    whole: bool = False

    @property
    def device(self) -> torch.device:
        """Where it computes; what it is given goes there first."""
        return self.patcher.load_device

    def loaded(self, memory_required: float = 0.0) -> Network:
        """The network, once the host has brought it to its device and left `memory_required` bytes for its work."""
        comfy.model_management.load_models_gpu(
            [self.patcher], memory_required=memory_required, force_full_load=self.whole
        )
        return self.network


def host_network(network: Network, *, whole: bool = False) -> HostedNetwork[Network]:
    """Hands a network, built from the host's operations on its offload device, over to the host.

    whole: for a network that computes with its weights past its layers, as WavLM's attention does, so that they must
    all be where it computes; its layers are then plain ones.
    """
    comfy.model_management.archive_model_dtypes(network)
    # the host's newer patcher fetches weights layer by layer and cannot be told to load them all
    patcher_class = comfy.model_patcher.ModelPatcher if whole else comfy.model_patcher.CoreModelPatcher
    patcher = patcher_class(
        network.eval().requires_grad_(False),
        load_device=comfy.model_management.text_encoder_device(),
        offload_device=comfy.model_management.text_encoder_offload_device(),
    )
    return HostedNetwork(network, patcher, whole)


_HOSTED_LEAVES: dict[type[nn.Module], type[nn.Module]] = {
    getattr(nn, name): getattr(comfy.ops.manual_cast, name)
    for name in ("Linear", "Conv1d", "Conv2d", "Conv3d", "GroupNorm", "LayerNorm", "Embedding")
}


def adopt_operations(network: Network) -> Network:
    """Makes a network that a library built from torch.nn one of the host's layers, in place; what it computes stays.

    Where the host loads a network in part, only its own layers fetch the weights that did not fit; a plain one computes
    where its weights are. The host's are subclasses of torch's with the same attributes, so each leaf, an instance of
    its own, is given the host's class, and weights, names and shared classes stay as they are. Weights computed from
    others (Wav2Vec2's weight norm) are computed once and become plain.
    """
    for module in list(network.modules()):
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name)
        hosted = _HOSTED_LEAVES.get(type(module))
        if hosted is not None:
            module.__class__ = hosted
    return network


def load_hosted(
    path: Path, kind: str, network_class: Callable[..., Network], config_class: type[Any]
) -> HostedNetwork[Network]:
    """The network of one of the pack's files, under the host's management, in float32: these networks are small, and
    what they say drives every frame. Raises WeightsError.
    """
    build = functools.partial(network_class, operations=comfy.ops.manual_cast)
    offload = comfy.model_management.text_encoder_offload_device()
    return host_network(load_network(path, kind, network_class, config_class, offload, torch.float32, hosted=build))


def to_host(values: torch.Tensor) -> torch.Tensor:
    """A result, where the host keeps what travels between nodes."""
    return values.to(comfy.model_management.intermediate_device())
