"""A portrait with its head turned: pixels moved as if the head were an ellipsoid before a still background.

What comes out is a guide, not a picture to look at: the backbone gets it beside each noisy frame in the portrait's
place, keeps what is right in it and draws anew what is not (the far cheek, the neck). The paper leaves head pose to
future work, so all of this is ours; its networks are as they were, and without a pose nothing changes.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional as F

from ..types import HeadPose

DEPTH = 0.31  # of the face box's height: how far the middle of the face stands before its rim, as drawn heads have it
PIVOT = 0.65  # of the face box's height below its middle: the neck, about which the head tilts and grows
RIGID = 1.15  # times the face box's half sides: hair and ears move with the face
STILL = 2.6  # times the half sides: from here on nothing moves
TURNED_AT_ONCE = 16  # pictures: beyond that memory would grow with the clip
FINEST = 256  # pixels: in larger pictures places are found on a grid this fine, and between its points by lines
ITERATIONS = 4  # towards the place that a pixel came from; the error is below 0.1 pixels at 128 after three


def turn_head(picture: torch.Tensor, face_box: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """The pictures [b, c, h, w] with their heads moved by `pose` [b, 6] as in types.HeadPose; not clamped.

    face_box [b, 4]: left, top, right, bottom in pixels, forehead to chin. One picture, or one box, serves all poses.
    """
    picture = picture.expand(len(pose), -1, -1, -1)
    size = picture.new_tensor([picture.shape[-1], picture.shape[-2]])
    half = (face_box[:, 2:] - face_box[:, :2]) / 2  # [b, 2]
    centre = (face_box[:, 2:] + face_box[:, :2]) / 2
    unit = 2 * half[:, 1]  # [b], the face's height
    coarse = [min(side, FINEST) for side in picture.shape[-2:]]
    place = _places(coarse, picture) * size  # [h, w, 2], x then y
    target = (place - centre[:, None, None]) / unit[:, None, None, None]  # [b, h, w, 2], in face heights
    reach = half / unit[:, None]  # [b, 2]

    shift = pose[:, 3:5] * size / unit[:, None]
    source = target
    for _ in range(ITERATIONS):
        distance = (source / reach[:, None, None]).norm(dim=-1, keepdim=True)  # 1 on the face box's ellipse
        share = ((STILL - distance) / (STILL - RIGID)).clamp(0, 1)
        share = share * share * (3 - 2 * share)  # a smooth step
        depth = DEPTH * (1 - (distance / RIGID).square()).clamp_min(0).sqrt()
        source = torch.lerp(target, _before(target, depth, pose, shift), share)
    moved = (source - target) * unit[:, None, None, None] / size
    if coarse != list(picture.shape[-2:]):
        moved = F.interpolate(moved.movedim(-1, 1), size=picture.shape[-2:], mode="bilinear").movedim(1, -1)
    grid = (_places(picture.shape[-2:], picture) + moved) * 2 - 1
    return F.grid_sample(picture, grid.to(picture), mode="bicubic", padding_mode="border", align_corners=False)


def _places(sides: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    """Where the middle of each pixel lies, 0…1 across and down [h, w, 2], of a picture of these sides."""
    rows, columns = ((torch.arange(side, device=like.device) + 0.5) / side for side in sides)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).to(like)


def turned_portraits(crop: torch.Tensor, face_mask: torch.Tensor, head_pose: HeadPose) -> Iterator[torch.Tensor]:
    """The talking crop [1, 3, s, s] with its head as it stands in each frame, in 0...1: chunks [k, 3, s, s] in order.
    face_mask [1, s, s] binary.
    """
    box = box_of_mask(face_mask).to(crop)[None]
    for poses in head_pose.values.to(crop).split(TURNED_AT_ONCE):
        yield turn_head(crop, box, poses).clamp(0, 1)


def _before(target: torch.Tensor, depth: torch.Tensor, pose: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Where points of the turned head [b, h, w, 2] were, given how far they stand before its rim [b, h, w, 1].

    The head turns as x' = x cos(yaw) + z sin(yaw) and y' = y cos(pitch) + (z cos(yaw) - x sin(yaw)) sin(pitch), then
    rolls and grows about the neck, and shifts; here backwards.
    """
    yaw, pitch, roll, scale = (pose[:, i, None, None] for i in (0, 1, 2, 5))
    x, y = (target - shift[:, None, None]).unbind(-1)
    y = y - PIVOT
    cos, sin = roll.cos() / scale, roll.sin() / scale
    x, y = cos * x + sin * y, cos * y - sin * x + PIVOT
    z = depth[..., 0]
    x = (x - z * yaw.sin()) / yaw.cos()
    y = (y - (z * yaw.cos() - x * yaw.sin()) * pitch.sin()) / pitch.cos()
    return torch.stack([x, y], -1)


def box_of_mask(mask: torch.Tensor) -> torch.Tensor:
    """Bounds [4] of a binary mask [1, h, w] in pixels: left, top, right, bottom."""
    rows, columns = mask[0].any(1).nonzero()[:, 0], mask[0].any(0).nonzero()[:, 0]
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
