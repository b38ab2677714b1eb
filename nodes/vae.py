"""The picture autoencoder as the host's VAE: its own nodes encode, decode and decode in tiles with it."""

import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.utils
import torch
from torch import nn

from ..emotivetalk_core.models.close_up import KIND as CLOSE_UP
from ..emotivetalk_core.models.close_up import CloseUpNetwork, load_close_up
from ..emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from ..emotivetalk_core.models.retoucher import KIND as RETOUCHER
from ..emotivetalk_core.models.retoucher import Retoucher, load_retoucher
from ..emotivetalk_core.models.vae import (
    chunk_memory,
    decode_chunks,
    encode_mode,
    encoding_memory,
    frames_at_once,
)
from ..emotivetalk_core.models.vae_network import TemporalVAE, VAEConfig, build_vae
from ..emotivetalk_core.weight_files.checkpoint import load_network
from .layouts import image_of

_TILE, _TILE_OVERLAP = 32, 8  # latent pixels, for clips that do not fit as a whole


class FirstStage(nn.Module):
    """What the host calls a VAE's network: pixels [b, 3, h, w] in 0…1 to unscaled modes, and a clip's modes back."""

    def __init__(self, network: TemporalVAE) -> None:
        super().__init__()
        self.network = network

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """The modes [b, 4, h', w'], NOT scaled by 0.18215, as the host's latent formats expect."""
        return encode_mode(self.network, pixels)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Unscaled latents [n, 4, h', w'] of one clip to its frames [n, 3, h, w]."""
        return torch.cat(list(self.chunks(latents, latents.device)))

    def chunks(self, latents: torch.Tensor, device: torch.device, first: int = 0) -> Iterator[torch.Tensor]:
        """The same in chunks [k, 3, h, w] on `device`, from frame `first` on. NumericalError."""
        side = self.network.config.pixels_per_latent
        yield from decode_chunks(
            self.network,
            latents.float() * self.network.config.scaling_factor,
            chunk=frames_at_once(side * latents.shape[-2], side * latents.shape[-1]),
            device=device,
            first=first,
        )


class ClipVAE(comfy.sd.VAE):
    """A VAE whose LATENT batch is one clip: its decoder mixes neighbouring frames.

    The host would split a batch wherever memory ends, and decode tiles frame by frame, which shows as seams and
    flicker; so both ways of decoding are our own, in chunks that know their neighbours. Encoding is the host's.
    retoucher, close_up, face_finder: of the same weights, for whoever has the portrait beside the frames; too small to
    be managed.
    """

    def __init__(
        self,
        network: TemporalVAE,
        retoucher: Retoucher | None = None,
        close_up: CloseUpNetwork | None = None,
        face_finder: FaceFinder | None = None,
    ) -> None:
        _set_host_defaults(self)
        self.retoucher, self.close_up, self.face_finder = retoucher, close_up, face_finder
        config = network.config
        self.downscale_ratio, self.upscale_ratio = config.pixels_per_latent, config.decoded_pixels_per_latent
        self.latent_channels = config.latent_channels
        self.process_input = lambda image: image
        self.process_output = lambda image: image.clamp_(0, 1)
        self.memory_used_encode = lambda shape, dtype: encoding_memory(config, shape[-2] * shape[-1], dtype)
        self.memory_used_decode = lambda shape, dtype: chunk_memory(
            config, self.downscale_ratio * shape[-2], self.downscale_ratio * shape[-1], dtype
        )
        self.device = comfy.model_management.vae_device()
        self.output_device = comfy.model_management.intermediate_device()
        self.vae_dtype = comfy.model_management.vae_dtype(self.device, self.working_dtypes)
        self.first_stage_model = FirstStage(network).eval().to(self.vae_dtype)
        comfy.model_management.archive_model_dtypes(self.first_stage_model)
        self.patcher = comfy.model_patcher.CoreModelPatcher(
            self.first_stage_model,
            load_device=self.device,
            offload_device=comfy.model_management.vae_offload_device(),
        )

    def frames(self, samples: torch.Tensor, first: int = 0) -> Iterator[torch.Tensor]:
        """Chunks [k, 3, h, w] in 0…1 of the clip of unscaled latents [n, 4, h', w'], on the VAE's device, from frame
        `first` on; in tiles from where memory ends. Memory stays flat, and a cancelled prompt ends between chunks.
        """
        self._load_for(samples.shape)
        for chunk in self.first_stage_model.chunks(samples, self.device, first):
            comfy.model_management.throw_exception_if_processing_interrupted()
            yield chunk

    def decode(self, samples_in: torch.Tensor, vae_options: dict[str, Any] | None = None) -> torch.Tensor:
        """Unscaled latents [n, 4, h', w'] of one clip to IMAGE [n, h, w, 3]; in tiles where memory ends."""
        frames, _, height, width = samples_in.shape
        ratio = self.upscale_ratio
        image = torch.empty(frames, ratio * height, ratio * width, self.output_channels, device=self.output_device)
        done = 0
        for chunk in self.frames(samples_in):
            image[done : done + chunk.shape[0]] = chunk.movedim(1, -1)
            done += chunk.shape[0]
        return image

    def decode_tiled(
        self,
        samples: torch.Tensor,
        tile_x: int | None = None,
        tile_y: int | None = None,
        overlap: int | None = None,
        tile_t: int | None = None,
        overlap_t: int | None = None,
    ) -> torch.Tensor:
        """As `decode`, in tiles of this many latent pixels. Time needs none: each tile is decoded in chunks anyway."""
        frames, _, height, width = samples.shape
        tile = (min(tile_y or _TILE, height), min(tile_x or _TILE, width))
        overlap = min(_TILE_OVERLAP if overlap is None else overlap, min(tile) // 2)
        self._load_for(tile)

        def decode_tile(clip: torch.Tensor) -> torch.Tensor:
            chunks = self.first_stage_model.chunks(clip[0].movedim(1, 0), self.device)
            return torch.cat([chunk.to(self.output_device) for chunk in chunks]).movedim(0, 1)[None]

        clip = comfy.utils.tiled_scale_multidim(
            samples.movedim(0, 1)[None],  # [1, 4, n, h', w']
            decode_tile,
            tile=(frames, *tile),
            overlap=(0, overlap, overlap),
            upscale_amount=(1, self.upscale_ratio, self.upscale_ratio),
            out_channels=self.output_channels,
            output_device=self.output_device,
            pbar=comfy.utils.ProgressBar(comfy.utils.get_tiled_scale_steps(width, height, tile[1], tile[0], overlap)),
        )  # [1, 3, n, h, w]
        return image_of(clip[0].movedim(1, 0))

    def _load_for(self, shape: tuple[int, ...]) -> None:
        memory = self.memory_used_decode(shape, self.vae_dtype)
        comfy.model_management.load_models_gpu([self.patcher], memory_required=memory)


def load_hosted_vae(path: Path) -> ClipVAE:
    """The VAE of one of the pack's files, for every node of the host that takes one, with the retoucher, the network of
    close-ups and the finder of faces that lie beside it, if they do. Raises WeightsError.
    """
    build = functools.partial(build_vae, operations=comfy.ops.manual_cast)
    offload, device = comfy.model_management.vae_offload_device(), comfy.model_management.vae_device()
    network = load_network(path, "vae", build_vae, VAEConfig, offload, hosted=build).requires_grad_(False)
    retoucher, close_up, finder = (
        path.with_name(f"{kind}.safetensors") for kind in (RETOUCHER, CLOSE_UP, "face_finder")
    )
    return ClipVAE(
        network,
        load_retoucher(retoucher, device) if retoucher.is_file() else None,
        load_close_up(close_up, device) if close_up.is_file() else None,
        load_network(finder, "face_finder", FaceFinder, FaceFinderConfig) if finder.is_file() else None,
    )


def _set_host_defaults(vae: comfy.sd.VAE) -> None:
    """Every attribute that this version of the host gives a VAE: its constructor sets them before it looks for a
    network, and without weights it ends there, with a warning that would mislead.
    """

    def is_news(record: logging.LogRecord) -> bool:
        return "No VAE weights detected" not in record.getMessage()

    logger = logging.getLogger()
    logger.addFilter(is_news)
    try:
        comfy.sd.VAE.__init__(vae, sd={})
    finally:
        logger.removeFilter(is_news)
