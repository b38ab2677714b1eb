import torch

from emotivetalk_core.layers.attention_functions import matrix_product
from emotivetalk_core.models.lip_projector import LipProjector, LipProjectorConfig

TINY = LipProjectorConfig(audio_dim=12, width=16, heads=2, blocks=2, queries=3, lip_dim=7)


def tiny_projector() -> LipProjector:
    torch.manual_seed(0)
    return LipProjector(TINY).eval()


def test_each_frame_is_projected_by_itself():
    projector, windows = tiny_projector(), torch.randn(2, 4, 10, 12)
    latents = projector(windows)
    assert latents.shape == (2, 4, 7)
    torch.testing.assert_close(projector(windows[1, 2:3]), latents[1, 2:3])


def test_order_within_the_window_matters():
    projector, windows = tiny_projector(), torch.randn(1, 10, 12)
    assert (projector(windows) - projector(windows.flip(1))).abs().max() > 1e-4


def test_the_attention_function_is_the_callers_choice():
    ours, windows = tiny_projector(), torch.randn(3, 10, 12)
    other = LipProjector(TINY, attention=matrix_product).eval()
    other.load_state_dict(ours.state_dict())
    torch.testing.assert_close(other(windows), ours(windows), rtol=1e-4, atol=1e-5)


def test_full_size_is_the_papers_four_blocks():
    full = LipProjector(LipProjectorConfig(), device="meta")
    assert len(full.blocks) == 4 and full.blocks[0].attention.heads == 12
    assert full.project_out.weight.shape == (512, 5 * 768)
