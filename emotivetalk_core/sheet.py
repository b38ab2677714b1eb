"""The sheet that plots and charts are drawn on, with letters of any script.

With Pillow, which is there anyway: matplotlib would bring every host half a dozen packages for two plots, and wants to
be told by name which font has which script.

Drawn large and shrunk, so that lines come out smooth; lengths are pixels of the finished picture.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

_FONT_FOLDERS = {
    "win32": ("C:/Windows/Fonts", "~/AppData/Local/Microsoft/Windows/Fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}.get(sys.platform, ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"))
_PREFERRED = (
    *("notosans", "arialunicode", "arial unicode", "unifont", "droidsansfallback", "msgothic", "yugoth", "meiryo"),
    *("msyh", "simsun", "malgun", "hiragino", "pingfang", "applesdgothic", "nirmala", "leelaw", "segoeui", "wqy"),
    *("dejavusans", "freesans", "lohit", "garuda"),
)
"""Parts of file names: of fonts with many scripts, or the system's own for one."""
_FONT_SUFFIXES = (".ttf", ".ttc", ".otf")
_MOST_FONTS = 400
_UNASSIGNED = "\U0010fffe"
"""What no font has a letter for: it is drawn as the font draws whatever it lacks."""


class Sheet:
    """A sheet of width x height in one colour, `fine` times larger while it is drawn on."""

    def __init__(self, width: int, height: int, paper: Colour, fine: int) -> None:
        self.width, self.height, self._fine = width, height, fine
        self._image = Image.new("RGB", (width * fine, height * fine), paper)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> torch.Tensor:
        """[3, h, w] RGB 0…1."""
        small = self._image.resize((self.width, self.height), Image.Resampling.BOX)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255

    def box(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        edges = [round(edge * self._fine) for edge in (left, top, left + width, top + height)]
        if edges[2] > edges[0] and edges[3] > edges[1]:
            self._draw.rectangle((edges[0], edges[1], edges[2] - 1, edges[3] - 1), fill=colour)

    def line(self, points: Sequence[Point] | np.ndarray, colour: Colour, width: float) -> None:
        """Straight from point to point; a single one is a dot."""
        places, thick = self._places(points), max(1, round(width * self._fine))
        if len(places) == 1:
            (x, y), reach = places[0], 2 * thick
            self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
        self._draw.line(places, fill=colour, width=thick, joint="curve" if len(places) < 2000 else None)

    def fill(self, points: Sequence[Point] | np.ndarray, colour: Colour) -> None:
        self._draw.polygon(self._places(points), fill=colour)

    def picture(self, picture: torch.Tensor, left: int, top: int, side: int) -> None:
        """A square picture [3, s, s] RGB 0…1 at `side` pixels."""
        values = picture.detach().float().cpu().clamp(0, 1).movedim(0, -1).numpy()
        image = Image.fromarray((values * 255).round().astype(np.uint8))
        large = image.resize((side * self._fine, side * self._fine), Image.Resampling.BICUBIC)
        self._image.paste(large, (left * self._fine, top * self._fine))

    def text(self, text: str, x: float, y: float, colour: Colour, height: float, side: str = "left") -> float:
        """Letters of a height in pixels at the baseline y; `side` says which end of the text, or its centre, stands at
        x. Returns how wide it came out.
        """
        mask, rise = _letters(text, round(height * self._fine))  # rise: of the mask's upper edge over the baseline
        width = mask.width / self._fine
        x -= {"left": 0.0, "right": width, "centre": width / 2}[side]
        self._image.paste(colour, (round(x * self._fine), round(y * self._fine) - rise), mask)
        return width

    def _places(self, points: Sequence[Point] | np.ndarray) -> list[Point]:
        return [(float(x), float(y)) for x, y in np.asarray(points) * self._fine]


@lru_cache(maxsize=512)
def _letters(text: str, size: int) -> tuple[Image.Image, int]:
    """How dark each pixel of a text is, and how far its upper edge stands over the baseline.

    By the first that has all its letters: Pillow's own font, one of the system's, or the one that OpenCV has since
    version 5. Where none has, the text says the numbers that its letters have in Unicode, so that it can still be told
    from another.
    """
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)
    if _has(own, text):
        return _drawn(text, own)
    for path in _system_fonts():
        try:
            font = ImageFont.truetype(path, size)
            if _has(font, text):
                return _drawn(text, font)
        except (OSError, ValueError):  # a font that Pillow cannot read
            continue
    numbers = "".join(letter if _has(own, letter) else f"<{ord(letter):X}>" for letter in text)
    return _drawn_by_opencv(text, size) or _drawn(numbers, own)


def _drawn(text: str, font: ImageFont.FreeTypeFont) -> tuple[Image.Image, int]:
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    mask = Image.new("L", (max(1, round(right)), max(1, round(bottom - top))))
    ImageDraw.Draw(mask).text((0, -top), text, fill=255, font=font, anchor="ls")
    return mask, -round(top)


def _drawn_by_opencv(text: str, size: int) -> tuple[Image.Image, int] | None:
    """None where there is no OpenCV with a font of many scripts, or where that lacks a letter too."""
    try:
        import cv2

        face = cv2.FontFace("sans")
    except (ImportError, AttributeError):
        return None

    def drawn(said: str) -> np.ndarray:
        sheet = np.zeros((2 * size, 2 * size * (len(said) + 1)), np.uint8)
        cv2.putText(sheet, said, (0, round(1.5 * size)), (255,), face, size, 400)
        return sheet

    lacking = drawn("?")
    if any(np.array_equal(drawn(letter), lacking) for letter in set(text) - {"?"} if not letter.isspace()):
        return None
    mask = drawn(text)
    return Image.fromarray(mask[:, : int(mask.any(0).nonzero()[0].max()) + 1]), round(1.5 * size)


def _has(font: ImageFont.FreeTypeFont, text: str) -> bool:
    lacking = _drawn(_UNASSIGNED, font)
    return all(_drawn(letter, font) != lacking for letter in set(text) if not letter.isspace())


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[str, ...]:
    """The system's fonts, those that are likely to have many letters first."""
    folders = (Path(folder).expanduser() for folder in _FONT_FOLDERS)
    found = sorted(path for folder in folders for path in _files_of(folder) if path.suffix.lower() in _FONT_SUFFIXES)
    return tuple(str(path) for path in sorted(found, key=_rank)[:_MOST_FONTS])


def _files_of(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.rglob("*.?t?")
    except OSError:  # a folder that may not be looked into
        return


def _rank(path: Path) -> tuple[int, int]:
    """Of two of a family, the one with the shorter name is not bold, narrow or slanted."""
    name = path.stem.lower().replace("-", "")
    return next((rank for rank, part in enumerate(_PREFERRED) if part in name), len(_PREFERRED)), len(name)
