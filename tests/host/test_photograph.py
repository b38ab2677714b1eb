"""The examples of DICE-Talk and Sonic on the real host, with random weights of a tiny size: their wiring, not their
pictures.
"""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from films import read_film
from graphs import WORKFLOWS, changed, read_workflow, trimmed

sys.path.append(str(Path(__file__).parent.parent))

from photograph_tiny import TINY, VAE, WHISPER, noisy  # noqa: E402

from emotivetalk_core.models.adapted_unet import AdaptedUNet  # noqa: E402
from emotivetalk_core.models.codebook import EmotionCodebook  # noqa: E402
from emotivetalk_core.models.photograph_encoders import PhotographEncoders  # noqa: E402
from emotivetalk_core.models.vae_network import build_vae  # noqa: E402
from emotivetalk_core.models.whisper_encoder import WhisperEncoder  # noqa: E402
from emotivetalk_core.weight_files.checkpoint import save_checkpoint  # noqa: E402

SECONDS, SIDE = 0.5, 64
PICTURE_WIDTH = 768
"""Of the host's smaller CLIP Vision: it knows its kinds by their layers, and none of them is tiny."""

FOLDERS = {"photograph_dice_talk": ("dice", "dice-talk"), "photograph_sonic": ("sonic", "sonic")}


@pytest.fixture(scope="module")
def weights(host):
    """Where the examples' notes say that they go."""
    for name, kind in FOLDERS.values():
        write_weights(host.base / "models" / "emotivetalk" / name, kind)
    write_clip_vision(host.base / "models" / "clip_vision" / "svd_image_encoder.safetensors")


def write_weights(folder: Path, kind: str) -> None:
    torch.manual_seed(0)
    preset, width = TINY[kind], {"token_dim": PICTURE_WIDTH, "picture_dim": PICTURE_WIDTH}
    unet, encoders = replace(preset.unet, cross_dim=PICTURE_WIDTH), replace(preset.encoders, **width)
    save = save_checkpoint
    network = noisy(AdaptedUNet(unet))
    save(folder / "adapted_unet.safetensors", "adapted_unet", network, unet, {}, defaults=preset.sampling)
    network = noisy(PhotographEncoders(encoders))
    save(folder / "photograph_encoders.safetensors", "photograph_encoders", network, encoders, {})
    save(folder / "vae.safetensors", "vae", build_vae(VAE), VAE, {})
    save(folder / "whisper_encoder.safetensors", "whisper_encoder", WhisperEncoder(WHISPER), WHISPER, {})
    if kind == "dice-talk":
        EmotionCodebook(torch.randn(8, encoders.emotion_dim)).save(folder / "emotion_codebook.safetensors")


def write_clip_vision(path: Path) -> None:
    """CLIP's ViT-L with zeros for weights, which take no room on a disk: a file that is all hole."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    with torch.device("meta"):
        network = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=24,
                num_attention_heads=16,
                patch_size=14,
                projection_dim=PICTURE_WIDTH,
            )
        )
    entries, end = {}, 0
    for name, tensor in network.state_dict().items():
        begin, end = end, end + 2 * tensor.numel()
        entries[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_photograph_speaks(name, client, definitions, weights):
    workflow = trimmed(read_workflow(WORKFLOWS / f"{name}.json"), SECONDS, definitions)
    workflow = changed(workflow, "EmotiveTalkFaceRegions", size=SIDE)
    workflow = changed(workflow, "BasicScheduler", steps=2)
    (file,) = client.run(workflow, seconds=280).films
    film = read_film(file)
    assert len(film.frames) == math.ceil(SECONDS * 25) and film.rate == 25
    assert film.sound_codec == "aac"
    assert film.frames[0].shape == (512, 512, 3)  # the whole picture: the crop is pasted back
