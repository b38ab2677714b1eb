"""A mouth is looked at where it is, in every frame, however its head moves."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from emotivetalk_core.face.finder import find_faces
from emotivetalk_core.measuring import reading
from emotivetalk_core.measuring.film import measure_film
from emotivetalk_core.measuring.mouth_picture import mouth_picture
from emotivetalk_core.models.face_probe import BUNDLED_PROBE, load_probe
from emotivetalk_core.types import SAMPLE_RATE, Speech

FRAMES, RATE = 75, 25


@pytest.fixture(scope="module")
def photograph() -> torch.Tensor:
    """A woman's head [3, 220, 220], 0…1, that MTCNN knows."""
    return torch.from_numpy(astronaut()[:220, 110:330].copy()).permute(2, 0, 1).float() / 255


def test_the_picture_of_a_mouth_goes_with_the_mouth(photograph):
    (face, *_) = find_faces(photograph)
    still = mouth_picture(photograph, face.box)
    assert still.shape == (16, 24) and 0 <= still.min() < still.max() <= 1
    for right, down in ((0, 6), (5, -4), (-6, 3)):
        moved = mouth_picture(torch.roll(photograph, (down, right), (1, 2)), face.box)  # and the box has stayed
        assert np.abs(moved - still).mean() < 0.25 * still.std()


def test_where_no_face_is_seen_there_is_no_picture(photograph):
    assert np.isnan(mouth_picture(torch.full_like(photograph, 0.5), (40.0, 40.0, 160.0, 180.0))).all()


def test_a_nodding_photograph_is_read_by_its_lips(photograph):
    """A mouth that darkens as the voice grows loud, in a head that nods as fast as that."""
    random = np.random.default_rng(3)
    opening = np.interp(np.arange(FRAMES), np.arange(0, FRAMES, 3), random.random(FRAMES // 3))
    nods = np.interp(np.arange(FRAMES), np.arange(0, FRAMES, 4), random.uniform(-9, 9, -(-FRAMES // 4)))
    (face, *_) = find_faces(photograph)
    assert face.eyes_mouth is not None
    (x, y), apart = face.eyes_mouth[2], face.eyes_mouth[1][0] - face.eyes_mouth[0][0]
    rows, columns = torch.meshgrid(torch.arange(220.0), torch.arange(220.0), indexing="ij")
    mouth = torch.exp(-(((columns - x) / (0.3 * apart)) ** 2) - ((rows - y) / (0.15 * apart)) ** 2)
    frames = [
        torch.roll(photograph * (1 - 0.2 * float(by) * mouth), int(nod), 1) for by, nod in zip(opening, nods.round())
    ]
    noise = np.random.default_rng(0).normal(size=FRAMES * SAMPLE_RATE // RATE)
    speech = Speech(torch.from_numpy(0.1 * noise * np.repeat(opening, SAMPLE_RATE // RATE)).float())
    read = reading.read_film(lambda: frames, RATE, load_probe(BUNDLED_PROBE), speech=speech)
    sync = measure_film(read).sync
    assert sync.lag == 0 and sync.correlation > 0.7  # 0.36 at another lag by the box alone
