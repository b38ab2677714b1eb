"""A film from Python: the README's lines, frames as they are saved, and requests that cannot work."""

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import TINY, write_wav

from emotivetalk_core import Direction, FilmRequest, Listener, load_models, make_film
from emotivetalk_core.cli.demo import ASSETS
from emotivetalk_core.errors import EmotiveTalkError, FaceError, OutputError, SettingsError, WeightsError
from emotivetalk_core.face.finder import photograph_faces
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.film.performance import talk_settings
from emotivetalk_core.film.request import LIMITS
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.sampling.video import VideoSamplingSettings
from emotivetalk_core.video.reader import read_frames, read_video_facts
from emotivetalk_core.video.writer import VideoWriter
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]
BOX = (80.0, 40.0, 180.0, 170.0)


@pytest.fixture(scope="module")
def models(tiny_weights):
    return load_models(tiny_weights, "cpu")


def request_of(portrait: Path, audio: Path, **more) -> FilmRequest:
    return FilmRequest(portrait, audio, **({"face_box": BOX, "resume": False} | more))


def test_the_lines_of_the_readme_make_a_film(tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"<!-- python -->\n```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "face.png").write_bytes((ASSETS / "portrait.png").read_bytes())
    write_wav(tmp_path / "speech.wav", 0.3 * np.sin(900 * np.arange(1200) / 16_000))
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    assert read_video_facts(tmp_path / "talk.mp4").frames == 2
    assert capsys.readouterr().out.splitlines() == ["torch.Size([1, 3, 512, 512])"] * 2


def test_frames_are_those_of_the_file_and_of_any_second_film(models, portrait_file, recording_file, tmp_path):
    film = make_film(request_of(portrait_file, recording_file, crop=True, seed=3), models)
    frames = torch.cat(list(film))
    assert frames.shape == (film.frame_count, 3, film.height, film.width) == (20, 3, 64, 64)
    saved = torch.stack(list(read_frames(film.save(tmp_path / "film.mkv"))))
    assert (saved - frames).abs().mean() < 0.05  # H.264 is not exact
    torch.testing.assert_close(torch.cat(list(film)), frames, rtol=0, atol=0)


def test_the_file_is_the_same_whether_frames_are_written_beside_or_between(
    models, portrait_file, recording_file, tmp_path
):
    """By one thread: beside each other, decoding has half of torch's, and other numbers of them round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        film = make_film(request_of(portrait_file, recording_file), models)
        apart, together = (film.save(tmp_path / f"{together}.mkv", together=together) for together in (False, True))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.stack(list(read_frames(apart))), torch.stack(list(read_frames(together))))


def test_a_full_disk_ends_the_decoding_and_leaves_no_file(models, portrait_file, recording_file, tmp_path, monkeypatch):
    def full(self: VideoWriter, frames: torch.Tensor) -> None:
        raise OutputError("full")

    film = make_film(request_of(portrait_file, recording_file), models)
    monkeypatch.setattr(VideoWriter, "write", full)
    chunks = iter(torch.zeros(1, 16, 3, 64, 64).expand(200, -1, -1, -1, -1))  # of as many frames as are decoded at once
    monkeypatch.setattr(type(film.performance), "crops", lambda *_, **__: chunks)
    monkeypatch.setattr(type(film.performance), "finished", lambda self, crops, *_: crops)
    with pytest.raises(OutputError, match="full"):
        film.save(tmp_path / "film.mp4")
    assert len(list(chunks)) > 190  # nearly all were not asked for any more
    assert list(tmp_path.iterdir()) == []


def test_a_box_is_enough_where_the_encoder_wants_eyes_and_mouth(models, portrait_file, recording_file):
    """As PD-FGC's does, of a folder that has no finder of its own: MTCNN sees them in the box."""
    encoder = MotionEncoder(replace(TINY.motion_encoder, aligned=True)).eval().requires_grad_(False)
    aligned = replace(models, motion_encoder=encoder)
    film = make_film(request_of(portrait_file, recording_file), aligned)
    (seen,) = photograph_faces(read_portrait(portrait_file).pixels)
    regions = film.performance.regions
    corner = torch.tensor([regions.record.left, regions.record.top])
    eyes_mouth = (torch.tensor(seen.eyes_mouth) - corner) * models.picture_size / regions.record.side
    torch.testing.assert_close(regions.eyes_mouth, eyes_mouth)
    assert next(iter(film)).isfinite().all()


def test_a_film_at_the_size_of_a_second_backbone_is_drawn_by_it(tiny_weights, portrait_file, recording_file, tmp_path):
    """Not enlarged, as it is where the folder holds none for that size."""
    weights = shutil.copytree(tiny_weights, tmp_path / "weights")
    defaults = replace(TINY.sampling, size=128)
    save_checkpoint(weights / "ethd_128.safetensors", "ethd", ETHD(TINY.ethd), TINY.ethd, {}, defaults=defaults)
    for folder, drawn in ((weights, 128), (tiny_weights, 64)):
        request = request_of(portrait_file, recording_file, weights=folder, resolution=128, crop=True, device="cpu")
        film = make_film(request)
        assert film.performance.drawn == drawn
        assert next(iter(film)).shape[-2:] == (128, 128)


def test_the_direction_is_followed(models, portrait_file, recording_file):
    def frames(direction: Direction) -> torch.Tensor:
        return torch.cat(list(make_film(request_of(portrait_file, recording_file, direction=direction), models)))

    still = frames(Direction())
    assert still.shape == (20, 3, 256, 256)
    assert not torch.equal(still, frames(Direction(head_pose="0 yaw=0; 0.5 yaw=12")))
    assert torch.equal(frames(Direction(emotion="happy")), frames(Direction(timeline="0 happy")))


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_numbers_off_their_scale_are_refused_by_name(name):
    asked = Direction if name in Direction.__dataclass_fields__ else partial(FilmRequest, "a.png", "b.wav")
    for value in (LIMITS[name][0] - 0.1, LIMITS[name][1] + 0.1, float("nan")):
        with pytest.raises(SettingsError, match=rf"^{name} is .* from .* to .* is expected\.$"):
            asked(**{name: value})


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"direction": Direction(emotion="happy", take="t.safetensors")}, SettingsError, "emotion and take all decide"),
        ({"direction": Direction(transcript="but")}, SettingsError, "transcript is for .*; add timeline"),
        ({"lip_guidance": 2.0}, SettingsError, "lip_guidance belongs to .* with weights"),
        ({"interpolate": False}, SettingsError, "interpolate=False belongs to"),
        ({"face_box": (0.0, 0.0, 9999.0, 10.0)}, FaceError, r"face_box=\(left, top, right, bottom\)"),
        ({"window": 4, "overlap": 4}, SettingsError, "overlap"),
        ({"fast": True, "overlap": 2}, SettingsError, "fast samples in windows without overlap, but overlap is given"),
    ],
)
def test_what_cannot_work_is_refused_in_the_words_of_python(models, portrait_file, recording_file, more, error, words):
    with pytest.raises(error, match=words) as caught:
        make_film(request_of(portrait_file, recording_file, **more), models)
    assert "--" not in str(caught.value)


def test_fast_is_what_its_settings_say_and_steps_that_are_named_go_before(models, portrait_file, recording_file):
    def sampled(**more) -> VideoSamplingSettings:
        return talk_settings(request_of(portrait_file, recording_file, **more), models).video

    own = sampled()
    assert own.steps == 2 and sampled(fast=True) == replace(own, steps=1, grid="ays", fusion="shifted")
    many = replace(models, defaults=replace(models.defaults, steps=25, grid="karras"))
    request = request_of(portrait_file, recording_file, fast=True)
    assert talk_settings(request, many).video == replace(own, steps=10, grid="ays", fusion="shifted", reuse=True)
    few = talk_settings(request_of(portrait_file, recording_file, fast=True, steps=6, grid="karras"), many).video
    assert few == replace(own, steps=6, grid="karras", fusion="shifted", reuse=True)
    film = make_film(request, models)
    assert sum(chunk.shape[0] for chunk in film) == film.frame_count


def test_weights_that_are_not_there(portrait_file, recording_file, tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        make_film(request_of(portrait_file, recording_file, weights=tmp_path / "gone"))


def test_what_a_film_is_made_from_is_never_replaced(models, portrait_file, recording_file, tmp_path):
    face, voice = shutil.copy(portrait_file, tmp_path / "face.png"), tmp_path / "voice.mp4"
    shutil.copy(recording_file, voice)
    before = face.read_bytes(), voice.read_bytes()
    film = make_film(request_of(face, voice, crop=True), models)
    with pytest.raises(OutputError, match=r"voice\.mp4: the video would overwrite .* name with save\(path\)"):
        film.save(voice)
    with pytest.raises(OutputError, match="face.png: this would overwrite"):
        make_film(request_of(face, voice, direction=Direction(emotion="happy", plot=face)), models)
    assert (face.read_bytes(), voice.read_bytes()) == before


def test_whoever_listens_may_stop_it(models, portrait_file, recording_file):
    class Impatient(Listener):
        def __call__(self, stage: str, done: int, total: int) -> None:
            if stage == "video":
                raise EmotiveTalkError("enough")

    film = make_film(request_of(portrait_file, recording_file), models, Impatient())
    with pytest.raises(EmotiveTalkError, match="enough"):
        next(iter(film))


def test_a_plot_alone_is_no_film(models, portrait_file, recording_file, tmp_path):
    direction = Direction(emotion="happy", plot=tmp_path / "plot.png", plot_only=True)
    with pytest.raises(SettingsError, match="plot_only"):
        make_film(request_of(portrait_file, recording_file, direction=direction), models)
    assert (tmp_path / "plot.png").is_file()
