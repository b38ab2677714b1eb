"""What the networks compute, counted on the meta device: shapes without values, so the full size needs no memory.

One multiplication with its addition is two FLOPs, as torch counts them; norms and activations, a few thousandths of
the whole, are not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..models.dicte import DiCTE
from ..models.ethd import ADDED_TIME_VALUES, ETHD, ETHDConfig
from ..models.lip_projector import LipProjector
from ..models.presets import ModelPreset
from ..models.speech_encoder import SpeechEncoder
from ..models.vae import build_vae
from ..types import FRAMES_PER_SECOND, SAMPLE_RATE, MotionConditions
from .estimate import forward_count
from .expression import chunk_starts
from .video import VideoSamplingSettings

PAPER_TFLOP = {"EmotiveTalk": 3668.16, "Hallo": 4388.32}
"""Of the denoising backbone alone, for a clip of 4.8 s (EmotiveTalk table 6, which does not say how it counts)."""

PAPER_PARAMETERS = "1.58 G"
"""Of the denoising backbone, in the same table."""


@dataclass(frozen=True)
class PartCost:
    """One network's share of a clip: FLOPs of one forward, how many forwards, and its parameters."""

    name: str
    forward: int
    forwards: int
    parameters: int

    @property
    def clip(self) -> int:
        return self.forward * self.forwards


def backbone_parameters(config: ETHDConfig) -> dict[str, int]:
    """How many of ETHD's parameters came from Stable Video Diffusion ("svd"), and how many each new part has."""
    counts = {"svd": 0, "edi": 0, "lip_tokens": 0, "expression_tokens": 0, "frame_positions": 0}
    for name, parameter in ETHD(config, device="meta").named_parameters():
        counts[next((part for part in counts if part in name.split(".")), "svd")] += parameter.numel()
    return counts


def clip_costs(preset: ModelPreset, frames: int) -> list[PartCost]:
    """All networks of a clip of that many frames, sampled as the preset says, in the order in which they work.

    The VAE decoder is counted on the whole clip; decoding in chunks adds the frames on either side of each.
    """
    sampling = preset.sampling
    video = VideoSamplingSettings(
        steps=sampling.steps,
        grid=sampling.grid,
        window=sampling.window,
        overlap=sampling.overlap,
        sigma_max=sampling.sigma_max,
    )
    dicte_rows = 1 if sampling.expression_guidance == 1.0 else 2
    chunks = len(chunk_starts(frames, preset.dicte.tokens, preset.dicte.prefix))
    return [
        _speech_encoder(preset, frames),
        _lip_projector(preset, frames),
        _dicte(preset, dicte_rows, chunks * sampling.expression_steps),
        _vae(preset, 1, encode=True),
        _ethd(preset, min(frames, sampling.window), forward_count(frames, video)),
        _vae(preset, frames, encode=False),
    ]


def _speech_encoder(preset: ModelPreset, frames: int) -> PartCost:
    network = SpeechEncoder(preset.speech_encoder, device="meta").requires_grad_(False)
    samples = _values(1, frames * SAMPLE_RATE // FRAMES_PER_SECOND)
    return PartCost("speech encoder", _count(lambda: network(samples)), 1, _parameters(network))


def _lip_projector(preset: ModelPreset, frames: int) -> PartCost:
    network = LipProjector(preset.lip_projector, device="meta").requires_grad_(False)
    windows = _values(frames, preset.lip_projector.window, preset.lip_projector.audio_dim)
    return PartCost("audio-lip projector", _count(lambda: network(windows)), 1, _parameters(network))


def _dicte(preset: ModelPreset, rows: int, forwards: int) -> PartCost:
    config = preset.dicte
    network = DiCTE(config, device="meta").requires_grad_(False)
    given = (
        _values(rows, config.tokens, config.expression_dim),
        torch.zeros(rows, dtype=torch.long, device="meta"),
        _values(rows, config.tokens, config.audio_window, config.audio_dim),
        _values(rows, config.identity_dim),
        _values(rows, config.expression_dim),
        _values(rows, config.tokens),
    )
    return PartCost("Di-CTE", _count(lambda: network(*given)), forwards, _parameters(network))


def _ethd(preset: ModelPreset, frames: int, forwards: int) -> PartCost:
    config = preset.ethd
    network = ETHD(config, device="meta").requires_grad_(False)
    side = preset.sampling.size // preset.vae.pixels_per_latent
    x = _values(1, frames, config.in_channels, side, side)
    conditions = MotionConditions(
        lip=_values(1, frames, config.lip_dim),
        driving_expression=_values(1, frames, config.expression_dim),
        reference_expression=_values(1, config.expression_dim),
        face_mask=_values(1, 1, side, side),
        lip_mask=_values(1, 1, side, side),
    )
    c_noise, added = _values(1), _values(1, ADDED_TIME_VALUES)
    return PartCost("ETHD", _count(lambda: network(x, c_noise, conditions, added)), forwards, _parameters(network))


def _vae(preset: ModelPreset, frames: int, *, encode: bool) -> PartCost:
    vae = build_vae(preset.vae, device="meta").to("meta").requires_grad_(False)  # some of it is born on the CPU
    size = preset.sampling.size
    if encode:
        pixels = _values(frames, 3, size, size)
        return PartCost("VAE encoder", _count(lambda: vae.encode(pixels)), 1, _parameters(vae.encoder))
    side = size // preset.vae.pixels_per_latent
    latents = _values(frames, preset.vae.latent_channels, side, side)
    return PartCost("VAE decoder", _count(lambda: vae.decode(latents, num_frames=frames)), 1, _parameters(vae.decoder))


def _values(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def _count(compute: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        compute()
    return counter.get_total_flops()


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
