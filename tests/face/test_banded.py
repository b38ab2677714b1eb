"""Blurs and enlargements by blocks of a matrix: the same values, with fewer products."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.face.banded import Banded
from emotivetalk_core.face.blur import blurred
from emotivetalk_core.face.resizing import resized


@pytest.fixture(autouse=True, params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(5, 4), (32, 50), (33, 20), (100, 97)])
def test_blocks_are_the_matrix(shape):
    """Whose band runs from one corner to the other, also where the last block has fewer rows."""
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, side) for side in shape), indexing="ij")
    matrix = torch.rand(shape) * ((rows - columns).abs() < 0.2)
    pictures = torch.rand(2, 3, shape[1], 9)
    torch.testing.assert_close(Banded.of(matrix).down(pictures), matrix @ pictures)
    torch.testing.assert_close(Banded.of(matrix).across(pictures.mT), pictures.mT @ matrix.T)


def test_on_one_core_a_blur_takes_a_fifth_of_the_products_of_its_matrix(threads):
    with FlopCounterMode(display=False) as counter:
        blurred(torch.rand(1, 1, 256, 256), 3.0, 8)
    assert counter.get_total_flops() < (0.2 if threads == 1 else 1.01) * 2 * 2 * 256**3


@pytest.mark.parametrize(
    ("before", "after"),
    [((256, 256), (508, 508)), ((17, 40), (90, 41)), ((8, 8), (8, 30)), ((40, 40), (20, 90)), ((64, 64), (31, 20))],
)
def test_resizing_is_torchs_own(before, after):
    pictures = torch.rand(2, 3, *before, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(pictures, size=after, mode="bicubic", antialias=True)
    torch.testing.assert_close(resized(pictures, torch.Size(after)), wanted, rtol=0, atol=1e-6)


def test_a_picture_of_that_size_stays_itself():
    picture = torch.rand(1, 3, 8, 8)
    assert resized(picture, torch.Size((8, 8))) is picture


@pytest.mark.parametrize("size", [(90, 90), (20, 20)])
def test_an_enlarged_picture_does_not_depend_on_those_beside_it(size):
    pictures = torch.rand(5, 3, 40, 40)
    whole = resized(pictures, torch.Size(size))
    assert torch.equal(torch.cat([resized(part, torch.Size(size)) for part in pictures.split(2)]), whole)
