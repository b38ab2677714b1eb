"""What holds on a card only: see mock_gpu.py. The rest of the files in this folder run there too."""

import sys
from pathlib import Path

import comfy.model_management
import torch

sys.path.append(str(Path(__file__).parent))

from model_checks import Shot  # noqa: E402  (the files here are no package)

CARD = torch.device("cuda", 0)


def check_the_card_is_strict() -> None:
    """The mock refuses what a card refuses; a check that passes there would pass with a stray tensor otherwise."""
    there, here = torch.ones(2, 3, device=CARD), torch.ones(2, 3)
    for mix in (
        lambda: there + here,
        lambda: torch.cat((there, here)),
        lambda: torch.nn.functional.linear(there, here),
        lambda: here.add_(there),
        lambda: here[torch.zeros(1, dtype=torch.long, device=CARD)],
    ):
        try:
            mix()
        except RuntimeError as error:
            assert "same device" in str(error), error
        else:
            raise AssertionError("the CPU's and the card's tensors were mixed and nothing was said")
    assert (there * torch.tensor(2.0)).sum().item() == 12
    assert (there.to("cpu") + here).device.type == "cpu"
    assert torch.tensor([1.0, 2.0], device=CARD).cpu().tolist() == [1, 2]


def check_weights_lie_where_the_host_wants_them() -> None:
    """All on a large card, next to none on one that is too small, and layer by layer with dynamic VRAM."""
    shot = Shot(2)
    shot.windowed()
    weights = list(shot.model.model.diffusion_model.parameters())
    there = sum(weight.numel() for weight in weights if weight.device == CARD) / sum(w.numel() for w in weights)
    plenty = comfy.model_management.get_total_memory(CARD) > 2**31
    print(f"{there:.3f} of the weights lie on the card")
    assert shot.model.load_device == CARD
    assert there == 1 if plenty and not shot.model.is_dynamic() else there < 0.05
