"""Talking crops as arrays: pictures from bytes, masks from boxes."""

import numpy as np
import torch


def pictures(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 [..., h, w, 3] -> float32 [..., 3, h, w] in 0…1 on the device."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).movedim(-1, -3).float().div_(255)


def box_masks(boxes: np.ndarray | torch.Tensor, size: int, device: torch.device) -> torch.Tensor:
    """Boxes [..., 4] (x0 y0 x1 y1, pixels) -> binary masks [..., 1, size, size]: M_lip, M_face (EmotiveTalk §3.3)."""
    boxes = torch.as_tensor(np.asarray(boxes), device=device)
    centres = torch.arange(size, device=device) + 0.5
    x0, y0, x1, y1 = (boxes[..., i, None] for i in range(4))
    inside_x = ((centres >= x0) & (centres < x1)).float()  # [..., size]
    inside_y = ((centres >= y0) & (centres < y1)).float()
    return (inside_y[..., :, None] * inside_x[..., None, :]).unsqueeze(-3)
