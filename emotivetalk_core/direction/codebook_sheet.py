"""A codebook as a picture: faces side by side under their names, or a chart of what sets its emotions apart.

Knows no network and no file: who has rendered the faces brings them.
"""

from collections.abc import Sequence

import numpy as np
import torch

from ..errors import InputError
from ..models.codebook import NEUTRAL, EmotionCodebook
from ..sheet import Sheet

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
    sheet = Sheet(_MARGIN + columns * (cell + _MARGIN), _MARGIN + rows * pitch, _PAPER, _FINE)
    for index, (picture, name) in enumerate(zip(pictures, names)):
        left, top = _MARGIN + index % columns * (cell + _MARGIN), _MARGIN + index // columns * pitch
        sheet.picture(picture, left, top, cell)
        sheet.text(name, left + cell / 2, top + cell + 25, _TEXT, 16, "centre")
    return sheet.finished()


def draw_codebook(codebook: EmotionCodebook) -> torch.Tensor:
    """What sets the emotions apart [3, h, w] RGB 0…1: left, how far each is from each other; right, what every channel
    of its latent does beyond neutral, upwards or downwards. Both in standard deviations of the latents' channels.
    """
    names, channels = codebook.names, codebook.latents.shape[1]
    count, bar = len(names), max(2, min(_BAR_WIDTH, 780 // channels))
    matrix = count * _ROW
    right = _MARGIN + _NAMES + matrix + _CHART_GAP
    sheet = Sheet(right + channels * bar + _MARGIN, _MARGIN + _TITLE + matrix + _TITLE, _PAPER, _FINE)
    top = _MARGIN + _TITLE
    sheet.text("how far the emotions are from each other", _MARGIN, _MARGIN + 12, _TEXT, 15)
    sheet.text("each emotion less neutral, channel by channel", right, _MARGIN + 12, _TEXT, 15)

    distances = codebook.distances().numpy()
    beyond = (codebook.latents - codebook.lookup(NEUTRAL)).numpy()  # [names, e]
    farthest, reach = max(float(distances.max()), 1e-6), max(float(np.abs(beyond).max()), 1e-6)
    for row, name in enumerate(names):
        y = top + row * _ROW
        sheet.text(_short(name), _MARGIN + _NAMES - 10, y + _ROW / 2 + 5, _TEXT, 14, "right")
        for column in range(count):
            x, value = _MARGIN + _NAMES + column * _ROW, float(distances[row, column])
            sheet.box(x + 1, y + 1, _ROW - 2, _ROW - 2, _mixed(_NEAR, _FAR, value / farthest))
            dark = value / farthest > 0.4
            sheet.text(f"{value:.1f}", x + _ROW / 2, y + _ROW / 2 + 4, _PAPER if dark else _FAINT, 11, "centre")
        sheet.box(right, y + 1, channels * bar, _ROW - 2, _PANEL)
        middle = y + _ROW / 2
        for channel, value in enumerate(beyond[row]):
            height = float(abs(value)) / reach * (_ROW / 2 - 3)
            above = middle - height if value > 0 else middle
            sheet.box(right + channel * bar + 1, above, bar - 2, height, _RISE if value > 0 else _FALL)
        sheet.box(right, middle - 0.5, channels * bar, 1, _LINE)
    for column, name in enumerate(names):
        x = _MARGIN + _NAMES + column * _ROW + _ROW / 2
        sheet.text(_short(name, 5), x, top + matrix + 18, _FAINT, 10, "centre")
    sheet.text(f"channels 1 to {channels}; a whole half row is {reach:.1f}", right, top + matrix + 18, _FAINT, 11)
    return sheet.finished()


def _short(name: str, letters: int = 10) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}."


def _mixed(low: tuple[int, int, int], high: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(low, high))
    return red, green, blue
