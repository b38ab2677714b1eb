"""What holds on a card only: see mock_gpu.py. The rest of the files in this folder run there too."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.model_management
import torch

sys.path.append(str(Path(__file__).parent))

from shots import DEMO, Shot, part  # noqa: E402  (the files here are no package)

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
    shot = Shot(1, weights=DEMO)
    shot.windowed(steps=1)
    weights = list(shot.model.model.diffusion_model.parameters())
    there = sum(weight.numel() for weight in weights if weight.device == CARD) / sum(w.numel() for w in weights)
    plenty = comfy.model_management.get_total_memory(CARD) > 2**31
    print(f"{there:.3f} of the weights lie on the card")
    assert shot.model.load_device == CARD
    assert there == 1 if plenty and not shot.model.is_dynamic() else there < 0.05


def check_a_picture_that_does_not_fit_is_decoded_in_tiles() -> None:
    """On a small card: what its memory does not hold as a whole comes nevertheless."""
    vae, latents = Shot(1).vae, torch.randn(1, 4, 112, 112, generator=torch.Generator().manual_seed(0))
    with Listening() as said:
        frames = vae.decode(latents)
    assert frames.shape == (1, 448, 448, 3) and frames.isfinite().all()
    assert any("tiles" in line for line in said.lines), said.lines


def check_a_window_beyond_the_memory_is_said_beforehand() -> None:
    """What the sampler is about to do; a refusal where its window needs more than the card has, with one that fits."""
    forecast, model = part("nodes.sampler").forecast, Shot(1).model
    with Listening() as said:
        plan = forecast(model, (8, 4, 32, 32), "2 windows × 5 steps")
    assert plan.startswith("2 windows × 5 steps; a window of 8 frames needs about") and "MB" in plan, plan
    assert said.lines == []
    refusal = refused(lambda: forecast(model, (3000, 4, 256, 256), "1 window × 5 steps"))
    assert all(words in refusal for words in ("3000 frames needs", "cuda:0 has", "window to")), refusal
    fitting = int(refusal.split("window to ")[1].split(" ")[0])
    assert 0 < fitting < 3000
    with Listening() as said:
        forecast(model, (fitting, 4, 256, 256), "1 window × 5 steps")
    assert said.lines == [] or "in all" in said.lines[0]


def refused(work: Callable[[], Any]) -> str:
    """The sentence in which it is refused."""
    try:
        return f"nothing was refused: {work()}"
    except part("emotivetalk_core.errors").SettingsError as error:
        return str(error)


class Listening(logging.Handler):
    """Keeps what is logged within it. lines: as text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> "Listening":
        self._level = logging.getLogger().level
        logging.getLogger().addHandler(self)
        logging.getLogger().setLevel(logging.INFO)
        return self

    def __exit__(self, *fault: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger().setLevel(self._level)
