"""What the pack offers the host: its weights folder and its nodes, in the order of the method."""

from comfy_api.latest import ComfyExtension, io

from .audio import EncodeAudio, LoadAudioEncoder
from .emotion import LoadEmotion
from .ethd import Condition, LoadETHD
from .example import ExampleFaces, ExampleInputs
from .expression import EncodeExpression, LoadFaceEncoders
from .face import FaceRegions, PasteBack
from .preview import PreviewExpression
from .sampler import WindowedSampler
from .v_aid import LoadVAID, ProjectLips, SampleExpression
from .video import DecodeVideo
from .weights import register_weights_folder


class EmotiveTalkExtension(ComfyExtension):
    """The node pack."""

    async def on_load(self) -> None:
        register_weights_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            LoadAudioEncoder,
            EncodeAudio,
            LoadVAID,
            ProjectLips,
            LoadFaceEncoders,
            EncodeExpression,
            LoadEmotion,
            SampleExpression,
            FaceRegions,
            LoadETHD,
            Condition,
            WindowedSampler,
            DecodeVideo,
            PasteBack,
            PreviewExpression,
            ExampleInputs,
            ExampleFaces,
        ]
