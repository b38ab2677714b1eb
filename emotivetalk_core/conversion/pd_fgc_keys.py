"""PD-FGC's motion network becomes our motion encoder: their key names beside ours, and the conversion.

Established from its public repository (lib/models/networks: encoder.py, FAN_feature_extractor.py): a face-alignment
network `model` with one hourglass, four heads `to_…` on its 512-vector, and embeddings of three of them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import WeightsError
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..weight_files.checkpoint import check_keys, read_header, save_checkpoint

KEYS = (
    ("model.", "trunk."),
    ("to_mouth.", "to_mouth."),
    ("to_headpose.", "to_headpose."),
    ("headpose_embed.", "headpose_embed."),
    ("to_eye.", "to_eye."),
    ("eye_embed.", "eye_embed."),
    ("to_emo.", "to_emo."),
    ("emo_embed.", "emo_embed."),
)
"""How a key begins there, and here; the rest of its name is the same."""

UNUSED = ("mouth_embed", "mouth_fc", "headpose_fc", "classifier", "to_feature", "to_embed")
"""Parts that PD-FGC itself does not use to read a face: `mouth_embed` belongs to its generator's old input, the others
to its training, and its own loader leaves them out."""

NEW = ("lip_adapter.", "expression_adapter.", "lip_mean", "lip_std", "expression_mean", "expression_std")
"""What only our encoder has: adapters, which are the identity before they are trained, and the latents' statistics,
which are 0 and 1 before they are measured."""

HOW_TO_CONVERT = (
    "turn it into safetensors in a Python that has torch and safetensors, for example with "
    "`import torch, safetensors.torch as s; s.save_file({{k: v.contiguous() for k, v in "
    "torch.load('{name}', map_location='cpu', weights_only=True).items()}}, '{stem}.safetensors')`"
)


@dataclass(frozen=True)
class PDFGCConversion:
    """What became of it: names of the file's keys that are not used, and of ours that it does not bring."""

    config: MotionEncoderConfig
    unused: tuple[str, ...]
    new: tuple[str, ...]


def convert_pd_fgc(source: Path, out: Path) -> PDFGCConversion:
    """PD-FGC's motion_model as safetensors -> a motion encoder's file, with fresh adapters; always the same values.

    Raises WeightsError for a pickle (it says how to convert one), for a key that is unknown, missing or of another
    shape, and OutputError where `out` cannot be written.
    """
    source = Path(source)
    tensors = _read(source)
    renamed, unused = rename_pd_fgc(tensors, source)
    config = pd_fgc_config(renamed, source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the adapters' first layers; their last one is zero
        encoder = MotionEncoder(config)
    wanted = encoder.state_dict()
    new = {name: tensor for name, tensor in wanted.items() if name.startswith(NEW)}
    check_keys(source, "motion_encoder", wanted, renamed | new)
    weights = {name: (renamed | new)[name].to(tensor.dtype) for name, tensor in wanted.items()}
    record = {
        "from": "the motion network of PD-FGC (Wang et al., CVPR 2023), converted",
        "untrained": "the adapters are the identity and the latents' statistics are 0 and 1",
    }
    save_checkpoint(out, "motion_encoder", weights, config, record, licence="CC-BY-4.0")
    return PDFGCConversion(config, tuple(unused), tuple(new))


def rename_pd_fgc(tensors: Mapping[str, torch.Tensor], source: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors under our names, and the names of those that are not used. WeightsError for an unknown key."""
    renamed: dict[str, torch.Tensor] = {}
    unused: list[str] = []
    for name, tensor in tensors.items():
        ours = next((new + name.removeprefix(old) for old, new in KEYS if name.startswith(old)), None)
        if ours is not None:
            renamed[ours] = tensor
        elif any(part in name for part in UNUSED):
            unused.append(name)
        else:
            raise WeightsError(
                f"{source} has the key {name}, which PD-FGC's motion network does not have; "
                "give its motion_model, not another of its networks."
            )
    return renamed, unused


def pd_fgc_config(renamed: Mapping[str, torch.Tensor], source: Path) -> MotionEncoderConfig:
    """Its sizes as its tensors tell them, by our names; PD-FGC's own are our defaults. Raises WeightsError."""

    def shape(name: str) -> torch.Size:
        tensor = renamed.get(name)
        if tensor is None or tensor.dim() != 2:
            raise WeightsError(
                f"{source} lacks the matrix that becomes {name}, so it is not PD-FGC's motion network; "
                "give its motion_model as safetensors."
            )
        return tensor.shape

    trunk_dim, places = shape("trunk.fc.weight")
    return MotionEncoderConfig(
        input_size=8 * math.isqrt(places),
        trunk="fan",
        trunk_dim=trunk_dim,
        head_width=shape("to_mouth.0.weight")[0],
        lip_dim=shape("to_mouth.3.weight")[0],
        expression_dim=shape("emo_embed.1.weight")[0],
        pose_dim=shape("headpose_embed.1.weight")[0],
        eye_dim=shape("eye_embed.1.weight")[0],
    )


def _read(source: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    if not source.is_file():
        raise WeightsError(f"{source} is not a file; give PD-FGC's motion_model as safetensors.")
    try:
        header = read_header(source)
    except WeightsError as error:
        if "pickle" not in str(error):
            raise
        way = HOW_TO_CONVERT.format(name=source.name, stem=source.stem)
        raise WeightsError(f"{source} is a pickle, which can run code when opened and was not read; {way}.") from error
    if "format" in header.get("__metadata__", {}) and header["__metadata__"].get("network"):
        raise WeightsError(f"{source} is already a file of this project; use it as it is.")
    return load_file(source)
