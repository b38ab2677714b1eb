"""A codebook as a picture: faces side by side under their names, or a chart of what sets its emotions apart.

Knows no network and no file: who has rendered the faces brings them. Drawn large and shrunk, so that lines and letters
come out smooth.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from ..errors import InputError
from ..models.codebook import NEUTRAL, EmotionCodebook

COLUMNS = 4
SMALLEST_CELL = 160
"""Pixels. Faces of the demo's size are shown somewhat larger, so that their names can be read."""

_FINE = 2  # drawn this many times larger
_PAPER, _PANEL, _LINE = (24, 26, 32), (33, 36, 44), (78, 84, 100)
_TEXT, _FAINT = (226, 229, 236), (150, 156, 170)
_NEAR, _FAR = (33, 36, 44), (77, 208, 190)
_RISE, _FALL = (255, 176, 102), (110, 168, 254)
_MARGIN, _TITLE, _ROW, _NAMES = 18, 34, 40, 104
_BAR_WIDTH, _CHART_GAP = 13, 34


def contact_sheet(pictures: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """Pictures [k, 3, s, s] RGB 0…1 in rows of four, the name under each -> [3, h, w] RGB 0…1. InputError where there
    are not as many names, or none.
    """
    if len(pictures) != len(names) or len(names) == 0:
        raise InputError(f"{len(pictures)} pictures were given for {len(names)} names; give one for each.")
    cell = max(SMALLEST_CELL, pictures.shape[-1])
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    pitch = cell + _ROW
    sheet = _Sheet(_MARGIN + columns * (cell + _MARGIN), _MARGIN + rows * pitch)
    for index, (picture, name) in enumerate(zip(pictures, names)):
        left, top = _MARGIN + index % columns * (cell + _MARGIN), _MARGIN + index // columns * pitch
        sheet.picture(picture, left, top, cell)
        sheet.text(name, left + cell / 2, top + cell + 25, _TEXT, 0.55, "centre")
    return sheet.finished()


def draw_codebook(codebook: EmotionCodebook) -> torch.Tensor:
    """What sets the emotions apart [3, h, w] RGB 0…1: left, how far each is from each other; right, what every channel
    of its latent does beyond neutral, upwards or downwards. Both in standard deviations of the latents' channels.
    """
    names, channels = codebook.names, codebook.latents.shape[1]
    count, bar = len(names), max(2, min(_BAR_WIDTH, 780 // channels))
    matrix = count * _ROW
    right = _MARGIN + _NAMES + matrix + _CHART_GAP
    sheet = _Sheet(right + channels * bar + _MARGIN, _MARGIN + _TITLE + matrix + _TITLE)
    top = _MARGIN + _TITLE
    sheet.text("how far the emotions are from each other", _MARGIN, _MARGIN + 12, _TEXT, 0.5)
    sheet.text("each emotion less neutral, channel by channel", right, _MARGIN + 12, _TEXT, 0.5)

    distances = codebook.distances().numpy()
    beyond = (codebook.latents - codebook.lookup(NEUTRAL)).numpy()  # [names, e]
    farthest, reach = max(float(distances.max()), 1e-6), max(float(np.abs(beyond).max()), 1e-6)
    for row, name in enumerate(names):
        y = top + row * _ROW
        sheet.text(_short(name), _MARGIN + _NAMES - 10, y + _ROW / 2 + 5, _TEXT, 0.46, "right")
        for column in range(count):
            x, value = _MARGIN + _NAMES + column * _ROW, float(distances[row, column])
            sheet.box(x + 1, y + 1, _ROW - 2, _ROW - 2, _mixed(_NEAR, _FAR, value / farthest))
            dark = value / farthest > 0.4
            sheet.text(f"{value:.1f}", x + _ROW / 2, y + _ROW / 2 + 4, _PAPER if dark else _FAINT, 0.38, "centre")
        sheet.box(right, y + 1, channels * bar, _ROW - 2, _PANEL)
        middle = y + _ROW / 2
        for channel, value in enumerate(beyond[row]):
            height = float(abs(value)) / reach * (_ROW / 2 - 3)
            above = middle - height if value > 0 else middle
            sheet.box(right + channel * bar + 1, above, bar - 2, height, _RISE if value > 0 else _FALL)
        sheet.box(right, middle - 0.5, channels * bar, 1, _LINE)
    for column, name in enumerate(names):
        x = _MARGIN + _NAMES + column * _ROW + _ROW / 2
        sheet.text(_short(name, 5), x, top + matrix + 18, _FAINT, 0.34, "centre")
    sheet.text(f"channels 1 to {channels}; a whole half row is {reach:.1f}", right, top + matrix + 18, _FAINT, 0.38)
    return sheet.finished()


class _Sheet:
    """A dark sheet of paper. Lengths are pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.pixels = np.full((height * _FINE, width * _FINE, 3), _PAPER, dtype=np.uint8)

    def finished(self) -> torch.Tensor:
        small = cv2.resize(self.pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(small).permute(2, 0, 1).float() / 255

    def picture(self, picture: torch.Tensor, left: int, top: int, side: int) -> None:
        """A square picture [3, s, s] at `side` pixels."""
        values = picture.detach().float().cpu().clamp(0, 1).movedim(0, -1).numpy()
        large = cv2.resize((values * 255).round().astype(np.uint8), (side * _FINE,) * 2, interpolation=cv2.INTER_CUBIC)
        self.pixels[top * _FINE : (top + side) * _FINE, left * _FINE : (left + side) * _FINE] = large

    def box(self, left: float, top: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        columns, rows = (left, left + width), (top, top + height)
        (first, last), (above, below) = ([round(edge * _FINE) for edge in edges] for edges in (columns, rows))
        self.pixels[above:below, first:last] = colour

    def text(
        self, text: str, x: float, y: float, colour: tuple[int, int, int], size: float, side: str = "left"
    ) -> None:
        """Writes at a baseline; `side` says which end of the text, or its centre, stands at x. The font draws Latin
        letters only.
        """
        font, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, size * _FINE, _FINE
        width = cv2.getTextSize(text, font, scale, thickness)[0][0] / _FINE
        x -= {"left": 0.0, "right": width, "centre": width / 2}[side]
        place = (round(x * _FINE), round(y * _FINE))
        cv2.putText(self.pixels, text, place, font, scale, colour, thickness, cv2.LINE_AA)


def _short(name: str, letters: int = 10) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}."


def _mixed(low: tuple[int, int, int], high: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(low, high))
    return red, green, blue
