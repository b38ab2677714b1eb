"""A student of the backbone: fewer steps, taught by what the frozen backbone makes of the same noise in more. [ours]

Sampling is deterministic (DDIM, eta = 0), so noise and conditions fix the film. The student begins as the backbone, and
learns to land at each of its own few noise levels where the teacher's way has come to by then: progressive
distillation (Salimans and Ho 2022, arXiv 2202.00512) straight to the last number of steps, with every step asked where
the student's own steps before have led it, as in sampling. The noise that it begins with is the sampler's, sigma_max
times unit noise, and not a noised picture.
"""

import contextlib
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..diffusion.noise_levels import ddim_step, loss_weight, noise_grid
from ..errors import SettingsError
from ..models.ethd import ETHD
from ..models.presets import ModelPreset, SamplingDefaults
from .encoders import start_backbone
from .ethd import Denoising, ETHDSettings, denoising_phase, denoising_step, fit, save_backbone, save_change
from .job import START, Job
from .learning import Learning, let_learn
from .parallel import Phase
from .ranges import above_zero, at_least
from .step_cost import MetaStep, attention_on_a_card
from .trajectory import answer, trajectory

OUTERMOST_WHOLE = Learning(
    whole=(
        "conv_in.*",
        "conv_out.*",
        "conv_norm_out.*",
        "down_blocks.0.*.weight",
        "down_blocks.0.*.bias",
        "up_blocks.3.*.weight",
        "up_blocks.3.*.bias",
    ),
    lora=("*",),
    rank=8,
    alpha=8.0,
)
"""Of the bundled backbone: its outermost level whole, every linear layer by a change of rank 8. 0.8 M of 10.5 M."""


@dataclass(frozen=True)
class DistillationSettings(ETHDSettings):
    """films: what is filmed; of their own latents and noise levels nothing is used · start: the teacher's weights, and
    the student's at first · steps: the student's · teacher_steps: the teacher's, 0 for the weights' own; the student's
    noise levels must be among them · lip_guidance, emotion_guidance: of the teacher, which the student then has without
    a second forward.
    """

    start: str = f"{START}ethd"
    learning: Learning = OUTERMOST_WHOLE
    apart: str = "student"
    steps: int = 1
    teacher_steps: int = 0
    lip_guidance: float = 1.0
    emotion_guidance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        above_zero(self, "steps")
        at_least(0, self, "teacher_steps")


def train_student(job: Job, settings: DistillationSettings) -> None:
    """Writes the student as whole weights, whose record says in how many steps they are sampled, and what it learnt by
    itself.
    """
    torch.manual_seed(job.seed)
    sampling = job.preset.sampling
    both_levels(sampling, settings)  # refuses grids that do not meet, before anything is computed
    network = start_backbone(job, settings.start)
    teacher = copy.deepcopy(network)
    let_learn(network, settings.learning, half=job.lowers_precision)
    objective = Distilling(network, teacher, job.preset, settings, job.autocast)
    record = fit(job, objective, settings.name, settings)
    if settings.apart:
        save_change(job, network, record, settings)
    save_backbone(job, network, settings.name, record, settings, settings.steps)


def both_levels(sampling: SamplingDefaults, settings: DistillationSettings) -> tuple[Tensor, Tensor, list[int]]:
    """The student's noise levels, the teacher's, and where the student's lie among them. SettingsError where one is
    missing.
    """
    few = noise_grid(sampling.grid, settings.steps, sampling.sigma_max)
    many = noise_grid(sampling.grid, settings.teacher_steps or sampling.steps, sampling.sigma_max)
    near = (many[None] - few[:, None]).abs() <= 1e-4 * few[:, None]
    if not bool(near.any(1).all()):
        raise SettingsError(
            f"A student of {settings.steps} steps on the grid {sampling.grid} has noise levels that a teacher of "
            f"{len(many) - 1} steps does not come by; give teacher_steps that are a multiple of steps, on the grid ays."
        )
    return few, many, near.int().argmax(1).tolist()


def landing(noisy: Tensor, wanted: Tensor, sigma: Tensor, after: Tensor) -> Tensor:
    """The D for which one DDIM step leads from `noisy` at sigma to `wanted` at the lower level `after`: the inverse of
    `ddim_step`.
    """
    kept = after / sigma
    return (wanted - kept * noisy) / (1 - kept)


class Distilling(Denoising):
    """How far from the teacher's way the student lands, face and lips weighted, in the mean over its steps."""

    def __init__(
        self,
        student: ETHD,
        teacher: ETHD,
        preset: ModelPreset,
        settings: DistillationSettings,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__(student, preset.vae.scaling_factor, settings, autocast)
        self._teacher = (teacher.requires_grad_(False).eval(),)  # in a tuple: it learns nothing
        self._few, self._many, self._places = both_levels(preset.sampling, settings)
        self._guidance = settings.lip_guidance, settings.emotion_guidance

    def error(self, batch: Mapping[str, Tensor]) -> Tensor:
        few, many = (levels.to(batch["noise"].device) for levels in (self._few, self._many))
        with self._autocast():
            way = trajectory(self._teacher[0], batch, many, *self._guidance)
        x, errors = way[0], []
        for sigma, after, place in zip(few, few[1:], self._places[1:]):
            with self._autocast():
                clean = answer(self.ethd, batch, x, sigma)
            missed = (clean - landing(x, way[place], sigma, after)).square()
            errors.append(missed * loss_weight(sigma, self._weighting))
            x = ddim_step(x, clean.detach(), sigma, after)
        return torch.stack(errors).mean(0)


def distillation_step(preset: ModelPreset, settings: DistillationSettings) -> MetaStep:
    """A step of it on shapes alone."""

    def phase() -> Phase:
        student, teacher = (ETHD(preset.ethd, device="meta", attention=attention_on_a_card) for _ in range(2))
        let_learn(student, settings.learning, half=True)
        return denoising_phase(Distilling(student, teacher, preset, settings, contextlib.nullcontext))

    return MetaStep(phase, denoising_step(preset, settings).batch, settings.loop)
