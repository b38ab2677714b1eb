"""The networks of FID, FVD and SyncNet beside the published ones (what tests/tools/public_metric_networks.py wrote)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from metric_networks import inputs, weights

from emotivetalk_core.models.i3d import I3D, LEAST_FRAMES, I3DConfig
from emotivetalk_core.models.inception import Inception, InceptionConfig
from emotivetalk_core.models.syncnet import SyncNet, SyncNetConfig

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "metric_networks.json").read_text(encoding="utf-8"))
NETWORKS = {
    "inception": (Inception, InceptionConfig, 21_785_568),
    "i3d": (I3D, I3DConfig, 12_697_264),
    "syncnet": (SyncNet, SyncNetConfig, 13_631_616),
}
ASK = {
    "inception": lambda network, pictures: [network(pictures)],
    "i3d": lambda network, film: [network(film)],
    "syncnet": lambda network, mouths, sound: [network.encode_mouths(mouths), network.encode_sound(sound)],
}


def published_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Without the classes that FID does not read."""
    return {k: tuple(v) for k, v in PUBLISHED[name]["keys"].items() if name != "inception" or not k.startswith("fc.")}


@pytest.mark.parametrize("name", NETWORKS)
def test_published_weights_fit(name):
    network_class, config, parameters = NETWORKS[name]
    network = network_class(config(), device="meta")
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == published_shapes(name)
    assert sum(value.numel() for value in network.parameters()) == parameters


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_answers_are_the_published_codes(name):
    network_class, config, _ = NETWORKS[name]
    network = network_class(config(), device="meta")
    network.load_state_dict(weights(published_shapes(name)), assign=True)
    for ours, theirs in zip(ASK[name](network.eval(), *inputs(name)), PUBLISHED[name]["answers"], strict=True):
        np.testing.assert_allclose(ours.flatten()[: len(theirs)], theirs, rtol=2e-4, atol=2e-4 * np.abs(theirs).max())


@torch.no_grad()
def test_thin_networks_take_what_the_published_ones_take():
    """What the tests of the figures use."""
    assert Inception(InceptionConfig(thinner=16)).eval()(torch.rand(1, 3, 64, 80)).shape == (1, 128)
    film = torch.rand(1, 3, LEAST_FRAMES, 224, 224)
    assert I3D(I3DConfig(thinner=16, classes=5)).eval()(film).shape == (1, 5)
    net = SyncNet(SyncNetConfig(thinner=16, width=8)).eval()
    assert (
        net.encode_mouths(torch.rand(2, 3, 5, 224, 224)).shape
        == net.encode_sound(torch.rand(2, 1, 13, 20)).shape
        == (2, 8)
    )
