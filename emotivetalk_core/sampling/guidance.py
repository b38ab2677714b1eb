"""Guidance by lips and by expression, each apart: the network's answer, led away from the one without. [ours]"""

from collections.abc import Callable
from dataclasses import replace

import torch

from ..types import MotionConditions


def guided(
    raw: Callable[[MotionConditions, str], torch.Tensor],
    full: MotionConditions,
    lip_guidance: float,
    emotion_guidance: float,
) -> torch.Tensor:
    """The network's raw output F with guidance: one forward, and one more for each weight that is not 1.

    raw: F under conditions, and which forward it is: "full", "no lip" or "no expression".
    D = D_full + (w_l - 1)(D_full - D_no_lip) + (w_e - 1)(D_full - D_no_expression), written in F, for D is affine in F
    and the three share x and sigma. [ours: the paper's guidance formula cannot be recovered]
    """
    F = F_full = raw(full, "full")
    if lip_guidance != 1.0:
        no_lip = replace(full, lip=torch.zeros_like(full.lip))  # the mean mouth, latents being z-normalised
        F = F + (lip_guidance - 1) * (F_full - raw(no_lip, "no lip"))
    if emotion_guidance != 1.0:
        # With the portrait's own expression as the driving one, EDI's difference vanishes (eq. 9).
        reference = full.reference_expression[:, None].expand_as(full.driving_expression)
        no_expression = replace(full, driving_expression=reference)
        F = F + (emotion_guidance - 1) * (F_full - raw(no_expression, "no expression"))
    return F
