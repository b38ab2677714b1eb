"""The last step: eight named latents (EmotiveTalk §6.3), each the mean over many drawn faces of that emotion."""

from dataclasses import dataclass

import numpy as np
import torch

from ..face.crops import pictures
from ..models.codebook import EmotionCodebook
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..synthesis.action_units import emotion_action_units
from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.random_faces import random_pose
from ..synthesis.render import render_head
from ..training.job import Job
from ..training.ranges import at_least
from ..types import EMOTIONS


@dataclass(frozen=True)
class CodebookSettings:
    """faces: drawn of each emotion."""

    faces: int = 48

    def __post_init__(self) -> None:
        at_least(1, self, "faces")


def build_drawn_codebook(job: Job, settings: CodebookSettings) -> None:
    """Writes emotion_codebook.safetensors. Faces of training identities, at full intensity with the mouth closed."""
    if job.engine.processes.first:
        encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, MotionEncoderConfig)
        latents = []
        for emotion in EMOTIONS:
            rng = np.random.default_rng(job.seed)
            faces = [_face(rng, emotion, index, job.preset.sampling.size) for index in range(settings.faces)]
            with torch.inference_mode():
                latents.append(encoder.expression(pictures(np.stack(faces), job.device)).float().mean(0).cpu())
        EmotionCodebook(torch.stack(latents), EMOTIONS).save(job.weights("emotion_codebook"))
    job.engine.processes.wait()


def _face(rng: np.random.Generator, emotion: str, index: int, size: int) -> np.ndarray:
    state = HeadState(
        mouth=np.zeros(5),
        action_units=emotion_action_units(emotion, 1.0),
        pose=random_pose(rng, 0.5),
        blink=0.0,
        gaze=np.zeros(2),
    )
    return render_head(sample_identity(350_000 + index), state, size)
