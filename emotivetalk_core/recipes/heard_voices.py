"""Clips that are only heard, in voices closer to people: espeak-ng's own and drawn ones beside voices built from
recordings, and surroundings in which nobody speaks. Sound, phonemes and what the face would do; no pictures.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..synthesis.clip import Delivery, make_clip
from ..synthesis.espeak import Espeak
from ..synthesis.recorded_voices import RECORDED_TRAIN, RECORDED_VOICES, RecordedVoices, require_recorded
from ..synthesis.voices import VOICES_TRAIN, drawn_voice
from ..training.loop import OnStep
from ..training.ranges import at_least, shares
from ..training.source import Clip
from ..training.source_writer import SourceWriter, WrittenClip, write_shard
from .drawn_heads import heard_fields, person_of

_IN_SHARD = 20
_LANGUAGES = (("en", "en-us"), ("en", "en-us"), ("en", "en-gb"), ("de", "de"), ("fr", "fr-fr"), ("es", "es"),
              ("it", "it"), ("ru", "ru"))  # fmt: skip
"""Of the sentences and espeak-ng's, for voices of its own."""
_THROATS = (0.86, 1.22)
"""How many times shorter a throat is made: most recorded voices are men's, a woman's throat is a sixth shorter."""


@dataclass(frozen=True)
class VoicesSettings:
    """clips, held_out: how many, of `frames` frames each · recorded: share of them in voices built from recordings,
    0 where their programs are not to be asked for · drawn: share of the others in voices drawn at random · unspoken:
    share of all in which nobody speaks.
    """

    clips: int = 1100
    held_out: int = 8
    frames: int = 220
    recorded: float = 0.5
    drawn: float = 0.5
    unspoken: float = 0.06

    def __post_init__(self) -> None:
        at_least(0, self, "clips", "held_out")
        at_least(1, self, "frames")
        shares(self, "recorded", "drawn", "unspoken")


def prepare_voices(folder: Path, seed: int, settings: VoicesSettings, on_step: OnStep | None) -> None:
    """Clips of the kind "speech", made where missing, each a function of the seed and its number. Raises SettingsError
    where voices built from recordings are wanted and their programs are not installed.
    """
    writer, total = SourceWriter(folder), settings.clips + settings.held_out
    there, espeak, recorded = writer.shards(), Espeak(), RecordedVoices()
    for start in range(0, total, _IN_SHARD):
        name = f"voices-{start:05d}.safetensors"
        if name in there:
            continue
        if settings.recorded:
            require_recorded(RECORDED_TRAIN)
        written = []
        for index in range(start, min(start + _IN_SHARD, total)):
            written.append(_made(index, seed, settings, espeak, recorded))
            if on_step is not None:
                on_step("speaking", index + 1, total, {})
        writer.add(write_shard(folder, name, written))


def _made(index: int, seed: int, settings: VoicesSettings, espeak: Espeak, recorded: RecordedVoices) -> WrittenClip:
    rng = np.random.default_rng([seed, 8, index])
    unspoken = rng.uniform() < settings.unspoken
    delivery = delivery_of(rng, settings, espeak, recorded)
    talk = make_clip(800_000 + seed * 10_000 + index, "train", settings.frames, delivery=delivery, unspoken=unspoken)
    clip = Clip(f"voices/{index:05d}", person_of(talk.identity), "speech", settings.frames, index >= settings.clips)
    return WrittenClip(clip, heard_fields(talk))


def delivery_of(
    rng: np.random.Generator, settings: VoicesSettings, espeak: Espeak, recorded: RecordedVoices
) -> Delivery:
    """Somebody who speaks: of espeak-ng, of its voices drawn for this clip alone, or of those built from recordings."""
    rate, pitch, pitch_range = (int(rng.integers(*bounds)) for bounds in ((140, 200), (25, 75), (30, 80)))
    throat = float(rng.uniform(*_THROATS))
    if rng.uniform() < settings.recorded:
        voice = RECORDED_TRAIN[rng.integers(len(RECORDED_TRAIN))]
        language = RECORDED_VOICES[voice].language
        return Delivery(language, language, voice, rate, pitch, pitch_range, recorded, throat)
    text, language = _LANGUAGES[rng.integers(len(_LANGUAGES))]
    voices = VOICES_TRAIN[int(rng.integers(2))]
    voice = voices[rng.integers(len(voices))]
    if rng.uniform() < settings.drawn:
        voice = "drawn"
        espeak.set_variant(voice, drawn_voice(rng))
        throat = 1.0
    return Delivery(text, language, voice, rate, pitch, pitch_range, espeak, throat)
