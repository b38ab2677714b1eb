"""The picture of a mouth in one frame, upright and in one size: what changes in it is what the mouth does. [ours]

A face is looked for five times a second, and its box steadied over more than that: the mouth's place in it is known to
a tenth of the face, and a nodding head moves the mouth through the picture as much as speech changes it. So MTCNN is
asked in every frame, by the two networks that look where the face just was, where eyes and mouth are.
"""

import numpy as np
import torch

from ..face import mtcnn
from ..face.finder import Box, box_overlap
from ..face.landmarks import EYE_HEIGHT, MOUTH_HEIGHT
from .lip_sync import PATCH, upright_mouth

_AROUND = 1.8
"""Sides of the part of the frame that is looked at, in faces."""
_SAME = 0.4
"""Overlap with the followed face's box, which is an average, above which a face is that one."""
NOT_SEEN = np.full(PATCH, np.nan, np.float32)


def mouth_picture(pixels: torch.Tensor, box: Box) -> np.ndarray:
    """The mouth of the face at `box` in a frame [3, h, w] RGB 0…1, float32 [16, 24] in grey; `NOT_SEEN` where MTCNN,
    which knows photographs, sees no face there.
    """
    height, width = pixels.shape[1:]
    half = _AROUND * max(box[2] - box[0], box[3] - box[1]) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = max(0, min(width - 1, int(x - half))), max(0, min(height - 1, int(y - half)))
    part = pixels[:, top : max(top + 1, int(y + half)), left : max(left + 1, int(x + half))].float().cpu()
    near = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    found = mtcnn.find_again(part, near)
    overlaps = [box_overlap(tuple(each), near) for each in found.boxes.tolist()]  # type: ignore[arg-type]
    if max(overlaps, default=0.0) < _SAME:
        return NOT_SEEN
    points = torch.from_numpy(found.points[int(np.argmax(overlaps))])
    eyes_mouth = torch.stack([points[0], points[1], points[3:].mean(0)])
    if float((eyes_mouth[2] - eyes_mouth[:2].mean(0)).norm()) < 1:
        return NOT_SEEN
    return upright_mouth(part, eyes_mouth, (MOUTH_HEIGHT - EYE_HEIGHT) * (box[3] - box[1]))
