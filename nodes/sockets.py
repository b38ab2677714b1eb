"""The pack's own sockets. Each carries a frozen dataclass of the core, or networks under the host's management;
everything else is the host's own type, so that other packs connect without adapters.
"""

from comfy_api.latest import io

CATEGORY = "EmotiveTalk"
"""Where the editor's menus have the nodes; each in a folder below it, by its part in the method."""

TRANSPARENCY_INPUT = io.Mask.Input(
    "transparency",
    optional=True,
    tooltip="The MASK from Load Image, white where the picture is transparent. Without it the picture is opaque.",
)
"""Of each node that takes a whole picture. The host's IMAGE seldom has an alpha channel: Load Image gives this."""

AudioFeaturesSocket = io.Custom("EMOTIVETALK_AUDIO_FEATURES")
"""core types.AudioFeatures"""

LipProjectorSocket = io.Custom("EMOTIVETALK_LIP_PROJECTOR")
"""hosted.HostedNetwork of a LipProjector"""

ExpressionSamplerSocket = io.Custom("EMOTIVETALK_EXPRESSION_SAMPLER")
"""hosted.HostedNetwork of a DiCTE"""

SpeechEmotionSocket = io.Custom("EMOTIVETALK_SPEECH_EMOTION")
"""hosted.HostedNetwork of a SpeechEmotionRecogniser"""

FaceEncodersSocket = io.Custom("EMOTIVETALK_FACE_ENCODERS")
"""expression.FaceEncoders: the motion encoder and, where the weights have one, the drawn heads' finder"""

FaceSocket = io.Custom("EMOTIVETALK_FACE")
"""core types.MotionLatents of one portrait, each [1, d]: whose face it is and what it shows"""

EmotionSocket = io.Custom("EMOTIVETALK_EMOTION")
"""core types.Emotion"""

EmotionCodebookSocket = io.Custom("EMOTIVETALK_EMOTION_CODEBOOK")
"""core models.codebook.EmotionCodebook"""

LipLatentsSocket = io.Custom("EMOTIVETALK_LIP_LATENTS")
"""core types.LipLatents"""

ExpressionLatentsSocket = io.Custom("EMOTIVETALK_EXPRESSION_LATENTS")
"""core types.ExpressionLatents"""

HeadPoseSocket = io.Custom("EMOTIVETALK_HEAD_POSE")
"""core types.HeadPose"""

PhotographEncodersSocket = io.Custom("EMOTIVETALK_PHOTOGRAPH_ENCODERS")
"""hosted.HostedNetwork of PhotographEncoders"""

CropSocket = io.Custom("EMOTIVETALK_CROP")
"""core types.FaceRegions: the crop with its masks, and where in the picture it came from"""


def detail_input() -> io.Float.Input:
    """How much of the portrait's own detail a node gives back; the same question wherever frames are made or pasted."""
    return io.Float.Input(
        "detail",
        optional=True,  # workflows in API format that were saved before it do not give it
        default=1.0,
        min=0.0,
        max=1.0,
        step=0.05,
        tooltip="How much of the portrait's own detail is kept where nothing moves: 1 all of it, 0 only its colours.",
    )
