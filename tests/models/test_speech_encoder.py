import json
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import save_file

from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.speech_encoder import SpeechEncoder, from_hugging_face
from emotivetalk_core.models.wav2vec2 import SpeechEncoderConfig
from emotivetalk_core.weight_files.hugging_face import WITHOUT_CHANCE

TINY = SpeechEncoderConfig(
    conv_dim=(16,) * 7,
    conv_bias=True,
    feat_extract_norm="layer",
    do_stable_layer_norm=True,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=48,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return SpeechEncoder(TINY).eval().requires_grad_(False)


def test_features_come_at_fifty_hertz(encoder):
    features = encoder(torch.randn(2, 16_000))
    assert features.shape == (2, encoder.feature_count(16_000), 32)
    assert encoder.feature_count(16_000) == 49  # one second less the first window's overhang


def test_loudness_and_offset_do_not_matter_when_normalised(encoder):
    samples = torch.randn(1, 3200)
    torch.testing.assert_close(encoder(samples * 0.1 + 0.3), encoder(samples), rtol=1e-3, atol=1e-3)


def test_training_mode_adds_no_randomness(encoder):
    samples = torch.randn(1, 3200)
    expected = encoder(samples)
    encoder.train()
    torch.testing.assert_close(encoder(samples), expected)
    encoder.eval()


def test_every_layer_can_be_read(encoder):
    samples = torch.randn(1, 3200)
    layers = [encoder.features(samples, layer) for layer in range(encoder.layers + 1)]
    assert all(layer.shape == layers[0].shape for layer in layers)
    assert not torch.allclose(layers[0], layers[1])
    with pytest.raises(ValueError, match="0 to 2"):
        encoder.features(samples, 3)


def test_silence_and_a_click_are_finite(encoder):
    assert encoder(torch.zeros(1, 1600)).isfinite().all()
    assert encoder(torch.ones(1, 10)).shape == (1, 1, 32)
    assert encoder.feature_count(399) == 0 and encoder.feature_count(400) == 1


def test_a_public_recognition_model_loads(encoder, tmp_path):
    tensors = {"wav2vec2." + name: tensor for name, tensor in encoder.model.state_dict().items()}
    tensors["lm_head.weight"] = torch.zeros(3, 32)
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        stem = "wav2vec2.encoder.pos_conv_embed.conv."
        tensors[stem + old] = tensors.pop(f"{stem}parametrizations.weight.{new}")
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "wav2vec2", **asdict(TINY)}))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    loaded = from_hugging_face(tmp_path)
    assert loaded.config.normalise is False and loaded.config.conv_dim == TINY.conv_dim
    samples = torch.randn(1, 1600)
    torch.testing.assert_close(loaded(encoder.normalise(samples)), encoder(samples))


def test_a_public_model_that_lacks_a_part_is_refused_by_name(encoder, tmp_path):
    tensors = encoder.model.state_dict()
    del tensors["encoder.layers.1.final_layer_norm.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "wav2vec2", **asdict(TINY)}))
    with pytest.raises(WeightsError, match="lacks encoder.layers.1.final_layer_norm.bias"):
        from_hugging_face(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-5])
    with pytest.raises(WeightsError, match="cut short"):
        from_hugging_face(tmp_path)


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match="config.json"):
        from_hugging_face(tmp_path)


def test_the_base_shape_is_that_of_the_public_model():
    base = SpeechEncoder(SpeechEncoderConfig.base(), device="meta")
    # transformers counts 94,371,712; ours has no vector for the masks of pre-training
    assert sum(p.numel() for p in base.parameters()) == 94_371_712 - 768


@pytest.mark.parametrize("norms_first", [True, False])
def test_all_layers_are_those_of_the_public_network(norms_first):
    """transformers' class with the same weights, in both of the shapes that public models have."""
    transformers = pytest.importorskip("transformers")
    config = TINY
    if not norms_first:
        config = replace(TINY, conv_bias=False, feat_extract_norm="group", do_stable_layer_norm=False)
    torch.manual_seed(4)
    ours = SpeechEncoder(config).eval().requires_grad_(False)
    shape = {name: value for name, value in asdict(config).items() if name != "normalise"}
    theirs = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**shape, **WITHOUT_CHANCE)).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        theirs.load_state_dict(ours.model.state_dict())
        samples = torch.randn(2, 4000)
        wanted = theirs(ours.normalise(samples), output_hidden_states=True)
    states = ours.hidden_states(samples)
    assert len(states) == len(wanted.hidden_states)
    for ours_state, theirs_state in zip(states, (*wanted.hidden_states[:-1], wanted.last_hidden_state)):
        torch.testing.assert_close(ours_state, theirs_state, rtol=1e-4, atol=1e-5)


def test_training_begins_as_the_public_network_does():
    """The spread of every weight, against transformers' class."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(5)
    config = replace(TINY, hidden_size=128, conv_dim=(64,) * 7)
    ours = SpeechEncoder(config).model.state_dict()
    shape = {name: value for name, value in asdict(config).items() if name != "normalise"}
    theirs = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**shape, **WITHOUT_CHANCE)).state_dict()
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        if value.numel() > 500:
            torch.testing.assert_close(ours[name].std(), value.std(), rtol=0.15, atol=0)
