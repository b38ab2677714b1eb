"""Pieces of clips as the backbone is trained on them: latents, a portrait, and what drives them."""

from dataclasses import dataclass, field

import torch

from ..direction.head_pose import motion_bucket
from ..errors import InputError
from .denoising import NoiseLaw, eyes_of, masks_of
from .faces import latents_field
from .features import windows
from .ranges import at_least, shares
from .samples import Sample, chance, of_step, random_below
from .source import Clip, Source


@dataclass(frozen=True)
class FilmShares:
    """Of the steps, by what their samples are; a kind that the data has no clips of is never drawn.

    single: single pictures, as many as a film has frames, each of another person with another face, where the frames of
    a film show one. Films alone leave the rarer expressions weak. turned: the share of those that show the head at
    another pose, which the portrait is turned to. Of the films: held, whose heads do not move and lie as in the
    portrait (motion bucket 0), which shows the network what is the lips' and the expression's alone; guided, whose
    heads move and whose portraits' heads are turned with them, frame by frame, as a given head pose does it
    (face/head_turn.py); in the rest the head moves, and the network has to invent how, knowing the motion bucket
    only, as SVD does. [ours]

    from_vision: share of samples that are driven by e_v, the rest by e_a (EmotiveTalk §6.4) · lips_from_vision: of
    films that are driven by l_v, the rest by l_a · drop: share that goes without lips, and without expression, for
    guidance at inference [ours].
    """

    held: float = 0.5
    guided: float = 0.4
    single: float = 0.5
    turned: float = 0.5
    from_vision: float = 0.6
    lips_from_vision: float = 0.0
    drop: float = 0.1

    def __post_init__(self) -> None:
        shares(self, "held", "guided", "single", "turned", "from_vision", "lips_from_vision", "drop")


@dataclass(frozen=True)
class FilmSettings:
    """frames: of a piece · also: what the names of further kinds begin with, which count beside those of the plain
    names, clip by clip · raw_audio: driven by the audio windows themselves, in the place of the lip latents.
    """

    frames: int
    also: tuple[str, ...] = ()
    shares: FilmShares = field(default_factory=FilmShares)
    noise: NoiseLaw = field(default_factory=NoiseLaw)
    raw_audio: bool = False

    def __post_init__(self) -> None:
        at_least(1, self, "frames")

    def kinds(self, *names: str) -> tuple[str, ...]:
        """Kinds of clips, plain ones first."""
        return tuple(start + name for start in ("", *self.also) for name in names)


class Films:
    """One sample is a piece of a clip, or as many single pictures as a piece has frames. Raises InputError where there
    are no films at all.

    The portrait is another picture of the same head, with a face of its own (EmotiveTalk §3.4's tuple).
    """

    def __init__(
        self, source: Source, settings: FilmSettings, size: int, side: int, seed: int, *, held_out: bool
    ) -> None:
        """size, side: of pictures and of latents."""
        self._source, self._settings, self._size, self._side, self._seed = source, settings, size, side, seed
        heard = ("lip", "expression", "lip_heard", "expression_heard")

        def clips_of(name: str, *fields: str) -> list[Clip]:
            return [c for kind in settings.kinds(name) for c in source.clips(kind, *fields, held_out=held_out)]

        def films(kind: str, *fields: str) -> list[Clip]:
            return [
                clip
                for clip in clips_of(kind, "latents", *fields)
                if self._rows(clip) >= settings.frames
                and all(name in source.performance(clip).fields for name in heard)
            ]

        self._moving, self._held = films("clips"), films("held")
        self._guided = films("clips", "guides")
        single = settings.shares.single > 0
        read = ("latents", "lip", "expression")
        self._stills = [clip for clip in clips_of("stills", *read) if self._rows(clip) > 1 and single]
        self._turned = clips_of("turned", "guides", *read) if single else []
        if not self._moving:
            wanted = ", ".join(("latents", *heard))
            raise InputError(
                f"The data has no clips of {settings.frames} frames with {wanted}, which the backbone learns from."
            )

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        """latents [k, n, 4, h, w], portrait [k, 1 or n, 4, h, w], lip, expression, own, masks, motion_bucket, sigma and
        noise, as denoising.py takes them: one film of n frames, or n pictures as films of one.
        """
        shares, of_all = self._settings.shares, of_step(self._seed, step)
        kind = float(torch.rand(1, generator=of_all))
        if self._stills and chance(shares.single, of_all):
            turned = self._turned and chance(shares.turned, of_all)
            draw = self._turned_picture if turned else self._still_picture
            drawn = [draw(generator) for _ in range(self._settings.frames)]
            sample = {name: torch.cat([one[name] for one in drawn]) for name in drawn[0]}
        elif self._held and kind < shares.held:
            sample = self._film(self._held, generator)
        elif self._guided and kind < shares.held + shares.guided:
            sample = self._film(self._guided, generator, guided=True)
        else:
            sample = self._film(self._moving, generator)
        sample["sigma"] = self._settings.noise.draw(len(sample["latents"]), generator)
        sample["noise"] = torch.randn(sample["latents"].shape, generator=generator)
        return sample

    def _film(self, clips: list[Clip], generator: torch.Generator, *, guided: bool = False) -> Sample:
        source, frames, shares = self._source, self._settings.frames, self._settings.shares
        clip = clips[random_below(len(clips), generator)]
        acted = source.performance(clip)
        start = random_below(self._rows(clip) - frames + 1, generator)

        def cut(name: str, of: Clip) -> torch.Tensor:
            return source.read(of, name, start, start + frames).float()[None]

        portraits = source.portraits(clip)
        portrait = portraits[0 if guided else random_below(len(portraits), generator)]
        frame = 0 if guided else random_below(self._rows(portrait), generator)  # the first one has been turned
        own = source.read(portrait, "expression", frame, frame + 1).float()
        seen = chance(shares.from_vision, generator)
        # asked only where it may be so: other recipes meet the samples that they met before
        read = shares.lips_from_vision > 0 and chance(shares.lips_from_vision, generator)
        no_lip, no_expression = chance(shares.drop, generator), chance(shares.drop, generator)
        if self._settings.raw_audio:
            lip = windows(source, acted, start, start + frames).flatten(1)[None]
        else:
            lip = cut("lip" if read else "lip_heard", acted)
        expression = cut("expression" if seen else "expression_heard", acted)
        if no_expression or self._settings.raw_audio:
            expression = own[:, None].expand_as(expression)
        moves = clips is not self._held and "pose" in clip.fields
        bucket = motion_bucket(cut("pose", clip).numpy()) if moves else [0.0]
        face_mask, lip_mask = masks_of(source, portrait, frame, self._size)
        return {
            "latents": cut(latents_field(clip, self._side), clip),
            "portrait": cut("guides", clip) if guided else self._latent(portrait, frame)[:, None],
            "lip": torch.zeros_like(lip) if no_lip else lip,
            "expression": expression,
            "own": own,
            "face_mask": face_mask,
            "lip_mask": lip_mask,
            "eye_mask": eyes_of(source, portrait, frame, self._size),
            "motion_bucket": torch.as_tensor(bucket, dtype=torch.float32),
            **self.beside(clip, start, start + frames, generator),
        }

    def beside(self, clip: Clip, start: int, stop: int, generator: torch.Generator) -> Sample:
        """What a sample holds of its frames beside what the backbone learns from, one row for each: nothing here."""
        return {}

    def _still_picture(self, generator: torch.Generator) -> Sample:
        """Another picture of the portrait's head at the portrait's pose, driven by l_v and e_v."""
        clip = self._stills[random_below(len(self._stills), generator)]
        frames = self._rows(clip)
        reference = random_below(frames, generator)
        driving = (reference + 1 + random_below(frames - 1, generator)) % frames
        return self._single(generator, clip, driving, clip, reference, self._latent(clip, reference))

    def _turned_picture(self, generator: torch.Generator) -> Sample:
        """The same at another pose, which the portrait, the person's first still, is turned to."""
        clip = self._turned[random_below(len(self._turned), generator)]
        frame = random_below(clip.rows("guides"), generator)
        guide = self._source.read(clip, "guides", frame, frame + 1).float()
        return self._single(generator, clip, frame, self._source.portraits(clip)[0], 0, guide)

    def _single(
        self, generator: torch.Generator, clip: Clip, frame: int, portrait: Clip, reference: int, latent: torch.Tensor
    ) -> Sample:
        own = self._source.read(portrait, "expression", reference, reference + 1).float()
        lip, expression = (self._source.read(clip, name, frame, frame + 1).float() for name in ("lip", "expression"))
        drop = self._settings.shares.drop
        no_lip, no_expression = chance(drop, generator), chance(drop, generator)
        face_mask, lip_mask = masks_of(self._source, portrait, reference, self._size)
        return {
            "latents": self._latent(clip, frame)[:, None],
            "portrait": latent[:, None],
            "lip": (torch.zeros_like(lip) if no_lip else lip)[:, None],
            "expression": (own if no_expression else expression)[:, None],
            "own": own,
            "face_mask": face_mask,
            "lip_mask": lip_mask,
            "eye_mask": eyes_of(self._source, portrait, reference, self._size),
            "motion_bucket": torch.zeros(1),
            **self.beside(clip, frame, frame + 1, generator),
        }

    def _latent(self, clip: Clip, frame: int) -> torch.Tensor:
        return self._source.read(clip, latents_field(clip, self._side), frame, frame + 1).float()

    def _rows(self, clip: Clip) -> int:
        """How many pictures of a clip there are latents of."""
        name = latents_field(clip, self._side)
        return clip.rows(name) if name in clip.fields else 0
