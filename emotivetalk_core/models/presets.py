"""The two sizes of the model, as configs. Nothing else in the project knows that there are two."""

from dataclasses import dataclass

from ..diffusion.noise_levels import NoiseGrid
from .dicte import DiCTEConfig
from .ethd import ETHDConfig
from .lip_projector import LipProjectorConfig
from .motion_encoder import MotionEncoderConfig
from .speech_emotion import SpeechEmotionConfig
from .vae_network import VAEConfig
from .wav2vec2 import SpeechEncoderConfig


@dataclass(frozen=True)
class SamplingDefaults:
    """How these weights are sampled unless the user says otherwise. Travels in the ETHD file.

    steps, grid, sigma_max: of the video diffusion · expression_steps, expression_guidance: DDIM steps of Di-CTE, and
    how far it goes towards the emotion · window, overlap: frames ·
    size: of the square picture in pixels · motion_bucket: the amount of head motion, 0…255.
    """

    steps: int = 25
    grid: NoiseGrid = "karras"
    expression_steps: int = 25
    expression_guidance: float = 1.0
    window: int = 120
    overlap: int = 24
    size: int = 512
    motion_bucket: float = 60.0
    sigma_max: float = 700.0


PAPER_WINDOWS = {512: (120, 24), 1024: (32, 12)}
"""Window and overlap in frames by the size in pixels (EmotiveTalk §6.4)."""


def draws_at(defaults: SamplingDefaults, size: int) -> bool:
    """Whether weights draw squares of this size: the paper's any multiple of 64, small ones those alone that they were
    trained at. At twice their size the bundled weights' mouth stands still. [ours]
    """
    return size == defaults.size or defaults.size in PAPER_WINDOWS


def windows_at(defaults: SamplingDefaults, size: int) -> tuple[int, int]:
    """Window and overlap for a square of `size` pixels: the weights' own at their own size, the paper's where they are
    the paper's. Elsewhere the paper is silent: smaller squares keep the window that was trained, larger ones take as
    many pixels at once as their own size does, and overlap by three eighths as the paper's shorter window does. [ours]
    """
    if size == defaults.size:
        return defaults.window, defaults.overlap
    if PAPER_WINDOWS.get(defaults.size) == (defaults.window, defaults.overlap) and size in PAPER_WINDOWS:
        return PAPER_WINDOWS[size]
    if size < defaults.size:
        return defaults.window, defaults.overlap
    window = max(1, int(defaults.window * (defaults.size / size) ** 2))
    return window, window * 3 // 8


@dataclass(frozen=True)
class ModelPreset:
    """The networks of one size, whose widths must agree with each other, and their sampling defaults."""

    speech_encoder: SpeechEncoderConfig
    lip_projector: LipProjectorConfig
    motion_encoder: MotionEncoderConfig
    dicte: DiCTEConfig
    ethd: ETHDConfig
    vae: VAEConfig
    sampling: SamplingDefaults

    def __post_init__(self) -> None:
        check_widths(self.speech_encoder, self.lip_projector, self.motion_encoder, self.dicte, self.ethd)


def check_widths(
    speech_encoder: SpeechEncoderConfig,
    lip_projector: LipProjectorConfig,
    motion_encoder: MotionEncoderConfig,
    dicte: DiCTEConfig,
    ethd: ETHDConfig,
) -> None:
    """ValueError where what one network gives is not as wide as what the next one takes."""
    for name, widths in {
        "audio": {speech_encoder.hidden_size, lip_projector.audio_dim, dicte.audio_dim},
        "audio window": {lip_projector.window, dicte.audio_window},
        "lip": {lip_projector.lip_dim, motion_encoder.lip_dim, ethd.lip_dim},
        "expression": {motion_encoder.expression_dim, dicte.expression_dim, ethd.expression_dim},
        "identity": {motion_encoder.trunk_dim, dicte.identity_dim},
    }.items():
        if len(widths) > 1:
            raise ValueError(f"its networks disagree about the {name} width, {' and '.join(map(str, sorted(widths)))}.")


FULL = ModelPreset(
    speech_encoder=SpeechEncoderConfig.base(),
    lip_projector=LipProjectorConfig(),
    motion_encoder=MotionEncoderConfig(),
    dicte=DiCTEConfig(),
    ethd=ETHDConfig(),
    vae=VAEConfig(),
    sampling=SamplingDefaults(),
)
"""The paper's size (EmotiveTalk table 6: ETHD has 1.58 G parameters)."""

DEMO = ModelPreset(
    speech_encoder=SpeechEncoderConfig(
        conv_dim=(64,) * 7,
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        num_conv_pos_embeddings=32,
        num_conv_pos_embedding_groups=8,
    ),
    lip_projector=LipProjectorConfig(audio_dim=128, width=128, heads=4, lip_dim=64),
    motion_encoder=MotionEncoderConfig(
        input_size=96, aligned=False, trunk="small", trunk_dim=128, head_width=128, lip_dim=64, adapter_channels=16
    ),
    dicte=DiCTEConfig(audio_dim=128, identity_dim=128, width=128, layers=4, heads=4),
    ethd=ETHDConfig(
        block_channels=(32, 64, 128, 128),
        attends=(False, True, True, False),  # 32 x 32 latents: attention at 16 x 16 and 8 x 8
        layers_per_block=1,
        head_dim=32,
        cross_dim=128,
        lip_dim=64,
        norm_groups=2,  # bfloat16 group norms are slow on CPUs with fewer than 16 channels a group
        addition_embed_dim=64,
    ),
    # a quarter of the picture's size, not an eighth: at 128 pixels a mouth is 25 wide
    vae=VAEConfig(block_channels=(32, 64, 64), layers_per_block=1, norm_groups=2, finer=2),
    # guidance 2: trained on expressions of all strengths, Di-CTE alone gives the codebook at three quarters;
    # motion 0: a still head is what these weights have seen most
    sampling=SamplingDefaults(
        steps=5,
        grid="ays",
        expression_guidance=2.0,
        window=8,
        overlap=2,
        size=128,
        motion_bucket=0.0,
        sigma_max=80.0,
    ),
)
"""A size for a laptop's CPU; its weights are trained by this project on drawn heads and shipped with it."""

DEMO_SPEECH_EMOTION = SpeechEmotionConfig(
    # 40 ms every 12.5 ms, long enough for the pitch of low voices; then 20 features a second
    conv_dim=(256, 128, 96, 96),
    conv_kernel=(640, 1, 3, 3),
    conv_stride=(200, 1, 2, 2),
    conv_bias=True,
    feat_extract_norm="layer",
    do_stable_layer_norm=True,
    hidden_size=96,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=192,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=8,
    num_buckets=64,
    max_bucket_distance=160,
    classifier_proj_size=96,
)
"""The demo's recogniser of emotions in speech. Recordings are heard at unit variance: their gain is the microphone's,
and says nothing of the voice.
"""
