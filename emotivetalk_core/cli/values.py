"""Values on the command line, checked as they are read: each fault names the option's value and the way out."""

import math
from pathlib import Path

from ..errors import SettingsError
from ..film.request import LIMITS


def whole_number(text: str, least: int, what: str) -> int:
    """An integer of at least `least`; SettingsError otherwise."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise SettingsError(f'{what} is given as "{text}"; a whole number of at least {least} is expected.')
    return number


def number_between(text: str, low: float, high: float, what: str) -> float:
    """A finite number in low…high; SettingsError otherwise."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise SettingsError(f'{what} is given as "{text}"; a number from {low:g} to {high:g} is expected.')
    return number


def seed(text: str) -> int:
    """Seeds are whole numbers from 0 to 2^63-1, as torch takes them."""
    number = whole_number(text, 0, "The seed")
    if number >= 2**63:
        raise SettingsError(f'The seed is given as "{text}"; a whole number below 2^63 is expected.')
    return number


def steps(text: str) -> int:
    return whole_number(text, 1, "The number of steps")


def window(text: str) -> int:
    return whole_number(text, 1, "The window")


def overlap(text: str) -> int:
    return whole_number(text, 0, "The overlap")


def clip_count(text: str) -> int:
    return whole_number(text, 1, "The number of clips")


def loaders(text: str) -> int:
    return whole_number(text, 0, "The number of loaders")


def cards(text: str) -> int:
    return whole_number(text, 1, "The number of cards")


def frame_count(text: str) -> int:
    return whole_number(text, 9, "The number of frames")


def parts(text: str) -> int:
    return whole_number(text, 1, "The number of parts")


def people(text: str) -> int:
    return whole_number(text, 1, "The number of people")


def film_seconds(text: str) -> float:
    return number_between(text, 0.04, 3600.0, "The length of a clip")


def workers(text: str) -> int:
    return whole_number(text, 1, "The number of workers")


def minutes(text: str) -> float:
    return number_between(text, 0.0, 10_000.0, "The number of minutes")


def side(text: str) -> int:
    return whole_number(text, 64, "The size")


def resolution(text: str) -> int:
    """Networks halve a picture up to six times, so a multiple of 64 pixels."""
    number = whole_number(text, 64, "The resolution")
    if number % 64:
        raise SettingsError(
            f'The resolution is given as "{text}"; a multiple of 64 is expected, such as {round(number / 64) * 64}.'
        )
    return number


def coordinate(text: str) -> float:
    return number_between(text, -1e6, 1e6, "A coordinate of the face box")


def intensity(text: str) -> float:
    return number_between(text, *LIMITS["intensity"], "The intensity")


def detail(text: str) -> float:
    return number_between(text, *LIMITS["detail"], "The detail")


def lip_strength(text: str) -> float:
    return number_between(text, *LIMITS["lip_strength"], "The lip strength")


def guidance(text: str) -> float:
    return number_between(text, *LIMITS["emotion_guidance"], "The guidance")


def motion(text: str) -> float:
    return number_between(text, *LIMITS["motion"], "The motion")


def folder(text: str) -> Path:
    """A folder to write into, which may not exist yet."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{path}: this is a file, but a folder to write into is expected.")
    return path
