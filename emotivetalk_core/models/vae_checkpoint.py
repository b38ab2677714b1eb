"""The autoencoder from its file. Apart from vae.py, which has no business with files."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .checkpoint import load_network
from .vae import VAEConfig, build_vae

if TYPE_CHECKING:
    from diffusers import AutoencoderKLTemporalDecoder


def load_vae(
    path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> "AutoencoderKLTemporalDecoder":
    """The autoencoder in eval mode. Raises WeightsError."""
    return load_network(path, "vae", build_vae, VAEConfig, device, dtype)
