"""The training losses of the paper, equation by equation, as pure functions of tensors."""

import torch
import torch.nn.functional as F


def info_nce(
    predicted: torch.Tensor,
    target: torch.Tensor,
    temperature: float = 0.07,
    exclude: int = 2,
    *,
    everyone: torch.Tensor | None = None,
    first: int = 0,
) -> torch.Tensor:
    """Contrastive loss of [b, n, d] (or [n, d]) latents over the whole batch (EmotiveTalk eq. 4), in nats.

    Eq. 4 prints sim(l_hat_i, l_i) in its denominator, which would cancel; we read sim(l_hat_i, l_j). Frames next to
    each other in one clip look almost the same, so those within `exclude` frames are no negatives. Temperature and
    exclusion are our choice.

    everyone: the targets [m, n, d] of a larger batch, among which `target`'s begin at clip `first`: negatives for all.
    """
    if predicted.dim() == 2:
        predicted, target = predicted[None], target[None]
    everyone = target if everyone is None else everyone
    clips, frames, _ = predicted.shape
    similarity = (
        F.normalize(predicted.flatten(0, 1), dim=-1) @ F.normalize(everyone.flatten(0, 1), dim=-1).T
    )  # [bn, mn]
    clip = torch.arange(len(everyone), device=predicted.device).repeat_interleave(frames)
    frame = torch.arange(frames, device=predicted.device).repeat(len(everyone))
    own = slice(first * frames, (first + clips) * frames)
    apart = (frame[own, None] - frame[None]).abs()
    neighbours = (clip[own, None] == clip[None]) & (apart > 0) & (apart <= exclude)
    logits = (similarity / temperature).float().masked_fill(neighbours, float("-inf"))
    return F.cross_entropy(logits, torch.arange(own.start, own.stop, device=logits.device))


def lip_loss(
    predicted: torch.Tensor,
    target: torch.Tensor,
    alpha: float = 1.0,
    beta: float = 1.0,
    temperature: float = 0.07,
    exclude: int = 2,
    *,
    everyone: torch.Tensor | None = None,
    first: int = 0,
) -> torch.Tensor:
    """L_lip = alpha·InfoNCE + beta·MSE (EmotiveTalk eq. 4-6) of audio and vision lip latents [b, n, d].

    The squared norm of eq. 5 is taken as the mean over channels, so that alpha and beta mean the same at every width.
    """
    contrast = info_nce(predicted, target, temperature, exclude, everyone=everyone, first=first)
    return alpha * contrast + beta * F.mse_loss(predicted.float(), target.float())


def expression_loss(
    predicted: torch.Tensor,
    target: torch.Tensor,
    known: torch.Tensor | None = None,
    *,
    open_frames_in_all: torch.Tensor | None = None,
) -> torch.Tensor:
    """L_exp = ||e_v - S(e(t), …)||² (EmotiveTalk eq. 7), mean over [b, n, e] where known [b, n] is not 1.

    Known frames are handed to the network clean; copying them earns nothing. open_frames_in_all: how many are not
    known, where this batch is one of several whose losses are averaged: their mean count.
    """
    error = (predicted.float() - target.float()).square().mean(dim=-1)  # [b, n]
    if known is None:
        return error.mean()
    open_frames = 1 - known.to(error)
    count = open_frames.sum() if open_frames_in_all is None else open_frames_in_all
    return (error * open_frames).sum() / count.clamp_min(1)


def v_aid_loss(
    lip: torch.Tensor, expression: torch.Tensor, mutual_information: torch.Tensor, weight: float = 1.0
) -> torch.Tensor:
    """L_V-AID = L_lip + L_exp + CLUB{l_a, e_a} (EmotiveTalk eq. 8), all scalars; the paper's weight is 1."""
    return lip + expression + weight * mutual_information


def reconstruction_region(kept: str, face_mask: torch.Tensor, lip_mask: torch.Tensor) -> torch.Tensor:
    """Where an arm of the dropout reconstruction is scored (EmotiveTalk §6.1, fig. 8); masks binary, of one shape.

    §6.1 pairs mask and arm the other way about in its wording. We read: what only the lip latent drives is scored
    inside M_lip, what only the expression latent drives inside (1 - M_lip)·M_face, both together everywhere.
    """
    if kept == "lip":
        return lip_mask
    if kept == "expression":
        return (1 - lip_mask) * face_mask
    if kept == "both":
        return torch.ones_like(face_mask)
    raise ValueError(f"kept is {kept!r}; expected 'lip', 'expression' or 'both'.")
