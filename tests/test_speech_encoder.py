import json

import pytest
import torch
from safetensors.torch import save_file

from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.speech_encoder import SpeechEncoder, SpeechEncoderConfig, from_hugging_face

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
    (tmp_path / "config.json").write_text(encoder.model.config.to_json_string(use_diff=False))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    loaded = from_hugging_face(tmp_path)
    assert loaded.config.normalise is False and loaded.config.conv_dim == TINY.conv_dim
    samples = torch.randn(1, 1600)
    torch.testing.assert_close(loaded(encoder.normalise(samples)), encoder(samples))


def test_a_public_model_that_lacks_a_part_is_refused_by_name(encoder, tmp_path):
    tensors = encoder.model.state_dict()
    del tensors["encoder.layers.1.final_layer_norm.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(encoder.model.config.to_json_string(use_diff=False))
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
