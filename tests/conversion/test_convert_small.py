"""`convert` on small networks of SVD's kind, described by what no shape tells, against diffusers' own class."""

import json
from pathlib import Path

import pytest
import torch

from emotivetalk_core.conversion.svd import convert_svd
from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.weight_files.checkpoint import load_network

WIDTHS, HEAD, CROSS_DIM, FRAMES = (32, 64), 16, 24, 3


@pytest.fixture(scope="module")
def unet():
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    network = diffusers.UNetSpatioTemporalConditionModel(
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        block_out_channels=WIDTHS,
        num_attention_heads=tuple(width // HEAD for width in WIDTHS),
        cross_attention_dim=CROSS_DIM,
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        layers_per_block=1,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return network.eval()


@pytest.fixture
def folder(unet, tmp_path) -> Path:
    diffusers = pytest.importorskip("diffusers")
    unet.save_pretrained(tmp_path / "svd" / "unet")
    vae = diffusers.AutoencoderKLTemporalDecoder(block_out_channels=(32,), down_block_types=("DownEncoderBlock2D",))
    vae.save_pretrained(tmp_path / "svd" / "vae")
    return tmp_path / "svd"


def described(folder: Path, part: str, **said) -> None:
    file = folder / part / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | said))


def test_heads_of_another_size_compute_what_diffusers_computes(unet, folder, tmp_path):
    convert_svd(folder, tmp_path / "ethd.safetensors")
    network = load_network(tmp_path / "ethd.safetensors", "ethd", ETHD, ETHDConfig)
    assert (network.config.head_dim, network.config.norm_groups) == (HEAD, 32)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, FRAMES, 8, 16, 8, generator=generator)
    token = torch.randn(1, 1, CROSS_DIM, generator=generator)
    c_noise, added_time = torch.tensor([0.7]), torch.tensor([[24.0, 60.0, 0.02]])
    per_frame = token[:, None].expand(1, FRAMES, 4, CROSS_DIM)  # SVD's one token in the place of all of ours
    masks = torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    with torch.no_grad():
        expected = unet(x, c_noise, token, added_time).sample
        out = network.forward_tokens(x, c_noise, per_frame, per_frame, torch.randn(1, 4, CROSS_DIM), *masks, added_time)
    assert (out - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_the_groups_of_norms_are_those_of_the_description(folder, tmp_path):
    for part in ("unet", "vae"):
        described(folder, part, norm_num_groups=16)
    convert_svd(folder, tmp_path / "ethd.safetensors", tmp_path / "vae.safetensors")
    ethd = load_network(tmp_path / "ethd.safetensors", "ethd", ETHD, ETHDConfig)
    assert (ethd.config.norm_groups, load_vae(tmp_path / "vae.safetensors").config.norm_groups) == (16, 16)


@pytest.mark.parametrize(
    ("part", "said", "sentence"),
    [
        ("unet", {"num_attention_heads": [1, 1]}, r"num_attention_heads \[1, 1\], which is not one size of heads"),
        ("unet", {"num_attention_heads": [5, 10]}, "not one size of heads for widths of 32, 64"),
        ("unet", {"num_attention_heads": "two"}, "num_attention_heads two"),
        ("unet", {"norm_num_groups": 5}, "norm_num_groups 5, which does not divide widths of 32, 64"),
        ("vae", {"norm_num_groups": 0}, "norm_num_groups 0"),
        ("vae", {"norm_num_groups": "many"}, "norm_num_groups many"),
        ("vae", {"scaling_factor": 0.13025}, "says scaling_factor 0.13025"),
    ],
)
def test_a_description_that_cannot_be_right_is_refused_and_nothing_is_written(folder, tmp_path, part, said, sentence):
    described(folder, part, **said)
    with pytest.raises(WeightsError, match=sentence):
        convert_svd(folder, tmp_path / "ethd.safetensors", tmp_path / "vae.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))
