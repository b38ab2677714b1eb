"""The bundled networks as a training on films begins with public ones: what a rehearsal of `train full` starts from.

    python tests/tools/small_public_weights.py public start
    python -m emotivetalk_core convert public -o start/ethd.safetensors

`public/unet` is the bundled backbone in the layout of Stable Video Diffusion: without the expression injectors, the
tokens and the frame positions, with a config.json that says what no shape tells. In `start` lie the autoencoder and the
speech encoder as they are, for neither learns, and the motion encoder with its trunk alone: adapters that change
nothing, latents that nobody has measured, and lip latents of 512 numbers, as a converted PD-FGC comes.
"""

import argparse
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from emotivetalk_core.conversion.pd_fgc_keys import NEW
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.models.presets import FULL
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import load_network, save_checkpoint

NOT_IN_SVD = ("lip_tokens.", "expression_tokens.", "frame_positions.")


def write_unet(network: ETHD, folder: Path) -> None:
    """The backbone without what only ours has."""
    config = network.config
    tensors = {
        name: value.contiguous()
        for name, value in network.state_dict().items()
        if not name.startswith(NOT_IN_SVD) and ".edi." not in name
    }
    heads = [width // config.head_dim for width in config.block_channels]
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    described = {"num_attention_heads": heads, "norm_num_groups": config.norm_groups}
    (folder / "config.json").write_text(json.dumps(described))


def write_motion_encoder(trained: MotionEncoder, file: Path) -> None:
    """Its trunk and heads; what is new beside PD-FGC's is born again. The lip latents are spread over more numbers by a
    fixed random map, which keeps all that they say.
    """
    torch.manual_seed(0)
    narrow, config = trained.config.lip_dim, replace(trained.config, lip_dim=FULL.motion_encoder.lip_dim)
    born = MotionEncoder(config).state_dict()
    kept = {name: value for name, value in trained.state_dict().items() if not name.startswith(NEW)}
    spread = torch.randn(config.lip_dim, narrow) / math.sqrt(narrow)
    for name in ("to_mouth.3.weight", "to_mouth.3.bias"):
        kept[name] = spread @ kept[name]
    record = {"from": "the bundled motion encoder, its adapters and statistics born anew"}
    save_checkpoint(file, "motion_encoder", born | kept, config, record)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("public", type=Path, help="folder for what `convert` reads")
    parser.add_argument("start", type=Path, help="folder for what needs no conversion")
    arguments = parser.parse_args()
    bundled, device = BUNDLED_WEIGHTS, torch.device("cpu")
    write_unet(load_network(bundled / "ethd.safetensors", "ethd", ETHD, ETHDConfig, device), arguments.public / "unet")
    arguments.start.mkdir(parents=True, exist_ok=True)
    motion = load_network(
        bundled / "motion_encoder.safetensors", "motion_encoder", MotionEncoder, MotionEncoderConfig, device
    )
    write_motion_encoder(motion, arguments.start / "motion_encoder.safetensors")
    for name in ("vae", "speech_encoder"):
        shutil.copyfile(bundled / f"{name}.safetensors", arguments.start / f"{name}.safetensors")


if __name__ == "__main__":
    main()
