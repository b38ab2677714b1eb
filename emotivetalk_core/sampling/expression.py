"""Di-CTE's sampler: an expression for every frame of the speech (EmotiveTalk eq. 7; long speech as in §6.4)."""

from collections.abc import Callable

import torch

from ..diffusion.dicte_schedule import ddim_step, timesteps
from ..diffusion.noise_levels import frame_noise
from ..errors import InputError, NumericalError
from ..models.dicte import DiCTE, DiCTEConfig
from .lids import settled_lids


def chunk_starts(n: int, tokens: int, prefix: int) -> list[int]:
    """First frames of the chunks over n frames: each chunk begins with the last `prefix` frames of the one before."""
    return list(range(0, max(n - prefix, 1), tokens - prefix))


def sampling_memory(config: DiCTEConfig, guidance: float, changing: bool = False) -> int:
    """Bytes that `sample_expression` takes at its peak in float32 beside the weights, however long the speech is.
    changing: the emotion does, so that every frame has a modulation of its own, eight widths in all.

    Five for each value of a chunk's audio windows: measured at both sizes. To these come the windows themselves.
    """
    rows = 1 if guidance == 1.0 else 2
    modulation = 4 * 8 * config.width * rows * config.tokens if changing else 0
    return config.audio_window * config.audio_dim * (5 * rows + 4) * config.tokens + modulation


@torch.no_grad()
def sample_expression(
    model: DiCTE,
    audio_windows: torch.Tensor,
    identity: torch.Tensor,
    emotion: torch.Tensor,
    *,
    seed: int,
    steps: int = 25,
    guidance: float = 1.0,
    on_step: Callable[[int, int], None] | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Sample the expression latents e [n, expression_dim], float32, on `device`, by default that of `audio_windows`.

    audio_windows: [n, 10, c], the windows A_w, which may lie elsewhere and go there chunk by chunk · identity: [d], the
    portrait's trunk feature · emotion: e_cond, [expression_dim], or [n, expression_dim] where it changes from frame to
    frame · seed: the same seed gives the same expression, others give other plausible ones · steps: DDIM steps, eta = 0
    (EmotiveTalk §6.4) · guidance: how far to go beyond the network's own answer to e_cond; 1 is one forward, any other
    number doubles the batch · on_step(done, total): counts chunks x steps; what it raises ends the sampling at once ·
    dtype: what the network is fed, by default that of its first parameter.

    Speech longer than the network's 220 tokens goes chunk by chunk. A chunk knows its first 20 frames, the last ones
    of the chunk before. At every step they are handed over as in training: clean, not noised to level t, and marked
    in the known mask. The paper appends them "to the sampled noise as initialization" only; held at each step, they
    cannot drift from what the previous chunk ended with, and no jump appears at the seam. [ours]

    The last chunk is filled up to 220 by holding the last window of audio, for that is the length the network was
    trained on; the surplus is cut off. Two speeches of different length that share their beginning share the
    expression of every chunk that lies wholly in the shared part, but for the lids of its last second: within a chunk
    each frame hears what comes after it. At the end lids that flutter blink (sampling/lids.py), where the weights say
    what lids are.

    InputError without frames or for emotions of another number of frames, NumericalError when the network's answer is
    not finite.
    """
    n = audio_windows.shape[0]
    if n < 1:
        raise InputError("The speech has no audio windows, but at least one frame is needed; give longer speech.")
    if emotion.dim() == 2 and emotion.shape[0] != n:
        raise InputError(
            f"The emotion changes over {emotion.shape[0]} frames, but the speech has {n}; make its timeline from the "
            "same speech."
        )
    config = model.config
    tokens, prefix = config.tokens, config.prefix
    device, dtype = device or audio_windows.device, dtype or next(model.parameters()).dtype
    starts = chunk_starts(n, tokens, prefix)
    length = starts[-1] + tokens
    noise = frame_noise(length, emotion.shape[-1:], seed).to(device)  # [length, e]
    expression = torch.zeros_like(noise)
    levels = torch.cat([timesteps(steps, config.steps), torch.tensor([-1])]).to(device)  # -1: the clean end

    # Dropping e_cond is the second row of the batch.
    dropped = torch.tensor([False] if guidance == 1.0 else [False, True], device=device)
    rows = dropped.shape[0]
    identities = identity.to(device, dtype).expand(rows, -1)
    course = emotion.to(device, dtype)
    if course.dim() == 2:
        course = torch.cat([course, course[-1:].expand(length - n, -1)])  # [length, e]

    for chunk, start in enumerate(starts):
        frames = slice(start, start + tokens)
        known = torch.zeros(tokens, dtype=torch.bool, device=device)
        known[:prefix] = chunk > 0
        clean = expression[frames]  # what is known of this chunk: its prefix
        x = noise[frames]
        audio = audio_windows[frames].to(device, dtype)
        held = audio[-1:].expand(tokens - len(audio), -1, -1)
        audio_rows = torch.cat([audio, held]).expand(rows, -1, -1, -1)  # [rows, tokens, 10, c]
        known_rows = known.to(dtype).expand(rows, -1)
        told = course[frames] if course.dim() == 2 else course[None]
        emotions = told.expand(rows, -1, -1)  # [rows, tokens or 1, e]
        for step in range(steps):
            t, t_next = levels[step], levels[step + 1]
            x = torch.where(known[:, None], clean, x)
            x0 = model(
                x.to(dtype).expand(rows, -1, -1), t.expand(rows), audio_rows, identities, emotions, known_rows, dropped
            ).float()  # [rows, tokens, e]
            # Only the frames that anyone will see decide: the surplus of the last chunk is cut off.
            if not torch.isfinite(x0[:, : n - start]).all():
                raise NumericalError(
                    f"The expression network gave values that are not finite in frames {start + 1}–"
                    f"{min(start + tokens, n)} at step {step + 1} of {steps}, but finite ones are needed; "
                    "run it in float32, or check its weights."
                )
            x0 = x0[0] if rows == 1 else x0[1] + guidance * (x0[0] - x0[1])
            x = ddim_step(x, x0, t, t_next, config.steps)
            if on_step is not None:
                on_step(chunk * steps + step + 1, len(starts) * steps)
        expression[frames] = torch.where(known[:, None], clean, x)
    return settled_lids(expression[:n], model.lids)
