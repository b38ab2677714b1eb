"""PD-FGC's face alignment: a similarity transform of eyes and mouth to fixed places, and the differentiable warp
(method §3)."""

import math

import torch
from torch.nn import functional as F

TEMPLATE_SIZE = 224
TEMPLATE = ((87.0, 59.0), (137.0, 59.0), (112.0, 120.0))
"""Left eye, right eye (as seen in the picture) and mouth centre in the aligned 224-pixel face (PD-FGC)."""

_MAX_SUPERSAMPLING = 8


def alignment_matrix(eyes_mouth: torch.Tensor, size: int = TEMPLATE_SIZE) -> torch.Tensor:
    """The similarity (rotation, scale, shift; no reflection) that takes `eyes_mouth` [..., 3, 2] to the template,
    least squares. Returns [..., 2, 3] for column points (x, y, 1), in pixels of the picture and of an aligned face
    of `size` pixels. This is Umeyama's closed form, written with plane points as complex numbers: q − q̄ = a (p −
    p̄), a = Σ p* q / Σ |p|².
    """
    points = torch.view_as_complex(eyes_mouth.double().contiguous())  # [..., 3]
    template = torch.tensor([complex(x, y) for x, y in TEMPLATE], dtype=torch.complex128, device=points.device)
    template = template * (size / TEMPLATE_SIZE)
    points_mean, template_mean = points.mean(-1, keepdim=True), template.mean()
    centred = points - points_mean
    spread = centred.abs().square().sum(-1).clamp_min(1e-12)
    turn = (centred.conj() * (template - template_mean)).sum(-1) / spread  # [...], scale and rotation in one
    shift = template_mean - turn * points_mean[..., 0]
    rows = [torch.stack([turn.real, -turn.imag, shift.real], -1), torch.stack([turn.imag, turn.real, shift.imag], -1)]
    return torch.stack(rows, -2).to(eyes_mouth.dtype)  # [..., 2, 3]


def align_face(image: torch.Tensor, eyes_mouth: torch.Tensor, size: int = TEMPLATE_SIZE) -> torch.Tensor:
    """The face in `image` at PD-FGC's place: [3, h, w] with points [3, 2], or [b, 3, h, w] with [b, 3, 2] → [(b,)
    3, size, size]. Differentiable in the image. Outside the picture its edge goes on. A face larger than its target
    is averaged, not skipped over: the grid is laid finer by whole numbers and pooled.
    """
    single = image.dim() == 3
    images, points = (image[None], eyes_mouth[None]) if single else (image, eyes_mouth)
    matrix = alignment_matrix(points, size).double()  # [b, 2, 3]
    shrink = 1.0 / torch.linalg.det(matrix[:, :, :2]).clamp_min(1e-12).sqrt().min().item()
    fine = min(_MAX_SUPERSAMPLING, max(1, math.ceil(shrink)))

    steps = (torch.arange(size * fine, device=image.device, dtype=torch.float64) + 0.5) / fine  # target x or y
    targets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)  # [s, s, 2], x then y
    inverse = torch.linalg.inv(matrix[:, :, :2])
    sources = torch.einsum("bij,bhwj->bhwi", inverse, targets - matrix[:, None, None, :, 2])  # [b, s, s, 2]
    extent = torch.tensor([image.shape[-1], image.shape[-2]], dtype=torch.float64, device=image.device)
    grid = (2.0 * sources / extent - 1.0).to(image.dtype)
    aligned = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if fine > 1:
        aligned = F.avg_pool2d(aligned, fine)
    return aligned[0] if single else aligned
