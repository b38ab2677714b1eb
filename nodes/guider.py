"""Guidance of lips and emotion, and the rounds of steps of the fast mode, on the host's machinery."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import comfy.model_patcher
import comfy.samplers
import torch

from ..emotivetalk_core.diffusion.noise_levels import ddim_step
from ..emotivetalk_core.diffusion.windows import fuse
from ..emotivetalk_core.sampling.video import Round
from .ethd import without_expression, without_lips
from .ethd_model import Conditioning
from .kept_features import KEPT_FEATURES, KeptFeatures
from .windows import OneWindow


class FaceGuider(comfy.samplers.CFGGuider):
    """Guidance on lips and on emotion apart: D + (w_l - 1)(D - D_no_lips) + (w_e - 1)(D - D_no_expression). [ours: the
    paper's formula cannot be recovered]

    rounds: of the fast mode, where each window takes the steps of a round by itself, the later ones with the deep
    features of the first, and is then fused with its neighbours, as in the core's `sample_video`. None takes the host's
    windows a step at a time. VideoWindows must be the MODEL's.
    """

    def __init__(
        self,
        model: comfy.model_patcher.ModelPatcher,
        conditioning: Conditioning,
        lip_guidance: float,
        emotion_guidance: float,
        rounds: Sequence[Round] | None = None,
    ) -> None:
        super().__init__(model)
        self.rounds, self.features = rounds, KeptFeatures()
        if rounds is not None:
            conditioning = [[lips, values | {KEPT_FEATURES: self.features}] for lips, values in conditioning]
        conds, self.weights = {"positive": conditioning}, {}
        if lip_guidance != 1.0:
            conds["no_lips"], self.weights["no_lips"] = without_lips(conditioning), lip_guidance
        if emotion_guidance != 1.0:
            conds["no_expression"] = without_expression(conditioning)
            self.weights["no_expression"] = emotion_guidance
        self.inner_set_conds(conds)

    def predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """D [n, 4, h, w]: by its old name the host means the estimate of the clean latent. Of a round of several steps
        it is the D with which one step of Euler's leads from its first noise level to behind its last.
        """
        options = model_options or {}
        return self._guided(x, timestep, options) if self.rounds is None else self._round(x, timestep, options)

    def _guided(self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any]) -> torch.Tensor:
        conds = [self.conds[name] for name in ("positive", *self.weights)]
        full, *withouts = comfy.samplers.calc_cond_batch(self.inner_model, conds, x, timestep, model_options)
        result = full
        for weight, without in zip(self.weights.values(), withouts):
            result = result + (weight - 1) * (full - without)
        return result

    def _round(self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any]) -> torch.Tensor:
        levels: torch.Tensor = model_options["transformer_options"]["sample_sigmas"].to(x)
        step = int((levels - timestep[0]).abs().argmin())
        each = next(each for each in self.rounds or () if step in each.steps)
        sigmas = levels[each.steps[0] : each.steps[-1] + 2]
        windows, frames = model_options["context_handler"], x.shape[0]
        length = min(windows.context_length, frames)

        def after_the_round(start: int) -> torch.Tensor:
            """Of a window, D at the last of the steps beside the noisy latent there [T, 8, h, w]."""
            options = model_options | {"context_handler": OneWindow(windows, start, frames)}
            noisy = x[start : start + length]
            self.features.begin_window()
            for sigma, lower in pairwise(sigmas[:-1]):
                noisy = ddim_step(noisy, self._guided(noisy, sigma.expand(length), options), sigma, lower)
                self.features.begin_step()
            return torch.cat([self._guided(noisy, sigmas[-2].expand(length), options), noisy], dim=1)

        D, noisy = fuse(map(after_the_round, each.starts), each.starts, frames).chunk(2, dim=1)
        if len(each.steps) == 1:
            return D
        ratio = sigmas[-1] / sigmas[0]
        return (ddim_step(noisy, D, sigmas[-2], sigmas[-1]) - ratio * x) / (1 - ratio)
