"""More channels of latents: the same networks at first, and new channels that hold, or say, what is told of them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.vae_network import TemporalVAE, VAEConfig, build_vae
from emotivetalk_core.models.wider import wider_backbone, wider_vae
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.types import MotionConditions

HAD, CHANNELS, FRAMES, SIDE = 4, 7, 3, 8
VAE = VAEConfig(block_channels=(8, 8), layers_per_block=1, norm_groups=2)


@pytest.fixture(params=[1, 2], ids=["svd's size", "finer"])
def vae(request) -> TemporalVAE:
    torch.manual_seed(0)
    return build_vae(replace(VAE, finer=request.param)).eval().requires_grad_(False)


@pytest.fixture
def backbone() -> ETHD:
    torch.manual_seed(0)
    network = ETHD(TINY.ethd).eval().requires_grad_(False)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def test_a_wider_autoencoder_gives_the_very_pictures(vae):
    pixels = 2 * torch.rand(FRAMES, 3, 16, 12) - 1
    wide = wider_vae(vae, CHANNELS).eval().requires_grad_(False)
    before, after = vae.encode(pixels), wide.encode(pixels)
    assert wide.config == replace(vae.config, latent_channels=CHANNELS) and vae.config.latent_channels == HAD
    assert after.mean.shape == (FRAMES, CHANNELS, 8, 6)
    for name in ("mean", "logvar"):
        torch.testing.assert_close(getattr(after, name)[:, :HAD], getattr(before, name), rtol=1e-5, atol=1e-6)
    assert float(after.mean[:, HAD:].std((0, 2, 3)).min()) > 1e-3  # they hold something of the pictures
    torch.testing.assert_close(wide.decode(after.mean, FRAMES), vae.decode(before.mean, FRAMES), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        wide.decode(torch.cat([before.mean, 50 * torch.randn_like(after.mean[:, HAD:])], 1), FRAMES),
        vae.decode(before.mean, FRAMES),
        rtol=1e-5,
        atol=1e-5,
    )


def test_the_decoder_can_learn_to_look_at_the_new_channels(vae):
    wide = wider_vae(vae, CHANNELS).requires_grad_(True)
    wide.decode(torch.randn(FRAMES, CHANNELS, SIDE, SIDE), FRAMES).square().mean().backward()
    gradient = wide.decoder.conv_in.weight.grad
    assert gradient is not None and bool(gradient[:, HAD:].flatten(2).any(-1).all())


def _asked(network: ETHD, noisy: torch.Tensor, portrait: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    count, frames = noisy.shape[:2]
    motion = MotionConditions(
        lip=torch.randn(count, frames, TINY.ethd.lip_dim, generator=generator),
        driving_expression=torch.randn(count, frames, TINY.ethd.expression_dim, generator=generator),
        reference_expression=torch.randn(count, TINY.ethd.expression_dim, generator=generator),
        face_mask=torch.ones(count, 1, 8 * SIDE, 8 * SIDE),
        lip_mask=torch.zeros(count, 1, 8 * SIDE, 8 * SIDE),
    )
    c_noise, times = torch.full((count,), 0.3), torch.tensor([[24.0, 60.0, 0.0]]).expand(count, -1)
    return network(torch.cat([noisy, portrait], 2), c_noise, motion, times)


def test_a_wider_backbone_says_what_it_said_whatever_new_channels_hold(backbone):
    torch.manual_seed(1)
    noisy, portrait = torch.randn(2, 2, FRAMES, HAD, SIDE, SIDE)
    before = _asked(backbone, noisy, portrait)
    assert float(before.std()) > 1e-2
    wide = wider_backbone(backbone, CHANNELS).eval()
    assert wide.config == replace(TINY.ethd, in_channels=2 * CHANNELS, out_channels=CHANNELS)
    for scale in (0.0, 1.0, 100.0):
        new = scale * torch.randn(2, 2, FRAMES, CHANNELS - HAD, SIDE, SIDE)
        after = _asked(wide, torch.cat([noisy, new[0]], 2), torch.cat([portrait, new[1]], 2))
        torch.testing.assert_close(after[:, :, :HAD], before, rtol=1e-5, atol=1e-5)
        assert after.shape[2] == CHANNELS and not after[:, :, HAD:].any()


def test_new_channels_of_the_backbone_can_be_learnt(backbone):
    wide = wider_backbone(backbone, CHANNELS).requires_grad_(True)
    noisy, portrait = torch.randn(2, 1, FRAMES, CHANNELS, SIDE, SIDE)
    (_asked(wide, noisy, portrait) - 1).square().mean().backward()
    columns, rows = wide.conv_in.weight.grad, wide.conv_out.weight.grad
    assert columns is not None and rows is not None
    assert bool(columns.transpose(0, 1).flatten(1).any(1).all()) and bool(rows.flatten(1).any(1).all())


def test_what_is_handed_in_stays_as_it_was(vae, backbone):
    before = {name: value.clone() for name, value in (*vae.state_dict().items(), *backbone.state_dict().items())}
    wider_vae(vae, CHANNELS)
    wider_backbone(backbone, CHANNELS)
    for name, value in (*vae.state_dict().items(), *backbone.state_dict().items()):
        assert torch.equal(value, before[name]), name


def test_as_many_channels_are_the_same_network_and_fewer_are_refused(vae, backbone):
    for network, same in ((vae, wider_vae(vae, HAD)), (backbone, wider_backbone(backbone, HAD))):
        assert network.config == same.config
    pixels = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(wider_vae(vae, HAD).encode(pixels).mean, vae.encode(pixels).mean)
    for grow, network in ((wider_vae, vae), (wider_backbone, backbone)):
        with pytest.raises(ValueError, match=r"Latents of 4 channels cannot be made to have 3; fewer would lose"):
            grow(network, HAD - 1)
