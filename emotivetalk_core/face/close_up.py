"""Eyes and mouth seen from close by: where in a picture they are, and how they come to look when the face moves. [ours]

Small backbones open mouths in the wrong place and shut one eye further than the other, most of all in photographs. A
face that is brought to one place by its eyes and mouth leaves a network little to guess: where lips part is always the
same place. What it says is that of "First Order Motion Model" (Siarohin et al. 2019, arXiv:2003.00122), a warp and a
mask, with what no warp can show (teeth, shut lids) painted:

    seen = share * W(picture) + added * lit

near eyes and mouth, and the frame as it was elsewhere. `lit` is 1 but where teeth are seen: there it is what a picture
of teeth is (face/teeth.py), so that they are as sharp as the portrait and not as the few pixels that are painted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache

import torch
from torch.nn import functional as F

from ..types import FaceRegions
from .blur import blurred_along_lines
from .resizing import resized
from .teeth import teeth_picture
from .window import Window

WIDE, HIGH = 128, 160
"""Pixels of a close-up."""
EYES_MOUTH = ((37.0, 48.0), (91.0, 48.0), (64.0, 108.0))
"""Where in it both eyes and the mouth are."""
SPOTS = ((37.0, 44.0, 29.0, 25.0), (91.0, 44.0, 29.0, 25.0), (64.0, 112.0, 40.0, 32.0))
"""Around eyes and mouth, ellipses: middle, and half of width and height."""
FACE = ((64.0, 80.0, 56.0, 76.0),)
"""The same around the face."""
MOST_ASLANT = 2.0
"""So much longer than wide, or wider than long, a face may be against those that are known."""
_WHOLE, _THREAD, _SMOOTH = 0.6, 0.3, 4.0
"""See `pulled_out`. Lids that shut are pulled out of a line of skin, whose every hair would become a stripe; so its
colours alone are, smooth along the line over so many pixels of the close-up.
"""
_RIM = 0.3
"""Share of an ellipse over which it fades."""


@dataclass(frozen=True)
class CloseUp:
    """Of k frames. offset [k, 2, p, q]: from where in the picture a place came, x and y, as parts of the close-up's
    width · share [k, 1, h, w]: how much of what is there is seen, 0…1 · added [k, 3, h, w] · teeth [k, 1, h, w]: how
    far that is teeth, 0…1 · tooth [k, 2, p, q]: where in the picture of teeth, x and y, as parts of its size.
    """

    offset: torch.Tensor
    share: torch.Tensor
    added: torch.Tensor
    teeth: torch.Tensor
    tooth: torch.Tensor

    def of(self, frames: slice) -> "CloseUp":
        """Of some of the frames."""
        return CloseUp(*(getattr(self, each.name)[frames] for each in fields(self)))


CloseUps = Callable[[torch.Tensor, torch.Tensor], CloseUp | None]
"""The face in its place [1, 3, h, w] and the motion [k, d] that it is to show; None for one of other weights."""


def eyes_and_mouth(regions: FaceRegions) -> torch.Tensor | None:
    """Where close-ups are to be seen [3, 2], crop pixels: None in a drawn face, whose eyes and mouths no network has
    learnt from close by.
    """
    return None if regions.drawn else regions.eyes_mouth


def place_of(eyes_mouth: torch.Tensor) -> torch.Tensor:
    """The affine map [2, 3] from a close-up's pixels to those of a picture with eyes and mouth there [3, 2]."""
    spots = torch.tensor(EYES_MOUTH).to(eyes_mouth)
    known = torch.cat((spots, torch.ones_like(spots[:, :1])), 1)
    return torch.linalg.solve(known, eyes_mouth).mT


def is_a_face(place: torch.Tensor) -> bool:
    """Whether eyes and mouth lie as they do in a face that looks this way, however it leans: no network has seen what a
    finder takes for one otherwise.
    """
    turned = place[:, :2].float()
    long, short = torch.linalg.svdvals(turned).tolist()
    return short > 0 and long < MOST_ASLANT * short and float(torch.linalg.det(turned)) > 0


def from_close_by(picture: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """The face of a picture [1, c, h, w] in its place [1, c, HIGH, WIDE]; beyond the picture's rim, the rim."""
    mode = "bicubic" if picture.shape[1] == 3 else "bilinear"
    return F.grid_sample(picture, _grid(place, picture)[None], mode=mode, padding_mode="border", align_corners=False)


@lru_cache(maxsize=8)
def inside(ellipses: tuple[tuple[float, ...], ...], device: torch.device | str = "cpu") -> torch.Tensor:
    """Where in a close-up these are [1, 1, HIGH, WIDE], 0…1."""
    rows, columns = torch.arange(HIGH, device=device)[:, None] + 0.5, torch.arange(WIDE, device=device) + 0.5
    found = torch.zeros(HIGH, WIDE, device=device)
    for x, y, wide, high in ellipses:
        far = (((columns - x) / wide).square() + ((rows - y) / high).square()).sqrt()
        share = ((1 - far) / _RIM).clamp(0, 1)
        found = torch.maximum(found, share * share * (3 - 2 * share))
    return found[None, None]


def shown(close_up: CloseUp, faces: torch.Tensor) -> torch.Tensor:
    """Faces in their place [1 or k, 3, h, w] as the close-ups say [k, 3, h, w]; not clamped."""
    high, wide = faces.shape[-2:]
    coarse = F.interpolate(torch.cat((close_up.offset, close_up.tooth), 1), size=(high, wide), mode="bilinear")
    offset, tooth = coarse.split(2, 1)
    down, across = ((2 * torch.arange(side, device=faces.device) + 1) / side - 1 for side in (high, wide))
    here = torch.stack(torch.meshgrid(across, down, indexing="xy"))  # x, then y, -1…1
    there = here + 2 * offset * offset.new_tensor([1.0, wide / high])[:, None, None]
    moved = _taken(faces.expand(len(offset), -1, -1, -1), there.movedim(1, -1))
    return close_up.share * moved + close_up.added * _lit(close_up.teeth, tooth, wide / WIDE)


def _lit(teeth: torch.Tensor, tooth: torch.Tensor, scale: float) -> torch.Tensor:
    """How light teeth make a place [k, 3, h, w]: `teeth` and `tooth` as a CloseUp has them, all [k, 1 or 2, h, w], in a
    picture `scale` times as large as that.
    """
    known = teeth_picture(scale, teeth.device).expand(len(teeth), -1, -1, -1)
    there = F.grid_sample(known, 2 * tooth.movedim(1, -1) - 1, padding_mode="border", align_corners=False)
    return 1 + teeth * (there - 1)


def _taken(picture: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """The picture at these places [k, h, w, 2], -1…1; beyond its rim, the rim."""
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)


def _grid(place: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """Of each pixel of a close-up, where in the picture it is [HIGH, WIDE, 2], -1…1."""
    rows, columns = (torch.arange(side, device=place.device) + 0.5 for side in (HIGH, WIDE))
    x, y = torch.meshgrid(columns, rows, indexing="xy")
    places = torch.stack((x, y, torch.ones_like(x)), -1) @ place.mT
    return 2 * places / places.new_tensor([picture.shape[-1], picture.shape[-2]]) - 1


class CloserLook:
    """At the face of one picture [1, 3, h, w] with eyes and mouth there [3, 2], in its pixels. window: of the picture,
    where a close-up is seen.
    """

    def __init__(self, picture: torch.Tensor, eyes_mouth: torch.Tensor, close_ups: CloseUps) -> None:
        self._picture = picture = picture.float()
        self._close_ups, self._place = close_ups, place_of(eyes_mouth.to(picture))
        place = self._place
        self._face = _at_one_scale(picture, place)
        self._scale = float(torch.linalg.det(place[:, :2])) ** 0.5
        sigma = _SMOOTH * self._scale
        self._smooth = blurred_along_lines(picture, sigma, math.ceil(2 * sigma))
        back = torch.linalg.inv(place[:, :2])
        corners = place.new_tensor([[x, y, 1.0] for x in (0, WIDE) for y in (0, HIGH)]) @ place.mT
        low, high = corners.amin(0).floor().long(), corners.amax(0).ceil().long()
        columns, rows = (
            slice(max(0, int(first)), max(0, min(side, int(last))))
            for first, last, side in zip(low, high, (picture.shape[-1], picture.shape[-2]))
        )
        self.window: Window = (rows, columns)
        x, y = (torch.arange(each.start, each.stop, device=picture.device) + 0.5 for each in (columns, rows))
        self._here = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)  # [h, w, 2], pixels of the picture
        within = (self._here - place[:, 2]) @ back.mT
        self._grid = (2 * within / within.new_tensor([WIDE, HIGH]) - 1)[None]
        self._mask = F.grid_sample(inside(SPOTS, picture.device), self._grid, align_corners=False)
        self._mouth = _around(F.grid_sample(inside(SPOTS[2:], picture.device), self._grid, align_corners=False)[0, 0])

    def at(self, motion: torch.Tensor) -> CloseUp | None:
        """What is to be seen where lips and expression are those [k, d]."""
        return self._close_ups(self._face, motion)

    def shown(self, close_up: CloseUp) -> torch.Tensor:
        """One close-up in the window: its colours, times how far it counts, and that [1, 4, h, w]."""
        size = close_up.share.shape[-2:]
        coarse = torch.cat((close_up.offset, pulled_out(close_up.offset), close_up.tooth), 1)
        coarse = F.interpolate(coarse, size=size, mode="bilinear")
        said = torch.cat((coarse, close_up.share, close_up.added, close_up.teeth), 1)
        said = F.grid_sample(said, self._grid, padding_mode="border", align_corners=False)
        offset, pulled, tooth, share, added, teeth = said.split((2, 1, 2, 1, 3, 1), 1)
        mouth = (..., *self._mouth)
        added[mouth] *= _lit(teeth[mouth], tooth[mouth], self._scale)
        there = self._here + WIDE * offset[0].movedim(0, -1) @ self._place[:, :2].mT
        grid = 2 * there / there.new_tensor([self._picture.shape[-1], self._picture.shape[-2]]) - 1
        moved = _taken(self._picture, grid[None])
        if pulled.any():
            moved = torch.lerp(moved, _taken(self._smooth, grid[None]), pulled)
        seen = (share * moved + added).clamp(0, 1)
        return torch.cat((self._mask * seen, self._mask), 1)


def pulled_out(offset: torch.Tensor) -> torch.Tensor:
    """How far what is seen at a place is pulled out of too little [k, 1, p, q], 0…1, by offsets [k, 2, p, q] as a
    CloseUp has them: what it came from has, in one direction, _WHOLE of its size (0), down to _THREAD (1).
    """
    step = 1 / offset.shape[-1]
    down, across = torch.gradient(offset, dim=(-2, -1))
    a, b, c, d = 1 + across[:, :1] / step, down[:, :1] / step, across[:, 1:] / step, 1 + down[:, 1:] / step
    squares, area = (a * a + b * b + c * c + d * d) / 2, a * d - b * c
    least = (squares - (squares.square() - area.square()).clamp(min=0).sqrt()).clamp(min=0).sqrt()
    return ((_WHOLE - least) / (_WHOLE - _THREAD)).clamp(0, 1)


def _around(mask: torch.Tensor) -> Window:
    """The least window that holds all of a mask [h, w] that is not 0."""
    sides = (torch.nonzero(mask.any(side)) for side in (1, 0))
    rows, columns = (slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0) for at in sides)
    return rows, columns


def over(near: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """What a close-up shows [k, 4, h, w] over frames [k, 3, h, w]."""
    seen, counts = near.split((3, 1), 1)
    return (1 - counts) * frames + seen


def _at_one_scale(picture: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """The face in its place, of a picture that is made as small first as the close-up is."""
    scale = float(torch.linalg.det(place[:, :2])) ** -0.5
    if scale >= 1:
        return from_close_by(picture, place)
    small = resized(picture, torch.Size(max(1, round(side * scale)) for side in picture.shape[-2:]))
    across, down = (new / old for new, old in zip(small.shape[:-3:-1], picture.shape[:-3:-1]))
    return from_close_by(small, place * place.new_tensor([[across], [down]]))
