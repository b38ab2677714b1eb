"""Backbones that are built or driven differently, trained so that the evaluation can compare them (EmotiveTalk table
2, fig. 12).

All start from the renderer of stage 3, see the same clips in the same order, and run for the same number of steps, so
that only what is varied differs: `edi_retrained` is the method itself under these conditions.
"""

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from ..models.checkpoint import read_checkpoint, save_checkpoint
from ..models.ethd import ETHD, ETHDConfig
from ..models.presets import DEMO
from ..types import MotionConditions
from .encoders import denoising_error, region_weight
from .ethd import DROP, FROM_VISION, motion_bucket
from .features import audio_features, clip_latents, reference_latents, vision_features
from .loop import TrainingLoop, step_optimiser
from .stage import Stage, box_masks
from .v_aid import audio_latents

RAW_AUDIO = DEMO.lip_projector.window * DEMO.lip_projector.audio_dim
"""Width of a whole audio window A_w."""

VARIANTS: dict[str, ETHDConfig] = {
    "edi_retrained": DEMO.ethd,
    "direct_injection": replace(DEMO.ethd, expression_injection="direct"),
    "no_edi": replace(DEMO.ethd, expression_injection="none"),
    # The audio windows take the lip latents' place, and the expression is left to what can be heard.
    "no_decoupling": replace(DEMO.ethd, expression_injection="none", lip_dim=RAW_AUDIO),
}

STEPS = 500


def train_ablation(stage: Stage) -> None:
    """Trains every variant whose file is missing; the stage "ablation" of `train demo`."""
    for name in VARIANTS:
        if not stage.weights(f"ablation/{name}").exists():
            train_variant(stage, name)


def train_variant(stage: Stage, name: str, steps: int = STEPS) -> None:
    """Writes ablation/`name`.safetensors, `name` being one of VARIANTS."""
    settings, config = stage.settings, VARIANTS[name]
    torch.manual_seed(settings.seed)
    network = from_renderer(stage, config).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)
    films = _Films(stage, raw_audio=name == "no_decoupling")

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        clean, portrait, conditions, bucket = films.draw(generator)
        with stage.autocast():
            error = denoising_error(network, clean, portrait, conditions, bucket, generator)  # [b, n, 4, h, w]
        scale = settings.data.picture // error.shape[-1]
        masks = (F.max_pool2d(mask, scale) for mask in (conditions.face_mask, conditions.lip_mask))
        weight = region_weight(*masks)[:, None]
        loss = (error * weight).mean() / weight.mean()
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach()}

    plan = replace(settings.ethd, steps=steps)
    loop = TrainingLoop(
        f"ablation_{name}", stage.states, {"ethd": network}, {"main": optimiser}, plan, settings.seed, stage.on_step
    )
    record = loop.run(step)
    save_checkpoint(
        stage.weights(f"ablation/{name}"), "ethd", network, config, {**record, "variant": name}, defaults=DEMO.sampling
    )


def from_renderer(stage: Stage, config: ETHDConfig) -> ETHD:
    """A backbone of `config` with every weight of stage 3's renderer that fits it; the others start afresh."""
    network = ETHD(config)
    own = network.state_dict()
    renderer = read_checkpoint(stage.states / "renderer.safetensors", "ethd").tensors
    fitting = {key: value for key, value in renderer.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict({**own, **fitting})
    return network.to(stage.device)


class _Films:
    """Pieces of the training clips as stage 5 sees them, driven by latents or, with `raw_audio`, by the audio windows
    themselves."""

    def __init__(self, stage: Stage, *, raw_audio: bool) -> None:
        self.stage, self.raw_audio = stage, raw_audio
        self.latents, self.portraits = clip_latents(stage), reference_latents(stage)
        self.vision, self.audio = vision_features(stage), audio_latents(stage)
        self.windows = audio_features(stage)  # [c, n, 10, d]

    def draw(self, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, MotionConditions, torch.Tensor]:
        """Clean latents [b, n, 4, h, w], portrait latents [b, 4, h, w], conditions, motion buckets [b]."""
        stage, settings, clips = self.stage, self.stage.settings, self.stage.data.clips
        count, frames, size = settings.ethd_batch, settings.ethd_frames, settings.data.picture
        c = torch.randint(self.latents.shape[0], (count,), generator=generator).numpy()
        r = torch.randint(self.portraits.shape[1], (count,), generator=generator).numpy()
        starts = torch.randint(self.latents.shape[1] - frames + 1, (count,), generator=generator).numpy()

        def cut(values: np.ndarray) -> np.ndarray:
            return np.stack([values[i, s : s + frames] for i, s in zip(c, starts, strict=True)])

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(stage.device)

        from_vision, no_lip, no_expression = (
            torch.rand(count, 1, 1, generator=generator).to(stage.device) < share for share in (FROM_VISION, DROP, DROP)
        )
        own = tensor(self.vision["reference_expression"][c, r])
        expression = torch.where(
            from_vision, tensor(cut(self.vision["expression"])), tensor(cut(self.audio["expression"]))
        )
        lip = tensor(cut(self.windows)).flatten(2) if self.raw_audio else tensor(cut(self.audio["lip"]))
        lip = torch.where(no_lip, torch.zeros_like(lip), lip)
        held = own[:, None].expand_as(expression)
        expression = held if self.raw_audio else torch.where(no_expression, held, expression)
        conditions = MotionConditions(
            lip=lip,
            driving_expression=expression,
            reference_expression=own,
            face_mask=box_masks(clips["reference_face_box"][c, r], size, stage.device),
            lip_mask=box_masks(clips["reference_lip_box"][c, r], size, stage.device),
        )
        clean = tensor(cut(self.latents)) * DEMO.vae.scaling_factor
        bucket = torch.from_numpy(motion_bucket(cut(clips["pose"])))
        return clean, tensor(self.portraits[c, r]), conditions, bucket
