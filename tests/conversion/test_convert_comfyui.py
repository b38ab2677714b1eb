"""`convert` against ComfyUI's own SVD, where a ComfyUI is installed: its key names, and what it computes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emotivetalk_core.conversion.svd import convert_svd
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.vae import decode_frames, encode_mode
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.weight_files.checkpoint import load_network

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "host"))

from installation import HOW_TO_ENABLE, clean_environment, find_installation  # noqa: E402


@pytest.fixture(scope="module")
def comfyui(tmp_path_factory) -> Path:
    """Its weights as svd.safetensors and what they compute as values.safetensors, converted."""
    found = find_installation()
    if found is None:
        pytest.skip(HOW_TO_ENABLE)
    folder = tmp_path_factory.mktemp("comfyui_svd")
    command = [str(found.python), str(TESTS / "tools" / "comfyui_svd.py"), str(found.folder), str(folder)]
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    convert_svd(folder / "svd.safetensors", folder / "ethd.safetensors", folder / "vae.safetensors")
    return folder


@torch.no_grad()
def test_a_new_born_ethd_computes_what_comfyuis_svd_computes(comfyui):
    values = load_file(comfyui / "values.safetensors")
    network = load_network(comfyui / "ethd.safetensors", "ethd", ETHD, ETHDConfig)
    frames, tokens = values["x"].shape[0], network.config.context_tokens
    context = values["token"][:, None].expand(1, frames, tokens, -1)
    masks = torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    reference = torch.randn(1, tokens, values["token"].shape[-1])
    inputs = values["x"][None], values["c_noise"], context, context, reference, *masks, values["added"][None]
    out, expected = network.forward_tokens(*inputs)[0], values["predicted"]
    assert expected.std() > 0.1
    assert (out - expected).abs().max() <= 1e-4 * expected.abs().max()


@torch.no_grad()
def test_the_autoencoder_computes_what_comfyuis_computes(comfyui):
    values = load_file(comfyui / "values.safetensors")
    vae = load_vae(comfyui / "vae.safetensors")
    for ours, theirs in (
        (encode_mode(vae, values["pixels"]), values["mode"]),
        (decode_frames(vae, values["latents"] * 0.18215), values["decoded"] / 2 + 0.5),
    ):
        assert theirs.std() > 0.01
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()
