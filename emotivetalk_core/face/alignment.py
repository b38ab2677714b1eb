"""PD-FGC's face alignment: a similarity transform of eyes and mouth to fixed places, and the differentiable warp
(method §3).

Established from two sources: PD-FGC's README names PC-AVS's preprocessing (scripts/align_68.py), which brings the three
points to a 224-pixel picture and then shifts the mouth exactly to its place; PD-FGC's own data loader then cuts 16
pixels from either side and 32 from below, and enlarges the rest to 224 pixels again. Both together stand here.

As in OpenCV and in landmark detectors, the point (0, 0) is the centre of the first pixel.
"""

import math

import torch
from torch.nn import functional as F

TEMPLATE_SIZE = 224
PLACED = ((87.0, 59.0), (137.0, 59.0), (112.0, 120.0))
"""Left eye, right eye (as seen in the picture) and mouth centre in the 224-pixel picture before it is cut (PC-AVS)."""

CUT_LEFT, CUT_TOP, CUT_SIDE = 16, 0, 192
"""The square of that picture which PD-FGC's networks see, enlarged to 224 pixels."""

_MAX_SUPERSAMPLING = 8


def cut_place(x: float, y: float, size: int = TEMPLATE_SIZE) -> tuple[float, float]:
    """Where a point of the uncut picture is in the aligned face of `size` pixels."""
    enlarged = size / CUT_SIDE
    return (x + 0.5 - CUT_LEFT) * enlarged - 0.5, (y + 0.5 - CUT_TOP) * enlarged - 0.5


TEMPLATE = tuple(cut_place(x, y) for x, y in PLACED)
"""Left eye, right eye and mouth centre in the aligned 224-pixel face: (82.9, 68.9), (141.3, 68.9), (112.1, 140.1)."""


def alignment_matrix(eyes_mouth: torch.Tensor, size: int = TEMPLATE_SIZE) -> torch.Tensor:
    """The similarity (rotation, scale, shift; no reflection) that takes `eyes_mouth` [..., 3, 2] to the template:
    rotation and scale by least squares, the shift so that the mouth comes exactly to its place. Returns [..., 2, 3] for
    column points (x, y, 1), in pixels of the picture and of an aligned face of `size` pixels. This is Umeyama's closed
    form, written with plane points as complex numbers, p and q, each from its mean: q = a·p, a = sum(p*·q) / sum(|p|²).
    """
    points = torch.view_as_complex(eyes_mouth.double().contiguous())  # [..., 3]
    places = [complex(*cut_place(x, y, size)) for x, y in PLACED]
    template = torch.tensor(places, dtype=torch.complex128, device=points.device)
    centred = points - points.mean(-1, keepdim=True)
    spread = centred.abs().square().sum(-1).clamp_min(1e-12)
    turn = (centred.conj() * (template - template.mean())).sum(-1) / spread  # [...], scale and rotation in one
    shift = template[2] - turn * points[..., 2]
    rows = [torch.stack([turn.real, -turn.imag, shift.real], -1), torch.stack([turn.imag, turn.real, shift.imag], -1)]
    return torch.stack(rows, -2).to(eyes_mouth.dtype)  # [..., 2, 3]


def align_face(image: torch.Tensor, eyes_mouth: torch.Tensor, size: int = TEMPLATE_SIZE) -> torch.Tensor:
    """The face in `image` at PD-FGC's place: [3, h, w] with points [3, 2], or [b, 3, h, w] with [b, 3, 2] -> [(b,)
    3, size, size]. Differentiable in the image. Outside the picture its edge goes on. A face larger than its target
    is averaged, not skipped over: the grid is laid finer by whole numbers and pooled.
    """
    single = image.dim() == 3
    images, points = (image[None], eyes_mouth[None]) if single else (image, eyes_mouth)
    matrix = alignment_matrix(points.double(), size)  # [b, 2, 3]
    shrink = 1.0 / torch.linalg.det(matrix[:, :, :2]).clamp_min(1e-12).sqrt().min().item()
    fine = min(_MAX_SUPERSAMPLING, max(1, math.ceil(shrink)))

    steps = (torch.arange(size * fine, device=image.device, dtype=torch.float64) + 0.5) / fine - 0.5  # target x or y
    targets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)  # [s, s, 2], x then y
    inverse = torch.linalg.inv(matrix[:, :, :2])
    sources = torch.einsum("bij,bhwj->bhwi", inverse, targets - matrix[:, None, None, :, 2])  # [b, s, s, 2]
    extent = torch.tensor([image.shape[-1], image.shape[-2]], dtype=torch.float64, device=image.device)
    grid = ((2.0 * sources + 1.0) / extent - 1.0).to(image.dtype)
    aligned = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if fine > 1:
        aligned = F.avg_pool2d(aligned, fine)
    return aligned[0] if single else aligned
