"""Takes edited: cut, joined, scaled, smoothed, shifted and fitted to another length, as pure functions.

Each takes a `Take` or bare `ExpressionLatents` and gives a new one of the same kind. What concerns time is done to all
that the take holds; strength and smoothness are the expression's alone, for lips and head have scales of their own.
Seconds become whole frames, 25 to the second. Files are not known here (take.py). [ours]
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch.nn import functional as F

from ..errors import InputError, SettingsError
from ..types import FRAMES_PER_SECOND, ExpressionLatents, HeadPose, LipLatents
from .retime import retime
from .take import Take

Editable = TypeVar("Editable", ExpressionLatents, Take)


def cut(take: Editable, start: float = 0.0, end: float | None = None) -> Editable:
    """What lies from `start` to `end` seconds; None, or beyond its end, is its end. SettingsError where nothing is
    left.
    """
    frames = len(_expression(take))
    first = _whole_frames("start", start)
    last = frames if end is None else min(frames, _whole_frames("end", end))
    if not 0 <= first < last:
        until = "its end" if end is None else f"{end:g} s"
        raise SettingsError(
            f"The take lasts {frames / FRAMES_PER_SECOND:g} s, and nothing is left of it from {start:g} s to {until}; "
            "choose a start within it, and an end after the start."
        )
    return _edited(take, lambda values: values[first:last])


def join(first: Editable, second: Editable, fade: float = 0.0) -> Editable:
    """One after the other, n1 + n2 frames less those of the fade: over `fade` seconds the end of the first lies on the
    start of the second and turns into it in even steps. Of takes, what both hold is kept, and the first's record.

    Raises SettingsError where the fade is longer than either, and InputError where their latents differ in width.
    """
    shortest = min(len(_expression(first)), len(_expression(second)))
    overlap = _whole_frames("fade", fade)
    if not 0 <= overlap <= shortest:
        raise SettingsError(
            f"The fade of {fade:g} s does not fit between these takes; choose from 0 to "
            f"{shortest / FRAMES_PER_SECOND:g} s, the length of the shorter one."
        )
    coming = _courses(second)
    joined = {
        name: _joined(name, values, coming[name], overlap) for name, values in _courses(first).items() if name in coming
    }
    return _with(first, joined)


def scale(take: Editable, amount: float, around: torch.Tensor | None = None) -> Editable:
    """The expression `amount` times as strong, measured from `around` [e]: a neutral latent, or where none is given the
    take's own mean over time. 0 holds `around` still, 1 changes nothing, 2 doubles. Raises SettingsError for an
    impossible amount, and InputError where `around` has another width.
    """
    if not math.isfinite(amount) or amount < 0:
        raise SettingsError(f"The strength {amount:g} cannot be shown; choose 0 (still) or more, usually 1.")
    values = _expression(take)
    centre = values.mean(0) if around is None else around.to(values)
    if centre.shape != values.shape[1:]:
        raise InputError(
            f"The take's expression is {values.shape[1]} wide, but what it is scaled around has the shape "
            f"{list(centre.shape)}; take both from weights of the same model."
        )
    return _with(take, {**_courses(take), "expression": torch.lerp(centre, values, amount)})


def smooth(take: Editable, seconds: float) -> Editable:
    """The expression averaged over `seconds` around each frame, the nearest frames weighing most (a Hann window); at
    the ends over what there is. 0 changes nothing. SettingsError for an impossible time.
    """
    reach = _whole_frames("smoothing", seconds / 2)
    if reach < 0:
        raise SettingsError(f"The smoothing of {seconds:g} s cannot be done; choose 0 (none) or more.")
    values = _expression(take)
    met = min(reach, len(values) - 1)  # what lies further off than the take is long meets no frame
    steps = torch.arange(-met, met + 1, dtype=torch.float64, device=values.device)
    window = torch.cos(math.pi / 2 * steps / (reach + 1)).square()[None, None]  # [1, 1, 2 * met + 1]
    tracks = values.double().T[:, None]  # [e, 1, n]
    weights = F.conv1d(torch.ones_like(tracks[:1]), window, padding=met)
    averaged = (F.conv1d(tracks, window, padding=met) / weights)[:, 0].T  # [n, e]
    return _with(take, {**_courses(take), "expression": averaged.to(values)})


def shift(take: Editable, seconds: float) -> Editable:
    """Everything `seconds` later, or earlier where below 0, in as many frames as before: the first or the last frame is
    held where nothing is known. SettingsError for an impossible time.
    """
    later = _whole_frames("shift", seconds)
    frames = len(_expression(take))
    sources = (torch.arange(frames) - later).clamp(0, frames - 1)
    return _edited(take, lambda values: values[sources.to(values.device)])


def fitted(take: Editable, frames: int, how: str) -> Editable:
    """As many frames as a speech has, by one of retime's `WAYS`: trim, loop, ping-pong or stretch. Raises
    SettingsError for another way, and InputError for no frames.
    """
    return _edited(take, lambda values: retime(values, frames, how))


def _courses(take: Editable) -> dict[str, torch.Tensor]:
    return take.courses() if isinstance(take, Take) else {"expression": take.values}


def _expression(take: Editable) -> torch.Tensor:
    return _courses(take)["expression"]


def _with(take: Editable, courses: dict[str, torch.Tensor]) -> Editable:
    """The same with other courses; lips and head pose that are not among them are left out."""
    if isinstance(take, ExpressionLatents):
        return replace(take, values=courses["expression"])
    return replace(
        take,
        expression=ExpressionLatents(courses["expression"]),
        lips=LipLatents(courses["lip"]) if "lip" in courses else None,
        head_pose=HeadPose(courses["head_pose"]) if "head_pose" in courses else None,
    )


def _edited(take: Editable, edit: Callable[[torch.Tensor], torch.Tensor]) -> Editable:
    return _with(take, {name: edit(values) for name, values in _courses(take).items()})


def _joined(name: str, first: torch.Tensor, second: torch.Tensor, overlap: int) -> torch.Tensor:
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"The takes' {name} latents are {first.shape[1]} and {second.shape[1]} wide, so they cannot be joined; "
            "join takes of the same model."
        )
    second = second.to(first)
    kept = len(first) - overlap
    share = torch.arange(1, overlap + 1, device=first.device)[:, None] / (overlap + 1)  # neither end is reached
    return torch.cat([first[:kept], torch.lerp(first[kept:], second[:overlap], share.to(first)), second[overlap:]])


def _whole_frames(what: str, seconds: float) -> int:
    if not math.isfinite(seconds):
        raise SettingsError(f"The {what} of a take is given as {seconds} s; a finite number of seconds is expected.")
    return round(seconds * FRAMES_PER_SECOND)
