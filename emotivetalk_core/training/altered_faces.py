"""A face as it might be, too: the head moved, another form, other colours; and where places of it came from then."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .samples import chance

_TURNED, _LARGER, _ASIDE, _DOWN = 0.025, 0.015, 0.022, 0.018
"""Standard deviations of how a head has moved since its portrait: radians, share of the size, of half the side."""
_FORMS = (0.06, 0.08, 0.08, 0.06, 0.04, 0.04)
"""Of faces' other forms: radians, shares of the size three times, shares of half the side twice."""


def head_turn(generator: torch.Generator) -> Tensor:
    """A head a little turned, nearer and elsewhere, as the affine map [1, 2, 3] of `F.affine_grid`."""
    turn, nearer, aside, down = (
        torch.randn(4, generator=generator) * torch.tensor([_TURNED, _LARGER, _ASIDE, _DOWN])
    ).tolist()
    across, up = (1 + nearer) * math.cos(turn), (1 + nearer) * math.sin(turn)
    return torch.tensor([[[across, -up, aside], [up, across, down]]])


def moved(shown: tuple[Tensor, ...], turn: Tensor) -> tuple[Tensor, ...]:
    """Pictures [1, 3, s, s], all alike, with the head moved by a `head_turn`."""
    grid = F.affine_grid(turn, list(shown[0].shape), False)
    return tuple(
        F.grid_sample(each, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)
        for each in shown
    )


def moved_offset(offset: Tensor, turn: Tensor) -> Tensor:
    """From where places came [1, 2, p, p], once the picture that they came from is `moved`."""
    here = F.affine_grid(torch.eye(2, 3)[None], [1, 1, *offset.shape[-2:]], False).movedim(-1, 1)  # -1…1
    there = here + 2 * offset - turn[:, :, 2, None, None]
    return (torch.einsum("bij,bjhw->bihw", torch.linalg.inv(turn[:, :, :2]), there) - here) / 2


def face_form(generator: torch.Generator) -> Tensor:
    """A face's other form: longer, wider, aslant, turned and elsewhere, as an affine map [1, 2, 3]."""
    turn, long, wide, aslant, aside, down = (torch.randn(6, generator=generator) * torch.tensor(_FORMS)).tolist()
    turned = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    stretched = turned @ torch.tensor([[1 + long, aslant], [0.0, 1 + wide]])
    return torch.cat((stretched, torch.tensor([[aside], [down]])), 1)[None]


def reshaped(shown: Tensor, form: Tensor) -> Tensor:
    """A picture or a mask [1, c, s, s] with its face in another form; beyond its rim it goes on as a mirror."""
    grid = F.affine_grid(form, list(shown.shape), False)
    smoothly = "bicubic" if shown.shape[1] == 3 else "bilinear"
    seen = F.grid_sample(shown, grid, mode=smoothly, padding_mode="reflection", align_corners=False)
    return seen.clamp(0, 1) if shown.shape[1] == 3 else seen


def reshaped_offset(offset: Tensor, form: Tensor) -> Tensor:
    """From where places came [1, 2, p, p], in pictures that are both `reshaped`."""
    grid = F.affine_grid(form, list(offset.shape), False)
    there = F.grid_sample(offset, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return torch.einsum("bij,bjhw->bihw", torch.linalg.inv(form[:, :, :2]), there)


def tinted(shown: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Pictures [1, 3, s, s], all alike, in other colours and another light. Not clamped: what one picture would lose
    by it, another of the same sample would not.
    """
    mix = torch.eye(3) + 0.12 * torch.randn(3, 3, generator=generator)
    if chance(0.3, generator):
        mix = mix[torch.randperm(3, generator=generator)]
    gain = 1 + 0.25 * (torch.rand(3, 1, 1, generator=generator) - 0.5) * (1 + torch.rand(1, generator=generator))
    lift = 0.12 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
    return tuple(torch.einsum("dc,nchw->ndhw", mix, each - 0.5) * gain + 0.5 + lift for each in shown)


def relit(shown: tuple[Tensor, ...], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Pictures [1, 3, h, w], all alike, with more light here and less there, and darker or lighter between. Not
    clamped.
    """
    places = 0.35 * torch.randn(1, 1, 3, 3, generator=generator)
    light = F.interpolate(places, size=shown[0].shape[-2:], mode="bicubic").exp()
    gamma = float((0.3 * torch.randn(1, generator=generator)).exp())
    return tuple((light * each).clamp(min=0) ** gamma for each in shown)
