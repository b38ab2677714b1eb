"""Public speech models as Hugging Face gives them: a folder with config.json, model.safetensors and, mostly,
preprocessor_config.json. Which network they become is not known here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from .checkpoint import Config, config_from_dict, read_header

WEIGHTS = "model.safetensors"

WITHOUT_CHANCE = {
    "hidden_dropout": 0.0,
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "layerdrop": 0.0,
    "apply_spec_augment": False,
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
}
"""Settings of Wav2Vec2 and its kin that leave out what only training needs: the same speech gives the same answer."""


def read_description(folder: Path, model_type: str, weights: str = WEIGHTS) -> dict[str, Any]:
    """config.json of a folder that has weights too. Raises WeightsError where it is not a model of that type."""
    for name in ("config.json", weights):
        if not (folder / name).is_file():
            raise WeightsError(f"{folder} holds no {name}; give the folder of a {model_type} model as safetensors.")
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = described.get("model_type")
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"{folder / 'config.json'} is damaged ({error}); download it again.") from error
    if found != model_type:
        raise WeightsError(f"{folder} holds a {found!r} model; a {model_type} one is needed.")
    return described


def described_config(config_class: type[Config], described: Mapping[str, Any], folder: Path, **more: Any) -> Config:
    """Our config of what config.json says under the same names; `more` goes before it.

    normalise comes from preprocessor_config.json, where there is one. Raises WeightsError.
    """
    values = {field.name: described[field.name] for field in fields(config_class) if field.name in described}
    extractor = folder / "preprocessor_config.json"
    if extractor.is_file():
        try:
            values["normalise"] = bool(json.loads(extractor.read_text(encoding="utf-8")).get("do_normalize", True))
        except (ValueError, AttributeError) as error:
            raise WeightsError(f"{extractor} is damaged ({error}); download it again.") from error
    return config_from_dict(config_class, values | more, folder)


def read_public_tensors(path: Path, leftovers: Iterable[str] = (), *, prefix: str = "") -> dict[str, torch.Tensor]:
    """A safetensors file under the names that this version of transformers gives, less `prefix`, and then without keys
    that begin with one of `leftovers`, which are parts that nobody here asks for. Raises WeightsError.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give a folder from the Hugging Face Hub, or a safetensors file.")
    read_header(path)
    leftovers = tuple(leftovers)
    tensors = {_modern_name(name).removeprefix(prefix): tensor for name, tensor in load_file(path).items()}
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(leftovers)}


def _modern_name(name: str) -> str:
    # weight norm of the positional convolution, before torch 2.0's parametrization
    stem = "pos_conv_embed.conv."
    name = name.replace(f"{stem}weight_g", f"{stem}parametrizations.weight.original0")
    return name.replace(f"{stem}weight_v", f"{stem}parametrizations.weight.original1")
