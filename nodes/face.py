"""Picture in, picture out: the talking crop with its masks, and the way back into the picture it came from."""

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import comfy.model_management
import comfy.utils
import torch
from comfy_api.latest import io

from ..emotivetalk_core.errors import FaceError, InputError
from ..emotivetalk_core.face.compose import FEATHER, check_picture, paste_back_film, paste_back_stream
from ..emotivetalk_core.face.detail import at_own_resolution
from ..emotivetalk_core.face.head_turn import box_of_mask
from ..emotivetalk_core.face.regions import CROP_FACTOR, crop_square, face_regions, flatten_alpha
from ..emotivetalk_core.face.sequence import FacePlace
from ..emotivetalk_core.types import FaceRegions as Regions
from ..emotivetalk_core.types import HeadPose
from .ethd import check_head_pose
from .expression import FaceEncoders
from .face_places import BOX_TYPES, LandmarksSocket, face_places, told
from .hosted import to_host
from .layouts import frames_of, image_of, portrait_of
from .sockets import CATEGORY, CropSocket, FaceEncodersSocket, HeadPoseSocket, detail_input


class FaceRegions(io.ComfyNode):
    """The talking crop, M_face and M_lip (EmotiveTalk §3.3)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkFaceRegions",
            display_name="Face Regions",
            category=CATEGORY,
            description="Cuts out the square around the face that will talk, and says where face and mouth are in it. "
            "The face is looked for, or taken from the landmarks, the box or the mask that you connect.",
            search_aliases=["emotivetalk crop", "face crop", "face mask", "lip mask", "find face", "detect face"],
            inputs=[
                io.Image.Input("image", tooltip="The portrait: any picture with a face, with or without alpha."),
                io.Int.Input(
                    "size",
                    default=128,
                    min=64,
                    max=1024,
                    step=64,
                    tooltip="Side of the crop in pixels, as the weights were made for: 128 for the bundled demo, 512 "
                    "for full weights.",
                ),
                FaceEncodersSocket.Input(
                    "face_encoders",
                    optional=True,
                    tooltip="From Load Face Encoders: finds drawn heads, such as the demo's, and their eyes and mouth. "
                    "Frontal photographs are found without it.",
                ),
                LandmarksSocket.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="From Detect Face Landmarks, run on this picture: the surest way for photographs.",
                ),
                io.MultiType.Input(
                    "bounding_box",
                    BOX_TYPES,
                    optional=True,
                    tooltip="The face's box, forehead to chin and cheek to cheek; chooses one of several faces.",
                ),
                io.Mask.Input(
                    "face_mask",
                    optional=True,
                    tooltip="The face painted white, at the picture's size: taken as it is, and as the face's place.",
                ),
                io.Mask.Input(
                    "lip_mask",
                    optional=True,
                    tooltip="The mouth painted white, at the picture's size, with room to open. Without it, the "
                    "mouth's place follows from the face.",
                ),
                io.Float.Input(
                    "crop_factor",
                    optional=True,
                    default=CROP_FACTOR,
                    min=1.25,
                    max=4.0,
                    step=0.05,
                    advanced=True,
                    tooltip="Side of the crop in face boxes: 1.75 for EmotiveTalk's own weights, 2 for DICE-Talk and "
                    "Sonic.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="crop"),
                io.Mask.Output(display_name="face mask"),
                io.Mask.Output(display_name="lip mask"),
                CropSocket.Output(display_name="crop record", tooltip="For Paste Back: where the crop was taken from."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        size: int = 128,
        face_encoders: FaceEncoders | None = None,
        face_landmarks: Any = None,
        bounding_box: Any = None,
        face_mask: torch.Tensor | None = None,
        lip_mask: torch.Tensor | None = None,
        crop_factor: float = CROP_FACTOR,
    ) -> io.NodeOutput:
        places, note = face_places(face_landmarks, bounding_box, image)
        place = places[0] if places else FacePlace()
        if places and place.face_box is None:
            raise FaceError("Nothing was found in the first picture, which is the one used: start with another frame.")
        regions = face_regions(
            portrait_of(image),
            box=place.box,
            landmarks=place.landmarks,
            face_mask=_first(face_mask),
            lip_mask=_first(lip_mask),
            detector=face_encoders.detector() if face_encoders is not None else None,
            size=size,
            crop_factor=crop_factor,
        )
        many = f"{image.shape[0]} pictures were connected and the first is used." if image.shape[0] > 1 else ""
        return io.NodeOutput(
            to_host(image_of(regions.crop[None])),
            to_host(regions.face_mask),
            to_host(regions.lip_mask),
            regions,
            ui=told([said for said in (many, note, regions.note) if said]),
        )


class PasteBack(io.ComfyNode):
    """The way back: generated frames in the picture that their crop was taken from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkPasteBack",
            display_name="Paste Back",
            category=CATEGORY,
            description="Puts the talking face back into the whole picture, or each frame into the frame of a film in "
            "which another face talks already. Every pixel outside the crop stays as it was, and so does transparency; "
            "inside, the picture's own detail stays wherever nothing moves.",
            search_aliases=["emotivetalk paste", "uncrop", "composite face", "stitch", "blend face", "duet"],
            inputs=[
                io.MultiType.Input(
                    "frames",
                    [io.Image, io.Video],
                    tooltip="The talking crop: frames, or the video from Decode to Video. Any square size will do.",
                ),
                io.Image.Input(
                    "image",
                    tooltip="The picture that was given to Face Regions; or as many pictures as there are frames, such "
                    "as what another Paste Back made of it.",
                ),
                CropSocket.Input("crop_record", tooltip="From Face Regions: where the crop belongs."),
                io.Float.Input(
                    "feather",
                    default=FEATHER,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    tooltip="How wide the frames fade into the picture: a part of the crop's side, 0 a hard edge.",
                ),
                detail_input(),
                HeadPoseSocket.Input(
                    "head_pose",
                    optional=True,
                    tooltip="The head pose that Condition was given: the picture's detail then moves with the head.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
        )

    @classmethod
    def execute(
        cls,
        frames: Any,
        image: torch.Tensor,
        crop_record: Regions,
        feather: float = FEATHER,
        detail: float = 1.0,
        head_pose: HeadPose | None = None,
    ) -> io.NodeOutput:
        crops = frames if isinstance(frames, torch.Tensor) else frames.get_components().images  # [n, s, s, c]
        count, height, width = crops.shape[:3]
        if count == 0 or height != width:
            raise InputError(
                f"{count} frames of {width}x{height} pixels were given, but square frames of the crop are expected: "
                "connect what was made from the crop of Face Regions."
            )
        if image.shape[0] not in (1, count):
            raise InputError(
                f"{count} frames are to be pasted into {image.shape[0]} pictures; connect one picture, or as many as "
                "there are frames."
            )
        if head_pose is not None:
            check_head_pose(head_pose, count)
        shape = (count, *image.shape[1:3], 4 if image.shape[-1] == 4 else 3)
        device = comfy.model_management.intermediate_device()
        check_room(shape, device)
        pasted = torch.empty(shape, device=device)  # the whole result once, and beside it only a few frames at a time
        progress = comfy.utils.ProgressBar(count)
        done = 0
        sharp = _sharpened(crops, image, crop_record, detail, head_pose)
        for composed in _composed(sharp, image, crop_record, feather):
            pasted[done : done + composed.shape[0]] = composed.movedim(1, -1)
            done += composed.shape[0]
            progress.update_absolute(done)
        return io.NodeOutput(pasted)


def check_room(shape: tuple[int, ...], device: torch.device) -> None:
    """InputError where an IMAGE of this shape [n, h, w, c] would not fit: else the system would end the host."""
    needed, free = 4 * math.prod(shape), comfy.model_management.get_free_memory(device)
    if needed > free:
        raise InputError(
            f"{shape[0]} frames of {shape[2]} x {shape[1]} pixels take {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB "
            "are free; make the picture smaller before Face Regions, or the video shorter."
        )


def _sharpened(
    crops: torch.Tensor, image: torch.Tensor, regions: Regions, detail: float, head_pose: HeadPose | None
) -> Iterator[torch.Tensor]:
    """The frames [3, side, side] of the crop with the detail of the picture, or of each frame's own picture."""
    frames = (frames_of(crop)[0] for crop in crops.split(1))
    if detail == 0:
        return frames
    record = regions.record

    def square(picture: torch.Tensor) -> torch.Tensor:
        portrait = portrait_of(picture)
        check_picture(portrait, record)
        return crop_square(flatten_alpha(portrait), record, record.side)

    squares = repeat(square(image)) if image.shape[0] == 1 else (square(picture) for picture in image.split(1))
    box = box_of_mask(regions.face_mask)
    return at_own_resolution(frames, squares, regions.crop, amount=detail, head_pose=head_pose, face_box=box)


def _composed(
    frames: Iterator[torch.Tensor], image: torch.Tensor, regions: Regions, feather: float
) -> Iterator[torch.Tensor]:
    """The whole pictures [1, 3 or 4, h, w] in their order: all on one picture, or each on its own."""
    if image.shape[0] == 1:
        chunks = (frame[None] for frame in frames)
        yield from paste_back_stream(chunks, portrait_of(image), regions.record, feather)
        return
    pictures = (portrait_of(picture) for picture in image.split(1))
    for composed in paste_back_film(frames, pictures, regions.record, feather):
        yield composed[None]


def _first(mask: torch.Tensor | None) -> torch.Tensor | None:
    """The first MASK of a batch [b, h, w], or one without a batch."""
    return mask if mask is None or mask.dim() == 2 else mask[0]
