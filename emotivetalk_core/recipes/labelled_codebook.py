"""The last stage on films of people: the emotion codebook of those whose emotion is known, such as MEAD's (EmotiveTalk
§6.3).
"""

from dataclasses import dataclass
from functools import partial

import torch

from ..direction.codebook_build import build_codebook, face_expression, read_labelled
from ..errors import InputError
from ..models.codebook import NEUTRAL, EmotionCodebook
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..training.features import add_readings
from ..training.job import Job
from ..training.labelled import labelled_frames


@dataclass(frozen=True)
class LabelledSettings:
    """levels: of the emotions' strength, of which clips are taken, as their list calls them; none: all."""

    levels: tuple[str, ...] = ()


def build_labelled_codebook(job: Job, settings: LabelledSettings) -> None:
    """Writes emotion_codebook.safetensors. Of clips without emotions: neutral alone, the mean of what people do."""
    add_readings(job, ("clips",))
    if job.engine.processes.first:
        encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, MotionEncoderConfig)
        source = job.source()
        size = job.preset.sampling.size
        express = partial(face_expression, encoder, detector=None, size=size, device=job.device)
        try:
            built = build_codebook(read_labelled(labelled_frames(source, settings.levels), express))
            codebook, said = built.codebook, built.describe()
        except InputError:
            every = [
                source.read(clip, "expression").float().mean(0) for clip in source.some_clips("clips", "expression")
            ]
            codebook = EmotionCodebook(torch.stack(every).mean(0)[None], (NEUTRAL,))
            said = "no neutral and another emotion among the films: neutral alone, their mean"
        licence = job.licensed(job.licence("motion_encoder", "motion_encoder"))
        codebook.save(job.weights("emotion_codebook"), {"built from": said, **job.provenance}, licence=licence)
    job.engine.processes.wait()
