"""The stage that teaches a small WavLM to hear the eight emotions, and how well it does on voices it never heard.

The paper takes a public recogniser (EmotiveTalk §6.3), which learnt from actors; ours learns from the synthetic emotive
voices. It knows nothing of faces.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import Linear
from torch.nn import functional as F

from ..models.checkpoint import save_checkpoint
from ..models.presets import DEMO_SPEECH_EMOTION
from ..models.speech_emotion import KIND, SpeechEmotionRecogniser
from ..models.speech_encoder import standardise
from ..synthesis.clip import make_clip
from ..synthesis.espeak import Espeak
from ..synthesis.prosody import emotive_prosody
from ..synthesis.sentences import train_sentences
from ..synthesis.speech import speak
from ..synthesis.voices import VOICES_TRAIN, drawn_voice
from ..training.data import open_set
from ..training.loop import TrainingLoop, step_optimiser
from ..training.stage import Stage
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE, Speech

SECONDS = 4
"""Length of the recordings that it learns from."""
MANNER = ("rate", "pitch", "pitch_range", "brightness", "drive", "tremor", "word_gap")
"""What a delivery is made of, by the names of EmotiveProsody; each on a scale of about -1…1 in the set."""

_LANGUAGES = (("en", "en-us"), ("en", "en-us"), ("en", "en-gb"), ("de", "de"), ("fr", "fr"), ("es", "es"), ("it", "it"))
"""Of the sentences, and espeak-ng's."""
_DRAWN = 2 / 3
"""Share of the recordings in voices that espeak-ng does not have."""
_UNIT = 320
"""Samples: crops and their sources are multiples of it, so that their Fourier transforms are fast."""
_CHECK_SEED = 1_400_000

OnStep = Callable[[str, int, int, dict[str, float]], None]


def train_speech_emotion(stage: Stage) -> None:
    """Writes speech_emotion.safetensors, in half precision: a recogniser of the eight that no gain can mislead.

    Beside the emotion it is asked for the manner in which it was said, as exactly as the synthesiser knows it, by a
    head that is left behind: eight names alone teach it several times slower. The record holds its accuracy on voices
    that it never heard.
    """
    settings = stage.settings
    torch.manual_seed(settings.seed)
    # there is no chance in it to switch off, and in training mode transformers asks for the gradient of the samples
    recogniser = SpeechEmotionRecogniser(DEMO_SPEECH_EMOTION).to(stage.device).eval()
    head = Linear(DEMO_SPEECH_EMOTION.classifier_proj_size, len(MANNER)).to(stage.device)
    emotive = prepare_emotive(stage.states / "data", settings.seed, settings.emotive_clips, stage.on_step)
    first = torch.Generator().manual_seed(settings.seed)
    listen_in_bands(recogniser, emotive_crops(emotive, 32, first)[0].to(stage.device))
    learning = [parameter for parameter in recogniser.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW([*learning, *head.parameters()], lr=1e-3, weight_decay=0.05)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        samples, labels, manner = emotive_crops(emotive, settings.speech_emotion_batch, generator)
        samples, labels, manner = (values.to(stage.device) for values in (samples, labels, manner))
        with stage.autocast():
            logits, heard = hear_both(recogniser, head, samples)
        named = F.cross_entropy(logits.float(), labels, label_smoothing=0.05)
        how = F.mse_loss(heard.float(), manner)
        step_optimiser(named + how, optimiser)
        right = (logits.argmax(-1) == labels).float().mean()
        return {"loss": named.detach(), "manner": how.detach(), "accuracy": right}

    modules, optimisers = {KIND: recogniser, "head": head}, {"main": optimiser}
    loop = TrainingLoop(KIND, stage.states, modules, optimisers, settings.speech_emotion, settings.seed, stage.on_step)
    record = loop.run(step)
    recogniser.half().float().eval()  # what is measured is what the file holds
    check = heard_as(recogniser, settings.speech_emotion_check)
    record["unseen_accuracy"] = round(accuracy(check), 3)
    record["unseen_heard_as"] = check.tolist()
    tensors = {name: tensor.half() for name, tensor in recogniser.state_dict().items()}
    save_checkpoint(stage.weights(KIND), KIND, tensors, DEMO_SPEECH_EMOTION, record)


def hear_both(
    recogniser: SpeechEmotionRecogniser, head: nn.Module, samples: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples [b, t] -> the recogniser's logits [b, labels], and the head's answer [b, …] to the same mean feature."""
    model = recogniser.model
    features = model.wavlm(standardise(samples)).last_hidden_state  # [b, t20, c]
    mean = model.projector(features).mean(dim=1)  # [b, classifier_proj_size]
    return model.classifier(mean), head(mean)


def prepare_emotive(folder: Path, seed: int, clips: int, on_step: OnStep | None = None) -> dict[str, np.ndarray]:
    """Recordings of 4 s in the voices of training, made where missing; every one with an emotion, voice, sentences and
    manner of its own, drawn from the seed. Clean: rooms and microphones come with the crops.

    Memory-mapped as the other sets are: samples [clips, t], emotion [clips], manner [clips, 7] as MANNER, done.
    """
    folder = folder / "emotive"
    folder.mkdir(parents=True, exist_ok=True)
    layout = {
        "samples": ((clips, SECONDS * SAMPLE_RATE), "f2"),
        "emotion": ((clips,), "i2"),
        "manner": ((clips, len(MANNER)), "f4"),
        "done": ((clips,), "u1"),
    }
    for name, (shape, kind) in layout.items():
        file = folder / f"{name}.npy"
        if not file.exists() or np.lib.format.open_memmap(file, mode="r").shape != shape:
            np.lib.format.open_memmap(file, mode="w+", dtype=kind, shape=shape)
    arrays = open_set(folder)
    espeak = Espeak()
    for index in np.flatnonzero(arrays["done"] == 0).tolist():
        emotion = index % len(EMOTIONS)
        samples, manner = speak_emotively(np.random.default_rng([seed, 6, index]), EMOTIONS[emotion], espeak)
        for name, values in (("samples", samples), ("emotion", emotion), ("manner", manner), ("done", 1)):
            arrays[name][index] = values
        if on_step is not None and (index + 1) % 50 == 0:
            on_step("speaking emotively", index + 1, clips, {})
    return arrays


def speak_emotively(rng: np.random.Generator, emotion: str, espeak: Espeak) -> tuple[np.ndarray, np.ndarray]:
    """Four seconds of sentences in one voice: samples [t], and the manner [7] as MANNER, as `make_clip` would deliver
    them.

    espeak-ng's voices are few, and unseen ones were heard far worse. So two of three speakers have a voice drawn for
    them alone, and each throat is made up to 12 % longer or shorter: what is said is played faster or slower, after it
    was spoken as much slower or faster.
    """
    text_language, language = _LANGUAGES[rng.integers(len(_LANGUAGES))]
    voices = VOICES_TRAIN[int(rng.integers(2))]
    voice = voices[rng.integers(len(voices))]
    if rng.uniform() < _DRAWN:
        voice = "drawn"
        espeak.set_variant(voice, drawn_voice(rng))
    intensity = float(rng.uniform(0.6, 1.0))
    rate, pitch, pitch_range = (int(rng.integers(*bounds)) for bounds in ((140, 196), (32, 66), (35, 66)))
    shorter = float(rng.uniform(0.88, 1.12))
    sentences = train_sentences(text_language)
    chunks: list[np.ndarray] = []
    while sum(map(len, chunks)) < SECONDS * SAMPLE_RATE:
        text, seed = sentences[rng.integers(len(sentences))], int(rng.integers(1, 2**31 - 1))
        delivery = (round(rate / shorter), pitch, pitch_range, emotion, intensity)
        spoken = speak(text, voice, language, *delivery, seed=seed, espeak=espeak)
        length = round(len(spoken.samples) / shorter / _UNIT) * _UNIT
        chunks.append(played(torch.from_numpy(spoken.samples), length).numpy())
        chunks.append(np.zeros(int(rng.uniform(0.02, 0.5) * SAMPLE_RATE), np.float32))
    said = np.concatenate(chunks)
    start = int(rng.integers(len(said) - SECONDS * SAMPLE_RATE + 1))
    prosody = emotive_prosody(emotion, intensity)
    manner = np.array(
        [
            3 * np.log(rate * prosody.rate / 170),
            (pitch + prosody.pitch - 50) / 20,
            1.5 * np.log(min(99, pitch_range * prosody.pitch_range) / 50),
            2 * prosody.brightness,
            2 * prosody.drive,
            2 * prosody.tremor,
            30 * prosody.word_gap,
        ]
    )
    return said[start : start + SECONDS * SAMPLE_RATE], manner


def emotive_crops(
    emotive: Mapping[str, np.ndarray], count: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random crops of 2.4 to 3.6 s: samples [b, t], all of one length, their emotions [b] and manners [b, 7].

    They are played up to 5 % faster or slower, which is less than emotions change pitch and rate. As other microphones
    and rooms would have them, they differ by gain (±6 dB), colour (2 dB) and noise, and compressed files end below
    8 kHz; a third stays clean.
    """

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    recordings, available = emotive["samples"].shape[0], emotive["samples"].shape[1] // _UNIT
    length = int(torch.randint(120, 181, (1,), generator=generator))
    which = torch.randint(recordings, (count,), generator=generator)
    recorded = (torch.rand(count, 1, generator=generator) > 1 / 3).float()
    crops: list[torch.Tensor] = []
    for index in which.tolist():
        speed = 1 + 0.05 * (2 * float(torch.rand(1, generator=generator)) - 1)
        taken = round(length * speed)
        start = int(torch.randint(available - taken + 1, (1,), generator=generator))
        piece = emotive["samples"][index, start * _UNIT : (start + taken) * _UNIT].astype(np.float32)
        colour = 2 * torch.randn(10, generator=generator) * recorded[len(crops)]
        highest = 1.0 if torch.rand(1, generator=generator) > recorded[len(crops)] / 2 else float(uniform(0.6, 1)[0])
        crops.append(played(torch.from_numpy(piece), length * _UNIT, colour, highest))
    samples = torch.stack(crops)
    noise = torch.randn(samples.shape, generator=generator)
    samples = (samples + recorded * 10 ** (uniform(-75, -45) / 20) * noise) * 10 ** (uniform(-6, 6) / 20)
    labels, manner = (torch.from_numpy(emotive[name][which.numpy()]) for name in ("emotion", "manner"))
    return samples, labels.long(), manner


def played(
    samples: torch.Tensor, length: int, colour: torch.Tensor | None = None, highest: float = 1.0
) -> torch.Tensor:
    """Samples [s] played so fast that they last `length`: pitch and rate change together, and nothing is aliased.

    colour: decibels [k] at frequencies that lie ever wider, from 0 Hz to the highest · highest: the share of the
    frequencies that is kept.
    """
    spectrum = torch.fft.rfft(samples)
    spectrum[round(highest * len(spectrum)) :] = 0
    if colour is not None:
        steps = torch.linspace(0, 1, len(spectrum)).sqrt() * (len(colour) - 1)
        below = steps.floor().long().clamp_max(len(colour) - 2)
        spectrum = spectrum * 10 ** (torch.lerp(colour[below], colour[below + 1], steps - below) / 20)
    return torch.fft.irfft(spectrum, length) * (length / len(samples))


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
            heard = recogniser.hear(Speech(torch.from_numpy(clip.samples)))
            counts[row, EMOTIONS.index(heard.name)] += 1
    return counts


def accuracy(counts: torch.Tensor) -> float:
    """The share on the diagonal of `heard_as`' table."""
    return float(counts.diagonal().sum() / counts.sum())
