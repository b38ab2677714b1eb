"""The same networks with more channels of latents. At first they compute what they computed before; what the new
channels are to carry is learnt afterwards. [ours]
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from ..layers.attention_functions import AttentionFunction, scaled_dot_product
from .ethd import ETHD
from .vae_network import TemporalVAE, build_vae

State = dict[str, torch.Tensor]


def wider_vae(vae: TemporalVAE, channels: int) -> TemporalVAE:
    """An autoencoder of that many latent channels, those of `vae` first. The new ones hold something already, but the
    decoder does not look at it. Raises ValueError where there would be fewer.
    """
    had = vae.config.latent_channels
    _check(had, channels)
    grown = build_vae(replace(vae.config, latent_channels=channels))
    state, before = grown.state_dict(), vae.state_dict()
    moments = [*range(had), *range(channels, channels + had)]  # means, then logarithms of variances
    state["quant_conv.weight"] = torch.eye(2 * channels)[:, :, None, None]
    state["quant_conv.bias"] = torch.zeros(2 * channels)
    _place(state, before, "encoder.conv_out", rows=moments)
    _place(state, before, "quant_conv", rows=moments, columns=moments)
    state["decoder.conv_in.weight"].zero_()
    _place(state, before, "decoder.conv_in", columns=range(had))
    grown.load_state_dict(state | before)  # the rest is as large as it was
    return grown.to(vae.quant_conv.weight)


def wider_backbone(network: ETHD, channels: int, attention: AttentionFunction = scaled_dot_product) -> ETHD:
    """A backbone for noisy latents and portraits of that many channels: of new ones it sees nothing, and says 0.
    Raises ValueError where there would be fewer.
    """
    had = network.config.out_channels
    _check(had, channels)
    grown = ETHD(replace(network.config, in_channels=2 * channels, out_channels=channels), attention=attention)
    state, before = grown.state_dict(), network.state_dict()
    for name in ("conv_in.weight", "conv_out.weight", "conv_out.bias"):
        state[name].zero_()
    _place(state, before, "conv_in", columns=[*range(had), *range(channels, channels + had)])
    _place(state, before, "conv_out", rows=range(had))
    grown.load_state_dict(state | before)  # the rest is as large as it was
    return grown.to(network.conv_in.weight)


def _check(had: int, channels: int) -> None:
    if channels < had:
        raise ValueError(
            f"Latents of {had} channels cannot be made to have {channels}; fewer would lose what they hold."
        )


def _place(
    state: State, before: State, layer: str, *, rows: Sequence[int] | None = None, columns: Sequence[int] | None = None
) -> None:
    """A layer's weights before, among those of the grown one; what is given in `rows` and `columns` goes there."""
    weight, bias = before.pop(f"{layer}.weight"), before.pop(f"{layer}.bias")
    down = torch.arange(len(weight)) if rows is None else torch.tensor(list(rows))
    across = torch.arange(weight.shape[1]) if columns is None else torch.tensor(list(columns))
    state[f"{layer}.weight"][down[:, None], across] = weight.to(state[f"{layer}.weight"])
    state[f"{layer}.bias"][down] = bias.to(state[f"{layer}.bias"])
