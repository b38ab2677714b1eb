"""Half a film's frames, doubled."""

import sys

import pytest
import torch

from emotivetalk_core.video.frame_rate import doubled, halfway


def picture(centre: float, size: int = 96) -> torch.Tensor:
    """A soft textured disc at a place."""
    rows, columns = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
    distance = ((rows - size / 2) ** 2 + (columns - centre) ** 2).sqrt()
    disc = torch.sigmoid((18 - distance) / 2) * (0.7 + 0.3 * torch.sin((columns - centre) / 2) * torch.sin(rows / 3))
    return torch.stack((disc, 0.8 * disc, 0.2 + 0.5 * disc))


@pytest.mark.parametrize("frames", [1, 4, 5, 8, 9])
def test_the_length_is_what_was_asked_for(frames):
    film = torch.stack([picture(30.0 + i) for i in range(frames // 2 + 1)])
    for cut in (1, 2, 16):
        chunks = list(doubled(iter(film.split(cut)), frames))
        assert sum(chunk.shape[0] for chunk in chunks) == frames
        assert torch.equal(torch.cat(chunks)[::2], film[: (frames + 1) // 2])


@pytest.mark.parametrize("first", range(9))
def test_a_film_may_begin_at_any_frame(first):
    film = torch.stack([picture(30.0 + i) for i in range(5)])
    whole = torch.cat(list(doubled(iter(film.split(2)), 9)))
    rest = list(doubled(iter(film[first // 2 :].split(2)), 9 - first, passed_over=first % 2))
    assert torch.equal(torch.cat(rest), whole[first:]) and all(len(chunk) for chunk in rest)


@pytest.mark.parametrize("with_opencv", [True, False])
def test_what_moved_is_halfway(with_opencv, monkeypatch):
    if not with_opencv:
        monkeypatch.setitem(sys.modules, "cv2", None)
    before, between, after = picture(40.0), picture(43.0), picture(46.0)
    error = (halfway(before, after) - between).abs().mean()
    mixed = ((before + after) / 2 - between).abs().mean()
    assert error < 0.35 * mixed


def test_what_stands_still_stands_still():
    still = picture(40.0)
    assert (halfway(still, still) - still).abs().max() < 1e-2


def test_it_can_be_switched_off():
    film = torch.stack([picture(30.0), picture(50.0)])
    (chunk, rest) = doubled(iter(film.split(2)), 4, interpolate=False)
    assert torch.equal(torch.cat((chunk, rest)), film[[0, 0, 1, 1]])
