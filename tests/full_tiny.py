"""`train full` at the smallest width: public weights in their authors' layouts, prepared films of drawn heads, and the
recipe's file that says what is smaller.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tiny import TINY

from emotivetalk_core.cli.main import main
from emotivetalk_core.conversion.pd_fgc_keys import KEYS, NEW
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.models.speech_encoder import SpeechEncoder
from emotivetalk_core.models.vae_network import build_vae
from emotivetalk_core.types import FRAMES_PER_SECOND
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

SIZE, FRAMES = 64, 10
BACKBONE: dict[str, Any] = {"block_channels": [64], "layers_per_block": 1, "cross_dim": 16}
BACKBONE |= {"addition_embed_dim": 8}
VAE = replace(TINY.vae, block_channels=(32,) * 4)  # public ones normalise in 32 groups
ENCODER: dict[str, Any] = {"input_size": 64, "trunk_dim": 24, "head_width": 24, "lip_dim": 512}


def write_start(folder: Path) -> None:
    """The four converted files that `train full` begins with, by `convert` where they have public layouts."""
    torch.manual_seed(0)
    public = folder / "public"
    svd = ETHD(ETHDConfig(**{**BACKBONE, "head_dim": 64})).state_dict()
    new = ("lip_tokens.", "expression_tokens.", "frame_positions.")
    _write({k: v for k, v in svd.items() if not k.startswith(new) and ".edi." not in k}, public / "unet")
    _write(build_vae(VAE).state_dict(), public / "vae")
    torch.manual_seed(0)
    motion = MotionEncoder(MotionEncoderConfig(**ENCODER))
    theirs = {name: value for name, value in motion.state_dict().items() if not name.startswith(NEW)}
    for old, ours in KEYS:
        theirs = {old + name.removeprefix(ours) if name.startswith(ours) else name: v for name, v in theirs.items()}
    save_file(theirs, public / "motion_model.safetensors")
    convert = ["convert", str(public), "-o", str(folder / "ethd.safetensors")]
    assert main([*convert, "--vae-out", str(folder / "vae.safetensors")]) == 0
    motion_model, motion_encoder = public / "motion_model.safetensors", folder / "motion_encoder.safetensors"
    assert main(["convert", str(motion_model), "-o", str(motion_encoder), "--kind", "pd-fgc"]) == 0
    speech = SpeechEncoder(TINY.speech_encoder)
    save_checkpoint(folder / "speech_encoder.safetensors", "speech_encoder", speech, speech.config, {"steps": 0})


def _write(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    folder.mkdir(parents=True)
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")


def write_data(folder: Path, films: Path) -> None:
    """Drawn heads as `synthesize` films them, in MEAD's tree, prepared: a neutral one, a happy one, and one who is held
    out. They are too short for their sync to be known.
    """
    numbers, drawn = films.with_suffix(".json"), films.with_name("drawn")
    numbers.write_text('{"filters": {"frames": 8, "sync": -1}}')
    sizes = ["--seconds", str(FRAMES / FRAMES_PER_SECOND), "--size", str(2 * SIZE)]
    assert main(["synthesize", "--people", "3", "--clips", "3", *sizes, "--out", str(drawn)]) == 0
    for number, (person, emotion) in enumerate((("M003", "neutral"), ("W009", "happy"), ("M010", "happy"))):
        film = films / person / "video" / "front" / emotion / "level_1" / "001.mp4"
        film.parent.mkdir(parents=True)
        (drawn / f"person_{number:02d}" / f"clip_{number:02d}.mp4").rename(film)
    said = ["--licence", "CC BY 4.0", "--consent", "all of them signed"]
    assert main(["prepare", str(films), "-o", str(folder), "--size", str(SIZE), "--settings", str(numbers), *said]) == 0


def write_recipe(path: Path, base: str = "full", **said) -> None:
    """A recipe's file beside the folders `data` and `start`."""
    loop = {"steps": 2, "batch": 2, "warmup": 1, "average": 0.9, "validation_samples": 2, "optimiser": "adamw"}
    films = {"frames": 4}
    filming = {"times": 1, "people": 1, "frames": 4, "steps": 1}
    width = {"width": 16, "heads": 2}
    stages = {
        "encoders": {"loop": loop, "measured": 4},
        "v_aid": {"loop": loop | {"steps": 1}, "lip_frames": 8, "club_width": 16},
        "ethd": {"loop": loop | {"learning_rate": 0.003}, "films": films, "filming": filming},
    }
    if base == "full":
        stages["ethd_1024"] = {"loop": loop | {"steps": 1}, "films": films, "filming": {"times": 0}, "size": SIZE // 2}
    preset = {
        "speech_encoder": json.loads(json.dumps(TINY.speech_encoder.__dict__)),
        "lip_projector": {**width, "audio_dim": 16, "blocks": 1},
        "motion_encoder": ENCODER,
        "dicte": {**width, "audio_dim": 16, "identity_dim": 24, "layers": 1, "tokens": 20, "prefix": 4},
        "ethd": BACKBONE,
        "vae": json.loads(json.dumps(VAE.__dict__)),
        "sampling": {"size": SIZE, "window": 8, "overlap": 2, "steps": 2, "expression_steps": 2},
    }
    recipe = {"from": base, "preset": preset, "data": ["data"], "start": "start", "stages": stages} | said
    path.write_text(json.dumps(recipe))
