"""Picture in, picture out: the talking crop with its masks, and the way back into the picture it came from."""

from collections.abc import Iterator
from dataclasses import replace
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
from ..emotivetalk_core.face.regions import CROP_FACTOR, crop_square, face_regions, flatten_alpha, known_by
from ..emotivetalk_core.face.sequence import FacePlace
from ..emotivetalk_core.sampling.estimate import memory_words
from ..emotivetalk_core.types import FaceRegions as Regions
from ..emotivetalk_core.types import HeadPose, Portrait
from .ethd import check_head_pose
from .expression import FaceEncoders
from .face_places import BOX_TYPES, LandmarksSocket, face_places, node_words
from .hosted import to_host
from .layouts import frames_of, image_of, mask_of, portrait_of
from .notes import HIDDEN, ui_notes
from .sockets import (
    CATEGORY,
    TRANSPARENCY_INPUT,
    CropSocket,
    FaceEncodersSocket,
    HeadPoseSocket,
    detail_input,
)


class FaceRegions(io.ComfyNode):
    """The talking crop, M_face and M_lip (EmotiveTalk §3.3)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkFaceRegions",
            display_name="Face Regions",
            category=f"{CATEGORY}/face",
            description="Crops the square around the face that will talk, and marks where face and mouth "
            "are in it. The face is found automatically, or taken from the landmarks, the box or the "
            "mask that you connect.",
            search_aliases=["emotivetalk crop", "face crop", "face mask", "lip mask", "find face", "detect face"],
            hidden=HIDDEN,
            inputs=[
                io.Image.Input("image", tooltip="The portrait: any picture with a face, with or without alpha."),
                io.Int.Input(
                    "size",
                    default=128,
                    min=64,
                    max=1024,
                    step=64,
                    tooltip="Side of the crop in pixels, as the weights were made for: 128 for the bundled "
                    "demo, 512 for full-size weights.",
                ),
                FaceEncodersSocket.Input(
                    "face_encoders",
                    optional=True,
                    tooltip="From Load Face Encoders: finds drawn heads, such as the demo's, with their eyes "
                    "and mouth. Photographs are found without it.",
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
                    tooltip="The face painted white, at the picture's size: used as it is, and to place the crop.",
                ),
                io.Mask.Input(
                    "lip_mask",
                    optional=True,
                    tooltip="The mouth painted white, at the picture's size, with room to open. Without it, "
                    "the mouth is placed from the face.",
                ),
                TRANSPARENCY_INPUT,
                io.Float.Input(
                    "crop_factor",
                    optional=True,
                    default=CROP_FACTOR,
                    min=1.25,
                    max=4.0,
                    step=0.05,
                    advanced=True,
                    tooltip="Side of the crop as a multiple of the face box: 1.75 for EmotiveTalk's own "
                    "weights, 2 for DICE-Talk and Sonic.",
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
        transparency: torch.Tensor | None = None,
        crop_factor: float = CROP_FACTOR,
    ) -> io.NodeOutput:
        places, note = face_places(face_landmarks, bounding_box, image)
        place = places[0] if places else FacePlace()
        if places and place.face_box is None:
            raise FaceError("Nothing was found in the first picture, which is the one used: start with another frame.")
        with node_words("bounding_box", "face_mask", *(["face_encoders"] if face_encoders is None else [])):
            portrait = portrait_of(image, transparency)
            regions = face_regions(
                portrait,
                box=place.box,
                landmarks=place.landmarks,
                face_mask=_first(face_mask),
                lip_mask=_first(lip_mask),
                detector=face_encoders.detector() if face_encoders is not None else None,
                size=size,
                crop_factor=crop_factor,
            )
        memory = face_encoders.picture_memory() if face_encoders is not None else None
        if memory is not None:
            known = known_by(memory, regions, portrait)
            given = place.landmarks is not None  # taken at their word
            regions = replace(known, eyes_mouth=regions.eyes_mouth) if given else known
        many = f"{image.shape[0]} pictures were connected and the first is used." if image.shape[0] > 1 else ""
        return io.NodeOutput(
            to_host(image_of(regions.crop[None])),
            to_host(regions.face_mask),
            to_host(regions.lip_mask),
            regions,
            ui=ui_notes(cls, [said for said in (many, note, regions.note) if said]),
        )


class PasteBack(io.ComfyNode):
    """The way back: generated frames in the picture that their crop was taken from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkPasteBack",
            display_name="Paste Back",
            category=f"{CATEGORY}/face",
            description="Puts the talking face back into the whole picture, or each frame into the "
            "matching frame of a film in which another face already talks. Pixels outside the crop stay "
            "as they were; inside it, the picture keeps its own detail wherever nothing moves. For a "
            "large picture, let Decode to Video do the pasting: it keeps no frames in memory.",
            search_aliases=["emotivetalk paste", "uncrop", "composite face", "stitch", "blend face", "duet"],
            hidden=HIDDEN,
            inputs=[
                io.MultiType.Input(
                    "frames",
                    [io.Image, io.Video],
                    lazy=True,
                    tooltip="The talking crop: frames, or the video from Decode to Video. Any square size will do.",
                ),
                io.Image.Input(
                    "image",
                    tooltip="The picture you gave Face Regions; or a batch with one picture for each frame, "
                    "such as the output of another Paste Back.",
                ),
                CropSocket.Input("crop_record", tooltip="From Face Regions: where the crop belongs."),
                io.Float.Input(
                    "feather",
                    default=FEATHER,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    tooltip="Width of the soft edge around the crop, as a fraction of its side; 0 is a hard edge.",
                ),
                detail_input(),
                HeadPoseSocket.Input(
                    "head_pose",
                    optional=True,
                    tooltip="The head pose you gave Condition Talking Face: the picture's detail then moves "
                    "with the head.",
                ),
                TRANSPARENCY_INPUT,
                io.Int.Input(
                    "frame_count",
                    default=0,
                    min=0,
                    max=10_000_000,
                    optional=True,
                    force_input=True,
                    tooltip="From Encode Speech: too little memory, or a wrong number of pictures, is then "
                    "reported before anything is sampled.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="White where the picture is transparent, one for each frame: for Join Image with Alpha.",
                ),
            ],
        )

    @classmethod
    def check_lazy_status(
        cls,
        image: torch.Tensor,
        crop_record: Regions,
        frames: Any = None,
        transparency: torch.Tensor | None = None,
        head_pose: HeadPose | None = None,
        frame_count: int = 0,
        **others: Any,
    ) -> list[str]:
        """The host asks this before it makes the frames, which may take hours: what cannot be pasted ends here."""
        portrait = portrait_of(image, transparency)
        check_picture(portrait, crop_record.record)
        workflow, own_id = (cls.hidden.prompt or {}, cls.hidden.unique_id) if cls.hidden is not None else ({}, None)
        check_even(portrait, workflow, own_id)
        if frame_count:
            check_pictures(image, frame_count)
            crops = frame_count * crop_record.crop.numel()
            check_room(frame_count, image, 1 + pasted_again(workflow, own_id), crops)
            if head_pose is not None:
                check_head_pose(head_pose, frame_count)
        return ["frames"] if frames is None else []

    @classmethod
    def execute(
        cls,
        frames: Any,
        image: torch.Tensor,
        crop_record: Regions,
        feather: float = FEATHER,
        detail: float = 1.0,
        head_pose: HeadPose | None = None,
        transparency: torch.Tensor | None = None,
        frame_count: int = 0,
    ) -> io.NodeOutput:
        crops = frames if isinstance(frames, torch.Tensor) else frames.get_components().images  # [n, s, s, c]
        count, height, width = crops.shape[:3]
        if count == 0 or height != width:
            raise InputError(
                f"{count} frames of {width}x{height} pixels were given, but square frames of the crop are expected: "
                "connect what was made from the crop of Face Regions."
            )
        check_pictures(image, count)
        if head_pose is not None:
            check_head_pose(head_pose, count)
        check_room(count, image)
        device = comfy.model_management.intermediate_device()
        pasted = torch.empty(count, *image.shape[1:3], 3, device=device)  # once, and beside it only a few frames
        progress = comfy.utils.ProgressBar(count)
        done = 0
        sharp = _sharpened(crops, image, transparency, crop_record, detail, head_pose)
        for composed in _composed(sharp, image, transparency, crop_record, feather):
            pasted[done : done + composed.shape[0]] = composed[:, :3].movedim(1, -1)
            done += composed.shape[0]
            progress.update_absolute(done)
        clear = [mask_of(portrait) for portrait in _portraits(image, transparency)]
        mask = torch.cat(clear) if len(clear) > 1 else clear[0].expand(count, -1, -1)
        return io.NodeOutput(pasted, to_host(mask))


def check_pictures(image: torch.Tensor, frames: int) -> None:
    """InputError where the pictures are neither one nor as many as the frames."""
    if image.shape[0] not in (1, frames):
        raise InputError(
            f"{frames} frames are to be pasted into {image.shape[0]} pictures; connect one picture, or as many as "
            "there are frames."
        )


def check_room(frames: int, image: torch.Tensor, copies: int = 1, others: int = 0) -> None:
    """InputError where so many pasted frames would not fit into memory: else the system would end the host.

    image [b, h, w, c]: what they are pasted into · copies: how many nodes hold such a film at once · others: float32
    values that have to fit beside them.
    """
    height, width = image.shape[1:3]
    needed = 4 * (3 * copies * frames * height * width + others)
    free = comfy.model_management.get_free_memory(comfy.model_management.intermediate_device())
    if needed > free:
        raise InputError(
            f"{frames} frames of {width} x {height} pixels take {memory_words(needed)}, but {memory_words(free)} are "
            "free; connect the picture to Decode to Video, which pastes while it writes, make it smaller before Face "
            "Regions, or the speech shorter."
        )


def check_even(portrait: Portrait, workflow: dict[str, Any], own_id: str | None) -> None:
    """InputError where Create Video shall take frames of a picture with an odd side: Save Video cannot write them."""
    height, width = portrait.pixels.shape[-2:]
    made = any(_takes(node, own_id, "images") for node in workflow.values() if node["class_type"] == "CreateVideo")
    if made and (height % 2 or width % 2):
        raise InputError(
            f"The picture is {width} x {height} pixels, but the videos of Create Video need even sides; crop a row or "
            "column off before Face Regions, or connect the picture to Decode to Video, which takes any."
        )


def pasted_again(workflow: dict[str, Any], own_id: str | None) -> int:
    """How many Paste Backs, one after the other, take these frames as their pictures."""
    following = [
        1 + pasted_again(workflow, node_id)
        for node_id, node in workflow.items()
        if node["class_type"] == "EmotiveTalkPasteBack" and _takes(node, own_id, "image")
    ]
    return max(following, default=0)


def _takes(node: dict[str, Any], source: str | None, name: str) -> bool:
    """Whether the node's input is wired to the first output of the node `source`."""
    return node["inputs"].get(name) == [source, 0]


def _sharpened(
    crops: torch.Tensor,
    image: torch.Tensor,
    transparency: torch.Tensor | None,
    regions: Regions,
    detail: float,
    head_pose: HeadPose | None,
) -> Iterator[torch.Tensor]:
    """The frames [3, side, side] of the crop with the detail of the picture, or of each frame's own picture."""
    frames = (frames_of(crop)[0] for crop in crops.split(1))
    if detail == 0:
        return frames
    record = regions.record

    def square(portrait: Portrait) -> torch.Tensor:
        check_picture(portrait, record)
        return crop_square(flatten_alpha(portrait), record, record.side)

    portraits = _portraits(image, transparency)
    squares = repeat(square(next(portraits))) if image.shape[0] == 1 else map(square, portraits)
    box = box_of_mask(regions.face_mask)
    return at_own_resolution(frames, squares, regions.crop, amount=detail, head_pose=head_pose, face_box=box)


def _composed(
    frames: Iterator[torch.Tensor],
    image: torch.Tensor,
    transparency: torch.Tensor | None,
    regions: Regions,
    feather: float,
) -> Iterator[torch.Tensor]:
    """The whole pictures [1, 3 or 4, h, w] in their order: all on one picture, or each on its own."""
    portraits = _portraits(image, transparency)
    if image.shape[0] == 1:
        chunks = (frame[None] for frame in frames)
        yield from paste_back_stream(chunks, next(portraits), regions.record, feather)
        return
    for composed in paste_back_film(frames, portraits, regions.record, feather):
        yield composed[None]


def _portraits(image: torch.Tensor, transparency: torch.Tensor | None) -> Iterator[Portrait]:
    """Each picture with its own transparency, or with the one that all share."""
    for index in range(image.shape[0]):
        own = transparency
        if own is not None and own.dim() == 3:
            own = own[min(index, own.shape[0] - 1)]
        yield portrait_of(image[index : index + 1], own)


def _first(mask: torch.Tensor | None) -> torch.Tensor | None:
    """The first MASK of a batch [b, h, w], or one without a batch."""
    return mask if mask is None or mask.dim() == 2 else mask[0]
