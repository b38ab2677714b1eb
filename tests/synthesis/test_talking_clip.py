"""Clips drawn from a seed: exact lengths, determinism, disjoint splits, and the little set for looking at."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emotivetalk_core.errors import OutputError, SettingsError
from emotivetalk_core.synthesis.clip import IDENTITY_SEEDS, SAMPLES_PER_FRAME, TalkingClip, make_clip
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.preview import synthesize
from emotivetalk_core.synthesis.sentences import SENTENCE_LANGUAGES, test_sentences, train_sentences
from emotivetalk_core.synthesis.voices import VOICES_TEST, VOICES_TRAIN
from emotivetalk_core.types import EMOTIONS
from emotivetalk_core.video.writer import VideoWriter

ARRAYS = ("samples", "mouth", "action_units", "pose", "blink", "gaze")


def same(first: TalkingClip, second: TalkingClip, *names: str) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


@pytest.mark.parametrize("frames", [1, 40, 260])
def test_frames_are_exact(frames: int):
    clip = make_clip(5, frames=frames)
    assert clip.frames == frames and len(clip.samples) == frames * SAMPLES_PER_FRAME
    assert {len(getattr(clip, name)) for name in ARRAYS[1:]} == {frames}
    assert clip.phonemes[0].start == 0 and clip.phonemes[-1].end == pytest.approx(frames / 25)
    for event, following in itertools.pairwise(clip.phonemes):
        assert event.start < event.end == following.start
    assert np.abs(clip.samples).max() <= 1


def test_whole_sentences_end_on_a_frame():
    clip = make_clip(11)
    assert len(clip.samples) == clip.frames * SAMPLES_PER_FRAME
    assert clip.frames > 20 and clip.mouth[:, 0].max() > 0.5 and clip.mouth[0, 0] == clip.mouth[-1, 0] == 0


def test_a_seed_is_a_clip():
    first, again, other = make_clip(3), make_clip(3), make_clip(4)
    assert same(first, again, *ARRAYS) and first.identity == again.identity and first.phonemes == again.phonemes
    assert not np.array_equal(first.pose[:20], other.pose[:20])


def test_fixing_one_choice_leaves_the_others():
    person = sample_identity(12)
    free, angry = make_clip(21, "test", frames=50), make_clip(21, "test", frames=50, emotion="angry", identity=person)
    assert angry.emotion == "angry" and angry.identity == person
    assert same(free, angry, "pose", "gaze")  # blinks fall into the pauses, which anger shortens
    assert (free.voice, free.language) == (angry.voice, angry.language)
    assert free.text.split("\n")[0] == angry.text.split("\n")[0]


def test_splits_are_disjoint():
    for split, voices, sentences in (
        ("train", VOICES_TRAIN, train_sentences),
        ("test", VOICES_TEST, test_sentences),
    ):
        allowed = {text for language in SENTENCE_LANGUAGES for text in sentences(language)}
        for seed in range(12):
            clip = make_clip(seed, split, frames=30)
            assert IDENTITY_SEEDS[split][0] <= clip.identity.seed < IDENTITY_SEEDS[split][1]
            assert clip.voice in sum(voices, ()) and set(clip.text.split("\n")) <= allowed
    assert IDENTITY_SEEDS["train"][1] <= IDENTITY_SEEDS["test"][0]


def test_emotions_and_languages_all_occur():
    clips = [make_clip(seed, frames=1) for seed in range(120)]
    assert {clip.emotion for clip in clips} == set(EMOTIONS)
    assert {clip.language[:2] for clip in clips} == set(SENTENCE_LANGUAGES)
    assert all(0.6 <= clip.intensity <= 1 for clip in clips)


def test_frames_can_be_drawn():
    picture = make_clip(2, frames=3).render(1, size=64)
    assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8 and picture.std() > 10


def test_unknown_split_and_emotion():
    with pytest.raises(SettingsError, match="'train' or 'test'"):
        make_clip(1, "holdout")
    with pytest.raises(SettingsError, match="happy, angry"):
        make_clip(1, emotion="bored")


def test_synthesize_writes_videos_with_their_truth(tmp_path: Path):
    steps: list[tuple[int, int]] = []
    videos = synthesize(
        tmp_path / "set", clips=1, seed=6, size=64, open_video=VideoWriter, on_step=lambda *step: steps.append(step)
    )
    assert steps == [(1, 1)] and [video.name for video in videos] == ["clip_00.mp4"]
    truth = json.loads(videos[0].with_suffix(".json").read_text(encoding="utf-8"))
    clip = make_clip(6_000, emotion=EMOTIONS[0])
    assert truth["emotion"] == "happy" and len(truth["frames"]) == clip.frames
    torch.testing.assert_close(
        torch.tensor([frame["mouth"] for frame in truth["frames"]]), torch.from_numpy(clip.mouth), atol=1e-4, rtol=0
    )
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["clip_00.json", "clip_00.mp4"]


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file"):
        synthesize(tmp_path / "file" / "set", clips=1, open_video=VideoWriter)
