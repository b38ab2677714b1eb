"""The face nodes on the demo weights, inside the host's own Python: they say what the core says.

Each `check_…` raises AssertionError where the host and the core disagree. Call them with the host importable, under
torch.inference_mode().
"""

import functools
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from comfy_api.latest import InputImpl, Types
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.face.head_turn import box_of_mask, turn_head
from custom_nodes_EmotiveTalk.emotivetalk_core.face.portrait import read_portrait
from custom_nodes_EmotiveTalk.emotivetalk_core.face.regions import crop_square, face_regions
from custom_nodes_EmotiveTalk.emotivetalk_core.models.codebook import EmotionCodebook
from custom_nodes_EmotiveTalk.emotivetalk_core.models.model_set import load_model_set
from custom_nodes_EmotiveTalk.emotivetalk_core.pipeline import read_face
from custom_nodes_EmotiveTalk.emotivetalk_core.types import EMOTIONS, ExpressionLatents, HeadPose, LipLatents, Portrait
from custom_nodes_EmotiveTalk.nodes.emotion import LoadEmotion
from custom_nodes_EmotiveTalk.nodes.expression import EncodeExpression, LoadFaceEncoders
from custom_nodes_EmotiveTalk.nodes.face import FaceRegions, PasteBack, check_even, pasted_again
from custom_nodes_EmotiveTalk.nodes.preview import PreviewExpression
from custom_nodes_EmotiveTalk.nodes.weights import BUNDLED, path_of

ASSETS = Path(__file__).parents[3] / "emotivetalk_core" / "assets"


@functools.cache
def encoders() -> Any:
    """The demo's face encoders, loaded once."""
    return LoadFaceEncoders.execute("demo/motion_encoder.safetensors", "demo/face_finder.safetensors").result[0]


def picture() -> torch.Tensor:
    """The bundled portrait as an IMAGE [1, h, w, 3]."""
    return read_portrait(ASSETS / "portrait.png").pixels.movedim(0, -1)[None]


def with_alpha(image: torch.Tensor) -> torch.Tensor:
    """A picture whose right part is clear."""
    alpha = torch.ones_like(image[..., :1])
    alpha[:, :, -40:] = 0.25
    return torch.cat([image, alpha], -1)


def regions_of(image: torch.Tensor, **inputs: Any) -> tuple[Any, ...]:
    """crop, face mask, lip mask, record."""
    return FaceRegions.execute(image, **inputs).result


def core_regions(**known: Any) -> Any:
    portrait = Portrait(picture()[0].movedim(-1, 0))
    return face_regions(portrait, **known)


def express(image: torch.Tensor, **inputs: Any) -> tuple[Any, ...]:
    """emotion, expression, face."""
    return EncodeExpression.execute(encoders(), image, **inputs).result


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


def landmarks_of(points: torch.Tensor, image: torch.Tensor, pictures: int = 1) -> dict[str, Any]:
    """The host's FACE_LANDMARKS of faces that all have these points."""
    face = {"landmarks_xy": points.numpy(), "score": 1.0}
    return {"frames": [[face]] * pictures, "image_size": tuple(image.shape[1:3]), "connection_sets": {}}


def box_dict(box: tuple[float, float, float, float]) -> dict[str, float]:
    return {"x": box[0], "y": box[1], "width": box[2] - box[0], "height": box[3] - box[1]}


def found_face() -> Any:
    return encoders().detector()(picture()[0].movedim(-1, 0))[0]


def check_face_regions_equal_the_core() -> None:
    """The found face: crop, masks and record are the core's, in the host's layouts."""
    crop, face_mask, lip_mask, record = regions_of(picture(), face_encoders=encoders())
    expected = core_regions(detector=encoders().detector())
    assert crop.shape == (1, 128, 128, 3) and face_mask.shape == lip_mask.shape == (1, 128, 128)
    assert torch.equal(crop[0].movedim(-1, 0), expected.crop)
    assert torch.equal(face_mask, expected.face_mask) and torch.equal(lip_mask, expected.lip_mask)
    assert record.record == expected.record


def check_every_form_of_box_is_one_box() -> None:
    """A box as dict, as list, as list for each picture, and as four numbers gives one crop."""
    box = found_face().box
    expected = core_regions(box=box).crop
    for form in (box_dict(box), [box_dict(box)], [[box_dict(box)]], [[box_dict(box)], []], list(box), [list(box)]):
        crop = regions_of(picture(), bounding_box=form)[0]
        assert (crop[0].movedim(-1, 0) - expected).abs().max() < 1e-5, form


def check_host_landmarks_and_masks_choose_the_face() -> None:
    """Landmarks, or a painted mask, stand in for every detector; of several boxes the largest is used and said."""
    points = torch.tensor(found_face().eyes_mouth)
    crop = regions_of(picture(), face_landmarks=landmarks_of(points, picture()))[0]
    assert torch.equal(crop[0].movedim(-1, 0), core_regions(landmarks=points).crop)
    left, top, right, bottom = (round(value) for value in found_face().box)
    mask = torch.zeros(picture().shape[:3])
    mask[:, top:bottom, left:right] = 1
    record = regions_of(picture(), face_mask=mask)[3].record
    assert record == core_regions(box=(left, top, right, bottom)).record

    boxes = [box_dict((0, 0, 40, 40)), box_dict(found_face().box)]
    output = FaceRegions.execute(picture(), bounding_box=boxes)
    assert output.result[3].record == core_regions(box=found_face().box).record
    assert "2 faces" in output.ui["text"][0]


def check_more_pictures_than_one_are_said() -> None:
    """Of a batch the first picture is used, and the node says so."""
    batch = torch.cat([picture(), torch.rand_like(picture())])
    output = FaceRegions.execute(batch, face_encoders=encoders())
    assert torch.equal(output.result[0], regions_of(picture(), face_encoders=encoders())[0])
    assert "2 pictures" in output.ui["text"][0]


def check_expression_equals_the_pipeline() -> None:
    """Whole picture, its crop, and the crop with its record: all what the core's own pipeline reads."""
    models = load_model_set(BUNDLED / "demo", verify=False)
    expected = read_face(models, core_regions(detector=models.face_finder.find))
    crop, _, _, record = regions_of(picture(), face_encoders=encoders())
    answers = (express(picture()), express(crop, pictures="talking crops"), express(crop, crop_record=record))
    for emotion, expression, face in answers:
        for field in fields(face):
            assert (getattr(face, field.name) - getattr(expected, field.name)).abs().max() < 1e-4, field.name
        assert emotion.values.shape == (30,) and emotion.name == "picture" and expression.values.shape == (1, 30)


def check_a_sequence_is_read_picture_by_picture() -> None:
    """20 crops in more than one batch give each its own latent; the emotion is their mean, the face the first's."""
    crop = regions_of(picture(), face_encoders=encoders())[0]
    crops = torch.cat([(crop * (1 - 0.02 * index)) for index in range(20)])
    emotion, expression, face = express(crops, pictures="talking crops")
    alone = express(crops[17:18], pictures="talking crops")[1]
    assert expression.values.shape == (20, 30) and face.identity.shape[0] == 1
    assert (expression.values[17] - alone.values[0]).abs().max() < 1e-4
    assert torch.allclose(emotion.values, expression.values.mean(0))
    assert torch.equal(face.expression[0], expression.values[0])


def check_a_sequence_keeps_its_crop_still() -> None:
    """A still face in whole pictures reads the same in each, with no place, with one, and with one for each."""
    frames = picture().expand(3, -1, -1, -1)
    box = box_dict(found_face().box)
    for places in ({}, {"bounding_box": box}, {"bounding_box": [[box], [], [box]]}):
        expression = express(frames, **places)[1].values
        assert (expression - expression[0]).abs().max() < 1e-3, places
        assert (expression[0] - express(picture())[1].values[0]).abs().max() < 1e-3, places


def check_transparent_pictures_keep_their_alpha() -> None:
    """A picture with alpha of its own, or with Load Image's mask, is cropped over grey and pasted back in colours that
    Create Video takes, beside the mask that it had.
    """
    image = with_alpha(picture())
    clear = 1 - image[..., 3]
    for given, mask in ((image, None), (picture(), clear)):
        crop, _, _, record = regions_of(given, face_encoders=encoders(), transparency=mask)
        assert torch.equal(crop, regions_of(image, face_encoders=encoders())[0])
        pasted, kept = PasteBack.execute(crop.expand(3, -1, -1, -1), given, record, transparency=mask).result
        assert pasted.shape == (3, *image.shape[1:3], 3) and kept.shape == pasted.shape[:3]
        assert torch.allclose(kept, clear.expand_as(kept))
    opaque = torch.zeros(1, 64, 64)  # what Load Image gives of a picture without alpha
    crop, _, _, record = regions_of(picture(), face_encoders=encoders(), transparency=opaque)
    kept = PasteBack.execute(crop, picture(), record, transparency=opaque).result[1]
    assert kept.shape == (1, *image.shape[1:3]) and not kept.any()
    refusal(lambda: regions_of(picture(), transparency=torch.ones(1, 64, 64)), "64 x 64", "Load Image")


def check_pasting_leaves_the_rest_alone() -> None:
    """Outside the crop every pixel is the original's, bit for bit; inside it shows the frames, also from a VIDEO."""
    image = picture()
    _, _, _, regions = regions_of(image, face_encoders=encoders())
    frames = torch.zeros(35, 64, 64, 3)
    paste = PasteBack.execute
    pasted = paste(frames, image, regions).result[0]
    record = regions.record
    outside = torch.ones(image.shape[1:3], dtype=torch.bool)
    outside[max(0, record.top) : record.top + record.side, max(0, record.left) : record.left + record.side] = False
    assert pasted.shape == (35, *image.shape[1:]) and outside.any()
    assert torch.equal(pasted[34][outside], image[0][outside])
    assert pasted[34, record.top + record.side // 2, record.left + record.side // 2].max() < 1e-6
    video = InputImpl.VideoFromComponents(Types.VideoComponents(images=frames, frame_rate=25))
    assert torch.equal(paste(video, image, regions).result[0], pasted)


def check_pasting_keeps_the_pictures_own_detail() -> None:
    """The crop itself, at an eighth of the pixels, comes back as the picture; without detail it is soft. A head that is
    turned takes its detail along.
    """
    image = picture()
    crop, _, _, regions = regions_of(image, face_encoders=encoders())
    paste = PasteBack.execute
    assert torch.equal(paste(crop, image, regions).result[0], image)
    soft = paste(crop, image, regions, detail=0.0).result[0]
    assert (soft - image).abs().max() > 0.05
    turned = HeadPose(torch.tensor([[0.2, 0, 0, 0, 0, 1.0]]))
    crops = turn_head(crop.movedim(-1, 1), box_of_mask(regions.face_mask)[None], turned.values).movedim(1, -1)
    along = paste(crops.clamp(0, 1), image, regions, head_pose=turned).result[0]
    square = crop_square(image[0].movedim(-1, 0), regions.record, regions.record.side)
    box = box_of_mask(regions.face_mask) * regions.record.side / crop.shape[1]
    wanted = turn_head(square[None], box[None], turned.values).clamp(0, 1)
    wanted = paste(wanted.movedim(1, -1), image, regions, detail=0.0).result[0]
    assert (along - wanted).abs().mean() < 1e-3 < 0.01 < (along - image).abs().mean()
    refusal(lambda: paste(crop.repeat(2, 1, 1, 1), image, regions, head_pose=turned), "covers 1 frames", "has 2")


def check_each_frame_is_pasted_into_its_own_picture() -> None:
    """As many pictures as frames: each keeps what it shows outside the crop, with its alpha, and gives way inside."""
    image = picture()
    regions = regions_of(image, face_encoders=encoders())[3]
    record, paste = regions.record, PasteBack.execute
    frames = torch.rand(35, 64, 64, 3)
    film = with_alpha(image * torch.linspace(0.4, 1, 35)[:, None, None, None])
    pasted, mask = paste(frames, film, regions).result
    outside = torch.ones(image.shape[1:3], dtype=torch.bool)
    outside[max(0, record.top) : record.top + record.side, max(0, record.left) : record.left + record.side] = False
    assert torch.equal(pasted[:, outside], film[:, outside, :3]) and torch.allclose(mask, 1 - film[..., 3])
    for index in (0, 20, 34):
        alone = paste(frames[index : index + 1], film[index : index + 1], regions).result[0]
        assert torch.equal(pasted[index], alone[0])


def check_bad_faces_are_one_sentence() -> None:
    """No face, a box outside, an empty or wrong mask, a tiny picture, foreign landmarks: each has its way out."""
    grey, tiny = torch.full((1, 96, 96, 3), 0.5), torch.full((1, 1, 1, 3), 0.5)
    for inputs in ({}, {"face_encoders": encoders()}):
        refusal(
            lambda inputs=inputs: regions_of(grey, **inputs), "No face was found", "connect bounding_box or face_mask"
        )
        refusal(lambda inputs=inputs: regions_of(tiny, **inputs), "1x1")
    refusal(lambda: express(grey), "No face was found", "connect bounding_box or face_landmarks")
    refusal(lambda: express(tiny), "1x1")
    refusal(lambda: regions_of(grey, bounding_box=box_dict((500, 500, 600, 600))), "outside the picture", "96x96")
    refusal(lambda: regions_of(grey, bounding_box=[]), "no face")
    refusal(lambda: regions_of(grey, bounding_box={"left": 3}), "not understood")
    refusal(lambda: regions_of(grey, face_mask=torch.zeros(1, 96, 96)), "face mask is empty")
    refusal(lambda: regions_of(grey, face_mask=torch.ones(1, 64, 64)), "face mask", "96x96")
    refusal(lambda: regions_of(grey, face_landmarks={"frames": [[]], "image_size": (96, 96)}), "no face")
    other = landmarks_of(torch.rand(478, 2) * 96, torch.zeros(1, 50, 60, 3))
    refusal(lambda: regions_of(grey, face_landmarks=other), "60x50", "96x96")
    places = [[box_dict((10, 10, 80, 80))]] * 2
    refusal(lambda: express(grey.expand(3, -1, -1, -1), bounding_box=places), "2 pictures", "3")
    refusal(lambda: express(torch.rand(1, 64, 96, 3), pictures="talking crops"), "96x64", "square")


def check_bad_pasting_is_one_sentence() -> None:
    """Another picture than the crop's, frames that are not square, no frames at all."""
    crop, _, _, record = regions_of(picture(), face_encoders=encoders())
    paste = PasteBack.execute
    refusal(lambda: paste(crop, picture()[:, :-8], record), "give the picture it came from")
    refusal(lambda: paste(crop[:, :100], picture(), record), "128x100", "square")
    refusal(lambda: paste(crop[:0], picture(), record), "0 frames")
    film = picture().expand(2, -1, -1, -1)
    refusal(lambda: paste(crop.expand(3, -1, -1, -1), film, record), "3 frames", "2 pictures", "as many")


def check_bad_pasting_is_refused_before_the_frames_are_made() -> None:
    """The host asks before it samples: what can be known by then is refused then, and else the frames are asked for."""
    record = regions_of(picture(), face_encoders=encoders())[3]
    ask = PasteBack.check_lazy_status
    assert ask(picture(), record) == ["frames"] and ask(picture(), record, frames=picture()) == []
    assert ask(picture(), record, frame_count=50) == ["frames"]
    refusal(lambda: ask(picture()[:, :-8], record), "give the picture it came from")
    refusal(lambda: ask(picture().expand(2, -1, -1, -1), record, frame_count=50), "50 frames", "2 pictures")
    refusal(lambda: ask(picture(), record, frame_count=5_000_000), "5000000 frames", "GB are free", "Decode to Video")


def check_pastes_that_follow_each_other_are_counted() -> None:
    """A duet holds its film twice, however many nodes look at it; odd sides are refused for Create Video alone."""
    paste = {"class_type": "EmotiveTalkPasteBack"}
    workflow = {
        "1": paste | {"inputs": {"image": ["9", 0]}},
        "2": paste | {"inputs": {"image": ["1", 0]}},
        "3": paste | {"inputs": {"image": ["9", 0], "frames": ["1", 0]}},
        "4": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0]}},
    }
    assert [pasted_again(workflow, node_id) for node_id in "1234"] == [1, 0, 0, 0]
    odd = Portrait(torch.zeros(3, 63, 64))
    check_even(odd, workflow, "1")
    check_even(Portrait(torch.zeros(3, 64, 64)), workflow, "2")
    refusal(lambda: check_even(odd, workflow, "2"), "64 x 63", "even", "Decode to Video")


def check_emotions_are_the_codebook() -> None:
    """The node's latent is the codebook's, and its strength a line from neutral."""
    name = "demo/emotion_codebook.safetensors"
    codebook = EmotionCodebook.load(path_of(name))
    for emotion in EMOTIONS:
        latent = LoadEmotion.execute(name, emotion, 1.5).result[0]
        assert latent.name == emotion and torch.equal(latent.values, codebook.lookup(emotion, 1.5))
    assert torch.equal(LoadEmotion.execute(name, "happy", 0.0).result[0].values, codebook.lookup("neutral"))


def check_the_plot_is_a_picture() -> None:
    """Either course alone, both, and both over sound: an IMAGE of the same size, also in the node's own preview."""
    preview = PreviewExpression.execute
    lips, expression = LipLatents(torch.randn(50, 64)), ExpressionLatents(torch.randn(50, 30))
    audio = {"waveform": torch.rand(1, 2, 32_000) - 0.5, "sample_rate": 16_000}
    for inputs in ((lips, None, None), (None, expression, None), (lips, expression, audio)):
        output = preview(*inputs)
        assert output.result[0].shape == (1, 500, 1000, 3) and len(output.ui.as_dict()["images"]) == 1
        assert 0 <= output.result[0].min() and output.result[0].max() <= 1
    refusal(lambda: preview(None, None, audio), "lip latents")
