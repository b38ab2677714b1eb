"""`convert`: SVD's public weights in both layouts, at reduced widths, against diffusers' own classes."""

import json
import pickle
import re
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from emotivetalk_core.cli import main
from emotivetalk_core.conversion.svd import convert_svd
from emotivetalk_core.errors import OutputError, WeightsError
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.model_set import read_sampling_defaults
from emotivetalk_core.models.vae import decode_frames, encode_mode
from emotivetalk_core.models.vae_checkpoint import load_vae
from emotivetalk_core.weight_files.checkpoint import load_network, read_checkpoint

WIDTHS = (64, 128, 128, 192)
CROSS_DIM = 24
FRAMES = 3


def unet_names_in_the_single_file(name: str) -> str:
    """SVD's four levels of two blocks, counted by hand: not by the tables that are tested."""

    def numbered(match: re.Match) -> str:
        way, level, part, layer = match[1], int(match[2]), match[3], int(match[4])
        if way == "down":
            if part == "downsamplers":
                return f"input_blocks.{3 * level + 3}.0."
            return f"input_blocks.{3 * level + layer + 1}.{0 if part == 'resnets' else 1}."
        if part == "upsamplers":
            return f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}."
        return f"output_blocks.{3 * level + layer}.{0 if part == 'resnets' else 1}."

    name = re.sub(r"^(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.", numbered, name)
    name = re.sub(r"^(input_blocks\.\d+\.0)\.conv\.", r"\1.op.", name)
    name = name.replace("mid_block.resnets.0", "middle_block.0").replace("mid_block.resnets.1", "middle_block.2")
    name = name.replace("mid_block.attentions.0", "middle_block.1")
    for ours, theirs in {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "time_pos_embed.linear_1": "time_pos_embed.0",
        "time_pos_embed.linear_2": "time_pos_embed.2",
        "temporal_transformer_blocks": "time_stack",
        "spatial_res_block.": "",
        "temporal_res_block.": "time_stack.",
        "conv_norm_out": "out.0",
        "conv_shortcut": "skip_connection",
    }.items():
        name = name.replace(ours, theirs)
    name = re.sub(r"^conv_in", "input_blocks.0.0", name)
    name = re.sub(r"^conv_out", "out.2", name)
    if not name.startswith(("input_blocks.0.0.", "out.")) and "downsampl" not in name:
        for ours, theirs in {
            ".norm1.": ".in_layers.0.",
            ".conv1.": ".in_layers.2.",
            ".time_emb_proj.": ".emb_layers.1.",
            ".norm2.": ".out_layers.0.",
            ".conv2.": ".out_layers.3.",
        }.items():
            if "transformer_blocks" not in name and ".1.time_stack.0" not in name:
                name = name.replace(ours, theirs)
    return f"model.diffusion_model.{name}"


def vae_names_in_the_single_file(name: str) -> str:
    name = re.sub(r"up_blocks\.(\d)", lambda match: f"up.{3 - int(match[1])}", name)
    name = name.replace("down_blocks", "down").replace("resnets", "block")
    name = name.replace("mid_block.block.0", "mid.block_1").replace("mid_block.block.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("samplers.0", "sample")
    name = name.replace("time_conv_out", "conv_out.time_mix_conv").replace("spatial_res_block.", "")
    name = name.replace("time_mixer.", "").replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    if "temporal_res_block." in name:
        name = name.replace("temporal_res_block.", "time_stack.")
        for ours, theirs in {"norm1": "in_layers.0", "conv1": "in_layers.2"}.items():
            name = name.replace(ours, theirs)
        for ours, theirs in {"norm2": "out_layers.0", "conv2": "out_layers.3"}.items():
            name = name.replace(ours, theirs)
    for ours, theirs in {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
        name = name.replace(f".attn_1.{ours}.", f".attn_1.{theirs}.")
    return f"first_stage_model.{name}"


@pytest.fixture(scope="module")
def unet():
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    network = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=WIDTHS,
        num_attention_heads=tuple(width // 64 for width in WIDTHS),
        cross_attention_dim=CROSS_DIM,
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
    )
    return noisy(network)


@pytest.fixture(scope="module")
def vae():
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(1)
    return noisy(
        diffusers.AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 64, 64, 64), down_block_types=("DownEncoderBlock2D",) * 4
        )
    )


@torch.no_grad()
def noisy(network: torch.nn.Module) -> torch.nn.Module:
    for parameter in network.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
    return network.eval()


@pytest.fixture(scope="module")
def folder(unet, vae, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("svd_folder")
    unet.save_pretrained(path / "unet")
    vae.save_pretrained(path / "vae")
    return path


def single_file_tensors(folder: Path) -> dict[str, Tensor]:
    """The folder's weights as Stability writes them, with a part that nobody here asks for."""
    unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    vae = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    tensors = {unet_names_in_the_single_file(name): tensor for name, tensor in unet.items()}
    for name, tensor in vae.items():
        theirs = vae_names_in_the_single_file(name)
        is_matrix = ".attn_1." in theirs and tensor.dim() == 2
        tensors[theirs] = tensor[:, :, None, None].contiguous() if is_matrix else tensor
    tensors["conditioner.embedders.0.open_clip.model.visual.conv1.weight"] = torch.zeros(2, 2)
    tensors["conditioner.embedders.0.open_clip.model.positions"] = torch.zeros(2, dtype=torch.int64)
    return tensors


@pytest.fixture(scope="module")
def single_file(folder, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("svd_file") / "svd_xt.safetensors"
    save_file(single_file_tensors(folder), path)
    return path


def load_ethd(path: Path) -> ETHD:
    return load_network(path, "ethd", ETHD, ETHDConfig)


def unet_inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, FRAMES, 8, 16, 8, generator=generator)
    token = torch.randn(1, 1, CROSS_DIM, generator=generator)
    return x, torch.tensor([0.7]), token, torch.tensor([[24.0, 60.0, 0.02]])


def born_output(network: ETHD) -> Tensor:
    """With SVD's one context token in the place of all of ours, and any reference: EDI starts at zero."""
    x, c_noise, token, added_time = unet_inputs()
    per_frame = token[:, None].expand(1, FRAMES, 4, CROSS_DIM)
    masks = torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    reference = torch.randn(1, 4, CROSS_DIM)
    with torch.no_grad():
        return network.forward_tokens(x, c_noise, per_frame, per_frame, reference, *masks, added_time)


@pytest.mark.parametrize("layout", ["folder", "single_file"])
def test_a_new_born_ethd_computes_what_svd_computes(layout, unet, tmp_path, request):
    source = request.getfixturevalue(layout)
    conversion = convert_svd(source, tmp_path / "ethd.safetensors")["ethd"]
    x, c_noise, token, added_time = unet_inputs()
    with torch.no_grad():
        expected = unet(x, c_noise, token, added_time).sample
    out = born_output(load_ethd(tmp_path / "ethd.safetensors"))
    assert (out - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert len(conversion.inherited) == len(unet.state_dict())
    assert conversion.size == (tmp_path / "ethd.safetensors").stat().st_size


def test_both_layouts_give_the_same_bytes(folder, single_file, tmp_path):
    for name, source in (("a", folder), ("b", single_file)):
        convert_svd(source, tmp_path / f"{name}_ethd.safetensors", tmp_path / f"{name}_vae.safetensors")
    for kind in ("ethd", "vae"):
        first, second = ((tmp_path / f"{name}_{kind}.safetensors").read_bytes() for name in "ab")
        assert first == second


@pytest.mark.parametrize("layout", ["folder", "single_file"])
def test_the_autoencoder_computes_what_svds_computes(layout, vae, tmp_path, request):
    source = request.getfixturevalue(layout)
    conversion = convert_svd(source, tmp_path / "ethd.safetensors", tmp_path / "vae.safetensors")["vae"]
    assert conversion.new == () and conversion.unused == ()
    ours = load_vae(tmp_path / "vae.safetensors")
    generator = torch.Generator().manual_seed(3)
    pixels = torch.rand(1, 3, 32, 48, generator=generator)
    latents = torch.randn(9, 4, 4, 6, generator=generator)
    with torch.no_grad():
        mode = vae.encode(pixels * 2 - 1).latent_dist.mode()
        clip = vae.decode(latents / 0.18215, num_frames=9).sample / 2 + 0.5
        torch.testing.assert_close(encode_mode(ours, pixels), mode, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(decode_frames(ours, latents), clip, rtol=1e-4, atol=1e-4)


def test_a_single_file_without_the_last_convolution_of_the_encoder(folder, vae, tmp_path):
    """Stability's own: its encoder has none. Ours becomes the identity and computes the same."""
    tensors = single_file_tensors(folder)
    quant_weight = tensors.pop("first_stage_model.quant_conv.weight").flatten(1)
    quant_bias = tensors.pop("first_stage_model.quant_conv.bias")
    last = "first_stage_model.encoder.conv_out"
    tensors[f"{last}.bias"] = quant_weight @ tensors[f"{last}.bias"] + quant_bias
    tensors[f"{last}.weight"] = torch.einsum("oi,ichw->ochw", quant_weight, tensors[f"{last}.weight"]).contiguous()
    save_file(tensors, tmp_path / "svd.safetensors")
    out = tmp_path / "vae.safetensors"
    conversion = convert_svd(tmp_path / "svd.safetensors", tmp_path / "ethd.safetensors", out)["vae"]
    assert conversion.new == ("quant_conv.weight", "quant_conv.bias")
    pixels = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = vae.encode(pixels * 2 - 1).latent_dist.mode()
        torch.testing.assert_close(encode_mode(load_vae(out), pixels), expected, rtol=1e-4, atol=1e-4)


def test_what_is_new_is_named_and_starts_as_it_should(folder, tmp_path):
    conversion = convert_svd(folder, tmp_path / "ethd.safetensors")["ethd"]
    tensors = read_checkpoint(tmp_path / "ethd.safetensors", "ethd").tensors
    assert set(conversion.new) | set(conversion.inherited) == set(tensors)
    sites = {name.split(".edi.")[0] for name in conversion.new if ".edi." in name}
    assert len(sites) == 16
    others = {name.split(".")[0] for name in conversion.new if ".edi." not in name}
    assert others == {"lip_tokens", "expression_tokens", "frame_positions"}
    zero = {name for name in conversion.new if not tensors[name].any()}
    at_zero = {f"{site}.edi.to_out.weight" for site in sites} | {f"{site}.edi.norm.bias" for site in sites}
    assert zero == at_zero | {"frame_positions.weight", "lip_tokens.norm.bias", "expression_tokens.norm.bias"}
    assert tensors["lip_tokens.proj.weight"].std() > 0.01
    weights = [tensors[f"{site}.edi.to_q.weight"].flatten()[:16] for site in sites]
    assert len({tuple(values.tolist()) for values in weights}) == 16  # no two sites begin alike
    assert read_sampling_defaults(tmp_path / "ethd.safetensors").window == 120


def test_converting_again_gives_the_same_bytes_and_spares_the_callers_chance(folder, tmp_path):
    convert_svd(folder, tmp_path / "a.safetensors")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    convert_svd(folder, tmp_path / "b.safetensors")
    assert torch.equal(torch.get_rng_state(), before)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_half_precision_stays_half(folder, unet, tmp_path):
    source = tmp_path / "half"
    for part in ("unet", "vae"):
        (source / part).mkdir(parents=True)
        tensors = load_file(folder / part / "diffusion_pytorch_model.safetensors")
        halved = {name: tensor.half() for name, tensor in tensors.items()}
        save_file(halved, source / part / "diffusion_pytorch_model.fp16.safetensors")
    convert_svd(source, tmp_path / "ethd.safetensors", tmp_path / "vae.safetensors")
    for kind in ("ethd", "vae"):
        tensors = load_file(tmp_path / f"{kind}.safetensors")
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    x, c_noise, token, added_time = unet_inputs()
    with torch.no_grad():
        expected = unet(x, c_noise, token, added_time).sample
    out = born_output(load_ethd(tmp_path / "ethd.safetensors"))
    assert (out - expected).abs().max() <= 1e-2 * expected.abs().max()


def test_it_never_holds_the_weights(single_file, tmp_path):
    convert_svd(single_file, tmp_path / "warm.safetensors")
    tracemalloc.start()
    size = convert_svd(single_file, tmp_path / "ethd.safetensors")["ethd"].size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.2 * size


def altered(single_file: Path, tmp_path: Path, change) -> Path:
    tensors = load_file(single_file)
    change(tensors)
    save_file(tensors, tmp_path / "altered.safetensors")
    return tmp_path / "altered.safetensors"


FIRST = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda tensors: tensors.pop("model.diffusion_model.middle_block.1.proj_in.weight"),
            "lacks .*1.proj_in.weight",
        ),
        (lambda tensors: tensors.pop(FIRST), "lacks .*input_blocks.1.0.in_layers.2.weight"),
        (
            lambda tensors: tensors.update({"model.diffusion_model.extra.weight": torch.zeros(1)}),
            "unknown model.diffusion_model.extra.weight",
        ),
        (lambda tensors: tensors.update({"cond_stage_model.x": torch.zeros(1)}), "unknown key cond_stage_model.x"),
        (
            lambda tensors: tensors.update({"model.diffusion_model.out.0.bias": torch.zeros(3)}),
            r"out.0.bias is \[3\], and \[64\]",
        ),
        (
            lambda tensors: tensors.update({"model.diffusion_model.out.0.bias": torch.zeros(64, dtype=torch.int8)}),
            "out.0.bias in the number format I8",
        ),
        (lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith("model.")], "folder that has"),
    ],
)
def test_other_weights_are_refused_by_name(change, named, single_file, tmp_path):
    source = altered(single_file, tmp_path, change)
    with pytest.raises(WeightsError, match=named) as error:
        convert_svd(source, tmp_path / "ethd.safetensors")
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    assert not (tmp_path / "ethd.safetensors").exists()


def test_a_fault_in_the_autoencoder_writes_nothing(single_file, tmp_path):
    source = altered(single_file, tmp_path, lambda tensors: tensors.pop("first_stage_model.decoder.conv_in.bias"))
    with pytest.raises(WeightsError, match="lacks first_stage_model.decoder.conv_in.bias"):
        convert_svd(source, tmp_path / "ethd.safetensors", tmp_path / "vae.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["altered.safetensors"]


def test_another_kind_of_heads_is_refused(folder, tmp_path):
    source = tmp_path / "svd"
    (source / "unet").mkdir(parents=True)
    weights = "diffusion_pytorch_model.safetensors"
    (source / "unet" / weights).write_bytes((folder / "unet" / weights).read_bytes())
    described = json.loads((folder / "unet" / "config.json").read_text())
    (source / "unet" / "config.json").write_text(json.dumps(described | {"num_attention_heads": [1, 1, 1, 1]}))
    with pytest.raises(WeightsError, match="num_attention_heads"):
        convert_svd(source, tmp_path / "ethd.safetensors")


def test_pickles_are_not_read(tmp_path):
    (tmp_path / "svd.ckpt").write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError, match="pickle"):
        convert_svd(tmp_path / "svd.ckpt", tmp_path / "ethd.safetensors")
    (tmp_path / "svd" / "unet").mkdir(parents=True)
    (tmp_path / "svd" / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(WeightsError, match="a pickle, which is not read"):
        convert_svd(tmp_path / "svd", tmp_path / "ethd.safetensors")


def test_the_source_is_never_replaced(single_file, folder, tmp_path):
    before = single_file.stat().st_mtime_ns
    with pytest.raises(OutputError, match="overwrite what it is made from"):
        convert_svd(single_file, single_file)
    with pytest.raises(OutputError, match="both networks"):
        convert_svd(folder, tmp_path / "x.safetensors", tmp_path / "x.safetensors")
    assert single_file.stat().st_mtime_ns == before


def test_the_command_names_what_is_new_and_what_is_unused(single_file, tmp_path, capsys):
    out = ["-o", str(tmp_path / "ethd.safetensors")]
    assert main(["convert", str(single_file), *out]) == 0
    printed = capsys.readouterr().out
    assert "new: 105 tensors" in printed and "edi 96" in printed
    assert "conditioner.embedders 2" in printed and "first_stage_model.encoder" in printed
    assert "conv1.weight" not in printed
    assert main(["convert", str(single_file), *out, "--list", "--vae-out", str(tmp_path / "vae.safetensors")]) == 0
    printed = capsys.readouterr().out
    assert "conditioner.embedders.0.open_clip.model.visual.conv1.weight" in printed
    assert "mid_block.attentions.0.transformer_blocks.0.edi.to_out.weight" in printed
    assert "first_stage_model" not in printed
    assert main(["convert", str(tmp_path / "nothing"), *out]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_converts_a_public_speech_encoder(tmp_path, capsys):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.Wav2Vec2Config(**sizes, conv_dim=(8,) * 7, num_conv_pos_embedding_groups=2)
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path / "wav2vec2")
    out = tmp_path / "speech_encoder.safetensors"
    given = ["convert", str(tmp_path / "wav2vec2"), "-o", str(out), "--kind", "wav2vec2"]
    assert main(given) == 0 and out.is_file()
    assert "16 wide" in capsys.readouterr().out
    assert main([*given, "--vae-out", str(tmp_path / "vae.safetensors")]) == 2
    assert "--vae-out" in capsys.readouterr().err
