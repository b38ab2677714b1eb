"""Talking clips: a person, a voice, sentences and an emotion drawn from a seed, with every frame's ground truth."""

from dataclasses import dataclass

import numpy as np

from ..errors import SettingsError
from ..face.head_motion import blinks, gaze, head_motion
from ..types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE
from .action_units import expression_course
from .espeak import Speaker
from .head_state import HeadState
from .identity import sample_identity
from .mouth import frame_loudness, mouth_track
from .people.person import sample_person
from .people.render import require_renderer
from .phonemes import SILENCE, PhonemeEvent
from .render import Head, render_head
from .sentences import test_sentences, train_sentences
from .speech import speak
from .voices import VOICES_TEST, VOICES_TRAIN

SPLITS = ("train", "test")
HEADS = ("drawn", "rendered")
SAMPLES_PER_FRAME = SAMPLE_RATE // FRAMES_PER_SECOND

IDENTITY_SEEDS = {"train": (0, 1_000_000), "test": (1_000_000, 2_000_000)}
"""Half-open ranges of the seeds of people: who is drawn in one split is never drawn in the other."""

_LANGUAGES = (
    ("en", "en-us", 0.48), ("en", "en-gb", 0.20), ("en", "en-gb-scotland", 0.07), ("de", "de", 0.07),
    ("fr", "fr", 0.06), ("es", "es", 0.04), ("es", "es-419", 0.02), ("it", "it", 0.06),
)  # fmt: skip
"""Language of the sentences, espeak-ng's language, share."""

_LONG_PAUSE = 0.12
"""Share of pauses longer than a second: the mouth must learn to rest."""


@dataclass(frozen=True, eq=False)
class TalkingClip:
    """A clip of n frames at 25 a second, without pixels: `render` draws them on demand.

    samples float32 [n*640] at 16 kHz · phonemes from 0 to n/25 s, no gaps · mouth [n, 5], action_units [n, A], pose
    [n, 6], blink [n], gaze [n, 2] as in HeadState · emotion, one of EMOTIONS, at `intensity` 0…1 · text: everything
    said, one sentence a line, of which the last may be cut off · voice: espeak-ng's variant.
    """

    samples: np.ndarray
    phonemes: tuple[PhonemeEvent, ...]
    mouth: np.ndarray
    action_units: np.ndarray
    pose: np.ndarray
    blink: np.ndarray
    gaze: np.ndarray
    emotion: str
    intensity: float
    identity: Head
    seed: int
    text: str
    voice: str
    language: str

    @property
    def frames(self) -> int:
        return len(self.mouth)

    def state(self, frame: int) -> HeadState:
        return HeadState(
            mouth=self.mouth[frame],
            action_units=self.action_units[frame],
            pose=self.pose[frame],
            blink=float(self.blink[frame]),
            gaze=self.gaze[frame],
        )

    def render(self, frame: int, size: int = 128) -> np.ndarray:
        """One frame: uint8 [size, size, 3], RGB."""
        return render_head(self.identity, self.state(frame), size)


@dataclass(frozen=True)
class Delivery:
    """Who says it, and how: sentences of `text_language`, the rest as `speak` takes it."""

    text_language: str
    language: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int
    speaker: Speaker | None = None
    throat: float = 1.0


def make_clip(
    seed: int,
    split: str = "train",
    frames: int | None = None,
    emotion: str | None = None,
    identity: Head | None = None,
    heads: str = "drawn",
    delivery: Delivery | None = None,
    unspoken: bool = False,
) -> TalkingClip:
    """The clip of `seed`: the same arguments give the same clip, and the splits share no person, sentence or voice.

    frames: exact length, of as many sentences as it takes; None for one or two whole sentences. emotion and identity
    replace those the seed would choose and leave its sentences, voice and head motion as they are; blinks go by how it
    is then said. heads: one of HEADS, the kind of person the seed chooses · delivery: another voice than the seed would
    choose · unspoken: nothing is said in all of its `frames`, and the sound is silence. Raises SettingsError for an
    unknown split, emotion or kind.
    """
    if split not in SPLITS:
        raise SettingsError(f"The split {split!r} is not known; choose 'train' or 'test'.")
    if emotion is not None and emotion not in EMOTIONS:
        raise SettingsError(f"The emotion {emotion!r} is not known; choose one of {', '.join(EMOTIONS)}.")
    if heads not in HEADS:
        raise SettingsError(f"The heads {heads!r} are not known; choose 'drawn' or 'rendered'.")
    if heads == "rendered":
        require_renderer()
    # One stream for each choice, so that fixing one of them leaves the others as they were.
    people, feelings, speech, course, motion, sound = (
        np.random.default_rng([SPLITS.index(split), seed, stream]) for stream in range(6)
    )
    sample = sample_identity if heads == "drawn" else sample_person
    identity = identity or sample(int(people.integers(*IDENTITY_SEEDS[split])))
    chosen = EMOTIONS[feelings.integers(len(EMOTIONS))]
    emotion = emotion or chosen
    intensity = float(feelings.uniform(0.6, 1.0))
    delivery = delivery or _delivery(speech, split)
    if unspoken:
        samples, text = np.zeros((frames or 1) * SAMPLES_PER_FRAME, np.float32), ""
        phonemes = (PhonemeEvent(SILENCE, 0.0, len(samples) / SAMPLE_RATE),)
    else:
        samples, phonemes, text = _talk(speech, split, delivery, frames, emotion, intensity)
    count = len(samples) // SAMPLES_PER_FRAME
    loudness = frame_loudness(samples, count)
    pose, look = head_motion(motion, count, float(motion.uniform(0.2, 1.0))), gaze(motion, count)
    if split == "train" and not unspoken:
        samples = _as_recorded(sound, samples)
    return TalkingClip(
        samples=samples,
        phonemes=phonemes,
        mouth=mouth_track(phonemes, count, loudness),
        action_units=expression_course(course, emotion, count, loudness, intensity),
        pose=pose,
        blink=blinks(motion, count, loudness),
        gaze=look,
        emotion=emotion,
        intensity=intensity,
        identity=identity,
        seed=seed,
        text=text,
        voice=delivery.voice,
        language=delivery.language,
    )


def _delivery(rng: np.random.Generator, split: str) -> Delivery:
    text_language, language, _ = _LANGUAGES[rng.choice(len(_LANGUAGES), p=[share for *_, share in _LANGUAGES])]
    high, low = VOICES_TRAIN if split == "train" else VOICES_TEST
    voices = high if rng.uniform() < 0.5 else low
    return Delivery(
        text_language,
        language,
        voice=voices[rng.integers(len(voices))],
        rate=int(rng.integers(140, 196)),
        pitch=int(rng.integers(32, 66)),
        pitch_range=int(rng.integers(35, 66)),
    )


def _talk(
    rng: np.random.Generator, split: str, delivery: Delivery, frames: int | None, emotion: str, intensity: float
) -> tuple[np.ndarray, tuple[PhonemeEvent, ...], str]:
    """Sentences with pauses, cut to `frames` where given: samples [n*640], their phonemes, their text."""
    sentences = (train_sentences if split == "train" else test_sentences)(delivery.text_language)
    wanted = None if frames is None else frames * SAMPLES_PER_FRAME
    sentence_count = int(rng.integers(1, 3))
    chunks = [_silence(rng, 0.1, 0.4)]
    phonemes = [PhonemeEvent(SILENCE, 0.0, len(chunks[0]) / SAMPLE_RATE)]
    texts: list[str] = []
    order: list[int] = []
    # Slow and fast emotions share the same sentences in the same order: the generator is asked once for each sentence.
    while len(texts) < sentence_count if wanted is None else sum(map(len, chunks)) < wanted:
        order = order or rng.permutation(len(sentences)).tolist()
        text = sentences[order.pop()]
        spoken = speak(
            text,
            delivery.voice,
            delivery.language,
            delivery.rate,
            delivery.pitch,
            delivery.pitch_range,
            emotion,
            intensity,
            seed=int(rng.integers(1, 2**31 - 1)),
            speaker=delivery.speaker,
            throat=delivery.throat,
        )
        start = sum(map(len, chunks)) / SAMPLE_RATE
        phonemes += [PhonemeEvent(event.symbol, start + event.start, start + event.end) for event in spoken.phonemes]
        pause = _silence(rng, 1.0, 1.8) if rng.uniform() < _LONG_PAUSE else _silence(rng, 0.02, 0.5)
        chunks += [spoken.samples, pause]
        end = start + spoken.seconds
        phonemes.append(PhonemeEvent(SILENCE, end, end + len(pause) / SAMPLE_RATE))
        texts.append(text)
    samples = np.concatenate(chunks)
    length = -(-len(samples) // SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME if wanted is None else wanted
    samples = np.pad(samples, (0, max(0, length - len(samples))))[:length]
    return samples, _fitted(phonemes, length / SAMPLE_RATE), "\n".join(texts)


def _silence(rng: np.random.Generator, shortest: float, longest: float) -> np.ndarray:
    return np.zeros(int(rng.uniform(shortest, longest) * SAMPLE_RATE), np.float32)


def _fitted(phonemes: list[PhonemeEvent], seconds: float) -> tuple[PhonemeEvent, ...]:
    """Neighbouring pauses joined, and the whole cut or extended to end at `seconds`."""
    fitted: list[PhonemeEvent] = []
    for event in [*phonemes, PhonemeEvent(SILENCE, phonemes[-1].end, seconds)]:
        end = min(event.end, seconds)
        start = fitted[-1].end if fitted else 0.0  # neighbours share their border to the last bit
        if end <= start:
            continue
        if fitted and event.symbol == SILENCE == fitted[-1].symbol:
            fitted[-1] = PhonemeEvent(SILENCE, fitted[-1].start, end)
        else:
            fitted.append(PhonemeEvent(event.symbol, start, end))
    return tuple(fitted)


def _as_recorded(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """As other microphones and rooms would have it: gain, a mild tilt, steady noise. One clip in four stays clean."""
    gain = 10 ** (rng.uniform(-5, 4) / 20)
    tilt, noise_level, colour = rng.uniform(-0.35, 0.35), rng.uniform(-68, -40), rng.uniform(0, 0.9)
    if rng.uniform() < 0.25:
        return samples
    heard = samples + tilt * np.concatenate([samples[:1], samples[:-1]])
    noise = rng.standard_normal(len(samples) + 1).astype(np.float32)
    noise = noise[1:] + colour * noise[:-1]
    return np.clip(gain * heard + 10 ** (noise_level / 20) * noise, -1, 1).astype(np.float32)
