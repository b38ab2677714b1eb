"""The published weights of DICE-Talk and Sonic become a weights folder of ours, tensor by tensor.

Their files are pickles, which `pickles.py` reads as tensors alone; beside them their method takes Stable Video
Diffusion's autoencoder and picture encoder, and whisper-tiny. Everything is judged before anything is written.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import OutputError, WeightsError
from ..models.adapted_unet import KIND as UNET
from ..models.adapted_unet import AdaptedUNet, AdaptedUNetConfig
from ..models.codebook import KIND as CODEBOOK
from ..models.photograph_encoders import KIND as ENCODERS
from ..models.photograph_encoders import PhotographEncoders, PhotographEncodersConfig
from ..models.photograph_presets import DICE_TALK, SONIC, PhotographPreset
from ..models.picture_encoder import KIND as PICTURE_ENCODER
from ..models.picture_encoder import picture_encoder_stream
from ..models.whisper_encoder import KIND as WHISPER
from ..models.whisper_encoder import whisper_conversion
from ..weight_files.checkpoint import check_keys, describe
from ..weight_files.pickles import halved, published_tensors
from ..weight_files.safetensors_stream import StreamedTensor, write_stream
from .emotion_priors import read_priors
from .svd import LICENCE as SVD_LICENCE
from .svd import PublicTensors, unet_config, vae_conversion

LICENCE = "CC BY-NC-SA 4.0, {name}'s authors' (no commercial use); its parts of Stable Video Diffusion Stability AI's"
PRESETS = {"dice-talk": DICE_TALK, "sonic": SONIC}
_PUBLISHED = {
    "dice-talk": {"audio_linear": "speech_tokens.", "emo_model": "emotion_tokens.", "pose_guider": "face_guide."},
    "sonic": {"audio2token": "speech_tokens.", "audio2bucket": "motion_buckets."},
}
"""Files beside unet.pth, and where their keys belong in our encoders."""

_EMOTION_NAMES = (
    ("emo_linear.", "query."),
    ("kv_tokens_linear.", "memory."),
    ("codebook.codebook.", "bank."),
    ("attention.fc_", "to_"),
)
_TRAINING_ONLY = ("classifier.", "codebook.fc.")
"""Of the emotion network: what its training judged by, and what it looked rows up with."""

_ENDINGS = (".pth", ".safetensors")


@dataclass(frozen=True)
class Converted:
    """One file of the folder. parameters: None where it holds no network · unused: keys that nobody asked for."""

    path: Path
    parameters: int | None = None
    unused: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Plan:
    """A file that will be written as soon as all are judged."""

    name: str
    write: Callable[[Path], Converted]


def convert_photograph(kind: str, source: Path, out: Path, *, half: bool = False) -> tuple[list[Converted], list[str]]:
    """kind: "dice-talk" or "sonic" · source: a folder as `fetch` fills it, or any with the published files in it or one
    folder below · out: the weights folder · half: backbone and encoders in half precision.

    What was written, and what of a whole weights folder was not found below `source`. Raises WeightsError and
    OutputError.
    """
    source, out = Path(source), Path(out)
    if not source.is_dir():
        raise WeightsError(f"{source} is not a folder; give the one that holds {PRESETS[kind].name}'s unet.pth.")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file; give a folder for the weights.")
    preset = PRESETS[kind]
    plans = [_plan_unet(preset, _published(source, "unet"), half), _plan_encoders(kind, preset, source, half)]
    missing = []
    for what, name, plan in (
        ("Stable Video Diffusion's vae", "vae", _plan_vae),
        ("Stable Video Diffusion's image_encoder", "image_encoder", _plan_picture_encoder),
        ("whisper-tiny", "whisper-tiny", _plan_whisper),
    ):
        folder = next((path for path in (source / name, *source.glob(f"*/{name}")) if path.is_dir()), None)
        if folder is None:
            missing.append(what)
        else:
            plans.append(plan(folder))
    if preset.unet.adapters > 1:
        folder = next((path.parent for path in sorted(source.glob("**/neutral.npy"))), None)
        if folder is None:
            missing.append("the emotions (.npy)")
        else:
            plans.append(_plan_codebook(folder, LICENCE.format(name=preset.name)))
    return [plan.write(out / f"{plan.name}.safetensors") for plan in plans], missing


def _published(source: Path, stem: str) -> Path:
    for ending in _ENDINGS:
        for path in (source / f"{stem}{ending}", *sorted(source.glob(f"*/{stem}{ending}"))):
            if path.is_file():
                return path
    raise WeightsError(f"{source} holds no {stem}.pth, and no folder below it does; fetch the published weights again.")


def _plan_unet(preset: PhotographPreset, path: Path, half: bool) -> _Plan:
    published = published_tensors(path)
    tensors = {name.replace(".processor.", "."): tensor for name, tensor in published.items()}
    config = _unet_config(PublicTensors(path, "pickle", "", tensors, ()))
    if config.adapters != preset.unet.adapters:
        raise WeightsError(
            f"{path} has {config.adapters} adapters at each site, but {preset.name} has {preset.unet.adapters}; "
            "give the weights and their own --kind."
        )
    _check(path, UNET, AdaptedUNet(config, device="meta"), tensors)
    metadata = describe(
        UNET,
        config,
        {"from": f"{preset.name}'s published UNet, converted"},
        defaults=preset.sampling,
        licence=LICENCE.format(name=preset.name),
    )
    return _Plan(UNET, lambda target: _write(target, metadata, tensors, half))


def _unet_config(public: PublicTensors) -> AdaptedUNetConfig:
    svd, _ = unet_config(public)
    adapters = public.count("mid_block.attentions.0.transformer_blocks.0.attn2.to_k_ip.{}.weight")
    if adapters not in (1, 2):
        raise WeightsError(f"{public.path} has {adapters} adapters at each site, and 1 or 2 are expected.")
    return AdaptedUNetConfig(
        in_channels=svd.in_channels,
        out_channels=svd.out_channels,
        block_channels=svd.block_channels,
        attends=svd.attends,
        layers_per_block=svd.layers_per_block,
        head_dim=svd.head_dim,
        cross_dim=svd.cross_dim,
        addition_embed_dim=svd.addition_embed_dim,
        adapters=adapters,
    )


def _plan_encoders(kind: str, preset: PhotographPreset, source: Path, half: bool) -> _Plan:
    tensors: dict[str, StreamedTensor] = {}
    unused: list[str] = []
    for stem, prefix in _PUBLISHED[kind].items():
        path = _published(source, stem)
        for name, tensor in published_tensors(path).items():
            if prefix == "emotion_tokens." and name.startswith(_TRAINING_ONLY):
                unused.append(f"{stem}: {name}")
                continue
            tensors[prefix + _emotion_name(name)] = tensor
    config = _encoders_config(preset.encoders, tensors, source)
    _check(source, ENCODERS, PhotographEncoders(config, device="meta"), tensors)
    metadata = describe(
        ENCODERS,
        config,
        {"from": f"{preset.name}'s published {', '.join(_PUBLISHED[kind])}, converted"},
        licence=LICENCE.format(name=preset.name),
    )
    return _Plan(ENCODERS, lambda target: _write(target, metadata, tensors, half, tuple(unused)))


def _emotion_name(name: str) -> str:
    for theirs, ours in _EMOTION_NAMES:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _encoders_config(
    published: PhotographEncodersConfig, tensors: Mapping[str, StreamedTensor], source: Path
) -> PhotographEncodersConfig:
    """The sizes that shapes tell; the numbers of states, half-frames and heads are the published ones."""

    def shape(name: str) -> tuple[int, ...]:
        if name not in tensors:
            raise WeightsError(f"{source} lacks {name}, which the published weights have; fetch them again.")
        return tensors[name].shape

    token_dim = shape("speech_tokens.norm.weight")[0]
    width = shape("speech_tokens.proj1.weight")[1] // (published.speech_states * published.half_frames)
    config = replace(
        published,
        speech_width=width,
        token_dim=token_dim,
        picture_dim=token_dim,  # CLIP's embedding is a token of the backbone's, too
        hidden_dim=shape("speech_tokens.proj1.weight")[0],
        tokens=shape("speech_tokens.proj3.weight")[0] // token_dim,
    )
    if published.emotion_dim:
        dim, bank = shape("emotion_tokens.query.proj1.weight")[1], shape("emotion_tokens.bank.weight")[0]
        config = replace(config, emotion_dim=dim, emotion_bank=bank)
    if published.guide_channels:
        wider = [f"face_guide.blocks.{2 * index + 1}.weight" for index in range(len(published.guide_channels) - 1)]
        channels = tuple(shape(name)[0] for name in ("face_guide.conv_in.weight", *wider))
        config = replace(config, guide_channels=channels, guide_dim=shape("face_guide.conv_out.weight")[0])
    return config


def _check(path: Path, kind: str, network: torch.nn.Module, tensors: Mapping[str, StreamedTensor]) -> None:
    given = {name: torch.empty(tensor.shape, device="meta") for name, tensor in tensors.items()}
    check_keys(path, kind, network.state_dict(), given)


def _write(
    target: Path,
    metadata: Mapping[str, str],
    tensors: Mapping[str, StreamedTensor],
    half: bool,
    unused: tuple[str, ...] = (),
) -> Converted:
    named = [replace(tensor, name=name) for name, tensor in tensors.items()]
    write_stream(target, metadata, [halved(tensor) for tensor in named] if half else named)
    return Converted(target, sum(math.prod(tensor.shape) for tensor in named), unused)


def _plan_vae(folder: Path) -> _Plan:
    write = vae_conversion(folder.parent)
    return _Plan("vae", lambda target: Converted(target, write(target).parameters))


def _plan_picture_encoder(folder: Path) -> _Plan:
    metadata, tensors = picture_encoder_stream(folder, SVD_LICENCE)
    named = {tensor.name: tensor for tensor in tensors}
    return _Plan(PICTURE_ENCODER, lambda target: _write(target, metadata, named, half=False))


def _plan_whisper(folder: Path) -> _Plan:
    convert = whisper_conversion(folder)

    def write(target: Path) -> Converted:
        config = convert(target)
        return Converted(target, note=f"{config.encoder_layers} layers, {config.d_model} wide")

    return _Plan(WHISPER, write)


def _plan_codebook(folder: Path, licence: str) -> _Plan:
    codebook = read_priors(folder)

    def write(target: Path) -> Converted:
        codebook.save(target, {"from": "DICE-Talk's published emotion priors, converted"}, licence=licence)
        made = "".join(f"; {name} is not among theirs and stands for {what}" for name, what in codebook.made_of.items())
        return Converted(target, note=f"{', '.join(codebook.names)}{made}")

    return _Plan(CODEBOOK, write)
