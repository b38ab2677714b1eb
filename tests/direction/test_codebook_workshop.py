"""Codebooks built, edited, merged and looked at: in closed form, on folders of pictures, and on the command line."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from emotivetalk_core.cli import main
from emotivetalk_core.direction.codebook_build import (
    LabelledPicture,
    ReadFaces,
    build_codebook,
    label_of,
    labelled_pictures,
    picture_labels,
    read_labelled,
)
from emotivetalk_core.direction.codebook_sheet import contact_sheet, draw_codebook
from emotivetalk_core.errors import FaceError, InputError, NumericalError, SettingsError, WeightsError
from emotivetalk_core.face.sequence import FacePlace
from emotivetalk_core.models.codebook import EmotionCodebook, merge
from emotivetalk_core.types import EMOTIONS, Portrait


def codebook(seed: int = 0, names: tuple[str, ...] = EMOTIONS, width: int = 30) -> EmotionCodebook:
    return EmotionCodebook(torch.randn(len(names), width, generator=torch.Generator().manual_seed(seed)), names)


# ---- edits


def test_strengthening_moves_one_emotion_along_its_line_from_neutral():
    book = codebook()
    stronger = book.strengthened("fearful", 1.5)
    torch.testing.assert_close(stronger.lookup("fear"), book.lookup("fear", 1.5))
    for name in set(EMOTIONS) - {"fear"}:
        assert torch.equal(stronger.lookup(name), book.lookup(name))


def test_replacing_takes_a_new_latent_under_an_old_or_a_new_name():
    book, latent = codebook(), torch.full((30,), 0.25)
    assert torch.equal(book.replaced("Anger", latent).lookup("angry"), latent)
    longer = book.replaced("smug", latent)
    assert longer.names == (*EMOTIONS, "smug") and torch.equal(longer.lookup("smug"), latent)
    assert torch.equal(book.replaced("neutral", latent).lookup("happy", 0.0), latent)


def test_renaming_and_dropping_leave_the_other_latents():
    book = codebook()
    renamed = book.renamed("worried", "uneasy")
    assert "worried" not in renamed.names and torch.equal(renamed.latents, book.latents)
    shorter = book.without("sad")
    assert shorter.names == tuple(name for name in EMOTIONS if name != "sad")
    assert all(torch.equal(shorter.lookup(name), book.lookup(name)) for name in shorter.names)


@pytest.mark.parametrize(
    ("edit", "error", "words"),
    [
        (lambda book: book.strengthened("neutral", 2.0), SettingsError, "neutral"),
        (lambda book: book.strengthened("bored", 2.0), SettingsError, "worried"),
        (lambda book: book.strengthened("sad", -1.0), SettingsError, "-1"),
        (lambda book: book.replaced("sad", torch.zeros(6)), InputError, "30 wide"),
        (lambda book: book.replaced("sad", torch.full((30,), float("nan"))), InputError, "finite"),
        (lambda book: book.replaced("two words", torch.zeros(30)), SettingsError, "'two words'"),
        (lambda book: book.replaced("speech", torch.zeros(30)), SettingsError, "portrait"),
        (lambda book: book.renamed("sad", "happy"), SettingsError, "already"),
        (lambda book: book.renamed("sad", "joy"), SettingsError, "'happy'"),
        (lambda book: book.renamed("sad", "0.7"), SettingsError, "'0.7'"),
        (lambda book: book.renamed("neutral", "calm"), SettingsError, "neutral"),
        (lambda book: book.without("neutral"), SettingsError, "neutral"),
        (lambda book: book.without("bored"), SettingsError, "worried"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_in_one_sentence(edit, error, words):
    with pytest.raises(error) as refused:
        edit(codebook())
    message = str(refused.value)
    assert words in message and message.endswith(".") and "\n" not in message


def test_a_codebook_without_neutral_or_with_holes_is_refused():
    with pytest.raises(WeightsError, match="neutral"):
        EmotionCodebook(torch.zeros(1, 4), ("happy",))
    with pytest.raises(WeightsError, match="2 names"):
        EmotionCodebook(torch.zeros(2, 4), ("neutral", "neutral"))
    with pytest.raises(WeightsError, match="finite"):
        EmotionCodebook(torch.full((1, 4), float("inf")), ("neutral",))


def test_merging_is_the_weighted_mean_of_those_who_know_the_name():
    first, second = codebook(1), codebook(2, ("neutral", "happy", "smug"))
    merged = merge([first, second], [1.0, 3.0])
    assert merged.names == (*EMOTIONS, "smug")
    torch.testing.assert_close(merged.lookup("happy"), 0.25 * first.lookup("happy") + 0.75 * second.lookup("happy"))
    assert torch.equal(merged.lookup("angry"), first.lookup("angry"))
    assert torch.equal(merged.lookup("smug"), second.lookup("smug"))
    torch.testing.assert_close(merge([first, second], [0.2, 0.6]).latents, merged.latents)
    torch.testing.assert_close(merge([first, second], [2.0, 0.0]).latents, first.latents)


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [1.0, -1.0], [1.0, float("nan")]])
def test_weights_that_cannot_merge_are_refused(weights):
    with pytest.raises(SettingsError, match="weights"):
        merge([codebook(1), codebook(2)], weights)


def test_codebooks_of_two_models_do_not_merge():
    with pytest.raises(InputError, match="6 and 30 wide"):
        merge([codebook(), codebook(width=6)], [1, 1])


def test_distances_are_root_mean_squares():
    book = EmotionCodebook(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), ("neutral", "happy"))
    torch.testing.assert_close(book.distances(), torch.tensor([[0.0, 12.5**0.5], [12.5**0.5, 0.0]]))


# ---- pictures


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("happy", "happy"),
        ("Happiness", "happy"),
        ("anger_003.png", "angry"),
        ("fearful-2.jpg", "fear"),
        ("sad01.png", "sad"),
        ("surprised (2).png", "surprised"),
        ("saddle.png", None),
        ("fearless.png", None),
        ("not happy.png", None),
        ("", None),
    ],
)
def test_a_label_is_the_word_that_a_name_begins_with(text, emotion):
    assert label_of(text) == emotion


def write_picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 40, 3), grey, np.uint8))


def brightness(portrait: Portrait, place: FacePlace) -> torch.Tensor:
    """A reader of faces whose every answer is known: how bright the picture is; a black one shows no face."""
    mean = portrait.pixels.mean()
    if mean == 0:
        raise FaceError("No face was found: give a brighter picture.")
    return torch.stack([mean, -mean])


def test_a_folder_of_pictures_becomes_the_mean_of_each_emotion(tmp_path):
    for name, grey in {"happy/a.png": 102, "happy/deep/b.png": 204, "Neutral_1.png": 51, "anger-1.png": 255}.items():
        write_picture(tmp_path / name, grey)
    write_picture(tmp_path / "happy/dark.png", 0)
    (tmp_path / "happy/broken.png").write_text("no picture")
    (tmp_path / "happy/notes.txt").write_text("passed over")
    write_picture(tmp_path / "bored/a.png", 9)
    pictures, notes = labelled_pictures(tmp_path)
    assert len(pictures) == 6 and notes == ["bored: its name begins with no emotion, so it was left out."]
    steps = []
    faces = read_labelled(pictures, brightness, lambda done, total: steps.append((done, total)))
    assert steps == [(done, 6) for done in range(1, 7)]
    assert len(faces.notes) == 2 and all(note.endswith(".") for note in faces.notes)
    assert any("dark.png" in note and "No face" in note for note in faces.notes)
    assert any("broken.png" in note for note in faces.notes)

    built = build_codebook(faces)
    assert built.codebook.names == ("happy", "angry", "neutral") and dict(built.counts)["happy"] == 2
    torch.testing.assert_close(built.codebook.lookup("happy"), torch.tensor([0.6, -0.6]))
    assert built.missing == ("sad", "surprised", "fear", "disgusted", "worried") and built.from_base == ()
    assert "happy 2" in built.describe() and "worried" in built.describe()


def test_what_has_no_pictures_comes_from_the_base():
    base = codebook(3, (*EMOTIONS, "smug"), 2)
    built = build_codebook(ReadFaces({"sad": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}), base)
    assert built.codebook.names == base.names and built.missing == ()
    assert torch.equal(built.codebook.lookup("sad"), torch.tensor([2.0, 3.0]))
    assert all(torch.equal(built.codebook.lookup(name), base.lookup(name)) for name in base.names if name != "sad")
    assert "sad" not in built.from_base and len(built.from_base) == 8


def test_a_codebook_needs_neutral_and_one_more():
    one = torch.zeros(1, 2)
    for latents in ({}, {"neutral": one}, {"happy": one, "sad": one}):
        with pytest.raises(InputError, match="neutral"):
            build_codebook(ReadFaces(latents))
    with pytest.raises(InputError, match="neutral"):
        build_codebook(ReadFaces({}), codebook())  # nothing of its own: no codebook of these pictures
    with pytest.raises(InputError, match="2 and 30 wide"):
        build_codebook(ReadFaces({"sad": one}), codebook())


def test_a_failing_network_is_no_fault_of_a_picture():
    def fail(portrait: Portrait, place: FacePlace) -> torch.Tensor:
        raise NumericalError("The motion encoder read no finite expression.")

    picture = LabelledPicture("happy", "a.png", lambda: Portrait(torch.zeros(3, 40, 40)))
    with pytest.raises(NumericalError):
        read_labelled([picture], fail)


def test_a_folder_without_labelled_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        labelled_pictures(tmp_path / "none")
    write_picture(tmp_path / "face.png", 100)
    with pytest.raises(InputError, match="no labelled picture"):
        labelled_pictures(tmp_path)


def test_labels_are_one_a_line_or_one_for_all():
    assert picture_labels("happy\n Anger \n\nfearful\n", 3) == ["happy", "angry", "fear"]
    assert picture_labels("sad", 3) == ["sad"] * 3
    assert picture_labels("sad, happy", 2) == ["sad", "happy"]
    for text, count in (("happy\nsad", 3), ("", 1)):
        with pytest.raises(SettingsError, match="labels are given"):
            picture_labels(text, count)
    with pytest.raises(SettingsError, match="'happy 0.7'"):
        picture_labels("happy 0.7", 1)


# ---- looked at


def test_a_sheet_shows_every_picture_in_its_place():
    shades = torch.linspace(0.2, 0.9, 6)
    sheet = contact_sheet(shades[:, None, None, None].expand(6, 3, 200, 200), list(EMOTIONS[:6]))
    assert sheet.shape == (3, 18 + 2 * 240, 18 + 4 * 218)
    for index, shade in enumerate(shades):
        left, top = 18 + index % 4 * 218, 18 + index // 4 * 240
        face = sheet[:, top + 2 : top + 198, left + 2 : left + 198]
        assert float((face - shade).abs().max()) < 0.01
        below = sheet[:, top + 202 : top + 238, left : left + 200]
        assert float(below.max()) > 0.8 > float(below.mean())  # a name in light letters
    with pytest.raises(InputError, match="2 pictures"):
        contact_sheet(torch.zeros(2, 3, 8, 8), ["happy"])


def test_the_chart_shows_rises_and_falls_on_their_side_of_neutral():
    book = EmotionCodebook(torch.tensor([[1.0, -1.0], [0.0, 0.0]]), ("happy", "neutral"))
    chart = draw_codebook(book)
    orange = ((chart - torch.tensor([255, 176, 102])[:, None, None] / 255).abs().sum(0) < 0.05).nonzero()
    blue = ((chart - torch.tensor([110, 168, 254])[:, None, None] / 255).abs().sum(0) < 0.05).nonzero()
    assert len(orange) > 50 and len(blue) > 50
    assert orange[:, 0].max() < blue[:, 0].min() and orange[:, 1].max() < blue[:, 1].min()
    for names, width in ((EMOTIONS, 30), (EMOTIONS, 512), (tuple(f"mood{i}" for i in range(20)) + ("neutral",), 6)):
        picture = draw_codebook(codebook(0, names, width))
        assert picture.dim() == 3 and 0 <= picture.min() and picture.max() <= 1


# ---- the command line


def run(*arguments: object) -> int:
    return main(["codebook", *map(str, arguments)])


@pytest.fixture
def faces(tmp_path, portrait_file) -> Path:
    """Four pictures of a face that the cascade finds, of three emotions."""
    folder = tmp_path / "faces"
    for name in ("happy/1.png", "happy/2.png", "neutral/1.png", "sad_1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(portrait_file, folder / name)
    return folder


def test_build_show_edit_merge_and_sheet_from_the_command_line(faces, tiny_weights, tmp_path, capsys):
    (faces / "sad_2.png").write_text("no picture")
    built, edited, merged = (tmp_path / f"{name}.safetensors" for name in ("built", "edited", "merged"))
    weights = ("--weights", tiny_weights, "--device", "cpu", "--quiet")
    assert run("build", faces, "-o", built, *weights) == 0
    said = capsys.readouterr().out
    assert "happy 2, sad 1, neutral 1" in said and "note: sad_2.png was left out" in said and "worried" in said
    assert EmotionCodebook.load(built).names == ("happy", "sad", "neutral")

    assert run("build", faces, "-o", built, "--base", tiny_weights, *weights) == 0
    assert EmotionCodebook.load(built).names == EMOTIONS

    changes = ("--from", f"smug={faces / 'sad_1.png'}", "--set", "angry=1.5", "--rename", "fear=dread", "--drop", "sad")
    assert run("edit", built, "-o", edited, *changes, *weights) == 0
    before, after = EmotionCodebook.load(built), EmotionCodebook.load(edited)
    assert after.names == ("happy", "angry", "surprised", "dread", "disgusted", "worried", "neutral", "smug")
    torch.testing.assert_close(after.lookup("angry"), before.lookup("angry", 1.5))
    torch.testing.assert_close(after.lookup("smug"), before.lookup("sad"))  # the same picture

    assert run("merge", built, edited, "-o", merged, "--shares", "1", "3") == 0
    both = EmotionCodebook.load(merged)
    torch.testing.assert_close(both.lookup("angry"), before.lookup("angry", 1.375))

    capsys.readouterr()
    assert run("show", merged) == 0
    said = capsys.readouterr().out
    assert "10 emotions, 6 channels" in said and all(name in said for name in both.names)
    assert run("show") == 0 and "8 emotions, 30 channels" in capsys.readouterr().out  # the bundled one

    face = faces / "happy" / "1.png"
    sheets = [tmp_path / f"{number}.png" for number in range(3)]
    assert run("sheet", built, "-o", sheets[0], "--portrait", face, *weights) == 0
    assert cv2.imread(str(sheets[0])).shape == (18 + 2 * 200, 18 + 4 * 178, 3)
    assert run("sheet", built, "-o", sheets[1], "--portrait", face, *weights) == 0
    assert run("sheet", built, "-o", sheets[2], "--chart") == 0
    assert sheets[0].read_bytes() == sheets[1].read_bytes() != sheets[2].read_bytes()


def test_a_sheet_never_replaces_its_portrait(faces, tiny_weights, capsys):
    face = faces / "happy" / "1.png"
    before = face.read_bytes()
    for more in (("--weights", tiny_weights), ("--chart",)):
        assert (
            run("sheet", tiny_weights, "-o", face, "--portrait", faces / "happy" / ".." / "happy" / "1.png", *more) == 2
        )
        assert "would overwrite the portrait" in capsys.readouterr().err
    assert face.read_bytes() == before


def test_a_picture_left_out_for_its_face_is_told_no_box(faces, tiny_weights, tmp_path, capsys):
    write_picture(faces / "sad_0.png", 100)
    out = tmp_path / "built.safetensors"
    assert run("build", faces, "-o", out, "--weights", tiny_weights, "--device", "cpu", "--quiet") == 0
    said = capsys.readouterr().out
    assert "sad_0.png was left out: No face was found" in said and "give a picture that shows a face" in said
    assert "box" not in said and "mask" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "{faces}", "-o", "{out}.pth"], [".safetensors"]),
        (["build", "{faces}", "-o", "{folder}/none/x.safetensors"], ["does not exist"]),
        (["build", "{folder}/none", "-o", "{out}"], ["not a folder"]),
        (["build", "{faces}", "-o", "{out}", "--base", "{folder}/none.safetensors"], ["none.safetensors"]),
        (["build", "{faces}/happy", "-o", "{out}"], ["no labelled picture"]),
        (["build", "{faces}", "-o", "{out}", "--weights", "{faces}"], ["motion_encoder.safetensors"]),
        (["build", "{faces}"], ["--out"]),
        (["show", "{faces}"], ["emotion_codebook.safetensors"]),
        (["show", "{face}"], ["not a safetensors file; give a codebook that was made with `codebook build`"]),
        (["sheet", "-o", "{folder}/x.txt"], [".png"]),
        (["sheet", "-o", "{folder}/x.png", "--weights", "{weights}"], ["30 wide", "6"]),
        (["edit", "{weights}", "-o", "{out}"], ["--set"]),
        (["edit", "{weights}", "-o", "{out}", "--set", "angry"], ['"angry"', "angry=1.3"]),
        (["edit", "{weights}", "-o", "{out}", "--set", "angry=much"], ['"much"']),
        (["edit", "{weights}", "-o", "{out}", "--set", "bored=2"], ["'bored'"]),
        (["edit", "{weights}", "-o", "{out}", "--drop", "neutral"], ["neutral"]),
        (["edit", "{weights}", "-o", "{out}", "--from", "sad={folder}/none.png"], ["none.png"]),
        (
            ["edit", "{weights}", "-o", "{out}", "--from", "sad={grey}", "--weights", "{weights}"],
            ["grey.png: No face", "from the front"],
        ),
        (["merge", "{weights}", "-o", "{out}"], ["two or more"]),
        (["merge", "{weights}", "{weights}", "-o", "{out}", "--weights", "1"], ["2 codebooks", "1 weights"]),
        ([], ["ACTION"]),
    ],
)
def test_what_cannot_work_is_one_sentence(faces, portrait_file, tiny_weights, tmp_path, capsys, arguments, words):
    write_picture(tmp_path / "grey.png", 100)
    places = {"faces": faces, "folder": tmp_path, "weights": tiny_weights, "face": portrait_file}
    places |= {"grey": tmp_path / "grey.png", "out": tmp_path / "x.safetensors"}
    assert run(*(argument.format(**places) for argument in arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    assert all(word in said for word in words), said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "grey.png"]
