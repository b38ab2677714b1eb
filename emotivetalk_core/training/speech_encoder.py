"""Stage 1: a small Wav2Vec2 that hears phonemes. The public models learn from thousands of hours by masking; with
minutes of synthetic speech and its exact phoneme times, naming the phoneme of every 20 ms teaches the same kind of
features.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import Linear
from torch.nn import functional as F

from ..models.speech_encoder import SpeechEncoder
from ..types import SAMPLE_RATE
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase
from .ranges import above_zero, at_least, shares
from .samples import Sample, chance, random_below
from .source import Source
from .starting import to_train
from .surroundings import as_recorded

FEATURE_SAMPLES = 320  # one feature at 50 Hz


@dataclass(frozen=True)
class SpeechSettings:
    """classes: of phonemes, as the data numbers them · seconds: of a crop · kind: of the clips · recorded: share of the
    crops that are heard in rooms, over telephones, in noise and above music, of new ones each time · start: the
    weights that it begins with, "" for none.
    """

    loop: LoopSettings
    classes: int
    seconds: float = 3.0
    kind: str = "speech"
    recorded: float = 0.0
    start: str = ""

    def __post_init__(self) -> None:
        at_least(1, self, "classes")
        shares(self, "recorded")
        above_zero(self, "seconds")


def train_speech_encoder(job: Job, settings: SpeechSettings) -> None:
    """Trains the encoder with a linear phoneme head on top, which is then left behind."""
    torch.manual_seed(job.seed)
    config = job.preset.speech_encoder
    encoder = to_train(job, settings.start, "speech_encoder", SpeechEncoder, config)
    head = Linear(config.hidden_size, settings.classes)

    def crops(*, held_out: bool) -> SpeechCrops:
        return SpeechCrops(job.source(), settings, held_out=held_out)

    phase = Phase(Hearing(encoder, head, job.autocast), skips=True)
    record = job.train("speech_encoder", {"main": phase}, settings.loop, crops, settings)
    job.save("speech_encoder", "speech_encoder", encoder, config, record)


class SpeechCrops:
    """Random crops of so many features: samples [1, n·320] with a random gain and a little noise, or as recorded
    elsewhere; phonemes [1, n].
    """

    def __init__(self, source: Source, settings: SpeechSettings, *, held_out: bool) -> None:
        self._source = source
        self._recorded = settings.recorded
        self._length = int(settings.seconds * SAMPLE_RATE) // FEATURE_SAMPLES
        clips = source.some_clips(settings.kind, "samples", "phonemes", held_out=held_out)
        self._clips = [clip for clip in clips if clip.rows("phonemes") > self._length]

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clip = self._clips[random_below(len(self._clips), generator)]
        start = random_below(clip.rows("phonemes") - self._length, generator)
        stop = start + self._length
        samples = self._source.read(clip, "samples", start * FEATURE_SAMPLES, stop * FEATURE_SAMPLES).float()[None]
        phonemes = self._source.read(clip, "phonemes", start, stop).long()[None]
        if self._recorded and chance(self._recorded, generator):
            rng = np.random.default_rng(random_below(2**62, generator))
            return {"samples": torch.from_numpy(as_recorded(rng, samples[0].numpy()))[None], "phonemes": phonemes}
        gain = 10 ** (torch.rand(1, 1, generator=generator) * 1.2 - 0.9)
        noise = torch.randn(samples.shape, generator=generator)
        noise = noise * 10 ** (torch.rand(1, 1, generator=generator) * 2 - 4.3)
        return {"samples": samples * gain + noise, "phonemes": phonemes}


class Hearing(nn.Module):
    """The phoneme of every 20 ms."""

    def __init__(
        self, encoder: SpeechEncoder, head: Linear, autocast: Callable[[], contextlib.AbstractContextManager]
    ) -> None:
        super().__init__()
        self.encoder, self.head, self._autocast = encoder, head, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        with self._autocast():
            logits = self.head(self.encoder(batch["samples"])).float()  # [b, t50, classes]
        labels = batch["phonemes"][:, : logits.shape[1]]
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return Outcome(loss, {"loss": loss, "accuracy": (logits.argmax(-1) == labels).float().mean()})
