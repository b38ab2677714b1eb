"""Runs in ComfyUI's own Python: its SVD networks at reduced widths with random weights, and what they compute.

    python comfyui_svd.py COMFYUI_FOLDER OUT_FOLDER

OUT_FOLDER/svd.safetensors is the weights in Stability's single-file layout, values.safetensors the inputs and outputs.
tests/conversion/test_convert_comfyui.py calls this and compares.
"""

import sys
from pathlib import Path

comfyui, out = sys.argv[1:]
sys.argv = ["comfyui_svd.py", "--cpu"]
sys.path.insert(0, comfyui)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import torch  # noqa: E402
from comfy.ldm.models.autoencoder import AutoencodingEngine  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

FRAMES, CROSS_DIM, ADDED = 3, 24, 8


def randomised(network: torch.nn.Module) -> torch.nn.Module:
    """ComfyUI's layers come without values; norms get theirs near one, everything else by its fan-in."""
    for name, parameter in network.named_parameters():
        torch.nn.init.normal_(parameter)
        if parameter.dim() > 1:
            parameter.div_(parameter[0].numel() ** 0.5)
        elif name.endswith("weight"):
            parameter.mul_(0.1).add_(1)
        else:
            parameter.mul_(0.1)
    return network.eval()


def unet() -> torch.nn.Module:
    return UNetModel(
        image_size=32,
        in_channels=8,
        model_channels=64,
        out_channels=4,
        num_res_blocks=[2, 2, 2, 2],
        channel_mult=(1, 2, 2, 3),
        num_head_channels=64,
        num_classes="sequential",
        adm_in_channels=3 * ADDED,
        use_spatial_transformer=True,
        use_linear_in_transformer=True,
        transformer_depth=[1, 1, 1, 1, 1, 1, 0, 0],
        transformer_depth_output=[1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        transformer_depth_middle=1,
        context_dim=CROSS_DIM,
        legacy=False,
        use_temporal_resblock=True,
        use_temporal_attention=True,
        extra_ff_mix_layer=True,
        use_spatial_context=True,
        merge_strategy="learned_with_images",
        video_kernel_size=[3, 1, 1],
    )


def autoencoder() -> torch.nn.Module:
    sizes = {"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 32}
    sizes |= {"ch_mult": [1, 2, 2, 2], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0}
    modules = "comfy.ldm.modules"
    return AutoencodingEngine(
        regularizer_config={"target": "comfy.ldm.models.autoencoder.DiagonalGaussianRegularizer"},
        encoder_config={"target": f"{modules}.diffusionmodules.model.Encoder", "params": sizes},
        decoder_config={
            "target": f"{modules}.temporal_ae.VideoDecoder",
            "params": sizes | {"video_kernel_size": [3, 1, 1], "alpha": 0.0},
        },
    )


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    network, vae = randomised(unet()), randomised(autoencoder())
    weights = {f"model.diffusion_model.{name}": tensor for name, tensor in network.state_dict().items()}
    weights |= {f"first_stage_model.{name}": tensor for name, tensor in vae.state_dict().items()}
    save_file(weights, Path(out) / "svd.safetensors")

    x, token = torch.randn(FRAMES, 8, 16, 8), torch.randn(1, 1, CROSS_DIM)
    c_noise, added = torch.tensor([0.7]), torch.tensor([24.0, 60.0, 0.02])
    angles = added[:, None] * torch.exp(-torch.log(torch.tensor(1e4)) * torch.arange(ADDED // 2) / (ADDED // 2))
    y = torch.cat((angles.cos(), angles.sin()), dim=1).flatten()[None].expand(FRAMES, -1)
    context = token.expand(FRAMES, -1, -1)
    predicted = network(x, c_noise.expand(FRAMES), context=context, y=y, num_video_frames=FRAMES)
    pixels, latents = torch.rand(1, 3, 32, 48), torch.randn(5, 4, 4, 6)
    values = {
        "x": x,
        "token": token,
        "c_noise": c_noise,
        "added": added,
        "predicted": predicted,
        "pixels": pixels,
        "mode": vae.encoder(pixels * 2 - 1)[:, :4],
        "latents": latents,
        "decoded": vae.decoder(latents),
    }
    save_file({name: value.contiguous() for name, value in values.items()}, Path(out) / "values.safetensors")


main()
