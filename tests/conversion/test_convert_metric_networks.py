"""`convert --kind inception | i3d | syncnet` on files as they are published."""

from dataclasses import replace

import pytest
import torch
from metric_networks import weights

from emotivetalk_core.cli import main
from emotivetalk_core.conversion.metric_networks import METRIC_NETWORKS
from emotivetalk_core.weight_files.checkpoint import load_network, read_checkpoint


@pytest.fixture(params=METRIC_NETWORKS)
def published(request, tmp_path, monkeypatch):
    """A thin network's file: with the classes that FID does not read, and without counters, as older files are."""
    kind, known = request.param, METRIC_NETWORKS[request.param]
    thin = replace(known, config=lambda: known.config(thinner=16))
    monkeypatch.setitem(METRIC_NETWORKS, kind, thin)
    network = known.network(known.config(thinner=16))
    state = weights({name: tuple(value.shape) for name, value in network.state_dict().items()})
    network.load_state_dict(state)
    kept = {name: value for name, value in state.items() if kind == "inception" or "num_batches" not in name}
    extra = {"fc.weight": torch.zeros(3, 128)} if kind == "inception" else {}
    torch.save(kept | extra, tmp_path / "published.pth")
    return kind, known, network, tmp_path


def test_published_files_become_ours(published, capsys):
    kind, known, network, folder = published
    out = folder / f"{kind}.safetensors"
    assert main(["convert", str(folder / "published.pth"), "-o", str(out), "--kind", kind]) == 0
    assert known.licence in capsys.readouterr().out
    read = load_network(out, kind, known.network, known.config)
    assert all(
        torch.equal(a, b) for a, b in zip(read.state_dict().values(), network.state_dict().values(), strict=True)
    )
    assert read_checkpoint(out, kind).licence == known.licence


def test_another_file_is_refused(published, capsys):
    kind, _, _, folder = published
    torch.save({"somebody.weight": torch.zeros(2)}, folder / "other.pth")
    assert main(["convert", str(folder / "other.pth"), "-o", str(folder / "x.safetensors"), "--kind", kind]) == 2
    assert "somebody.weight" in capsys.readouterr().err
