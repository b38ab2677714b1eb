"""The plot of a clip's course: what it shows, at any length."""

import pytest
import torch

from emotivetalk_core.plot import HEIGHT, WIDTH, draw_course
from emotivetalk_core.sheet import Sheet
from emotivetalk_core.types import FRAMES_PER_SECOND, SAMPLE_RATE, ExpressionLatents, LipLatents, Speech


def drawn(picture: torch.Tensor, colour: tuple[int, int, int]) -> torch.Tensor:
    """Where the picture has about this colour, [h, w]."""
    return (picture - torch.tensor(colour)[:, None, None] / 255).abs().amax(0) < 0.1


def course(frames: int) -> tuple[LipLatents, ExpressionLatents, Speech]:
    random = torch.Generator().manual_seed(1)
    samples = torch.rand(frames * SAMPLE_RATE // FRAMES_PER_SECOND, generator=random) - 0.5
    lips, expression = torch.randn(frames, 8, generator=random), torch.randn(frames, 6, generator=random)
    return LipLatents(lips), ExpressionLatents(expression), Speech(samples)


@pytest.mark.parametrize("frames", [1, 2, 50, 3000])
def test_every_length_has_the_same_size(frames):
    lips, expression, speech = course(frames)
    for given in ((lips, None, None), (None, expression, speech), (lips, expression, speech)):
        picture = draw_course(*given)
        assert picture.shape == (3, HEIGHT, WIDTH) and 0 <= picture.min() and picture.max() <= 1


def test_still_latents_are_drawn_as_a_flat_line():
    picture = draw_course(None, ExpressionLatents(torch.zeros(40, 6)))
    assert len(drawn(picture, (240, 243, 250))[60:].any(1).nonzero()) <= 4


def test_the_first_movement_of_the_lips_rises_with_the_sound():
    loud = torch.zeros(100)
    loud[50:] = 1
    samples = loud.repeat_interleave(SAMPLE_RATE // FRAMES_PER_SECOND) * 0.5
    for sign in (1, -1):
        lips = torch.zeros(100, 4)
        lips[:, 0] = sign * loud
        shown = drawn(draw_course(LipLatents(lips), None, Speech(samples)), (255, 138, 101))[40:]  # below the legend
        quiet, noisy = shown[:, 100:450].nonzero()[:, 0], shown[:, 600:950].nonzero()[:, 0]
        assert noisy.float().mean() < quiet.float().mean() - 50


def test_nothing_to_draw_is_the_callers_mistake():
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_course(None, None)


def lettered(text: str) -> torch.Tensor:
    """Where a sheet has the ink of a text, [40, 400]."""
    sheet = Sheet(400, 40, (0, 0, 0), 2)
    assert sheet.text(text, 10, 30, (255, 255, 255), 18) < 380
    return sheet.finished()[0]


@pytest.mark.parametrize(
    "one,other",
    [
        ("\u9854", "\u8a71"),  # face and speak, in Japanese
        ("\u043f\u0440\u0438", "\u043f\u0440\u0435"),  # Cyrillic
        ("\u0634\u0627", "\u062f\u064a"),  # Arabic
        ("\u0939\u093f", "\u0928\u093f"),  # Devanagari
        ("\u0e44\u0e17", "\u0e22\u0e44"),  # Thai
        ("sch\u00f6n", "schon"),
    ],
)
def test_labels_of_any_script_can_be_told_apart(one, other):
    """By letters where any font of the system, Pillow or OpenCV has them, else by their numbers."""
    question = lettered("?" * len(one))
    assert lettered(one).sum() > 5 and not torch.equal(lettered(one), lettered(other))
    assert not torch.equal(lettered(one), question)
