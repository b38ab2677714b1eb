"""The halves of V-AID once more, each alone, which takes a part of the time: the audio-lip projector (EmotiveTalk eq.
4) and Di-CTE (eq. 7), the latter on clips that are only heard. There the face does what is said and what the emotion
asks for, and no drawing's own ways come in between. [ours]
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from ..models.dicte import DiCTE, DiCTEBlock
from ..models.lip_projector import LipProjector, PerceiverBlock
from .estimate import estimate_expression
from .features import add_readings, add_speech
from .job import Job
from .lids import measure_lids
from .loop import LoopSettings
from .losses import expression_loss, lip_loss
from .parallel import Outcome, Phase
from .processes import first_row, from_all, mean_over_processes
from .ranges import at_least
from .talks import Talks
from .v_aid import faces_to_train, lips_to_train


@dataclass(frozen=True)
class LipSettings:
    """lip_frames: of each clip's that one step asks for · recorded: in how many more surroundings each clip is heard ·
    start: the weights that it begins with.
    """

    loop: LoopSettings
    lip_frames: int = 48
    recorded: int = 0
    start: str = "lip_projector"

    def __post_init__(self) -> None:
        at_least(1, self, "lip_frames")
        at_least(0, self, "recorded")


def train_lips_anew(job: Job, settings: LipSettings) -> None:
    """Goes on from the audio-lip projector that is there and writes it in its place; the same as training/lips."""
    add_speech(job, ("clips", "speech"), settings.recorded)
    add_readings(job, ("clips", "portraits", "stills"))
    torch.manual_seed(job.seed)
    projector = lips_to_train(job, settings.start)

    def talks(*, held_out: bool) -> Talks:
        return Talks(job.source(), job.preset.dicte, settings.lip_frames, settings.loop.batch, held_out=held_out)

    phases = {"main": Phase(Lipping(projector, job.autocast), (PerceiverBlock,))}
    record = job.train("lips", phases, settings.loop, talks, settings)
    for name in ("lip_projector", "training/lips"):
        job.save(name, "lip_projector", projector, projector.config, record)


class Lipping(nn.Module):
    """Eq. 4 on a batch of talks."""

    def __init__(self, projector: LipProjector, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.projector, self._autocast = projector, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        frames = batch["lip_frames"]
        with self._autocast():
            said = self.projector(batch["lip_audio"]).float()  # [b, m, l]
        true = batch["lip"][torch.arange(len(frames), device=frames.device)[:, None], frames]
        loss = lip_loss(said, true, everyone=from_all(true), first=first_row(len(said)))
        return Outcome(loss, {"loss": loss, "lip_error": (said.detach() - true).square().mean()})


@dataclass(frozen=True)
class ExpressionSettings:
    """recorded: in how many more surroundings each clip is heard · start: the weights that it begins with."""

    loop: LoopSettings
    recorded: int = 0
    start: str = "dicte"

    def __post_init__(self) -> None:
        at_least(0, self, "recorded")


def train_expression_anew(job: Job, settings: ExpressionSettings) -> None:
    """Goes on from the Di-CTE that is there and writes it in its place; the same as training/expression."""
    add_speech(job, ("speech",), settings.recorded)
    add_readings(job, ("stills",))
    torch.manual_seed(job.seed)
    dicte = faces_to_train(job, settings.start)

    def talks(*, held_out: bool) -> Talks:
        return Talks(job.source(), dicte.config, 1, settings.loop.batch, held_out=held_out, seen=False)

    phases = {"main": Phase(Expressing(dicte, job.autocast), (DiCTEBlock,))}
    record = job.train("expression", phases, settings.loop, talks, settings)
    measure_lids(job, dicte)
    for name in ("dicte", "training/expression"):
        job.save(name, "dicte", dicte, dicte.config, record)


class Expressing(nn.Module):
    """Eq. 7 on a batch of talks."""

    def __init__(self, dicte: DiCTE, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.dicte, self._autocast = dicte, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        true = batch["expression"]
        with self._autocast():
            said, known = estimate_expression(
                self.dicte, batch["audio"], true, batch["identity"], batch["emotion"], batch
            )
        given = torch.maximum(known, 1 - batch["counts"])
        loss = expression_loss(said, true, given, open_frames_in_all=mean_over_processes((1 - given).sum()))
        return Outcome(loss, {"expression": loss})
