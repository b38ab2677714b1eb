"""What a drawn head does in one frame, and where its parts then lie in the picture."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .action_units import ACTION_UNITS


@dataclass(frozen=True, eq=False)
class HeadState:
    """One frame's motion.

    mouth [5]: opening 0…1, width -1…1, rounding 0…1, upper teeth 0…1, tongue 0…1; of speech alone, and closed at 0 ·
    action_units [A]: 0…1 in the order of ACTION_UNITS ·
    pose [6]: yaw (positive turns to the picture's right), pitch (positive looks down), roll (positive tilts clockwise)
    in radians, dx and dy in picture fractions, scale about 1 ·
    blink: 0 open … 1 shut · gaze [2]: right and down, -1…1.
    """

    mouth: np.ndarray
    action_units: np.ndarray
    pose: np.ndarray
    blink: float
    gaze: np.ndarray

    @cached_property
    def units(self) -> dict[str, float]:
        """The action units by name."""
        return dict(zip(ACTION_UNITS, self.action_units.tolist(), strict=True))

    @classmethod
    def rest(cls) -> "HeadState":
        """Facing the viewer, silent and without expression."""
        pose = np.array([0, 0, 0, 0, 0, 1], np.float32)
        return cls(np.zeros(5, np.float32), np.zeros(len(ACTION_UNITS), np.float32), pose, 0.0, np.zeros(2, np.float32))


@dataclass(frozen=True, eq=False)
class HeadGeometry:
    """Where the face lies in a picture, in pixels, boxes as left, top, right, bottom.

    face_box [4]: hairline to chin, cheek to cheek · lip_box [4]: holds the lips from closed to wide open ·
    eyes_mouth [3, 2]: left eye, right eye (as seen in the picture), mouth centre · mouth_opening 0…1.
    """

    face_box: np.ndarray
    lip_box: np.ndarray
    eyes_mouth: np.ndarray
    mouth_opening: float
