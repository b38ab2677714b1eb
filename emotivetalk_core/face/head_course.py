"""How a head moves through a sequence of pictures, read from where its face, eyes and mouth are in each."""

import numpy as np

from .regions import CROP_FACTOR

_FEATURES_AT = 0.276  # of the face box's height: how far eyes and mouth stand before the rim, measured on drawn heads


def head_course(boxes: np.ndarray, eyes_mouth: np.ndarray) -> np.ndarray:
    """The head's pose in each of m pictures [m, 6], as types.HeadPose but for its zero, which is nobody's portrait.

    boxes [m, 4]: left, top, right, bottom of the face in pixels · eyes_mouth [m, 3, 2]: left eye, right eye, mouth.

    Roll is the eyes' slope and size their distance from the mouth; the shift is what is left of the box's when the
    head has turned about its neck. A turned head shows its features off the middle of its outline, by their depth:
    so far they tell yaw and pitch. [ours]
    """
    left, right, mouth = (eyes_mouth[:, i].astype(np.float64) for i in range(3))
    eyes = (left + right) / 2
    unit = np.median(boxes[:, 3] - boxes[:, 1])  # the face's height in pixels
    roll = np.arctan2(right[:, 1] - left[:, 1], right[:, 0] - left[:, 0])
    across = np.linalg.norm(right - left, axis=1)
    down = np.linalg.norm(mouth - eyes, axis=1)
    size = np.sqrt(across * down)
    size /= np.median(size)
    centre = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2], 1)
    features = (eyes + mouth) / 2 - centre
    cos, sin = np.cos(roll), np.sin(roll)
    upright = np.stack([cos * features[:, 0] + sin * features[:, 1], cos * features[:, 1] - sin * features[:, 0]], 1)
    turned = upright / (unit * size[:, None] * _FEATURES_AT)
    turned[:, 1] -= np.median(turned[:, 1])  # where eyes and mouth lie between forehead and chin is the person's own
    yaw, pitch = np.arcsin(np.clip(turned, -0.8, 0.8)).T
    shift = (centre - np.median(centre, 0)) / (unit * CROP_FACTOR)
    return np.column_stack([yaw, pitch, roll, shift, size])
