"""DICE-Talk and Sonic at the smallest size that has all their parts, and files as their authors publish them."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotivetalk_core.models.adapted_unet import AdaptedUNet, AdaptedUNetConfig
from emotivetalk_core.models.photograph_encoders import PhotographEncoders, PhotographEncodersConfig
from emotivetalk_core.models.photograph_presets import DICE_TALK, SONIC, PhotographPreset
from emotivetalk_core.models.picture_encoder import PictureEncoderConfig
from emotivetalk_core.models.vae_network import VAEConfig
from emotivetalk_core.models.whisper_encoder import WhisperEncoderConfig

CROSS_DIM, SPEECH_WIDTH, EMOTION_DIM = 24, 8, 12
EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
WHISPER = WhisperEncoderConfig(
    d_model=SPEECH_WIDTH, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=16, max_source_positions=1500
)
PICTURE = PictureEncoderConfig(
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    image_size=28,
    patch_size=14,
    projection_dim=CROSS_DIM,
)
VAE = VAEConfig(block_channels=(32,) * 4, layers_per_block=1)
_UNET = AdaptedUNetConfig(
    block_channels=(64, 64), attends=(True, False), layers_per_block=1, cross_dim=CROSS_DIM, addition_embed_dim=8
)
_ENCODERS = PhotographEncodersConfig(
    speech_width=SPEECH_WIDTH,
    token_dim=CROSS_DIM,
    hidden_dim=16,
    tokens=4,
    emotion_dim=EMOTION_DIM,
    emotion_bank=6,
    guide_channels=(4, 6, 8, 10),
    guide_dim=64,
    picture_dim=CROSS_DIM,
)
TINY = {
    "dice-talk": PhotographPreset(
        "DICE-Talk", _UNET, _ENCODERS, replace(DICE_TALK.sampling, steps=2, window=5, size=64)
    ),
    "sonic": PhotographPreset(
        "Sonic",
        replace(_UNET, adapters=1),
        replace(_ENCODERS, emotion_dim=0, emotion_bank=64, guide_channels=(), guide_dim=320, bucket_half_frames=50),
        replace(SONIC.sampling, steps=2, window=5, size=64),
    ),
}


@torch.no_grad()
def noisy(network: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter random, those that begin at zero too."""
    random = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.add_(0.05 * torch.randn(parameter.shape, generator=random))
    return network.eval().requires_grad_(False)


def networks(kind: str) -> tuple[AdaptedUNet, PhotographEncoders]:
    torch.manual_seed(0)
    preset = TINY[kind]
    return noisy(AdaptedUNet(preset.unet)), noisy(PhotographEncoders(preset.encoders), 1)


def publish(kind: str, folder: Path) -> tuple[AdaptedUNet, PhotographEncoders]:
    """Writes the files as their authors do, below `folder`, and everything else that a run takes. The networks."""
    unet, encoders = networks(kind)
    place = folder / ("DICE-Talk" if kind == "dice-talk" else "Sonic")
    place.mkdir(parents=True)
    torch.save({published_unet_name(name): tensor for name, tensor in unet.state_dict().items()}, place / "unet.pth")
    stems = {"dice-talk": ("audio_linear", "emo_model", "pose_guider"), "sonic": ("audio2token", "audio2bucket")}[kind]
    for stem, part in zip(stems, (child for _, child in encoders.named_children())):
        torch.save(published_state(stem, part), place / f"{stem}.pth")
    if kind == "dice-talk":
        write_priors(folder / "emotions")
    write_companions(folder)
    return unet, encoders


def published_unet_name(name: str) -> str:
    return name.replace(".to_k_ip.", ".processor.to_k_ip.").replace(".to_v_ip.", ".processor.to_v_ip.")


def published_state(stem: str, part: nn.Module) -> dict[str, torch.Tensor]:
    """Under their names, counted by hand; the emotion network with what only its training used."""
    state = dict(part.state_dict())
    if stem != "emo_model":
        return state
    names = {}
    for name, tensor in state.items():
        for ours, theirs in (
            ("query.", "emo_linear."),
            ("memory.", "kv_tokens_linear."),
            ("bank.", "codebook.codebook."),
            ("to_", "attention.fc_"),
        ):
            if name.startswith(ours):
                names[theirs + name.removeprefix(ours)] = tensor
    extra = {"codebook.fc.weight": torch.zeros(CROSS_DIM, EMOTION_DIM), "classifier.fc1.weight": torch.zeros(3, 3)}
    return names | extra


def write_priors(folder: Path) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    priors = {name: random.normal(size=(1, EMOTION_DIM)).astype("float32") for name in EMOTIONS}
    for name, prior in priors.items():
        np.save(folder / f"{name}.npy", {"mu": prior}, allow_pickle=True)
    return priors


def write_companions(folder: Path) -> None:
    """SVD's autoencoder and picture encoder, and Whisper, as Hugging Face has them."""
    from diffusers import AutoencoderKLTemporalDecoder
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, WhisperConfig, WhisperModel

    torch.manual_seed(2)
    widths = VAE.block_channels
    AutoencoderKLTemporalDecoder(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        layers_per_block=VAE.layers_per_block,
    ).save_pretrained(folder / "svd-xt" / "vae")
    vision = {name: getattr(PICTURE, name) for name in PICTURE.__dataclass_fields__}
    CLIPVisionModelWithProjection(CLIPVisionConfig(**vision)).save_pretrained(folder / "svd-xt" / "image_encoder")
    whisper = WhisperConfig(
        **{name: getattr(WHISPER, name) for name in WHISPER.__dataclass_fields__},
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=8,
        vocab_size=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
    )
    WhisperModel(whisper).save_pretrained(folder / "whisper-tiny")


class Trap:
    """What a pickle can do."""

    def __reduce__(self):
        return (Path.touch, (Path("trapped"),))


def write_trap(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))
