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

from ..emotivetalk_core.models.checkpoint import load_network

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class HostedNetwork(Generic[Network]):
    """A network, and the patcher through which the host moves it."""

    network: Network
    patcher: comfy.model_patcher.ModelPatcher

    @property
    def device(self) -> torch.device:
        """Where it computes; what it is given goes there first."""
        return self.patcher.load_device

    def loaded(self, memory_required: float = 0.0) -> Network:
        """The network, once the host has brought it to its device and left `memory_required` bytes for its work."""
        comfy.model_management.load_models_gpu([self.patcher], memory_required=memory_required)
        return self.network


def host_network(network: Network) -> HostedNetwork[Network]:
    """Hands a network, built from the host's operations on its offload device, over to the host."""
    comfy.model_management.archive_model_dtypes(network)
    patcher = comfy.model_patcher.CoreModelPatcher(
        network.eval().requires_grad_(False),
        load_device=comfy.model_management.text_encoder_device(),
        offload_device=comfy.model_management.text_encoder_offload_device(),
    )
    return HostedNetwork(network, patcher)


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
