"""All networks of a weights folder of DICE-Talk or Sonic, loaded together and checked against each other."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import WeightsError
from ..weight_files.checkpoint import config_from_dict, load_network, read_metadata
from . import adapted_unet, photograph_encoders, picture_encoder, whisper_encoder
from .adapted_unet import AdaptedUNet, AdaptedUNetConfig
from .codebook import KIND as CODEBOOK
from .codebook import EmotionCodebook
from .photograph_encoders import PhotographEncoders, PhotographEncodersConfig
from .photograph_presets import PhotographDefaults
from .picture_encoder import PictureEncoder, load_picture_encoder
from .speech_emotion import SpeechEmotionRecogniser, load_speech_emotion
from .vae_checkpoint import load_vae
from .vae_network import TemporalVAE
from .whisper_encoder import WhisperEncoder, WhisperEncoderConfig


@dataclass(frozen=True)
class PhotographSet:
    """Everything that a photograph's talking takes, frozen, on one device. codebook None: the weights know no emotion ·
    speech_emotion None: the folder has none.
    """

    unet: AdaptedUNet
    encoders: PhotographEncoders
    vae: TemporalVAE
    picture_encoder: PictureEncoder
    speech_encoder: WhisperEncoder
    codebook: EmotionCodebook | None
    defaults: PhotographDefaults
    speech_emotion: SpeechEmotionRecogniser | None = None

    @property
    def device(self) -> torch.device:
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype


def is_photograph_folder(folder: Path) -> bool:
    """Whether a weights folder is one of these, and not one of ETHD."""
    return (Path(folder) / f"{adapted_unet.KIND}.safetensors").is_file()


def load_photograph_set(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> PhotographSet:
    """Load a weights folder that `convert --kind dice-talk` or `sonic` wrote. dtype None is float32.

    Raises WeightsError naming the file that is missing, damaged, or not made for the others.
    """
    folder, place = Path(folder), (device, dtype)

    def file(kind: str) -> Path:
        return folder / f"{kind}.safetensors"

    defaults = read_photograph_defaults(file(adapted_unet.KIND))
    recogniser, codebook = file("speech_emotion"), file(CODEBOOK)
    models = PhotographSet(
        unet=load_network(file(adapted_unet.KIND), adapted_unet.KIND, AdaptedUNet, AdaptedUNetConfig, *place),
        encoders=load_network(
            file(photograph_encoders.KIND),
            photograph_encoders.KIND,
            PhotographEncoders,
            PhotographEncodersConfig,
            *place,
        ),
        vae=load_vae(file("vae"), *place),
        picture_encoder=load_picture_encoder(file(picture_encoder.KIND), *place),
        speech_encoder=load_network(
            file(whisper_encoder.KIND), whisper_encoder.KIND, WhisperEncoder, WhisperEncoderConfig, device
        ),
        codebook=EmotionCodebook.load(codebook) if codebook.exists() else None,
        defaults=defaults,
        speech_emotion=load_speech_emotion(recogniser, device) if recogniser.exists() else None,
    )
    try:
        check_photograph_widths(models.unet.config, models.encoders.config)
        _check_companions(models)
    except ValueError as error:
        raise WeightsError(f"The files in {folder} are not of the same model: {error}") from error
    for network in (models.unet, models.encoders, models.vae, models.picture_encoder, models.speech_encoder):
        network.requires_grad_(False)
    return models


def read_photograph_defaults(path: Path) -> PhotographDefaults:
    """How the weights in a backbone's file are sampled. Raises WeightsError where it does not say."""
    values = json.loads(read_metadata(path, adapted_unet.KIND).get("defaults", "{}"))
    if not values:
        raise WeightsError(f"{path} does not say how to sample it; convert the published weights again.")
    return config_from_dict(PhotographDefaults, values, path)


def check_photograph_widths(unet: AdaptedUNetConfig, encoders: PhotographEncodersConfig) -> None:
    """ValueError where backbone and encoders are not of the same model."""
    if unet.cross_dim != encoders.token_dim:
        raise ValueError(f"the backbone takes tokens {unet.cross_dim} wide, the encoders give {encoders.token_dim}.")
    if (unet.adapters == 2) != bool(encoders.emotion_dim):
        raise ValueError("one of backbone and encoders knows emotions, and the other does not.")
    if encoders.guide_channels and encoders.guide_dim != unet.block_channels[0]:
        raise ValueError(
            f"the face guide gives {encoders.guide_dim} channels, the backbone takes {unet.block_channels[0]}."
        )


def _check_companions(models: PhotographSet) -> None:
    heard, speech = models.encoders.config, models.speech_encoder.config
    if (heard.speech_states, heard.speech_width) != (speech.states, speech.d_model):
        raise ValueError("the encoders were made for another Whisper.")
    if models.picture_encoder.config.projection_dim != models.unet.config.cross_dim:
        raise ValueError("the backbone was made for another picture encoder.")
    if models.codebook is not None and models.codebook.latents.shape[1] != heard.emotion_dim:
        raise ValueError(
            f"the codebook's emotions are {models.codebook.latents.shape[1]} wide, the encoders take "
            f"{heard.emotion_dim}."
        )
