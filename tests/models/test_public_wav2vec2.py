"""Public Wav2Vec2 models, base-like and large-like, with random weights: what transformers says, from a folder and
from a file alone. It is imported where it is used: that takes seconds, for whoever collects these tests.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.speech_encoder import (
    SpeechEncoder,
    SpeechEncoderConfig,
    convert_speech_encoder,
    from_hugging_face,
    inferred_config,
)
from emotivetalk_core.weight_files.checkpoint import load_network

SMALL = {
    "conv_dim": (32,) * 7,
    "hidden_size": 128,  # two heads of 64
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 192,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 12,
}
KINDS = {
    "base": {"conv_bias": False, "feat_extract_norm": "group", "do_stable_layer_norm": False},
    "large": {"conv_bias": True, "feat_extract_norm": "layer", "do_stable_layer_norm": True},
}


@pytest.fixture(scope="module", params=KINDS)
def public(request, tmp_path_factory) -> tuple[nn.Module, Path]:
    """transformers' own recognition model, saved as they save it, and its base model."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    torch.manual_seed(4)
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL, **KINDS[request.param])).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name or name.endswith("bias"):  # which start at one and zero
            torch.nn.init.normal_(parameter, float(parameter.detach().mean()), 0.1)
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return model.wav2vec2, folder


def speech(seconds: float = 0.7) -> torch.Tensor:
    return 0.05 * torch.randn(int(16_000 * seconds), generator=torch.Generator().manual_seed(2)) + 0.02


def expected_features(model: nn.Module, normalise: bool = True) -> torch.Tensor:
    """transformers' own way from samples to features."""
    from transformers import Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalise)
    values = extractor(speech().numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        return model(values).last_hidden_state


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.shape == theirs.shape and theirs.std() > 0.1
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_a_folder_gives_the_features_of_transformers(public):
    model, folder = public
    assert_close(from_hugging_face(folder)(speech()[None]), expected_features(model))


def test_a_file_alone_gives_the_same(public):
    model, folder = public
    encoder = from_hugging_face(folder / "model.safetensors")
    assert encoder.config == from_hugging_face(folder).config
    assert_close(encoder(speech()[None]), expected_features(model))


def test_the_user_may_say_whether_speech_is_normalised(public):
    model, folder = public
    for source in (folder, folder / "model.safetensors"):
        plain = from_hugging_face(source, normalise=False)
        assert_close(plain(speech()[None]), expected_features(model, normalise=False))


def test_a_half_precision_file_of_the_base_model_with_old_names_loads(public, tmp_path):
    model, _ = public
    tensors = {}
    for name, tensor in model.state_dict().items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        tensors[name.replace("parametrizations.weight.original1", "weight_v")] = tensor.half()
    save_file(tensors, tmp_path / "half.safetensors")
    encoder = from_hugging_face(tmp_path / "half.safetensors")
    assert encoder.model.dtype == torch.float32
    expected = expected_features(model)
    assert (encoder(speech()[None]) - expected).abs().max() < 0.02 * expected.abs().max()


def test_it_becomes_a_file_of_ours(public, tmp_path):
    model, folder = public
    config = convert_speech_encoder(folder / "model.safetensors", tmp_path / "speech_encoder.safetensors")
    ours = load_network(
        tmp_path / "speech_encoder.safetensors", "speech_encoder", SpeechEncoder, SpeechEncoderConfig
    ).requires_grad_(False)
    assert ours.config == config
    assert_close(ours(speech()[None]), expected_features(model))


@pytest.mark.parametrize("config", [SpeechEncoderConfig.base(), SpeechEncoderConfig.large()], ids=["base", "large"])
def test_the_shapes_of_the_public_models_tell_their_configs(config):
    tensors = SpeechEncoder(config, device="meta").model.state_dict()
    assert inferred_config(tensors, Path("public.safetensors")) == config


def test_the_base_model_at_its_true_size_equals_transformers(tmp_path):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    model = Wav2Vec2Model(Wav2Vec2Config()).eval()
    save_file(model.state_dict(), tmp_path / "base.safetensors")
    encoder = from_hugging_face(tmp_path / "base.safetensors")
    assert encoder.config == SpeechEncoderConfig.base()
    assert_close(encoder(speech()[None]), expected_features(model))


def test_what_is_no_wav2vec2_is_refused(public, tmp_path):
    folder = public[1]
    tensors = load_file(folder / "model.safetensors")
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="not a Wav2Vec2 model"):
        from_hugging_face(path)
    save_file(tensors | {"wav2vec2.adapter.proj.weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="does not know adapter.proj.weight"):
        from_hugging_face(path)
    first = "wav2vec2.feature_extractor.conv_layers.0.conv.weight"
    save_file(tensors | {first: torch.zeros(32, 1, 8)}, path)
    with pytest.raises(WeightsError, match="unusual shape .* give its whole folder"):
        from_hugging_face(path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickle"):
        from_hugging_face(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="config.json"):
        from_hugging_face(tmp_path / "nothing")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "hubert"}))
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="'hubert' model; a wav2vec2 one"):
        from_hugging_face(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="damaged"):
        from_hugging_face(tmp_path)
