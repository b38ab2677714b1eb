"""Finished films measured: closed forms of the curves, and drawn films whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.errors import FaceError, InputError
from emotivetalk_core.face.crops import pictures
from emotivetalk_core.measuring.curves import loudness, thirds
from emotivetalk_core.measuring.film import measure_film
from emotivetalk_core.measuring.picture import draw_measures
from emotivetalk_core.measuring.reading import read_film
from emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from emotivetalk_core.models.face_probe import BUNDLED_PROBE, load_probe
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import render_head
from emotivetalk_core.types import SAMPLE_RATE, Speech
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import load_network

FRAMES, RATE, SIZE = 48, 25.0, 144
PER_FRAME = SAMPLE_RATE // 25


@pytest.fixture(scope="module")
def readers():
    finder = load_network(BUNDLED_WEIGHTS / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
    return {"probe": load_probe(BUNDLED_PROBE), "detector": finder.find}


@pytest.fixture(scope="module")
def opening() -> np.ndarray:
    """Syllables of uneven length, so that no shift but the right one fits."""
    frames, open_by = [0, 5, 8, 12, 14, 20, 22, 27, 33, 36, 41, 47], [0, 0, 1, 0, 0.7, 0, 1, 0.3, 0, 0.8, 0, 0.5]
    return np.interp(np.arange(FRAMES), frames, open_by)


def drawn(person: int, opening: np.ndarray) -> torch.Tensor:
    """Frames [n, 3, s, s] of a drawn head whose mouth opens so."""
    who, rest = sample_identity(person), HeadState.rest()
    states = [replace(rest, mouth=np.array([value, *rest.mouth[1:]])) for value in opening]
    return pictures(np.stack([render_head(who, state, SIZE) for state in states]), torch.device("cpu"))


def voice(opening: np.ndarray) -> Speech:
    """Noise as loud as the mouth is open."""
    noise = np.random.default_rng(0).normal(size=len(opening) * PER_FRAME)
    return Speech(torch.from_numpy(0.1 * noise * np.repeat(opening, PER_FRAME)).float())


@pytest.fixture(scope="module")
def film(opening) -> torch.Tensor:
    return drawn(7, opening)


def test_loudness_is_the_root_of_the_root_mean_square():
    """Four times the amplitude sounds twice as loud; what the sound does not reach is silent."""
    samples = torch.cat([torch.full((PER_FRAME,), 0.1), torch.full((PER_FRAME,), 0.4)])
    assert loudness(Speech(samples), 25.0, 3) == pytest.approx([0.5, 1, 0])
    assert loudness(Speech(samples), 50.0, 4) == pytest.approx([0.5, 0.5, 1, 1])
    assert loudness(Speech(torch.zeros(1000)), 25.0, 2) == pytest.approx([0, 0])


def test_thirds_leave_out_what_is_not_known():
    assert thirds(np.array([1.0, np.nan, 2, 2, 3, 5])) == (1, 2, 4)


@pytest.mark.parametrize("shift", [0, 4, -3])
def test_sound_that_is_early_or_late_is_found(readers, film, opening, shift):
    """The mouth comes `shift` frames after the sound."""
    moved = np.zeros(FRAMES)
    moved[max(0, -shift) : FRAMES - max(0, shift)] = opening[max(0, shift) : FRAMES + min(0, shift)]
    measured = measure_film(read_film(lambda: film, RATE, speech=voice(moved), **readers))
    assert measured.sync.lag == shift
    assert measured.sync.correlation > 0.85


def test_the_person_and_another_are_told_apart(readers, film):
    own, other = film[0], drawn(11, np.zeros(1))[0]
    readings = [read_film(lambda: film[:8], RATE, portrait=who, **readers) for who in (own, other)]
    alike, unlike = (measure_film(reading).likeness.mean for reading in readings)
    assert alike > 0.9 and unlike < 0.6


def test_a_film_that_grows_soft_and_dark_drifts(readers, film):
    soft = F.interpolate(F.avg_pool2d(film, 3), size=(SIZE, SIZE), mode="bilinear")
    share = torch.linspace(0, 1, FRAMES)[:, None, None, None]
    spoilt = ((1 - share) * film + share * soft) * (1 - 0.2 * share)
    whole, measured = (measure_film(read_film((lambda of=frames: of), RATE, **readers)) for frames in (film, spoilt))
    assert measured.against == "first frame"
    assert abs(whole.sharpness.drift) < 0.1 and measured.sharpness.drift < -0.3
    assert abs(whole.colour.drift) < 1 and measured.colour.drift > 4


def test_an_empty_stretch_is_left_out_and_said(readers, film):
    gone = film.clone()
    gone[24:] = 0.5
    reading = read_film(lambda: gone, RATE, speech=voice(np.ones(FRAMES)), **readers)
    measured = measure_film(reading)
    assert measured.seen == 0.5 and "24 of 48 frames" in measured.note
    picture = draw_measures(reading, measured)
    assert picture.shape == (3, 500, 1000) and torch.isfinite(picture).all()
    assert measured.plain()["likeness"]["drift"] is None


def test_what_cannot_be_measured_is_said(readers, film):
    grey = torch.full((3, 3, SIZE, SIZE), 0.5)
    with pytest.raises(InputError, match="no frame"):
        read_film(lambda: film[:0], RATE, **readers)
    with pytest.raises(FaceError, match="any of the 3 frames"):
        read_film(lambda: grey, RATE, **readers)
    with pytest.raises(FaceError, match="in the portrait"):
        read_film(lambda: film[:2], RATE, portrait=grey[0], **readers)
