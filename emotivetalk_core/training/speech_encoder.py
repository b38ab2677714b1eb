"""Stage 1: a small Wav2Vec2 that hears phonemes. The public models learn from thousands of hours by masking; with
minutes of synthetic speech and its exact phoneme times, naming the phoneme of every 20 ms teaches the same kind of
features.
"""

import numpy as np
import torch
from torch.nn import Linear
from torch.nn import functional as F

from ..models.checkpoint import save_checkpoint
from ..models.presets import DEMO
from ..models.speech_encoder import SpeechEncoder
from ..synthesis.phonemes import PHONEME_CLASSES
from ..types import SAMPLE_RATE
from .loop import TrainingLoop, step_optimiser
from .stage import Stage

FEATURE_SAMPLES = 320  # one feature at 50 Hz


def train_speech_encoder(stage: Stage) -> None:
    """Trains the encoder with a linear phoneme head on top, which is then left behind."""
    settings = stage.settings
    torch.manual_seed(settings.seed)
    encoder = SpeechEncoder(DEMO.speech_encoder).to(stage.device)
    head = Linear(DEMO.speech_encoder.hidden_size, len(PHONEME_CLASSES)).to(stage.device)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-3, weight_decay=0.01)
    speech = stage.data.speech
    length = int(settings.speech_seconds * SAMPLE_RATE) // FEATURE_SAMPLES  # features a crop

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        samples, labels = speech_crops(speech, settings.speech_batch, length, generator)
        with stage.autocast():
            features = encoder(samples.to(stage.device))
            logits = head(features).float()  # [b, t50, classes]
        labels = labels[:, : logits.shape[1]].to(stage.device)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach(), "accuracy": (logits.argmax(-1) == labels).float().mean()}

    modules = {"speech_encoder": encoder, "head": head}
    loop = TrainingLoop(
        "speech_encoder", stage.states, modules, {"main": optimiser}, settings.speech, settings.seed, stage.on_step
    )
    record = loop.run(step)
    save_checkpoint(stage.weights("speech_encoder"), "speech_encoder", encoder, DEMO.speech_encoder, record)


def speech_crops(
    speech: dict[str, np.ndarray], count: int, length: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random crops of `length` features: samples [b, length·320] with a random gain and a little noise, phoneme
    labels [b, length].
    """
    recordings, available = speech["phonemes"].shape
    which = torch.randint(recordings, (count,), generator=generator).tolist()
    starts = torch.randint(available - length, (count,), generator=generator).tolist()
    samples = np.stack(
        [
            speech["samples"][i, s * FEATURE_SAMPLES : (s + length) * FEATURE_SAMPLES]
            for i, s in zip(which, starts, strict=True)
        ]
    )
    labels = np.stack([speech["phonemes"][i, s : s + length] for i, s in zip(which, starts, strict=True)])
    gain = 10 ** (torch.rand(count, 1, generator=generator) * 1.2 - 0.9)
    noise = torch.randn(samples.shape, generator=generator) * 10 ** (
        torch.rand(count, 1, generator=generator) * 2 - 4.3
    )
    return torch.from_numpy(samples.astype(np.float32)) * gain + noise, torch.from_numpy(labels.astype(np.int64))
