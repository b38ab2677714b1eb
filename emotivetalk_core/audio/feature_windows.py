"""Audio features per video frame: the windows A_w of the method, from a speech encoder's 50 features a second."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from ..types import FRAMES_PER_SECOND, SAMPLE_RATE, Speech

FEATURES_PER_FRAME = 2
WINDOW_FRAMES = 2
"""Frames on either side of the one that a window belongs to. EmotiveTalk leaves its w open; V-Express uses 2."""

_SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND
_FIELD, _STRIDE = 400, 320
"""Samples that one Wav2Vec2 feature sees, and samples from one feature to the next."""
_PIECE_FRAMES = 20 * FRAMES_PER_SECOND
_CONTEXT_FRAMES = FRAMES_PER_SECOND


def feature_windows(features: torch.Tensor, frames: int) -> torch.Tensor:
    """Cut features [t50, c] that span `frames` video frames into one window per frame: [frames, 10, c].

    The features are linearly resampled to exactly two per frame; frame i receives those of frames i-2…i+2, and the
    first and last frame stand in for neighbours that do not exist. The result is a view: a window copies nothing.
    """
    length = frames * FEATURES_PER_FRAME
    if features.shape[0] != length:
        features = functional.interpolate(features.T[None], size=length, mode="linear", align_corners=False)[0].T
    before = features[:FEATURES_PER_FRAME].repeat(WINDOW_FRAMES, 1)
    after = features[-FEATURES_PER_FRAME:].repeat(WINDOW_FRAMES, 1)
    padded = torch.cat([before, features, after])  # [2 (n + 4), c]
    window = FEATURES_PER_FRAME * (2 * WINDOW_FRAMES + 1)
    return padded.unfold(0, window, FEATURES_PER_FRAME).transpose(1, 2)  # [n, c, 10] -> [n, 10, c]


def encode_speech(
    speech_encoder: Callable[[torch.Tensor], torch.Tensor],
    speech: Speech,
    on_progress: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Audio windows [n, 10, c] of a recording, from an encoder of samples [b, t] to features [b, t50, c].

    Long recordings are encoded in equal pieces of at most 20 s with a second of context on either side, so that
    memory stays flat. Each piece is padded so that the encoder yields exactly two features a frame, each centred on
    its own 20 ms. A network is given its samples where its first parameter lies, any other function on the CPU.
    """
    device = next(speech_encoder.parameters()).device if isinstance(speech_encoder, nn.Module) else "cpu"
    frames = speech.frames
    edge = (_FIELD - _STRIDE) // 2
    covered = torch.zeros(edge + frames * _SAMPLES_PER_FRAME + edge)
    covered[edge : edge + speech.samples.shape[-1]] = speech.samples
    pieces = math.ceil(frames / _PIECE_FRAMES)
    piece = math.ceil(frames / pieces)
    features = []
    for done, start in enumerate(range(0, frames, piece), start=1):
        stop = min(start + piece, frames)
        left, right = max(0, start - _CONTEXT_FRAMES), min(frames, stop + _CONTEXT_FRAMES)
        samples = covered[left * _SAMPLES_PER_FRAME : right * _SAMPLES_PER_FRAME + 2 * edge]
        encoded = speech_encoder(samples[None].to(device))[0]  # [2 (right - left), c]
        features.append(encoded[(start - left) * FEATURES_PER_FRAME : (stop - left) * FEATURES_PER_FRAME])
        if on_progress is not None:
            on_progress(done, pieces)
    return feature_windows(torch.cat(features), frames)
