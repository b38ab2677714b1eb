"""The emotion recogniser against transformers' own WavLM classifier with random weights, and the way of its labels to
the eight keywords. Transformers is imported where it is used: that takes seconds, for whoever collects these tests.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from emotivetalk_core.errors import SettingsError, WeightsError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.speech_emotion import (
    KIND,
    NAMES,
    HeardEmotion,
    SpeechEmotionConfig,
    SpeechEmotionRecogniser,
    blend_emotion,
    convert_speech_emotion,
    from_hugging_face,
    hearing_memory,
    keyword_emotion,
    label_emotions,
    load_speech_emotion,
    missing_note,
)
from emotivetalk_core.types import EMOTIONS, Speech
from emotivetalk_core.weight_files.checkpoint import load_network

SMALL = {
    "conv_dim": (16,) * 7,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 24,
    "num_buckets": 40,
    "max_bucket_distance": 60,
}
KINDS = {
    "base": {"conv_bias": False, "feat_extract_norm": "group", "do_stable_layer_norm": False},
    "large": {
        "conv_bias": True,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "use_weighted_layer_sum": True,
    },
}
IEMOCAP = ("neu", "hap", "ang", "sad")


def save_public(folder: Path, labels: tuple[str, ...] = IEMOCAP, kind: str = "base") -> nn.Module:
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMForSequenceClassification

    torch.manual_seed(6)
    config = WavLMConfig(**SMALL, **KINDS[kind], id2label=dict(enumerate(labels)), num_labels=len(labels))
    model = WavLMForSequenceClassification(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return model


def noise(seconds: float) -> torch.Tensor:
    return 0.1 * torch.randn(int(16_000 * seconds), generator=torch.Generator().manual_seed(3))


def expected_logits(model: nn.Module, samples: torch.Tensor) -> torch.Tensor:
    from transformers import Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    values = extractor(samples.numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        return model(values).logits


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_folder_says_what_transformers_says(kind, tmp_path):
    model = save_public(tmp_path / "public", kind=kind)
    expected = expected_logits(model, noise(0.8))
    assert expected.std() > 0.01
    path = tmp_path / "speech_emotion.safetensors"
    convert_speech_emotion(tmp_path / "public", path)
    for recogniser in (
        from_hugging_face(tmp_path / "public"),
        load_network(path, KIND, SpeechEmotionRecogniser, SpeechEmotionConfig).requires_grad_(False),
    ):
        assert recogniser.config.labels == IEMOCAP
        torch.testing.assert_close(recogniser(noise(0.8)[None]), expected, rtol=1e-4, atol=1e-4)
        heard = recogniser.recognise(Speech(noise(0.8)))
        neutral, happy, angry, sad = expected.softmax(-1)[0].tolist()
        eight = torch.tensor([happy, angry, sad, 0, 0, 0, 0, neutral])
        torch.testing.assert_close(heard.probabilities, eight, rtol=1e-3, atol=1e-4)


def test_what_a_recogniser_cannot_hear_is_said(tmp_path):
    save_public(tmp_path)
    heard = from_hugging_face(tmp_path).recognise(Speech(noise(0.5)))
    assert heard.note == (
        "This recogniser does not know surprised, fear, disgusted and worried, so it never hears them."
    )
    seven = ("anger", "happiness", "sadness", "surprise", "fear", "disgust", "neutral", "calm", "contempt")
    assert missing_note(seven) == "This recogniser does not know worried, so it never hears it."
    assert missing_note(EMOTIONS) == ""


def test_labels_of_public_sets_become_the_eight():
    assert label_emotions(("ANG", "hap", "Neu", "sad")) == ("angry", "happy", "neutral", "sad")
    ravdess = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
    assert label_emotions(ravdess) == ("neutral", "neutral", "happy", "sad", "angry", "fear", "disgusted", "surprised")
    assert label_emotions(("Contempt", "pleasant surprise", "no-agreement", "Anxiety")) == (
        "disgusted",
        "surprised",
        None,
        "worried",
    )
    assert set(NAMES) == set(EMOTIONS) and all(emotion in names for emotion, names in NAMES.items())
    every = [name for names in NAMES.values() for name in names]
    assert len(every) == len(set(every))
    with pytest.raises(WeightsError, match="'LABEL_0' is not one of the emotions"):
        label_emotions(("LABEL_0",))
    with pytest.raises(WeightsError, match="no label that names an emotion"):
        label_emotions(("other",))


def test_labels_of_one_emotion_add_up_and_no_emotion_is_shared_out():
    config = SpeechEmotionConfig(
        **SMALL, labels=("anger", "happiness", "neutral", "calm", "contempt", "disgust", "other")
    )
    torch.manual_seed(0)
    recogniser = SpeechEmotionRecogniser(config).eval().requires_grad_(False)
    own = recogniser(noise(0.5)[None]).softmax(-1)[0]
    eight = recogniser.probabilities(noise(0.5)[None])[0]
    known = 1 - own[6]
    assert eight.sum() == pytest.approx(1)
    assert eight[EMOTIONS.index("neutral")] == pytest.approx(float((own[2] + own[3]) / known), rel=1e-4)
    assert eight[EMOTIONS.index("disgusted")] == pytest.approx(float((own[4] + own[5]) / known), rel=1e-4)
    assert eight[EMOTIONS.index("worried")] == 0


def test_short_long_and_silent_speech():
    torch.manual_seed(0)
    recogniser = SpeechEmotionRecogniser(SpeechEmotionConfig(**SMALL)).eval()
    for samples in (torch.zeros(1), torch.zeros(8000), noise(0.01)):
        assert recogniser.recognise(Speech(samples)).probabilities.sum() == pytest.approx(1, abs=1e-5)
    long = noise(41)  # three pieces
    thirds = [recogniser.probabilities(piece[None])[0].detach() for piece in long.split(-(-len(long) // 3))]
    torch.testing.assert_close(recogniser.recognise(Speech(long)).probabilities, torch.stack(thirds).mean(0))


def test_a_mixture_holds_what_is_more_than_half_as_likely():
    heard = HeardEmotion(torch.tensor([0.48, 0, 0.36, 0.1, 0, 0, 0.02, 0.04]))
    assert heard.mixture == pytest.approx({"happy": 2 / 3, "sad": 1 / 3})
    assert HeardEmotion(torch.tensor([0.7, 0.3, 0, 0, 0, 0, 0, 0])).mixture == {"happy": 1.0}
    assert HeardEmotion(torch.full((8,), 1 / 8)).mixture == pytest.approx(dict.fromkeys(EMOTIONS, 1 / 8))


def test_a_blend_is_the_weighted_mean_of_the_codebook():
    codebook = EmotionCodebook(torch.randn(8, 30, generator=torch.Generator().manual_seed(1)))
    heard = HeardEmotion(torch.tensor([0.48, 0, 0.36, 0.1, 0, 0, 0.02, 0.04]))
    assert heard.name == "happy" and heard.description == "happy 48%, sad 36%, surprised 10%"
    blend = blend_emotion(heard, codebook)
    torch.testing.assert_close(blend.values, (2 * codebook.latents[0] + codebook.latents[2]) / 3)
    assert blend.name == heard.description
    none = blend_emotion(heard, codebook, intensity=0)
    torch.testing.assert_close(none.values, codebook.latents[7])
    sure = blend_emotion(HeardEmotion(torch.eye(8)[1]), codebook, intensity=1.5)
    torch.testing.assert_close(sure.values, codebook.lookup("angry", 1.5))
    with pytest.raises(SettingsError, match="No emotion was recognised"):
        blend_emotion(HeardEmotion(torch.zeros(8)), codebook)
    with pytest.raises(SettingsError, match="'sad' is not in the codebook"):
        blend_emotion(heard, replace(codebook, latents=torch.zeros(2, 30), names=("happy", "neutral")))


def test_all_eight_are_told_the_likeliest_first():
    heard = HeardEmotion(torch.tensor([0.6, 0, 0.3, 0, 0, 0, 0.02, 0.08]))
    lines = heard.table.splitlines()
    assert lines[:4] == ["happy 60.0%", "sad 30.0%", "neutral 8.0%", "worried 2.0%"]
    assert sorted(line.split()[0] for line in lines) == sorted(EMOTIONS)


def test_a_keyword_is_the_likeliest_alone():
    codebook = EmotionCodebook(torch.randn(8, 30, generator=torch.Generator().manual_seed(1)))
    heard = HeardEmotion(torch.tensor([0.2, 0, 0.5, 0, 0, 0, 0, 0.3]))
    emotion = keyword_emotion(heard, codebook, 1.4)
    torch.testing.assert_close(emotion.values, codebook.lookup("sad", 1.4))
    assert emotion.name == "sad"
    for nothing in (torch.zeros(8), torch.full((8,), torch.nan)):
        with pytest.raises(SettingsError, match="No emotion was recognised"):
            keyword_emotion(HeardEmotion(nothing), codebook)


def test_several_recordings_count_by_their_length():
    torch.manual_seed(0)
    recogniser = SpeechEmotionRecogniser(SpeechEmotionConfig(**SMALL)).eval()
    short, long = Speech(noise(0.5)), Speech(noise(1.5).flip(0))
    together = recogniser.recognise_all([short, long]).probabilities
    apart = [recogniser.recognise(speech).probabilities for speech in (short, long)]
    assert (apart[0] - apart[1]).abs().max() > 1e-4
    torch.testing.assert_close(together, 0.25 * apart[0] + 0.75 * apart[1])
    assert recogniser.recognise_all([short]).name == recogniser.recognise(short).name


def test_a_file_and_a_public_folder_are_loaded_alike(tmp_path):
    save_public(tmp_path / "public")
    convert_speech_emotion(tmp_path / "public", tmp_path / "ours.safetensors")
    ours, public = (load_speech_emotion(tmp_path / name) for name in ("ours.safetensors", "public"))
    assert not any(parameter.requires_grad for parameter in [*ours.parameters(), *public.parameters()])
    torch.testing.assert_close(ours(noise(0.5)[None]), public(noise(0.5)[None]))
    with pytest.raises(WeightsError, match="nothing.safetensors does not exist"):
        load_speech_emotion(tmp_path / "nothing.safetensors")


def test_hearing_takes_more_memory_for_longer_speech_until_it_is_cut():
    large = SpeechEmotionConfig(num_attention_heads=16)
    second, ten, twenty, hour = (hearing_memory(large, 16_000 * s) for s in (1, 10, 20, 3600))
    assert second < ten < twenty == hour
    scores = 16 * 1000**2 * 4  # one matrix of attention for each head, over 20 s
    assert twenty > 4 * scores


def test_an_unfit_folder_is_refused_by_name(tmp_path):
    save_public(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for spoilt, words in (
        ({"model_type": "wav2vec2"}, "'wav2vec2' model; a wavlm one"),
        ({"id2label": None}, "does not name its emotions"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, "'LABEL_0' is not one of the emotions"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | spoilt))
        with pytest.raises(WeightsError, match=words):
            from_hugging_face(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["classifier.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="lacks classifier.bias"):
        from_hugging_face(tmp_path)
    with pytest.raises(WeightsError, match="config.json"):
        from_hugging_face(tmp_path / "nothing")
