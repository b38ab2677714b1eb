"""Stage 5: the ETHD backbone on talking clips (EmotiveTalk eq. 11), V-AID and VAE frozen. It starts from the renderer
of stage 3.
"""

import functools

import torch
from torch.nn import functional as F

from ..models.checkpoint import load_network, save_checkpoint
from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import DEMO
from .encoders import denoising_error, region_weight
from .films import Films
from .loop import LoopSettings, TrainingLoop, step_optimiser
from .stage import Stage


def train_ethd(stage: Stage) -> None:
    """Writes ethd.safetensors."""
    torch.manual_seed(stage.settings.seed)
    build = functools.partial(ETHD, attention=stage.attention)
    network = load_network(stage.states / "renderer.safetensors", "ethd", build, ETHDConfig, stage.device)
    films = Films(stage)
    record = fit_backbone(stage, network, films, "ethd", stage.settings.ethd)
    save_backbone(stage, network, "ethd", record)


def fit_backbone(stage: Stage, network: ETHD, films: Films, name: str, settings: LoopSettings) -> dict:
    """Trains `network` on `films` and returns the record of it."""
    network.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch = films.draw(generator)
        with stage.autocast():
            error = denoising_error(
                network, batch.clean, batch.portrait, batch.conditions, batch.motion_bucket, generator
            )  # [b, n, 4, h, w]
        scale = stage.settings.data.picture // error.shape[-1]
        face, lips = (F.max_pool2d(m, scale) for m in (batch.conditions.face_mask, batch.conditions.lip_mask))
        weight = region_weight(face, lips)[:, None]
        loss = (error * weight).mean() / weight.mean()
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach(), "plain": error.detach().mean()}

    loop = TrainingLoop(
        name, stage.states, {"ethd": network}, {"main": optimiser}, settings, stage.settings.seed, stage.on_step
    )
    return loop.run(step)


def save_backbone(stage: Stage, network: ETHD, name: str, record: dict) -> None:
    """Writes the weights in half precision, which loading widens again, with the defaults they are sampled by."""
    half = {key: tensor.half() for key, tensor in network.state_dict().items()}
    save_checkpoint(stage.weights(name), "ethd", half, network.config, record, defaults=DEMO.sampling)
