"""Stage 2: the temporal VAE, on crops of drawn heads: faces more often than background, mouths and eyes with more
weight.
"""

import contextlib

import numpy as np
import torch
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.checkpoint import save_checkpoint
from ..models.presets import DEMO
from ..models.vae import build_vae, encode_mode, fold_latent_scale
from .loop import TrainingLoop, step_optimiser
from .stage import Stage

CLIP = 4  # neighbouring frames of one clip that are decoded together


def train_vae(stage: Stage) -> None:
    """L1 on pixels and on their differences, a whisper of KL; then the latent's scale is folded into the weights."""
    settings = stage.settings
    torch.manual_seed(settings.seed)
    vae = build_vae(DEMO.vae).to(stage.device)
    optimiser = torch.optim.AdamW(vae.parameters(), lr=1e-3, weight_decay=0.0)
    whole = int(
        settings.vae.steps * 0.85
    )  # from here on whole pictures, so that group norms see what they will see in use

    def step(index: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        crop = settings.data.picture // 2 if index < whole else settings.data.picture
        count = settings.vae_batch if index < whole else settings.vae_batch // 4
        frames = CLIP if index % 2 else 1
        target = face_crops(stage, max(1, count // frames), frames, crop, generator)
        # One whole clip in bfloat16 crashes oneDNN's backward pass (torch 2.13 on a CPU with AMX).
        with stage.autocast() if index < whole else contextlib.nullcontext():
            posterior = vae.encode(target * 2 - 1).latent_dist
            latent = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=generator).to(
                stage.device
            )
            decoded = vae.decode(latent, num_frames=frames).sample.float() / 2 + 0.5
        pixel = F.l1_loss(decoded, target)
        edges = F.l1_loss(decoded.diff(dim=-1), target.diff(dim=-1)) + F.l1_loss(
            decoded.diff(dim=-2), target.diff(dim=-2)
        )
        kl = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1 - posterior.logvar.float()).mean()
        loss = pixel + edges + F.mse_loss(decoded, target) * 4 + 2e-5 * kl
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach(), "pixel": pixel.detach(), "edges": edges.detach(), "kl": kl.detach()}

    loop = TrainingLoop(
        "vae", stage.states, {"vae": vae}, {"main": optimiser}, settings.vae, settings.seed, stage.on_step
    )
    record = loop.run(step)
    vae.eval()
    with torch.no_grad():
        sample = stage.data.stills["pixels"][:256:2, 0]
        modes = torch.cat(
            [
                encode_mode(vae, pictures(part, stage.device))
                for part in np.array_split(sample, max(1, len(sample) // 16))
            ]
        )
        record["latent_std_before_folding"] = round(float(modes.std()), 4)
        fold_latent_scale(vae, float(modes.std()))
    save_checkpoint(stage.weights("vae"), "vae", vae, DEMO.vae, record)


def face_crops(stage: Stage, count: int, frames: int, crop: int, generator: torch.Generator) -> torch.Tensor:
    """[count·frames, 3, crop, crop]: from clips where `frames` > 1, else from stills and clips alike. Crops centre on
    the face twice in three times.
    """
    data = stage.data.clips if frames > 1 else stage.data.stills
    first, second = data["pixels"].shape[:2]
    which = torch.randint(first, (count,), generator=generator).tolist()
    starts = torch.randint(second - frames + 1, (count,), generator=generator).tolist()
    pixels = np.stack(
        [data["pixels"][i, s : s + frames] for i, s in zip(which, starts, strict=True)]
    )  # [c, f, h, w, 3]
    room = pixels.shape[2] - crop
    if room == 0:
        return pictures(pixels, stage.device).flatten(0, 1)
    corners = torch.randint(room + 1, (count, 2), generator=generator)
    centred = (torch.randn(count, 2, generator=generator) * crop / 10 + room / 2).round().long().clamp(0, room)
    corners = torch.where(torch.rand(count, 1, generator=generator) < 0.67, centred, corners).tolist()
    cut = np.stack([p[:, y : y + crop, x : x + crop] for p, (y, x) in zip(pixels, corners, strict=True)])
    return pictures(cut, stage.device).flatten(0, 1)
