"""The stage that teaches a small WavLM to hear the eight emotions, and how well it does on voices it never heard.

The paper takes a public recogniser (EmotiveTalk §6.3), which learnt from actors; ours learns from the synthetic emotive
voices. It knows nothing of faces.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import Linear
from torch.nn import functional as F

from ..models.presets import DEMO_SPEECH_EMOTION
from ..models.speech_emotion import KIND, SpeechEmotionConfig, SpeechEmotionRecogniser
from ..models.speech_encoder import standardise
from ..synthesis.clip import make_clip
from ..training.job import Job
from ..training.loop import LoopSettings
from ..training.parallel import Outcome, Phase, whole_state
from ..training.ranges import at_least
from ..training.samples import Sample, chance, keyed_generator, of_step, random_below
from ..training.source import Source
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE, Speech
from .emotive_voices import MANNER, UNIT, played, prepare_emotive

_CHECK_SEED = 1_400_000
_BANDS_FROM = 32  # crops that the first filters are made as loud as each other in


@dataclass(frozen=True)
class SpeechEmotionSettings:
    """recordings, held_out: how many are spoken to learn from and to validate on · check: unseen recordings of each
    emotion, for the record."""

    loop: LoopSettings
    recordings: int = 24_000
    held_out: int = 80
    check: int = 25
    config: SpeechEmotionConfig = DEMO_SPEECH_EMOTION

    def __post_init__(self) -> None:
        at_least(1, self, "recordings", "check")
        at_least(0, self, "held_out")


def train_speech_emotion(job: Job, settings: SpeechEmotionSettings) -> None:
    """Writes speech_emotion.safetensors, in half precision: a recogniser of the eight that no gain can mislead.

    Beside the emotion it is asked for the manner in which it was said, as exactly as the synthesiser knows it, by a
    head that is left behind: eight names alone teach it several times slower. The record holds its accuracy on voices
    that it never heard.
    """
    folder = job.work / "voices"
    if job.engine.processes.first:
        prepare_emotive(folder, job.seed, settings.recordings, settings.held_out, job.on_step)
    job.engine.processes.wait()

    def crops(*, held_out: bool) -> EmotiveCrops:
        return EmotiveCrops(Source.open(folder), job.seed, held_out=held_out)

    torch.manual_seed(job.seed)
    recogniser = SpeechEmotionRecogniser(settings.config)
    head = Linear(settings.config.classifier_proj_size, len(MANNER))
    first = crops(held_out=False)
    drawn = [first.draw(0, index, keyed_generator(job.seed, index)) for index in range(_BANDS_FROM)]
    listen_in_bands(recogniser, torch.cat([sample["samples"] for sample in drawn]))
    phase = Phase(Listening(recogniser, head, job.autocast), decay=0.05)
    record = job.train(KIND, {"main": phase}, settings.loop, crops, settings)
    whole = SpeechEmotionRecogniser(settings.config).to(job.device)
    whole.load_state_dict(whole_state(recogniser))
    whole.half().float().eval()  # what is measured is what the file holds
    if job.engine.processes.first:
        check = heard_as(whole, settings.check)
        record["unseen_accuracy"] = round(accuracy(check), 3)
        record["unseen_heard_as"] = check.tolist()
    job.save(KIND, KIND, whole, settings.config, record, half=True)


class Listening(nn.Module):
    """Which emotion, and in which manner."""

    def __init__(
        self,
        recogniser: SpeechEmotionRecogniser,
        head: Linear,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.recogniser, self.head, self._autocast = recogniser, head, autocast

    def train(self, mode: bool = True) -> "Listening":
        """Stays in eval mode: there is no chance in the recogniser to switch off, and in training mode transformers
        asks for the gradient of the samples.
        """
        return super().train(False)

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        with self._autocast():
            logits, heard = hear_both(self.recogniser, self.head, batch["samples"])
        named = F.cross_entropy(logits.float(), batch["emotion"], label_smoothing=0.05)
        how = F.mse_loss(heard.float(), batch["manner"])
        right = (logits.argmax(-1) == batch["emotion"]).float().mean()
        return Outcome(named + how, {"loss": named, "manner": how, "accuracy": right})


class EmotiveCrops:
    """Random crops of 2.4 to 3.6 s, those of one step of one length: samples [1, t], emotion [1], manner [1, 7].

    They are played up to 5 % faster or slower, which is less than emotions change pitch and rate. As other microphones
    and rooms would have them, they differ by gain (±6 dB), colour (2 dB) and noise, and compressed files end below
    8 kHz; a third stays clean.
    """

    def __init__(self, source: Source, seed: int, *, held_out: bool) -> None:
        self._source, self._seed = source, seed
        self._clips = source.some_clips("emotive", "samples", "emotion", "manner", held_out=held_out)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand(1, generator=generator))

        clip = self._clips[random_below(len(self._clips), generator)]
        length = 120 + random_below(61, of_step(self._seed, step))
        recorded = not chance(1 / 3, generator)
        taken = round(length * uniform(0.95, 1.05))
        start = random_below(clip.rows("samples") // UNIT - taken + 1, generator)
        piece = self._source.read(clip, "samples", start * UNIT, (start + taken) * UNIT).float()
        colour = 2 * torch.randn(10, generator=generator) * float(recorded)
        highest = uniform(0.6, 1) if recorded and chance(0.5, generator) else 1.0
        samples = played(piece, length * UNIT, colour, highest)[None]
        noise = torch.randn(samples.shape, generator=generator) * float(recorded) * 10 ** (uniform(-75, -45) / 20)
        return {
            "samples": (samples + noise) * 10 ** (uniform(-6, 6) / 20),
            "emotion": self._source.read(clip, "emotion").long(),
            "manner": self._source.read(clip, "manner"),
        }


def hear_both(
    recogniser: SpeechEmotionRecogniser, head: nn.Module, samples: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples [b, t] -> the recogniser's logits [b, labels], and the head's answer [b, …] to the same mean feature."""
    model = recogniser.model
    features = model.wavlm(standardise(samples)).last_hidden_state  # [b, t20, c]
    mean = model.projector(features).mean(dim=1)  # [b, classifier_proj_size]
    return model.classifier(mean), head(mean)


def listen_in_bands(recogniser: SpeechEmotionRecogniser, speech: torch.Tensor) -> None:
    """Makes the first convolution a bank of band filters in four phases each, whose rectified sum is a band's loudness:
    what pitch, melody and colour are read from. It stays so; from noise it would take far longer to get there. [ours]

    Bands lie 25 Hz apart up to 1 kHz, where the harmonics are told from each other, and then ever wider; each is as
    loud as the others in `speech` [b, t], or the low ones would drown the rest. The layer norm takes the loudness of
    each moment away; two filters for every 64 hear nothing and only have a bias, so that it can be told from theirs.
    """
    layers = recogniser.get_submodule("model.wavlm.feature_extractor.conv_layers")
    first, second = layers.get_submodule("0.conv"), layers.get_submodule("1.conv")
    assert isinstance(first, nn.Conv1d) and isinstance(second, nn.Conv1d) and first.bias is not None
    filters, kernel = first.out_channels, first.kernel_size[0]
    constant = max(2, filters // 64 * 2)
    bands = (filters - constant) // 4
    near = bands * 2 // 3
    low = 50 + 950 / max(1, near - 1) * torch.arange(near)
    high = 1050 * (7600 / 1050) ** torch.linspace(0, 1, bands - near)
    centres, widths = torch.cat([low, high]), torch.cat([torch.full((near,), 25.0), high * 0.1])  # Hz
    seconds = (torch.arange(kernel) - (kernel - 1) / 2) / SAMPLE_RATE
    reach = (0.8 / widths).clamp_max(kernel / SAMPLE_RATE / 2)[:, None]
    window = torch.where(seconds.abs() < reach, (1 + torch.cos(math.pi * seconds / reach)) / 2, 0)
    turns = centres[:, None, None] * seconds - torch.arange(4)[:, None] / 4
    weight = torch.zeros(filters, 1, kernel)
    weight[: 4 * bands] = (window[:, None] * torch.cos(2 * math.pi * turns)).flatten(0, 1)[:, None]
    with torch.no_grad():
        weight = weight.to(speech.device)
        loudness = F.conv1d(standardise(speech)[:, None], weight, stride=first.stride).square().mean(dim=(0, 2))
        loudness[: 4 * bands] = loudness[: 4 * bands].unflatten(0, (bands, 4)).mean(dim=1).repeat_interleave(4)
        first.weight.copy_(weight / (loudness.sqrt() + 1e-6)[:, None, None])
        first.bias.zero_()
        first.bias[-constant:] = 1 - 2.0 * (torch.arange(constant) % 2)
        phases = second.weight[:, : 4 * bands]  # the four phases of a band count alike
        phases.copy_(phases[:, ::4].repeat_interleave(4, dim=1))
    layers.get_submodule("0").requires_grad_(False)


def heard_as(recogniser: SpeechEmotionRecogniser, each: int, frames: int = 5 * FRAMES_PER_SECOND) -> torch.Tensor:
    """How often each emotion [row] is heard as each [column]: int [8, 8], from `each` clips an emotion of people,
    sentences and voices that training never had.
    """
    counts = torch.zeros(len(EMOTIONS), len(EMOTIONS), dtype=torch.long)
    for index in range(each):
        for row, emotion in enumerate(EMOTIONS):
            clip = make_clip(_CHECK_SEED + index, "test", frames, emotion)
            heard = recogniser.recognise(Speech(torch.from_numpy(clip.samples)))
            counts[row, EMOTIONS.index(heard.name)] += 1
    return counts


def accuracy(counts: torch.Tensor) -> float:
    """The share on the diagonal of `heard_as`' table."""
    return float(counts.diagonal().sum() / counts.sum())
