from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.dicte import DiCTE
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.lip_projector import LipProjector
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.models.presets import DEMO, DEMO_SPEECH_EMOTION, ModelPreset, SamplingDefaults
from emotivetalk_core.models.speech_emotion import SpeechEmotionRecogniser
from emotivetalk_core.models.speech_encoder import SpeechEncoder
from emotivetalk_core.models.vae_network import build_vae
from emotivetalk_core.weight_files.checkpoint import save_checkpoint
from emotivetalk_core.weight_files.manifest import write_manifest

TINY = replace(
    DEMO,
    speech_encoder=replace(DEMO.speech_encoder, conv_dim=(16,) * 7, hidden_size=16, num_hidden_layers=1),
    lip_projector=replace(DEMO.lip_projector, audio_dim=16, width=16, heads=2, blocks=1),
    motion_encoder=replace(DEMO.motion_encoder, trunk_channels=(8, 8, 8, 8, 8), trunk_dim=16, head_width=16),
    dicte=replace(DEMO.dicte, audio_dim=16, identity_dim=16, width=16, layers=1, heads=2),
    ethd=replace(DEMO.ethd, block_channels=(32, 32), attends=(), layers_per_block=1, head_dim=16, cross_dim=16),
    vae=replace(DEMO.vae, block_channels=(32, 32), layers_per_block=1),
)


def write_weights(folder: Path, preset: ModelPreset, defaults: SamplingDefaults | None) -> None:
    networks = {
        "speech_encoder": SpeechEncoder,
        "lip_projector": LipProjector,
        "motion_encoder": MotionEncoder,
        "dicte": DiCTE,
        "ethd": ETHD,
        "vae": build_vae,
    }
    for kind, network_class in networks.items():
        config = getattr(preset, kind)
        kept = defaults if kind == "ethd" else None
        save_checkpoint(folder / f"{kind}.safetensors", kind, network_class(config), config, {}, defaults=kept)
    EmotionCodebook(torch.zeros(8, 30)).save(folder / "emotion_codebook.safetensors")
    write_manifest(folder)


def test_a_folder_gives_frozen_networks_and_their_sampling_defaults(tmp_path):
    defaults = replace(TINY.sampling, motion_bucket=41.5)
    write_weights(tmp_path, TINY, defaults)
    models = load_model_set(tmp_path)
    assert models.defaults == defaults and models.picture_size == 128 and models.face_finder is None
    assert models.ethd.config == TINY.ethd and models.device == torch.device("cpu")
    for network in (models.speech_encoder, models.lip_projector, models.motion_encoder, models.dicte, models.vae):
        assert not network.training and not any(p.requires_grad for p in network.parameters())
    halved = load_model_set(tmp_path, "cpu", torch.bfloat16)
    assert next(halved.dicte.parameters()).dtype == torch.bfloat16


def test_a_backbone_of_another_size_is_taken_for_that_size_alone(tmp_path):
    """As `train full --stages ethd_1024` leaves it beside the first."""
    write_weights(tmp_path, TINY, TINY.sampling)
    larger, config = replace(TINY.sampling, size=192, window=3, overlap=1), replace(TINY.ethd, cross_dim=32)
    save_checkpoint(tmp_path / "ethd_192.safetensors", "ethd", ETHD(config), config, {}, defaults=larger)
    assert load_model_set(tmp_path, size=192).defaults == larger
    assert load_model_set(tmp_path, size=192).ethd.config == config
    for size in (None, 128, 256):
        models = load_model_set(tmp_path, size=size)
        assert (models.defaults, models.ethd.config) == (TINY.sampling, TINY.ethd)


def test_a_folder_may_come_without_a_recogniser_of_speech(tmp_path):
    write_weights(tmp_path, TINY, TINY.sampling)
    models = load_model_set(tmp_path)
    assert models.speech_emotion is None
    with pytest.raises(WeightsError, match="hold no speech_emotion.safetensors.*convert --kind wavlm-emotion"):
        models.recogniser()
    config = replace(DEMO_SPEECH_EMOTION, conv_dim=(16,) * 4, hidden_size=16, num_hidden_layers=1)
    recogniser = SpeechEmotionRecogniser(config)
    save_checkpoint(tmp_path / "speech_emotion.safetensors", "speech_emotion", recogniser.half(), config, {})
    models = load_model_set(tmp_path, "cpu", torch.bfloat16)
    loaded = models.recogniser()
    assert loaded.config == config and models.recogniser() is loaded
    assert {(p.dtype, p.requires_grad) for p in loaded.parameters()} == {(torch.float32, False)}


def test_a_recogniser_that_is_none_is_refused_before_it_is_asked_for(tmp_path):
    write_weights(tmp_path, TINY, TINY.sampling)
    (tmp_path / "speech_emotion.safetensors").write_bytes(b"half of it")
    with pytest.raises(WeightsError, match="speech_emotion.safetensors"):
        load_model_set(tmp_path)


def test_files_of_two_models_are_refused(tmp_path):
    write_weights(tmp_path, TINY, TINY.sampling)
    other = replace(TINY.lip_projector, lip_dim=32)
    save_checkpoint(tmp_path / "lip_projector.safetensors", "lip_projector", LipProjector(other), other, {})
    with pytest.raises(WeightsError, match="lip_projector.safetensors is not the file"):
        load_model_set(tmp_path)
    with pytest.raises(WeightsError, match="not of the same model.*lip width, 32 and 64"):
        load_model_set(tmp_path, verify=False)


def test_weights_without_sampling_defaults_are_refused(tmp_path):
    write_weights(tmp_path, TINY, None)
    with pytest.raises(WeightsError, match="how to sample it"):
        load_model_set(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(WeightsError, match="nowhere does not exist"):
        load_model_set(tmp_path / "nowhere")


def test_networks_that_do_not_fit_each_other_make_no_preset():
    with pytest.raises(ValueError, match="audio width, 128 and 256"):
        replace(DEMO, dicte=replace(DEMO.dicte, audio_dim=256))
