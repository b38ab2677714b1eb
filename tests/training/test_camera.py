"""What another camera would make of a face, against torch's own functions."""

import torch
from torch.nn import functional as F

from emotivetalk_core.training.camera import framed, noisy, relit, softened

FACES = F.interpolate(torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(1)), 24, mode="bilinear")


def test_another_frame_is_that_of_affine_grid():
    matrix = torch.tensor([[[0.9, 0.2, 0.1], [-0.1, 1.1, -0.3]], [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    grid = F.affine_grid(matrix, [2, 3, 24, 24], align_corners=False)
    expected = F.grid_sample(FACES, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(framed(FACES, matrix), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(framed(FACES, matrix)[1], FACES[1].flip(-1), rtol=0, atol=1e-5)  # mirrored


def test_softer_is_the_mean_around_each_pixel():
    expected = F.avg_pool2d(FACES, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(softened(FACES), expected)


def test_light_and_noise_keep_the_middle_grey_and_the_range():
    grey = torch.full((1, 3, 4, 4), 0.5)
    tint = torch.tensor([0.1, 0.0, -0.1])[None, :, None, None]
    torch.testing.assert_close(relit(grey.clone(), torch.full((1, 1, 1, 1), 1.7), tint), grey + tint)
    assert noisy(grey.clone(), torch.randn(1, 3, 4, 4) * 9).aminmax() == (0, 1)
