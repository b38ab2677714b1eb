"""Windows cover every frame, and fusing is a weighted mean."""

import pytest
import torch

from emotivetalk_core.diffusion.windows import fuse, shifted_windows, window_starts, window_weights
from emotivetalk_core.errors import SettingsError
from emotivetalk_core.sampling.estimate import forward_count, plan
from emotivetalk_core.sampling.video import VideoSamplingSettings


@pytest.mark.parametrize(
    ("n", "window", "overlap", "starts"),
    [
        (120, 120, 24, [0]),
        (50, 120, 24, [0]),
        (121, 120, 24, [0, 1]),
        (216, 120, 24, [0, 96]),
        (250, 120, 24, [0, 96, 130]),
        (125, 24, 6, [0, 18, 36, 54, 72, 90, 101]),
        (3, 1, 0, [0, 1, 2]),
    ],
)
def test_window_starts(n: int, window: int, overlap: int, starts: list[int]):
    assert window_starts(n, window, overlap) == starts


@pytest.mark.parametrize(("window", "overlap"), [(24, 6), (24, 0), (7, 6), (1, 0)])
def test_every_frame_is_covered_and_no_window_reaches_outside(window: int, overlap: int):
    for n in range(1, 90):
        for starts in (window_starts(n, window, overlap), shifted_windows(n, window, step=n % 5)):
            covered = torch.zeros(n)
            for start in starts:
                assert 0 <= start <= max(n - window, 0)
                covered[start : start + window] += 1
            assert covered.min() >= 1
            assert starts == sorted(set(starts))


@pytest.mark.parametrize(("window", "overlap"), [(24, 24), (24, 30), (0, 0), (24, -1)])
def test_impossible_windows_are_refused(window: int, overlap: int):
    with pytest.raises(SettingsError):
        window_starts(100, window, overlap)
    with pytest.raises(SettingsError):
        VideoSamplingSettings(window=window, overlap=overlap)


def test_the_message_names_both_numbers_and_the_way_out():
    with pytest.raises(SettingsError, match="overlap of 24 frames .* window of 24; give an overlap of at most 23"):
        window_starts(100, 24, 24)


def test_shifted_windows_move_on_by_seven_frames():
    assert shifted_windows(96, 24, step=0) == [0, 24, 48, 72]
    assert shifted_windows(96, 24, step=1) == [0, 7, 31, 55, 72]
    assert shifted_windows(96, 24, step=4) == [0, 4, 28, 52, 72]
    assert shifted_windows(24, 24, step=3) == [0]


def test_weights_are_a_triangle_without_zeros():
    torch.testing.assert_close(window_weights(4), torch.tensor([0.25, 0.75, 0.75, 0.25]))
    torch.testing.assert_close(window_weights(5), torch.tensor([0.2, 0.6, 1.0, 0.6, 0.2]))
    torch.testing.assert_close(window_weights(120), window_weights(120).flip(0))


def test_a_constant_fuses_to_itself():
    starts = window_starts(50, 24, 6)
    fused = fuse((torch.full((24, 4, 2, 2), 1.25) for _ in starts), starts, 50)
    torch.testing.assert_close(fused, torch.full((50, 4, 2, 2), 1.25))


def test_fusing_cuts_of_one_video_gives_the_video_back():
    video = torch.randn(41, 3, generator=torch.Generator().manual_seed(0))
    for starts in (window_starts(41, 12, 5), shifted_windows(41, 12, step=3)):
        torch.testing.assert_close(fuse((video[start : start + 12] for start in starts), starts, 41), video)


def test_overlapping_frames_get_the_weighted_mean():
    """Two windows of 4 over 6 frames: frame 2 is position 2 (0.75) of the first and position 0 (0.25) of the second."""
    fused = fuse([torch.zeros(4, 1), torch.ones(4, 1)], [0, 2], 6)
    torch.testing.assert_close(fused[:, 0], torch.tensor([0, 0, 0.25, 0.75, 1, 1]))


def test_a_frame_in_no_window_is_an_error():
    with pytest.raises(ValueError, match="uncovered"):
        fuse([torch.zeros(4, 1)], [0], 6)


def test_the_estimate_counts_what_the_sampler_will_do():
    settings = VideoSamplingSettings(steps=10, window=24, overlap=6)
    assert forward_count(125, settings) == 70
    assert plan(125, settings) == "7 windows × 10 steps"
    guided = VideoSamplingSettings(steps=10, window=24, overlap=6, lip_guidance=1.5, emotion_guidance=2.0)
    assert forward_count(125, guided) == 210
    assert plan(20, guided) == "1 window × 10 steps × 3 forwards (guidance)"
    shifted = VideoSamplingSettings(steps=10, window=24, overlap=6, fusion="shifted")
    assert plan(96, shifted) == "4–5 windows × 10 steps"
