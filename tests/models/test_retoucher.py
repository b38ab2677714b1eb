"""The retoucher: what a new one says, what it can learn, and how it comes back from a file."""

import torch

from emotivetalk_core.face.retouch import retouched
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.retoucher import KIND, Retoucher, RetoucherConfig, load_retoucher
from emotivetalk_core.weight_files.checkpoint import save_checkpoint
from emotivetalk_core.weight_files.manifest import write_manifest

SMALL = RetoucherConfig(channels=(16, 24), norm_groups=4)
SIDE = 32


def pictures(*shape):
    return torch.rand(*shape, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def spoiled():
    """A network whose answers are none of a new one's."""
    torch.manual_seed(0)
    network = Retoucher(SMALL)
    for last in (network.flow, network.fine):
        torch.nn.init.normal_(last.weight, std=0.1)
    return network.eval()


def test_a_new_one_moves_nothing_adds_nothing_and_believes_the_frame():
    frames, seen = pictures(2, 3)
    said = Retoucher(SMALL)(frames, seen)
    assert said.offset.shape == (3, 2, SIDE // 4, SIDE // 4) and said.added.shape == frames.shape
    assert said.share.shape == said.shading.shape == (3, 1, SIDE, SIDE)
    assert not said.offset.any() and not said.added.any()
    assert torch.allclose(said.share, torch.tensor(0.1192), atol=1e-4)


def test_every_frame_is_looked_at_by_itself():
    network, (frames, seen) = spoiled(), pictures(2, 3)
    together, alone = network(frames, seen), network(frames[1:2], seen[1:2])
    for name in ("offset", "share", "shading", "added"):
        assert torch.allclose(getattr(together, name)[1:2], getattr(alone, name), atol=1e-5)
    assert not torch.allclose(network(frames, seen).added, network(seen, frames).added, atol=1e-3)


def test_frames_of_any_size_are_looked_at():
    """At the next multiple of its patches; what it says is of the frame's own pixels."""
    odd = torch.rand(1, 3, 30, 41, generator=torch.Generator().manual_seed(0))
    said = spoiled()(odd, odd)
    assert said.added.shape == odd.shape and said.share.shape == (1, 1, 30, 41)


def test_it_learns_where_a_picture_went():
    """The truth is the portrait two pixels to the left: its error falls below half of the frame's."""
    torch.manual_seed(0)
    network = Retoucher(SMALL)
    picture = torch.nn.functional.avg_pool2d(pictures(4), 3, stride=1, padding=1)
    truth, ones = picture.roll(-2, -1), torch.ones(4, 1, SIDE, SIDE)
    frames = torch.nn.functional.avg_pool2d(truth, 5, stride=1, padding=2)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        shown = retouched(network(frames, picture), frames, picture, picture, frames, ones)
        loss = (shown - truth).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.5 * (frames - truth).abs().mean()


def test_a_weights_folder_may_have_one(tmp_path, tiny_weights):
    import shutil

    assert load_model_set(tiny_weights).retoucher is None
    folder = tmp_path / "weights"
    shutil.copytree(tiny_weights, folder)
    network = spoiled()
    save_checkpoint(folder / f"{KIND}.safetensors", KIND, network, SMALL, {"steps": 0})
    write_manifest(folder)
    frames, seen = pictures(2, 1)
    for found in (load_model_set(folder).retoucher, load_retoucher(folder / f"{KIND}.safetensors")):
        assert found is not None and not any(each.requires_grad for each in found.parameters())
        assert torch.allclose(found(frames, seen).added, network(frames, seen).added, atol=1e-5)
    half = load_retoucher(folder / f"{KIND}.safetensors", dtype=torch.bfloat16)(frames, seen)
    assert half.added.dtype == torch.float32
    assert torch.allclose(half.added, network(frames, seen).added, atol=0.05)
