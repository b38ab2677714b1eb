"""A take: how a face once moved, kept as a file that can be edited, shared, and played by another portrait.

Expression latents say what a face does and not whose face it is (EmotiveTalk §3.3), so a take fits every portrait whose
weights read and draw the same latents. How a take is edited is not known here (take_edits.py). [ours]
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, OutputError, WeightsError
from ..types import FRAMES_PER_SECOND, ExpressionLatents, HeadPose, LipLatents
from ..version import __version__
from ..weight_files.checkpoint import FORMAT, read_checkpoint, read_header, save_checkpoint

KIND = "take"
POSE_DIM = 6
_COURSES = ("expression", "lip", "head_pose")
_LONGEST_NOTE = 10_000


@dataclass(frozen=True)
class TakeRecord:
    """Where a take came from, for people: nothing is computed from it, but for frames_per_second, which must be 25.

    emotion: what was asked for · seed: of Di-CTE, where one was used · weights: whose latents these are · software: the
    version that sampled it · note: the artist's own words, of which InputError refuses too many.
    """

    emotion: str = ""
    seed: int | None = None
    weights: str = ""
    software: str = f"emotivetalk {__version__}"
    frames_per_second: int = FRAMES_PER_SECOND
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.note) > _LONGEST_NOTE:
            raise InputError(
                f"The note has {len(self.note)} letters, and a take keeps {_LONGEST_NOTE} at most; shorten it."
            )


@dataclass(frozen=True)
class Take:
    """expression [n, e], and where they were kept, lips [n, lip_dim] and head_pose [n, 6] of the same n frames."""

    expression: ExpressionLatents
    lips: LipLatents | None = None
    head_pose: HeadPose | None = None
    record: TakeRecord = field(default_factory=TakeRecord)

    def __post_init__(self) -> None:
        for name, values in self.courses().items():
            if values.dim() != 2 or 0 in values.shape:
                raise InputError(
                    f"The take's {name} has the shape {list(values.shape)}; one row for each of its frames is needed."
                )
            if not values.is_floating_point() or not torch.isfinite(values).all():
                raise InputError(f"The take's {name} holds values that are not finite numbers; sample it again.")
            if len(values) != self.frames:
                raise InputError(
                    f"The take has {self.frames} frames of expression but {len(values)} of {name}; save what belongs "
                    "to the same speech."
                )
        if self.head_pose is not None and self.head_pose.values.shape[1] != POSE_DIM:
            raise InputError(
                f"The take's head_pose is {self.head_pose.values.shape[1]} wide; {POSE_DIM} are expected: yaw, pitch, "
                "roll, two shifts and a size."
            )

    @property
    def frames(self) -> int:
        return self.expression.values.shape[0]

    @property
    def seconds(self) -> float:
        return self.frames / FRAMES_PER_SECOND

    def courses(self) -> dict[str, torch.Tensor]:
        """What was kept, by its name in the file, each [n, d]."""
        given = (self.expression, self.lips, self.head_pose)
        return {name: course.values for name, course in zip(_COURSES, given) if course is not None}

    def describe(self) -> str:
        """One line: how long, what was kept, and what the record says."""
        record = self.record
        facts = [f"{self.frames} frames, {self.seconds:.2f} s", " + ".join(self.courses()), record.emotion]
        facts += ["" if record.seed is None else f"seed {record.seed}", record.weights, record.note]
        return ", ".join(fact for fact in facts if fact)

    def save(self, path: Path) -> None:
        """Write a safetensors file of the kind "take", in float32. Raises OutputError.

        It states no licence: whose face and voice it came from, only who made it knows.
        """
        tensors = {name: values.float() for name, values in self.courses().items()}
        try:
            save_checkpoint(path, KIND, tensors, {}, asdict(self.record), licence="")
        except OutputError as error:
            raise OutputError(
                f"The take cannot be written to {path} ({_reason(error)}); choose another place."
            ) from error

    @classmethod
    def load(cls, path: Path) -> "Take":
        """Read what `save` wrote, on the CPU. Raises InputError for a file that is not a whole take, and WeightsError
        for one that is not a whole safetensors file, or a pickle, which is not read.
        """
        path = Path(path)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise InputError(f"The take {path} {what}; give a safetensors file that holds a take.")
        metadata = _metadata(path)
        if metadata.get("format") != FORMAT or metadata.get("network") != KIND:
            found = f"the network {metadata['network']}" if metadata.get("network") else "something else"
            raise InputError(f"{path} holds {found}, not a take; give a file that holds one.")
        checkpoint = read_checkpoint(path, KIND)
        tensors = checkpoint.tensors
        strange = [name for name in tensors if name not in _COURSES]
        if strange or "expression" not in tensors:
            what = f"also holds {strange[0]!r}" if strange else "holds no expression"
            raise InputError(f"{path} {what}, so this version cannot play it; save the take again.")
        record = _record(path, checkpoint.record)
        courses = {name: values.float() for name, values in tensors.items()}
        try:
            return cls(
                ExpressionLatents(courses["expression"]),
                LipLatents(courses["lip"]) if "lip" in courses else None,
                HeadPose(courses["head_pose"]) if "head_pose" in courses else None,
                record,
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def is_take(path: Path) -> bool:
    """Whether the file says of itself that it is a take. Reads its header alone."""
    try:
        return _metadata(path).get("network") == KIND
    except (OSError, WeightsError):  # no take, then, and what else is wrong with it is nobody's concern here
        return False


def _metadata(path: Path) -> dict[str, Any]:
    metadata = read_header(path).get("__metadata__", {})
    return metadata if isinstance(metadata, dict) else {}


def _record(path: Path, values: Any) -> TakeRecord:
    """The record of a file, every value of the kind that it should be. Raises InputError."""
    known = {entry.name: entry.default for entry in fields(TakeRecord)}
    values = values if isinstance(values, dict) else {"record": values}
    for name, value in values.items():
        wanted = (int, type(None)) if name == "seed" else (type(known.get(name)),)
        if name not in known or isinstance(value, bool) or not isinstance(value, wanted):
            raise InputError(
                f"{path} says {name} = {json.dumps(value)[:60]}, which this version does not understand; "
                "update this software, or save the take again."
            )
    try:
        record = TakeRecord(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if record.frames_per_second != FRAMES_PER_SECOND:
        raise InputError(
            f"{path} was saved at {record.frames_per_second} frames per second, but videos here have "
            f"{FRAMES_PER_SECOND}; save the take again at that rate."
        )
    return record


def _reason(error: OutputError) -> str:
    cause = error.__cause__
    return str(getattr(cause, "strerror", None) or cause)
