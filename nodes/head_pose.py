"""Where the head stands in each frame: a sway, keyframes, or the course of a head in a driving video."""

from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io

from ..emotivetalk_core.direction.head_pose import EXAMPLE, from_course, from_keys, parse_keys, sway
from ..emotivetalk_core.direction.head_reading import read_head_course
from ..emotivetalk_core.models.head_pose_reader import KIND, HeadPoseReader, HeadPoseReaderConfig
from ..emotivetalk_core.types import AudioFeatures, HeadPose
from .expression import FaceEncoders
from .face_places import BOX_TYPES, LandmarksSocket, face_places, node_words
from .hosted import load_hosted, to_host
from .layouts import portrait_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY, AudioFeaturesSocket, FaceEncodersSocket, HeadPoseSocket
from .weights import WeightsNode, choices, path_of

LANDMARKS_ONLY = "none (landmarks)"
LENGTH = "From Encode Speech: sets how long the head moves."


class SwayHead(io.ComfyNode):
    """A head that moves a little by itself."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkSwayHead",
            display_name="Sway Head",
            category=f"{CATEGORY}/head pose",
            description="Makes the head sway and nod while it speaks, as much as you like. Connect it to "
            "Condition Talking Face.",
            search_aliases=["emotivetalk head motion", "head movement", "nod", "idle motion", "motion bucket"],
            inputs=[
                AudioFeaturesSocket.Input("audio_features", tooltip=LENGTH),
                io.Float.Input(
                    "amount",
                    default=60.0,
                    min=0.0,
                    max=255.0,
                    step=5.0,
                    tooltip="How much it moves: 0 is still, 60 an ordinary speaker, 150 a lively one.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another seed gives a different movement.",
                ),
            ],
            outputs=[HeadPoseSocket.Output(display_name="head pose")],
        )

    @classmethod
    def execute(cls, audio_features: AudioFeatures, amount: float = 60.0, seed: int = 0) -> io.NodeOutput:
        return io.NodeOutput(_hosted(sway(audio_features.frames, amount, seed)))


class HeadPoseKeys(io.ComfyNode):
    """A course through keyframes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkHeadPoseKeys",
            display_name="Head Pose Keyframes",
            category=f"{CATEGORY}/head pose",
            description="Turns the head by keyframes, one per line: a time in seconds, then what differs "
            "from the portrait. Connect it to Condition Talking Face.",
            search_aliases=["emotivetalk head pose", "head turn", "head keyframes", "yaw pitch roll", "camera"],
            inputs=[
                AudioFeaturesSocket.Input("audio_features", tooltip=LENGTH),
                io.String.Input(
                    "keyframes",
                    default=EXAMPLE,
                    multiline=True,
                    tooltip="Lines such as: 1.5 yaw=12 pitch=-4. Yaw, pitch and roll are in degrees (positive: "
                    "towards the right edge of the picture, down, clockwise), x and y are fractions of the crop, "
                    "size is a factor.",
                ),
            ],
            outputs=[HeadPoseSocket.Output(display_name="head pose")],
        )

    @classmethod
    def execute(cls, audio_features: AudioFeatures, keyframes: str = EXAMPLE) -> io.NodeOutput:
        return io.NodeOutput(_hosted(from_keys(parse_keys(keyframes), audio_features.frames)))


class ReadHeadPose(WeightsNode):
    """How a head moves in a video, for another head to follow."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkReadHeadPose",
            display_name="Head Pose from Video",
            category=f"{CATEGORY}/head pose",
            description="Reads how the head moves in a video and gives that movement, but not its position "
            "or face, to another head. A shorter video is played back and forth. Connect it to Condition "
            "Talking Face.",
            search_aliases=["emotivetalk head tracking", "head pose estimation", "driving video", "motion transfer"],
            hidden=HIDDEN,
            inputs=[
                io.Image.Input("image", tooltip="The frames of the driving video, at 25 per second."),
                AudioFeaturesSocket.Input("audio_features", tooltip=LENGTH),
                io.Combo.Input(
                    "reader",
                    options=[*choices(KIND), LANDMARKS_ONLY],
                    tooltip="The network that reads the poses of drawn and rendered heads. Films of people "
                    "need landmarks instead; connected landmarks always take precedence.",
                ),
                FaceEncodersSocket.Input(
                    "face_encoders",
                    optional=True,
                    tooltip="From Load Face Encoders: finds the head if no landmarks or box are connected.",
                ),
                LandmarksSocket.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip="Where the face is in these frames, from Detect Face Landmarks: photographs need "
                    "it, drawn heads do not.",
                ),
                io.MultiType.Input(
                    "bounding_box", BOX_TYPES, optional=True, tooltip="The face's box, if no landmarks are connected."
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How much of the movement is used: 1 all of it, 2 twice as much.",
                ),
                io.Float.Input(
                    "smooth",
                    default=0.12,
                    min=0.0,
                    max=2.0,
                    step=0.02,
                    tooltip="Seconds over which the movement is smoothed; more removes trembling and small nods.",
                ),
            ],
            outputs=[HeadPoseSocket.Output(display_name="head pose")],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        audio_features: AudioFeatures,
        reader: str = LANDMARKS_ONLY,
        face_encoders: FaceEncoders | None = None,
        face_landmarks: Any = None,
        bounding_box: Any = None,
        strength: float = 1.0,
        smooth: float = 0.12,
    ) -> io.NodeOutput:
        places, note = face_places(face_landmarks, bounding_box, image)
        hosted = None
        if reader != LANDMARKS_ONLY:
            hosted = load_hosted(path_of(reader), KIND, HeadPoseReader, HeadPoseReaderConfig)
        notes = [note] if note else []
        with node_words("bounding_box", "face_landmarks"):
            course = read_head_course(
                None if hosted is None else hosted.loaded(),
                [portrait_of(image[index : index + 1]) for index in range(image.shape[0])],
                places,
                detector=None if face_encoders is None else face_encoders.detector(),
                device="cpu" if hosted is None else hosted.device,
                on_step=comfy.utils.ProgressBar(image.shape[0]).update_absolute,
                on_note=notes.append,
            )
        pose = from_course(course, audio_features.frames, strength=strength, smooth=smooth)
        return io.NodeOutput(_hosted(pose), ui=ui_notes(cls, notes))


def _hosted(pose: HeadPose) -> HeadPose:
    return HeadPose(to_host(pose.values))
