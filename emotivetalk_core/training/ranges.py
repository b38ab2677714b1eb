"""What the numbers of a recipe can be: a sentence for one that cannot work, before anything is made by it.

Each function takes a settings dataclass and names of its fields, and raises SettingsError.
"""

import math
from collections.abc import Callable
from typing import Any

from ..errors import SettingsError


def above_zero(settings: Any, *names: str) -> None:
    _refuse(settings, names, lambda value: 0 < value < math.inf, "above 0")


def at_least(lowest: int, settings: Any, *names: str) -> None:
    _refuse(settings, names, lambda value: lowest <= value < math.inf, f"of at least {lowest}")


def shares(settings: Any, *names: str) -> None:
    _refuse(settings, names, lambda value: 0 <= value <= 1, "from 0 to 1")


def _refuse(settings: Any, names: tuple[str, ...], fits: Callable[[float], bool], wanted: str) -> None:
    for name in names:
        if not fits(getattr(settings, name)):
            raise SettingsError(f"{name} is {getattr(settings, name)}; give a number {wanted}.")
