"""All networks of one weights folder, loaded together and checked against each other."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..errors import WeightsError
from ..layers.resnet import as_pictures_lie
from ..weight_files.checkpoint import Config, config_from_dict, load_network, read_metadata
from ..weight_files.manifest import MANIFEST, verify_manifest
from .close_up import KIND as CLOSE_UP
from .close_up import CloseUpNetwork, load_close_up
from .codebook import EmotionCodebook
from .dicte import DiCTE, DiCTEConfig
from .ethd import ETHD, ETHDConfig
from .face_finder import FaceFinder, FaceFinderConfig
from .face_reading import detector_for
from .head_pose_reader import KIND as HEAD_POSE_READER
from .head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from .lip_projector import LipProjector, LipProjectorConfig
from .motion_encoder import MotionEncoder, MotionEncoderConfig
from .presets import ModelPreset, SamplingDefaults, check_widths
from .retoucher import KIND as RETOUCHER
from .retoucher import Retoucher, load_retoucher
from .speech_emotion import SpeechEmotionRecogniser, load_speech_emotion
from .speech_encoder import SpeechEncoder
from .vae_checkpoint import load_vae
from .vae_network import TemporalVAE, VAEConfig
from .wav2vec2 import SpeechEncoderConfig

if TYPE_CHECKING:
    from ..face.finder import FaceDetector


@dataclass(frozen=True)
class ModelSet:
    """Everything that a talking video needs, frozen, on one device. face_finder, speech_emotion, head_pose_reader,
    retoucher, close_up None: the folder has none. speech_emotion is loaded when it is first called: few films ask for
    it, and its library takes seconds to import.
    """

    speech_encoder: SpeechEncoder
    lip_projector: LipProjector
    motion_encoder: MotionEncoder
    dicte: DiCTE
    ethd: ETHD
    vae: TemporalVAE
    codebook: EmotionCodebook
    face_finder: FaceFinder | None
    defaults: SamplingDefaults
    speech_emotion: Callable[[], SpeechEmotionRecogniser] | None = None
    head_pose_reader: HeadPoseReader | None = None
    retoucher: Retoucher | None = None
    close_up: CloseUpNetwork | None = None

    @property
    def device(self) -> torch.device:
        return next(self.ethd.parameters()).device

    @property
    def picture_size(self) -> int:
        """Side in pixels of the square talking crop that these weights were made for."""
        return self.defaults.size

    @property
    def find_faces(self) -> "FaceDetector | None":
        """What finds the faces that these weights know; None: the folder holds no finder."""
        return detector_for(self.motion_encoder.config, self.face_finder.find if self.face_finder is not None else None)

    @property
    def picture_memory(self) -> FaceFinder | None:
        """What says whether these weights know pictures like one; None for weights that know photographs, or without a
        finder.
        """
        return None if self.motion_encoder.config.aligned else self.face_finder

    def recogniser(self) -> SpeechEmotionRecogniser:
        """What hears the emotion in speech. WeightsError where the folder has none, which says how to get one."""
        if self.speech_emotion is None:
            raise WeightsError(
                "These weights hold no speech_emotion.safetensors, so no emotion can be recognised in the speech; "
                "copy the bundled demo's file beside them, or make one with `convert --kind wavlm-emotion`."
            )
        return self.speech_emotion()


def load_model_set(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    picture_dtype: torch.dtype | None = None,
    verify: bool = True,
    size: int | None = None,
) -> ModelSet:
    """Load a weights folder. Its manifest, where it has one, is verified first unless `verify` is False.

    dtype None is float32; picture_dtype, of ETHD and the VAE, None is as `dtype` · size: of the square that shall be
    drawn, in pixels; see `backbone_file`. Raises WeightsError naming the file that is missing, damaged, or not made for
    the others.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WeightsError(f"The weights folder {folder} does not exist; give the folder that holds ethd.safetensors.")
    if verify and (folder / MANIFEST).is_file():
        verify_manifest(folder)
    place, picture_place = (device, dtype), (device, picture_dtype or dtype)

    def file(kind: str) -> Path:
        return folder / f"{kind}.safetensors"

    backbone = backbone_file(folder, size)
    defaults = read_sampling_defaults(backbone)
    finder, recogniser, reader = file("face_finder"), file("speech_emotion"), file(HEAD_POSE_READER)
    retoucher, close_up = file(RETOUCHER), file(CLOSE_UP)
    models = ModelSet(
        speech_encoder=load_network(
            file("speech_encoder"), "speech_encoder", SpeechEncoder, SpeechEncoderConfig, *place
        ),
        lip_projector=load_network(file("lip_projector"), "lip_projector", LipProjector, LipProjectorConfig, *place),
        motion_encoder=load_network(
            file("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, *place
        ),
        dicte=load_network(file("dicte"), "dicte", DiCTE, DiCTEConfig, *place),
        ethd=load_network(backbone, "ethd", ETHD, ETHDConfig, *picture_place),
        vae=load_vae(file("vae"), *picture_place),
        codebook=EmotionCodebook.load(file("emotion_codebook")),
        # faces are found on the CPU in float32: the picture is there, and the network is tiny
        face_finder=load_network(finder, "face_finder", FaceFinder, FaceFinderConfig) if finder.exists() else None,
        defaults=defaults,
        speech_emotion=_later(recogniser, device) if recogniser.exists() else None,
        head_pose_reader=(
            load_network(reader, HEAD_POSE_READER, HeadPoseReader, HeadPoseReaderConfig) if reader.exists() else None
        ),
        retoucher=load_retoucher(retoucher, *picture_place) if retoucher.exists() else None,
        close_up=load_close_up(close_up, *picture_place) if close_up.exists() else None,
    )
    try:
        check_widths(
            models.speech_encoder.config,
            models.lip_projector.config,
            models.motion_encoder.config,
            models.dicte.config,
            models.ethd.config,
        )
    except ValueError as error:
        raise WeightsError(f"The files in {folder} are not of the same model: {error}") from error
    for network in (models.speech_encoder, models.lip_projector, models.motion_encoder, models.dicte, models.ethd):
        network.requires_grad_(False)
    as_pictures_lie(models.ethd)
    as_pictures_lie(models.vae)
    for network in (models.vae, models.face_finder):
        if isinstance(network, nn.Module):
            network.requires_grad_(False)
    return models


def backbone_file(folder: Path, size: int | None = None) -> Path:
    """The ETHD that draws squares of `size` pixels: `ethd_SIZE.safetensors` where the folder has one, as `train full`
    leaves it of its second size (EmotiveTalk §6.4), else `ethd.safetensors`. None: that one.
    """
    own = folder / f"ethd_{size}.safetensors"
    return own if own.is_file() else folder / "ethd.safetensors"


def _later(recogniser: Path, device: torch.device | str) -> Callable[[], SpeechEmotionRecogniser]:
    """Loads it once it is asked for. WeightsError at once where the file is of another kind, or cut short."""
    if recogniser.is_file():
        read_metadata(recogniser, "speech_emotion")
    return functools.cache(functools.partial(load_speech_emotion, recogniser, device))


def read_preset(folder: Path) -> ModelPreset:
    """The sizes of a weights folder's networks, as its files tell them. Raises WeightsError."""

    def config(kind: str, config_class: type[Config]) -> Config:
        path = folder / f"{kind}.safetensors"
        return config_from_dict(config_class, json.loads(read_metadata(path, kind)["config"]), path)

    try:
        return ModelPreset(
            speech_encoder=config("speech_encoder", SpeechEncoderConfig),
            lip_projector=config("lip_projector", LipProjectorConfig),
            motion_encoder=config("motion_encoder", MotionEncoderConfig),
            dicte=config("dicte", DiCTEConfig),
            ethd=config("ethd", ETHDConfig),
            vae=config("vae", VAEConfig),
            sampling=read_sampling_defaults(folder / "ethd.safetensors"),
        )
    except ValueError as error:
        raise WeightsError(f"The files in {folder} are not of the same model: {error}") from error


def read_sampling_defaults(path: Path) -> SamplingDefaults:
    """How the weights in an ETHD file are sampled. Raises WeightsError where it does not say."""
    values = json.loads(read_metadata(path, "ethd").get("defaults", "{}"))
    if not values:
        raise WeightsError(f"{path} does not say how to sample it; save it again with its sampling defaults.")
    return config_from_dict(SamplingDefaults, values, path)
