"""The sampler of DICE-Talk and Sonic, its windows, and what a frame hears: against loops written out."""

from dataclasses import replace

import pytest
import torch
from photograph_tiny import TINY

from emotivetalk_core.audio.half_frames import encode_half_frames, half_frame_windows, half_frames_of
from emotivetalk_core.diffusion.noise_levels import frame_noise, karras_sigmas
from emotivetalk_core.diffusion.windows import fuse_wrapped, wrapped_windows
from emotivetalk_core.errors import NumericalError, SettingsError
from emotivetalk_core.sampling.flops import photograph_cost
from emotivetalk_core.sampling.memory import photograph_memory
from emotivetalk_core.sampling.photograph import PhotographSettings, PhotographVideo, plan, sample_photograph
from emotivetalk_core.types import PhotographConditions, Speech

FRAMES, WINDOW = 13, 5


def test_windows_lie_on_a_ring():
    assert wrapped_windows(10, 5, 0) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert wrapped_windows(10, 5, 2) == [[8, 9, 0, 1, 2], [3, 4, 5, 6, 7]]
    assert wrapped_windows(7, 5, 0) == [[0, 1, 2, 3, 4], [5, 6, 0, 1, 2]]
    assert wrapped_windows(3, 5, 1) == [[2, 0, 1, 2, 0]]
    for offset in range(12):
        assert {frame for window in wrapped_windows(13, 5, offset) for frame in window} == set(range(13))


def test_windows_are_fused_by_their_mean():
    frames = [[0, 1, 2], [2, 3, 0]]
    windows = [torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[5.0], [6.0], [7.0]])]
    assert fuse_wrapped(iter(windows), frames, 4).flatten().tolist() == [4.0, 2.0, 4.0, 6.0]
    within = fuse_wrapped([torch.tensor([[1.0], [2.0], [3.0], [4.0]])], [[0, 1, 0, 1]], 2)
    assert within.flatten().tolist() == [2.0, 3.0]
    with pytest.raises(ValueError, match="uncovered"):
        fuse_wrapped(windows, frames, 5)


def network(x, c_noise, conditions: PhotographConditions, added_time):
    """Something that every input moves, and that mixes neighbouring frames."""
    said = sum((index + 1) * tokens.mean((2, 3)) for index, tokens in enumerate(conditions.tokens))
    b, n = x.shape[:2]
    level = said + conditions.picture.mean(1)[:, None] + 0.01 * added_time.sum(1)[:, None] + c_noise[:, None]
    place = torch.linspace(-1, 1, n)
    return torch.tanh(x[:, :, :4] + x.roll(1, 1)[:, :, 4:] + (level + place).view(b, n, 1, 1, 1))


def video(adapters: int = 2) -> PhotographVideo:
    random = torch.Generator().manual_seed(0)

    def values(*shape):
        return torch.randn(shape, generator=random)

    return PhotographVideo(
        portrait_latent=values(4, 3, 4),
        scale=0.18215,
        picture=values(6),
        tokens=tuple(values(FRAMES, 2, 6) for _ in range(adapters)),
        unsaid=tuple(values(2, 6) for _ in range(adapters)),
        strengths=(1.0,) * adapters,
        face_mask=torch.ones(1, 6, 8),
        buckets=8 + 4 * values(FRAMES, 2),
    )


SETTINGS = PhotographSettings(steps=4, window=WINDOW, shift=2, seed=3)


def written_out(given: PhotographVideo, settings: PhotographSettings, restarts: bool) -> torch.Tensor:
    """Every window steps by itself, by Euler's formula; frames that two windows moved get the mean."""
    sigmas = karras_sigmas(settings.steps)
    x = 0.18215 * given.portrait_latent + 700 * frame_noise(FRAMES, (4, 3, 4), settings.seed)
    shift = 0
    for sigma, after in zip(sigmas, sigmas[1:]):
        moved, count = torch.zeros_like(x), torch.zeros(FRAMES, 1, 1, 1)
        for start in range(0, FRAMES, WINDOW):
            frames = [(start - shift + k) % FRAMES for k in range(WINDOW)]
            answers = []
            for picture, speech, emotion in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)):
                tokens = [
                    torch.stack([tokens[i] if told else unsaid for i in frames])[None]
                    for tokens, unsaid, told in zip(given.tokens, given.unsaid, (speech, emotion))
                ]
                latent = torch.cat(
                    (x[frames] / (sigma**2 + 1) ** 0.5, (picture * given.portrait_latent).expand(5, -1, -1, -1)), 1
                )
                buckets = given.buckets[frames].mean(0)
                conditions = PhotographConditions(
                    picture * given.picture[None], tuple(tokens), (1.0, 1.0), given.face_mask[None]
                )
                added = torch.tensor([[12.5, buckets[0], buckets[1]]])
                answers.append(network(latent[None], torch.log(sigma)[None] / 4, conditions, added)[0])
            nothing, seen, heard, felt = answers
            v = nothing + settings.picture_guidance * (seen - nothing)
            v = v + settings.lip_guidance * (heard - seen) + settings.emotion_guidance * (felt - heard)
            clean = x[frames] / (sigma**2 + 1) - v * sigma / (sigma**2 + 1) ** 0.5
            stepped = x[frames] + (x[frames] - clean) / sigma * (after - sigma)
            for place, frame in enumerate(frames):
                moved[frame] += stepped[place]
                count[frame] += 1
        x = moved / count
        shift += settings.shift
        if restarts:
            shift %= WINDOW
    return x


@pytest.mark.parametrize("restarts", [True, False])
@pytest.mark.parametrize("guidance", [{}, {"lip_guidance": 4.0, "emotion_guidance": 2.0, "picture_guidance": 1.5}])
def test_it_samples_what_the_description_says(restarts, guidance):
    settings = replace(SETTINGS, shift_restarts=restarts, **guidance)
    expected, found = written_out(video(), settings, restarts), sample_photograph(network, video(), settings)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_as_one_batch_or_one_after_another():
    apart = replace(SETTINGS, lip_guidance=4.0)
    one, other = (sample_photograph(network, video(), replace(apart, together=t)) for t in (False, True))
    assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


def test_forwards_that_count_nothing_are_not_computed():
    def count(**changes) -> int:
        calls = []

        def counted(*given):
            calls.append(given[0].shape[0])
            return network(*given)

        sample_photograph(counted, video(), replace(SETTINGS, steps=1, window=FRAMES, **changes))
        return sum(calls)

    assert count() == SETTINGS.forwards == 3
    assert count(lip_guidance=4.0) == 4
    assert count(picture_guidance=1.0) == 2
    assert count(picture_guidance=1.0, lip_guidance=1.0, emotion_guidance=1.0) == 1
    assert plan(FRAMES, SETTINGS) == "3 windows × 4 steps × 3 forwards"


def test_progress_counts_windows_and_faults_are_named():
    told = []
    sample_photograph(network, video(1), SETTINGS, lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]
    with pytest.raises(NumericalError, match="frames 1–5 at step 1 of 4"):
        sample_photograph(lambda *given: network(*given) * torch.nan, video(), SETTINGS)
    with pytest.raises(SettingsError, match="move on by -1"):
        PhotographSettings(shift=-1)


def counted(samples: torch.Tensor) -> torch.Tensor:
    """An encoder that says which of its 1500 half-frames it is, and how loud it is."""
    loud = torch.nn.functional.pad(samples, (0, 480_000 - samples.shape[-1])).unflatten(0, (1500, 320)).abs().amax(1)
    return torch.stack((torch.arange(1.0, 1501), loud), dim=-1)


def test_a_frame_hears_four_half_frames_before_its_own_and_five_after():
    half_frames = encode_half_frames(counted, Speech(torch.ones(10 * 640)))
    windows = half_frame_windows(half_frames)
    assert half_frames.shape == (20, 2) and windows.shape == (10, 10, 2)
    assert windows[0, :, 0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert windows[4, :, 0].tolist() == list(range(5, 15))
    assert windows[9, :, 0].tolist() == [15, 16, 17, 18, 19, 20, 0, 0, 0, 0]
    assert torch.equal(half_frames_of(windows), half_frames)
    padded = [0] * 4 + list(range(1, 21)) + [0] * 6  # the published code: frame i takes 4i … 4i+9 of these
    assert [window[:, 0].tolist() for window in half_frame_windows(half_frames, frames=11)[::2]] == [
        padded[4 * i : 4 * i + 10] for i in range(6)
    ]
    wide = [0] * 24 + list(range(1, 21)) + [0] * 30
    assert half_frame_windows(half_frames, 24, 50)[4, :, 0].tolist() == wide[8:58]


def test_long_speech_is_heard_in_pieces_and_an_open_end_is_kept():
    speech = Speech(torch.cat((torch.ones(480_000), torch.full((1000,), 0.5))))
    told = []
    half_frames = encode_half_frames(counted, speech, lambda done, total: told.append((done, total)))
    assert half_frames.shape[0] == 2 * speech.frames == 1504 and told == [(1, 2), (2, 2)]
    assert half_frames[1499:, 0].tolist() == [1500, 1, 2, 3, 4]
    assert half_frames[1499:, 1].tolist() == [1, 0.5, 0.5, 0.5, 0.5]


def test_compute_and_memory_are_counted_on_shapes():
    one, three = (photograph_memory(TINY["dice-talk"], rows, torch.bfloat16) for rows in (1, 3))
    cost = photograph_cost(TINY["dice-talk"], 5)
    assert one.weights == three.weights == 2 * cost.parameters
    assert 2.5 * one.work < three.work < 3.5 * one.work
    assert cost.forwards == 2 * 2 * 3  # windows of 5 over 5 frames and a silent window, steps, forwards
    assert photograph_cost(TINY["sonic"], 5).forwards == 1 * 2 * 3 and cost.clip == cost.forwards * cost.forward
