"""MTCNN, the finder of faces in photographs: three small networks, each of which looks closer than the one before
(Zhang et al. 2016, "Joint Face Detection and Alignment using Multitask Cascaded Convolutional Networks").

P-Net goes over a pyramid of the picture and proposes squares; R-Net refuses most of them; O-Net decides, and places
eyes, nose and mouth. The weights are public; assets/photograph_faces.md says whose they are and what makes the file.
They run on the CPU in float32 wherever the rest runs: the pictures that they see are 12, 24 and 48 pixels wide.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

WEIGHTS_FILE = Path(__file__).resolve().parent.parent / "assets" / "photograph_faces.safetensors"

P_SIDE, R_SIDE, O_SIDE = 12, 24, 48
"""Sides of the squares that P-Net, R-Net and O-Net see, in pixels."""
P_STRIDE = 2
PYRAMID_STEP = 0.709
"""Each level of the pyramid has half the area of the one before, as the weights were trained."""
P_SURE, R_SURE, O_SURE = 0.6, 0.7, 0.7
"""Scores from which on each network's squares go on: those of the authors' program."""

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class FoundFaces:
    """Faces in pixels of the picture (pixel i spans i…i+1), surest first. boxes [n, 4]: left, top, right, bottom,
    forehead to chin and cheek to cheek · scores [n] 0…1 · points [n, 5, 2]: left eye, right eye, nose, left and right
    corner of the mouth, as seen in the picture, x then y.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray


@lru_cache(maxsize=1)
def shipped_weights() -> Weights:
    """The weights that come with the program, 495,850 values: "pnet.conv1.weight" and so on."""
    from safetensors.torch import load_file

    return load_file(WEIGHTS_FILE)


@torch.no_grad()
def find(pixels: torch.Tensor, smallest: float) -> FoundFaces:
    """The faces of `pixels` [3, h, w] RGB 0…1 that are at least `smallest` pixels wide."""
    picture = _levels(pixels.float().cpu())
    return _decide(picture, _propose(picture, smallest, shipped_weights()))


@torch.no_grad()
def find_again(pixels: torch.Tensor, box: tuple[float, float, float, float]) -> FoundFaces:
    """The face of `pixels` that was at `box` a moment ago, in a hundredth of the time that `find` takes: the networks
    after the first look where it was, and a tenth of its size to either side.
    """
    left, top, right, bottom = box
    across, down = 0.1 * (right - left), 0.1 * (bottom - top)
    moves = np.array([[0, 0], [-across, 0], [across, 0], [0, -down], [0, down]])
    return _decide(_levels(pixels.float().cpu()), np.array([box]) + np.concatenate([moves, moves], 1))


def _decide(picture: torch.Tensor, boxes: np.ndarray) -> FoundFaces:
    """What R-Net and O-Net make of proposed boxes [n, 4]."""
    weights = shipped_weights()
    scores, points = np.empty(0), np.empty((0, 5, 2))
    for network, side, sure in ((refine, R_SIDE, R_SURE), (locate_features, O_SIDE, O_SURE)):
        if not len(boxes):
            break
        boxes = _squares(boxes)
        answers = [answer.double().numpy() for answer in network(_cut(picture, boxes, side), weights)]
        yes = answers[0] > sure
        boxes, scores, shifts, *places = (values[yes] for values in (boxes, *answers))
        if places:
            sizes = boxes[:, None, 2:] - boxes[:, None, :2]
            points = boxes[:, None, :2] + places[0].reshape(-1, 2, 5).transpose(0, 2, 1) * sizes
        boxes = _moved(boxes, shifts)
        # The last look also drops faces that lie in one another, such as a mouth and chin in a whole face.
        kept = _suppress(boxes, scores, 0.7, inside=network is locate_features)
        boxes, scores = boxes[kept], scores[kept]
        points = points[kept] if places else points
    if not len(boxes):
        return FoundFaces(np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2)))
    return FoundFaces(boxes, scores, points)


def propose(pictures: torch.Tensor, weights: Weights) -> tuple[torch.Tensor, torch.Tensor]:
    """P-Net: pictures [b, 3, h, w] in -1…1 -> how surely the 12-pixel square at each second pixel is a face
    [b, h', w'], and how far its four sides are from the face's [b, 4, h', w'], in sides of the square."""
    h = _layer(pictures, weights, "pnet", 1)
    h = F.max_pool2d(h, 2, 2, ceil_mode=True)
    h = _layer(_layer(h, weights, "pnet", 2), weights, "pnet", 3)
    face = F.conv2d(h, weights["pnet.conv4_1.weight"], weights["pnet.conv4_1.bias"]).softmax(1)[:, 1]
    return face, F.conv2d(h, weights["pnet.conv4_2.weight"], weights["pnet.conv4_2.bias"])


def refine(squares: torch.Tensor, weights: Weights) -> tuple[torch.Tensor, torch.Tensor]:
    """R-Net: squares [b, 3, 24, 24] in -1…1 -> how surely each is a face [b], and how far its sides are off [b, 4]."""
    h = F.max_pool2d(_layer(squares, weights, "rnet", 1), 3, 2, ceil_mode=True)
    h = F.max_pool2d(_layer(h, weights, "rnet", 2), 3, 2, ceil_mode=True)
    h = _dense(_layer(h, weights, "rnet", 3), weights, "rnet", 4)
    return _linear(h, weights, "rnet.dense5_1").softmax(1)[:, 1], _linear(h, weights, "rnet.dense5_2")


def locate_features(squares: torch.Tensor, weights: Weights) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """O-Net: squares [b, 3, 48, 48] in -1…1 -> the same two, and five points [b, 10] in sides of the square: all x,
    then all y."""
    h = F.max_pool2d(_layer(squares, weights, "onet", 1), 3, 2, ceil_mode=True)
    h = F.max_pool2d(_layer(h, weights, "onet", 2), 3, 2, ceil_mode=True)
    h = F.max_pool2d(_layer(h, weights, "onet", 3), 2, 2, ceil_mode=True)
    h = _dense(_layer(h, weights, "onet", 4), weights, "onet", 5)
    face, shifts, points = (_linear(h, weights, f"onet.dense6_{answer}") for answer in (1, 2, 3))
    return face.softmax(1)[:, 1], shifts, points


def _layer(x: torch.Tensor, weights: Weights, network: str, at: int) -> torch.Tensor:
    x = F.conv2d(x, weights[f"{network}.conv{at}.weight"], weights[f"{network}.conv{at}.bias"])
    return F.prelu(x, weights[f"{network}.prelu{at}.weight"])


def _dense(x: torch.Tensor, weights: Weights, network: str, at: int) -> torch.Tensor:
    # the weights were trained in Matlab, which counts columns before rows
    x = _linear(x.transpose(2, 3).permute(0, 2, 3, 1).flatten(1), weights, f"{network}.dense{at}")
    return F.prelu(x, weights[f"{network}.prelu{at}.weight"])


def _linear(x: torch.Tensor, weights: Weights, name: str) -> torch.Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _levels(pixels: torch.Tensor) -> torch.Tensor:
    """0…1 as the networks take it: the 256 levels less 127.5, over 128."""
    return (pixels * 255.0 - 127.5) / 128.0


def _propose(picture: torch.Tensor, smallest: float, weights: Weights) -> np.ndarray:
    """P-Net's squares at every level of the pyramid [n, 4], moved to the faces that it sees in them."""
    height, width = picture.shape[-2:]
    found: list[np.ndarray] = []
    scale = P_SIDE / smallest
    while min(height, width) * scale >= P_SIDE:
        size = (round(height * scale), round(width * scale))
        level = F.interpolate(picture[None], size=size, mode="area")
        sure, shifts = propose(level, weights)
        at = (sure[0] >= P_SURE).nonzero()
        corners = at.flip(1).double().numpy() * P_STRIDE  # x, y in the level
        ratio = np.array([width / size[1], height / size[0]])
        # The square begins one pixel in, as in the authors' program: of 84 pictures of faces 83 are found so, else 79.
        boxes = np.concatenate([(corners + 1) * ratio, (corners + P_SIDE) * ratio], 1)
        scores = sure[0][at[:, 0], at[:, 1]].double().numpy()
        moved = shifts[0][:, at[:, 0], at[:, 1]].T.double().numpy()
        kept = _suppress(boxes, scores, 0.5)
        found.append(np.concatenate([boxes, scores[:, None], moved], 1)[kept])
        scale *= PYRAMID_STEP
    if not found:
        return np.empty((0, 4))
    all_levels = np.concatenate(found)
    all_levels = all_levels[_suppress(all_levels[:, :4], all_levels[:, 4], 0.7)]
    return _moved(all_levels[:, :4], all_levels[:, 5:])


def _moved(boxes: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Boxes [n, 4] whose sides are moved by `shifts` [n, 4] of their width or height."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes + shifts * np.concatenate([sizes, sizes], 1)


def _squares(boxes: np.ndarray) -> np.ndarray:
    """The squares around the boxes' centres, as large as their longer side."""
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    centres = (boxes[:, 2:] + boxes[:, :2]) / 2
    return np.concatenate([centres - half, centres + half], 1)


def _cut(picture: torch.Tensor, squares: np.ndarray, side: int) -> torch.Tensor:
    """What the picture shows in the squares [n, 4], black outside it -> [n, 3, side, side]."""
    height, width = picture.shape[-2:]
    places = squares.round().astype(int).reshape(-1, 2, 2)
    beyond = int(max(0, -places.min(), places[:, 1, 0].max() - width, places[:, 1, 1].max() - height))
    padded = F.pad(picture, (beyond,) * 4, value=-1.0)
    cuts = []
    for (left, top), (right, bottom) in (places + beyond).tolist():
        square = padded[None, :, top : max(bottom, top + 1), left : max(right, left + 1)]
        cuts.append(F.interpolate(square, size=(side, side), mode="area"))
    return torch.cat(cuts)


def _suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float, inside: bool = False) -> np.ndarray:
    """Indices of the boxes that stay, surest first: none overlaps a surer one by more than this part of their union,
    or, where `inside`, of the smaller of the two."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[waiting, :2])
        high = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = (high - low).clip(0).prod(1)
        smaller, both = np.minimum(areas[best], areas[waiting]), areas[best] + areas[waiting] - shared
        waiting = waiting[shared <= overlap * (smaller if inside else both)]
    return np.array(kept, int)
