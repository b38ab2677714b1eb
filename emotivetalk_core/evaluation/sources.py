"""Is the emotion of each source the one that is seen? (EmotiveTalk §3.5)

Every source is asked for every emotion on the same unseen portraits with the same neutral speech, so that nothing but
the source differs. Drivers, pictures and voices are of yet other people. How a source is typed or wired is not known
here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..direction.retime import PING_PONG, retime
from ..direction.text import read_emotions, text_emotion
from ..face.crops import pictures
from ..measuring.curves import correlation
from ..models.codebook import EmotionCodebook
from ..models.speech_emotion import HeardEmotion, SpeechEmotionRecogniser, blend_emotion
from ..synthesis.action_units import emotion_action_units
from ..synthesis.clip import TalkingClip
from ..synthesis.head_state import HeadState
from ..synthesis.identity import sample_identity
from ..synthesis.random_faces import random_pose
from ..synthesis.render import render_head
from ..types import EMOTIONS, Emotion, ExpressionLatents
from .metrics import finite_mean
from .plan import SuitePlan
from .protocols import EXTRA_PEOPLE, emotion_figures, emotion_scenes, line_up, sync
from .readings import Readings, read_film
from .report import Figures
from .studio import Scene, Studio
from .unseen import CPU, portrait_of, speech_of, unseen_clips

DRIVERS, VOICES = 1_000, 2_000
"""Offsets of the seeds of driving clips and of recordings."""

PICTURED = EXTRA_PEOPLE + 1_000
"""First seed of the people in pictures."""

SETTLED = 28
"""Frames after which a drawn clip has come to the height of its emotion; a driving clip begins there."""

SENTENCES = {
    "happy": ("make her smile warmly", "on cloud nine", "It's so good to see you again, my friend!"),
    "angry": ("he snarls at the intruder", "his blood is boiling", "Get out of my house, right now!"),
    "sad": ("make her look sad", "on the verge of tears", "She's gone, and she is never coming back."),
    "surprised": ("give her a look of disbelief", "his jaw drops", "No way! Are you serious?"),
    "fear": ("make her look terrified", "scared out of her wits", "Please don't hurt me!"),
    "disgusted": ("make him look disgusted", "green around the gills", "Ew, that's gross!"),
    "worried": ("he should look concerned for his friend", "biting his nails", "What if I forget my lines tomorrow?"),
    "neutral": ("he should show no feelings", "cool as a cucumber", "Water boils at one hundred degrees Celsius."),
}
"""Of each emotion a direction, an idiom and a spoken line; the portraits take them in turn."""


@dataclass(frozen=True, eq=False)
class Cast:
    """scenes: one for each portrait and emotion, by the codebook · asked: their emotions · owners: their portraits ·
    plain: one for each portrait, which has nothing but its own neutral expression.
    """

    scenes: tuple[Scene, ...]
    asked: tuple[str, ...]
    owners: tuple[int, ...]
    plain: tuple[Scene, ...]

    @property
    def clips(self) -> list[TalkingClip]:
        return [scene.clip for scene in self.scenes]

    def again(self, times: int) -> "Cast":
        """Every emotion so many times, the people in turn. One recording says less of an emotion than one picture: it
        takes more of them to know how well a source does.
        """
        people, emotions = len(self.plain), len(self.scenes) // len(self.plain)
        # each person's scenes lie together
        order = [turn % people * emotions + emotion for turn in range(times) for emotion in range(emotions)]
        return Cast(
            scenes=tuple(self.scenes[i] for i in order),
            asked=tuple(self.asked[i] for i in order),
            owners=tuple(self.owners[i] for i in order),
            plain=self.plain,
        )

    def directed_scenes(self, emotions: Sequence[Emotion], codebook: EmotionCodebook) -> list[Scene]:
        """The same scenes with other emotions. What is one of the codebook's own is told by its name: then it is the
        same film, which need not be made twice.
        """
        return [
            replace(scene, emotion=_name_of(emotion, codebook) or emotion)
            for scene, emotion in zip(self.scenes, emotions, strict=True)
        ]


def _name_of(emotion: Emotion, codebook: EmotionCodebook) -> str | None:
    same = [name for name in EMOTIONS if torch.allclose(codebook.lookup(name), emotion.values.cpu(), atol=1e-6)]
    return same[0] if same else None


def cast_of(studio: Studio, plan: SuitePlan) -> Cast:
    """The people and films of the section `emotion`."""
    groups = emotion_scenes(studio, plan)
    return Cast(
        scenes=tuple(scene for group in groups for scene in group),
        asked=plan.emotions * len(groups),
        owners=tuple(owner for owner, group in enumerate(groups) for _ in group),
        plain=tuple(Scene("own-neutral", group[0].clip, group[0].portrait) for group in groups),
    )


@dataclass(frozen=True, eq=False)
class Driver:
    """An unseen person who shows an emotion while speaking other words, with a moving head: frames [m, 3, s, s] 0…1 ·
    opening [m] of the mouth.
    """

    clip: TalkingClip
    frames: torch.Tensor
    opening: np.ndarray


def driver_of(index: int, emotion: str, frames: int, size: int) -> Driver:
    """The driver of the film with this number."""
    (clip,) = unseen_clips(1, SETTLED + frames, offset=DRIVERS + index, emotion=emotion)
    pixels = np.stack([clip.render(frame, size) for frame in range(SETTLED, clip.frames)])
    return Driver(clip, pictures(pixels, CPU), clip.mouth[SETTLED:, 0])


@torch.no_grad()
def video_scenes(studio: Studio, cast: Cast, drivers: Sequence[Driver]) -> list[Scene]:
    """The driver's pixels -> expression encoder -> retimed: in Di-CTE's place."""
    encoder, scenes = studio.models.motion_encoder, []
    for scene, driver in zip(cast.scenes, drivers, strict=True):
        course = encoder.expression(driver.frames.to(studio.models.device)).float()  # [m, e]
        latents = ExpressionLatents(retime(course, scene.clip.frames, PING_PONG))
        scenes.append(replace(scene, name="video", emotion=None, expression=latents))
    return scenes


@torch.no_grad()
def pictured_emotions(studio: Studio, cast: Cast) -> list[Emotion]:
    """What the encoder reads from one picture of another person, whose head is turned a little."""
    found = []
    for index, emotion in enumerate(cast.asked):
        pose = random_pose(np.random.default_rng(index), 0.5)
        state = replace(HeadState.rest(), action_units=emotion_action_units(emotion), pose=pose)
        picture = pictures(render_head(sample_identity(PICTURED + index), state, studio.size), CPU)
        values = studio.models.motion_encoder.expression(picture[None].to(studio.models.device))[0]
        found.append(Emotion(values.float(), "picture"))
    return found


def written_emotions(studio: Studio, cast: Cast) -> tuple[list[Emotion], float]:
    """What the sentences say, and the share of them that were understood as meant."""
    sentences = [SENTENCES[name][owner % 3] for name, owner in zip(cast.asked, cast.owners, strict=True)]
    right = [read_emotions(said)[0].emotion == name for said, name in zip(sentences, cast.asked, strict=True)]
    return [text_emotion(said, studio.models.codebook) for said in sentences], float(np.mean(right))


def heard_emotions(
    recogniser: SpeechEmotionRecogniser, plan: SuitePlan, emotions: Sequence[str], each: int
) -> dict[str, list[HeardEmotion]]:
    """What is heard in `each` recordings of every emotion, in voices that training never heard."""
    found = {}
    for emotion in emotions:
        offset = VOICES + 100 * EMOTIONS.index(emotion)
        clips = unseen_clips(each, plan.voice_frames, offset=offset, emotion=emotion)
        found[emotion] = [recogniser.recognise(speech_of(clip)) for clip in clips]
    return found


def recognition_figures(heard: dict[str, list[HeardEmotion]]) -> Figures:
    """accuracy: share of recordings whose likeliest emotion is the spoken one · confusion: a row for each spoken
    emotion, shares of recordings in the order of EMOTIONS.
    """
    counts = {
        name: np.mean([np.eye(len(EMOTIONS))[EMOTIONS.index(one.name)] for one in group], axis=0)
        for name, group in heard.items()
    }
    return {
        "accuracy": float(np.mean([one.name == name for name, group in heard.items() for one in group])),
        "columns": EMOTIONS,
        "confusion": counts,
        "recordings": sum(map(len, heard.values())),
    }


def keyword_accuracy(heard: dict[str, list[HeardEmotion]], films: Sequence[Readings], cast: Cast) -> float:
    """Share of frames read as spoken where the keyword that was heard chose the codebook's film, over all recordings
    and portraits; 0 for keywords that have no film.
    """
    shares = []
    for spoken, group in heard.items():
        for one in group:
            chosen = [film for film, name in zip(films, cast.asked, strict=True) if name == one.name]
            shares.append(np.mean([film.reads_as(spoken) for film in chosen]) if chosen else 0.0)
    return float(np.mean(shares))


def source_row(films: Sequence[Readings], cast: Cast, plain: Sequence[Readings], lineup: np.ndarray) -> Figures:
    """One source. accuracy, votes, confusion as in the section `emotion`, over all portraits · sync, and sync_fall from
    the plain film of the same portrait and speech · identity_accuracy among the line-up.
    """
    falls = [
        sync([plain[owner]], [clip]) - sync([film], [clip])
        for film, clip, owner in zip(films, cast.clips, cast.owners, strict=True)
    ]
    return {
        **emotion_figures(films, cast.asked),
        "sync": sync(films, cast.clips),
        "sync_fall": finite_mean(falls),
        "identity_accuracy": taken_for(films, cast.owners, lineup),
    }


def taken_for(films: Sequence[Readings], whom: Sequence[int], lineup: np.ndarray) -> float:
    """Share of films whose person is nearest to the given one of the line-up [places, d]."""
    return float(np.mean([int((lineup @ film.person).argmax()) == who for film, who in zip(films, whom, strict=True)]))


def leak_figures(
    films: Sequence[Readings],
    without: Sequence[Readings],
    openings: Sequence[np.ndarray],
    cast: Cast,
    lineup: np.ndarray,
) -> Figures:
    """What comes through of a driver beside its expression; `without` are the codebook's films of the same portraits,
    and openings [n] how the drivers' mouths were open. identity_fall: how much less often the person is known than
    without · taken_for_driver: share of films whose person is the driver, who stands in the line-up after the portraits
    · likeness: cosine with the portrait's person, with and without · lips: mean correlation with the driver's mouth ·
    around: mean difference of pixels around the face from the portrait, with and without.
    """
    people = len(cast.plain)
    drivers = [people + index for index in range(len(films))]

    def likeness(readings: Sequence[Readings]) -> float:
        return finite_mean(
            float(film.person @ lineup[owner]) for film, owner in zip(readings, cast.owners, strict=True)
        )

    def around(readings: Sequence[Readings]) -> float:
        return finite_mean(float(film.heat[:, -1].mean()) for film in readings)

    return {
        "identity_fall": taken_for(without, cast.owners, lineup) - taken_for(films, cast.owners, lineup),
        "taken_for_driver": taken_for(films, drivers, lineup),
        "likeness": {"with": likeness(films), "without": likeness(without)},
        "lips": finite_mean(correlation(film.opening, given) for film, given in zip(films, openings, strict=True)),
        "around": {"with": around(films), "without": around(without)},
    }


def measure_sources(studio: Studio, plan: SuitePlan) -> Figures:
    """Key sources: `source_row` of each; for video also `leak_figures` and `of_driver`, what the probe reads in the
    drivers themselves; for text the share of sentences `understood`; for speech, whose blend drives as it does in
    `talk` and of which more films are made than of the others, the recogniser's own figures and `keyword_accuracy`.
    largest_sync_fall: of all of them. A source that these weights lack is null, and `missing` says why.
    """
    cast, missing = cast_of(studio, plan), dict[str, str]()
    plain = studio.film("sources: plain", cast.plain)
    codebook = studio.film("sources: codebook", cast.scenes)
    drivers = [driver_of(i, name, plan.driver_frames, studio.size) for i, name in enumerate(cast.asked)]
    people = [scene.clip for scene in cast.plain] + [driver.clip for driver in drivers]
    lineup = line_up(studio, people, plan.lineup)

    def row(films: Sequence[Readings]) -> Figures:
        return source_row(films, cast, plain, lineup)

    rows: Figures = {"plain": {"sync": sync(plain, [scene.clip for scene in cast.plain])}, "codebook": row(codebook)}
    films = studio.film("sources: video", video_scenes(studio, cast, drivers))
    lengths = [scene.clip.frames for scene in cast.scenes]
    openings = [
        retime(torch.from_numpy(driver.opening[:, None]), frames, PING_PONG)[:, 0].numpy()
        for driver, frames in zip(drivers, lengths, strict=True)
    ]
    shown = [read_film(studio.probe, driver.frames.split(64), cast.scenes[0].portrait) for driver in drivers]
    rows["video"] = {
        **row(films),
        **leak_figures(films, codebook, openings, cast, lineup),
        "of_driver": emotion_figures(shown, cast.asked)["accuracy"],
    }
    emotions = studio.models.codebook
    rows["image"] = row(studio.film("sources: image", cast.directed_scenes(pictured_emotions(studio, cast), emotions)))
    written, understood = written_emotions(studio, cast)
    texts = studio.film("sources: text", cast.directed_scenes(written, emotions))
    rows["text"] = {**row(texts), "understood": understood}
    rows["speech"] = None
    if studio.models.speech_emotion is None:
        missing["speech"] = "speech_emotion.safetensors is not there; `train demo` makes it"
    else:
        heard = heard_emotions(studio.models.recogniser(), plan, plan.emotions, max(plan.voices, plan.voiced))
        voiced = cast.again(plan.voiced)
        blends = [blend_emotion(heard[name][index], emotions) for index in range(plan.voiced) for name in plan.emotions]
        spoken = studio.film("sources: speech", voiced.directed_scenes(blends, emotions))
        rows["speech"] = {
            **source_row(spoken, voiced, plain, lineup),
            "keyword_accuracy": keyword_accuracy(heard, codebook, cast),
            "recognition": recognition_figures(heard),
        }
    own = [
        replace(scene, name=f"own-{name}", portrait=portrait_of(scene.clip.identity, studio.size, name), emotion=None)
        for scene, name in zip(cast.scenes, cast.asked, strict=True)
    ]
    rows["portrait"] = row(studio.film("sources: portrait", own))
    falls = [figures["sync_fall"] for name, figures in rows.items() if name != "plain" and figures is not None]
    return {"sources": {**rows, "largest_sync_fall": max(falls), "missing": missing}}
