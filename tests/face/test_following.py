"""A face followed through films as they are: cuts, nobody in the picture, a film larger or longer than it need be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.direction import driving
from emotivetalk_core.direction.driving import driving_expression, watch_film
from emotivetalk_core.direction.head_reading import read_head_course, watch_head
from emotivetalk_core.direction.retime import bridge
from emotivetalk_core.errors import FaceError
from emotivetalk_core.face.finder import FaceDetection
from emotivetalk_core.face.following import follow_face
from emotivetalk_core.face.sequence import FacePlace, seen_places, sequence_regions
from emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from emotivetalk_core.models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.synthesis.action_units import emotion_action_units
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import render_head
from emotivetalk_core.types import Portrait
from emotivetalk_core.video.reader import read_frames
from emotivetalk_core.video.writer import VideoWriter
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import load_network

RATE = 25


def square_finder(pixels: torch.Tensor) -> list[FaceDetection]:
    """Finds white squares on black: a face each."""
    white = pixels[0] > 0.8
    columns = np.flatnonzero(np.diff(np.pad(white.any(0).numpy().astype(int), 1)))
    faces = []
    for left, right in columns.reshape(-1, 2).tolist():
        rows = white[:, left:right].any(1).nonzero()[:, 0]
        faces.append(FaceDetection((left, float(rows[0]), right, float(rows[-1]) + 1), 0.9))
    return faces


def scene(*squares: tuple[int, int]) -> torch.Tensor:
    """A picture with a white square of a side at each place from the left."""
    picture = torch.zeros(3, 64, 160)
    for left, side in squares:
        picture[:, 20 : 20 + side, left : left + side] = 1
    return picture


def lefts(pictures: list[torch.Tensor]) -> list[float | None]:
    return [None if box is None else box[0] for box in follow_face(pictures, RATE, square_finder).boxes]


def test_after_a_cut_the_face_is_found_again_at_once():
    film = [scene((10, 40))] * 12 + [scene((110, 40))] * 12
    assert lefts(film) == [10] * 12 + [110] * 12
    assert follow_face(film, RATE, square_finder).shots == (0, 12)


def test_a_face_that_is_away_is_not_seen():
    film = [scene((10, 20))] * 11 + [scene()] * 20 + [scene((12, 20))] * 11
    course = follow_face(film, RATE, square_finder)
    assert not course.seen[11:31].any() and course.seen[:11].all() and course.seen[36:].all()
    assert "of 42 frames" in course.note


def test_a_single_look_that_misses_is_no_absence():
    film = [scene((10, 12))] * 30
    film[10] = scene()
    assert follow_face(film, RATE, square_finder).seen.all()


def test_another_face_is_taken_only_after_a_second():
    """The followed one leaves; a small one was there all the time."""
    film = [scene((10, 14), (120, 10))] * 10 + [scene((120, 10))] * 60
    found = lefts(film)
    assert found[:6] == [10] * 6 and 120 not in found[:30] and found[40:] == [120] * 30


def test_what_lies_between_is_bridged():
    seen = np.array([False, True, False, False, True, False])
    assert bridge(torch.tensor([[1.0], [4.0]]), seen)[:, 0].tolist() == [1, 1, 2, 3, 4, 4]


def test_crops_do_not_slide_across_a_cut():
    portraits = [Portrait(picture) for picture in [scene((10, 40))] * 8 + [scene((110, 40))] * 8]
    places, seen = seen_places(portraits, [], square_finder)
    found = [regions.record.left for regions in sequence_regions(portraits, places, size=32)]
    assert seen.all() and len(set(found[:8])) == 1 and len(set(found[8:])) == 1 and found[8] - found[7] == 100


def test_pictures_without_a_place_among_places_are_left_out():
    portraits = [Portrait(scene((10, 40)))] * 3
    places, seen = seen_places(portraits, [FacePlace((10, 20, 50, 60)), FacePlace(), FacePlace((10, 20, 50, 60))])
    assert len(places) == 2 and seen.tolist() == [True, False, True]


@pytest.fixture(scope="module")
def networks():
    encoder, finder = BUNDLED_WEIGHTS / "motion_encoder.safetensors", BUNDLED_WEIGHTS / "face_finder.safetensors"
    return (
        load_network(encoder, "motion_encoder", MotionEncoder, MotionEncoderConfig),
        load_network(finder, "face_finder", FaceFinder, FaceFinderConfig),
    )


def drawn(emotion: str, size: int = 128) -> torch.Tensor:
    state = replace(HeadState.rest(), action_units=emotion_action_units(emotion))
    return torch.from_numpy(render_head(sample_identity(7), state, size)).movedim(-1, 0).float() / 255


def write_film(path, frames: torch.Tensor):
    with VideoWriter(path, width=frames.shape[-1], height=frames.shape[-2]) as video:
        video.write(frames)
    return path


def test_a_film_with_a_cut_goes_on_expressing(networks, tmp_path):
    film = torch.full((40, 3, 128, 256), 0.47)
    film[:20, :, :, :128], film[20:, :, :, 128:] = drawn("neutral"), drawn("surprised")
    found = driving_expression(*networks, write_film(tmp_path / "jump.mp4", film), size=128).values
    with torch.no_grad():
        before, after = networks[0].expression(torch.stack([drawn("neutral"), drawn("surprised")]))
    change = (after - before).norm()
    assert (found[:20] - before).norm(dim=1).max() < 0.5 * change
    assert (found[20:] - after).norm(dim=1).max() < 0.5 * change


@pytest.mark.parametrize("empty", [slice(0, 15), slice(12, 30), slice(30, 40)])
def test_frames_without_a_face_are_bridged_and_told(networks, tmp_path, empty):
    film = drawn("happy").repeat(40, 1, 1, 1)
    film[empty] = 0.35
    path, notes = write_film(tmp_path / "away.mp4", film), []
    found = driving_expression(*networks, path, size=128, on_note=notes.append).values
    assert (found - found.median(0).values).norm(dim=1).max() < 0.3 * found.median(0).values.norm()
    missing = empty.stop - empty.start
    assert notes == [f"{path}: No face is seen in {missing} of 40 frames, which are bridged from those around them."]


def test_a_head_is_watched_though_the_film_begins_without_it(networks, tmp_path):
    film = drawn("neutral").repeat(30, 1, 1, 1)
    film[:10] = 0.35
    torch.manual_seed(0)
    reader = HeadPoseReader(HeadPoseReaderConfig(input_size=32, channels=(4, 4), width=4)).eval()
    watched = watch_film(write_film(tmp_path / "empty.mp4", film), networks[1], size=128)
    course = watch_head(reader, map(Portrait, watched.frames()), watched.course)
    assert course.shape == (30, 6) and np.array_equal(course[:10], course[10:11].repeat(10, 0))
    notes: list[str] = []
    whole = read_head_course(reader, list(map(Portrait, film)), detector=networks[1].find, on_note=notes.append)
    assert whole.shape == (30, 6) and "10 of 30 frames" in notes[0]
    with pytest.raises(FaceError, match="No face was found in any of the 3 pictures"):
        read_head_course(reader, [Portrait(torch.full((3, 64, 64), 0.4))] * 3, detector=networks[1].find)


def test_of_a_long_fast_large_film_only_what_is_used_is_read(networks, tmp_path, monkeypatch):
    face = F.interpolate(drawn("happy", 256)[None], size=(720, 720), mode="bilinear")[0]
    path = tmp_path / "large.mp4"
    large = torch.full((1, 3, 1440, 2560), 0.3)
    large[0, :, 300:1020, 900:1620] = face
    with VideoWriter(path, width=2560, height=1440) as video:
        for _ in range(12):
            video.write(large)
    taken = []

    def counted(*what, **how):
        for picture in read_frames(*what, **how):
            taken.append(tuple(picture.shape[1:]))
            yield picture

    monkeypatch.setattr(driving, "read_frames", counted)
    found = driving_expression(*networks, path, size=128, seconds=0.4).values
    assert len(found) == 10 and taken == [(360, 640)] * 10 + [(720, 1280)] * 10
    with torch.no_grad():
        truth = networks[0].expression(drawn("happy")[None])[0]
    assert torch.cosine_similarity(found[5], truth, dim=0) > 0.9


def test_a_fast_film_is_read_at_no_more_frames_than_needed(tmp_path):
    import av

    with av.open(str(tmp_path / "fast.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=240, width=64, height=64, pix_fmt="yuv420p")
        for index in range(48):
            grey = np.full((64, 64, 3), 5 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    greys = [round(float(frame.mean()) * 255) for frame in read_frames(tmp_path / "fast.mp4", rate=240 / 9)]
    assert greys == pytest.approx([5 * index for index in range(0, 48, 9)], abs=25)
