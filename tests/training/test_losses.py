import math

import pytest
import torch

from emotivetalk_core.training.losses import (
    expression_loss,
    info_nce,
    lip_loss,
    reconstruction_region,
    v_aid_loss,
)


def info_nce_by_loop(predicted: torch.Tensor, target: torch.Tensor, temperature: float, exclude: int) -> float:
    """Eq. 4 written out, one frame after the other."""
    clips, frames, _ = predicted.shape
    places = [(c, f) for c in range(clips) for f in range(frames)]
    total = 0.0
    for c, f in places:

        def term(d: int, g: int, c: int = c, f: int = f) -> float:
            similarity = torch.dot(predicted[c, f], target[d, g]) / (predicted[c, f].norm() * target[d, g].norm())
            return math.exp(float(similarity) / temperature)

        others = [(d, g) for d, g in places if d != c or g == f or abs(g - f) > exclude]
        total -= math.log(term(c, f) / sum(term(d, g) for d, g in others))
    return total / len(places)


@pytest.mark.parametrize("exclude", [0, 2])
def test_info_nce_is_equation_four(exclude):
    generator = torch.Generator().manual_seed(0)
    predicted, target = torch.randn(2, 3, 6, 4, generator=generator)
    expected = info_nce_by_loop(predicted, target, 0.5, exclude)
    assert info_nce(predicted, target, 0.5, exclude).item() == pytest.approx(expected, rel=1e-5)
    one_clip = info_nce_by_loop(predicted[:1], target[:1], 0.5, exclude)
    assert info_nce(predicted[0], target[0], 0.5, exclude).item() == pytest.approx(one_clip, rel=1e-5)


def test_near_duplicates_next_to_each_other_cost_nothing():
    clip = torch.eye(3).repeat_interleave(3, dim=0)[None]  # three mouth shapes, each held for three frames
    assert info_nce(clip, clip, exclude=2) < 1e-4
    assert info_nce(clip, clip, exclude=0) > 1.0


def test_lip_loss_adds_the_mean_squared_error():
    predicted, target = torch.randn(2, 2, 5, 4)
    together = lip_loss(predicted, target, alpha=2.0, beta=3.0)
    assert together.item() == pytest.approx(
        2 * info_nce(predicted, target).item() + 3 * (predicted - target).square().mean().item(), rel=1e-5
    )


def test_expression_loss_leaves_known_frames_out():
    target = torch.zeros(1, 4, 3)
    predicted, known = torch.tensor([5.0, 5, 1, 1]).view(1, 4, 1).expand(1, 4, 3), torch.tensor([[1.0, 1, 0, 0]])
    assert expression_loss(predicted, target, known).item() == 1
    assert expression_loss(predicted, target).item() == 13


def test_the_v_aid_loss_is_the_plain_sum():
    assert v_aid_loss(torch.tensor(1.0), torch.tensor(2.0), torch.tensor(4.0)).item() == 7


def test_the_three_arms_score_their_regions():
    face, lips = torch.tensor([0.0, 1, 1, 1]), torch.tensor([0.0, 0, 1, 0])
    assert reconstruction_region("lip", face, lips).tolist() == [0, 0, 1, 0]
    assert reconstruction_region("expression", face, lips).tolist() == [0, 1, 0, 1]
    assert reconstruction_region("both", face, lips).tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="'none'"):
        reconstruction_region("none", face, lips)
