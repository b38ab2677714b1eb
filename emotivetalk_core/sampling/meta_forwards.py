"""One forward of every network of a clip on the meta device: shapes without values, so the full size needs no memory.

What such a forward costs is counted by what runs it (flops.py, memory.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn

from ..layers.clip_stream import ClipStream
from ..models.adapted_unet import AdaptedUNet
from ..models.dicte import DiCTE
from ..models.ethd import ADDED_TIME_VALUES, ETHD, DeepFeatures
from ..models.lip_projector import LipProjector
from ..models.photograph_presets import PhotographPreset
from ..models.presets import ModelPreset
from ..models.speech_encoder import SpeechEncoder
from ..models.vae_network import TemporalVAE, build_vae
from ..types import FRAMES_PER_SECOND, SAMPLE_RATE, MotionConditions, PhotographConditions

SVD_PIXELS_PER_LATENT = 8
Network = TypeVar("Network", bound=nn.Module)
FLOAT32 = torch.float32


@dataclass(frozen=True)
class MetaForward:
    """A network without values, and one forward of it. name: as users know the part."""

    name: str
    network: nn.Module
    compute: Callable[[], object]

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())


def clip_forwards(
    preset: ModelPreset, frames: int, *, size: int, window: int, decoded: int, dtype: torch.dtype = FLOAT32
) -> list[MetaForward]:
    """All networks of a clip of that many frames of size x size pixels, in the order in which they work.

    window: frames that ETHD has at once, if the clip has as many · decoded: frames of the clip that the VAE's
    decoder has · dtype: of weights and values.
    """
    return [
        _speech_encoder(preset, frames, dtype),
        _lip_projector(preset, frames, dtype),
        _dicte(preset, 1 if preset.sampling.expression_guidance == 1.0 else 2, dtype),
        _encoder(preset, size, dtype),
        ethd_forward(preset, min(frames, window), size, dtype),
        _decoder(preset, decoded, size, dtype),
    ]


def _speech_encoder(preset: ModelPreset, frames: int, dtype: torch.dtype) -> MetaForward:
    """The whole recording of that many frames at once."""
    network = _without_values(SpeechEncoder, preset.speech_encoder, dtype)
    samples = _values(dtype, 1, frames * SAMPLE_RATE // FRAMES_PER_SECOND)
    return MetaForward("speech encoder", network, lambda: network(samples))


def _lip_projector(preset: ModelPreset, frames: int, dtype: torch.dtype) -> MetaForward:
    """All frames at once."""
    network = _without_values(LipProjector, preset.lip_projector, dtype)
    windows = _values(dtype, frames, preset.lip_projector.window, preset.lip_projector.audio_dim)
    return MetaForward("audio-lip projector", network, lambda: network(windows))


def _dicte(preset: ModelPreset, rows: int, dtype: torch.dtype) -> MetaForward:
    """rows: 2 with guidance, which asks without the emotion too."""
    config = preset.dicte
    network = _without_values(DiCTE, config, dtype)
    given = (
        _values(dtype, rows, config.tokens, config.expression_dim),
        torch.zeros(rows, dtype=torch.long, device="meta"),
        _values(dtype, rows, config.tokens, config.audio_window, config.audio_dim),
        _values(dtype, rows, config.identity_dim),
        _values(dtype, rows, config.expression_dim),
        _values(dtype, rows, config.tokens),
    )
    return MetaForward("Di-CTE", network, lambda: network(*given))


def ethd_forward(
    preset: ModelPreset, frames: int, size: int, dtype: torch.dtype = FLOAT32, *, reuse: bool = False
) -> MetaForward:
    """One window of that many frames of size x size pixels. reuse: with the deep features of the step before."""
    config = preset.ethd
    network = _without_values(ETHD, config, dtype)
    side = size // preset.vae.pixels_per_latent
    x = _values(dtype, 1, frames, config.in_channels, side, side)
    conditions = MotionConditions(
        lip=_values(dtype, 1, frames, config.lip_dim),
        driving_expression=_values(dtype, 1, frames, config.expression_dim),
        reference_expression=_values(dtype, 1, config.expression_dim),
        face_mask=_values(dtype, 1, 1, side, side),
        lip_mask=_values(dtype, 1, 1, side, side),
    )
    c_noise, added = _values(FLOAT32, 1), _values(FLOAT32, 1, ADDED_TIME_VALUES)
    if reuse:
        deep = DeepFeatures()
        network(x, c_noise, conditions, added, deep)
        return MetaForward("ETHD, outermost level", network, lambda: network(x, c_noise, conditions, added, deep))
    return MetaForward("ETHD", network, lambda: network(x, c_noise, conditions, added))


def photograph_forward(preset: PhotographPreset, rows: int = 1, dtype: torch.dtype = FLOAT32) -> MetaForward:
    """One window of DICE-Talk or Sonic at its own size. rows: forwards of the guidance that are one batch."""
    config, encoders, sampling = preset.unet, preset.encoders, preset.sampling
    network = _without_values(AdaptedUNet, config, dtype)
    side = sampling.size // SVD_PIXELS_PER_LATENT
    x = _values(dtype, rows, sampling.window, config.in_channels, side, side)
    tokens = _values(dtype, rows, sampling.window, encoders.tokens, encoders.token_dim)
    conditions = PhotographConditions(
        picture=_values(dtype, rows, config.cross_dim),
        tokens=(tokens,) * config.adapters,
        strengths=(1.0,) * config.adapters,
        face_mask=_values(dtype, rows, 1, sampling.size, sampling.size),
        face_guide=_values(dtype, rows, encoders.guide_dim, side, side) if encoders.guide_channels else None,
    )
    c_noise, added = _values(FLOAT32, rows), _values(FLOAT32, rows, ADDED_TIME_VALUES)
    return MetaForward(preset.name, network, lambda: network(x, c_noise, conditions, added))


def _encoder(preset: ModelPreset, size: int, dtype: torch.dtype) -> MetaForward:
    """The portrait of size x size pixels."""
    vae = _vae(preset, dtype)
    pixels = _values(dtype, 1, 3, size, size)
    return MetaForward("VAE encoder", vae.encoder, lambda: vae.encode(pixels))


def _decoder(preset: ModelPreset, frames: int, size: int, dtype: torch.dtype) -> MetaForward:
    """A whole clip of that many frames of size x size pixels."""
    vae = _vae(preset, dtype)
    latents = _clip_latents(preset, frames, size, dtype)
    return MetaForward("VAE decoder", vae.decoder, lambda: vae.decode(latents, frames))


def streamed_decoder(preset: ModelPreset, frames: int, size: int, dtype: torch.dtype = FLOAT32) -> MetaForward:
    """That many frames of size x size pixels at once, with what the layers keep of a clip that goes on."""
    vae = _vae(preset, dtype)
    latents = _clip_latents(preset, frames, size, dtype)

    def compute() -> None:
        stream = ClipStream()
        for _ in vae.decoder.pieces(latents, stream, last=True, most=frames):
            pass

    return MetaForward("VAE decoder", vae.decoder, compute)


def _clip_latents(preset: ModelPreset, frames: int, size: int, dtype: torch.dtype) -> torch.Tensor:
    side = size // preset.vae.pixels_per_latent
    return _values(dtype, frames, preset.vae.latent_channels, side, side)


def _vae(preset: ModelPreset, dtype: torch.dtype) -> TemporalVAE:
    return _without_values(build_vae, preset.vae, dtype)


def _without_values(kind: Callable[..., Network], config: Any, dtype: torch.dtype) -> Network:
    """The network of that config; one and the same for all forwards, since it has nothing that a forward could change
    and takes as long to make as to run.
    """
    return _made(kind, config, dtype)


@lru_cache(maxsize=8)  # as many as `info --memory` asks for
def _made(kind: Callable[..., Any], config: Any, dtype: torch.dtype) -> Any:
    return kind(config, device="meta").to(dtype).eval().requires_grad_(False)


def _values(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")
