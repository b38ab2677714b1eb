"""What is learnt from, as it lies on disk: clips of people in safetensors shards, listed in JSON-lines indices.

One form for drawn, rendered and filmed heads. A clip is some pictures of one person, in a row or not, and whatever else
is known of them, as fields; a field is a tensor whose first axis is read by slice, so that nothing is loaded whole.
Fields may be added later, in other folders (what frozen networks say of the pictures). Who writes them: source_writer.

Fields by name; a clip has those that its source knows, with as many rows as it likes:

    pictures [n, s, s, 3] uint8, talking crops · fine [n, S, S, 3], the same at the size that they are decoded at ·
    latents [n, 4, h, w], unscaled VAE modes · filmed, such as the backbone makes when it films the same · guides,
    latents of the first portrait with its head turned as in each frame · lip [n, l], expression [n, e],
    identity [n, d]: as read by the motion encoder · lip_heard, expression_heard: as V-AID says them · face_box,
    lip_box [n, 4] (x0 y0 x1 y1, pixels), or face_mask, lip_mask [n, s, s] uint8 · landmarks [n, k, 2] of filmed heads,
    as face/landmarks.py takes them, pixels · pose [n, 6] as types.HeadPose · samples [n·640], the speech at 16 kHz ·
    speech [2n, c], Wav2Vec2's features at 50 Hz

    made [n, S, S, 3], frames as they are finished, of films beside their truth · offset [n, 2, S/2, S/2], visible,
    known [n, S, S]: from where in the first portrait its places came, see synthesis/people/correspondence.py

and the truth that only drawn and rendered heads know, used by stand-in stages alone: mouth, action_units, eye, emotion,
phonemes, manner, eyes_mouth [n, 3, 2] as HeadGeometry has them, and of rendered people landmarks, face_units and
twin [n, s, s, 3], a drawn head that does the same.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError

INDEX = "index*.jsonl"
RECORD = "data.json"
STATED = ("licence", "consent")
_ATTRIBUTES = ("person", "kind", "frames", "held_out", "portraits", "performance", "emotion", "level")
_REQUIRED = {"person", "kind", "frames"}
_PIECE = 1 << 24


@dataclass(frozen=True)
class Field:
    """Where a field lies: its shard, and its shape there."""

    shard: Path
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Clip:
    """kind: which of its source's sets it is of · held_out: for validation only · portraits: the clip whose frames are
    this one's portraits, "" where any other picture of the person will do · performance: the clip that has its sound
    and the course of its face, "" where it has its own ·
    emotion, level: what is shown, and how strongly, in the words of the list that the clip comes from, "" where none
    says.
    """

    id: str
    person: str
    kind: str
    frames: int
    held_out: bool = False
    portraits: str = ""
    performance: str = ""
    emotion: str = ""
    level: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict, compare=False)

    def rows(self, name: str) -> int:
        """How many rows the field has."""
        return self.field(name).shape[0]

    def field(self, name: str) -> Field:
        """Raises InputError for a field that the clip does not have."""
        if name not in self.fields:
            known = ", ".join(sorted(self.fields)) or "none"
            raise InputError(f"The clip {self.id} has no field {name!r}, only {known}; write that field first.")
        return self.fields[name]


class Source:
    """All clips of one or more folders. A clip that several name has the fields of all."""

    def __init__(self, clips: Mapping[str, Clip], checksums: Mapping[Path, str]) -> None:
        self.by_id = dict(clips)
        self._checksums = dict(checksums)
        self._people: dict[str, list[Clip]] = {}
        for clip in self.by_id.values():
            self._people.setdefault(clip.person, []).append(clip)

    @classmethod
    def open(cls, *folders: Path) -> "Source":
        """The clips that the folders' indices list; a folder that is not there adds nothing, but one must list some.
        What was added to clips that none of them describes, as where other data was trained on before, is left out.

        Raises InputError: an index that cannot be read, a shard that is missing or shorter than it was written, clips
        of one name in two folders.
        """
        entries: dict[str, dict[str, Any]] = {}
        homes: dict[str, Path] = {}
        checksums: dict[Path, str] = {}
        for file in (file for folder in folders for file in sorted(folder.glob(INDEX))):
            for number, line in enumerate(whole_lines(file), 1):
                try:
                    entry = json.loads(line)
                    if "clip" not in entry:
                        _check_size(file, file.parent / entry["shard"], entry["bytes"])
                        checksums[file.parent / entry["shard"]] = entry["sha256"]
                        continue
                    known = entries.setdefault(entry["clip"], {"fields": {}})
                    described = _REQUIRED <= entry.keys()
                    if described and homes.setdefault(entry["clip"], file.parent) != file.parent:
                        raise InputError(
                            f"{homes[entry['clip']]} and {file.parent} both hold a clip called {entry['clip']}, of "
                            "which only one would be seen; give one of the two folders alone."
                        )
                    known.update({name: entry[name] for name in _ATTRIBUTES if name in entry})
                    shard = file.parent / entry["shard"]
                    known["fields"].update({k: Field(shard, tuple(shape)) for k, shape in entry["fields"].items()})
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InputError(
                        f"{file}, line {number}, is not an entry of an index; write the data again."
                    ) from error
        if not entries:
            where = " and ".join(map(str, folders))
            raise InputError(f"There are no clips in {where}; prepare the data first, or give its folder as --data.")
        clips = {name: Clip(id=name, **entry) for name, entry in entries.items() if _REQUIRED <= entry.keys()}
        if not clips:
            raise InputError(
                f"{folders[0]} describes no clips for the fields that were added to them; give the clips' own folder."
            )
        return cls(clips, checksums)

    def clips(self, kind: str, *fields: str, held_out: bool | None = False) -> list[Clip]:
        """Those of one kind that have all the fields, in the index's order; held_out None: whether held out or not."""
        return [
            clip
            for clip in self.by_id.values()
            if clip.kind == kind and held_out in (None, clip.held_out) and all(name in clip.fields for name in fields)
        ]

    def some_clips(self, kind: str, *fields: str, held_out: bool = False) -> list[Clip]:
        """As `clips`, for a stage that cannot do without: raises InputError where there are none."""
        clips = self.clips(kind, *fields, held_out=held_out)
        if not clips:
            wanted = ", ".join(fields)
            raise InputError(f"The data has no {kind!r} with {wanted}, which this stage learns from; add some.")
        return clips

    def read(self, clip: Clip, name: str, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """Rows start…stop of a field, in the number format that it was written in. Raises InputError."""
        place = clip.field(name)
        stop = place.shape[0] if stop is None else stop
        if not 0 <= start <= stop <= place.shape[0]:
            raise InputError(f"{clip.id} has {place.shape[0]} rows of {name!r}; {start} to {stop} were asked for.")
        return _opened(place.shard).get_slice(f"{clip.id}/{name}")[start:stop]

    def performance(self, clip: Clip) -> Clip:
        """The clip that has this one's sound and the course of its face."""
        return self.named(clip.performance) if clip.performance else clip

    def portraits(self, clip: Clip) -> list[Clip]:
        """Clips whose frames are portraits of the same person: the one that is named, else all others, else itself."""
        if clip.portraits:
            return [self.named(clip.portraits)]
        return [other for other in self._people[clip.person] if other.id != clip.id] or [clip]

    def named(self, name: str) -> Clip:
        if name not in self.by_id:
            raise InputError(f"The index mentions the clip {name!r}, which it does not list; write the data again.")
        return self.by_id[name]

    @property
    def digest(self) -> str:
        """SHA-256 of all shards' checksums: says which data it is, wherever it lies."""
        return digest_of(self._checksums.values())

    def check(self, on_step: Callable[[int, int], None] | None = None) -> None:
        """Compare every shard with its checksum, a second or so for each gigabyte. Raises InputError."""
        for done, (shard, expected) in enumerate(self._checksums.items(), 1):
            if checksum(shard) != expected:
                raise InputError(
                    f"{shard} has been altered since it was written; copy it again, or prepare the data again."
                )
            if on_step is not None:
                on_step(done, len(self._checksums))


def stated(folder: Path) -> dict[str, str]:
    """Licence and consent, as who prepared the data stated them; {} for data that says nothing, such as drawn heads.

    Raises InputError where the folder's record cannot be read.
    """
    record = _record(folder)
    try:
        return {name: str(record[name]) for name in STATED} if record else {}
    except KeyError as error:
        raise InputError(f"{folder / RECORD} does not say {error}; prepare the data again.") from error


def check_latents(folders: Iterable[Path], vae: Path) -> None:
    """InputError where a folder's record says that its latents are of another autoencoder than that of the file."""
    for folder in folders:
        said = _record(folder).get("networks", {}).get("vae", "")
        if said and said != checksum(vae):
            raise InputError(
                f"The latents in {folder} are of another autoencoder than {vae}; prepare the films with --vae {vae}, "
                "or without one, into another folder."
            )


def _record(folder: Path) -> dict[str, Any]:
    """The data's own record; {} where there is none."""
    file = folder / RECORD
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file} cannot be read ({error}); prepare the data again.") from error


def digest_of(checksums: Iterable[str]) -> str:
    """`Source.digest` of shards with these checksums."""
    return hashlib.sha256("\n".join(sorted(checksums)).encode()).hexdigest()


def checksum(file: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def whole_lines(file: Path) -> Iterable[str]:
    """The lines of an index, less a last one that a kill left unfinished."""
    text = file.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1].splitlines()


def _check_size(index: Path, shard: Path, size: int) -> None:
    if not shard.is_file():
        raise InputError(f"{index} lists {shard.name}, which is missing; copy it there, or prepare the data again.")
    if shard.stat().st_size != size:
        raise InputError(
            f"{shard} has {shard.stat().st_size} bytes where {size} were written; copy it again, or prepare the data "
            "anew."
        )


@functools.lru_cache(maxsize=512)
def _opened(shard: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(shard), "pt")
    except (OSError, SafetensorError) as error:
        raise InputError(f"{shard} cannot be read ({error}); copy it again, or prepare the data again.") from error
