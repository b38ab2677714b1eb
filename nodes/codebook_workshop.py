"""Codebooks of one's own: built from labelled pictures, edited, and merged."""

from functools import partial
from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io

from ..emotivetalk_core.direction.codebook_build import (
    LabelledPicture,
    build_codebook,
    face_expression,
    picture_labels,
    read_labelled,
)
from ..emotivetalk_core.face.sequence import FacePlace
from ..emotivetalk_core.models.codebook import EmotionCodebook, merge
from ..emotivetalk_core.models.face_reading import reading_memory
from ..emotivetalk_core.types import EMOTIONS, Emotion
from .expression import FaceEncoders
from .face_places import BOX_TYPES, LandmarksSocket, face_places, node_words
from .layouts import portrait_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, EmotionCodebookSocket, EmotionSocket, FaceEncodersSocket


class BuildCodebook(io.ComfyNode):
    """The mean latent of each emotion's faces (EmotiveTalk §6.3)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkBuildCodebook",
            display_name="Build Emotion Codebook",
            category=f"{CATEGORY}/codebook",
            description="Makes your own emotions from pictures of faces, each the average of its pictures. "
            "The more people an emotion is made from, the less any one of them shows in it.",
            search_aliases=["emotivetalk codebook", "custom emotion", "train emotion", "emotion from pictures"],
            hidden=HIDDEN,
            inputs=[
                FaceEncodersSocket.Input(
                    "face_encoders", tooltip="From Load Face Encoders: the codebook will only work with this model."
                ),
                io.Image.Input("image", tooltip="A batch of pictures, each showing one face."),
                io.String.Input(
                    "labels",
                    default=EMOTIONS[0],
                    multiline=True,
                    tooltip="The emotion of each picture, one per line and in the same order, or one line for "
                    "all: happy, neutral, or a word of your own.",
                ),
                EmotionCodebookSocket.Input(
                    "base",
                    optional=True,
                    tooltip="A codebook to start from; emotions that the pictures do not show are kept. "
                    "Without it, the pictures must show neutral and at least one other emotion.",
                ),
                LandmarksSocket.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="Where eyes and mouth are in these pictures, from Detect Face Landmarks. Some "
                    "weights need it; without it the faces are found automatically.",
                ),
                io.MultiType.Input(
                    "bounding_box",
                    BOX_TYPES,
                    optional=True,
                    tooltip="The face's box in these pictures, one for all or one for each. Without it the "
                    "faces are found automatically.",
                ),
                io.Int.Input(
                    "size",
                    default=128,
                    min=64,
                    max=1024,
                    step=64,
                    optional=True,
                    advanced=True,
                    tooltip="Side of the face crops in pixels, as in Face Regions: 128 for the demo, 512 for "
                    "full-size weights.",
                ),
            ],
            outputs=[
                EmotionCodebookSocket.Output(display_name="codebook"),
                io.String.Output(display_name="about", tooltip="How many pictures each emotion is made from."),
            ],
        )

    @classmethod
    def execute(
        cls,
        face_encoders: FaceEncoders,
        image: torch.Tensor,
        labels: str,
        base: EmotionCodebook | None = None,
        face_landmarks: Any = None,
        bounding_box: Any = None,
        size: int = 128,
    ) -> io.NodeOutput:
        count = image.shape[0]
        places, note = face_places(face_landmarks, bounding_box, image)
        pictures = [
            LabelledPicture(
                emotion,
                f"picture {index + 1}",
                partial(portrait_of, image[index : index + 1]),
                places[min(index, len(places) - 1)] if places else FacePlace(),
            )
            for index, emotion in enumerate(picture_labels(labels, count))
        ]
        hosted, detector = face_encoders.motion_encoder, face_encoders.detector()
        express = partial(
            face_expression,
            hosted.loaded(reading_memory(hosted.network.config)),  # last, or loading the finder might unload it
            detector=detector,
            size=size,
            device=hosted.device,
        )
        with node_words("bounding_box", "face_landmarks"):
            faces = read_labelled(pictures, express, comfy.utils.ProgressBar(count).update_absolute)
        built = build_codebook(faces, base)
        return io.NodeOutput(
            built.codebook,
            built.describe(),
            ui=ui_notes(cls, [*([note] if note else []), *faces.notes, f"{built.describe()}."]),
        )


class EditCodebook(io.ComfyNode):
    """One emotion of a codebook changed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkEditCodebook",
            display_name="Edit Emotion Codebook",
            category=f"{CATEGORY}/codebook",
            description="Makes one emotion of a codebook stronger or weaker, replaces it with another, or "
            "adds one under a name of your own. The other emotions stay as they are.",
            search_aliases=["emotivetalk codebook", "emotion strength", "replace emotion", "add emotion"],
            inputs=[
                EmotionCodebookSocket.Input("codebook", tooltip="From Load, Build or Merge Emotion Codebook."),
                io.String.Input(
                    "emotion",
                    default=EMOTIONS[0],
                    tooltip="Which emotion to change: its name in the codebook, or a new name with a "
                    "replacement connected.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.05,
                    tooltip="How strong it becomes, relative to neutral: 0 makes it neutral, 1 leaves it as it "
                    "is, 2 doubles it.",
                ),
                EmotionSocket.Input(
                    "replacement",
                    optional=True,
                    tooltip="Takes the emotion's place before strength is applied: from Encode Expression of a "
                    "picture, or from Blend Emotions.",
                ),
            ],
            outputs=[EmotionCodebookSocket.Output(display_name="codebook")],
        )

    @classmethod
    def execute(
        cls, codebook: EmotionCodebook, emotion: str, strength: float = 1.0, replacement: Emotion | None = None
    ) -> io.NodeOutput:
        if replacement is not None:
            codebook = codebook.replaced(emotion, replacement.values.cpu())
        codebook.position(emotion)  # a name that it does not know is refused, whatever the strength
        return io.NodeOutput(codebook if strength == 1 else codebook.strengthened(emotion, strength))


class MergeCodebooks(io.ComfyNode):
    """The weighted mean of two codebooks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkMergeCodebooks",
            display_name="Merge Emotion Codebooks",
            category=f"{CATEGORY}/codebook",
            description="Mixes two codebooks of the same model, emotion by emotion. An emotion that only "
            "one of them has is kept unchanged.",
            search_aliases=["emotivetalk codebook", "mix emotions", "average codebooks", "blend codebooks"],
            inputs=[
                EmotionCodebookSocket.Input("codebook_a", tooltip="From Load, Build or Edit Emotion Codebook."),
                EmotionCodebookSocket.Input("codebook_b", tooltip="Another codebook of the same model."),
                io.Float.Input(
                    "weight_a",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="How much of the first; only the proportion of the two weights counts.",
                ),
                io.Float.Input(
                    "weight_b",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="How much of the second; 0 leaves it out.",
                ),
            ],
            outputs=[EmotionCodebookSocket.Output(display_name="codebook")],
        )

    @classmethod
    def execute(
        cls, codebook_a: EmotionCodebook, codebook_b: EmotionCodebook, weight_a: float = 1.0, weight_b: float = 1.0
    ) -> io.NodeOutput:
        return io.NodeOutput(merge([codebook_a, codebook_b], [weight_a, weight_b]))
