"""The expression sampler against networks whose answer is known in closed form, and the real one at tiny size."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from emotivetalk_core.diffusion.dicte_schedule import alpha_bars, timesteps
from emotivetalk_core.diffusion.noise_levels import frame_noise
from emotivetalk_core.errors import InputError, NumericalError, SettingsError
from emotivetalk_core.models.dicte import DiCTE, DiCTEConfig
from emotivetalk_core.sampling.expression import chunk_starts, sample_expression

E = 3


class Analytic(nn.Module):
    """What the exact Di-CTE would be for expressions that are known: chunks of 12 tokens, 4 of them a known prefix."""

    def __init__(self, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config = SimpleNamespace(tokens=12, prefix=4, steps=1000)
        self.anything = nn.Parameter(torch.zeros(1, dtype=dtype))
        self.lids = torch.zeros(E)


class Gaussian(Analytic):
    """Independent N(emotion, 0.5²) in every frame: x0's posterior mean given x_t."""

    def forward(self, noisy, t, audio_windows, identity, emotion, known, emotion_dropped):
        alpha_bar = alpha_bars()[t].reshape(-1, 1, 1)
        mean = torch.where(emotion_dropped[:, None, None], torch.zeros_like(emotion), emotion)
        return (0.25 * alpha_bar.sqrt() * noisy + (1 - alpha_bar) * mean) / (0.25 * alpha_bar + 1 - alpha_bar)


class Counting(Analytic):
    """One more than the mean of what is known; `emotion` where nothing is. The answer to known frames is nonsense."""

    def forward(self, noisy, t, audio_windows, identity, emotion, known, emotion_dropped):
        count = known.sum(1)
        assert ((count == 0) | (count == self.config.prefix)).all()
        mean = (noisy * known[..., None]).sum(1) / count.clamp(min=1)[:, None]
        answer = torch.where(count[:, None, None] > 0, (mean + 1)[:, None], emotion).expand_as(noisy)
        return torch.where(known[..., None] > 0, torch.full_like(noisy, 99), answer)


class Hearing(Analytic):
    """Each frame says the mean of its audio window plus the identity."""

    def forward(self, noisy, t, audio_windows, identity, emotion, known, emotion_dropped):
        return audio_windows.mean(dim=(2, 3))[..., None] + identity[:, None, :1] + torch.zeros_like(noisy)


def speech(n: int) -> torch.Tensor:
    return torch.arange(n, dtype=torch.float32)[:, None, None].expand(n, 10, 2)


def sample(model: nn.Module, n: int, seed: int = 0, **settings) -> torch.Tensor:
    return sample_expression(model, speech(n), torch.ones(5), torch.tensor([1.0, -2.0, 0.5]), seed=seed, **settings)


@pytest.mark.parametrize(
    ("n", "starts"),
    [(1, [0]), (20, [0]), (220, [0]), (221, [0, 200]), (420, [0, 200]), (421, [0, 200, 400])],
)
def test_chunks_begin_every_200_frames(n: int, starts: list[int]):
    assert chunk_starts(n, 220, 20) == starts


@pytest.mark.parametrize("steps", [1, 5, 25])
def test_gaussian_expressions_are_sampled_in_closed_form(steps: int):
    """DDIM on N(mu, s²) multiplies x_t - sqrt(alpha_bar)·mu, step by step, by a factor of s and two alpha_bars."""
    levels = torch.cat([alpha_bars()[timesteps(steps)], torch.ones(1)]).double()
    mean = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    x = frame_noise(12, (E,), seed=7).double() - levels[0].sqrt() * mean
    for now, later in zip(levels[:-1], levels[1:], strict=True):
        shrink = 0.25 * now.sqrt() / (0.25 * now + 1 - now)  # x0 - mu per x - sqrt(alpha_bar)·mu
        x = x * (later.sqrt() * shrink + ((1 - later) / (1 - now)).sqrt() * (1 - now.sqrt() * shrink))
    torch.testing.assert_close(sample(Gaussian(), 12, seed=7, steps=steps), (x + mean).float(), rtol=1e-3, atol=1e-3)


def test_seeds_give_other_expressions_of_the_same_distribution():
    first, again, other = (sample(Gaussian(), 12, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.1)


def test_every_chunk_knows_the_clean_end_of_the_one_before():
    expression = sample(Counting(), 12 + 8 + 8 + 3)
    chunks = torch.tensor([0.0] * 12 + [1.0] * 8 + [2.0] * 8 + [3.0] * 3)
    expected = chunks[:, None] + torch.tensor([1.0, -2.0, 0.5])
    torch.testing.assert_close(expression, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [1, 5, 12, 13, 30])
def test_every_frame_hears_its_own_audio(n: int):
    expected = (torch.arange(n, dtype=torch.float32) + 1)[:, None].expand(n, E)
    torch.testing.assert_close(sample(Hearing(), n), expected, rtol=1e-5, atol=1e-5)


def test_longer_speech_begins_like_shorter():
    assert torch.equal(sample(Gaussian(), 31)[:20], sample(Gaussian(), 20))


def test_guidance_goes_beyond_the_emotion():
    """At one step all of x0 is the mean: dropped 0, full e_cond, guided 2.5 e_cond."""
    guided = sample(Gaussian(), 4, steps=1, guidance=2.5)
    torch.testing.assert_close(guided, torch.tensor([2.5, -5.0, 1.25]).expand(4, E), atol=1e-3, rtol=0)


def test_the_state_stays_float32_around_a_half_precision_network():
    half = sample(Hearing(torch.bfloat16), 5)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, sample(Hearing(), 5), rtol=1e-2, atol=1e-2)


def test_progress_counts_chunks_times_steps_and_may_stop_the_sampling():
    calls = []
    sample(Hearing(), 13, steps=3, on_step=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 6) for i in range(1, 7)]

    def stop(done: int, total: int) -> None:
        calls.append((done, total))
        raise KeyboardInterrupt

    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        sample(Hearing(), 13, steps=3, on_step=stop)
    assert calls == [(1, 6)]


def test_faults_are_named():
    broken = Hearing()
    with pytest.raises(NumericalError, match="frames 1–5 at step 1 of 25"):
        sample_expression(broken, speech(5) * torch.nan, torch.ones(5), torch.zeros(E), seed=0)
    with pytest.raises(InputError, match="at least one frame"):
        sample(Hearing(), 0)
    with pytest.raises(SettingsError, match="1…1000"):
        sample(Hearing(), 5, steps=0)


def tiny_dicte() -> DiCTE:
    """The real network with random weights throughout: fresh from its constructor it answers 0."""
    config = DiCTEConfig(
        expression_dim=E, audio_dim=2, identity_dim=5, width=16, layers=2, heads=2, tokens=12, prefix=4
    )
    network = DiCTE(config).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return network


def test_the_real_network_shares_the_chunks_of_a_shared_beginning():
    network = tiny_dicte()
    audio = torch.randn(31, 10, 2, generator=torch.Generator().manual_seed(1))
    told = {"identity": torch.ones(5), "emotion": torch.tensor([1.0, -2.0, 0.5]), "seed": 3, "steps": 4}
    longer = sample_expression(network, audio, **told)
    shorter = sample_expression(network, audio[:22], **told)
    assert longer.shape == (31, E)
    assert torch.equal(longer[:20], shorter[:20])  # frames 0…11 and 8…19 are whole chunks of both
    assert torch.equal(longer, sample_expression(network, audio, **told))
    for change in ({"seed": 4}, {"emotion": torch.zeros(E)}, {"identity": torch.arange(5.0)}, {"guidance": 2.0}):
        assert not torch.allclose(longer, sample_expression(network, audio, **(told | change)), atol=1e-3)


def test_an_emotion_that_changes_is_followed_frame_by_frame_through_every_chunk():
    course = torch.linspace(-2, 2, 30)[:, None] * torch.tensor([1.0, -2.0, 0.5])
    drawn = [sample_expression(Gaussian(), speech(30), torch.ones(5), course, seed=seed) for seed in range(40)]
    assert torch.allclose(torch.stack(drawn).mean(0), course, atol=0.35)


def test_an_emotion_held_for_every_frame_is_the_emotion_itself():
    torch.manual_seed(0)
    network = DiCTE(
        DiCTEConfig(expression_dim=E, audio_dim=2, identity_dim=5, width=16, layers=1, heads=2, tokens=12, prefix=4)
    )
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    emotion = torch.tensor([1.0, -2.0, 0.5])
    once, held = (
        sample_expression(network.eval(), speech(20), torch.ones(5), given, seed=1, steps=3, guidance=2.0)
        for given in (emotion, emotion.expand(20, -1))
    )
    assert torch.allclose(once, held, atol=1e-5)


def test_an_emotion_for_another_number_of_frames_is_refused():
    with pytest.raises(InputError, match="over 7 frames, but the speech has 9"):
        sample_expression(Gaussian(), speech(9), torch.ones(5), torch.zeros(7, E), seed=0)
