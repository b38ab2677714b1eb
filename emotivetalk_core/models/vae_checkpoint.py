"""The autoencoder from its file. Apart from vae.py, which has no business with files."""

from pathlib import Path

import torch

from ..weight_files.checkpoint import load_network
from .vae_network import TemporalVAE, VAEConfig, build_vae


def load_vae(path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> TemporalVAE:
    """The autoencoder in eval mode. Raises WeightsError."""
    return load_network(path, "vae", build_vae, VAEConfig, device, dtype)
