"""Blend Emotions, Emotion Intensity and Emotion Timeline inside the host's own Python, against closed forms.

Each `check_…` raises AssertionError where they disagree. Call them with the host importable, under
torch.inference_mode().
"""

import json
from types import SimpleNamespace
from typing import Any

import torch
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.models.codebook import EmotionCodebook
from custom_nodes_EmotiveTalk.emotivetalk_core.types import AudioFeatures, Emotion, MotionLatents
from custom_nodes_EmotiveTalk.nodes.hosted import to_host
from custom_nodes_EmotiveTalk.nodes.timeline import BlendEmotions, ScaleEmotion, Timeline
from custom_nodes_EmotiveTalk.nodes.v_aid import LoadVAID, SampleExpression
from custom_nodes_EmotiveTalk.nodes.weights import path_of

WEIGHTS = "demo/emotion_codebook.safetensors"
FRAMES = 100


def emotion(name: str, intensity: float = 1.0) -> torch.Tensor:
    return EmotionCodebook.load(path_of(WEIGHTS)).lookup(name, intensity)


def timeline(text: str, frames: int = FRAMES, **inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    Timeline.hidden = SimpleNamespace(prompt=None, extra_pnginfo=None)  # as a host without metadata has it
    found, plot = Timeline.execute(WEIGHTS, AudioFeatures(torch.zeros(frames, 10, 4)), text, **inputs).result
    return found.values.cpu(), plot


def same(one: torch.Tensor, other: torch.Tensor) -> None:
    assert torch.allclose(one.cpu(), other.expand_as(one), atol=1e-5), (one.cpu() - other).abs().max()


def refused(words: tuple[str, ...], call: Any, *given: Any, **inputs: Any) -> None:
    try:
        call(*given, **inputs)
    except EmotiveTalkError as error:
        message = str(error)
    else:
        raise AssertionError(f"nothing was said of {words}")
    assert "\n" not in message and all(word in message for word in words), message


def check_a_blend_is_the_mean_by_proportion() -> None:
    a, b, c = (Emotion(to_host(emotion(name)), name) for name in ("happy", "sad", "fear"))
    (found,) = BlendEmotions.execute(a, b, 3.0, 1.0).result
    same(found.values, 0.75 * emotion("happy") + 0.25 * emotion("sad"))
    assert found.name == "0.75 happy + 0.25 sad"
    (found,) = BlendEmotions.execute(a, b, 1.0, 1.0, emotion_d=c, weight_c=9.0, weight_d=2.0).result
    same(found.values, (emotion("happy") + emotion("sad") + 2 * emotion("fear")) / 4)
    refused(("weights", "0"), BlendEmotions.execute, a, b, 0.0, 0.0)


def check_intensity_goes_along_the_line_from_neutral() -> None:
    for intensity in (0.0, 0.6, 2.0):
        (found,) = ScaleEmotion.execute(Emotion(to_host(emotion("angry"))), WEIGHTS, intensity).result
        same(found.values, emotion("angry", intensity))
    refused(("5 wide",), ScaleEmotion.execute, Emotion(torch.zeros(5)), WEIGHTS, 1.0)


def check_a_timeline_gives_each_frame_its_emotion_and_a_plot() -> None:
    found, plot = timeline("0 happy\n2 0.5 sad + 0.5 a hold", emotion_a=Emotion(to_host(emotion("fear"))))
    same(found[:50], emotion("happy"))
    same(found[50:], (emotion("sad") + emotion("fear")) / 2)
    assert plot.shape == (1, 500, 1000, 3) and plot.std() > 0.01


def check_a_spoken_word_is_a_time() -> None:
    transcript = json.dumps([{"word": "but", "start": 1.0, "end": 1.2}, {"word": "why", "start": 1.2, "end": 2.0}])
    found, _ = timeline('0 happy\n"but" sad hold', transcript=transcript)
    same(found[:25], emotion("happy"))
    same(found[25:], emotion("sad"))
    audio = {"waveform": torch.zeros(1, 1, 4 * 16_000), "sample_rate": 16_000}
    audio["waveform"][..., 16_000:24_000] = 0.3 * torch.sin(torch.arange(8000) * 0.1)
    audio["waveform"][..., 40_000:48_000] = 0.3 * torch.sin(torch.arange(8000) * 0.1)
    found, _ = timeline('0 happy\n"second" sad hold', transcript="First. Second.", audio=audio)
    same(found[:61], emotion("happy"))
    same(found[64:], emotion("sad"))


def check_a_bad_timeline_says_where_and_why() -> None:
    refused(("Line 2", "grumpy"), timeline, "0 happy\n1 grumpy")
    refused(("Line 2", "emotion_b"), timeline, "0 happy\n1 b")
    refused(("Line 1", "4.00 s"), timeline, "9 happy")
    refused(("no files",), timeline, "0 image: /etc/passwd")
    refused(("no recordings",), timeline, "0 speech: /etc/passwd")
    refused(("needs the speech",), timeline, '"a" happy', transcript="a")
    short = {"waveform": torch.zeros(1, 1, 16_000), "sample_rate": 16_000}
    refused(("25 frames", "100"), timeline, "0 happy", audio=short)


def heard_by_the_sampler(frames: int) -> tuple[Any, AudioFeatures, MotionLatents]:
    """The bundled expression sampler, sounds and a face that it takes."""
    _, sampler = LoadVAID.execute("demo/lip_projector.safetensors", "demo/dicte.safetensors").result
    config = sampler.network.config
    features = AudioFeatures(torch.randn(frames, config.audio_window, config.audio_dim))
    face = MotionLatents(
        torch.zeros(1, 8), torch.zeros(1, config.expression_dim), torch.zeros(1, 6), torch.zeros(1, 6),
        torch.zeros(1, config.identity_dim),
    )  # fmt: skip
    return sampler, features, face


def check_the_expression_sampler_wants_a_frame_for_a_frame() -> None:
    given = heard_by_the_sampler(30)
    course, _ = timeline("0 happy\n50% sad", frames=30)
    (found,) = SampleExpression.execute(*given, Emotion(course), steps=2, guidance=1.0).result
    assert found.values.shape == (30, given[0].network.config.expression_dim) and torch.isfinite(found.values).all()
    refused(("29", "30"), SampleExpression.execute, *given, Emotion(course[:29]))


def check_expression_is_sampled_as_the_weights_say() -> None:
    """Where steps and guidance are left to the weights, those of the backbone in the same folder hold."""
    given = heard_by_the_sampler(10)
    assert (given[0].defaults.expression_steps, given[0].defaults.expression_guidance) == (25, 2.0)
    (left,) = SampleExpression.execute(*given, Emotion(emotion("sad")), seed=1).result
    (said,) = SampleExpression.execute(*given, Emotion(emotion("sad")), seed=1, steps=25, guidance=2.0).result
    (other,) = SampleExpression.execute(*given, Emotion(emotion("sad")), seed=1, steps=25, guidance=1.0).result
    assert torch.equal(left.values, said.values) and not torch.equal(left.values, other.values)
