"""Draws the course of a face over its speech: lip and expression latents, or the emotions of a timeline, and the
waveform that they belong to.

Knows no network and no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .sheet import Colour, Sheet
from .types import EMOTIONS, FRAMES_PER_SECOND, SAMPLE_RATE, ExpressionLatents, LipLatents, Speech

WIDTH, HEIGHT = 1000, 500
_FINE = 3  # drawn this many times larger

_PAPER, _PANEL, _GRID, _ZERO = (24, 26, 32), (33, 36, 44), (48, 52, 63), (78, 84, 100)
_TEXT, _FAINT = (226, 229, 236), (150, 156, 170)
_WAVE = (108, 117, 140)
_LIP_COLOURS: tuple[Colour, ...] = ((255, 138, 101), (255, 213, 112), (214, 120, 160))
_EXPRESSION_COLOURS: tuple[Colour, ...] = ((77, 208, 190), (110, 168, 254), (178, 148, 246))
_STRENGTH: Colour = (240, 243, 250)
_EMOTION_COLOURS: tuple[Colour, ...] = (
    (255, 213, 112), (255, 110, 96), (110, 168, 254), (255, 160, 214), (178, 148, 246), (140, 205, 110), (77, 208, 190),
    (200, 205, 216),
)  # fmt: skip
"""Of the eight, in their order; further ones begin again."""
_LONGEST_NAME = 26

_LEFT, _RIGHT, _TOP, _AXIS, _GAP, _TITLE = 64, 18, 10, 30, 10, 26  # pixels around and between the panels
_TICK_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_MOST_TICKS = 12
_FRAMES_AT_FULL_WIDTH = 400  # more frames than this stand so close that their lines would run together


@dataclass(frozen=True)
class Curve:
    """values [n], `rate` a second; nan leaves a gap · name for the legend · colour RGB · width of the line."""

    values: np.ndarray
    name: str
    colour: Colour
    width: float = 1.2
    rate: float = FRAMES_PER_SECOND


def draw_course(
    lips: LipLatents | None, expression: ExpressionLatents | None, speech: Speech | None = None
) -> torch.Tensor:
    """A picture [3, 500, 1000] RGB 0…1 of what is given: a panel each for lips and expression, the waveform below.

    The curves are the latents' main movements (principal components over this clip, in units of the latents' own
    standard deviation; those of the lips point upwards where it is loud) and, for the expression, its distance from
    the mean face. ValueError where nothing is given.
    """
    panels: list[tuple[str, Sequence[Curve]]] = []
    loudness = _loudness(speech) if speech is not None else None
    if lips is not None:
        panels.append(("lips", _movements(lips.values, loudness, _LIP_COLOURS)))
    if expression is not None:
        strength = expression.values.float().cpu().square().mean(1).sqrt().numpy()
        curves = _movements(expression.values, None, _EXPRESSION_COLOURS)
        panels.append(("expression", [Curve(strength, "distance from the mean face", _STRENGTH, 1.8), *curves]))
    return draw_panels(panels, speech)


def draw_panels(panels: Sequence[tuple[str, Sequence[Curve]]], speech: Speech | None = None) -> torch.Tensor:
    """A picture [3, 500, 1000] RGB 0…1 of panels below each other, each a title and its curves, and of the waveform
    below them. ValueError where there is no curve.
    """
    seconds = max((len(curve.values) / curve.rate for _, curves in panels for curve in curves), default=0.0)
    seconds = max(seconds, speech.seconds if speech is not None else 0.0)
    if seconds == 0:
        raise ValueError("There is nothing to draw: give lip latents, expression latents or speech.")
    canvas = _Canvas(seconds)
    shares = [1.0] * len(panels) + ([0.55 if panels else 1.0] if speech is not None else [])
    room = HEIGHT - _TOP - _AXIS - sum(_TITLE for _ in shares) - _GAP * (len(shares) - 1)
    top = float(_TOP)
    for index, share in enumerate(shares):
        height = room * share / sum(shares)
        top += _TITLE
        if index < len(panels):
            canvas.curves(top, top + height, *panels[index])
        elif speech is not None:
            canvas.waveform(top, top + height, speech)
        top += height + _GAP
    canvas.seconds_axis(top - _GAP)
    return canvas.picture()


def draw_timeline(
    strengths: Mapping[str, np.ndarray],
    keys: Sequence[tuple[float, str]] = (),
    speech: Speech | None = None,
    words: Sequence[tuple[float, str]] = (),
) -> torch.Tensor:
    """A picture [3, 500, 1000] RGB 0…1 of how strong each emotion is over time, its keys as upright lines, and below
    them the waveform with the words.

    strengths: by name, one value for each frame, 1 as found · keys, words: seconds and what stands there. ValueError
    without strengths.
    """
    if not strengths:
        raise ValueError("There is nothing to draw: give at least one emotion.")
    frames = max(len(course) for course in strengths.values())
    canvas = _Canvas(max(frames / FRAMES_PER_SECOND, speech.seconds if speech is not None else 0.0))
    curves = []
    for index, (name, course) in enumerate(strengths.items()):
        colour = _EMOTION_COLOURS[EMOTIONS.index(name) if name in EMOTIONS else index % len(_EMOTION_COLOURS)]
        curves.append(Curve(np.asarray(course), _short(name, _LONGEST_NAME), colour, 2.6))
    top, bottom = _TOP + _TITLE, HEIGHT - _AXIS
    middle = bottom if speech is None else round(top + 0.6 * (bottom - top))
    canvas.curves(top, middle, "emotion", curves)
    if speech is not None:
        canvas.waveform(middle + _TITLE + _GAP, bottom, speech)
    canvas.marks(top, bottom, keys)
    if speech is not None:
        canvas.words(bottom - 6, words)
    canvas.seconds_axis(bottom)
    return canvas.picture()


class _Canvas:
    """A dark sheet whose x is time. Lengths are pixels of the finished picture."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sheet = Sheet(WIDTH, HEIGHT, _PAPER, _FINE)

    def picture(self) -> torch.Tensor:
        return self.sheet.finished()

    def curves(self, top: float, bottom: float, title: str, curves: Sequence[Curve]) -> None:
        """A panel of curves about zero, its scale in round numbers."""
        known = np.concatenate([curve.values[np.isfinite(curve.values)] for curve in curves])
        reach, lowest = float(np.abs(known).max(initial=0)), float(known.min(initial=0))
        step = next((s for s in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0) if reach / s <= 3.2), 100.0)
        highest = float(known.max(initial=0))
        low, high = min(lowest * 1.06, -0.2 * step), max(highest * 1.06, 0.2 * step)

        def at(value: float | np.ndarray) -> float | np.ndarray:
            return bottom - (value - low) / (high - low) * (bottom - top)

        self._panel(top, bottom)
        for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step + 0.0:  # + 0.0: no "-0"
            level = float(at(tick))
            self.sheet.line([(_LEFT, level), (WIDTH - _RIGHT, level)], _ZERO if tick == 0 else _GRID, 1.0)
            self.sheet.text(f"{tick:g}", _LEFT - 8, level + 4, _FAINT, 11, "right")
        for curve in reversed(curves):
            times = (np.arange(len(curve.values)) + 0.5) / curve.rate
            width = curve.width * min(1.0, max(0.4, _FRAMES_AT_FULL_WIDTH / len(times)))
            points, known = np.stack([self._across(times), np.asarray(at(curve.values))], 1), np.isfinite(curve.values)
            for stretch in np.split(np.arange(len(times)), np.flatnonzero(np.diff(known)) + 1):
                if known[stretch[0]]:
                    self.sheet.line(points[stretch], curve.colour, width)
        self._legend(top, title, curves)

    def waveform(self, top: float, bottom: float, speech: Speech) -> None:
        """The loudest and the quietest sample of every column."""
        self._panel(top, bottom)
        samples = speech.samples.float().cpu().numpy()
        columns = max(1, round(float(self._across(speech.seconds)) - _LEFT) * _FINE)
        edges = np.linspace(0, len(samples), columns + 1).astype(int)
        starts = np.minimum(edges[:-1], len(samples) - 1)
        middle, half = (top + bottom) / 2, 0.46 * (bottom - top)
        scale = half / max(float(np.abs(samples).max()), 1e-4)
        highs = middle - scale * np.maximum.reduceat(samples, starts)
        lows = middle - scale * np.minimum.reduceat(samples, starts)
        x = _LEFT + np.arange(columns) / _FINE
        outline = np.stack([np.concatenate([x, x[::-1]]), np.concatenate([highs, lows[::-1] + 0.7])], 1)
        self.sheet.fill(outline, _WAVE)
        self.sheet.text("speech", _LEFT, top - 8, _TEXT, 14)

    def marks(self, top: float, bottom: float, keys: Sequence[tuple[float, str]]) -> None:
        """An upright line at each key; their names go down in steps where they would run into each other."""
        free = [float("-inf")] * 4  # where each row of names is free again
        for seconds, name in keys:
            x = float(self._across(seconds))
            self.sheet.line([(x, top), (x, bottom)], _FAINT, 1.0)
            row = next((index for index, right in enumerate(free) if x >= right), None)
            if row is None:
                continue
            left = min(x + 5, WIDTH - _RIGHT - 120)
            free[row] = (
                left + self.sheet.text(_short(name, 2 * _LONGEST_NAME), left, top + 14 + 15 * row, _TEXT, 11) + 8
            )

    def words(self, bottom: float, words: Sequence[tuple[float, str]]) -> None:
        """Each word where it begins, but for those that have no room."""
        free = float("-inf")
        for seconds, word in words:
            x = float(self._across(seconds))
            if x >= free:
                free = x + self.sheet.text(_short(word, _LONGEST_NAME), x, bottom, _TEXT, 10) + 4

    def seconds_axis(self, top: float) -> None:
        step = next((s for s in _TICK_STEPS if self.seconds / s <= _MOST_TICKS), 3600.0)
        ticks = np.arange(0, self.seconds + 1e-6, step)
        for tick in ticks:
            x = float(self._across(tick))
            self.sheet.line([(x, top), (x, top + 4)], _FAINT, 1.0)
            self.sheet.text(f"{tick:g} s" if tick == ticks[-1] else f"{tick:g}", x, top + 19, _FAINT, 11, "centre")

    def _panel(self, top: float, bottom: float) -> None:
        self.sheet.box(_LEFT, top, WIDTH - _RIGHT - _LEFT, bottom - top, _PANEL)

    def _legend(self, top: float, title: str, curves: Sequence[Curve]) -> None:
        self.sheet.text(title, _LEFT, top - 8, _TEXT, 14)
        right = float(WIDTH - _RIGHT)
        for curve in reversed(curves):
            right -= self.sheet.text(curve.name, right, top - 8, _FAINT, 12, "right") + 8
            self.sheet.line([(right - 20, top - 12), (right, top - 12)], curve.colour, 2.6)
            right -= 36

    def _across(self, seconds: float | np.ndarray) -> np.ndarray:
        return np.asarray(_LEFT + np.asarray(seconds) / self.seconds * (WIDTH - _LEFT - _RIGHT))


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 2] + ".."


def _movements(values: torch.Tensor, loudness: np.ndarray | None, colours: tuple[Colour, ...]) -> list[Curve]:
    """The first principal components of latents [n, d] about their mean over time, largest first. Their sign is free:
    it is chosen so that they rise with the loudness, or where there is none, so that their larger swing is upwards.
    """
    centred = values.detach().float().cpu()
    centred = (centred - centred.mean(0)) / centred.shape[1] ** 0.5  # so that a curve is of one channel's size
    left, strengths, _ = torch.linalg.svd(centred, full_matrices=False)
    curves = []
    for index, colour in enumerate(colours[: len(strengths)]):
        course = (left[:, index] * strengths[index]).numpy()
        if loudness is not None and len(loudness) > 1:
            heard = np.interp(np.arange(len(course)), np.arange(len(loudness)), loudness)
            upwards = float(np.dot(course, heard - heard.mean()))
        else:
            upwards = float(course.max() + course.min())
        curves.append(
            Curve(-course if upwards < 0 else course, f"movement {index + 1}", colour, 2.2 if index == 0 else 1.2)
        )
    return curves


def _loudness(speech: Speech) -> np.ndarray:
    """Root mean square of every frame's samples [n]."""
    samples = speech.samples.float().cpu().numpy()
    per_frame = SAMPLE_RATE // FRAMES_PER_SECOND
    padded = np.pad(samples, (0, -len(samples) % per_frame))
    return np.sqrt(np.square(padded.reshape(-1, per_frame)).mean(1))
