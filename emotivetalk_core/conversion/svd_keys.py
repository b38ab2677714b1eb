"""Stable Video Diffusion's two sets of key names side by side: the folder layout's (diffusers), which are ours, and
the single file's (ldm, Stability's own).

Established from diffusers' classes and ComfyUI's, whose key sets the tests compare with these tables. Nothing here
reads a file.
"""

from collections.abc import Iterable

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
"""How the keys of the two networks begin in the single file."""

OTHER_PREFIXES = ("conditioner.", "model_ema.")
"""What else a single file may hold, and nobody here asks for: the picture encoders of its conditioning (the lip and
expression tokens stand in the place of CLIP's), and a training run's running average."""

_UNET_ENDS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
)
_UNET_RESNET = (
    ("spatial_res_block.norm1", "in_layers.0"),
    ("spatial_res_block.conv1", "in_layers.2"),
    ("spatial_res_block.time_emb_proj", "emb_layers.1"),
    ("spatial_res_block.norm2", "out_layers.0"),
    ("spatial_res_block.conv2", "out_layers.3"),
    ("spatial_res_block.conv_shortcut", "skip_connection"),
    ("temporal_res_block.norm1", "time_stack.in_layers.0"),
    ("temporal_res_block.conv1", "time_stack.in_layers.2"),
    ("temporal_res_block.time_emb_proj", "time_stack.emb_layers.1"),
    ("temporal_res_block.norm2", "time_stack.out_layers.0"),
    ("temporal_res_block.conv2", "time_stack.out_layers.3"),
    ("time_mixer", "time_mixer"),
)
_UNET_SITE = (
    ("norm", "norm"),
    ("proj_in", "proj_in"),
    ("proj_out", "proj_out"),
    ("transformer_blocks", "transformer_blocks"),
    ("temporal_transformer_blocks", "time_stack"),
    ("time_pos_embed.linear_1", "time_pos_embed.0"),
    ("time_pos_embed.linear_2", "time_pos_embed.2"),
    ("time_mixer", "time_mixer"),
)
_VAE_ENDS = (
    ("conv_in", "conv_in"),
    ("conv_norm_out", "norm_out"),
    ("conv_out", "conv_out"),
)
_VAE_ATTENTION = (
    ("group_norm", "norm"),
    ("to_q", "q"),
    ("to_k", "k"),
    ("to_v", "v"),
    ("to_out.0", "proj_out"),
)
_ENCODER_RESNET = (
    ("norm1", "norm1"),
    ("conv1", "conv1"),
    ("norm2", "norm2"),
    ("conv2", "conv2"),
    ("conv_shortcut", "nin_shortcut"),
)
_DECODER_RESNET = (
    *((f"spatial_res_block.{ours}", theirs) for ours, theirs in _ENCODER_RESNET),
    ("temporal_res_block.norm1", "time_stack.in_layers.0"),
    ("temporal_res_block.conv1", "time_stack.in_layers.2"),
    ("temporal_res_block.norm2", "time_stack.out_layers.0"),
    ("temporal_res_block.conv2", "time_stack.out_layers.3"),
    ("time_mixer.mix_factor", "mix_factor"),
)

Table = tuple[tuple[str, str], ...]
"""Rows of how a key begins in the folder layout and how it begins in the single file, after its network's prefix."""


def unet_table(attends: tuple[bool, ...], layers: int) -> Table:
    """The UNet's table. attends: which levels have attention · layers: residual blocks of a level on the way down.

    The single file numbers its blocks through; each is a residual block, then attention, then a change of size.
    """
    rows = list(_UNET_ENDS)
    last = len(attends) - 1
    block = 1
    for level, attending in enumerate(attends):
        for layer in range(layers):
            ours, theirs = f"down_blocks.{level}", f"input_blocks.{block}"
            rows += _below(f"{ours}.resnets.{layer}", f"{theirs}.0", _UNET_RESNET)
            if attending:
                rows += _below(f"{ours}.attentions.{layer}", f"{theirs}.1", _UNET_SITE)
            block += 1
        if level != last:
            rows.append((f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{block}.0.op"))
            block += 1
    rows += _below("mid_block.resnets.0", "middle_block.0", _UNET_RESNET)
    rows += _below("mid_block.attentions.0", "middle_block.1", _UNET_SITE)
    rows += _below("mid_block.resnets.1", "middle_block.2", _UNET_RESNET)
    block = 0
    for level, attending in enumerate(reversed(attends)):
        for layer in range(layers + 1):
            ours, theirs = f"up_blocks.{level}", f"output_blocks.{block}"
            rows += _below(f"{ours}.resnets.{layer}", f"{theirs}.0", _UNET_RESNET)
            if attending:
                rows += _below(f"{ours}.attentions.{layer}", f"{theirs}.1", _UNET_SITE)
            if layer == layers and level != last:
                rows.append((f"{ours}.upsamplers.0.conv", f"{theirs}.{2 if attending else 1}.conv"))
            block += 1
    return tuple(rows)


def vae_table(levels: int, layers: int) -> Table:
    """The autoencoder's table; the single file counts the decoder's levels from the largest picture, the folder from
    the smallest. layers: residual blocks of a level of the encoder.
    """
    rows: list[tuple[str, str]] = [("quant_conv", "quant_conv")]
    rows += _below("encoder", "encoder", _VAE_ENDS) + _below("decoder", "decoder", _VAE_ENDS)
    rows.append(("decoder.time_conv_out", "decoder.conv_out.time_mix_conv"))
    for half, resnet, resnets_in_the_middle in (("encoder", _ENCODER_RESNET, 2), ("decoder", _DECODER_RESNET, layers)):
        for index in range(resnets_in_the_middle):
            rows += _below(f"{half}.mid_block.resnets.{index}", f"{half}.mid.block_{index + 1}", resnet)
        rows += _below(f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", _VAE_ATTENTION)
    for level in range(levels):
        for layer in range(layers):
            ours, theirs = f"encoder.down_blocks.{level}.resnets.{layer}", f"encoder.down.{level}.block.{layer}"
            rows += _below(ours, theirs, _ENCODER_RESNET)
        for layer in range(layers + 1):
            ours = f"decoder.up_blocks.{level}.resnets.{layer}"
            rows += _below(ours, f"decoder.up.{levels - 1 - level}.block.{layer}", _DECODER_RESNET)
        if level != levels - 1:
            rows.append((f"encoder.down_blocks.{level}.downsamplers.0.conv", f"encoder.down.{level}.downsample.conv"))
            theirs = f"decoder.up.{levels - 1 - level}.upsample.conv"
            rows.append((f"decoder.up_blocks.{level}.upsamplers.0.conv", theirs))
    return tuple(rows)


def single_file_names(ours: Iterable[str], table: Table, prefix: str) -> dict[str, str]:
    """What each of our keys is called in the single file. KeyError for one that the table does not know."""
    beginnings = dict(table)
    names = {}
    for name in ours:
        stem = name
        while stem not in beginnings:
            stem, dot, _ = stem.rpartition(".")
            if not dot:
                raise KeyError(name)
        names[name] = prefix + beginnings[stem] + name.removeprefix(stem)
    return names


def _below(ours: str, theirs: str, rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"{ours}.{a}", f"{theirs}.{b}") for a, b in rows]
