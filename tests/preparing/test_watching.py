"""A film is cut where its shots end, and its face followed; whatever a camera or a recorder made of it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from emotivetalk_core.face import mtcnn
from emotivetalk_core.face.mtcnn import FoundFaces
from emotivetalk_core.preparing.lists import Cut
from emotivetalk_core.preparing.pieces import TIGHTEST, Piece, make_piece
from emotivetalk_core.preparing.settings import Filters, PrepareSettings
from emotivetalk_core.preparing.tracking import Tracker
from emotivetalk_core.preparing.watching import Stretch, watch
from emotivetalk_core.synthesis.clip import make_clip
from emotivetalk_core.video.reader import read_levels

SETTINGS = PrepareSettings(size=64, longest=20, look_every=10, filters=Filters(frames=10))


@pytest.fixture(scope="module")
def anna() -> list[torch.Tensor]:
    talk = make_clip(1_003, frames=30)
    return [torch.from_numpy(talk.render(at, 128)).permute(2, 0, 1) for at in range(30)]


@pytest.fixture(scope="module")
def ben() -> list[torch.Tensor]:
    talk = make_clip(12, frames=12)
    return [torch.from_numpy(talk.render(at, 128)).permute(2, 0, 1) for at in range(12)]


def stretches(pictures: list[torch.Tensor], **given) -> list[tuple[int, int]]:
    return [(stretch.first, len(stretch)) for stretch in watch(iter(pictures), SETTINGS, **given)]


def test_shots_are_told_apart_to_the_frame(anna: list[torch.Tensor], ben: list[torch.Tensor]) -> None:
    wall = [torch.full_like(anna[0], 120)] * 3
    assert stretches([*anna[:13], *ben, *wall, *ben[:5]]) == [(0, 13), (13, 12), (28, 5)]
    larger = [torch.repeat_interleave(torch.repeat_interleave(each, 2, 1), 2, 2) for each in anna[:11]]
    assert stretches([*anna[:12], *larger]) == [(0, 12), (12, 11)]


def test_no_piece_is_short_only_because_one_was_long(anna: list[torch.Tensor]) -> None:
    assert stretches(anna[:25]) == [(0, 12), (12, 13)]  # rather than 20 and 5, of which 10 are wanted at least
    assert stretches(anna[:30]) == [(0, 20), (20, 10)]


def test_only_the_cuts_of_a_list_are_taken(anna: list[torch.Tensor]) -> None:
    assert stretches(anna, cuts=(Cut(0.2, 0.6), Cut(0.6, 0.8))) == [(5, 10), (15, 5)]
    assert stretches(anna[:12], cuts=(Cut(crop=(0.8, 0.0, 1.0, 0.2)),)) == []  # nobody is in that corner


def test_two_people_are_seen_to_be_two(anna: list[torch.Tensor], ben: list[torch.Tensor]) -> None:
    both = [torch.cat([one, other], 2) for one, other in zip(anna, ben)]
    (pair,) = watch(iter(both), SETTINGS)
    (alone,) = watch(iter(anna[:12]), SETTINGS)
    assert make_piece(pair, 64).others == 1 and make_piece(alone, 64).others == 0


def test_the_square_holds_film_and_not_its_edge_drawn_out(anna: list[torch.Tensor]) -> None:
    """Where a film is cropped close around the head, or shows it at its rim: the square of `talk` is the whole picture
    of these drawings.
    """

    def piece(rows: slice, columns: slice) -> Piece:
        (stretch,) = watch(iter([picture[:, rows, columns] for picture in anna[:12]]), SETTINGS)
        return make_piece(stretch, 64)

    whole, rim = piece(slice(None), slice(None)), piece(slice(None), slice(24, None))
    close, closer = (piece(slice(cut, 128 - cut), slice(cut, 128 - cut)) for cut in (16, 22))
    assert whole.framing == pytest.approx(1.75, abs=0.02) and whole.outside == 0
    assert close.framing == pytest.approx(1.75 * 96 / 128, abs=0.03) and close.outside < 0.04
    assert (
        rim.framing == pytest.approx(1.75 * 104 / 128, abs=0.07) and rim.outside == 0
    )  # faces are found to a twentieth
    assert rim.pose[:, 3].mean() < -0.1  # it stands left of the square's middle
    assert closer.framing == pytest.approx(TIGHTEST, abs=0.03) and closer.outside > SETTINGS.filters.outside
    for each in (whole, close, closer, rim):
        assert each.face_box.min() > 0 and each.face_box.max() < 64


@pytest.mark.parametrize("score, seen", [(0.8, False), (0.9, True)])
def test_hands_are_no_second_person(anna: list[torch.Tensor], monkeypatch, score: float, seen: bool) -> None:
    """Of which MTCNN is less sure than of faces."""
    tracker = Tracker()
    assert tracker.follow(anna[0]) is not None
    found = FoundFaces(np.array([[0.0, 0, 40, 40]]), np.array([score]), np.zeros((1, 5, 2)))
    monkeypatch.setattr(mtcnn, "find", lambda *_: found)
    assert tracker.others(anna[0]) is seen


def test_hours_without_a_face_are_searched_once_a_second(anna: list[torch.Tensor]) -> None:
    """And at once where a new shot begins."""
    wall = torch.full_like(anna[0], 120)
    asked: list[int] = []
    shown = 0
    tracker = Tracker(lambda _: asked.append(shown) or [])
    while shown < 160:
        assert tracker.follow(wall) is None
        shown += 1
    assert asked == [0, 5, 15, 30, 50, 75, 100, 125, 150]
    tracker.forget()
    tracker.follow(wall)
    assert len(asked) == 10


def test_pictures_that_miss_the_face_are_bridged_between_those_that_show_it() -> None:
    nan = np.full(4, np.nan)
    boxes = [np.arange(4.0), nan, nan, np.arange(4.0) + 3, nan]
    points = [np.zeros((3, 2)) if not np.isnan(box).any() else np.full((3, 2), np.nan) for box in boxes]
    stretch = Stretch(7, 1.0, [torch.zeros(3, 4, 4)] * 5, boxes, points)
    bridged = stretch.bridged()
    assert len(bridged) == 4 and stretch.missed() == 1
    np.testing.assert_allclose(bridged.boxes, [np.arange(4.0) + at for at in range(4)])


def write_odd(
    path: Path, pictures: list[torch.Tensor], *, aspect: int = 1, pix_fmt: str = "yuv420p", times=None
) -> None:
    """A film of a camera's making: pixels `aspect` times as wide as high, deeper colours, pictures at odd times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height = 128 // aspect, 128
        stream.pix_fmt = pix_fmt
        stream.codec_context.sample_aspect_ratio = Fraction(aspect, 1)
        stream.codec_context.time_base = Fraction(1, 1000)
        for at, picture in enumerate(pictures):
            squeezed = picture.float().unflatten(2, (-1, aspect)).mean(3).byte()
            frame = av.VideoFrame.from_ndarray(squeezed.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
            frame.pts, frame.time_base = (at * 40 if times is None else times[at]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_odd_cameras_show_the_same_face(anna: list[torch.Tensor], tmp_path: Path) -> None:
    pictures = anna[:12]
    write_odd(tmp_path / "plain.mp4", pictures)
    write_odd(tmp_path / "wide.mkv", pictures, aspect=2, pix_fmt="yuv420p10le")
    write_odd(tmp_path / "late.mp4", pictures[::2], times=[at * 80 for at in range(6)])
    found = {}
    for name in ("plain.mp4", "wide.mkv", "late.mp4"):
        (stretch,) = watch(read_levels(tmp_path / name, rate=25), SETTINGS)
        found[name] = make_piece(stretch, 64)
    plain = found["plain.mp4"]
    for name, piece in found.items():
        assert piece.frames == (12 if name != "late.mp4" else 11), name
        np.testing.assert_allclose(piece.face_box[:11], plain.face_box[:11], atol=2.5, err_msg=name)
        assert np.abs(piece.pictures[5].astype(int) - plain.pictures[5]).mean() < 8, name


def test_a_film_whose_size_changes_is_two_shots(
    anna: list[torch.Tensor], ben: list[torch.Tensor], tmp_path: Path
) -> None:
    parts = []
    for name, pictures in (("a.ts", anna[:25]), ("b.ts", [each[:, 16:112, 16:112] for each in ben])):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width = pictures[0].shape[1:]
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append((tmp_path / name).read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    whole = replace(SETTINGS, longest=40)  # and its time begins anew, as where films were joined
    found = [(each.first, len(each)) for each in watch(read_levels(tmp_path / "both.ts", rate=25), whole)]
    assert found == [(0, 25), (25, 12)]
