"""The emotion that the nodes hear against the core's, inside the host's own Python and under its memory management.

Each `check_…` raises AssertionError where they disagree. They are called with the host importable and the pack loaded,
under torch.inference_mode().
"""

import importlib
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

ROOT = Path(__file__).parents[3]
PACK = "custom_nodes_EmotiveTalk"
CODEBOOK = "demo/emotion_codebook.safetensors"
RECOGNISER = "demo/speech_emotion.safetensors"


def part(name: str) -> ModuleType:
    """A module of the pack."""
    return importlib.import_module(f"{PACK}.{name}")


def core_recogniser() -> Any:
    path = ROOT / "emotivetalk_core" / "weights" / RECOGNISER
    return part("emotivetalk_core.models.speech_emotion").load_speech_emotion(path)


def bundled_speech() -> Any:
    return part("emotivetalk_core.audio.files").read_speech(ROOT / "emotivetalk_core" / "assets" / "speech.wav")


def codebook() -> Any:
    path = ROOT / "emotivetalk_core" / "weights" / CODEBOOK
    return part("emotivetalk_core.models.codebook").EmotionCodebook.load(path)


def heard(waveform: torch.Tensor, rate: int = 16_000, **options: Any) -> tuple[Any, str, str]:
    nodes = part("nodes.speech_emotion")
    (recogniser,) = nodes.LoadSpeechEmotion.execute(RECOGNISER).result
    audio = {"waveform": waveform, "sample_rate": rate}
    return nodes.HearEmotion.execute(recogniser, audio, CODEBOOK, **options).result


def check_the_node_hears_what_the_core_hears() -> None:
    speech = bundled_speech()
    expected = core_recogniser().recognise(speech)
    blend = part("emotivetalk_core.models.speech_emotion").blend_emotion(expected, codebook(), 1.3)
    emotion, told, keyword = heard(speech.samples[None, None], intensity=1.3)
    torch.testing.assert_close(emotion.values, blend.values, rtol=1e-4, atol=1e-5)
    assert keyword == expected.name and emotion.name == expected.description
    lines = told.splitlines()
    assert lines[0] == expected.description and len(lines) == 9, told
    assert {line.split()[0] for line in lines[1:]} == set(part("emotivetalk_core.types").EMOTIONS)


def check_a_keyword_is_the_codebooks_own_latent() -> None:
    speech = bundled_speech()
    emotion, _, keyword = heard(speech.samples[None, None], mode="keyword", intensity=0.5)
    torch.testing.assert_close(emotion.values, codebook().lookup(keyword, 0.5))
    assert emotion.name == keyword


def shares(told: str) -> torch.Tensor:
    """All eight as they stand in the text, in their order by name."""
    return torch.tensor([float(line.split()[1].rstrip("%")) / 100 for line in sorted(told.splitlines()[1:])])


def check_rate_channels_and_loudness_change_little_and_a_batch_is_one_emotion() -> None:
    """The same speech in stereo, at a tenth of its loudness and twice in a batch; and at 48 kHz, which the host's
    resampling dulls at the upper end.
    """
    speech = bundled_speech().samples
    whole = shares(heard(speech[None, None])[1])
    tripled = 3 * torch.fft.irfft(torch.fft.rfft(speech), 3 * len(speech))[None, None]
    for waveform, rate, most in (
        (0.1 * speech.expand(1, 2, -1), 16_000, 0.01),
        (speech.expand(2, 1, -1), 16_000, 0.01),
        (tripled, 48_000, 0.15),
    ):
        apart = float((shares(heard(waveform, rate)[1]) - whole).abs().max())
        assert apart < most, (apart, rate)


def check_the_recogniser_is_never_loaded_in_part() -> None:
    """WavLM's attention takes its weights past its layers, so that all of them must be where it computes."""
    import comfy.model_management
    import comfy.model_patcher

    (recogniser,) = part("nodes.speech_emotion").LoadSpeechEmotion.execute(RECOGNISER).result
    assert recogniser.whole and type(recogniser.patcher) is comfy.model_patcher.ModelPatcher
    network = recogniser.loaded()
    assert not any(hasattr(module, "comfy_cast_weights") for module in network.modules())
    assert {parameter.device for parameter in network.parameters()} == {recogniser.device}


def check_a_converted_public_folder_is_offered_and_says_what_it_cannot_hear() -> None:
    import folder_paths
    from transformers import WavLMConfig, WavLMForSequenceClassification

    labels = dict(enumerate(("neu", "hap", "ang", "sad")))
    shape = {"conv_dim": (16,) * 7, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = WavLMConfig(
        **shape, intermediate_size=32, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, id2label=labels
    )
    weights = part("nodes.weights")
    place = Path(folder_paths.get_folder_paths("emotivetalk")[0])
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as public:
        with torch.inference_mode(False):
            WavLMForSequenceClassification(config).save_pretrained(public)
        core = part("emotivetalk_core.models.speech_emotion")
        core.convert_speech_emotion(Path(public), place / "public_speech_emotion.safetensors")
    folder_paths.filename_list_cache.pop("emotivetalk", None)
    assert "public_speech_emotion.safetensors" in weights.choices(core.KIND)
    nodes = part("nodes.speech_emotion")
    (recogniser,) = nodes.LoadSpeechEmotion.execute("public_speech_emotion.safetensors").result
    audio = {"waveform": bundled_speech().samples[None, None, :32_000], "sample_rate": 16_000}
    _, told, keyword = nodes.HearEmotion.execute(recogniser, audio, CODEBOOK).result
    assert keyword in ("neutral", "happy", "angry", "sad")
    assert told.endswith(
        "This recogniser does not know surprised, fear, disgusted and worried, so it never hears them."
    )


def check_missing_sound_is_one_sentence() -> None:
    errors = part("emotivetalk_core.errors")
    nodes = part("nodes.speech_emotion")
    (recogniser,) = nodes.LoadSpeechEmotion.execute(RECOGNISER).result
    empty = {"waveform": torch.zeros(1, 1, 0), "sample_rate": 16_000}
    for audio, words in ((None, "No sound was given"), (empty, "The sound is empty")):
        try:
            nodes.HearEmotion.execute(recogniser, audio, CODEBOOK)
        except errors.InputError as fault:
            assert words in str(fault), fault
        else:
            raise AssertionError(f"{words}: nothing was said")
