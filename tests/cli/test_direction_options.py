"""`talk`'s options for emotion and movement, with tiny untrained networks: what they set, and what they refuse."""

import shutil
from pathlib import Path

import cv2
import pytest
import torch

from emotivetalk_core.audio.files import read_speech
from emotivetalk_core.cli import main
from emotivetalk_core.direction.retime import WAYS, retime
from emotivetalk_core.direction.take import Take
from emotivetalk_core.errors import InputError, WeightsError
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.film.files import write_picture
from emotivetalk_core.film.film import find_face, load_models
from emotivetalk_core.film.listener import Listener
from emotivetalk_core.film.performance import EmotiveTalkPerformer
from emotivetalk_core.film.request import RETIME, Direction, FilmRequest
from emotivetalk_core.film.script import read_script
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.speech_emotion import SpeechEmotionConfig, SpeechEmotionRecogniser
from emotivetalk_core.pipeline import TalkSettings, read_face
from emotivetalk_core.plot import HEIGHT, WIDTH
from emotivetalk_core.types import EMOTIONS, Emotion, ExpressionLatents
from emotivetalk_core.video.writer import VideoWriter
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS


@pytest.fixture(scope="module")
def stage(portrait_file, recording_file, tiny_weights):
    """What a script is directed with: models, speech, the portrait's face."""
    models = load_models(tiny_weights, "cpu")
    request = FilmRequest(portrait_file, recording_file)
    performer = EmotiveTalkPerformer(read_script(request), models)
    return models, read_speech(recording_file), find_face(request, read_portrait(portrait_file), performer)


def directed(direction: Direction, models, speech, regions, listener: Listener | None = None) -> TalkSettings:
    script = read_script(FilmRequest("face.png", "speech.wav", direction=direction))
    performance = EmotiveTalkPerformer(script, models).direct(speech, regions, listener or Listener())
    assert performance is not None
    return performance.settings


def emotion_of(stage, **chosen) -> torch.Tensor:
    settings = directed(Direction(**chosen), *stage)
    assert isinstance(settings.emotion, Emotion)
    return settings.emotion.values


def test_the_ways_of_retiming_are_the_cores():
    assert RETIME == WAYS


def test_without_a_word_the_portraits_own_emotion_stays(stage):
    settings = directed(Direction(), *stage)
    assert settings.emotion is None and settings.expression is None and settings.head_pose is None


def test_keyword_blend_and_intensity(stage):
    book: EmotionCodebook = stage[0].codebook
    torch.testing.assert_close(emotion_of(stage, emotion="happy"), book.lookup("happy"))
    torch.testing.assert_close(emotion_of(stage, emotion="Angry 0.5", intensity=0.8), book.lookup("angry", 0.4))
    mixed = 0.25 * book.lookup("sad") + 0.75 * book.lookup("fear")
    torch.testing.assert_close(emotion_of(stage, emotion="1 sad + 3 fear"), mixed)


def test_the_portrait_and_its_own_file_as_a_picture_say_the_same(stage, portrait_file):
    own = read_face(stage[0], stage[2]).expression[0]
    torch.testing.assert_close(emotion_of(stage, emotion="portrait"), own)
    torch.testing.assert_close(emotion_of(stage, emotion=f"image: {portrait_file}"), own)
    neutral = stage[0].codebook.lookup("neutral")
    torch.testing.assert_close(emotion_of(stage, intensity=0.5), (own + neutral) / 2)


def test_a_timeline_gives_an_emotion_for_each_frame_by_file_and_by_text(stage, tmp_path):
    text = '0 happy\n"world" sad hold\n'
    file = tmp_path / "course.txt"
    file.write_text(text, encoding="utf-8")
    transcript = '[{"word": "world", "start": 0.4, "end": 0.6}]'
    book = stage[0].codebook
    for timeline in (str(file), text, '0 happy; "world" sad hold'):
        found = emotion_of(stage, timeline=timeline, transcript=transcript)
        assert found.shape == (20, 6)
        torch.testing.assert_close(found[:10], book.lookup("happy").expand(10, -1))
        torch.testing.assert_close(found[10:], book.lookup("sad").expand(10, -1))


def test_guidance_reaches_the_settings(stage):
    assert directed(Direction(emotion_guidance=3.5), *stage).expression_guidance == 3.5


def test_speech_is_heard_and_its_probabilities_are_said(stage):
    from dataclasses import replace

    models, *others = stage
    with pytest.raises(WeightsError, match="speech_emotion"):
        directed(Direction(emotion="speech"), *stage)
    torch.manual_seed(3)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    small = {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 8}
    config = SpeechEmotionConfig(conv_dim=(8,) * 7, **shape, **small)
    recogniser = SpeechEmotionRecogniser(config).eval().requires_grad_(False)
    listener, ears = Listener(), replace(models, speech_emotion=lambda: recogniser)
    settings = directed(Direction(emotion="speech"), ears, *others, listener)
    heard = recogniser.recognise(others[0]).probabilities
    mixed = (heard - heard.max() / 2).clamp_min(0)
    latents = torch.stack([models.codebook.lookup(name) for name in EMOTIONS])
    torch.testing.assert_close(settings.emotion.values, mixed / mixed.sum() @ latents)
    (said,) = listener.notes
    assert all(name in said for name in EMOTIONS) and "%" in said


def test_another_codebook_takes_the_weights_own_place(stage, tmp_path):
    own = EmotionCodebook(torch.randn(2, 6), ("neutral", "smug"))
    own.save(tmp_path / "own.safetensors")
    chosen = Direction(emotion="smug 0.5", codebook=tmp_path / "own.safetensors")
    found = directed(chosen, *stage).emotion.values
    torch.testing.assert_close(found, own.latents.mean(0))
    EmotionCodebook(torch.zeros(1, 5), ("neutral",)).save(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="5 wide.*6"):
        directed(Direction(codebook=tmp_path / "other.safetensors"), *stage)


def test_head_poses_are_as_long_as_the_speech(stage, tmp_path):
    file = tmp_path / "head.txt"
    file.write_text("0 yaw=0\n0.5 yaw=10\n", encoding="utf-8")
    turned = directed(Direction(head_pose=str(file)), *stage).head_pose.values
    assert turned.shape == (20, 6) and turned[-1, 0] > 0.1
    assert directed(Direction(head_pose="sway"), *stage).head_pose.values.std(0)[0] > 0


def test_a_take_takes_the_place_of_sampling(stage, tmp_path):
    kept = torch.randn(7, 6)
    Take(ExpressionLatents(kept)).save(tmp_path / "take.safetensors")
    for how in RETIME:
        found = directed(Direction(take=tmp_path / "take.safetensors", retime=how), *stage).expression.values
        torch.testing.assert_close(found, retime(kept, 20, how))
    Take(ExpressionLatents(torch.randn(7, 9))).save(tmp_path / "wide.safetensors")
    with pytest.raises(InputError, match="9 wide.*6"):
        directed(Direction(take=tmp_path / "wide.safetensors"), *stage)


def test_a_driving_video_gives_its_expression(stage, photograph, tmp_path):
    still = torch.from_numpy(photograph).permute(2, 0, 1).float() / 255
    with VideoWriter(tmp_path / "drive.mp4", width=256, height=256) as video:
        video.write(still.expand(8, -1, -1, -1))
    found = directed(Direction(driving_video=tmp_path / "drive.mp4", retime="loop"), *stage).expression
    assert found.values.shape == (20, 6)
    assert found.values.std(0).max() < 0.1 * found.values.abs().max()  # a face that holds still


def write_video(path: Path, picture: torch.Tensor) -> Path:
    with VideoWriter(path, width=256, height=256) as video:
        video.write(picture.expand(4, -1, -1, -1))
    return path


def test_a_take_and_a_video_are_cut_unless_another_way_is_named(stage, tmp_path):
    kept = torch.randn(30, 6)
    Take(ExpressionLatents(kept)).save(tmp_path / "take.safetensors")
    found = directed(Direction(take=tmp_path / "take.safetensors"), *stage).expression.values
    torch.testing.assert_close(found, kept[:20])


@pytest.fixture
def talk(portrait_file, recording_file, tiny_weights, tmp_path) -> list[str]:
    given = ["--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    return ["talk", *given, "--device", "cpu", "--quiet", "--out", str(tmp_path / "talk.mp4")]


def test_the_plot_comes_before_the_video_and_may_be_all(talk, tmp_path, capsys):
    plot = tmp_path / "plot.png"
    assert main([*talk, "--timeline", "starts calm, then gets angry", "--plot", str(plot), "--plot-only"]) == 0
    assert cv2.imread(str(plot)).shape == (HEIGHT, WIDTH, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["plot.png"]
    assert str(plot) in capsys.readouterr().out


def test_a_kept_take_played_again_is_the_same_expression(talk, tmp_path, capsys):
    first, again = tmp_path / "first.safetensors", tmp_path / "again.safetensors"
    assert main([*talk, "--emotion", "happy", "--seed", "4", "--save-take", str(first)]) == 0
    assert main([*talk, "--take", str(first), "--save-take", str(again), "--plot", str(tmp_path / "p.png")]) == 0
    kept, played = Take.load(first), Take.load(again)
    assert kept.record.seed == 4 and kept.record.emotion == "happy"
    assert kept.frames == 20 and kept.lips is not None
    torch.testing.assert_close(kept.expression.values, played.expression.values)
    assert (tmp_path / "talk.mp4").exists() and (tmp_path / "p.png").exists()


def assert_refused(arguments: list[str], folder: Path, capsys, *words: str) -> None:
    before = sorted(folder.iterdir())
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    for word in words:
        assert word in said, said
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "more,words",
    [
        (("--emotion", "happy", "--timeline", "0 sad"), ("--emotion and --timeline",)),
        (("--emotion", "happy 3"), ("0 to 2",)),
        (("--emotion", "very happy"), ("text: very happy",)),
        (("--emotion", "text: brick"), ("brick", "neutral")),
        (("--emotion", "image: gone.png"), ("The picture gone.png does not exist",)),
        (("--emotion", "speech: gone.wav"), ("gone.wav",)),
        (("--timeline", "gone.txt"), ("gone.txt", "does not exist")),
        (("--timeline", "0 happy; 9 sad"), ("Line 1", "9", "0.80 s")),
        (("--timeline", '0 happy; "but" sad'), ("Line 1", '"but"', "--transcript")),
        (("--timeline", "mytimeline"), ("no file mytimeline", "No emotion was understood")),
        (("--timeline", '0 happy; "but" sad', "--transcript", "butter and bread"), ("but", "butter")),
        (("--timeline", "0 grumpy"), ("Line 1", "grumpy")),
        (("--timeline", "0 sad", "--transcript", "..."), ("no words",)),
        (("--transcript", "but"), ("--transcript", "--timeline")),
        (("--transcript", "but", "--take", "a.safetensors", "--plot", "p.png"), ("--transcript", "--timeline")),
        (("--emotion-guidance", "2", "--take", "a.safetensors"), ("--emotion-guidance", "--take")),
        (("--emotion-guidance", "2", "--driving-video", "b.mp4"), ("--emotion-guidance", "--driving-video")),
        (("--retime", "trim"), ("--retime", "driving video or a take", "leave it out")),
        (("--retime", "loop", "--emotion", "happy"), ("--retime",)),
        (("--emotion-guidance", "11"), ("guidance", "10")),
        (("--plot-only",), ("--plot",)),
        (("--plot", "p.png", "--plot-only", "--save-take", "t.safetensors"), ("--plot-only", "--save-take")),
        (("--plot", "plot.jpg"), ("plot.jpg", ".png")),
        (("--plot", "no/where/plot.png"), ("no/where",)),
        (("--save-take", "take.pt"), ("take.pt", ".safetensors")),
        (("--take", "gone.safetensors"), ("gone.safetensors",)),
        (("--take", "a.safetensors", "--driving-video", "b.mp4"), ("--driving-video and --take",)),
        (("--driving-video", "gone.mp4"), ("gone.mp4",)),
        (("--retime", "sideways"), ("sideways", "stretch")),
        (("--head-pose", "gone.txt"), ("gone.txt",)),
        (("--head-pose", "nod"), ("nod",)),
        (("--head-pose", "gone.MPG"), ("no such video",)),
        (("--head-pose", "gone.m2ts"), ("no such video",)),
        (("--codebook", "gone.safetensors"), ("gone.safetensors",)),
    ],
)
def test_bad_direction(talk, tmp_path, capsys, more, words):
    assert_refused([*talk, *more], tmp_path, capsys, *words)


def test_a_transcript_without_a_timeline_is_drawn_into_the_plot(talk, tmp_path):
    plots = [tmp_path / f"{name}.png" for name in ("without", "with")]
    for plot, more in zip(plots, ([], ["--transcript", "good day"])):
        assert main([*talk, "--emotion", "happy", "--plot", str(plot), "--plot-only", *more]) == 0
    assert plots[0].read_bytes() != plots[1].read_bytes()


def test_only_what_may_be_the_name_of_a_file_is_said_to_be_missing(talk, tmp_path, capsys):
    course = tmp_path / "course"
    course.write_text("blah", encoding="utf-8")
    for timeline, words in (("blah blah", "No emotion was understood"), (str(course), "No emotion was understood")):
        assert main([*talk, "--timeline", timeline]) == 2
        said = capsys.readouterr().err
        assert "no file" not in said and words in said


def test_a_picture_or_a_video_without_a_face_asks_for_another(talk, tmp_path, capsys):
    grey = torch.full((3, 256, 256), 0.5)
    write_picture(grey, tmp_path / "grey.png")
    write_video(tmp_path / "grey.mp4", grey)
    for more, kind in (
        (("--emotion", f"image: {tmp_path / 'grey.png'}"), "picture"),
        (("--head-pose", str(tmp_path / "grey.mp4")), "video"),
    ):
        models = ("--weights", str(BUNDLED_WEIGHTS)) if kind == "video" else ()  # the tiny ones read no head
        assert main([*talk, *more, *models]) == 2
        said = capsys.readouterr().err
        assert f"grey.{more[1][-3:]}: no face was found" in said.replace(": No", ": no") and said.count("\n") == 1
        assert f"give a {kind} that shows a face from the front." in said
        assert "box" not in said and "mask" not in said


def test_a_file_that_is_none_says_what_was_asked_for(talk, tmp_path, capsys):
    notes, take, book = tmp_path / "notes.txt", tmp_path / "take.safetensors", tmp_path / "book.safetensors"
    notes.write_text("a text and no take", encoding="utf-8")
    Take(ExpressionLatents(torch.randn(7, 6))).save(take)
    EmotionCodebook(torch.randn(2, 6), ("neutral", "smug")).save(book)
    for option, file, fault, wanted in (
        ("--take", notes, "is not a safetensors file", "a take that was saved with --save-take."),
        ("--take", book, "holds the network emotion_codebook, not a take", "a file that holds one."),
        ("--codebook", notes, "is not a safetensors file", "a codebook that was made with `codebook build`."),
        ("--codebook", take, "holds the take network", "a codebook that was made with `codebook build`."),
        ("--codebook", tmp_path / "gone", "gone does not exist", "a codebook that was made with `codebook build`."),
    ):
        assert_refused([*talk, option, str(file)], tmp_path, capsys, file.name, fault, f"; give {wanted}")


def test_what_sources_name_is_never_replaced(talk, tmp_path, capsys):
    picture, voice = tmp_path / "smile.png", tmp_path / "voice.mp4"
    shutil.copy(talk[2], picture)
    shutil.copy(talk[4], voice)
    course = tmp_path / "course.txt"
    course.write_text(f"0 neutral\n50% 1 happy + 2 image: {picture}\n", encoding="utf-8")
    talk = talk[: talk.index("--out")]
    before = picture.read_bytes(), voice.read_bytes()
    for more in (
        ("--emotion", f"image: {picture}", "--plot", str(picture)),
        ("--timeline", f'0 happy; 0.4 image: "{picture}" 0.5', "--plot", str(tmp_path / "." / "smile.png")),
        ("--timeline", str(course), "--plot", str(picture)),
        ("--emotion", f"speech: {voice}", "--out", str(voice)),
    ):
        out = () if "--out" in more else ("--out", str(tmp_path / "talk.mp4"))
        assert_refused([*talk, *more, *out], tmp_path, capsys, more[3].rpartition("/")[2], "would overwrite")
        assert (picture.read_bytes(), voice.read_bytes()) == before


def test_a_timeline_that_is_no_text(talk, tmp_path, capsys):
    file = tmp_path / "course.txt"
    file.write_bytes(b"\xff\xfe\x00\x81" * 10)
    assert_refused([*talk, "--timeline", str(file)], tmp_path, capsys, "course.txt", "UTF-8")


def test_inputs_are_never_replaced_by_a_plot_or_a_take(talk, tmp_path, capsys):
    take = tmp_path / "take.safetensors"
    Take(ExpressionLatents(torch.randn(7, 6))).save(take)
    assert_refused([*talk, "--take", str(take), "--save-take", str(take)], tmp_path, capsys, "take.safetensors")
    picture = tmp_path / "face.png"
    shutil.copy(talk[2], picture)
    talk[2] = str(picture)
    assert_refused([*talk, "--plot", str(picture)], tmp_path, capsys, "face.png")
