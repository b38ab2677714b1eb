"""The video sampler against networks whose denoiser is known in closed form, and the real one at tiny size."""

from dataclasses import replace

import pytest
import torch
from torch import autocast, nn

from emotivetalk_core.diffusion.noise_levels import broadcast_to, frame_noise, noise_grid, raw_target
from emotivetalk_core.errors import InputError, NumericalError, SettingsError
from emotivetalk_core.models.ethd import ETHD, DeepFeatures, ETHDConfig
from emotivetalk_core.sampling.estimate import forward_count, forward_counts, plan
from emotivetalk_core.sampling.video import VideoSamplingSettings, fast, rounds_of, sample_video
from emotivetalk_core.types import MotionConditions, VideoConditions

H = 3
SETTINGS = VideoSamplingSettings(steps=5, window=8, overlap=3, seed=11)


class Exact(nn.Module):
    """The exact network for videos of frames N(lip + driving - reference + portrait, spread²), F from D = E[x0 | x]."""

    def __init__(self, spread: float = 0.0, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.spread = spread
        self.anything = nn.Parameter(torch.zeros(1, dtype=dtype))
        self.window_lengths: list[tuple[int, int]] = []
        self.reused: list[bool] = []
        self.added_time: torch.Tensor | None = None

    def forward(self, x, c_noise, conditions: MotionConditions, added_time, deep=None):
        b, n = x.shape[:2]
        self.reused.append(deep is not None and deep.kept is not None)
        if deep is not None:
            deep.kept = x
        self.window_lengths.append((b, n))
        self.added_time = added_time
        assert c_noise.shape == (b,) and added_time.shape == (b, 3)
        assert conditions.lip.shape[:2] == conditions.driving_expression.shape[:2] == (b, n)
        assert conditions.face_mask.shape == conditions.lip_mask.shape == (b, 1, 8 * H, 8 * H)
        assert x.dtype == conditions.lip.dtype == self.anything.dtype
        sigma = torch.exp(4 * c_noise)
        noisy, portrait = x.chunk(2, dim=2)
        noisy = noisy * broadcast_to((sigma**2 + 1).sqrt(), noisy)
        change = conditions.driving_expression - conditions.reference_expression[:, None]
        mean = (conditions.lip[..., :1] + change[..., :1])[..., None, None] + portrait
        s, v = broadcast_to(sigma**2, noisy), self.spread**2
        return raw_target((v * noisy + s * mean) / (v + s), noisy, sigma)


def tiny_ethd(dtype: torch.dtype = torch.float32) -> ETHD:
    torch.manual_seed(0)
    config = ETHDConfig(
        block_channels=(16, 32),
        layers_per_block=1,
        head_dim=8,
        cross_dim=16,
        lip_dim=6,
        expression_dim=5,
        norm_groups=4,
        addition_embed_dim=8,
    )
    return ETHD(config, dtype=dtype).eval()


def conditions(n: int, channels: int = 4) -> VideoConditions:
    generator = torch.Generator().manual_seed(n)
    frames = torch.arange(n, dtype=torch.float32)[:, None]
    return VideoConditions(
        portrait_latent=torch.randn(channels, H, H, generator=generator),
        lip=(frames * 0.7).sin().expand(n, 6),
        driving_expression=(frames * 0.1).cos().expand(n, 5),
        reference_expression=torch.full((5,), 0.3),
        face_mask=torch.ones(1, 8 * H, 8 * H),
        lip_mask=torch.zeros(1, 8 * H, 8 * H),
        motion_bucket=42.0,
    )


def mean_of(given: VideoConditions, lip: float = 1.0, emotion: float = 1.0) -> torch.Tensor:
    change = given.driving_expression - given.reference_expression
    motion = lip * given.lip[:, :1] + emotion * change[:, :1]
    return motion[..., None, None] + given.portrait_latent


@pytest.mark.parametrize("n", [1, 5, 8, 9, 30])
@pytest.mark.parametrize("fusion", ["overlap", "shifted"])
@pytest.mark.parametrize("grid", ["karras", "ays"])
def test_a_video_that_is_certain_is_found(n: int, fusion, grid):
    """When only one video fits the conditions, every path through the noise must end there, whatever the windows."""
    given = conditions(n)
    video = sample_video(Exact(), given, frame_count=n, settings=replace(SETTINGS, fusion=fusion, grid=grid))
    torch.testing.assert_close(video, mean_of(given), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("fusion", ["overlap", "shifted"])
@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("channels", [4, 8])
def test_gaussian_videos_are_sampled_in_closed_form(fusion, reuse, channels):
    """On N(mu, s²), Euler's step from a to b multiplies x - mu by (s² + a·b) / (s² + a²), in every channel."""
    n, spread = 21, 0.5
    given, settings = conditions(n, channels), replace(SETTINGS, fusion=fusion, steps=10, reuse=reuse)
    sigmas = noise_grid("karras", 10).double()
    factor = ((spread**2 + sigmas[:-1] * sigmas[1:]) / (spread**2 + sigmas[:-1] ** 2)).prod()
    start = frame_noise(n, (channels, H, H), settings.seed).double() * sigmas[0]
    expected = mean_of(given) + (start - mean_of(given)) * factor
    video = sample_video(Exact(spread), given, frame_count=n, settings=settings)
    assert video.dtype == torch.float32
    assert expected.std(dim=0).min() > 0.1
    torch.testing.assert_close(video, expected.float(), rtol=2e-3, atol=2e-3)


def test_batched_windows_give_the_same_video():
    given, networks = conditions(30), [Exact(0.5) for _ in range(3)]
    one, three, all_at_once = (
        sample_video(network, given, frame_count=30, settings=replace(SETTINGS, windows_per_batch=batch))
        for network, batch in zip(networks, (1, 3, 99), strict=True)
    )
    torch.testing.assert_close(three, one)
    torch.testing.assert_close(all_at_once, one)
    assert networks[0].window_lengths == [(1, 8)] * 30  # 6 windows x 5 steps
    assert networks[1].window_lengths == [(3, 8)] * 10
    assert networks[2].window_lengths == [(6, 8)] * 5


def test_a_longer_clip_begins_like_the_shorter_one():
    given = conditions(30)
    head = replace(given, lip=given.lip[:9], driving_expression=given.driving_expression[:9])
    longer = sample_video(Exact(0.5), given, frame_count=30, settings=SETTINGS)
    shorter = sample_video(Exact(0.5), head, frame_count=9, settings=SETTINGS)
    torch.testing.assert_close(longer[:9], shorter, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("lip", "emotion", "forwards"), [(1, 1, 1), (2.5, 1, 2), (1, 0.5, 2), (1.5, 3, 3), (0, 0, 3)])
def test_guidance_scales_what_each_latent_adds(lip: float, emotion: float, forwards: int):
    given, network = conditions(9), Exact()
    settings = replace(SETTINGS, steps=2, lip_guidance=lip, emotion_guidance=emotion)
    video = sample_video(network, given, frame_count=9, settings=settings)
    torch.testing.assert_close(video, mean_of(given, lip, emotion), rtol=2e-3, atol=2e-3)
    assert len(network.window_lengths) == 2 * 2 * forwards


def test_svd_s_micro_conditions_are_given():
    network = Exact()
    sample_video(network, conditions(4), frame_count=4, settings=SETTINGS)
    assert network.added_time is not None
    assert network.added_time.tolist() == [[24, 42, 0]]


def test_the_state_stays_float32_around_a_half_precision_network():
    given = conditions(9)
    video = sample_video(Exact(dtype=torch.bfloat16), given, frame_count=9, settings=SETTINGS)
    assert video.dtype == torch.float32
    torch.testing.assert_close(video, mean_of(given), rtol=0.1, atol=0.1)


def test_progress_counts_windows_times_steps_and_previews_come_after_each_step():
    calls, previews = [], []
    settings = replace(SETTINGS, windows_per_batch=2)
    given = conditions(18)  # windows at 0, 5, 10
    sample_video(
        Exact(),
        given,
        frame_count=18,
        settings=settings,
        on_step=lambda done, total: calls.append((done, total)),
        on_preview=lambda step, latent: previews.append((step, latent)),
    )
    assert calls == [(done, 15) for pair in range(5) for done in (3 * pair + 2, 3 * pair + 3)]
    assert [step for step, _ in previews] == [1, 2, 3, 4, 5]
    torch.testing.assert_close(previews[-1][1], mean_of(given), rtol=1e-3, atol=1e-3)


def test_on_step_stops_the_sampling_at_once():
    network = Exact()

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_video(network, conditions(18), frame_count=18, settings=SETTINGS, on_step=stop)
    assert len(network.window_lengths) == 4


def test_every_other_step_has_the_deep_features_of_the_one_before_and_windows_that_stay():
    given, network, calls, previews = conditions(18), Exact(), [], []
    settings = replace(SETTINGS, reuse=True, fusion="shifted", windows_per_batch=2, lip_guidance=1.5)
    rounds = rounds_of(18, settings)
    assert [(list(each.steps), each.starts) for each in rounds] == [
        ([0, 1], [0, 8, 10]),
        ([2, 3], [0, 7, 10]),
        ([4], [0, 6, 10]),
    ]
    sample_video(
        network,
        given,
        frame_count=18,
        settings=settings,
        on_step=lambda done, total: calls.append((done, total)),
        on_preview=lambda step, latent: previews.append(step),
    )
    assert network.reused == [False, False, True, True] * 4 + [False] * 4, "each of guidance's forwards has its own"
    assert calls == [(done, 15) for done in (2, 4, 5, 6, 8, 10, 11, 12, 14, 15)]
    assert previews == [2, 4, 5]
    assert forward_counts(18, settings) == (18, 12) and forward_count(18, settings) == 30
    assert plan(18, settings).endswith("× 2 forwards (guidance), every other one of the outermost level alone")


def test_deep_features_are_those_of_the_step_before():
    """Against the whole network whose outermost level is handed, by a hook, what came up to it at another step."""
    network, given = tiny_ethd(), conditions(4)
    motion = MotionConditions(
        given.lip[None],
        given.driving_expression[None],
        given.reference_expression[None],
        given.face_mask[None],
        given.lip_mask[None],
    )
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.randn(1, 4, 8, 2 * H, 2 * H, generator=generator) for _ in range(2))
    times = torch.tensor([[24.0, 60.0, 0.0]])
    deep, came = DeepFeatures(), []
    outermost = network.up_blocks[-1]
    with torch.no_grad():
        first = network(one, torch.tensor([0.5]), motion, times, deep)
        again = network(other, torch.tensor([0.2]), motion, times, deep)
        hook = outermost.register_forward_pre_hook(lambda block, given: came.append(given[0]))
        torch.testing.assert_close(network(one, torch.tensor([0.5]), motion, times), first, rtol=0, atol=0)
        hook.remove()
        hook = outermost.register_forward_pre_hook(lambda block, given: (came[0], *given[1:]))
        torch.testing.assert_close(network(other, torch.tensor([0.2]), motion, times), again, rtol=0, atol=0)
        hook.remove()
        assert (network(other, torch.tensor([0.2]), motion, times) - again).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("own", "asked", "taken", "reuse"),
    [
        (25, None, 10, True),
        (40, None, 10, True),
        (5, None, 2, False),
        (1, None, 1, False),
        (5, 4, 4, True),
        (25, 3, 3, False),
    ],
)
def test_the_fast_mode_takes_two_fifths_of_the_steps_and_deep_features_twice_from_four_on(own, asked, taken, reuse):
    slow = replace(SETTINGS, steps=own, grid="karras", lip_guidance=1.5, seed=3)
    quick = replace(slow, steps=taken, grid="ays", fusion="shifted", reuse=reuse)
    assert fast(slow, asked) == quick


def test_a_value_that_is_not_finite_names_window_and_step():
    given = conditions(18)
    lip = given.lip.clone()
    lip[16] = torch.nan
    with pytest.raises(NumericalError, match="frames 11–18 at step 1 of 5"):
        sample_video(Exact(), replace(given, lip=lip), frame_count=18, settings=replace(SETTINGS, windows_per_batch=3))


def test_faults_say_the_way_out():
    with pytest.raises(InputError, match="cover 18 frames, but the video has 20"):
        sample_video(Exact(), conditions(18), frame_count=20, settings=SETTINGS)
    with pytest.raises(SettingsError, match='"overlap" or "shifted"'):
        replace(SETTINGS, fusion="mean")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="at least 1"):
        replace(SETTINGS, windows_per_batch=0)
    with pytest.raises(SettingsError, match="karras, ays"):
        replace(SETTINGS, grid="linear")  # type: ignore[arg-type]


def test_the_real_network_fresh_from_zero_is_solved_in_closed_form():
    """With its outputs at zero F = 0, so D = x / (sigma² + 1): N(0, 1). From a to b is times (1 + a·b) / (1 + a²)."""
    network = tiny_ethd()
    network.zero_outputs()
    video = sample_video(network, conditions(14), frame_count=14, settings=SETTINGS)
    sigmas = noise_grid("karras", SETTINGS.steps).double()
    factor = sigmas[0] * ((1 + sigmas[:-1] * sigmas[1:]) / (1 + sigmas[:-1] ** 2)).prod()
    expected = frame_noise(14, (4, H, H), SETTINGS.seed).double() * factor
    torch.testing.assert_close(video, expected.float(), rtol=1e-4, atol=1e-4)


def test_the_real_network_runs_with_guidance_and_batches_alike():
    network, given = tiny_ethd(), conditions(14)
    settings = replace(SETTINGS, steps=2, lip_guidance=1.5, emotion_guidance=2.0)
    video = sample_video(network, given, frame_count=14, settings=settings)
    batched = sample_video(network, given, frame_count=14, settings=replace(settings, windows_per_batch=3))
    plain = sample_video(network, given, frame_count=14, settings=replace(SETTINGS, steps=2))
    assert video.shape == (14, 4, H, H)
    torch.testing.assert_close(batched, video, rtol=1e-3, atol=1e-3)
    assert (video - plain).abs().max() > 1e-3
    half = sample_video(tiny_ethd(torch.bfloat16), given, frame_count=14, settings=replace(SETTINGS, steps=2))
    assert half.dtype == torch.float32
    assert torch.isfinite(half).all()


def test_the_real_network_runs_under_autocast():
    given, settings = conditions(9), replace(SETTINGS, steps=2)
    with autocast("cpu", dtype=torch.bfloat16):
        video = sample_video(tiny_ethd(), given, frame_count=9, settings=settings)
    plain = sample_video(tiny_ethd(), given, frame_count=9, settings=settings)
    assert video.dtype == torch.float32
    torch.testing.assert_close(video, plain, rtol=0.1, atol=0.1)
