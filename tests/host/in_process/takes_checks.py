"""Takes and codebooks inside the host's own Python: kept in its folders, found there again, and what the core says.

Each `check_…` raises AssertionError where the host and the core disagree. Call them with the host importable, under
torch.inference_mode().
"""

import shutil
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_execution.graph_utils import ExecutionBlocker
from custom_nodes_EmotiveTalk.emotivetalk_core.direction.take import Take
from custom_nodes_EmotiveTalk.emotivetalk_core.direction.take_edits import cut, scale, smooth
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.face.portrait import read_portrait
from custom_nodes_EmotiveTalk.emotivetalk_core.models.codebook import EmotionCodebook, merge
from custom_nodes_EmotiveTalk.emotivetalk_core.types import Emotion, ExpressionLatents, HeadPose, LipLatents
from custom_nodes_EmotiveTalk.nodes.codebook import CodebookEmotion, CodebookSheet, LoadCodebook, SaveCodebook
from custom_nodes_EmotiveTalk.nodes.codebook_workshop import BuildCodebook, EditCodebook, MergeCodebooks
from custom_nodes_EmotiveTalk.nodes.expression import EncodeExpression, LoadFaceEncoders
from custom_nodes_EmotiveTalk.nodes.takes import EditTake, LoadTake, SaveTake

ASSETS = Path(__file__).parents[3] / "emotivetalk_core" / "assets"
DEMO = "demo/emotion_codebook.safetensors"
EXPRESSION = ExpressionLatents(torch.randn(50, 30, generator=torch.Generator().manual_seed(0)))


def refusal(work: Any, *expected: str) -> None:
    """The work ends in one of the core's errors: one sentence that holds the expected words."""
    try:
        work()
    except EmotiveTalkError as error:
        message = str(error)
    else:
        raise AssertionError(f"nothing was refused, but {expected} was expected")
    assert "\n" not in message and message.endswith("."), message
    assert all(words in message for words in expected), message


def offered() -> list[str]:
    return LoadTake.define_schema().inputs[0].options


def demo() -> EmotionCodebook:
    return LoadCodebook.execute(DEMO).result[0]


def encoders() -> Any:
    return LoadFaceEncoders.execute("demo/motion_encoder.safetensors", "demo/face_finder.safetensors").result[0]


def picture() -> torch.Tensor:
    """The bundled portrait as an IMAGE [1, h, w, 3]."""
    return read_portrait(ASSETS / "portrait.png").pixels.movedim(0, -1)[None]


def check_a_saved_take_is_offered_and_comes_back() -> None:
    """Into the output folder and out of it, with lips, head, and what is noted of it; the next gets another number."""
    lips, pose = LipLatents(torch.randn(50, 64)), HeadPose(torch.rand(50, 6))
    emotion = Emotion(torch.zeros(30), "happy")
    saved = SaveTake.execute(EXPRESSION, lips=lips, head_pose=pose, emotion=emotion, note=" the third ", seed=7)
    name = saved.result[0]
    assert name in offered() and LoadTake.validate_inputs(name) is True, (name, offered())
    assert SaveTake.execute(EXPRESSION).result[0] != name
    expression, loaded_lips, loaded_pose, about = LoadTake.execute(name).result
    assert torch.equal(expression.values, EXPRESSION.values) and torch.equal(loaded_lips.values, lips.values)
    assert torch.equal(loaded_pose.values, pose.values)
    assert about == "50 frames, 2.00 s, expression + lip + head_pose, happy, seed 7, the third"
    assert name in saved.ui["text"][0] and about in saved.ui["text"][0]


def check_a_take_without_lips_says_so_where_they_are_wanted() -> None:
    name = SaveTake.execute(EXPRESSION).result[0]
    _, lips, pose, _ = LoadTake.execute(name).result
    assert isinstance(lips, ExecutionBlocker) and "Project Lips" in lips.message and name in lips.message
    assert pose is None


def check_the_input_folder_is_offered_but_for_what_is_no_take() -> None:
    """A take that was put there is offered, a codebook beside it is not; another content is another fingerprint."""
    folder = Path(folder_paths.get_input_directory())
    folder.mkdir(parents=True, exist_ok=True)
    Take(EXPRESSION).save(folder / "mine.safetensors")
    demo().save(folder / "book.safetensors")
    (folder / "broken.safetensors").write_bytes(b"nothing of the kind")
    names = offered()
    assert "mine.safetensors" in names and not {"book.safetensors", "broken.safetensors"} & set(names)
    before = LoadTake.fingerprint_inputs("mine.safetensors")
    Take(ExpressionLatents(EXPRESSION.values + 1)).save(folder / "mine.safetensors")
    assert before != LoadTake.fingerprint_inputs("mine.safetensors") != ""
    refusal(lambda: LoadTake.execute("book.safetensors"), "book.safetensors", "emotion_codebook", "not a take")
    refusal(lambda: LoadTake.execute("broken.safetensors"), "not a safetensors file")


def check_no_name_leads_out_of_the_hosts_folders() -> None:
    """Neither reading nor writing: what lies outside is not known, and nothing is written there."""
    outside = Path(folder_paths.get_input_directory()).parent / "outside.safetensors"
    Take(EXPRESSION).save(outside)
    for name in ("../outside.safetensors", str(outside), "none.safetensors", ""):
        assert isinstance(LoadTake.validate_inputs(name), str), name
        assert LoadTake.fingerprint_inputs(name) == ""
        refusal(lambda name=name: LoadTake.execute(name), "input folder")
    for node, given in ((SaveTake, EXPRESSION), (SaveCodebook, demo())):
        try:
            node.execute(given, filename_prefix="../../escaped")
        except Exception as error:
            assert "outside" in str(error)
        else:
            raise AssertionError("a file was written outside of the output folder")
    assert not list(outside.parent.parent.glob("escaped*"))


def check_a_take_that_does_not_agree_is_refused_before_it_gets_a_number() -> None:
    folder = Path(folder_paths.get_output_directory()) / "unfit"
    refusal(lambda: SaveTake.execute(EXPRESSION, "unfit/take", lips=LipLatents(torch.zeros(49, 64))), "49 of lip")
    assert not folder.exists()


def check_editing_is_the_cores() -> None:
    edit = EditTake.execute
    assert torch.equal(edit(EXPRESSION).result[0].values, EXPRESSION.values)
    expected = smooth(scale(cut(EXPRESSION, 0.4, 1.6), 1.5), 0.2)
    assert torch.equal(edit(EXPRESSION, 1.5, 0.2, 0.4, 1.6).result[0].values, expected.values)
    neutral = Emotion(demo().lookup("neutral"), "neutral")
    still = edit(EXPRESSION, 0.0, around=neutral).result[0].values
    assert torch.allclose(still, neutral.values.expand(50, -1))
    refusal(lambda: edit(EXPRESSION, start=2.0), "2 s", "start")
    refusal(lambda: edit(EXPRESSION, around=Emotion(torch.zeros(6))), "30 wide")


def check_a_codebooks_emotions_are_the_cores() -> None:
    book = demo()
    latent = CodebookEmotion.execute(book, " Anger ", 1.5).result[0]
    assert latent.name == "angry" and torch.equal(latent.values, book.lookup("angry", 1.5))
    refusal(lambda: CodebookEmotion.execute(book, "bored"), "'bored'", "worried")


def check_a_built_codebook_is_what_the_pictures_express() -> None:
    """One picture for an emotion gives that picture's own expression; a grey one is left out and named."""
    grey = torch.full_like(picture(), 0.5)
    batch = torch.cat([picture(), picture().flip(2), grey, picture() * 0.9])
    output = BuildCodebook.execute(encoders(), batch, "smug\nneutral\nhappy\nneutral")
    book, about = output.result
    assert book.names == ("neutral", "smug") and "neutral 2, smug 1" in about and "happy" in about
    alone = [EncodeExpression.execute(encoders(), batch[at : at + 1]).result[1].values[0] for at in (0, 1, 3)]
    assert (book.lookup("smug") - alone[0]).abs().max() < 1e-4
    assert (book.lookup("neutral") - (alone[1] + alone[2]) / 2).abs().max() < 1e-4
    assert any("picture 3 was left out" in said for said in output.ui["text"])

    based = BuildCodebook.execute(encoders(), picture(), "smug", base=demo()).result[0]
    assert based.names == (*demo().names, "smug") and torch.equal(based.lookup("sad"), demo().lookup("sad"))
    refusal(lambda: BuildCodebook.execute(encoders(), picture(), "happy"), "neutral", "happy", "base")
    refusal(lambda: BuildCodebook.execute(encoders(), batch, "happy\nsad"), "2 labels", "4 pictures")


def check_a_box_tells_where_the_face_is() -> None:
    """With a box for each picture, or one for all, no face is looked for."""
    face = encoders().detector()(picture()[0].movedim(-1, 0))[0].box
    box = {"x": face[0], "y": face[1], "width": face[2] - face[0], "height": face[3] - face[1]}
    found = BuildCodebook.execute(encoders(), picture(), "sad", base=demo()).result[0]
    for places in (box, [[box]]):
        told = BuildCodebook.execute(encoders(), picture(), "sad", base=demo(), bounding_box=places).result[0]
        assert (told.lookup("sad") - found.lookup("sad")).abs().max() < 1e-3
    elsewhere = {"x": 0, "y": 0, "width": 60, "height": 60}
    other = BuildCodebook.execute(encoders(), picture(), "sad", base=demo(), bounding_box=elsewhere).result[0]
    assert (other.lookup("sad") - found.lookup("sad")).abs().max() > 0.1


def check_editing_and_merging_codebooks_are_the_cores() -> None:
    book, edit = demo(), EditCodebook.execute
    stronger = edit(book, "angry", 1.5).result[0]
    assert torch.equal(stronger.lookup("angry"), book.lookup("angry", 1.5))
    assert edit(book, "neutral", 1.0).result[0] is book
    latent = Emotion(torch.full((30,), 0.5), "picture")
    assert torch.equal(edit(book, "smug", 1.0, latent).result[0].lookup("smug"), latent.values)
    merged = MergeCodebooks.execute(book, stronger, 1.0, 3.0).result[0]
    assert torch.equal(merged.latents, merge([book, stronger], [1, 3]).latents)
    refusal(lambda: edit(book, "bored"), "'bored'")
    refusal(lambda: edit(book, "neutral", 2.0), "neutral")
    refusal(lambda: edit(book, "sad", 1.0, Emotion(torch.zeros(9, 30))), "[9, 30]")
    refusal(lambda: MergeCodebooks.execute(book, book, 0.0, 0.0), "weights")


def check_a_saved_codebook_is_offered_once_it_lies_with_the_weights() -> None:
    smug = EditCodebook.execute(demo(), "smug", 1.0, Emotion(torch.zeros(30))).result[0]
    name = SaveCodebook.execute(smug).result[0]
    saved = Path(folder_paths.get_annotated_filepath(name))
    assert EmotionCodebook.load(saved).names == smug.names and name not in offered()
    folder = Path(folder_paths.get_folder_paths("emotivetalk")[0])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(saved, folder / "smug.safetensors")
    assert torch.equal(LoadCodebook.execute("smug.safetensors").result[0].latents, smug.latents)


def check_the_chart_is_a_picture() -> None:
    output = CodebookSheet.execute(demo())
    chart = output.result[0]
    assert chart.dim() == 4 and chart.shape[0] == 1 and chart.shape[3] == 3 and chart.std() > 0.05
    assert len(output.ui.as_dict()["images"]) == 1
