"""The networks that films are watched with: those that come along, and those of others that a user has weights of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..device import autocast, pick_device
from ..errors import SettingsError, WeightsError
from ..face.crops import pictures
from ..face.finder import FaceDetector
from ..measuring.syncnet import METHOD
from ..models.face_finder import FaceFinder, FaceFinderConfig
from ..models.face_probe import BUNDLED_PROBE, FaceProbe, load_probe
from ..models.syncnet import SyncNet, SyncNetConfig
from ..models.vae import encode_modes
from ..models.vae_checkpoint import load_vae
from ..training.faces import sized
from ..training.source import checksum
from ..weight_files.bundled import BUNDLED_WEIGHTS
from ..weight_files.checkpoint import load_network

OPTIONS = ("vae", "latents", "syncnet")
OWN_SYNC = "correlation of mouth and loudness"
_ENCODED_AT_ONCE = 8

Encode = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Pictures uint8 [n, s, s, 3] to unscaled VAE modes [n, 4, h, w], as fields by name."""


@dataclass(frozen=True)
class Given:
    """Files of weights, None where there are none. vae: its latents are written · latents: of pictures of these sizes
    in pixels, () for that of the written ones · syncnet: says whether lips and sound go together.
    """

    vae: Path | None = None
    latents: tuple[int, ...] = ()
    syncnet: Path | None = None

    def sizes(self, size: int) -> tuple[int, ...]:
        """Of the latents of pictures that are written with `size` pixels, largest first. Raises SettingsError."""
        if self.vae is None and self.latents:
            raise SettingsError("Latents are an autoencoder's; give its weights as --vae.")
        if any(each > size for each in self.latents):
            raise SettingsError(
                f"Latents of {max(self.latents)} pixels need pictures that are as large, and these are written with "
                f"{size}; give --size {max(self.latents)}."
            )
        return tuple(sorted(set(self.latents or (size,)), reverse=True)) if self.vae is not None else ()

    def record(self, size: int) -> dict[str, Any]:
        """What the data's record says of them: which files they are, and what came of it. Raises WeightsError."""
        files = {"vae": self.vae, "syncnet": self.syncnet}
        for file in files.values():
            if file is not None and not file.is_file():
                raise WeightsError(f"{file} does not exist; give a weights file that `convert` wrote.")
        digests = {name: "" if file is None else checksum(file) for name, file in files.items()}
        return {**digests, "latents": list(self.sizes(size)), "sync": METHOD if self.syncnet else OWN_SYNC}


NOTHING = Given()


@dataclass(frozen=True)
class Tools:
    """probe: says how wide a mouth stands open · drawn: the finder of drawn heads, asked where MTCNN sees nothing ·
    encode: writes latents, or None · syncnet: None where our own correlation judges the lips.
    """

    probe: FaceProbe
    drawn: FaceDetector | None = None
    encode: Encode | None = None
    syncnet: SyncNet | None = None


def load_tools(given: Given, size: int) -> Tools:
    """Raises WeightsError."""
    finder = load_network(
        BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig, "cpu"
    )
    encode = None if given.vae is None else _encoder(given.vae, given.sizes(size))
    syncnet = None
    if given.syncnet is not None:
        syncnet = load_network(given.syncnet, "syncnet", SyncNet, SyncNetConfig, pick_device()).requires_grad_(False)
    return Tools(load_probe(BUNDLED_PROBE), finder.find, encode, syncnet)


def _encoder(weights: Path, sizes: Sequence[int]) -> Encode:
    device = pick_device()
    network = load_vae(weights, device)
    side = network.config.pixels_per_latent
    names = {"latents" if at == 0 else f"latents_{size // side}": size for at, size in enumerate(sizes)}

    def of_size(levels: np.ndarray, size: int) -> np.ndarray:
        parts = []
        for start in range(0, len(levels), _ENCODED_AT_ONCE):
            with autocast(device):
                faces = sized(pictures(levels[start : start + _ENCODED_AT_ONCE], device), size)
                parts.append(encode_modes(network, faces).half().cpu())
        return torch.cat(parts).numpy()

    @torch.inference_mode()
    def encode(levels: np.ndarray) -> dict[str, np.ndarray]:
        return {name: of_size(levels, size) for name, size in names.items()}

    return encode
