"""What the pack offers the host: its weights folder and its nodes, in the order of the method."""

from comfy_api.latest import ComfyExtension, io

from .audio import EncodeAudio, LoadAudioEncoder
from .codebook import CodebookEmotion, CodebookSheet, LoadCodebook, SaveCodebook
from .codebook_workshop import BuildCodebook, EditCodebook, MergeCodebooks
from .emotion import LoadEmotion
from .ethd import Condition, LoadETHD
from .example import ExampleFaces, ExampleInputs
from .expression import EncodeExpression, LoadFaceEncoders
from .face import FaceRegions, PasteBack
from .head_pose import HeadPoseKeys, ReadHeadPose, SwayHead
from .measure import MeasureVideo
from .photograph import ConditionPhotograph, LoadPhotograph
from .photograph_guider import PhotographGuider
from .preview import PreviewExpression
from .retime import RetimeExpression
from .sampler import WindowedSampler
from .speech_emotion import HearEmotion, LoadSpeechEmotion
from .takes import EditTake, LoadTake, SaveTake
from .text_emotion import EmotionFromText
from .timeline import BlendEmotions, ScaleEmotion, Timeline
from .v_aid import LoadVAID, ProjectLips, SampleExpression
from .video import DecodeVideo
from .weights import register_weights_folder

NODE_CLASS_MAPPINGS: dict[str, type[io.ComfyNode]] = {
    "EmotiveTalkLoadAudioEncoder": LoadAudioEncoder,
    "EmotiveTalkEncodeAudio": EncodeAudio,
    "EmotiveTalkLoadVAID": LoadVAID,
    "EmotiveTalkProjectLips": ProjectLips,
    "EmotiveTalkLoadFaceEncoders": LoadFaceEncoders,
    "EmotiveTalkEncodeExpression": EncodeExpression,
    "EmotiveTalkLoadEmotion": LoadEmotion,
    "EmotiveTalkLoadCodebook": LoadCodebook,
    "EmotiveTalkBuildCodebook": BuildCodebook,
    "EmotiveTalkEditCodebook": EditCodebook,
    "EmotiveTalkMergeCodebooks": MergeCodebooks,
    "EmotiveTalkCodebookEmotion": CodebookEmotion,
    "EmotiveTalkCodebookSheet": CodebookSheet,
    "EmotiveTalkSaveCodebook": SaveCodebook,
    "EmotiveTalkEmotionFromText": EmotionFromText,
    "EmotiveTalkLoadSpeechEmotion": LoadSpeechEmotion,
    "EmotiveTalkHearEmotion": HearEmotion,
    "EmotiveTalkBlendEmotions": BlendEmotions,
    "EmotiveTalkScaleEmotion": ScaleEmotion,
    "EmotiveTalkTimeline": Timeline,
    "EmotiveTalkSampleExpression": SampleExpression,
    "EmotiveTalkRetimeExpression": RetimeExpression,
    "EmotiveTalkSaveTake": SaveTake,
    "EmotiveTalkLoadTake": LoadTake,
    "EmotiveTalkEditTake": EditTake,
    "EmotiveTalkFaceRegions": FaceRegions,
    "EmotiveTalkSwayHead": SwayHead,
    "EmotiveTalkHeadPoseKeys": HeadPoseKeys,
    "EmotiveTalkReadHeadPose": ReadHeadPose,
    "EmotiveTalkLoadETHD": LoadETHD,
    "EmotiveTalkCondition": Condition,
    "EmotiveTalkWindowedSampler": WindowedSampler,
    "EmotiveTalkDecodeVideo": DecodeVideo,
    "EmotiveTalkPasteBack": PasteBack,
    "EmotiveTalkPreviewExpression": PreviewExpression,
    "EmotiveTalkLoadPhotograph": LoadPhotograph,
    "EmotiveTalkConditionPhotograph": ConditionPhotograph,
    "EmotiveTalkPhotographGuider": PhotographGuider,
    "EmotiveTalkMeasureVideo": MeasureVideo,
    "EmotiveTalkExampleInputs": ExampleInputs,
    "EmotiveTalkExampleFaces": ExampleFaces,
}
"""Every node by its id. Catalogues of custom nodes read this table without running it."""


class EmotiveTalkExtension(ComfyExtension):
    """The node pack."""

    async def on_load(self) -> None:
        register_weights_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(NODE_CLASS_MAPPINGS.values())
