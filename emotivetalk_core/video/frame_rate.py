"""A film of half the frames, doubled: between two frames one that neither was, from how things moved."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional


def doubled(
    chunks: Iterator[torch.Tensor], frames: int, *, interpolate: bool = True, passed_over: int = 0
) -> Iterator[torch.Tensor]:
    """Chunks of frames [k, 3, h, w], 0…1, as chunks of twice as many, `frames` in all: after each frame the one halfway
    to the next, or without `interpolate` the same again. The last one stands until the end. passed_over: so many before
    those `frames` are left out.

    One frame is held back, so that memory does not grow with the film.
    """
    given, last = -passed_over, None
    for chunk in chunks:
        film = chunk if last is None else torch.cat((last, chunk))
        last = film[-1:]
        pieces = []
        for first, second in zip(film, film[1:]):
            pieces += [first, halfway(first, second) if interpolate else first]
        if pieces and given < frames:
            result = torch.stack(pieces)[: frames - given]
            wanted = result[max(0, -given) :]
            given += result.shape[0]
            if len(wanted):
                yield wanted
    if last is not None and given < frames:
        yield last.expand(frames - max(0, given), -1, -1, -1)


def halfway(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The picture [3, h, w] in the middle of two: both carried half of the way along the flow, and mixed.

    The flow is OpenCV's DIS ("Fast Optical Flow using Dense Inverse Search", Kroeger et al. 2016), both ways. Where the
    two do not agree about a place, something was covered there, and they are mixed as they stand.
    """
    grey = [_grey(frame) for frame in (first, second)]
    forth, back = _flow(grey[0], grey[1]), _flow(grey[1], grey[0])  # [h, w, 2], pixels
    halves = _carried(first, -0.5 * forth), _carried(second, -0.5 * back)
    doubt = (halves[0] - halves[1]).abs().mean(0, keepdim=True)
    still = (first - second).abs().mean(0, keepdim=True)
    moved, mixed = (halves[0] + halves[1]) / 2, (first + second) / 2
    return torch.where(doubt <= still, moved, mixed)


def _flow(one: np.ndarray, other: np.ndarray) -> torch.Tensor:
    """Where each pixel of one picture went in the other [h, w, 2]; by scikit-image, slower, where OpenCV is absent."""
    try:
        import cv2
    except ImportError:
        from skimage.registration import optical_flow_ilk

        down, right = optical_flow_ilk(one.astype(np.float32) / 255, other.astype(np.float32) / 255, radius=9)
        return torch.from_numpy(np.stack((right, down), axis=-1).astype(np.float32))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return torch.from_numpy(np.asarray(dis.calc(one, other, np.zeros((*one.shape, 2), np.float32))))


def _grey(frame: torch.Tensor) -> np.ndarray:
    weights = torch.tensor([0.299, 0.587, 0.114])
    luma = (frame.detach().float().cpu() * weights[:, None, None]).sum(0)
    return np.ascontiguousarray((luma.clamp(0, 1) * 255).round().byte().numpy())


def _carried(frame: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """The frame read at each place plus its offset [h, w, 2]."""
    height, width = frame.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x = (columns + offset[..., 0] + 0.5) * 2 / width - 1
    y = (rows + offset[..., 1] + 0.5) * 2 / height - 1
    places = torch.stack((x, y), dim=-1)[None].to(frame)
    return functional.grid_sample(frame[None], places, padding_mode="border", align_corners=False)[0]
