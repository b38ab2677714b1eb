"""Faces at random: what a drawn head may express and say, and how it may stand."""

import numpy as np

from ..types import EMOTIONS
from .action_units import emotion_action_units
from .head_state import HeadState


def random_state(rng: np.random.Generator, pose: np.ndarray) -> tuple[HeadState, int]:
    """A face of random expression and mouth at the given pose, and the index of its emotion. Mouths are drawn wider
    than speech uses them, so that every opening is met with every emotion.
    """
    emotion = int(rng.integers(len(EMOTIONS)))
    action_units = emotion_action_units(EMOTIONS[emotion], float(rng.uniform(0.5, 1.0)))
    action_units = np.clip(action_units + rng.normal(0, 0.06, action_units.shape), 0, 1)
    mouth = np.zeros(5)
    if rng.random() > 0.25:
        mouth = np.array([rng.beta(1.1, 1.6), rng.uniform(-0.8, 0.8), rng.beta(1, 2), rng.random(), rng.beta(1, 2)])
    blink = float(rng.uniform(0.5, 1)) if rng.random() < 0.08 else 0.0
    return HeadState(
        mouth=mouth, action_units=action_units, pose=pose, blink=blink, gaze=rng.normal(0, 0.15, 2)
    ), emotion


def random_pose(rng: np.random.Generator, amount: float = 1.0) -> np.ndarray:
    """Yaw, pitch, roll in radians, shift as a fraction of the picture, scale."""
    spread = np.array([0.08, 0.05, 0.04, 0.015, 0.012, 0.015]) * amount
    return rng.normal(0, 1, 6) * spread + np.array([0, 0, 0, 0, 0, 1.0])
