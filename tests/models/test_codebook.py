import pytest
import torch

from emotivetalk_core.errors import SettingsError, WeightsError
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.types import EMOTIONS


def codebook() -> EmotionCodebook:
    return EmotionCodebook(torch.randn(8, 30, generator=torch.Generator().manual_seed(0)), EMOTIONS)


def test_it_comes_back_from_its_file(tmp_path):
    book = codebook()
    book.save(tmp_path / "emotion_codebook.safetensors")
    loaded = EmotionCodebook.load(tmp_path / "emotion_codebook.safetensors")
    assert loaded.names == EMOTIONS and torch.equal(loaded.latents, book.latents)


def test_intensity_runs_from_the_neutral_face_through_the_emotion():
    book = codebook()
    happy, neutral = book.latents[0], book.latents[7]
    torch.testing.assert_close(book.lookup("happy", 0.0), neutral)
    torch.testing.assert_close(book.lookup("happy"), happy)
    torch.testing.assert_close(book.lookup("happy", 2.0), 2 * happy - neutral)
    torch.testing.assert_close(book.lookup("neutral", 2.0), neutral)


def test_spelling_is_forgiven_where_the_meaning_is_clear():
    book = codebook()
    assert torch.equal(book.lookup("fearful"), book.lookup("fear"))
    assert torch.equal(book.lookup(" Happy "), book.lookup("happy"))


def test_an_unknown_emotion_lists_the_eight():
    with pytest.raises(SettingsError) as error:
        codebook().lookup("bored")
    assert all(name in str(error.value) for name in ("'bored'", *EMOTIONS))


@pytest.mark.parametrize("intensity", [-1.0, float("nan"), float("inf")])
def test_an_impossible_intensity_is_refused(intensity):
    with pytest.raises(SettingsError, match="intensity"):
        codebook().lookup("happy", intensity)


def test_latents_and_names_must_agree():
    with pytest.raises(WeightsError, match=r"\[7, 30\]"):
        EmotionCodebook(torch.zeros(7, 30), EMOTIONS)
