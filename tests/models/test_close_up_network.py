"""The network of close-ups: what a new one says, what it can learn, and how it comes back from a file."""

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from emotivetalk_core.face.close_up import HIGH, WIDE, shown
from emotivetalk_core.models.close_up import KIND, CloseUpConfig, CloseUpNetwork, load_close_up
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.weight_files.checkpoint import save_checkpoint
from emotivetalk_core.weight_files.manifest import write_manifest

SMALL = CloseUpConfig(channels=(16, 24), norm_groups=4, motion=3, motion_width=16, teeth=True)


def face(*shape: int) -> torch.Tensor:
    coarse = torch.rand(*shape, 3, HIGH // 8, WIDE // 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=(HIGH, WIDE), mode="bilinear")


def spoiled() -> CloseUpNetwork:
    """A network whose answers are none of a new one's."""
    torch.manual_seed(0)
    network = CloseUpNetwork(SMALL)
    for name, tensor in network.named_parameters():
        if name.split(".")[-2] in ("flow", "fine", "teeth", "tooth", "heed") and name.endswith("weight"):
            torch.nn.init.normal_(tensor, std=0.1)
    return network.eval()


def test_a_new_one_says_that_all_stays_as_it_is():
    said = CloseUpNetwork(SMALL)(face(1), torch.randn(2, 3))
    assert said.offset.shape == (2, 2, HIGH // 2, WIDE // 2) and said.added.shape == (2, 3, HIGH, WIDE)
    assert not said.offset.any() and not said.added.any()
    assert torch.allclose(said.share, torch.tensor(0.9526), atol=1e-4)
    assert said.tooth.shape == said.offset.shape and said.teeth.shape == said.share.shape
    assert torch.allclose(said.tooth, torch.tensor(0.5)) and torch.allclose(said.teeth, 1 - said.share, atol=1e-6)


def test_one_that_was_not_taught_teeth_shows_none():
    """As close-ups were that were trained before there were any."""
    plain = CloseUpNetwork(replace(SMALL, teeth=False))
    assert not [name for name in plain.state_dict() if name.startswith(("teeth", "tooth"))]
    torch.nn.init.normal_(plain.fine.weight, std=0.1)
    said = plain(face(1), torch.ones(1, 3))
    assert not said.teeth.any() and torch.allclose(shown(said, face(1)), said.share * face(1) + said.added, atol=1e-5)


def test_of_one_face_it_says_what_each_motion_makes_of_it():
    network, motion = spoiled(), torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    together, alone = network(face(1), motion), network(face(1), motion[1:2])
    repeated = network(face(1).expand(3, -1, -1, -1), motion)
    for name in ("offset", "share", "added", "teeth", "tooth"):
        assert torch.allclose(getattr(together, name)[1:2], getattr(alone, name), atol=1e-5)
        assert torch.allclose(getattr(together, name), getattr(repeated, name), atol=1e-5)
    assert not torch.allclose(together.added[0], together.added[1], atol=1e-3)
    some = together.of(slice(1, 3))
    assert torch.equal(some.offset, together.offset[1:]) and torch.equal(some.tooth, together.tooth[1:])
    assert len(some.share) == len(some.added) == len(some.teeth) == 2


def test_it_is_told_of_a_mirror_and_heeds_no_motion_of_other_weights():
    network, motion = spoiled(), torch.ones(1, 3)
    plain, mirrored = (torch.nn.functional.pad(motion, (0, 1), value=value) for value in (0.0, 1.0))
    assert torch.equal(network(face(1), motion).added, network(face(1), plain).added)
    assert not torch.allclose(network(face(1), plain).added, network(face(1), mirrored).added, atol=1e-3)
    assert network(face(1), torch.ones(1, 5)) is None and network(face(1), torch.ones(1, 2)) is None


def test_it_learns_what_the_motion_asks_for():
    """One motion moves the face two pixels to the left, the other leaves it: its error falls below half."""
    torch.manual_seed(0)
    network, motion = CloseUpNetwork(SMALL), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    truth = torch.cat((face(1).roll(-2, -1), face(1)))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        loss = (shown(network(face(1), motion), face(1)) - truth).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < (face(1) - truth).abs().mean() / 2


def test_a_weights_folder_may_have_one(tmp_path: Path, tiny_weights: Path):
    assert load_model_set(tiny_weights).close_up is None
    folder = tmp_path / "weights"
    shutil.copytree(tiny_weights, folder)
    network = spoiled()
    save_checkpoint(folder / f"{KIND}.safetensors", KIND, network, SMALL, {"steps": 0})
    write_manifest(folder)
    motion = torch.ones(1, 3)
    for found in (load_model_set(folder).close_up, load_close_up(folder / f"{KIND}.safetensors")):
        assert found is not None and not any(each.requires_grad for each in found.parameters())
        assert torch.allclose(found(face(1), motion).added, network(face(1), motion).added, atol=1e-5)
    half = load_close_up(folder / f"{KIND}.safetensors", dtype=torch.bfloat16)(face(1), motion)
    assert half.added.dtype == torch.float32
    assert torch.allclose(half.added, network(face(1), motion).added, atol=0.1)
