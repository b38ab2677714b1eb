"""The clips that V-AID learns from, seen and only heard ones in equal parts where there are both: drawn ones are few,
and alone they are learnt by heart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from ..errors import InputError
from ..models.dicte import DiCTEConfig
from .estimate import chances_of
from .features import windows
from .samples import Sample, chance, random_below
from .source import Clip, Source

RECUT = 0.5
"""Share of clips that are pieced together from several, so that the emotion changes on the way: e_cond is then that of
each piece. The paper's e_cond is one for a whole clip; a timeline of emotions needs a network that has met changes.
[ours]
"""
PIECE_FRAMES, FADE_FRAMES = (12, 120), 12  # lengths of such pieces; the longest change from one to the next
ENDED = 0.3  # share of clips that end early and hold their last audio, as the sampler fills up a short speech


@dataclass(frozen=True)
class Talk:
    """audio [n, 10, c] · lip [n, l] · expression [n, e] · emotion [n, e], e_cond of each frame · counts [n]: 1 where a
    frame is of the clip, 0 after its end.
    """

    audio: torch.Tensor
    lip: torch.Tensor
    expression: torch.Tensor
    emotion: torch.Tensor
    counts: torch.Tensor


class Talks:
    """A sample is one talk of `config.tokens` frames; a shorter clip holds its end. Raises InputError where there are
    no clips.

    A seen clip comes with a random one of its portraits as x_ref, another with anyone's: who speaks has no say in what
    faces do that nobody saw. seen: whether there are to be such clips, or only heard ones.
    """

    def __init__(
        self,
        source: Source,
        config: DiCTEConfig,
        lip_frames: int,
        batch: int,
        *,
        held_out: bool,
        seen: bool = True,
    ) -> None:
        fields = ("speech", "lip", "expression")
        self._heard = source.clips("speech", *fields, held_out=held_out)
        kind = "clips" if seen else "speech"
        self._seen, self._sees = source.some_clips(kind, *fields, held_out=held_out), seen
        self._people = source.clips("stills", "identity", held_out=held_out)
        if self._heard and not self._people:
            raise InputError(
                "The data has speech without faces, but no 'stills' with identity to lend it one; add some."
            )
        self._source, self._config, self._lip_frames, self._batch = source, config, lip_frames, batch

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        heard_only = not self._sees or bool(self._heard) and index % 2 == 1
        clips = self._heard if heard_only else self._seen
        clip = clips[random_below(len(clips), generator)]
        talk = self._whole(clip, generator)
        if chance(RECUT, generator):
            talk = pieced_together(talk, lambda frames: self._anyone(frames, generator), generator)
        shown = cut_short(talk, generator) if chance(ENDED, generator) else talk
        frames = self._config.tokens
        count = min(self._lip_frames, frames)
        start = random_below(frames - count + 1, generator)
        return {
            "lip_audio": talk.audio[None, start : start + count],
            "audio": shown.audio[None],
            "lip": talk.lip[None],
            "expression": talk.expression[None],
            "identity": self._identity(clip, generator, anyone=heard_only),
            "emotion": shown.emotion[None],
            "counts": shown.counts[None],
            "lip_frames": torch.arange(start, start + count)[None],
            "others": torch.randint(self._batch * count, (1, count), generator=generator),
            **chances_of(self._config, frames, generator),
        }

    def _whole(self, clip: Clip, generator: torch.Generator) -> Talk:
        """A piece as long as Di-CTE takes; e_cond is the expression of its first frame (EmotiveTalk §6.4)."""
        frames = self._config.tokens
        start = random_below(max(1, clip.frames - frames + 1), generator)
        return whole_talk(*self._read(clip, start, min(start + frames, clip.frames), generator), frames)

    def _anyone(self, frames: slice, generator: torch.Generator) -> Talk:
        """Those frames of any clip that has them all, else of its beginning."""
        clips = self._heard if self._heard and chance(0.5, generator) else self._seen
        clip = clips[random_below(len(clips), generator)]
        length = frames.stop - frames.start
        start = frames.start if clip.frames >= frames.stop else 0
        return whole_talk(*self._read(clip, start, min(start + length, clip.frames), generator), length)

    def _read(
        self, clip: Clip, start: int, stop: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What is heard, in one of the surroundings that there are, and the latents."""
        lip, expression = (self._source.read(clip, name, start, stop).float() for name in ("lip", "expression"))
        heard = [name for name in clip.fields if name.startswith("speech")]
        name = heard[random_below(len(heard), generator)] if len(heard) > 1 else "speech"
        return windows(self._source, clip, start, stop, name), lip, expression

    def _identity(self, clip: Clip, generator: torch.Generator, *, anyone: bool) -> torch.Tensor:
        if anyone:
            person, frame = self._people[random_below(len(self._people), generator)], 0
        else:
            portraits = self._source.portraits(clip)
            person = portraits[random_below(len(portraits), generator)]
            frame = random_below(person.rows("identity"), generator)
        return self._source.read(person, "identity", frame, frame + 1).float()


def whole_talk(audio: torch.Tensor, lip: torch.Tensor, expression: torch.Tensor, frames: int) -> Talk:
    """A clip as it is, its end held for as long as it is too short; e_cond is its first frame's expression."""
    counts = torch.ones(len(lip))
    missing = frames - len(lip)

    def held(values: torch.Tensor) -> torch.Tensor:
        return torch.cat([values, values[-1:].expand(missing, *values.shape[1:])]) if missing else values

    emotion = expression[:1].expand(frames, -1)
    return Talk(held(audio), held(lip), held(expression), emotion, F.pad(counts, (0, missing)))


def pieced_together(talk: Talk, anyone: Callable[[slice], Talk], generator: torch.Generator) -> Talk:
    """A talk whose later parts are pieces of others, each where it lay in time, with e_cond of each piece its first
    frame's. From piece to piece the expression and e_cond fade; sound and lips change at once.

    anyone: gives those frames (a slice) of a talk drawn at random.
    """
    frames = len(talk.lip)
    audio, lip, expression, emotion, counts = (
        values.clone() for values in (talk.audio, talk.lip, talk.expression, talk.emotion, talk.counts)
    )
    at = _between(*PIECE_FRAMES, generator)
    while at < frames:
        other = anyone(slice(at, frames))
        length, fade = _between(*PIECE_FRAMES, generator), _between(1, FADE_FRAMES + 1, generator)
        rising = ((torch.arange(frames - at) + 1) / (fade + 1)).clamp(max=1)[:, None]
        audio[at:], lip[at:], counts[at:] = other.audio, other.lip, other.counts
        expression[at:] = torch.lerp(expression[at:], other.expression, rising)
        emotion[at:] = torch.lerp(emotion[at:], other.emotion, rising)
        at += length
    return Talk(audio, lip, expression, emotion, counts)


def cut_short(talk: Talk, generator: torch.Generator) -> Talk:
    """A talk cut off somewhere, what is heard and asked for held from there."""
    audio, emotion, counts = talk.audio.clone(), talk.emotion.clone(), talk.counts.clone()
    end = _between(PIECE_FRAMES[0], len(audio), generator)
    audio[end:], emotion[end:] = audio[end - 1].clone(), emotion[end - 1].clone()
    counts[end:] = 0
    return replace(talk, audio=audio, emotion=emotion, counts=counts)


def _between(low: int, high: int, generator: torch.Generator) -> int:
    return low + random_below(high - low, generator)
