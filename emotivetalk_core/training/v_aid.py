"""Stage 4: V-AID (EmotiveTalk §3.2, eq. 4-8): the audio-lip projector, Di-CTE, and the CLUB estimator that keeps
their outputs apart.

One main step with the estimator at rest, then `ESTIMATOR_STEPS` of the estimator on detached latents. Afterwards both
are frozen.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from ..models.club import CLUBSample
from ..models.dicte import DiCTE, DiCTEBlock
from ..models.lip_projector import LipProjector, PerceiverBlock
from ..models.presets import ModelPreset
from .estimate import estimate_expression
from .features import add_readings, add_speech
from .job import Job
from .lids import measure_lids
from .loop import LoopSettings
from .losses import expression_loss, lip_loss, v_aid_loss
from .parallel import Outcome, Phase
from .processes import first_row, from_all, mean_over_processes
from .ranges import above_zero, at_least
from .samples import Sample
from .starting import to_train
from .step_cost import MetaStep, attention_on_a_card, meta
from .talks import Talks

ESTIMATOR_STEPS = 5


@dataclass(frozen=True)
class VAIDSettings:
    """lip_frames: of each clip's that one step asks of the projector: enough negatives, a part of the work ·
    estimator_rate: CLUB's learning rate · club_width: of its networks · recorded: in how many more surroundings each
    clip is heard · start: the folder of the weights that both begin with, such as "start/", "" for none.
    """

    loop: LoopSettings
    lip_frames: int = 48
    estimator_rate: float = 1e-4
    club_width: int = 128
    recorded: int = 0
    start: str = ""

    def __post_init__(self) -> None:
        at_least(1, self, "lip_frames", "club_width")
        at_least(0, self, "recorded")
        above_zero(self, "estimator_rate")


def lips_to_train(job: Job, start: str) -> LipProjector:
    """See `to_train`."""
    build = functools.partial(LipProjector, attention=job.attention)
    return to_train(job, start, "lip_projector", build, job.preset.lip_projector)


def faces_to_train(job: Job, start: str) -> DiCTE:
    """See `to_train`."""
    return to_train(job, start, "dicte", functools.partial(DiCTE, attention=job.attention), job.preset.dicte)


def train_v_aid(job: Job, settings: VAIDSettings) -> None:
    """Writes lip_projector.safetensors and dicte.safetensors."""
    preset = job.preset
    add_speech(job, ("clips", "speech"), settings.recorded)
    add_readings(job, ("clips", "portraits", "stills"))
    torch.manual_seed(job.seed)
    lips, faces = (f"{settings.start}{name}" if settings.start else "" for name in ("lip_projector", "dicte"))
    projector, dicte = lips_to_train(job, lips), faces_to_train(job, faces)
    club = CLUBSample(preset.lip_projector.lip_dim, preset.dicte.expression_dim, settings.club_width)
    scale = settings.estimator_rate / settings.loop.learning_rate
    phases = {
        "main": _main_phase(Decoupling(projector, dicte, club, job.autocast)),
        "estimator": Phase(Estimating(club), decay=0.0, rate_scales=(("", scale),), repeats=ESTIMATOR_STEPS),
    }

    def talks(*, held_out: bool) -> Talks:
        return Talks(job.source(), preset.dicte, settings.lip_frames, settings.loop.batch, held_out=held_out)

    record = job.train("v_aid", phases, settings.loop, talks, settings)
    measure_lids(job, dicte)
    job.save("lip_projector", "lip_projector", projector, preset.lip_projector, record)
    job.save("dicte", "dicte", dicte, preset.dicte, record)


def _main_phase(objective: "Decoupling") -> Phase:
    return Phase(objective, (PerceiverBlock, DiCTEBlock))


def v_aid_step(preset: ModelPreset, settings: VAIDSettings) -> MetaStep:
    """The main step on shapes alone; the estimator's five are a thousandth of it."""
    config, lips = preset.dicte, preset.lip_projector
    frames, heard = config.tokens, min(settings.lip_frames, config.tokens)

    def phase() -> Phase:
        club = CLUBSample(lips.lip_dim, config.expression_dim, settings.club_width).to("meta")
        how: Any = {"device": "meta", "attention": attention_on_a_card}
        networks = LipProjector(lips, **how), DiCTE(config, **how)
        return _main_phase(Decoupling(*networks, club, contextlib.nullcontext))

    def batch(count: int) -> Sample:
        return {
            "lip_audio": meta(count, heard, lips.window, lips.audio_dim),
            "audio": meta(count, frames, lips.window, lips.audio_dim),
            "lip": meta(count, frames, lips.lip_dim),
            "expression": meta(count, frames, config.expression_dim),
            "identity": meta(count, config.identity_dim),
            "emotion": meta(count, frames, config.expression_dim),
            "counts": meta(count, frames),
            "lip_frames": meta(count, heard, dtype=torch.long),
            "others": meta(count, heard, dtype=torch.long),
            "t": meta(count, dtype=torch.long),
            "noise": meta(count, frames, config.expression_dim),
            "known": meta(count, frames),
            "emotion_dropped": meta(count, dtype=torch.bool),
        }

    return MetaStep(phase, batch, settings.loop)


class Decoupling(nn.Module):
    """Eq. 8 on a batch of talks; hands the estimator its pairs. InfoNCE and CLUB compare with the batch of all
    processes: with several parts of a batch, with that of one part.
    """

    def __init__(
        self,
        projector: LipProjector,
        dicte: DiCTE,
        club: CLUBSample,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.projector, self.dicte = projector, dicte
        self._club = (club,)  # in a tuple: it is no part of this module, and at rest here
        self._autocast = autocast
        # The paper's weight of 1 is beside a squared norm, a sum over channels; our losses are means over them.
        self._club_weight = 1 / dicte.config.expression_dim

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        audio, true = batch["audio"], batch["expression"]
        frames = batch["lip_frames"]  # [b, m]: the same number for each clip, in a row
        rows = torch.arange(len(frames), device=frames.device)[:, None]
        with self._autocast():
            lip = self.projector(batch["lip_audio"]).float()  # [b, m, l]
            expression, known = estimate_expression(self.dicte, audio, true, batch["identity"], batch["emotion"], batch)
        true_lip = batch["lip"][rows, frames]
        lip_part = lip_loss(lip, true_lip, everyone=from_all(true_lip), first=first_row(len(lip)))
        given = torch.maximum(known, 1 - batch["counts"])
        open_frames = mean_over_processes((1 - given).sum())
        expression_part = expression_loss(expression, true, given, open_frames_in_all=open_frames)
        heard = expression[rows, frames]
        everyone = from_all(heard.flatten(0, 1))
        others = everyone[batch["others"].flatten() % len(everyone)]
        (club,) = self._club
        at_rest = {name: value.detach() for name, value in club.named_parameters()}
        bound = functional_call(club, at_rest, (lip.flatten(0, 1), heard.flatten(0, 1), others))
        # no information is less than none; the mean over all processes decides, and each gives its own gradient
        apart = bound * (mean_over_processes(bound) > 0)
        loss = v_aid_loss(lip_part, expression_part, apart, self._club_weight)
        figures = {
            "lip": lip_part,
            "expression": expression_part,
            "club": bound,
            "lip_error": (lip.detach() - true_lip).square().mean(),
        }
        return Outcome(loss, figures, {"lip": lip.detach(), "expression": heard.detach()})


class Estimating(nn.Module):
    """CLUB learns how far the expression can be told from the lips."""

    def __init__(self, club: CLUBSample) -> None:
        super().__init__()
        self.club = club

    def forward(self, batch: Sample) -> Outcome:
        loss = self.club.learning_loss(batch["lip"], batch["expression"])
        return Outcome(loss, {"estimator": loss})
