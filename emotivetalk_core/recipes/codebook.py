"""The last step: eight named latents (EmotiveTalk §6.3), each the mean over many drawn faces of that emotion."""

import numpy as np
import torch

from ..face.crops import pictures
from ..models.checkpoint import load_network
from ..models.codebook import EmotionCodebook
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..synthesis.action_units import emotion_action_units
from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.random_faces import random_pose
from ..synthesis.render import render_head
from ..training.stage import Stage
from ..types import EMOTIONS

FACES = 48


def build_demo_codebook(stage: Stage) -> None:
    """Writes emotion_codebook.safetensors. Faces of training identities, at full intensity with the mouth closed."""
    encoder = load_network(
        stage.weights("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, stage.device
    )
    size = stage.settings.data.picture
    latents = []
    for emotion in EMOTIONS:
        rng = np.random.default_rng(stage.settings.seed)
        faces = []
        for index in range(FACES):
            state = HeadState(
                mouth=np.zeros(5),
                action_units=emotion_action_units(emotion, 1.0),
                pose=random_pose(rng, 0.5),
                blink=0.0,
                gaze=np.zeros(2),
            )
            faces.append(render_head(sample_identity(350_000 + index), state, size))
        with torch.inference_mode():
            latents.append(encoder.expression(pictures(np.stack(faces), stage.device)).float().mean(0).cpu())
    EmotionCodebook(torch.stack(latents), EMOTIONS).save(stage.weights("emotion_codebook"))
