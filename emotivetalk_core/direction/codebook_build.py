"""A codebook built from labelled pictures: the mean expression latent of each emotion's faces (EmotiveTalk §6.3).

The paper extracts its latents from face images of each emotion and says neither of whom nor of how many; we take the
mean over all the faces that are given. What a codebook can do is known in models/codebook.py. [ours]
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..errors import EmotiveTalkError, InputError, NumericalError, SettingsError
from ..face.finder import FaceDetector
from ..face.portrait import read_portrait
from ..face.regions import face_regions
from ..face.sequence import FacePlace
from ..models.codebook import ALIASES, NEUTRAL, EmotionCodebook, emotion_name, new_emotion_name
from ..models.face_reading import encoder_face, read_faces
from ..models.motion_encoder import MotionEncoder
from ..types import EMOTIONS, Portrait

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_LABELS = (*EMOTIONS, *ALIASES)


@dataclass(frozen=True)
class LabelledPicture:
    """emotion: as the codebook will name it · name: for people · read: opens the picture, or raises why it cannot ·
    place: where its face is, as far as known.
    """

    emotion: str
    name: str
    read: Callable[[], Portrait]
    place: FacePlace = FacePlace()


@dataclass(frozen=True)
class ReadFaces:
    """latents: of each emotion the faces that were read [k, expression_dim] · notes: one sentence for each picture that
    was left out.
    """

    latents: Mapping[str, torch.Tensor]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuiltCodebook:
    """counts: how many faces each emotion is the mean of · from_base: emotions that were taken from another codebook ·
    missing: those of the eight that it does not know.
    """

    codebook: EmotionCodebook
    counts: Mapping[str, int]
    from_base: tuple[str, ...]
    missing: tuple[str, ...]

    def describe(self) -> str:
        """One line for people."""
        parts = [", ".join(f"{name} {count}" for name, count in self.counts.items())]
        if self.from_base:
            parts.append(f"from the other codebook {', '.join(self.from_base)}")
        if self.missing:
            parts.append(f"left out because they have no pictures: {', '.join(self.missing)}")
        return "pictures: " + "; ".join(parts)


def label_of(text: str) -> str | None:
    """The emotion that a folder's or a file's name begins with, as a whole word: "Happy", "anger_003", "sad-01.png".
    None where it begins with none.
    """
    name = text.lower()
    for label in sorted(_LABELS, key=len, reverse=True):
        rest = name.removeprefix(label)
        if rest != name and not rest[:1].isalpha():
            return emotion_name(label)
    return None


def labelled_pictures(folder: Path) -> tuple[list[LabelledPicture], list[str]]:
    """The pictures of a folder by emotion, and a note for each file and folder that says none.

    One sub-folder for each emotion, or files whose names begin with it; both may be there. Hidden files and files that
    are no pictures are passed over. Raises InputError where there is no folder, or no labelled picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds a subfolder of pictures for each emotion.")
    pictures, notes = [], []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or not (entry.is_dir() or entry.suffix.lower() in SUFFIXES):
            continue
        emotion = label_of(entry.name)
        if emotion is None:
            notes.append(f"{entry.name}: its name begins with no emotion, so it was left out.")
            continue
        for path in _pictures_at(entry):
            pictures.append(LabelledPicture(emotion, str(path.relative_to(folder)), partial(read_portrait, path)))
    if not pictures:
        raise InputError(
            f"{folder} holds no labelled pictures; give it a subfolder for each emotion, such as happy and neutral, or "
            "begin the pictures' names with one, such as happy_01.png."
        )
    return pictures, notes


def picture_labels(text: str, count: int) -> list[str]:
    """An emotion for each of `count` pictures: one a line, or one for all; commas do as well. An emotion may be one of
    the eight, an alias, or a word of its own. SettingsError where their number is another, or one cannot be a name.
    """
    given = [new_emotion_name(line) for line in text.replace(",", "\n").splitlines() if line.strip()]
    if len(given) == 1:
        return given * count
    if len(given) != count:
        raise SettingsError(
            f"{len(given)} labels are given for {count} pictures; write one emotion per line, in the pictures' order, "
            "or one for all."
        )
    return given


def face_expression(
    encoder: MotionEncoder,
    portrait: Portrait,
    place: FacePlace,
    *,
    detector: FaceDetector | None,
    size: int,
    device: torch.device | str,
) -> torch.Tensor:
    """What the face in a picture expresses [expression_dim], on the CPU; place: where it is, as far as known · size: of
    the talking crop, in pixels. Raises FaceError where no face is found, or where eyes and mouth are needed and not
    known.
    """
    regions = face_regions(portrait, box=place.box, landmarks=place.landmarks, detector=detector, size=size)
    face = encoder_face(encoder.config, regions.crop, regions.eyes_mouth)
    return read_faces(encoder, [face], count=1, device=device).expression[0].float().cpu()


def read_labelled(
    pictures: Sequence[LabelledPicture],
    express: Callable[[Portrait, FacePlace], torch.Tensor],
    on_step: Callable[[int, int], None] | None = None,
) -> ReadFaces:
    """Read every picture by `express`, which gives its latent [expression_dim]; one that cannot be read, or shows no
    face, is left out with a note. on_step(done, total) is told of each. Raises NumericalError from the network.
    """
    latents: dict[str, list[torch.Tensor]] = {}
    notes = []
    for done, picture in enumerate(pictures, 1):
        try:
            latent = express(picture.read(), picture.place)
            latents.setdefault(picture.emotion, []).append(latent)
        except NumericalError:
            raise
        except EmotiveTalkError as error:
            notes.append(f"{picture.name} was left out: {error}")
        if on_step is not None:
            on_step(done, len(pictures))
    return ReadFaces({name: torch.stack(found) for name, found in latents.items()}, tuple(notes))


def build_codebook(faces: ReadFaces, base: EmotionCodebook | None = None) -> BuiltCodebook:
    """The mean latent of each emotion; emotions without pictures are taken from `base`, or left out without one.

    The eight come first, in their order. Raises InputError unless neutral and at least one more are known, and where
    `base` is of another width.
    """
    lent = {} if base is None else {name: base.lookup(name).float() for name in base.names}
    means = {name: latents.mean(0) for name, latents in faces.latents.items()}
    every = {**lent, **means}
    known = [name for name in dict.fromkeys((*EMOTIONS, *every)) if name in every]
    if not means or NEUTRAL not in known or len(known) < 2:
        raise InputError(
            "A codebook needs neutral faces, which all others are measured from, and one more emotion, but there are "
            f"faces of: {', '.join(means) or 'none'}; add pictures, or take the others from another codebook (base)."
        )
    widths = {latent.shape[0] for latent in every.values()}
    if len(widths) > 1:
        raise InputError(
            f"The latents of pictures and base codebook are {' and '.join(map(str, sorted(widths)))} wide; take a base "
            "that belongs to the same weights as the face encoders."
        )
    return BuiltCodebook(
        EmotionCodebook(torch.stack([every[name] for name in known]), tuple(known)),
        {name: len(faces.latents[name]) for name in known if name in means},
        tuple(name for name in known if name not in means),
        tuple(name for name in EMOTIONS if name not in known),
    )


def _pictures_at(entry: Path) -> Iterable[Path]:
    """The picture itself, or every picture in a folder, whatever it is called."""
    return [entry] if entry.is_file() else _pictures_below(entry)


def _pictures_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            yield path
