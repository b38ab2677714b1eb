"""Recordings in emotive voices, as a set of clips: what the recogniser of emotive speech learns from."""

from pathlib import Path

import numpy as np
import torch

from ..synthesis.espeak import Espeak
from ..synthesis.prosody import emotive_prosody
from ..synthesis.sentences import train_sentences
from ..synthesis.speech import speak
from ..synthesis.voices import VOICES_TRAIN, drawn_voice
from ..training.loop import OnStep
from ..training.source import Clip
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE

SECONDS = 4
"""Length of the recordings."""
MANNER = ("rate", "pitch", "pitch_range", "brightness", "drive", "tremor", "word_gap")
"""What a delivery is made of, by the names of EmotiveProsody; each on a scale of about -1…1 in the set."""

UNIT = 320
"""Samples: crops and their sources are multiples of it, so that their Fourier transforms are fast."""
_LANGUAGES = (("en", "en-us"), ("en", "en-us"), ("en", "en-gb"), ("de", "de"), ("fr", "fr"), ("es", "es"), ("it", "it"))
"""Of the sentences, and espeak-ng's."""
_DRAWN = 2 / 3
"""Share of the recordings in voices that espeak-ng does not have."""
_IN_SHARD = 200


def prepare_emotive(folder: Path, seed: int, recordings: int, held_out: int = 0, on_step: OnStep | None = None) -> None:
    """Clips of the kind "emotive" of 4 s in the voices of training, made where missing; every one with an emotion,
    voice, sentences and manner of its own, drawn from the seed. Clean: rooms and microphones come with the crops.

    Their fields: samples [t], emotion [1], manner [1, 7] as MANNER. held_out: more of them, for validation.
    """
    writer, espeak = SourceWriter(folder), Espeak()
    there, total = writer.shards(), recordings + held_out
    for start in range(0, total, _IN_SHARD):
        name = f"emotive-{start:06d}.safetensors"
        if name in there:
            continue
        written = []
        for index in range(start, min(start + _IN_SHARD, total)):
            emotion = index % len(EMOTIONS)
            samples, manner = speak_emotively(np.random.default_rng([seed, 6, index]), EMOTIONS[emotion], espeak)
            fields = {
                "samples": samples.astype(np.float16),
                "emotion": np.array([emotion], np.int16),
                "manner": manner[None].astype(np.float32),
            }
            frames, person = SECONDS * FRAMES_PER_SECOND, f"voice-{index}"
            written.append(
                WrittenClip(Clip(f"emotive/{index:06d}", person, "emotive", frames, index >= recordings), fields)
            )
            if on_step is not None:
                on_step("speaking emotively", index + 1, total, {})
        writer.add(write_shard(folder, name, written))


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
        spoken = speak(text, voice, language, *delivery, seed=seed, speaker=espeak)
        length = round(len(spoken.samples) / shorter / UNIT) * UNIT
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
