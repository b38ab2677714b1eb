"""`talk` with the weights of DICE-Talk and Sonic, at a tiny size: the whole way from published files to a video."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photograph_tiny import TINY, publish
from tiny import write_wav

from emotivetalk_core.audio.files import read_speech
from emotivetalk_core.cli import main
from emotivetalk_core.conversion.photograph import convert_photograph
from emotivetalk_core.errors import InputError, WeightsError
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.face.regions import box_mask_around, face_regions
from emotivetalk_core.film.photograph_performance import photograph_talk
from emotivetalk_core.film.request import FilmRequest
from emotivetalk_core.models.photograph_set import is_photograph_folder, load_photograph_set
from emotivetalk_core.photograph_pipeline import (
    CROP_FACTOR,
    PhotographTalk,
    default_talk,
    prepare_photograph,
    render_photograph,
    sampled_frames,
    unfinished_photograph,
)
from emotivetalk_core.types import Emotion
from emotivetalk_core.video.reader import read_frames

PORTRAIT = Path(__file__).parents[2] / "emotivetalk_core" / "assets" / "portrait.png"
BOX = (30.0, 20.0, 90.0, 95.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> dict[str, Path]:
    folders = {}
    for kind in TINY:
        folder = tmp_path_factory.mktemp(kind)
        publish(kind, folder / "published")
        convert_photograph(kind, folder / "published", folder / "weights")
        folders[kind] = folder / "weights"
    return folders


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    time = np.arange(round(0.5 * 16_000)) / 16_000
    return write_wav(tmp_path_factory.mktemp("speech") / "speech.wav", 0.3 * np.sin(900 * time) * np.sin(12 * time))


def talk(weights: Path, recording: Path, out: Path, *more: str) -> int:
    box = ("--face-box", *(f"{value:g}" for value in BOX))
    files = ("--portrait", str(PORTRAIT), "--audio", str(recording), "--out", str(out))
    small = ("--resolution", "64", "--steps", "2", "--window", "5")
    how = ("--weights", str(weights), "--device", "cpu", "--crop", "--quiet")
    return main(["talk", *files, *small, *how, *box, *more])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("dice-talk", ("--emotion", "0.7 happy + 0.3 worried")),
        (
            "dice-talk",
            ("--timeline", "0 neutral; 50% text: absolutely furious", "--lip-guidance", "3", "--motion", "20"),
        ),
        ("sonic", ("--no-interpolation", "--lip-guidance", "4")),
    ],
)
def test_a_photograph_speaks(kind, options, weights, recording, tmp_path, capsys):
    out = tmp_path / "talk.mp4"
    assert talk(weights[kind], recording, out, *options) == 0
    printed = capsys.readouterr().out
    assert "13 frames, 0.52 s, 64x64" in printed  # 12.5 frames at 25 a second, the last not filled
    assert ("Worried is not among" in printed) == ("worried" in " ".join(options))
    assert len(list(read_frames(out))) == 13


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("dice-talk", ("--emotion", "image: smile.png"), "never published"),
        ("dice-talk", ("--timeline", "0 happy; 50% portrait"), "never published"),
        ("dice-talk", ("--driving-video", "film.mp4"), "--driving-video belongs to EmotiveTalk's own"),
        ("dice-talk", ("--head-pose", "sway"), "--head-pose belongs"),
        ("dice-talk", ("--overlap", "2"), "--overlap belongs"),
        ("dice-talk", ("--emotion", "smug"), "not in the codebook"),
        ("dice-talk", ("--emotion", "speech"), "no speech_emotion.safetensors"),
        ("sonic", ("--emotion", "happy"), "Sonic knows no emotions"),
    ],
)
def test_what_cannot_work_is_one_sentence(kind, options, said, weights, recording, tmp_path, capsys):
    assert talk(weights[kind], recording, tmp_path / "talk.mp4", *options) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_our_own_weights_refuse_its_options(recording, tmp_path, capsys):
    bundled = PORTRAIT.parent.parent / "weights" / "demo"
    for option in (
        ("--no-interpolation",),
        ("--lip-guidance", "2"),
        ("--picture-guidance", "2"),
        ("--emotion-strength", "1"),
    ):
        assert talk(bundled, recording, tmp_path / "talk.mp4", *option) == 2
        assert f"{option[0]} belongs to the weights of DICE-Talk and Sonic" in capsys.readouterr().err


@pytest.fixture(scope="module")
def given(recording):
    regions = face_regions(read_portrait(PORTRAIT), box=BOX, size=64, crop_factor=CROP_FACTOR)
    return read_speech(recording), regions


def test_emotion_and_strengths_reach_the_backbone(weights, given):
    models = load_photograph_set(weights["dice-talk"])
    speech, regions = given
    happy, sad = (models.codebook.lookup(name) for name in ("happy", "sad"))

    def tokens(emotion: torch.Tensor | None, **changes):
        talk = PhotographTalk(None if emotion is None else Emotion(emotion), **changes)
        return prepare_photograph(models, speech, regions, talk)

    one, other, none = tokens(happy), tokens(sad), tokens(None)
    sampled = sampled_frames(speech.frames)
    assert one.frames == sampled + 25
    assert torch.equal(one.tokens[0], other.tokens[0]) and not torch.allclose(one.tokens[1], other.tokens[1])
    assert torch.allclose(one.tokens[1][sampled:], none.tokens[1][sampled:], atol=1e-6)  # the silent tail feels nothing
    assert torch.equal(none.tokens[1], none.unsaid[1].expand_as(none.tokens[1]))
    course = torch.stack([happy if frame < 6 else sad for frame in range(speech.frames)])
    changing = tokens(course, lip_strength=0.5, emotion_strength=2.0)
    assert torch.allclose(changing.tokens[1][2], one.tokens[1][2], atol=1e-6)  # the third sampled is the fifth of 25
    assert torch.allclose(changing.tokens[1][3], other.tokens[1][3], atol=1e-6)
    assert changing.strengths == (0.5, 2.0)
    assert torch.equal(one.buckets, torch.tensor([[8.0, 16.0]]).expand(one.frames, -1))
    with pytest.raises(InputError, match="30 wide, but these weights take 12"):
        tokens(torch.zeros(30))
    with pytest.raises(InputError, match="changes over 5 frames"):
        tokens(course[:5])


def test_sonic_reads_its_motion_from_the_speech(weights, given):
    models = load_photograph_set(weights["sonic"])
    speech, regions = given
    video = prepare_photograph(models, speech, regions, PhotographTalk())
    assert video.frames == sampled_frames(speech.frames) and len(video.tokens) == 1 and video.face_guide is None
    assert video.buckets[:, 0].std() > 0
    told = prepare_photograph(models, speech, regions, PhotographTalk(motion=40.0))
    assert torch.equal(told.buckets[:, 0], torch.full((video.frames,), 40.0))
    assert torch.equal(told.buckets[:, 1], video.buckets[:, 1])
    with pytest.raises(InputError, match="know no emotion"):
        prepare_photograph(models, speech, regions, PhotographTalk(Emotion(torch.zeros(12))))


def test_frames_come_in_chunks_with_progress(weights, given):
    models = load_photograph_set(weights["sonic"])
    speech, regions = given
    own, told = default_talk(models), []
    assert (own.video.steps, own.video.picture_guidance, own.video.lip_guidance) == (25, 2.0, 7.5)
    talk = replace(own, video=replace(own.video, steps=2, window=5))
    video = prepare_photograph(models, speech, regions, talk)
    chunks = list(render_photograph(models, video, 13, talk, lambda *step: told.append(step)))
    film = torch.cat(chunks)
    assert film.shape == (13, 3, 64, 64) and film.min() >= 0 and film.max() <= 1
    assert told[-1] == ("decoding", 13, 13) and ("video", 1, 4) in told


@pytest.fixture(scope="module")
def in_one_go(weights, given):
    """What makes a film, and its frames when nothing stops it."""
    models = load_photograph_set(weights["dice-talk"])
    own = default_talk(models)
    talk = replace(own, video=replace(own.video, steps=3, window=16))  # 2 windows a step, for 7 frames and the silence
    video = prepare_photograph(models, *given, talk)
    return models, talk, video, in_bytes(render_photograph(models, video, 13, talk))


def in_bytes(chunks: Iterable[torch.Tensor]) -> torch.Tensor:
    return (torch.cat(list(chunks)) * 255).round()


@pytest.mark.parametrize(("stage", "last"), [("video", 3), ("video", 6), ("decoding", 12)])
def test_a_film_that_was_stopped_goes_on_and_is_the_same(stage, last, in_one_go, tmp_path):
    """In a step, after the last of them, and after its first frames."""
    models, talk, video, whole = in_one_go
    told: list[tuple[str, int]] = []

    def film(on_stage: Callable[[str, int, int], None]) -> torch.Tensor:
        state = unfinished_photograph(tmp_path, models, video, 13, talk)
        return in_bytes(render_photograph(models, video, 13, talk, on_stage, state))

    def stop(name: str, done: int, total: int) -> None:
        if (name, done) == (stage, last):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film(stop)
    again = film(lambda name, done, total: told.append((name, done)))
    assert torch.equal(again, whole)
    windows = [done for name, done in told if name == "video"]
    assert windows == {3: [2, 3, 4, 5, 6], 6: [4, 5, 6], 12: [6]}[last], "at most one step is lost"
    other = replace(talk, interpolate=False)
    assert not unfinished_photograph(tmp_path, models, video, 13, other).begun


def test_what_a_film_takes_is_told_before_and_its_state_goes_with_it(weights, recording, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = ("--portrait", str(PORTRAIT), "--audio", str(recording), "--out", str(tmp_path / "talk.mp4"))
    box = ("--face-box", *(f"{value:g}" for value in BOX))
    how = ("--weights", str(weights["sonic"]), "--device", "cpu", "--resolution", "64", "--steps", "2", "--window", "5")
    assert main(["talk", *files, *box, *how]) == 0
    said = capsys.readouterr().err
    assert re.search(
        r"13 frames, 2 windows × 2 steps × 3 forwards; about \S+ .B of memory, \S+ .B of disk space", said
    ), said
    assert re.search(r"About \S+ s for the 3 windows that are left", said), said
    assert list((tmp_path / "cache" / "emotivetalk" / "unfinished").iterdir()) == []
    monkeypatch.setattr("emotivetalk_core.film.performance.total_memory", lambda device: 10_000_000)
    assert main(["talk", *files, *box, *how]) == 2
    assert re.search("has 10 MB in all; (take another --device|give --window [1-4] or less)", capsys.readouterr().err)


def test_the_face_mask_is_a_box_a_tenth_larger():
    mask = torch.zeros(1, 40, 60)
    mask[0, 10:30, 20] = mask[0, 20, 20:40] = 1
    grown = box_mask_around(mask, 1.1)
    assert grown[0].any(0).nonzero().flatten().tolist() == list(range(19, 41))
    assert grown[0].any(1).nonzero().flatten().tolist() == list(range(9, 31))


def test_files_of_two_models_are_told_apart(weights, tmp_path):
    assert is_photograph_folder(weights["sonic"]) and not is_photograph_folder(
        PORTRAIT.parent.parent / "weights" / "demo"
    )
    for file in weights["sonic"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "photograph_encoders.safetensors").write_bytes(
        (weights["dice-talk"] / "photograph_encoders.safetensors").read_bytes()
    )
    with pytest.raises(WeightsError, match="not of the same model.*knows emotions"):
        load_photograph_set(tmp_path)
    (tmp_path / "whisper_encoder.safetensors").unlink()
    with pytest.raises(WeightsError, match="whisper_encoder.safetensors does not exist"):
        load_photograph_set(tmp_path)


def test_fast_takes_ten_steps_of_align_your_steps_and_no_deep_features(weights):
    models = load_photograph_set(weights["sonic"], torch.device("cpu"), torch.float32)
    own = default_talk(models).video
    assert own.steps > 10
    request = FilmRequest(PORTRAIT, "speech.wav", fast=True)
    assert photograph_talk(request, models, None).video == replace(own, steps=10, grid="ays")
    chosen = photograph_talk(replace(request, steps=12, grid="karras"), models, None).video
    assert (chosen.steps, chosen.grid) == (12, "karras")
