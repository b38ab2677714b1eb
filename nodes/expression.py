"""What faces express: an emotion from a picture, a driving sequence from frames, and whose face a portrait shows."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.utils
import numpy as np
import torch
from comfy_api.latest import io

from ..emotivetalk_core.direction.retime import bridge
from ..emotivetalk_core.errors import FaceError
from ..emotivetalk_core.face.finder import FaceDetector, unfamiliar
from ..emotivetalk_core.face.following import missing_note
from ..emotivetalk_core.face.regions import flatten_alpha
from ..emotivetalk_core.face.sequence import FacePlace, crop_eyes_mouth, seen_places, sequence_regions
from ..emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from ..emotivetalk_core.models.face_reading import detector_for, encoder_face, read_faces, reading_memory
from ..emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..emotivetalk_core.types import Emotion, ExpressionLatents, FaceRegions, MotionLatents, Portrait
from .face_places import BOX_TYPES, LandmarksSocket, face_places, node_words
from .hosted import HostedNetwork, load_hosted, to_host
from .layouts import portrait_of
from .notes import HIDDEN, ui_notes
from .sockets import (
    CATEGORY,
    CropSocket,
    EmotionSocket,
    ExpressionLatentsSocket,
    FaceEncodersSocket,
    FaceSocket,
)
from .weights import WeightsNode, choices, path_of

NO_FINDER = "none"
WHOLE, CROPS = "whole pictures", "talking crops"


OTHER_PICTURES = "Take a picture like those (for the bundled demo: Example Faces), or weights made for this kind."


@dataclass(frozen=True)
class FaceEncoders:
    """The network that reads faces, and where the weights have one, the network that finds drawn heads."""

    motion_encoder: HostedNetwork[MotionEncoder]
    face_finder: HostedNetwork[FaceFinder] | None

    def detector(self) -> FaceDetector | None:
        """The finder, ready to look at pictures."""
        finder = None if self.face_finder is None else self.face_finder.loaded().find
        return detector_for(self.motion_encoder.network.config, finder)

    def picture_memory(self) -> FaceFinder | None:
        """As ModelSet has it."""
        if self.face_finder is None or self.motion_encoder.network.config.aligned:
            return None
        return self.face_finder.loaded()


class LoadFaceEncoders(WeightsNode):
    """The motion encoder (EmotiveTalk §6.1) and the finder of drawn heads."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkLoadFaceEncoders",
            display_name="Load Face Encoders",
            category=f"{CATEGORY}/load",
            description="Loads the network that reads identity, expression and mouth from a face, and the small one "
            "that finds drawn heads in pictures.",
            search_aliases=["emotivetalk face", "motion encoder", "expression encoder", "face encoder", "pd-fgc"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=choices("motion_encoder"),
                    tooltip="The motion encoder from models/emotivetalk; choose the one from the same folder "
                    "as the other weights. The bundled demo comes first.",
                ),
                io.Combo.Input(
                    "face_finder",
                    options=[*choices("face_finder"), NO_FINDER],
                    tooltip="Finds drawn and rendered heads, like the demo's. Photographs are found without "
                    "it; choose none if you connect landmarks, boxes or masks anyway.",
                ),
            ],
            outputs=[FaceEncodersSocket.Output(display_name="face encoders")],
        )

    @classmethod
    def execute(cls, weights: str, face_finder: str = NO_FINDER) -> io.NodeOutput:
        encoder = load_hosted(path_of(weights), "motion_encoder", MotionEncoder, MotionEncoderConfig)
        finder = None
        if face_finder != NO_FINDER:
            finder = load_hosted(path_of(face_finder), "face_finder", FaceFinder, FaceFinderConfig)
        return io.NodeOutput(FaceEncoders(encoder, finder))


class EncodeExpression(io.ComfyNode):
    """Pictures through the motion encoder (EmotiveTalk §6.1): one gives an emotion, many give a driving sequence."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkEncodeExpression",
            display_name="Encode Expression",
            category=f"{CATEGORY}/face",
            description="Reads what faces express. One picture gives an emotion for Sample Expression; the "
            "frames of a video give expression latents that drive another face frame by frame; the "
            "portrait's own crop gives the face that Sample Expression and Condition Talking Face need.",
            search_aliases=[
                "emotivetalk expression",
                "emotion from picture",
                "driving video",
                "expression transfer",
                "face motion",
                "read emotion",
            ],
            hidden=HIDDEN,
            inputs=[
                FaceEncodersSocket.Input("face_encoders", tooltip="From Load Face Encoders."),
                io.Image.Input(
                    "image",
                    tooltip="One picture of a face, or the frames of a video at 25 frames per second.",
                ),
                io.Combo.Input(
                    "pictures",
                    options=[WHOLE, CROPS],
                    default=WHOLE,
                    tooltip="Whole pictures: the face is found and cropped first. Talking crops: the pictures "
                    "are square crops from Face Regions already.",
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
                CropSocket.Input(
                    "crop_record",
                    optional=True,
                    tooltip="From Face Regions, if the picture is its crop: the picture then counts as a "
                    "talking crop, and weights that align faces know where eyes and mouth are.",
                ),
                io.Int.Input(
                    "size",
                    default=128,
                    min=64,
                    max=1024,
                    step=64,
                    optional=True,
                    advanced=True,
                    tooltip="For whole pictures: side of the face crops in pixels, as in Face Regions: 128 for "
                    "the demo, 512 for full-size weights.",
                ),
            ],
            outputs=[
                EmotionSocket.Output(display_name="emotion", tooltip="What the pictures express on average."),
                ExpressionLatentsSocket.Output(
                    display_name="expression", tooltip="What each picture expresses: drives a video frame by frame."
                ),
                FaceSocket.Output(
                    display_name="face", tooltip="Who the first picture shows, and with what expression."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        face_encoders: FaceEncoders,
        image: torch.Tensor,
        pictures: str = WHOLE,
        face_landmarks: Any = None,
        bounding_box: Any = None,
        crop_record: FaceRegions | None = None,
        size: int = 128,
    ) -> io.NodeOutput:
        places, note = face_places(face_landmarks, bounding_box, image)
        portraits = [portrait_of(image[index : index + 1]) for index in range(image.shape[0])]
        config = face_encoders.motion_encoder.network.config
        detector = face_encoders.detector()
        notes = [note] if note else []
        if pictures == CROPS or crop_record is not None:
            seen = np.ones(len(portraits), bool)
            faces = _cropped(config, portraits, places, crop_record, detector)
            memory = face_encoders.picture_memory()
            if memory is not None:
                strange = unfamiliar(flatten_alpha(portraits[0]), memory.strangeness)
                notes += [f"{strange} {OTHER_PICTURES}"] if strange else []
        else:
            places, seen = seen_places(portraits, places, detector)
            notes += filter(None, [missing_note(seen)])
            portraits = [portrait for portrait, here in zip(portraits, seen) if here]
            regions = sequence_regions(portraits, places, detector=detector, every_face=config.aligned, size=size)
            faces = _found(config, regions, notes)
        with node_words("bounding_box", "face_landmarks"):
            latents = read_faces(
                face_encoders.motion_encoder.loaded(reading_memory(config)),
                faces,
                count=len(portraits),
                device=face_encoders.motion_encoder.device,
                on_step=comfy.utils.ProgressBar(len(portraits)).update_absolute,
            )
        read = to_host(latents.expression)  # of the pictures that show a face
        first = {field.name: to_host(getattr(latents, field.name)[:1]) for field in dataclasses.fields(latents)}
        return io.NodeOutput(
            Emotion(read.mean(0), "picture"),
            ExpressionLatents(bridge(read, seen)),
            MotionLatents(**first),
            ui=ui_notes(cls, notes),
        )


def _cropped(
    config: MotionEncoderConfig,
    portraits: Sequence[Portrait],
    places: Sequence[FacePlace],
    record: FaceRegions | None,
    detector: FaceDetector | None,
) -> Iterator[torch.Tensor]:
    """Faces for the encoder from pictures that are talking crops."""
    for index, portrait in enumerate(portraits):
        crop = flatten_alpha(portrait)
        height, width = crop.shape[-2:]
        if height != width:
            raise FaceError(
                f"The pictures have {width}x{height} pixels, but talking crops are square: connect the crop of Face "
                f'Regions, or choose "{WHOLE}".'
            )
        eyes_mouth = None
        if config.aligned:
            place = places[min(index, len(places) - 1)] if places else FacePlace()
            if place.landmarks is None and record is not None and record.eyes_mouth is not None:
                eyes_mouth = record.eyes_mouth * (width / record.crop.shape[-1])
            else:
                eyes_mouth = crop_eyes_mouth(portrait, place, detector)
        yield encoder_face(config, crop, eyes_mouth)


def _found(config: MotionEncoderConfig, sequence: Iterable[FaceRegions], notes: list[str]) -> Iterator[torch.Tensor]:
    """Faces for the encoder from whole pictures; adds what the user should know of the first."""
    for index, regions in enumerate(sequence):
        if index == 0 and regions.note:
            notes.append(regions.note)
        yield encoder_face(config, regions.crop, regions.eyes_mouth)
