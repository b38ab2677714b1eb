"""Writes tests/data/metric_networks.json: keys and shapes of the published networks of FID, FVD and SyncNet, and what
their own code answers, with the weights and inputs of tests/metric_networks.py.

    python tests/tools/public_metric_networks.py FOLDER

FOLDER holds, as their repositories have them: inception.py of mseitzer/pytorch-fid (b9c1811), pytorch_i3d.py of
piergiaj/pytorch-i3d (05783d1) and SyncNetModel.py of joonson/syncnet_python (6efbb1c). The first needs torchvision.
"""

import json
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), sys.argv[1]]

from metric_networks import inputs, weights  # noqa: E402 - found only once the folder is on the path

SHOWN = 24
"""Numbers of each answer that are kept."""


def published() -> dict[str, torch.nn.Module]:
    """Each network as its own code builds it, without weights."""
    import inception
    import pytorch_i3d
    import SyncNetModel
    import torchvision

    inception.load_state_dict_from_url = lambda *_, **__: weights(
        {name: value.shape for name, value in fid_inception(inception, torchvision).state_dict().items()}
    )
    return {
        "inception": inception.InceptionV3(),
        "i3d": pytorch_i3d.InceptionI3d(400),
        "syncnet": SyncNetModel.S(),
    }


def fid_inception(inception, torchvision) -> torch.nn.Module:
    """The network whose weights pytorch-fid downloads, without downloading them."""
    network = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    for name, block, *shape in (
        *(("Mixed_5b", inception.FIDInceptionA, 192, 32), ("Mixed_5c", inception.FIDInceptionA, 256, 64)),
        *(("Mixed_5d", inception.FIDInceptionA, 288, 64), ("Mixed_6b", inception.FIDInceptionC, 768, 128)),
        *(("Mixed_6c", inception.FIDInceptionC, 768, 160), ("Mixed_6d", inception.FIDInceptionC, 768, 160)),
        *(("Mixed_6e", inception.FIDInceptionC, 768, 192), ("Mixed_7b", inception.FIDInceptionE_1, 1280)),
        ("Mixed_7c", inception.FIDInceptionE_2, 2048),
    ):
        setattr(network, name, block(*shape))
    return network


@torch.no_grad()
def main() -> None:
    import inception
    import torchvision

    found = {}
    for name, network in published().items():
        state = (fid_inception(inception, torchvision) if name == "inception" else network).state_dict()
        shapes = {key: value.shape for key, value in state.items()}
        if name != "inception":  # which has its own by now
            network.load_state_dict(weights(shapes))
        network.eval()
        given = inputs(name)
        if name == "inception":
            answers = [network(*given)[0][:, :, 0, 0]]
        elif name == "i3d":
            answers = [network(*given).mean(2)]
        else:
            answers = [network.forward_lip(given[0]), network.forward_aud(given[1])]
        found[name] = {
            "keys": {key: list(shape) for key, shape in shapes.items()},
            "answers": [[float(f"{value:.6g}") for value in answer.flatten()[:SHOWN].tolist()] for answer in answers],
        }
        print(name, len(shapes), [answer.abs().mean().item() for answer in answers])
    lines = []
    for name, facts in found.items():
        keys = ",\n".join(f"   {json.dumps(key)}: {json.dumps(shape)}" for key, shape in facts["keys"].items())
        lines.append(
            f'{json.dumps(name)}: {{\n  "keys": {{\n{keys}\n  }},\n  "answers": {json.dumps(facts["answers"])}\n }}'
        )
    (ROOT / "data" / "metric_networks.json").write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
