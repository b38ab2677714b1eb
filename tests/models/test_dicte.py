import torch

from emotivetalk_core.models.dicte import DiCTE, DiCTEConfig
from emotivetalk_core.sampling.expression import sample_expression
from emotivetalk_core.weight_files.checkpoint import load_network, save_checkpoint

TINY = DiCTEConfig(expression_dim=5, audio_dim=8, identity_dim=6, width=16, layers=2, heads=2, tokens=24, prefix=4)


def woken_network() -> DiCTE:
    """A fresh network answers zero; for these tests its zero-started layers get random weights."""
    torch.manual_seed(0)
    network = DiCTE(TINY).eval().requires_grad_(False)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return network


def inputs(frames: int = 9) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return {
        "noisy": normal(2, frames, 5),
        "t": torch.tensor([3, 900]),
        "audio_windows": normal(2, frames, 10, 8),
        "identity": normal(2, 6),
        "emotion": normal(2, 5),
        "known": torch.zeros(2, frames),
    }


def test_a_fresh_network_predicts_the_mean_expression():
    network = DiCTE(TINY)
    assert torch.equal(network(**inputs()), torch.zeros(2, 9, 5))


def test_every_input_reaches_the_answer():
    network, given = woken_network(), inputs()
    answer = network(**given)
    for name in given:
        changed = {**given, name: given[name] + 20 * torch.rand(given[name].shape)}
        assert (network(**changed) - answer).abs().amax(dim=(1, 2)).min() > 1e-4, name


def test_the_known_mask_of_one_frame_reaches_the_others():
    network, given = woken_network(), inputs()
    answer = network(**given)
    given["known"][0, :4] = 1
    change = (network(**given) - answer).abs().amax(dim=-1)
    assert change[0].min() > 0 and change[1].max() == 0


def test_a_dropped_emotion_is_not_seen():
    network, given = woken_network(), inputs()
    dropped = torch.tensor([True, False])
    answer = network(**given, emotion_dropped=dropped)
    given["emotion"] = given["emotion"] + 1
    changed = network(**given, emotion_dropped=dropped)
    assert torch.equal(changed[0], answer[0]) and not torch.equal(changed[1], answer[1])


def test_rows_do_not_mix_and_frames_know_their_place():
    network, given = woken_network(), inputs()
    answer = network(**given)
    alone = network(**{name: value[1:] for name, value in given.items()})
    torch.testing.assert_close(alone, answer[1:])
    same = {**given, "noisy": torch.ones(2, 9, 5), "audio_windows": torch.ones(2, 9, 10, 8)}
    assert network(**same).std(dim=1).max() > 1e-4


def test_files_from_before_lids_were_measured_are_read(tmp_path):
    network = woken_network()
    network.lids.normal_()
    path = tmp_path / "dicte.safetensors"
    save_checkpoint(path, "dicte", network, TINY, {})
    assert torch.equal(load_network(path, "dicte", DiCTE, DiCTEConfig).lids, network.lids)
    before = {name: value for name, value in network.state_dict().items() if name != "lids"}
    save_checkpoint(path, "dicte", before, TINY, {})
    loaded = load_network(path, "dicte", DiCTE, DiCTEConfig)
    assert not loaded.lids.any()
    assert all(torch.equal(value, before[name]) for name, value in loaded.state_dict().items() if name != "lids")


def test_it_samples_any_length():
    network = woken_network()
    expression = sample_expression(network, torch.randn(50, 10, 8), torch.randn(6), torch.randn(5), seed=0, steps=2)
    assert expression.shape == (50, 5) and expression.isfinite().all()
