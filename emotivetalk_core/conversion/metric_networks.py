"""The published networks of FID, FVD and SyncNet become ours: the same keys, as safetensors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import WeightsError
from ..models.i3d import I3D, I3DConfig
from ..models.inception import Inception, InceptionConfig
from ..models.syncnet import SyncNet, SyncNetConfig
from ..weight_files.checkpoint import check_keys, save_checkpoint
from ..weight_files.pickles import published_tensors
from ..weight_files.safetensors_stream import StreamedTensor

_COUNTERS = "num_batches_tracked"
"""Of batch norms: how often they learnt, which older files do not say and no frozen network reads."""


@dataclass(frozen=True)
class MetricNetwork:
    """A network of ours, where its weights come from, and on what terms. unused: how keys begin that it leaves out."""

    network: Callable[..., nn.Module]
    config: type[Any]
    origin: str
    licence: str
    unused: tuple[str, ...] = ()


METRIC_NETWORKS = {
    "inception": MetricNetwork(
        Inception, InceptionConfig, "FID's Inception of 2015-12-05, as pytorch-fid has it", "Apache-2.0", ("fc.",)
    ),
    "i3d": MetricNetwork(I3D, I3DConfig, "I3D of ImageNet and Kinetics-400, as pytorch-i3d has it", "Apache-2.0"),
    "syncnet": MetricNetwork(
        SyncNet, SyncNetConfig, "SyncNet v2 of the Visual Geometry Group, Oxford", "for research; read its page"
    ),
}


def convert_metric_network(kind: str, source: Path, out: Path) -> int:
    """One of METRIC_NETWORKS, published as a pickle or as safetensors, into `out`. Returns how many parameters it has.

    Raises WeightsError for another file, naming the first key that does not fit, and OutputError.
    """
    known = METRIC_NETWORKS[kind]
    network = known.network(known.config(), device="meta")
    wanted = network.state_dict()
    tensors = {
        name: _values(tensor)
        for name, tensor in published_tensors(source, leave_out=_COUNTERS).items()
        if not name.startswith(known.unused)
    }
    counters = {name: torch.zeros((), dtype=torch.long) for name in wanted if name.endswith(_COUNTERS)}
    check_keys(source, kind, wanted, tensors | counters)
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise WeightsError(f"{source} holds numbers that are not finite; download the published file again.")
    record = {"from": known.origin, "converted": "keys and values as published"}
    save_checkpoint(out, kind, tensors | counters, known.config(), record, licence=known.licence)
    return sum(value.numel() for value in network.parameters())


def _values(tensor: StreamedTensor) -> torch.Tensor:
    """In float32."""
    formats = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    raw = torch.frombuffer(bytearray(b"".join(tensor.pieces())), dtype=formats[tensor.dtype])
    return raw.reshape(tensor.shape).float()
