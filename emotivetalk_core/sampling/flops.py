"""What the networks compute, counted on shapes alone (EmotiveTalk table 6).

One multiplication with its addition is two FLOPs, as torch counts them; norms and activations, a few thousandths of
the whole, are not counted.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from ..models.ethd import ETHD, ETHDConfig
from ..models.photograph_presets import PhotographPreset
from ..models.presets import ModelPreset
from .estimate import forward_count, forward_counts
from .expression import chunk_starts
from .memory import LiveTensors
from .meta_forwards import MetaForward, clip_forwards, ethd_forward, photograph_forward
from .photograph import PhotographSettings
from .video import VideoSamplingSettings, fast

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

    The VAE decoder is counted on the whole clip; in chunks, each convolution across time sees two frames of the chunk
    before once more.
    """
    sampling = preset.sampling
    chunks = len(chunk_starts(frames, preset.dicte.tokens, preset.dicte.prefix))
    repeated = {"Di-CTE": chunks * sampling.expression_steps, "ETHD": forward_count(frames, _video(preset))}
    parts = clip_forwards(preset, frames, size=sampling.size, window=sampling.window, decoded=frames)
    return [_cost(part, repeated.get(part.name, 1)) for part in parts]


def fast_backbone_costs(preset: ModelPreset, frames: int) -> list[PartCost]:
    """The backbone of a clip of that many frames in the fast mode: its whole forwards, and those of its outermost level
    alone, whose parameters are among the former's.
    """
    sampling = preset.sampling
    whole, outer = forward_counts(frames, fast(_video(preset)))
    window = min(frames, sampling.window)
    again = _cost(ethd_forward(preset, window, sampling.size, reuse=True), outer)
    return [_cost(ethd_forward(preset, window, sampling.size), whole), replace(again, parameters=0)]


def _video(preset: ModelPreset) -> VideoSamplingSettings:
    sampling = preset.sampling
    return VideoSamplingSettings(
        steps=sampling.steps,
        grid=sampling.grid,
        window=sampling.window,
        overlap=sampling.overlap,
        sigma_max=sampling.sigma_max,
    )


def photograph_cost(preset: PhotographPreset, sampled: int) -> PartCost:
    """The backbone of DICE-Talk or Sonic for a clip of that many frames at 12.5 a second, with its guidance."""
    sampling = preset.sampling
    settings = PhotographSettings(
        steps=sampling.steps,
        window=sampling.window,
        picture_guidance=sampling.picture_guidance,
        lip_guidance=sampling.guidance,
        emotion_guidance=sampling.guidance,
    )
    frames = sampled + (sampling.window if sampling.silent_tail else 0)
    forwards = len(settings.windows(frames, 0)) * settings.steps * settings.forwards
    return _cost(photograph_forward(preset), forwards)


def _cost(part: MetaForward, forwards: int) -> PartCost:
    with torch.no_grad(), OperationCounts() as counts:
        part.compute()
    return PartCost(part.name, counts.flops, forwards, part.parameters)


class OperationCounts(LiveTensors):
    """Counts FLOPs beside the bytes, by torch's own formulas. Its FlopCounterMode works the shape of every operation
    out anew, and holds on to what is recomputed.
    """

    flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = super().__torch_dispatch__(func, types, args, kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=results)
        return results
