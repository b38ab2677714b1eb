"""The node that reads emotions from text, inside the host's own Python: it says what the core says."""

import torch
from custom_nodes_EmotiveTalk.emotivetalk_core.direction.text import retrieval_prompt
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.models.codebook import EmotionCodebook
from custom_nodes_EmotiveTalk.nodes.text_emotion import EmotionFromText
from custom_nodes_EmotiveTalk.nodes.weights import path_of

WEIGHTS = "demo/emotion_codebook.safetensors"


def check_a_sentence_becomes_the_codebooks_latent() -> None:
    emotion, keyword, timeline, prompt = EmotionFromText.execute(WEIGHTS, "slightly worried").result
    expected = EmotionCodebook.load(path_of(WEIGHTS)).lookup("worried", 0.4)
    torch.testing.assert_close(emotion.values, expected)
    assert (emotion.name, keyword, timeline) == ("worried", "worried", "0% worried 0.4")
    assert prompt == retrieval_prompt("slightly worried")


def check_several_clauses_become_a_timeline() -> None:
    _, keyword, timeline, _ = EmotionFromText.execute(WEIGHTS, "starts calm, then gets angry", 1.5).result
    assert (keyword, timeline) == ("neutral", "0% neutral 1.5\n50% angry 1.5")


def check_a_text_without_an_emotion_is_refused() -> None:
    try:
        EmotionFromText.execute(WEIGHTS, "a man in a red jacket")
    except EmotiveTalkError as error:
        message = str(error)
    else:
        raise AssertionError("the text was not refused")
    assert "\n" not in message and message.endswith(".") and "neutral" in message, message
